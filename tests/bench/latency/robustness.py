#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures the robustness of latency stamps: the share of readable frames and of false values by
codec, size and bitrate, through scaling, cropping and the like, and in footage without or with
damaged stamps. `./dev bench latency` builds what it needs and runs it."""

import argparse
import json
import os
import pathlib
import subprocess
import sys

import footage
import report

PROGRAMS = pathlib.Path(os.environ.get("LATENCY_PROGRAMS", "."))

# {name: (encoder for a bitrate in kbit/s, decoder)}
CODECS = {
    "H.264, x264, low latency": (
        "x264enc bitrate={} tune=zerolatency speed-preset=veryfast key-int-max=60", "avdec_h264"),
    "H.264, x264, B-frames": ("x264enc bitrate={} speed-preset=medium", "avdec_h264"),
    "H.265, x265": ("x265enc bitrate={} speed-preset=superfast tune=zerolatency", "avdec_h265"),
    "VP8": ("vp8enc target-bitrate={}000 deadline=1 cpu-used=8", "vp8dec"),
    "VP9": ("vp9enc target-bitrate={}000 deadline=1 cpu-used=8", "vp9dec"),
    "AV1, libaom": ("av1enc target-bitrate={} usage-profile=realtime cpu-used=8 "
                    "max-quantizer=63", "av1dec"),
}
# (width, height, bitrates)
SIZES = [(640, 360, (30, 50, 100, 200, 300, 600)), (1280, 720, (300, 600, 1200)),
         (1920, 1080, (600, 1200, 2500))]


def scale(width, height):
    return f"videoscale add-borders=false ! video/x-raw,width={width},height={height}"


def coded(bitrate=300):
    encoder, decoder = CODECS["H.264, x264, low latency"]
    return f"{encoder.format(bitrate)} ! identity name=coded ! {decoder}"


# (what, in front of latencystamp, its properties, behind it)
WAYS = [
    ("stamped at 1080p, scaled to 360p, coded, scaled to 1080p", scale(1920, 1080), "",
     f"{scale(640, 360)} ! {coded()} ! {scale(1920, 1080)}"),
    ("coded at 360p, scaled to 1080p and back", scale(640, 360), "",
     f"{coded()} ! {scale(1920, 1080)} ! {scale(640, 360)}"),
    ("coded, then scaled to 240p", scale(640, 360), "", f"{coded()} ! {scale(426, 240)}"),
    ("stamped at 720p, coded at 240p with 150 kbit/s", scale(1280, 720), "",
     f"{scale(426, 240)} ! {coded(150)}"),
    ("scaled to 4:3, not in proportion", scale(640, 360), "",
     f"{scale(640, 480)} ! {coded()} ! {scale(320, 240)}"),
    ("letterboxed to 4:3, coded", scale(640, 360), "",
     f"videobox top=-60 bottom=-60 ! {coded()}"),
    ("pillarboxed, coded, scaled to 640 × 266", scale(640, 360), "",
     f"videobox left=-112 right=-112 ! {coded()} ! {scale(640, 266)}"),
    ("coded, 5 % cropped at each edge", scale(640, 360), "",
     f"{coded()} ! videocrop left=32 right=32 top=18 bottom=18"),
    ("5 % cropped at each edge, scaled to 360p, coded", scale(640, 360), "",
     f"videocrop left=32 right=32 top=18 bottom=18 ! {scale(640, 360)} ! {coded()}"),
    ("coded twice", scale(640, 360), "", f"{coded()} ! {coded().replace('name=coded', '')}"),
    ("as JPEG of quality 10", scale(640, 360), "", "jpegenc quality=10 ! jpegdec"),
    ("in RGB on its way", scale(640, 360), "",
     f"{coded()} ! videoconvert ! video/x-raw,format=RGB ! videoconvert"),
    ("at the right top", scale(640, 360), "x=1 y=0", coded()),
    ("opacity 0.6", scale(640, 360), "opacity=0.6", coded()),
    ("opacity 0.5", scale(640, 360), "opacity=0.5", coded()),
    ("opacity 0.4", scale(640, 360), "opacity=0.4", coded()),
    ("size 0.15 (cells of 4 or 5 pixels)", scale(640, 360), "size=0.15", coded()),
    ("size 0.1 (cells of 3 pixels)", scale(640, 360), "size=0.1", coded()),
]


class Survey:
    def __init__(self, files, frames):
        self.files, self.frames = files, frames

    def run(self, before, stamp, after, frames=None):
        """{frames, read, stale, wrong, kbit} over all footage."""
        total = {"frames": 0, "read": 0, "stale": 0, "wrong": 0, "kbit": 0.0}
        for path in self.files:
            command = [str(PROGRAMS / "latency-survey"), path, str(frames or self.frames),
                       f"{before} ! videoconvert ! video/x-raw,format=I420",
                       f"text=latency {stamp}", after]
            done = subprocess.run(command, capture_output=True, text=True, timeout=900,
                                  check=False)
            if done.returncode > 1:
                raise SystemExit(f"{' '.join(command)}\n{done.stderr}")
            one = json.loads(done.stdout)
            for key in ("frames", "read", "stale", "wrong"):
                total[key] += one[key]
            total["kbit"] += one["kbit"] / len(self.files)
        return total


def arguments():
    parser = argparse.ArgumentParser(prog="robustness", description=__doc__)
    parser.add_argument("--frames", type=int, default=250, metavar="N",
                        help="of each footage for each figure; half as many at 1080p (%(default)s)")
    parser.add_argument("--pictures", type=int, default=100_000, metavar="N",
                        help="searched for codes where there are none (%(default)s)")
    parser.add_argument("--only", choices=["codecs", "ways", "false"], action="append",
                        help="may be repeated")
    parser.add_argument("--resume", action="store_true",
                        help="keep the codecs' rows that robustness.json has")
    parser.add_argument("--media", action="append", metavar="FILE",
                        help="instead of Debian's footage; may be repeated")
    parser.add_argument("--also", action="append", default=[], metavar="FILE=WHAT",
                        help="for codes where there are none, besides; FILE can be a folder of "
                             "JPEGs; WHAT says where it is from and what it shows")
    parser.add_argument("--out", default="latency", metavar="DIR",
                        help="where robustness.json and the footage go (%(default)s)")
    parser.add_argument("--docs", metavar="DIR", help="fill in latency.md there")
    return parser.parse_args()


def main():
    args = arguments()
    out = pathlib.Path(args.out)
    out.mkdir(parents=True, exist_ok=True)
    media = ([(path, "", "") for path in args.media] if args.media
             else footage.unpacked(out / "footage"))
    survey = Survey([path for path, _, _ in media[:2]], args.frames)
    for path, _, shows in (word.partition("=") for word in args.also):
        if pathlib.Path(path).is_dir():
            path = footage.joined(path, out / "pictures")
        media.append((path, "", shows))
    if not media:
        sys.exit("There is no footage: name some with --media FILE.")
    wanted = args.only or ["codecs", "ways", "false"]
    store = out / "robustness.json"
    keep = (args.only or args.resume) and store.exists()
    result = json.loads(store.read_text()) if keep else {}
    result["footage"] = media
    if "codecs" in wanted:
        had = {(row["codec"], row["height"], row["bitrate"]): row
               for row in result.get("codecs", []) if args.resume}
        result["codecs"] = []
        for width, height, bitrates in SIZES:
            for bitrate in bitrates:
                for name, (encoder, decoder) in CODECS.items():
                    if (name, height, bitrate) in had:
                        result["codecs"].append(had[name, height, bitrate])
                        continue
                    row = survey.run(scale(width, height), "",
                                     f"{encoder.format(bitrate)} ! identity name=coded ! {decoder}",
                                     args.frames // 2 if height > 720 else None)
                    row.update(codec=name, height=height, bitrate=bitrate)
                    result["codecs"].append(row)
                    print(f"{height}p {bitrate} kbit/s {name}: {report.share(row)}", flush=True)
    if "ways" in wanted:
        result["ways"] = []
        for name, before, stamp, after in WAYS:
            row = survey.run(before, stamp, after)
            result["ways"].append(row | {"way": name})
            print(f"{name}: {report.share(row)}", flush=True)
    if "false" in wanted:
        command = [str(PROGRAMS / "latency-false-reads"), str(args.pictures)]
        done = subprocess.run(command + [path for path, _, _ in media], stdout=subprocess.PIPE,
                              text=True, check=False)
        if done.returncode > 1:
            sys.exit(done.returncode)
        result["false"] = json.loads(done.stdout)
    store.write_text(json.dumps(result, indent=1, ensure_ascii=False))
    text = report.markdown(result)
    print(text)
    if args.docs:
        report.fill_in(pathlib.Path(args.docs) / "latency.md", text)
    wrong = report.false_values(result)
    if wrong:
        sys.exit(f"{wrong} false values were read: that must never be.")


if __name__ == "__main__":
    main()
