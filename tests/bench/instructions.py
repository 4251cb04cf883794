#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Instructions for each message that is relayed and segmented, counted by callgrind.

20 publishers of 500 kbit/s, an RTMP viewer and HLS for each, as in docs/performance.md. Needs
valgrind, a build with optimization and debug information, and fanout-load:
    PENSTOCK_BUILD=build-bench tests/bench/instructions.py [--viewers 20] [--live] [--functions 40]
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

PLUGINS = ("rtmp", "gop", "flv", "hls", "latency", "transcode")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stream(name, index, rtmp, http, options):
    location = f"rtmp://127.0.0.1:{rtmp}/live/{name}"
    hop = "! latencysei only-stamped=true hop=" if options.live else ""
    line = f"rtmpserversrc location={location} {hop and hop + 'server'} ! goptee name=g{index} " \
           f"g{index}. ! rtmpserversink location={location} "
    if options.hls:
        encode = "! copyorencode codec=aac-or-mp3" if options.live else ""
        line += f"g{index}. {hop and hop + 'segment'} ! flvlivedemux name=d{index} " \
                f"d{index}.video ! h{index}.video_0 d{index}.audio {encode} ! h{index}.audio_0 " \
                f"hlssegmenter name=h{index} " \
                f"location=http://127.0.0.1:{http}/live/{name}/index.m3u8 "
    return line


def measure(options, folder):
    build = os.path.abspath(options.build)
    rtmp, http = free_port(), free_port()
    names = [f"s-{i}" for i in range(options.publishers)] if options.publishers > 1 else ["s"]
    line = " ".join(stream(name, i, rtmp, http, options) for i, name in enumerate(names))
    environment = dict(os.environ, GST_REGISTRY=f"{folder}/registry.bin",
                       GST_PLUGIN_PATH=":".join(f"{build}/plugins/{name}" for name in PLUGINS))
    subprocess.run(["gst-inspect-1.0", "goptee"], env=environment, check=True,
                   stdout=subprocess.DEVNULL)
    profile = f"{folder}/callgrind.out"
    server = subprocess.Popen(
        ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={profile}",
         "gst-launch-1.0", "-q", *line.split()], env=environment, stderr=subprocess.PIPE, text=True)
    load = None
    try:
        deadline = time.monotonic() + 120
        while not listens(rtmp):
            if server.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"the server does not listen: {server.stderr.read()}")
            time.sleep(0.2)
        seconds = options.settle + options.seconds
        while load is None or load.poll() is not None:
            # The port is open before the last pipeline takes publishers, and the load then ends.
            if time.monotonic() > deadline:
                raise SystemExit("the server takes no publishers")
            load = subprocess.Popen(
                [options.load or f"{build}/tests/bench/fanout/fanout-load",
                 "--publish", f"127.0.0.1:{rtmp}", "--play", f"127.0.0.1:{rtmp}", "--stream", "s",
                 "--publishers", str(options.publishers), "--viewers", str(options.viewers),
                 "--bitrate", "500000", "--poll-ms", "10", "--warmup", "2",
                 "--seconds", str(seconds + 60)],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            time.sleep(options.settle)
        control = ["callgrind_control", str(server.pid)]
        subprocess.run([*control, "-i", "on"], check=True, stdout=subprocess.DEVNULL)
        time.sleep(options.seconds)
        subprocess.run([*control, "-i", "off"], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([*control, "-d"], check=True, stdout=subprocess.DEVNULL)
    finally:
        for process in (load, server):
            if process:
                process.kill()
                process.wait()
    dumps = [name for name in os.listdir(folder) if name.startswith("callgrind.out.")]
    if not dumps:
        raise SystemExit("callgrind wrote nothing")
    return f"{folder}/{sorted(dumps)[-1]}"


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def read(path):
    """Instructions of the whole process, and how often a publisher brought a tag."""
    names, total, calls, target = {}, 0, 0, ""
    with open(path, encoding="utf-8", errors="replace") as file:
        for line in file:
            found = re.match(r"(c?fn)=\((\d+)\)(?: (.*))?", line)
            if found:
                if found[3]:
                    names[found[2]] = found[3].strip()
                if found[1] == "cfn":
                    target = names.get(found[2], "")
            elif line.startswith("calls=") and "RtmpConnection::on_tag(" in target:
                calls += int(line[6:].split()[0])
            elif line.startswith(("summary:", "totals:")):
                total = max(total, int(line.split()[1]))
    return total, calls


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.environ.get("PENSTOCK_BUILD", "build-bench"))
    parser.add_argument("--load", help="fanout-load, if it is not in the build")
    parser.add_argument("--publishers", type=int, default=20)
    parser.add_argument("--viewers", type=int, default=20)
    parser.add_argument("--no-hls", dest="hls", action="store_false")
    parser.add_argument("--live", action="store_true",
                        help="with all elements that these branches have in pipelines/live.yaml")
    parser.add_argument("--settle", type=float, default=15, help="seconds before counting begins")
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--functions", type=int, default=0, help="show the costliest ones")
    parser.add_argument("--inclusive", action="store_true", help="with what they call")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="penstock-callgrind-") as folder:
        profile = measure(options, folder)
        total, calls = read(profile)
        if not calls:
            sys.exit("no message came within the window")
        print(f"{total / calls:,.0f} instructions a message ({calls:,} messages)")
        if options.functions:
            lines = subprocess.run(
                ["callgrind_annotate", "--auto=no",
                 f"--inclusive={'yes' if options.inclusive else 'no'}", profile],
                capture_output=True, text=True, check=True).stdout.splitlines()
            print("\n".join(line[:150] for line in lines[20:20 + options.functions]))


if __name__ == "__main__":
    main()
