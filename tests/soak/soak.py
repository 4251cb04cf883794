#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A day's comings and goings in minutes: publishers and viewers of every protocol by the thousand,
real clients among them, leave in every way there is; then descriptors, threads and memory (after
malloc_trim) are back where they were. Needs PENSTOCK, PENSTOCK_PIPELINES, the elements, and SOAK_TRIM,
which trim.cpp makes; without SOAK_TRIM (a server built with sanitizers) memory is not compared.
soak.py [MINUTES] [--seed N]"""

import argparse
import base64
import collections
import contextlib
import os
import pathlib
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "pipelines"))
from rtmp_peer import Peer

PUBLISHERS, VIEWERS = 8, 8  # threads
NAMES = [f"cam{i}" for i in range(3 * PUBLISHERS)]
GRACE, KEPT = 2, 75  # seconds: of streams; until the segments of a stream that ended are gone
BAD = re.compile(r"\bERROR\b|CRITICAL|[Aa]ssert|Sanitizer|terminate called|runtime error")
MB = 1 << 20


class Server:
    def __init__(self, folder):
        self.log_path, self.memory_path = folder / "log", folder / "memory"
        environment = dict(os.environ, XDG_RUNTIME_DIR=str(folder))
        self.trims = bool(environment.get("SOAK_TRIM"))
        if self.trims:
            environment.update(LD_PRELOAD=environment["SOAK_TRIM"], SOAK_MEMORY=str(self.memory_path))
        any_port = "127.0.0.1:0"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen(
                [os.environ["PENSTOCK"], "run", "live", "--set", "rtmp=" + any_port, "--set",
                 "http=" + any_port, "--set", "rtc=" + any_port, "--set", f"grace={GRACE}s", "--set",
                 "segment=1s", "--set", "stall=5s", "--set", "silence=10s"], stdout=log, stderr=log, env=environment)
        self.until("the server runs", lambda: "Ctrl-C" in self.log(), 120)
        self.rtmp = int(re.search(r"rtmp://[^\s/]+:(\d+)/", self.log())[1])
        self.http = int(re.search(r"http://[^\s/]+:(\d+)/", self.log())[1])

    def log(self):
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def until(self, what, condition, seconds=60):
        deadline = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None:
                raise AssertionError(f"the server has ended\n{self.log()[-3000:]}")
            if time.monotonic() > deadline:
                raise AssertionError(f"{what() if callable(what) else what}: not within {seconds} s")
            threading.Event().wait(0.2)

    def count(self, what):
        return len(os.listdir(f"/proc/{self.process.pid}/{what}"))

    def in_use(self):
        """Bytes that malloc has given out, after malloc_trim; 0 if it can't be asked."""
        if not self.trims:
            return 0
        self.memory_path.unlink(missing_ok=True)
        self.process.send_signal(signal.SIGRTMIN + 7)
        self.until("memory is told", self.memory_path.exists)
        return int(self.memory_path.read_text())

    def resident(self):
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"Private_Dirty: +(\d+)", text)[1]) * 1024


class Rest:
    """What the server has when nobody is there, and nothing is left of those who were."""

    def __init__(self, server, before=None):
        began = time.monotonic()
        self.fd, self.task = server.count("fd"), server.count("task")

        def settled():
            self.fd, self.task = server.count("fd"), server.count("task")
            if before is None:
                return time.monotonic() > began + KEPT
            self.bytes = server.in_use()
            return (self.fd <= before.fd and self.task <= before.task and
                    self.bytes <= before.bytes + allowed(before))
        server.until(lambda: f"back to {before}: {self}", settled, 2 * KEPT)
        self.bytes, self.resident = server.in_use(), server.resident()
        self.seconds = time.monotonic() - began

    bytes = resident = 0

    def __str__(self):
        return (f"{self.fd} descriptors, {self.task} threads, {self.bytes / MB:.2f} MB in use, "
                f"{self.resident / MB:.1f} MB resident")


def allowed(before):
    """Bytes that may stay: caches that no client's number makes grow."""
    return 256 << 10 if before.bytes else 0


def leave(chance, peer, left):
    """Ends a connection in one of the ways there are."""
    way = chance.choice(("close", "reset", "half", "vanish"))
    raw = peer.socket if isinstance(peer, Peer) else peer
    if way == "reset":
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if way == "half":
        with contextlib.suppress(OSError):
            raw.shutdown(socket.SHUT_WR)
    if way in ("half", "vanish"):
        left.append(raw)  # closed at the end of the round
        if len(left) > 100:
            left.popleft().close()
    else:
        raw.close()


class Clients:
    """The light clients of a round, and a few real ones."""

    def __init__(self, server, seed, seconds):
        self.server, self.stop = server, threading.Event()
        self.counts = collections.Counter()
        self.lock, self.left = threading.Lock(), collections.deque()
        self.live = set()  # names that are published
        self.threads = [threading.Thread(target=self.run, args=(work, f"{seed}-{i}"))
                        for i, work in enumerate([self.publish] * PUBLISHERS + [self.view] * VIEWERS)]
        for thread in self.threads:
            thread.start()
        deadline = time.monotonic() + seconds
        chance = random.Random(seed)
        while time.monotonic() < deadline:
            self.real(chance)
        self.stop.set()
        for thread in self.threads:
            thread.join()
        for peer in self.left:
            peer.close()

    def run(self, work, seed):
        chance = random.Random(seed)
        while not self.stop.is_set():
            try:
                what = work(chance)
            except (OSError, ConnectionError):
                what = "refused"
            with self.lock:
                self.counts[what] += 1

    def publish(self, chance):
        """A publisher on a name that may be taken; it sends a second, or leaves in the middle."""
        peer, name = Peer(self.server.rtmp), chance.choice(NAMES)
        peer.socket.settimeout(2)  # a name that is taken: the answer says so, and no more comes
        try:
            peer.publish(name)
        except (ConnectionError, TimeoutError):
            peer.close()
            return "refused"
        self.live.add(name)
        for _ in range(chance.randint(1, 5)):
            peer.send_gop(chance.randint(5, 12), chance.choice((200, 4000)))
            if self.stop.wait(0.15):
                break
        self.live.discard(name)
        if chance.random() < 0.2:
            with contextlib.suppress(OSError):
                peer.socket.sendall(b"\x06\0\0\0\0\x40\0\x09\1\0\0\0half a message")
        leave(chance, peer, self.left)
        return "published"

    def view(self, chance):
        name = chance.choice(sorted(self.live.copy()) or NAMES)
        kind = chance.choice(("rtmp", "rtmp", "flv", "flv", "ws", "hls", "404", "garbage", "silent"))
        if kind == "rtmp":
            peer = Peer(self.server.rtmp).play(name)
            peer.socket.settimeout(0.3)
            self.read(chance, peer.socket)
            leave(chance, peer, self.left)
            return kind
        if kind in ("garbage", "silent"):
            port = chance.choice((self.server.rtmp, self.server.http))
            peer = socket.create_connection(("127.0.0.1", port), 5)
            if kind == "garbage":
                peer.sendall(chance.randbytes(chance.randint(1, 4000)))
            leave(chance, peer, self.left)
            return kind
        peer = socket.create_connection(("127.0.0.1", self.server.http), 5)
        path = {"404": "/live/nobody.flv", "hls": f"/live/{name}/index.m3u8"}.get(
            kind, f"/live/{name}.flv")
        more = "" if kind != "ws" else (
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(chance.randbytes(16)).decode()}\r\n")
        peer.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())
        peer.settimeout(0.3)
        text = self.read(chance, peer)
        segments = re.findall(rb"(?m)^(\S+\.ts\S*)$", text) if kind == "hls" else []
        if segments:
            with contextlib.suppress(OSError):
                peer.sendall(b"GET /live/%s/%s HTTP/1.1\r\nHost: x\r\n\r\n" %
                             (name.encode(), segments[-1]))
                self.read(chance, peer)
        leave(chance, peer, self.left)
        return kind

    def read(self, chance, peer):
        out = b""
        with contextlib.suppress(OSError):
            wanted = chance.choice((1, 2000, 60_000))
            while len(out) < wanted and (more := peer.recv(65536)):
                out += more
        return out

    def real(self, chance):
        """ffmpeg publishes and plays for some seconds, and is ended or killed."""
        url = f"rtmp://127.0.0.1:{self.server.rtmp}/live/real"
        http = f"http://127.0.0.1:{self.server.http}/live/real"
        quiet = ["ffmpeg", "-nostdin", "-v", "quiet"]
        commands = [[*quiet, "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=15", "-f", "lavfi",
                     "-i", "sine", "-c:v", "libx264", "-preset", "ultrafast", "-g", "15", "-pix_fmt",
                     "yuv420p", "-c:a", "aac", "-f", "flv", url]]
        commands += [[*quiet, "-i", each, "-c", "copy", "-f", "null", "-"]
                     for each in (url, http + ".flv", http + "/index.m3u8")]
        processes = []
        for command in commands:
            processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL))
            self.stop.wait(1.5)
        self.stop.wait(3)
        for process in processes:
            process.send_signal(chance.choice((signal.SIGINT, signal.SIGKILL)))
        for process in processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        with self.lock:
            self.counts["real"] += len(processes)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("minutes", type=float, nargs="?", default=4)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="penstock-soak-") as folder:
        server = Server(pathlib.Path(folder))
        try:
            run(server, options)
        finally:
            server.process.kill()
            server.process.wait()


def run(server, options):
    print(f"seed {options.seed}, {options.minutes:g} minutes of load", flush=True)
    total = collections.Counter()
    # The first round opens what a process opens once.
    total += Clients(server, f"{options.seed}-warm", 20).counts
    first = before = Rest(server)
    print(f"after the first round: {before}", flush=True)
    for number in (1, 2):
        counts = Clients(server, f"{options.seed}-{number}", options.minutes * 30).counts
        total += counts
        most = server.resident()
        rest = Rest(server, before)
        print(f"after round {number} ({sum(counts.values())} clients, {most / MB:.1f} MB with them): "
              f"{rest}, {rest.seconds:.0f} s later", flush=True)
        before = rest
    print(f"{sum(total.values())} clients: " +
          ", ".join(f"{count} {what}" for what, count in sorted(total.items())))
    print(f"in use: {(before.bytes - first.bytes) / 1024:+.0f} KiB since the first round")
    server.process.send_signal(signal.SIGINT)
    code = server.process.wait(60)
    bad = [line for line in server.log().splitlines() if BAD.search(line)]
    assert code == 0, f"the server's exit code is {code}\n{server.log()[-3000:]}"
    assert not bad, "the server says:\n" + "\n".join(bad[:20])
    for what in ("published", "rtmp", "flv", "ws", "hls", "real"):
        assert total[what] > 3, f"{total[what]} of {what}"


if __name__ == "__main__":
    main()
