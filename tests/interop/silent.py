#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""5,000 connections that say nothing, or half of what they should, for half a minute: every player
gets every packet, who comes meanwhile is served, and memory is back afterwards."""

import contextlib
import os
import random
import re
import resource
import select
import selectors
import socket
import threading

import packets
import rig
from rig import Server, generated, until

MANY = 5000
BEGUN = {"rtmp": (b"", b"\3", b"\3" + bytes(700), b"\3" + bytes(1536)),
         "http": (b"", b"GET /live/cam.flv HT", b"GET / HTTP/1.1\r\nHost: x\r\nX-A: ")}


class Crowd(threading.Thread):
    """Keeps `MANY` connections open, from 10 hosts; one that the server closes is replaced."""

    def __init__(self, ports):
        super().__init__(daemon=True)
        self.ports, self.random = ports, random.Random(1)
        self.stop, self.open, self.closed = threading.Event(), 0, 0
        self.selector = selectors.DefaultSelector()

    def add(self):
        protocol = self.random.choice(("rtmp", "http"))
        peer = socket.socket()
        peer.bind((f"127.0.0.{self.random.randint(10, 19)}", 0))
        try:
            peer.connect(("127.0.0.1", self.ports[protocol]))
            peer.sendall(self.random.choice(BEGUN[protocol]))
        except OSError:
            return peer.close()
        peer.setblocking(False)
        self.selector.register(peer, selectors.EVENT_READ)
        self.open += 1

    def run(self):
        while not self.stop.is_set():
            for _ in range(min(50, MANY - self.open)):
                self.add()
            for key, _ in self.selector.select(0.02):
                with contextlib.suppress(OSError):
                    if key.fileobj.recv(4096):
                        continue
                self.drop(key.fileobj)
                self.closed += 1
        for key in list(self.selector.get_map().values()):
            self.drop(key.fileobj)

    def drop(self, peer):
        self.selector.unregister(peer)
        peer.close()
        self.open -= 1


def resident(server):
    """MB that no other process has a part of."""
    with open(f"/proc/{server.process.process.pid}/smaps_rollup", encoding="utf-8") as file:
        return int(re.search(r"Private_Dirty: +(\d+)", file.read())[1]) / 1024


def descriptors(server):
    return len(os.listdir(f"/proc/{server.process.process.pid}/fd"))


@contextlib.contextmanager
def crowded(server):
    """In a `with`, 5,000 are there."""
    crowd = Crowd({"rtmp": int(server.rtmp.split(":")[2].split("/")[0]),
                   "http": int(server.http.split(":")[2])})
    crowd.start()
    try:
        until("all are there", lambda: crowd.open >= MANY)
        yield crowd
    finally:
        crowd.stop.set()
        crowd.join()


def silent_thousands():
    """5,000 silent connections beside a publisher and players"""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < 2 * MANY:
        yield f"skipped: {most} files may be open, {2 * MANY} are needed (`ulimit -Hn`)"
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    reference = packets.published(generated(), seconds=120)
    with Server("segment=1s") as server:
        source = server.publish(generated(), "cam")
        packets.decode(server.wait_for_hls("cam"), 2)
        players = [packets.Player(url, "-t", "45") for url in
                   (server.url("cam"), server.url("cam"), server.flv("cam"))]
        for player in players:
            until("it plays", lambda p=player: p.seconds() > 5)
        before, files = resident(server), descriptors(server)
        with crowded(server) as crowd:
            yield f"{crowd.open} are connected, {descriptors(server) - files} descriptors more"
            # Who comes now is served, and whoever says nothing is closed.
            yield "who comes: " + packets.same(packets.play(server.url("cam")), reference)
            second = server.publish(generated(), "second")
            until("second is live", lambda: "live/second" in server.streams())
            packets.decode(server.flv("second"), 3)
            packets.decode(server.hls("cam"), 3)
            until("a quarter was closed", lambda: crowd.closed > MANY / 4)
            second.end()
        until("their descriptors are closed", lambda: descriptors(server) <= files + 10)
        once = resident(server)
        with crowded(server) as crowd:
            until("as many were closed again", lambda: crowd.closed > MANY / 4)
            most = resident(server)
        until("their descriptors are closed", lambda: descriptors(server) <= files + 10)
        for player in players:
            yield packets.same(player.finish(), reference)
        assert source.running()
        after = resident(server)
        yield (f"memory {before:.1f} MB before, {once:.1f} after the first time, {most:.1f} the second "
               f"time, {after:.1f} after it")
        # What malloc keeps of the first time serves the second.
        assert once < before + 30 and after < once + 4, "memory grows"


def closed_of(port, count, host):
    """How many of so many silent connections of one host the server closes at once."""
    peers = []
    for _ in range(count):
        peers.append(socket.socket())
        peers[-1].bind((host, 0))
        peers[-1].connect(("127.0.0.1", port))
        peers[-1].setblocking(False)
    poll = select.poll()
    for peer in peers:
        poll.register(peer, select.POLLIN)
    closed = set()

    def gone():
        closed.update(fd for fd, _ in poll.poll(0))
        return closed
    until("some are closed", gone)
    before = -1
    while len(gone()) != before:
        before = len(closed)
        threading.Event().wait(0.5)
    for peer in peers:
        peer.close()
    return len(closed)


def one_host():
    """one host has its share of the connections, and others have room"""
    with Server(expected=["refused 127.0.0.30:"]) as server:
        server.publish(generated(), "cam")
        until("cam is live", lambda: "live/cam" in server.streams())
        rtmp, http = (int(re.search(r":(\d+)(?:/|$)", url.split("//")[1])[1])
                      for url in (server.rtmp, server.http))
        refused = closed_of(rtmp, 1200, "127.0.0.30")
        assert refused == 200, f"{refused} of 1,200 are closed"
        packets.decode(server.url("cam"), 2)
        refused = closed_of(http, 6100, "127.0.0.30")
        assert refused == 100, f"{refused} of 6,100 are closed"
        packets.decode(server.flv("cam"), 2)
        lines = [line for line in server.log.splitlines() if "refused 127.0.0.30" in line]
        assert 2 <= len(lines) < 20, f"{len(lines)} lines"
        yield from lines[:1] + lines[-1:]


if __name__ == "__main__":
    rig.need("ffmpeg", "ffprobe")
    rig.main([silent_thousands, one_host])
