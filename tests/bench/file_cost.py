# SPDX-License-Identifier: LGPL-2.1-or-later
"""What programs and pipelines cost that work on a file: their CPU time beside one another's.

Each is measured with a long file and a short one, whose cost, of the start, is subtracted. Each figure
is the least of its rounds: other processes can only add to it. Files are read 32 KiB at a time, as
ffmpeg reads them; filesrc's 4 KiB would cost more than a demuxer."""

import argparse
import os
import subprocess
import sys

PICTURE = ["-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30", "-f", "lavfi", "-i",
           "sine=frequency=440:sample_rate=44100", "-c:v", "libx264", "-preset", "ultrafast",
           "-pix_fmt", "yuv420p", "-g", "60", "-b:v", "2M", "-minrate", "2M", "-maxrate", "2M",
           "-bufsize", "2M", "-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "128k"]
CLIP = 20  # seconds that are encoded; the rest is a copy
FFMPEG = ["ffmpeg", "-nostdin", "-v", "error", "-y"]
READ = "filesrc blocksize=32768 "


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


def clip_in(folder):
    """720p30 H.264 of 2 Mbit/s with AAC, made once."""
    clip = f"{folder}/clip.mp4"
    if not os.path.exists(clip):
        run([*FFMPEG, *PICTURE, "-t", str(CLIP), clip])
    return clip


def options_of(description):
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=600)
    return parser.parse_args()


def compare(whole, short, pairs, options):
    """Prints what the commands cost, and the ratio of the names in each pair. `whole` and `short` have
    the same names, of the commands for the long file and the short one."""
    for command in short.values():  # the registry, and what the system keeps of programs
        run(command)
    least = {}
    for _ in range(options.rounds):
        for name in whole:
            for kind, all_of in (("whole", whole), ("start", short)):
                key = (name, kind)
                least[key] = min(least.get(key, sys.maxsize), run(all_of[name]))
    cost = {name: max(least[name, "whole"] - least[name, "start"], 0.001) for name in whole}
    print(f"{options.seconds} s of 720p30 at 2 Mbit/s, user and system time in ms; the least of "
          f"{options.rounds} rounds")
    print(f"{'':26}{'whole':>8}{'start':>8}{'rest':>8}")
    for name in whole:
        print(f"{name:26}{least[name, 'whole'] * 1e3:8.0f}{least[name, 'start'] * 1e3:8.0f}"
              f"{cost[name] * 1e3:8.0f}")
    for name, beside in pairs:
        print(f"{name}: {least[name, 'whole'] / least[beside, 'whole']:.2f} x {beside}; "
              f"{cost[name] / cost[beside]:.2f} x without the start")
