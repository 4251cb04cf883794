#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP-FLV with ffmpeg, curl, WebSocket and stock GStreamer: every published packet at its time;
MPEG-TS with ffmpeg; and error responses."""

import base64
import os
import re
import socket
import struct
import tempfile
import time

import packets
import rig
from rig import Server, TsServer, footage, generated, until


def playing(server, name, *source):
    """The URL of a stream that is amid its second GOP."""
    publisher = server.publish(*source, name)
    until("a GOP has gone by", lambda: publisher.sent() > 3)
    return server.flv(name)


def place(name):
    return os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), name)


def begins_with_keyframe(path, reference):
    """A saved file has the published packets from a keyframe on, up to where it was cut."""
    got = {kind: found[:-1] for kind, found in packets.of_file(path).items()}
    assert got["video"][0].key, "does not begin with a keyframe"
    return packets.same(got, reference)


def ffmpeg():
    """ffmpeg plays every packet at its time, with and without B-frames"""
    with Server() as server:
        for name, file in (("real", footage()), ("b-frames", generated())):
            reference = packets.published(file)
            url = playing(server, name, file)
            yield f"{name}: {packets.same(packets.play(url), reference)}"


def transport_stream():
    """ffmpeg decodes MPEG-TS over HTTP, with and without B-frames"""
    for file in (footage(), generated()):
        with TsServer(file) as server:
            packets.decode(server.url, 4)
        yield f"{os.path.basename(file)}: 4 s"


def curl():
    """curl saves it, chunked and until the connection closes, and gets an error for other names"""
    with Server() as server:
        reference = packets.published(footage())
        url = playing(server, "cam", footage())
        for options, framing in (((), "transfer-encoding: chunked"), (("-0",), "connection: close")):
            path = place("saved.flv")
            process = rig.Process("curl", "-sS", "-D", path + ".head", "-m", "4", "-o", path,
                                  *options, url)
            assert process.wait() == 28, "curl did not end by its own time limit"
            with open(path + ".head", encoding="latin-1") as file:
                head = file.read().lower()
            assert framing in head and "content-length" not in head, head
            yield f"{framing}: {begins_with_keyframe(path, reference)}"

        def status(*options, path=url):
            return rig.run("curl", "-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}",
                           *options, path)[0]
        assert status("-I") == "200"
        assert status("-X", "OPTIONS") == "204"
        assert status("-r", "100-200") == "416"
        assert status(path=server.flv("nobody")) == "404"
        assert status("-d", "x") == "405"


class WebSocket:
    """A client of a few lines that keeps the payload of binary frames."""

    def __init__(self, url):
        host, port, path = re.match(r"https?://([^:/]+):(\d+)(/.*)", url).groups()
        self.socket = self.connect(host, int(port))
        self.socket.sendall((
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nOrigin: http://elsewhere.example\r\n"
            "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n\r\n").encode())
        self.stream = self.socket.makefile("rb")
        status = self.stream.readline()
        assert b" 101 " in status, status
        while self.stream.readline().strip():
            pass

    @staticmethod
    def connect(host, port):
        return socket.create_connection((host, port), timeout=rig.PATIENCE)

    def send(self, opcode, payload):
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
        self.socket.sendall(bytes((0x80 | opcode, 0x80 | len(payload))) + mask + masked)

    def receive(self):
        """(opcode, payload) of the next frame; None at the end."""
        head = self.stream.read(2)
        if len(head) < 2:
            return None
        assert head[0] & 0x80 and not head[1] & 0x80, "a frame in pieces, or masked"
        size = head[1]
        if size == 126:
            size, = struct.unpack(">H", self.stream.read(2))
        elif size == 127:
            size, = struct.unpack(">Q", self.stream.read(8))
        return head[0] & 15, self.stream.read(size)


def watch(client, reference):
    """The received data equals the published data; a ping gets its pong, and the end is a close
    frame. Returns a description."""
    path, frames, pong = place("saved.flv"), 0, False
    client.send(9, b"are you there")
    end = time.monotonic() + 4
    with open(path, "wb") as file:
        while time.monotonic() < end:
            opcode, payload = client.receive()
            if opcode == 2:
                file.write(payload)
                frames += 1
            else:
                assert (opcode, payload) == (10, b"are you there"), (opcode, payload)
                pong = True
    assert pong, "no pong"
    client.send(8, struct.pack(">H", 1000))
    last = None
    while (frame := client.receive()) is not None:
        last = frame
    assert last == (8, struct.pack(">H", 1000)), last
    return f"{frames} frames, {begins_with_keyframe(path, reference)}"


def websocket():
    """a WebSocket client gets every packet, its ping an answer, and a farewell"""
    with Server() as server:
        reference = packets.published(footage())
        yield watch(WebSocket(playing(server, "cam", footage())), reference)


def by_gstreamer(url, options=""):
    """Saves four seconds with souphttpsrc (with these options) and flvdemux; describes them."""
    path = place("saved.ts")
    process = rig.Process("gst-launch-1.0", "-q", "-e", *(
        f"souphttpsrc location={url} is-live=true {options} ! flvdemux name=d "
        "d.video ! queue ! h264parse ! mux. d.audio ! queue ! aacparse ! mux. "
        f"mpegtsmux name=mux ! filesink location={path}").split())
    until("something is saved", lambda: os.path.exists(path) and os.path.getsize(path) > 0)
    end = time.monotonic() + 4
    until("four seconds pass", lambda: time.monotonic() > end)
    assert process.end() == 0 and not process.log, process.log
    got = packets.of_file(path)
    packets.rising(got)
    assert min(len(got[kind]) for kind in packets.KINDS) > 40, "hardly anything came"
    return ", ".join(f"{len(got[kind])} of {kind}" for kind in packets.KINDS)


def gstreamer():
    """souphttpsrc and flvdemux, GStreamer's own, play it"""
    with Server() as server:
        yield by_gstreamer(playing(server, "cam", footage()))


def republish():
    """a viewer stays while its publisher stops and comes back"""
    with Server() as server:
        reference = packets.published(footage())
        first = server.publish(footage(), "cam")
        until("a GOP has gone by", lambda: first.sent() > 3)
        player = packets.Player(server.flv("cam"), "-t", 10)
        until("it plays", lambda: player.seconds() > 1)
        first.end()
        before = player.seconds()
        server.publish(footage(), "cam")
        until("it plays on", lambda: player.seconds() > before + 2)
        got = player.packets()
        packets.rising(got)
        known = {packet.hash for kind in packets.KINDS for packet in reference[kind]}
        strange = sum(p.hash not in known for kind in packets.KINDS for p in got[kind])
        assert not strange, f"{strange} packets that nobody sent"
        yield f"{player.seconds():.1f} s through the gap"


if __name__ == "__main__":
    rig.need("ffmpeg", "curl", "gst-launch-1.0")
    rig.main([ffmpeg, transport_stream, curl, websocket, gstreamer, republish], jobs=2)
