#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Long-term stability of a server: descriptors, threads and memory return to their earlier values
after peers have left, whether players that never read or publishers by the hundred. Needs PENSTOCK,
the executable, and PENSTOCK_PIPELINES, the directory."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from rtmp_peer import Peer
from waiting import until

PENSTOCK = os.environ["PENSTOCK"]
ANY = "127.0.0.1:0"
# Seconds after which a viewer that takes nothing is closed; checks come once a second.
STALL = 10


class Server:
    """`penstock run live` on free ports."""

    def __init__(self, test):
        directory = tempfile.TemporaryDirectory()
        test.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "log"
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=directory.name)
        log = open(self.path, "w", encoding="utf-8")
        self.process = subprocess.Popen(
            [PENSTOCK, "run", "live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY, "--set",
             f"stall={STALL}s"], stdout=log, stderr=log, env=self.environment)
        log.close()

        def end():
            self.process.kill()
            self.process.wait()
        test.addCleanup(end)
        until("it runs", lambda: "Ctrl-C" in self.log() or self.process.poll() is not None)
        self.rtmp = int(re.search(r"rtmp://[^\s/]+:(\d+)/", self.log())[1])
        self.http = int(re.search(r"http://[^\s/]+:(\d+)/", self.log())[1])

    def log(self):
        return self.path.read_text(encoding="utf-8", errors="replace")

    def count(self, what):
        """The number of the process's "fd" or "task" (threads)."""
        return len(os.listdir(f"/proc/{self.process.pid}/{what}"))

    def resident(self):
        """The process's private memory in MB."""
        text = pathlib.Path(f"/proc/{self.process.pid}/smaps_rollup").read_text()
        return int(re.search(r"Private_Dirty: +(\d+)", text)[1]) / 1024

    def watch_flv(self, name, receive_buffer=0):
        viewer = socket.socket()
        if receive_buffer:
            viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        viewer.settimeout(20)
        viewer.connect(("127.0.0.1", self.http))
        viewer.sendall(f"GET /live/{name}.flv HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        return viewer

    def viewers(self, name):
        """The number of viewers of live/NAME by RTMP and HTTP, as the server counts them."""
        top = subprocess.run([PENSTOCK, "top", "--json", "--once"], stdout=subprocess.PIPE,
                             check=True, timeout=20, env=self.environment)
        mounts = json.loads(top.stdout)["processes"][0]["mounts"]
        return sum(m["viewers"] for m in mounts if m["path"].split(".")[0] == f"live/{name}")

    def is_served(self, name):
        viewer = self.watch_flv(name)
        try:
            return b" 200 " in viewer.recv(64)
        finally:
            viewer.close()


class Lasts(unittest.TestCase):
    def publish(self, server, name, frames=25, size=4000):
        publisher = Peer(server.rtmp).publish(name)
        publisher.send_gop(frames, size)
        until(f"{name} is served", lambda: server.is_served(name))
        return publisher

    def settled(self, server, before, seconds):
        """Waits until descriptors and threads are at most (fd, task) from before."""
        def now():
            return server.count("fd"), server.count("task")
        until(lambda: f"descriptors and threads: {before} before, {now()} after",
              lambda: all(a <= b for a, b in zip(now(), before)), seconds)

    def warm(self, server):
        """Makes the process open what it opens once, for its first stream. Returns (fd, task)
        without streams."""
        idle = server.count("task")
        publisher = self.publish(server, "warm", size=20_000)
        Peer(server.rtmp).play("warm").close()
        publisher.close()
        until("the first stream has ended", lambda: not server.is_served("warm"), 60)
        until("its threads have ended", lambda: server.count("task") <= idle + 4)
        return server.count("fd"), server.count("task")


class Peers(Lasts):
    def test_players_that_never_read(self):
        server = Server(self)
        before = self.warm(server)
        publisher = self.publish(server, "cam", size=20_000)
        done = threading.Event()

        def feed():
            while not done.wait(0.5):
                publisher.send_gop(12, 20_000)
        feeder = threading.Thread(target=feed)
        feeder.start()
        viewers = []
        try:
            until("nobody watches yet", lambda: server.viewers("cam") == 0)
            without = server.count("fd")
            viewers = [Peer(server.rtmp, 4096).play("cam") for _ in range(25)]
            viewers += [server.watch_flv("cam", 4096) for _ in range(25)]
            until("all watch", lambda: server.viewers("cam") == 50)
            # Unread data in the kernel's buffers hides the end of the connection from the viewers:
            # only the server's descriptors show that it has closed.
            until(lambda: f"{server.count('fd') - without} of 50 are not closed",
                  lambda: server.count("fd") <= without, STALL + 20)
            self.assertTrue(server.is_served("cam"), "who reads is served on")
        finally:
            done.set()
            feeder.join()
            publisher.close()
            for viewer in viewers:
                viewer.close()
        self.settled(server, before, 60)

    def test_publishers_that_vanish(self):
        server = Server(self)
        before = self.warm(server)
        publishers = [self.publish(server, f"cam{i}", 5) for i in range(20)]
        for publisher in publishers:
            publisher.close()
        self.settled(server, before, 60)


class Memory(Lasts):
    def test_publishers_by_the_hundred(self):
        server = Server(self)
        before = self.warm(server)
        at_first = server.resident()
        for batch in range(10):
            publishers = [self.publish(server, f"cam{batch}-{i}", 25, 20_000) for i in range(10)]
            for publisher in publishers:
                publisher.close()
        most = server.resident()
        self.settled(server, before, 60)
        # The HLS segments of a stream that ended stay for a minute. malloc keeps some hundred kB at
        # the end of each of its arenas, of which there are eight for each processor.
        until(lambda: f"{at_first:.0f} MB at first, {most:.0f} with streams, "
                      f"{server.resident():.0f} in the end",
              lambda: server.resident() < at_first + 25, 60 + 60)
        print(f"{at_first:.0f} MB at first, {most:.0f} with streams, {server.resident():.0f} in "
              "the end")


if __name__ == "__main__":
    unittest.main(verbosity=2)
