#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A publisher that goes for good: whatever they speak, players end by themselves."""

import base64
import os
import socket
import struct
import urllib.request

from rig import Process, Server, generated, main, need, until

SHORT = ("grace=1s", "segment=1s")


def watch(*url):
    return Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", *url, "-c", "copy",
                   "-f", "null", "-")


def frames(player):
    counts = [int(line[6:]) for line in player.out.splitlines() if line.startswith("frame=")]
    return counts[-1] if counts else 0


def ends(server, publisher, player):
    """Waits for the player's end after its publisher's, and checks the exit code."""
    until("it plays", lambda: frames(player) > 30)
    publisher.end()
    code = player.wait(20)
    assert code == 0, f"the player's exit code is {code}"
    until("it is off air", lambda: not server.streams())
    return f"{frames(player)} frames, then exit code {code}"


def rtmp():
    """ffmpeg is told over RTMP, and ends."""
    with Server(*SHORT) as server:
        publisher = server.publish(generated(), "cam")
        yield ends(server, publisher, watch("-i", server.url("cam")))


def gstreamer():
    """rtmp2src is told, and its pipeline ends with EOS."""
    with Server(*SHORT) as server:
        publisher = server.publish(generated(), "cam")
        until("cam is live", server.streams)
        player = Process("gst-launch-1.0", "rtmp2src", f"location={server.url('cam')}", "!",
                         "flvdemux", "name=demux", "demux.video", "!", "fakesink")
        until("it plays", lambda: "PLAYING" in player.log)
        publisher.end()
        assert player.wait(20) == 0
        assert "Got EOS from element" in player.out, player.out


def http_flv():
    """The body of HTTP-FLV ends: the exit code is 0."""
    with Server(*SHORT) as server:
        publisher = server.publish(generated(), "cam")
        until("cam is live", server.streams)
        yield ends(server, publisher, watch("-i", server.flv("cam")))


def hls():
    """The playlist ends, and with it ffmpeg, which hangs on one that answers 404."""
    with Server(*SHORT) as server:
        publisher = server.publish(generated(), "cam")
        yield ends(server, publisher, watch("-i", server.wait_for_hls("cam")))
        with urllib.request.urlopen(server.hls("cam"), timeout=10) as answer:
            assert answer.read().endswith(b"#EXT-X-ENDLIST\n")
        # The next stream at this address is a new one.
        publisher = server.publish(generated(), "cam")

        def goes_on():
            with urllib.request.urlopen(server.hls("cam"), timeout=20) as answer:
                return b"ENDLIST" not in answer.read()
        until("the playlist goes on", goes_on)
        yield ends(server, publisher, watch("-i", server.hls("cam")))


def websocket():
    """A WebSocket ends with a close frame: 1000, normal."""
    with Server(*SHORT) as server:
        publisher = server.publish(generated(), "cam")
        until("cam is live", server.streams)
        host, port = server.http.rpartition("/")[2].split(":")
        with socket.create_connection((host, int(port)), timeout=30) as peer:
            key = base64.b64encode(os.urandom(16)).decode()
            peer.sendall(f"GET /live/cam.flv HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\n"
                         f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         f"Sec-WebSocket-Key: {key}\r\n\r\n".encode())
            stream = peer.makefile("rb")
            while stream.readline() != b"\r\n":
                pass
            messages = 0
            while True:
                head, size = stream.read(2)
                size = struct.unpack(">H", stream.read(2))[0] if size == 126 else \
                    struct.unpack(">Q", stream.read(8))[0] if size == 127 else size
                payload = stream.read(size)
                if head == 0x88:
                    break
                messages += 1
                if messages == 20:
                    publisher.end()
            assert messages > 20 and struct.unpack(">H", payload)[0] == 1000, payload
            assert stream.read() == b""


def comes_back():
    """Within the grace period players wait, and continue."""
    with Server("grace=1min", "segment=1s") as server:
        first = server.publish(generated(), "cam")
        until("cam is live", server.streams)
        players = [watch("-i", url) for url in
                   (server.url("cam"), server.flv("cam"), server.wait_for_hls("cam"))]
        for player in players:
            until("it plays", lambda p=player: frames(p) > 10)
        first.end()
        until("it is off air", lambda: not server.streams())
        server.publish(generated(), "cam")
        before = [frames(player) for player in players]
        for player, count in zip(players, before):
            until("it plays on", lambda p=player, c=count: frames(p) > c + 30)


if __name__ == "__main__":
    need("ffmpeg")
    main([rtmp, gstreamer, http_flv, hls, websocket, comes_back], jobs=2)
