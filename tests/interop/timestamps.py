#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Files with broken timestamps through timestamprepair into muxers; ffprobe judges what comes out.
import os
import subprocess
import sys
import tempfile

SECONDS = 12
AUDIO, VIDEO, DATA = 8, 9, 18


def run(*command, timeout=60):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stdout.decode()[-2000:]}"
                 f"{done.stderr.decode()}")
    return done.stdout.decode()


# --- what breaks ---------------------------------------------------------------------------

def read_flv(path):
    """[(type, timestamp, body)]"""
    with open(path, "rb") as file:
        data = file.read()
    at, tags = 13, []
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        timestamp = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        tags.append((data[at], timestamp, data[at + 11:at + 11 + size]))
        at += 15 + size
    return tags


def write_flv(path, tags):
    with open(path, "wb") as file:
        file.write(b"FLV\1\5\0\0\0\x09\0\0\0\0")
        for kind, timestamp, body in tags:
            timestamp &= 0xFFFFFFFF
            file.write(bytes([kind]) + len(body).to_bytes(3, "big") +
                       (timestamp & 0xFFFFFF).to_bytes(3, "big") + bytes([timestamp >> 24, 0, 0, 0]) +
                       body + (11 + len(body)).to_bytes(4, "big"))


def is_frame(tag):
    return tag[0] != DATA and tag[2][1] == 1


def earlier_shown(body):
    return body[:2] + ((int.from_bytes(body[2:5], "big") - 80) & 0xFFFFFF).to_bytes(3, "big") + body[5:]


def moved(change):
    """Every tag with a timestamp that `change` makes of type and timestamp; None leaves a frame out."""
    def of(tags):
        for kind, timestamp, body in tags:
            new = change(kind, timestamp)
            if new is None and is_frame((kind, timestamp, body)):
                continue
            yield kind, timestamp if new is None else new, body
    return of


# name: what is done to the tags, and the seconds that are left of the file
FLV = {
    "healthy": (lambda tags: tags, SECONDS),
    "audio-ahead": (moved(lambda kind, t: t + 3000 * (kind == AUDIO)), SECONDS),
    "hole": (moved(lambda kind, t: None if 4000 <= t < 7000 else t), SECONDS - 3),
    "jump": (moved(lambda kind, t: t + 3_600_000 * (t >= 4000)), SECONDS),
    "restart": (moved(lambda kind, t: t - 6000 * (t >= 6000)), SECONDS),
    "wrap-31": (moved(lambda kind, t: t - 4000 & 0x7FFFFFFF), SECONDS),
    "wrap-32": (moved(lambda kind, t: t - 4000 & 0xFFFFFFFF), SECONDS),
    "disorder": (moved(lambda kind, t: t - 50 * (kind == VIDEO and t > 0 and t // 40 % 5 == 0)),
                 SECONDS),
    "shown-earlier": (lambda tags: ((kind, t, earlier_shown(body) if kind == VIDEO and
                                     is_frame((kind, t, body)) else body)
                                    for kind, t, body in tags), SECONDS),
}


def transport_streams(folder, base):
    """{name: (file, seconds)}"""
    def ts(name, *options):
        path = f"{folder}/{name}.ts"
        run("ffmpeg", "-nostdin", "-v", "error", *options, "-c", "copy", path)
        with open(path, "rb") as file:
            return path, file.read()

    half, first = ts("half", "-i", base, "-t", "6")
    _, ahead = ts("ahead", "-i", base, "-t", "6", "-output_ts_offset", "5000")
    wrapped, _ = ts("wrapped", "-i", base, "-output_ts_offset", str(2 ** 33 / 90000 - 5))
    found = {"ts-wrap-33": (wrapped, SECONDS)}
    for name, data in (("ts-restart", first + first), ("ts-ahead", first + ahead),
                       ("ts-back", ahead + first)):
        found[name] = (f"{folder}/{name}.ts", 12)
        with open(found[name][0], "wb") as file:
            file.write(data)
    return found


# --- what judges ---------------------------------------------------------------------------

def tracks(path):
    """[[(dts, pts)] of the video, of the audio]"""
    packets = [[], []]
    for line in run("ffprobe", "-v", "error", "-show_entries", "packet=codec_type,pts_time,dts_time",
                    "-of", "csv=p=0", path).split():
        kind, *times = line.split(",")
        packets[kind == "audio"].append(tuple(float(time) for time in times[1::-1]))
    return packets


def judge(name, path, seconds):
    for kind, packets in zip(("video", "audio"), tracks(path)):
        times = [dts for dts, _ in packets]
        steps = [b - a for a, b in zip(times, times[1:])]
        assert len(packets) > 150, f"{name}: {len(packets)} packets of {kind}"
        assert min(steps) > 0, f"{name}: a step of {min(steps)} s in {kind}"
        # tsdemux lets a pause of that length through where a clock begins anew.
        longest = 1 if name.startswith("ts-") else 0.2
        assert max(steps) < longest, f"{name}: a step of {max(steps)} s in {kind}"
        assert all(pts >= dts for dts, pts in packets), f"{name}: PTS before DTS"
        length = times[-1] - times[0]
        assert abs(length - seconds) < 0.3 + longest, f"{name}: {length:.2f} s of {kind}, not {seconds}"
    # The two belong together.
    (video, audio) = (packets[-1][1] for packets in tracks(path))
    assert abs(video - audio) < 0.5, f"{name}: video ends at {video} s, audio at {audio} s"


SINKS = {
    "mp4": "queue ! h264parse ! mux. {} ! queue ! aacparse ! mux. mp4mux name=mux ! "
           "filesink location={}.mp4",
    "flv": "h264parse ! mux.video {} ! aacparse ! mux.audio flvlivemux name=mux ! "
           "filesink location={}.flv",
    "m3u8": "h264parse ! hls.video_0 {} ! aacparse ! hls.audio_0 hlssegmenter name=hls "
            "playlist-length=0 location=file://{}.m3u8",
}


def repair(source, demuxer, sink, out):
    video, audio = ("video_0_0100", "audio_0_0101") if demuxer == "tsdemux" else ("video", "audio")
    line = (f"filesrc location={source} ! {demuxer} name=demux demux.{video} ! repair.sink_0 "
            f"demux.{audio} ! repair.sink_1 timestamprepair name=repair gap=close repair.src_0 ! "
            + SINKS[sink].format("repair.src_1", out))
    run("gst-launch-1.0", "-q", *line.split())
    return f"{out}.{sink}"


def main():
    with tempfile.TemporaryDirectory() as folder:
        base = f"{folder}/base.flv"
        run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25", "-f",
            "lavfi", "-i", "sine=r=44100", "-t", str(SECONDS), "-c:v", "libx264", "-preset",
            "veryfast", "-pix_fmt", "yuv420p", "-g", "50", "-bf", "2", "-c:a", "aac", base)
        cases = {}
        for name, (change, seconds) in FLV.items():
            cases[name] = (f"{folder}/{name}.flv", "flvdemux", seconds)
            write_flv(cases[name][0], change(read_flv(base)))
        for name, (path, seconds) in transport_streams(folder, base).items():
            cases[name] = (path, "tsdemux", seconds)
        for number, (name, (path, demuxer, seconds)) in enumerate(cases.items()):
            if sys.argv[1:] and name not in sys.argv[1:]:
                continue
            # Every file into MP4; the others in turn.
            for sink in ("mp4", ("flv", "m3u8")[number % 2]):
                judge(f"{name} in {sink}", repair(path, demuxer, sink, f"{folder}/{name}-{sink}"),
                      seconds)
            print(f"{name}: ok", flush=True)


if __name__ == "__main__":
    main()
