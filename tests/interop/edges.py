#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Varnish and nginx in front of Penstock, with the configurations of docker/edge: players get every
part and segment, and the edge asks Penstock once for what many of them want."""

import concurrent.futures
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

import rig
from rig import Process, Server, free_port, generated, need, until

EDGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docker", "edge")
LOAD = os.environ.get("HLS_LOAD", "hls-load")
PLAYERS = 40


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def configuration(name, server, **replaced):
    """The shipped file, with this server's address and other values of the test."""
    with open(os.path.join(EDGE, name), encoding="utf-8") as file:
        text = file.read()
    port = re.search(r":(\d+)$", server.http)[1]
    for old, new in {"8080": port, **replaced}.items():
        assert old in text, f"{name} has no '{old}'"
        text = text.replace(old, new)
    return text


def varnish(server, folder):
    """Varnish's port, and a function that counts what it has asked the server."""
    port = free_port()
    path = os.path.join(folder, "varnish.vcl")
    with open(path, "w", encoding="utf-8") as file:
        file.write(configuration("varnish.vcl", server))
    Process("varnishd", "-F", "-n", f"{folder}/work", "-a", f"127.0.0.1:{port}", "-f", path,
            "-s", "malloc,64M", "-p", "vsl_space=8M")
    until("varnish listens", lambda: listens(port))

    def asked():
        out, _ = rig.run("varnishstat", "-n", f"{folder}/work", "-1", "-j", "-f",
                         "MAIN.backend_req")
        return json.loads(out)["counters"]["MAIN.backend_req"]["value"]
    return port, asked


def nginx(server, folder):
    port = free_port()
    log = f"{folder}/access.log"
    site = configuration("nginx.conf", server, **{
        "/var/cache/nginx/penstock": f"{folder}/cache", "listen 80;": f"listen 127.0.0.1:{port};"})
    path = os.path.join(folder, "nginx.conf")
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"daemon off; master_process off; pid {folder}/pid;\n"
                   "events { worker_connections 2048; }\n"
                   "http {\n  log_format asked $upstream_cache_status,$status,$request_uri;\n"
                   f"  access_log {log} asked;\n" + site + "}\n")
    Process("/usr/sbin/nginx", "-e", "stderr", "-p", folder, "-c", path)
    until("nginx listens", lambda: listens(port))

    def asked():
        with open(log, encoding="utf-8") as file:
            return sum(not line.startswith("HIT,") for line in file)
    return port, asked


def load(port, *options, asked=lambda: 0):
    """What hls-load reports of its players; `requests`: by how much `asked` grew in the window that
    is reported of."""
    process = Process(LOAD, "--play", f"127.0.0.1:{port}", "--path", "/live/cam/index.m3u8",
                      "--players", PLAYERS, "--settle", "2", *options)
    counts = []
    for phase in "window", "closed":
        until(f"hls-load's phase '{phase}'", lambda name=f'"{phase}"': name in process.out or
              not process.running())
        counts.append(asked())
    code = process.wait(90)
    assert code == 0, f"hls-load: exit {code}"
    result = json.loads(process.out.splitlines()[-1])
    result["requests"] = counts[1] - counts[0]
    assert result["started"] == PLAYERS and result["failed"] == 0, result
    assert result["missing"] == 0 and result["media"] > 1, result
    return result


def get(url):
    """The body and the headers of an answer, of an error's too."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.read(), error.headers


def plays(url):
    """ffmpeg reads video packets."""
    out, _ = rig.run("ffprobe", "-v", "error", "-select_streams", "v", "-read_intervals", "%+2",
                     "-show_entries", "packet=pts", "-of", "csv=p=0", url, seconds=60)
    assert len(out.split()) > 20, out


def varnish_low():
    """Varnish, low-latency HLS: a part is fetched once for all players"""
    need("varnishd", "varnishstat", LOAD)
    with tempfile.TemporaryDirectory(prefix="penstock-edge-") as folder, \
            Server("latency=low") as server:
        os.chmod(folder, 0o755)
        server.publish(generated(), "cam")
        server.wait_for_hls("cam")
        port, asked = varnish(server, folder)
        result = load(port, "--seconds", "8", asked=asked)
        requests = result["requests"]
        yield f"{requests} requests while {PLAYERS} players had {result['media']} parts each"
        # A part and a playlist for each; a third for what is counted before or after the window.
        assert 0 < requests < result["media"] * 3 < result["deliveries"], result
        plays(f"http://127.0.0.1:{port}/live/cam.flv")
        plays(f"http://127.0.0.1:{port}/live/cam/index.m3u8")


def varnish_classic():
    """Varnish: a live stream goes through, a segment of MPEG-TS is an object"""
    need("varnishd", "varnishstat")
    with tempfile.TemporaryDirectory(prefix="penstock-edge-") as folder, Server() as server:
        os.chmod(folder, 0o755)
        server.publish(generated(), "cam")
        server.wait_for_hls("cam")
        port, asked = varnish(server, folder)
        plays(f"http://127.0.0.1:{port}/live/cam.flv")
        address = f"http://127.0.0.1:{port}/live/cam/index.m3u8"
        plays(address)
        segment = [line for line in get(address)[0].decode().splitlines()
                   if line and not line.startswith("#")][-1]
        assert re.search(r"/seg-[^/]*\.ts$", segment), segment
        address = urllib.parse.urljoin(address, segment)
        data, _ = get(address)
        before = asked()
        again, headers = get(address)
        assert data == again and data[0] == 0x47 and asked() == before, headers
        # Two numbers: its own request, and the one that brought the object.
        assert len(headers["X-Varnish"].split()) == 2, headers
        # No object, whatever comes of it: a piped answer is the server's own.
        for name in "cam.ts", "cam.ts?key=/seg-1.ts", "cam.mp3", "cam.aac", "cam.ogg", "cam.opus":
            headers = get(f"http://127.0.0.1:{port}/live/{name}")[1]
            assert "X-Varnish" not in headers, (name, headers)


def nginx_classic():
    """nginx, segments of 2 s: each is fetched once"""
    need("/usr/sbin/nginx", LOAD)
    with tempfile.TemporaryDirectory(prefix="penstock-edge-") as folder, Server() as server:
        os.chmod(folder, 0o755)
        server.publish(generated(), "cam")
        server.wait_for_hls("cam")
        port, asked = nginx(server, folder)
        before = asked()
        result = load(port, "--classic", "--seconds", "8")
        requests = asked() - before
        yield f"{requests} requests while {PLAYERS} players had {result['media']} segments each"
        assert requests < result["deliveries"] / 2, result
        plays(f"http://127.0.0.1:{port}/live/cam.flv")
        plays(f"http://127.0.0.1:{port}/live/cam/index.m3u8")


def nginx_low():
    """nginx, low-latency HLS: parts go through"""
    need("/usr/sbin/nginx", LOAD)
    with tempfile.TemporaryDirectory(prefix="penstock-edge-") as folder, \
            Server("latency=low") as server:
        os.chmod(folder, 0o755)
        server.publish(generated(), "cam")
        server.wait_for_hls("cam")
        port, _ = nginx(server, folder)
        load(port, "--seconds", "6")
        load(port, "--seconds", "4", "--hints")


def read_growing(address, started):
    """The segment at this address, and how much of it had come when `started` was set."""
    with urllib.request.urlopen(address, timeout=rig.PATIENCE) as answer:
        data = answer.read1(1 << 16)
        started.set()
        early = len(data)
        while more := answer.read1(1 << 16):
            data += more
    return data, early


def dash_through(port, server):
    """Players of DASH behind an edge; how many bytes of two segments came before the rest."""
    address = f"http://127.0.0.1:{port}/live/cam/index.mpd"
    until("the MPD is there", lambda: b"<MPD" in get(address)[0])
    folder = urllib.parse.urljoin(address, "index/video_0/")
    listed = get(folder + "index.m3u8")[0].decode()
    begin, number = re.findall(r"(?m)^(seg-\S*-)(\d+)\.m4s$", listed)[-1]
    name = f"{begin}{int(number) + 1}.m4s"
    started = threading.Event()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(read_growing, folder + name, started)
        until("something of the segment has come", lambda: started.is_set() or first.done())
        second = pool.submit(read_growing, folder + name, threading.Event())
        results = [one.result() for one in (first, second)]
    direct = get(f"{server.http}/live/cam/index/video_0/{name}")[0]
    assert all(data == direct for data, _ in results), [len(data) for data, _ in results]
    return len(direct), [early for _, early in results]


def varnish_dash():
    """Varnish, low-latency DASH: the segment that is being made goes to two players as it comes"""
    need("varnishd", "varnishstat")
    with tempfile.TemporaryDirectory(prefix="penstock-edge-") as folder, \
            Server("latency=low-dash") as server:
        os.chmod(folder, 0o755)
        server.publish(generated(), "cam")
        port, _ = varnish(server, folder)
        size, early = dash_through(port, server)
        yield f"{early} of {size} bytes at first"
        assert early[0] < size, (size, early)


def nginx_dash():
    """nginx, low-latency DASH: segments arrive whole"""
    need("/usr/sbin/nginx")
    with tempfile.TemporaryDirectory(prefix="penstock-edge-") as folder, \
            Server("latency=low-dash") as server:
        os.chmod(folder, 0o755)
        server.publish(generated(), "cam")
        port, _ = nginx(server, folder)
        size, early = dash_through(port, server)
        yield f"{early} of {size} bytes at first"


if __name__ == "__main__":
    rig.main([varnish_low, varnish_classic, varnish_dash, nginx_classic, nginx_low, nginx_dash])
