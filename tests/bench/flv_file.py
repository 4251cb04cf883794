#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""CPU time of flvlivedemux and flvlivemux for a file of ten minutes, beside ffmpeg's.

720p30 H.264 of 2 Mbit/s with AAC, made by ffmpeg once and copied from then on. What a program or a
pipeline costs before its first frame is measured with a file of two seconds, and subtracted. Each
figure is the least of its rounds: other processes can only add to it. Needs ffmpeg, gst-launch-1.0
and the elements: flv_file.py [--rounds N] [--seconds N]"""

import argparse
import os
import subprocess
import sys
import tempfile

PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30", "-f", "lavfi", "-i",
           "sine=frequency=440:sample_rate=44100", "-c:v", "libx264", "-preset", "ultrafast",
           "-pix_fmt", "yuv420p", "-g", "60", "-b:v", "2M", "-minrate", "2M", "-maxrate", "2M",
           "-bufsize", "2M", "-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "128k"]
CLIP = 20  # seconds that are encoded; the rest is a copy
FFMPEG = ["ffmpeg", "-nostdin", "-v", "error", "-y"]


def run(command):
    """User and system time of a command, in seconds."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"exit code {process.returncode}: {' '.join(command)}")
    return usage.ru_utime + usage.ru_stime


def launch(*words):
    return ["gst-launch-1.0", "-q", *" ".join(words).split()]


def files_of(folder, seconds):
    """One stream of this length, as FLV and as MP4."""
    clip = f"{folder}/clip.mp4"
    if not os.path.exists(clip):
        run([*FFMPEG, *PICTURE, "-t", str(CLIP), clip])
    mp4, flv = f"{folder}/{seconds}.mp4", f"{folder}/{seconds}.flv"
    run([*FFMPEG, "-stream_loop", "-1", "-i", clip, "-t", str(seconds), "-c", "copy", mp4])
    run([*FFMPEG, "-i", mp4, "-c", "copy", flv])
    return flv, mp4


def commands(flv, mp4):
    """What is measured, by name. A muxer needs a queue for each track in front of it."""
    read = f"filesrc location={mp4} ! qtdemux name=d"
    return {
        "ffmpeg, FLV to FLV": [*FFMPEG, "-i", flv, "-c", "copy", "-f", "flv", "/dev/null"],
        "ffmpeg, MP4 to FLV": [*FFMPEG, "-i", mp4, "-c", "copy", "-f", "flv", "/dev/null"],
        "flvlivedemux": launch(f"filesrc location={flv} ! flvlivedemux name=d",
                               "d.video ! fakesink d.audio ! fakesink"),
        "flvdemux": launch(f"filesrc location={flv} ! flvdemux name=d",
                           "d.video ! fakesink d.audio ! fakesink"),
        "qtdemux and queues": launch(read, "d.video_0 ! queue ! fakesink",
                                     "d.audio_0 ! queue ! fakesink"),
        "… and flvlivemux": launch("flvlivemux name=m ! fakesink", read,
                                   "d.video_0 ! queue ! m. d.audio_0 ! queue ! m."),
        "… and flvmux": launch("flvmux streamable=true name=m ! fakesink", read,
                               "d.video_0 ! queue ! m. d.audio_0 ! queue ! m."),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=600)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="penstock-flv-") as folder:
        whole = commands(*files_of(folder, options.seconds))
        short = commands(*files_of(folder, 2))
        for command in short.values():  # the registry, and what the system keeps of programs
            run(command)
        least = {}
        for _ in range(options.rounds):
            for name in whole:
                for kind, all_of in (("whole", whole), ("start", short)):
                    key = (name, kind)
                    least[key] = min(least.get(key, sys.maxsize), run(all_of[name]))
    cost = {name: max(least[name, "whole"] - least[name, "start"], 0.001) for name in whole}
    mux = cost["… and flvlivemux"] - cost["qtdemux and queues"]
    print(f"{options.seconds} s of 720p30 at 2 Mbit/s, user and system time in ms; the least of "
          f"{options.rounds} rounds")
    print(f"{'':22}{'whole':>8}{'start':>8}{'rest':>8}")
    for name in whole:
        print(f"{name:22}{least[name, 'whole'] * 1e3:8.0f}{least[name, 'start'] * 1e3:8.0f}"
              f"{cost[name] * 1e3:8.0f}")
    both = cost["flvlivedemux"] + mux
    ffmpeg = cost["ffmpeg, FLV to FLV"]
    print(f"flvlivedemux {cost['flvlivedemux'] * 1e3:.0f} ms, flvlivemux {mux * 1e3:.0f} ms, both "
          f"{both * 1e3:.0f} ms: {both / ffmpeg:.2f} x ffmpeg from FLV to FLV "
          f"({least['ffmpeg, FLV to FLV']:.2f} s with its start)")


if __name__ == "__main__":
    main()
