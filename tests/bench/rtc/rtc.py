#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what WebRTC viewers cost (WHEP), beside the least that a server can do for them, and
beside Janus where it is installed. The server has one core, its viewers the other. Prints a table, or
JSON. `./dev bench rtc` builds what it needs and runs it."""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fanout"))

import machine
from janus import Janus
from measure import Load
from servers import Broken, Missing, Server, free_port

PATH = "live/bench/whep"
# Until the stream's history is full, which is no memory of viewers.
WARMUP = "14"
# The programme's frames: a stamp (SEI), which has a call of its own, and a slice in parts.
FRAME = ["--packets", "7", "--size", "1180", "--first", "80"]
# name: title, viewers, options of the load generator; those of Janus begin with its name
SCENARIOS = {
    "latency": ("20 viewers, read at once", 20, ["--poll-ms", "0"]),
    "joins": ("500 viewers, 50 join in a second", 500, ["--rate", "50"]),
    "500": ("500 viewers, AES-GCM", 500, ["--sample", "50"]),
    "1000": ("1,000 viewers, AES-GCM", 1000, ["--sample", "50"]),
    "700-cm": ("700 viewers, AES-CM", 700, ["--sample", "50", "--aes-cm"]),
    # Without sound: its stream has none.
    "janus-20": ("20 viewers of Janus", 20, ["--poll-ms", "0", "--no-audio"]),
    "janus-200": ("200 viewers of Janus", 200, ["--sample", "50", "--no-audio"]),
}


class Penstock(Server):
    """rtmpserversrc and rtcserversink."""

    def __init__(self, folder):
        super().__init__(folder, "rtc", 0, 0)
        self.udp = free_port()

    def ports(self):
        return [self.rtmp]

    def command(self):
        description = os.path.join(self.folder, "rtc.yaml")
        with open(description, "w", encoding="utf-8") as file:
            file.write("summary: RTMP to WebRTC\npublish:\n"
                       f"  - match: rtmp://127.0.0.1:{self.rtmp}/live/{{name}}\n"
                       "    pipeline: |\n"
                       f"      rtmpserversrc location=rtmp://127.0.0.1:{self.rtmp}/live/${{name}} !\n"
                       f"        rtcserversink location=http://127.0.0.1:{self.http}/live/${{name}}/whep\n"
                       f"        udp=127.0.0.1:{self.udp}\n")
        return [os.environ.get("PENSTOCK", "penstock"), "run", description]


class RtcLoad(Load):
    PROGRAM = "rtc-load"


def figures(name, options, cores):
    title, viewers, load_options = SCENARIOS[name]
    with tempfile.TemporaryDirectory(prefix="penstock-rtc-") as folder:
        os.chmod(folder, 0o755)
        server = (Janus if name.startswith("janus") else Penstock)(folder)
        try:
            server.start(cores[0])
            pid = server.process.pid
            load = RtcLoad(["--json", "--publish", f"127.0.0.1:{server.rtmp}", "--url",
                            f"http://127.0.0.1:{server.http}/{PATH}", "--viewers", str(viewers),
                            "--warmup", WARMUP, "--pid", str(pid), "--seconds",
                            str(options.seconds), *load_options], cores[1], folder)
            try:
                load.phase("published", 60)
                pss = machine.pss_bytes(pid)
                load.go_on()
                load.phase("window", 180)
                load.phase("closed", 60 + options.seconds * 3)
                pss = machine.pss_bytes(pid) - pss
                result = load.phase("result", 60)
                load.go_on()
            finally:
                load.end()
        finally:
            server.end()
    if result["joined"] < viewers:
        raise Broken(f"{result['joined']} of {viewers} viewers joined: {result['failures']}")
    return {"scenario": name, "title": title, "kb_per_viewer": pss / 1000 / viewers, **result}


def floor(core, *frame):
    """Microseconds of a packet, encrypted and sent in segments."""
    out = subprocess.run(["taskset", "-c", str(core), machine.program("rtc-floor"), *frame],
                         capture_output=True, text=True, check=True, timeout=300).stdout
    return out, float(re.search(r"encrypted and sent +([\d.]+)", out)[1])


def table(rows):
    print(f"{'':36}cores  µs/packet  kB/viewer  latency p50 p95 p99 ms   first p50 p95 ms   lost")
    for row in rows:
        latency, first = row["latency_ms"], row["first_keyframe_ms"]
        print(f"{row['title']:36}{row['server_cpu']:5.2f}  {row['server_us_per_packet']:9.2f}  "
              f"{row['kb_per_viewer']:9.1f}  {latency['p50']:11.1f} {latency['p95']:5.1f} "
              f"{latency['p99']:5.1f}  {first['p50']:12.0f} {first['p95']:5.0f}  {row['lost']:6}")


def main():
    parser = argparse.ArgumentParser(prog="rtc", description=__doc__)
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="may be repeated")
    parser.add_argument("--seconds", type=float, default=15, metavar="S",
                        help="length of the window (%(default)s)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    options = parser.parse_args()
    try:
        machine.allow_descriptors(8192)
        lock, cores = machine.alone(), machine.two_cores()
    except machine.CannotRun as error:
        sys.exit(f"error: {error}")
    text, least = floor(cores[0])
    text_of_frames, least_of_frames = floor(cores[0], *FRAME)
    rows, failed = [], False
    for name in options.only or SCENARIOS:
        print(f"==> {SCENARIOS[name][0]}", file=sys.stderr, flush=True)
        try:
            rows.append(figures(name, options, cores))
        except Missing as error:
            print(f"    left out: {error}", file=sys.stderr)
        except Broken as error:
            failed = True
            print(f"    failed: {error}", file=sys.stderr)
    lock.close()
    if options.json:
        print(json.dumps({"machine": machine.describe(), "floor_us_per_packet": least,
                          "floor_of_frames_us_per_packet": least_of_frames, "rows": rows}))
    else:
        print(text)
        print(text_of_frames)
        table(rows)
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
