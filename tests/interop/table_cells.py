# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the rows of the interoperability table share: versions, and cells in which ffmpeg is the other
side."""

import json
import os
import re
import shutil
import socket

import packets
from rig import Process, Server, Skip, generated, run, until


def version(*command, pattern=r"(\d+(?:\.\d+)+)"):
    """What the program says of itself, or None if it is not here."""
    if not shutil.which(command[0]):
        return None
    out, err = run(*command)
    found = re.search(pattern, out + err)
    return found[1] if found else "?"


def package(name):
    """The version of a Debian package, without its epoch and revision."""
    if not shutil.which("dpkg-query"):
        return None
    process = Process("dpkg-query", "-W", "-f", "${Version}", name)
    if process.wait() != 0:
        return None
    return re.sub(r"^\d+:|[-+~].*", "", process.out)


def npm_version(folder):
    path = os.path.join(folder, "package.json")
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as file:
        return json.load(file)["version"]


def need(*programs):
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        raise Skip(f"{' and '.join(missing)} not installed")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def publishes(start, name="cam", kinds=("video", "audio"), end=None):
    """start(server, url) begins to publish; ffmpeg plays RTMP, HTTP-FLV and HLS of it."""
    def cell():
        with Server() as server:
            process = start(server, server.url(name))
            until("it is live", lambda: f"live/{name}" in server.streams() or
                  (process and not process.running()))
            assert not process or process.running(), "the publisher has ended"
            # A relay that joins may send audio before the next keyframe.
            got = packets.Player(server.url(name), "-t", "6").finish()
            packets.rising(got)
            assert sorted(got) == sorted(kinds) and min(
                list_[-1].dts - list_[0].dts for list_ in got.values()) > 3, "less than 3 s came"
            packets.decode(server.flv(name), 3, kinds=kinds)
            packets.decode(server.wait_for_hls(name), 3, kinds=kinds)
            if end:
                end(process)
                until("it is off air", lambda: f"off air live/{name}" in server.log)
        return ()
    return cell


def plays(play, url_of):
    """play(url) plays what ffmpeg publishes."""
    def cell():
        with Server() as server:
            source = server.publish(generated(), "cam")
            until("a GOP has gone by", lambda: source.sent() > 3)
            yield play(url_of(server))
    return cell


def rtmp(server):
    return server.url("cam")


def flv(server):
    return server.flv("cam")


def hls(server):
    return server.wait_for_hls("cam")
