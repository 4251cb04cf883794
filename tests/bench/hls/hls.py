#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what HLS players cost: low-latency HLS on blocking reload, over HTTP/1.1 and HTTP/2, and
classic HLS beside nginx, which serves the same segments from files. Prints a table, or JSON.
`./dev bench hls` builds what it needs and runs it."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fanout"))

import machine
from measure import Load
from servers import Broken, Missing, Server

LIVE = "/live/bench/index.m3u8"
# Seconds until the window of segments is full, so that memory does not grow by it any more.
FULL = {"low": 16, "classic": 32}


class Live(Server):
    """The `live` description, all of it."""

    def __init__(self, folder, settings=(), tls=False):
        super().__init__(folder, "hls", 0, 0, tls=tls)
        self.settings = list(settings)

    def ports(self):
        return [self.rtmp, self.http]

    def command(self):
        settings = [f"rtmp=127.0.0.1:{self.rtmp}", f"http=127.0.0.1:{self.http}", *self.settings]
        if self.tls:
            certificate, key = self.certificate()
            settings += ["web=https", f"tls-certificate={certificate}", f"tls-key={key}"]
        words = [word for setting in settings for word in ("--set", setting)]
        return [os.environ.get("PENSTOCK", "penstock"), "run", "live", *words]


class Files(Server):
    """Segments in files, by hlssegmenter; nginx serves them by sendfile."""

    NGINX = "/usr/sbin/nginx"

    def __init__(self, folder):
        super().__init__(folder, "hls", 0, 0)
        self.writer = None
        if not os.path.exists(self.NGINX):
            raise Missing("nginx is missing: `./dev packages bench`")

    def ports(self):
        return [self.http]

    def command(self):
        path = os.path.join(self.folder, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write("daemon off; master_process off;\n"
                       f"pid {self.folder}/nginx.pid;\n"
                       "events { worker_connections 8192; }\n"
                       "http { access_log off; sendfile on; tcp_nopush on;\n"
                       "  keepalive_requests 100000; keepalive_timeout 75;\n"
                       "  open_file_cache max=1000 inactive=20s; open_file_cache_valid 1s;\n"
                       "  types { video/mp2t ts; application/vnd.apple.mpegurl m3u8; }\n"
                       f"  server {{ listen 127.0.0.1:{self.http}; root {self.folder}; }} }}\n")
        return [self.NGINX, "-e", "stderr", "-p", self.folder, "-c", path]

    def start(self, core=None):
        os.makedirs(os.path.join(self.folder, "live/bench"))
        description = os.path.join(self.folder, "files.yaml")
        with open(description, "w", encoding="utf-8") as file:
            file.write("summary: Segments in files\npublish:\n"
                       f"  - match: rtmp://127.0.0.1:{self.rtmp}/live/{{name}}\n"
                       "    pipeline: |\n"
                       f"      rtmpserversrc location=rtmp://127.0.0.1:{self.rtmp}/live/${{name}} !\n"
                       "        flvlivedemux name=demux\n"
                       "      demux.video ! hls.video_0  demux.audio ! hls.audio_0\n"
                       f"      hlssegmenter name=hls location=file://{self.folder}{LIVE}\n")
        with open(os.path.join(self.folder, "writer.log"), "wb") as log:
            self.writer = subprocess.Popen([os.environ.get("PENSTOCK", "penstock"), "run",
                                            description], stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not self.listens(self.rtmp):
            if self.writer.poll() is not None or time.monotonic() > deadline:
                raise Broken("the writer of segments does not listen")
            time.sleep(0.05)
        return super().start(core)

    def end(self):
        super().end()
        if self.writer:
            self.writer.terminate()
            self.writer.wait()


LOW = ["latency=low"]
SCENARIOS = {
    "parts": ("Low latency, parts", Live, {"settings": LOW}, []),
    "hints": ("Low latency, parts by their hint", Live, {"settings": LOW}, ["--hints"]),
    "http2": ("Low latency over HTTP/2 and TLS", Live, {"settings": LOW, "tls": True},
              ["--http2"]),
    "classic": ("Segments of 2 s", Live, {}, ["--classic"]),
    "nginx": ("Segments of 2 s, nginx from files", Files, {}, ["--classic"]),
}


class HlsLoad(Load):
    PROGRAM = "hls-load"


def figures(name, players, options):
    """Of one run."""
    title, make, settings, load_options = SCENARIOS[name]
    cores = machine.two_cores()
    with tempfile.TemporaryDirectory(prefix="penstock-hls-") as folder:
        os.chmod(folder, 0o755)
        server = make(folder, **settings)
        try:
            server.start(cores[0])
            load = HlsLoad(["--publish", f"127.0.0.1:{server.rtmp}", "--play",
                            f"127.0.0.1:{server.http}", "--path", LIVE, "--players", str(players),
                            "--warmup",
                            str(FULL["classic" if "--classic" in load_options else "low"]), "--settle", "6", "--seconds", str(options.seconds),
                            *load_options], cores[1], folder)
            try:
                return {"scenario": name, "title": title, **watch(server, load, options)}
            finally:
                load.end()
        finally:
            server.end()


def watch(server, load, options):
    pid = server.process.pid
    load.phase("published", 90)
    pss = machine.pss_bytes(pid)
    load.go_on()
    load.phase("window", 180)
    cpu = machine.cpu_seconds(pid)
    load.phase("closed", 60 + options.seconds * 3)
    cpu = machine.cpu_seconds(pid) - cpu
    result = load.phase("result", 60)
    pss = machine.pss_bytes(pid) - pss
    load.go_on()
    if result["started"] < result["players"] or result["failed"]:
        raise Broken(f"{result['started']} of {result['players']} players started, "
                     f"{result['failed']} failed: {result['first_error']}")
    return {**result, "server_cores": cpu / result["seconds"],
            "us_per_mbit": cpu * 1e6 / (result["mbit_per_second"] * result["seconds"]),
            "kb_per_player": pss / 1000 / result["players"]}


def table(rows):
    print(f"{'':36}players  cores  µs/Mbit  kB/player  last after first, ms (p50, p95, max)  lost")
    for row in rows:
        spread = row["spread_ms"]
        print(f"{row['title']:36}{row['players']:7}  {row['server_cores']:5.2f}  "
              f"{row['us_per_mbit']:7.0f}  {row['kb_per_player']:9.1f}  "
              f"{spread['p50']:10.0f} {spread['p95']:10.0f} {spread['max']:13.0f}  "
              f"{row['missing']:6}")


def main():
    parser = argparse.ArgumentParser(prog="hls", description=__doc__)
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="may be repeated")
    parser.add_argument("--players", type=int, default=1000, metavar="N",
                        help="how many (%(default)s)")
    parser.add_argument("--seconds", type=float, default=15, metavar="S",
                        help="length of the window (%(default)s)")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    options = parser.parse_args()
    try:
        machine.allow_descriptors(options.players * 2 + 2048)
        lock = machine.alone()
    except machine.CannotRun as error:
        sys.exit(f"error: {error}")
    rows, failed = [], False
    for name in options.only or SCENARIOS:
        print(f"==> {SCENARIOS[name][0]}", file=sys.stderr, flush=True)
        try:
            rows.append(figures(name, options.players, options))
        except Missing as error:
            print(f"    left out: {error}", file=sys.stderr)
        except Broken as error:
            failed = True
            print(f"    failed: {error}", file=sys.stderr)
    lock.close()
    if options.json:
        print(json.dumps({"machine": machine.describe(), "rows": rows}))
    else:
        table(rows)
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
