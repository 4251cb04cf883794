#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""HTTP/2 of https:// addresses with curl, nghttp and h2load: page, list of streams, playlist, parts,
segments; requests that wait beside others; live streams, which go to HTTP/1.1."""

import json
import re
import socket
import ssl
from urllib.parse import urljoin, urlsplit

import http_flv
import https
import packets
import rig
from low_latency import Playlist
from rig import Process, footage, generated, until


GOAWAY = 7  # RFC 9113, section 6.8


def curl(url, *options):
    """Status, version of HTTP, headers by their names in lower case."""
    out, _ = rig.run("curl", "-sS", "--cacert", https.certificate()[0], "-D", "-", "-o", "/dev/null",
                     *options, "-w", "%{http_code} %{http_version}", url)
    *lines, last = out.splitlines()
    status, version = last.split()
    headers = dict(line.split(": ", 1) for line in lines if ": " in line)
    return int(status), version, {name.lower(): value for name, value in headers.items()}


def low(server):
    """The first playlist with parts of a stream that is published now."""
    server.publish(generated(), "cam")

    def there():
        process = Process("curl", "-sS", "-f", "--cacert", https.certificate()[0], server.hls("cam"))
        return process.wait() == 0 and "#EXT-X-PART:" in process.out and process.out
    return Playlist(until("a playlist with parts", there))


def idle(server):
    """A connection of HTTP/2 without a request."""
    context = https.trusting()
    context.set_alpn_protocols(["h2"])
    address = urlsplit(server.http)
    connection = context.wrap_socket(socket.create_connection((address.hostname, address.port)),
                                     server_hostname=address.hostname)
    assert connection.selected_alpn_protocol() == "h2"
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
    connection.settimeout(rig.PATIENCE)
    return connection


def frames(connection):
    """The types of the frames that came until the end of the connection."""
    data = b""
    try:
        while more := connection.recv(1 << 14):
            data += more
    except (ConnectionError, ssl.SSLEOFError):
        pass  # a process that ends does not close its connections one by one
    types = []
    while data:
        types.append(data[3])
        data = data[9 + int.from_bytes(data[:3], "big"):]
    return types


def pages():
    """curl gets the page, the list, a playlist, a part and a segment over HTTP/2, with priorities, and
    the same over HTTP/1.1"""
    with https.secure("latency=low") as server:
        playlist = low(server)
        folder = server.hls("cam").rsplit("/", 1)[0] + "/"
        part = list(playlist.parts.values())[-1][0]
        for path, kind, priority in (
                (server.http + "/", "text/html", None),
                (server.http + "/streams.json", "application/json", None),
                (server.hls("cam"), "application/vnd.apple.mpegurl", "u=1"),
                (folder + part, "video/mp4", "u=3")):
            versions = set()
            for option in ("--http2", "--http1.1"):
                status, version, headers = curl(path, option)
                assert status == 200, f"{path}: {status}"
                versions.add(version)
                assert headers["content-type"].startswith(kind), headers
                if version == "2":
                    assert headers.get("priority") == priority, headers
            assert versions == {"2", "1.1"}, versions
        status, _, _ = curl(server.http + "/live/none/index.m3u8", "--http2")
        assert status == 404, status


def blocking():
    """playlists that wait, on one connection of nghttp beside others, come with their parts"""
    with https.secure("latency=low") as server:
        playlist = low(server)
        number = playlist.open + 1
        urls = [f"{server.hls('cam')}?_HLS_msn={number}&_HLS_part={part}" for part in (0, 1, 2)]
        urls += [server.http + "/streams.json", server.http + "/"]
        out, _ = rig.run("nghttp", "-n", "-s", "--no-verify-peer", *urls)
        times = {}
        for line in out.splitlines():
            found = re.match(r"\s*\d+\s+\S+\s+\S+\s+([\d.]+)(us|ms|s)\s+(\d+)\s+\S+\s+(\S+)$", line)
            if found:
                unit = {"us": 1e-6, "ms": 1e-3, "s": 1}[found[2]]
                times[found[4]] = float(found[1]) * unit
                assert found[3] == "200", line
        assert len(times) == 5, out
        waited = [seconds for path, seconds in times.items() if "_HLS" in path]
        others = [seconds for path, seconds in times.items() if "_HLS" not in path]
        assert max(others) < min(waited), times
        yield f"waited {min(waited):.2f} to {max(waited):.2f} s, others took {max(others):.3f} s"


def load():
    """h2load has 10,000 requests on 20 connections, 20 at a time on each, answered without an error"""
    with https.secure() as server:
        server.publish(footage(), "cam")
        segment = https.segments(server, "cam")[0]
        for url in (server.hls("cam"), server.hls("cam").rsplit("/", 1)[0] + "/" + segment):
            out, _ = rig.run("h2load", "-n", "2000" if url.endswith(".ts") else "10000", "-c", "20", "-m",
                             "20", url, seconds=120)
            assert re.search(r"requests: (\d+) total, \1 started, \1 done, \1 succeeded, 0 failed, 0 "
                             r"errored, 0 timeout", out), out
            yield re.search(r"finished in .*", out)[0]


def dash():
    """the MPD and its clock come over HTTP/2, and a segment that is being made as it is made"""
    with https.secure("latency=low-dash") as server:
        server.publish(generated(), "cam")
        mpd = server.hls("cam").removesuffix(".m3u8") + ".mpd"
        until("the MPD is there", lambda: rig.run(
            "curl", "-sS", "--cacert", https.certificate()[0], "-o", "/dev/null", "-w",
            "%{http_code}", mpd)[0] == "200")
        for url, kind in (mpd, "application/dash+xml"), (urljoin(mpd, "index/utc"), "text/plain"):
            status, version, headers = curl(url, "--http2")
            assert (status, version) == (200, "2"), (url, status, version)
            assert headers["content-type"].startswith(kind), headers
        # The newest whole segment of video, and the one after it.
        folder = urljoin(mpd, "index/video_0/")
        listed, _ = rig.run("curl", "-sS", "--cacert", https.certificate()[0], folder + "index.m3u8")
        begin, number = re.findall(r"(?m)^(seg-\S*-)(\d+)\.m4s$", listed)[-1]
        url = f"{folder}{begin}{int(number) + 1}.m4s"
        path = http_flv.place("growing.m4s")
        out, _ = rig.run("curl", "-sS", "--http2", "--cacert", https.certificate()[0], "-o", path,
                         "-w", "%{http_code} %{http_version} %{time_starttransfer} %{time_total}", url)
        status, version, first, whole = out.split()
        assert (status, version) == ("200", "2"), out
        again, _ = rig.run("curl", "-sS", "--http2", "--cacert", https.certificate()[0], url,
                           "-o", path + ".whole", "-w", "%{http_code}")
        with open(path, "rb") as grown, open(path + ".whole", "rb") as all_of_it:
            data = grown.read()
            assert data == all_of_it.read() and data[4:8] == b"styp" and again == "200", data[:40]
        yield f"{len(data)} bytes from {float(first):.2f} to {float(whole):.2f} s"


def live():
    """curl that asks for a live stream over HTTP/2 gets it, over HTTP/1.1"""
    with https.secure() as server:
        reference = packets.published(footage())
        url = https.playing(server)
        path = http_flv.place("http2.flv")
        process = Process("curl", "-sS", "--http2", "--cacert", https.certificate()[0], "-D",
                          path + ".head", "-m", "4", "-o", path, url)
        assert process.wait() == 28, "curl did not end by its own time limit"
        with open(path + ".head", encoding="latin-1") as file:
            assert "HTTP/1.1 200" in file.read()
        yield http_flv.begins_with_keyframe(path, reference)
        # On a connection that goes on.
        out, _ = rig.run("curl", "-sS", "--http2", "-I", "--cacert", https.certificate()[0], url,
                         server.http + "/streams.json")
        assert out.count("HTTP/2 200") == 2, out


def ending():
    """the server ends in time beside clients that wait and that do nothing; it tells them before, with
    a stream and without"""
    with https.secure("latency=low") as server:
        playlist = low(server)
        far = f"{server.hls('cam')}?_HLS_msn={playlist.open + 1}"
        waiting = [Process("curl", "-sS", "--http2", "--cacert", https.certificate()[0], far)
                   for _ in range(3)]
        silent = [idle(server) for _ in range(20)]
        listed, _ = rig.run("curl", "-sS", "--http2", "--cacert", https.certificate()[0],
                            server.http + "/streams.json")
        assert json.loads(listed)["streams"][0]["live"]
    for process in waiting:
        process.wait()
    for connection in silent:
        types = frames(connection)
        assert types[-1] == GOAWAY, types
    with https.secure() as server:
        silent = [idle(server) for _ in range(20)]
        rig.run("curl", "-sS", "--http2", "--cacert", https.certificate()[0], server.http + "/streams.json")
    for connection in silent:
        types = frames(connection)
        assert types[-1] == GOAWAY, types


if __name__ == "__main__":
    rig.need("openssl", "ffmpeg", "curl", "nghttp", "h2load")
    rig.main([pages, blocking, load, dash, live, ending], jobs=2)
