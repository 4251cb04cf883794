#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""mpv plays RTMP, HTTP-FLV, HTTP-TS and HLS: the position advances in real time, audio and video
stay in sync, no decoding fails. The time to the first frame is reported but not judged."""

import contextlib
import json
import os
import socket
import tempfile
import time

import rig
from rig import Server, TsServer, footage, generated, until


class Mpv:
    """An mpv without windows or devices, unless `options` say otherwise; asked over its socket."""

    def __init__(self, url, *options, env=None):
        self.path = os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), "socket")
        self.began = time.monotonic()
        self.process = rig.Process("mpv", "--no-config", "--vo=null", "--ao=null", "--no-terminal",
                                   f"--log-file={self.path}.log", "--msg-level=all=warn",
                                   f"--input-ipc-server={self.path}", "--hwdec=no", *options,
                                   url, env=env)
        self.socket = None

    def get(self, name):
        """A property's value; None while there is none."""
        return self.command("get_property", name)

    def command(self, *words):
        """The result of a command; None if it fails."""
        if not self.socket:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(rig.PATIENCE)
            try:
                connection.connect(self.path)
            except OSError:
                return None
            self.socket = connection.makefile("rw", encoding="utf-8")
        self.socket.write(json.dumps({"command": words}) + "\n")
        self.socket.flush()
        for line in self.socket:
            answer = json.loads(line)
            if "event" not in answer:
                return answer.get("data")
        return None

    def warnings(self):
        """The log lines above the level of information."""
        with open(self.path + ".log", encoding="utf-8", errors="replace") as file:
            return [line for line in file if "][w]" in line or "][e]" in line or "][f]" in line]


def plays(url, known=None):
    """Plays `url` for some seconds; describes how. `known`: a warning that does not count."""
    player = Mpv(url)
    until("mpv shows a frame", lambda: player.get("estimated-frame-number") or
          not player.process.running())
    assert player.process.running(), "mpv is gone"
    first = time.monotonic() - player.began
    position, then = player.get("time-pos"), time.monotonic()
    apart = []

    def watched():
        value = player.get("avsync")
        apart.append(abs(value) if value is not None else 0)
        return time.monotonic() > then + 5 or not player.process.running()
    until("five seconds pass", watched)
    assert player.process.running(), "mpv is gone"
    moved, taken = player.get("time-pos") - position, time.monotonic() - then
    for kind in ("vid", "aid"):
        assert player.get(kind) == 1, f"{kind} is {player.get(kind)}"
    assert player.get("audio-params"), "no sound is played"
    assert taken * 0.7 < moved < taken * 1.3 + 0.5, f"{moved:.2f} s played in {taken:.2f} s"
    late = sorted(apart)[len(apart) * 9 // 10]
    assert late < 0.25, f"sound and picture are {late:.2f} s apart"
    with contextlib.suppress(OSError):
        player.socket.close()
    player.process.end()
    complaints = [line for line in player.warnings() if not known or known not in line]
    assert not complaints, "".join(["mpv says:\n", *complaints])
    return (f"{url.split(':')[0]}: first frame after {first:.1f} s, "
            f"{moved:.2f} s in {taken:.2f} s, A-V within {late * 1000:.0f} ms")


def rtmp():
    """mpv plays rtmp://, with and without B-frames"""
    with Server() as server:
        for name, file in (("real", footage()), ("b-frames", generated())):
            source = server.publish(file, name)
            until("a GOP has gone by", lambda: source.sent() > 3)
            yield plays(server.url(name))


def http_ts():
    """mpv plays HTTP-TS, with and without B-frames"""
    for file in (footage(), generated()):
        with TsServer(file) as server:
            yield plays(server.url)


def hls():
    """mpv plays HLS, with and without B-frames"""
    with Server() as server:
        for name, file in (("real", footage()), ("b-frames", generated())):
            server.publish(file, name)
            yield plays(server.wait_for_hls(name))


def http():
    """mpv plays HTTP-FLV, with and without B-frames"""
    with Server() as server:
        for name, file in (("real", footage()), ("b-frames", generated())):
            source = server.publish(file, name)
            until("a GOP has gone by", lambda: source.sent() > 3)
            yield plays(server.flv(name))


def gap():
    """mpv stays while the publisher is gone for two seconds, and goes on in sync"""
    with Server() as server:
        first = server.publish(footage(), "cam")
        players = [Mpv(server.url("cam")), Mpv(server.wait_for_hls("cam"))]
        for player in players:
            until("mpv shows a frame", lambda p=player: p.get("estimated-frame-number"))
        first.process.kill()
        pause = time.monotonic() + 2
        until("two seconds pass", lambda: time.monotonic() > pause)
        server.publish(footage(), "cam")
        before = [player.get("time-pos") for player in players]
        for number, player in enumerate(players):
            until("mpv goes on", lambda p=player, n=number: p.get("time-pos") > before[n] + 2)
        apart, end = [], time.monotonic() + 3

        def watched():
            apart.extend(abs(player.get("avsync") or 0) for player in players)
            return time.monotonic() > end
        until("three seconds pass", watched)
        late = sorted(apart)[len(apart) * 9 // 10]
        assert late < 0.25, f"sound and picture are {late:.2f} s apart"
        for player in players:
            assert player.process.running(), "mpv is gone"
            with contextlib.suppress(OSError):
                player.socket.close()
            player.process.end()
        yield f"A-V within {late * 1000:.0f} ms after the gap"


if __name__ == "__main__":
    rig.need("mpv", "ffmpeg")
    rig.main([rtmp, http, http_ts, hls, gap], jobs=2)
