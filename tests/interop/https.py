#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTPS with curl, ffmpeg, mpv, GStreamer and WebSocket: the stream arrives packet by packet from a
server whose certificate is verified; plain HTTP clients get an error response."""

import os
import re
import socket
import ssl
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import http_flv
import packets
import rig
from mpv import Mpv
from rig import Server, footage, until

_making = threading.Lock()


def certificate():
    """The files of a self-signed certificate for 127.0.0.1 and of its key."""
    paths = [os.path.join(rig.FOLDER, name) for name in ("certificate.pem", "key.pem")]
    with _making:
        if not os.path.exists(paths[0]):
            rig.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                    "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
                    "-out", paths[0], "-keyout", paths[1])
    return paths


def secure(*settings, **options):
    trusted, key = certificate()
    return Server("web=https", f"tls-certificate={trusted}", f"tls-key={key}", *settings, **options)


def trusting():
    return ssl.create_default_context(cafile=certificate()[0])


def playing(server, name="cam"):
    publisher = server.publish(footage(), name)
    until("a GOP has gone by", lambda: publisher.sent() > 3)
    assert server.http.startswith("https://"), server.http
    return server.flv(name)


def curl():
    """curl checks the certificate and saves HTTP-FLV; without the certificate it refuses"""
    with secure() as server:
        reference = packets.published(footage())
        url = playing(server)
        for options, framing in (((), "transfer-encoding: chunked"), (("-0",), "connection: close")):
            path = http_flv.place("saved.flv")
            process = rig.Process("curl", "-sS", "--cacert", certificate()[0], "-D", path + ".head",
                                  "-m", "4", "-o", path, *options, url)
            assert process.wait() == 28, "curl did not end by its own time limit"
            with open(path + ".head", encoding="latin-1") as file:
                assert framing in file.read().lower()
            yield f"{framing}: {http_flv.begins_with_keyframe(path, reference)}"
        process = rig.Process("curl", "-sS", "-o", "/dev/null", url)
        assert process.wait() == 60, "curl trusts a certificate that nobody has signed"
        process = rig.Process("curl", "-sS", "-k", "--tls-max", "1.1", "-o", "/dev/null", url)
        assert process.wait() == 35, "TLS 1.1 is spoken"


def ffmpeg():
    """ffmpeg plays every packet of https://….flv at its time"""
    with secure() as server:
        reference = packets.published(footage())
        url = playing(server)
        yield packets.same(packets.play(url, before=(
            "-tls_verify", "1", "-ca_file", certificate()[0])), reference)
        yield packets.same(packets.play(url, before=("-tls_verify", "0")), reference)


def get(url):
    with urllib.request.urlopen(url, timeout=20, context=trusting()) as answer:
        return answer.read()


def segments(server, name):
    """The playlist's segments, once there are two."""
    def found():
        try:
            lines = get(server.hls(name)).decode().splitlines()
        except urllib.error.HTTPError:
            return None
        names = [line for line in lines if line and not line.startswith("#")]
        return len(names) >= 2 and names
    return until("two segments", found)


def hls():
    """the page, the list of streams, playlist and segments are served over TLS"""
    with secure() as server:
        server.publish(footage(), "cam")
        assert b"<html" in get(server.http + "/")
        first = get(server.hls("cam").rsplit("/", 1)[0] + "/" + segments(server, "cam")[0])
        assert len(first) % 188 == 0 and first[0] == 0x47
        assert b'"/live/cam.flv"' in get(server.http + "/streams.json")
        yield f"{len(first)} bytes of a segment"


class SecureWebSocket(http_flv.WebSocket):
    """wss://"""

    @staticmethod
    def connect(host, port):
        plain = socket.create_connection((host, port), timeout=rig.PATIENCE)
        return trusting().wrap_socket(plain, server_hostname=host)


def websocket():
    """a WebSocket client gets every packet over TLS, its ping an answer, and a farewell"""
    with secure() as server:
        yield http_flv.watch(SecureWebSocket(playing(server)), packets.published(footage()))


def mpv():
    """mpv plays https://….flv, sound and picture together"""
    with secure() as server:
        player = Mpv(playing(server))
        until("mpv plays", lambda: (player.get("time-pos") or 0) > 0)
        position, then = player.get("time-pos"), time.monotonic()
        until("four seconds pass", lambda: time.monotonic() > then + 4)
        moved, taken = player.get("time-pos") - position, time.monotonic() - then
        assert taken * 0.7 < moved < taken * 1.3 + 0.5, f"{moved:.2f} s played in {taken:.2f} s"
        assert abs(player.get("avsync") or 0) < 0.25
        player.process.end()
        yield f"{moved:.2f} s in {taken:.2f} s"


def mpv_hls():
    """mpv plays https://….m3u8"""
    with secure() as server:
        server.publish(footage(), "cam")
        segments(server, "cam")
        player = Mpv(server.hls("cam"))
        until("mpv plays", lambda: (player.get("time-pos") or 0) > 1)
        player.process.end()


def gstreamer():
    """souphttpsrc and flvdemux, GStreamer's own, play it"""
    with secure() as server:
        yield http_flv.by_gstreamer(playing(server), "ssl-strict=false")


def plain():
    """clients that speak plain HTTP or something else on the port get an error, and others are not
    affected"""
    with secure() as server:
        url = playing(server)
        player = packets.Player(url, "-t", 5, before=("-tls_verify", "0"))
        for _ in range(5):
            out, _ = rig.run("curl", "-sS", "-m", "10", "-w", "%{http_code}",
                             url.replace("https:", "http:"))
            assert out == "This port serves https:// only.\n400", out
            host, port = server.http.split("//")[1].split(":")
            with socket.create_connection((host, int(port)), timeout=rig.PATIENCE) as garbage:
                garbage.sendall(os.urandom(2000).replace(b"\x16", b"x"))
                try:
                    while garbage.recv(1000):
                        pass
                except ConnectionResetError:
                    pass
        packets.same(player.finish(), packets.published(footage()))


def redirect():
    """a plain HTTP port beside the HTTPS one redirects to it, with path and query"""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with open(os.path.join(os.environ["PENSTOCK_PIPELINES"], "live.yaml"), encoding="utf-8") as file:
        text, count = re.subn(r'# redirect-from: ":80"', f"redirect-from: 127.0.0.1:{port}", file.read())
    assert count == 1
    path = os.path.join(rig.FOLDER, "redirecting.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    with secure(descriptions=(path,)) as server:
        head, _ = rig.run("curl", "-sS", "-i", f"http://127.0.0.1:{port}/live/a%20b?x=%20y")
        assert head.startswith("HTTP/1.1 307 "), head
        assert f"\r\nLocation: {server.http}/live/a%20b?x=%20y\r\n" in head, head
        page, _ = rig.run("curl", "-sS", "-L", "--cacert", certificate()[0], f"http://127.0.0.1:{port}/")
        assert "<title>Penstock</title>" in page, page
        _, head = rig.run("curl", "-sS", "-v", f"http://127.0.0.1:{port}/", "-H", "Host: evil\"<x>")
        assert "HTTP/1.1 400 " in head, head


def refusals():
    """a certificate that can't be used ends the start with what is wrong"""
    trusted, key = certificate()
    folder = tempfile.mkdtemp(dir=rig.FOLDER)
    other = os.path.join(folder, "other.key")
    rig.run("openssl", "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-out", other)
    for settings, says in (
            ((), "'tls-certificate' has to be given with web=https"),
            ((f"tls-certificate={trusted}",), "'tls-key' has to be given with web=https"),
            ((f"tls-certificate={folder}/none", f"tls-key={key}"), "can't read"),
            ((f"tls-certificate={trusted}", f"tls-key={other}"), "is not that of the certificate")):
        words = [word for setting in ("web=https", "rtmp=127.0.0.1:0", "http=127.0.0.1:0",
                                      *settings) for word in ("--set", setting)]
        process = rig.Process(rig.PENSTOCK, "run", "live", *words)
        code = 2 if "has to be given" in says else 1
        assert process.wait() == code and says in process.err, process.log
        yield process.err.strip().splitlines()[0]


if __name__ == "__main__":
    rig.need("openssl", "ffmpeg", "curl", "gst-launch-1.0")
    if len(sys.argv) == 1 or any(name.startswith("mpv") for name in sys.argv[1:]):
        rig.need("mpv")
    rig.main([curl, ffmpeg, hls, websocket, mpv, mpv_hls, gstreamer, plain, refusals], jobs=2)
