#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""VLC plays RTMP, HTTP-FLV, HTTP-TS and HLS: according to its statistics, video and audio are
decoded and output. VLC refuses to run as root: in that case the test runs it as nobody."""

import os
import re
import subprocess
import tempfile
import time

import rig
from rig import Server, TsServer, footage, generated, until

WANTED = {"video decoded": 50, "frames displayed": 50, "audio decoded": 100, "buffers played": 100}
# Of VLC's many complaints, these concern media. Complaints about its own clock are ignored: it may
# not be set when the first frames are decoded, even on good streams.
WRONG = re.compile(r"(?m)^\[(?!.*[Tt]imestamp).*(?:(?:decoder|demux|packetizer|access) error"
                   r"|decode_slice|no frame|[Cc]orrupt|[Ii]nvalid).*$")
NONE = ("demux corrupted", "discontinuities")


class Vlc:
    """A VLC without windows or devices, asked over its standard input."""

    def __init__(self, url, *options):
        self.asked = 0
        home = tempfile.mkdtemp(dir=rig.FOLDER)
        command = ["cvlc", "-I", "oldrc", "--rc-fake-tty", "--vout", "vdummy", "--aout", "adummy",
                   "--no-color", *options, url]
        if os.geteuid() == 0:
            os.chmod(rig.FOLDER, 0o755)
            os.chown(home, 65534, 65534)
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        self.process = rig.Process(*command, stdin=subprocess.PIPE,
                                   env={"HOME": home, "XDG_RUNTIME_DIR": home})

    def say(self, word):
        self.process.process.stdin.write(f"{word}\n".encode())
        self.process.process.stdin.flush()

    def stats(self):
        """The newest statistics, requested now and then."""
        if self.process.running() and time.monotonic() > self.asked + 0.5:
            self.asked = time.monotonic()
            self.say("stats")
        return {name: int(value) for name, value in
                re.findall(r"^\| ([a-z ]+?) +: +(\d+)$", self.process.out, re.M)}


def plays(url, *options):
    """Plays `url` until its statistics say that it does; describes them."""
    player = Vlc(url, *options)

    def enough():
        stats = player.stats()
        done = all(stats.get(name, 0) > least for name, least in WANTED.items())
        return stats if done or not player.process.running() else None
    stats = until("VLC plays picture and sound", enough)
    assert player.process.running(), "VLC is gone"
    for name in NONE:
        assert stats[name] == 0, f"VLC counts: {name}: {stats[name]}"
    # A slow machine loses some frames; a broken clock loses most.
    assert stats["frames lost"] < stats["frames displayed"] / 2, f"{stats['frames lost']} lost"
    assert stats["buffers lost"] < stats["buffers played"] / 2, f"{stats['buffers lost']} lost"
    wrong = WRONG.findall(player.process.log)
    assert not wrong, "\n".join(["VLC says:", *wrong])
    player.process.kill()  # asked to end, it may hang
    return f"{url.split(':')[0]}: " + ", ".join(f"{stats[name]} {name}" for name in WANTED)


def rtmp():
    """VLC plays rtmp://, with and without B-frames"""
    with Server() as server:
        for name, file in (("real", footage()), ("b-frames", generated())):
            source = server.publish(file, name)
            until("a GOP has gone by", lambda: source.sent() > 3)
            yield plays(server.url(name))


def http():
    """VLC plays HTTP-FLV, with and without B-frames"""
    with Server() as server:
        for name, file in (("real", footage()), ("b-frames", generated())):
            source = server.publish(file, name)
            until("a GOP has gone by", lambda: source.sent() > 3)
            yield plays(server.flv(name))


def http_ts():
    """VLC plays HTTP-TS, with and without B-frames"""
    for file in (footage(), generated()):
        with TsServer(file) as server:
            yield plays(server.url)


def hls():
    """VLC plays HLS, with and without B-frames"""
    with Server() as server:
        for name, file in (("real", footage()), ("b-frames", generated())):
            server.publish(file, name)
            yield plays(server.wait_for_hls(name))


if __name__ == "__main__":
    rig.need("cvlc", "setpriv", "ffmpeg")
    rig.main([rtmp, http, http_ts, hls], jobs=2)
