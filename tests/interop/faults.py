#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bad lines between ffmpeg, rtmppushsink or rtmppullsrc and the server: a proxy that cuts, delays,
narrows, stalls and resets them; peers that are killed; a full disk. The first half takes seconds and
runs with `./dev test`, SLOW with the lane `interop`."""

import ctypes
import json
import os
import random
import re
import signal
import socket
import sys
import threading
import urllib.request

import packets
import push
import rig
from fault_proxy import FaultProxy
from rig import Process, Server, run, until


def small():
    """Twenty seconds of 90 kbit/s with a keyframe every second: little enough to be sent byte by
    byte. Audio is as long as video, so that it can be sent over and over."""
    path = os.path.join(rig.FOLDER, "small.mp4")
    with rig.making:
        if not os.path.exists(path):
            made = path + ".part.mp4"
            run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                "testsrc2=size=160x90:rate=12.5:duration=19.2", "-f", "lavfi", "-i",
                "aevalsrc=0.3*sin(2*PI*t*(200+40*t)):s=16000:d=19.136", "-c:v", "libx264",
                "-preset", "veryfast", "-b:v", "50k", "-g", "12", "-bf", "0", "-sc_threshold", "0",
                "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "24k", "-ac", "1", made)
            os.rename(made, path)
    return path


def port_of(url):
    return int(re.search(r":(\d+)", url.split("//")[1])[1])


def through(url, proxy):
    return re.sub(r":\d+/", f":{proxy.port}/", url, count=1)


def publish(url, file=None):
    return Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-stats_period",
                   "0.2", "-re", "-stream_loop", "-1", "-i", file or small(), "-c", "copy", "-f",
                   "flv", url)


def viewers(server, name):
    """(RTMP players, HTTP viewers) that the server counts."""
    with urllib.request.urlopen(server.http + "/streams.json", timeout=10) as answer:
        for stream in json.load(answer)["streams"]:
            if stream["name"] == f"live/{name}":
                return stream["players"], stream["viewers"]
    return 0, 0


def served(server, name):
    until(f"{name} is live", lambda: f"live/{name}" in server.streams())


# --- what takes seconds --------------------------------------------------------------------

def single_bytes():
    """handshake and commands in single bytes, media in pieces of 1 to 40: nothing is lost"""
    reference = packets.published(small())
    with Server() as server:
        with FaultProxy(port_of(server.rtmp), seed=1) as line:
            line.up.pieces = line.down.pieces = (1, 1)
            source = publish(through(server.url("cam"), line))
            until("the publisher is live", lambda: source.sent() > 0)
            line.up.pieces = (1, 40)
            with FaultProxy(port_of(server.rtmp), 2) as rtmp, \
                    FaultProxy(port_of(server.http), 3) as http:
                for each in (rtmp, http):
                    each.up.pieces, each.down.pieces = (1, 1), (1, 40)
                served(server, "cam")
                players = [packets.Player(through(url, each), "-t", "3") for url, each in
                           ((server.url("cam"), rtmp), (server.flv("cam"), http))]
                for player in players:
                    yield packets.same(player.finish(), reference)


def publisher_reset():
    """RST in mid-stream frees the name at once; whoever watches goes on with the next publisher"""
    with Server() as server, FaultProxy(port_of(server.rtmp)) as line:
        publish(through(server.url("cam"), line))
        served(server, "cam")
        players = [packets.Player(url) for url in (server.url("cam"), server.flv("cam"))]
        for player in players:
            until("it plays", lambda p=player: p.seconds() > 0.5)
        assert line.reset() == 1
        # Refused, it would have to wait for a deadline.
        second = until("the name is free", lambda: server.try_publish(small(), "cam"), 8)
        for player in players:
            before = player.seconds()
            until("it goes on", lambda p=player, b=before: p.seconds() > b + 1)
            packets.rising(player.packets())
            player.process.end()
            player.check_silence(complaints=["Exiting normally"])
        assert second.running()


def half_closed_publisher():
    """a publisher's FIN ends its stream, though it goes on reading"""
    with Server() as server, FaultProxy(port_of(server.rtmp)) as line:
        publish(through(server.url("cam"), line))
        served(server, "cam")
        assert line.half_close() == 1
        until("it is off air", lambda: not server.streams(), 8)
        assert server.try_publish(small(), "cam")


def half_closed_players():
    """a player's FIN ends its session, over RTMP and HTTP; the publisher notices nothing"""
    with Server() as server, FaultProxy(port_of(server.rtmp)) as rtmp, \
            FaultProxy(port_of(server.http)) as http:
        source = publish(server.url("cam"))
        served(server, "cam")
        stays = packets.Player(server.url("cam"), "-t", "3")
        players = [packets.Player(through(server.url("cam"), rtmp)),
                   packets.Player(through(server.flv("cam"), http))]
        for player in players:
            until("it plays", lambda p=player: p.seconds() > 0)
        until("all are counted", lambda: viewers(server, "cam") >= (1, 1))
        assert rtmp.half_close() == 1 and http.half_close() == 1
        packets.rising(stays.finish())
        until("both are gone", lambda: viewers(server, "cam") == (0, 0), 8)
        assert source.running()


def killed_players():
    """kill -9 of players, over RTMP, HTTP-FLV and HLS: the others get every packet"""
    reference = packets.published(small())
    with Server("segment=1s") as server:
        publish(server.url("cam"))
        served(server, "cam")
        stays = [packets.Player(url, "-t", "5") for url in (server.url("cam"), server.flv("cam"))]
        goes = [packets.Player(url) for url in
                (server.url("cam"), server.flv("cam"), server.wait_for_hls("cam", 1))]
        for player in goes:
            until("it plays", lambda p=player: p.seconds() > 0)
        for player in goes:
            player.process.end(signal.SIGKILL)
        for player in stays:
            yield packets.same(player.finish(), reference)
        until("nobody is left", lambda: viewers(server, "cam") == (0, 0), 8)


def hls_pieces():
    """playlists and segments in pieces of 1 to 60 bytes; a request in single bytes"""
    with Server("segment=1s") as server, FaultProxy(port_of(server.http), seed=4) as line:
        line.up.pieces, line.down.pieces = (1, 1), (1, 60)
        publish(server.url("cam"))
        packets.decode(through(server.wait_for_hls("cam"), line), 3)


def push_and_pull():
    """rtmppushsink and rtmppullsrc in pieces, reset on both sides twice: each comes back by itself,
    and what the far server has begins with a keyframe and goes up"""
    with Server() as near, Server() as far, FaultProxy(port_of(near.rtmp), 5) as pulled, \
            FaultProxy(port_of(far.rtmp), 6) as pushed:
        for line in (pulled, pushed):
            line.up.pieces = line.down.pieces = (1, 200)
        publish(near.url("cam"))
        served(near, "cam")
        edge = push.gst(f"rtmppullsrc location={through(near.url('cam'), pulled)} "
                        "reconnect-delay=100000000 ! goptee name=gop gop. ! rtmppushsink "
                        f"location={through(far.url('cam'), pushed)} reconnect-delay=100000000")
        served(far, "cam")
        player = packets.Player(far.url("cam"))
        until("it plays", lambda: player.seconds() > 0.5)
        for line in (pulled, pushed, pulled, pushed):
            states = push.states(edge)
            until("there is a connection to be reset", lambda each=line: each.open == 1)
            assert line.reset() == 1
            until("the end is noticed", lambda: [s for s, *_ in push.states(edge)[len(states):]
                                                 if s == "waiting"])
            until("it is live again", lambda: [s for s, *_ in push.states(edge)[len(states):]
                                               if s == "live"])
            before = player.seconds()
            until("the player goes on", lambda: player.seconds() > before + 0.5)
        packets.rising(player.packets())
        player.process.end()
        player.check_silence(complaints=["Exiting normally"])
        assert edge.running()
        edge.end()
        yield f"{len(player.packets()['video'])} frames"


# --- what takes longer -----------------------------------------------------------------------

def far_away():
    """150 ms of delay and 100 ms of jitter, each way, at both ends: every packet, at its time"""
    reference = packets.published(small(), seconds=40)
    with Server("segment=1s") as server, FaultProxy(port_of(server.rtmp), 7) as up, \
            FaultProxy(port_of(server.rtmp), 8) as rtmp, FaultProxy(port_of(server.http), 9) as http:
        for line in (up, rtmp, http):
            for way in (line.up, line.down):
                way.delay, way.jitter = 0.15, 0.1
        publish(through(server.url("cam"), up))
        served(server, "cam")
        players = [packets.Player(through(url, each), "-t", "8") for url, each in
                   ((server.url("cam"), rtmp), (server.flv("cam"), http))]
        for player in players:
            yield packets.same(player.finish(), reference)
        packets.decode(through(server.wait_for_hls("cam"), http), 5)


def narrow_players():
    """players behind a line of a quarter of the bitrate skip to keyframes and decode; another gets
    every packet"""
    reference = packets.published(rig.generated(), seconds=60)
    with Server() as server, FaultProxy(port_of(server.rtmp), 10) as rtmp, \
            FaultProxy(port_of(server.http), 11) as http:
        server.publish(rig.generated(), "cam")
        served(server, "cam")
        stays = packets.Player(server.url("cam"), "-t", "25")
        slow = [packets.Player(through(server.url("cam"), rtmp)),
                packets.Player(through(server.flv("cam"), http))]
        size = os.path.getsize(rig.generated()) / 10
        for player in slow:
            until("it plays", lambda p=player: p.seconds() > 1)
        for line in (rtmp, http):
            line.down.rate = size / 4
        yield packets.same(stays.finish(), reference)
        for line in (rtmp, http):
            line.down.rate = None
        for player in slow:
            before = player.seconds()
            until("it goes on", lambda p=player, b=before: p.seconds() > b + 4)
            got = player.packets()
            packets.rising(got)
            steps = [b.dts - a.dts for a, b in zip(got["video"], got["video"][1:])]
            skipped = sum(step > 0.5 for step in steps)
            player.process.end()
            player.check_silence(complaints=["Exiting normally"])
            assert skipped, "it was never skipped ahead"
            yield f"{len(got['video'])} frames, {skipped} skips, the longest {max(steps):.1f} s"


def stalled_publisher():
    """three seconds of nothing delay the stream and end nothing; more than `silence` ends it"""
    reference = packets.published(small(), seconds=40)
    with Server("silence=5s", expected=["sent no media for 5 s"]) as server, \
            FaultProxy(port_of(server.rtmp), 12) as line:
        publish(through(server.url("cam"), line))
        served(server, "cam")
        player = packets.Player(server.url("cam"), "-t", "6")
        until("it plays", lambda: player.seconds() > 1)
        line.stall()
        until("three seconds pass", pause(3))
        line.stall(False)
        yield packets.same(player.finish(), reference)
        line.stall()
        until("it is off air", lambda: not server.streams(), 20)
        assert server.try_publish(small(), "cam")


def stalled_push():
    """a server that takes nothing, or plays nothing, is left for a new connection"""
    with Server(expected=["sent no media", "has not read"]) as near, Server() as far, \
            FaultProxy(port_of(near.rtmp), 13) as pulled, \
            FaultProxy(port_of(far.rtmp), 14) as pushed:
        near.publish(rig.generated(), "cam")
        served(near, "cam")
        edge = push.gst(f"rtmppullsrc location={through(near.url('cam'), pulled)} "
                        "reconnect-delay=100000000 ! goptee name=gop gop. ! rtmppushsink "
                        f"location={through(far.url('cam'), pushed)} reconnect-delay=100000000")
        served(far, "cam")
        for line, words in ((pushed, "taken nothing for 10 s"), (pulled, "sent nothing for 30 s")):
            seen = len(push.states(edge))
            line.stall()
            until(words, lambda w=words, s=seen: [r for _, r, _ in push.states(edge)[s:] if w in r],
                  90)
            line.stall(False)
            until("it is live again", lambda s=seen: [n for n, *_ in push.states(edge)[s:]
                                                      if n == "live"])
            packets.decode(far.url("cam"), 2)
            yield words
        edge.end()


def pause(seconds):
    """A condition that is true once this time has gone by."""
    done = threading.Event()
    timer = threading.Timer(seconds, done.set)
    timer.daemon = True
    timer.start()
    return done.is_set


def storm():
    """sixty faults at random, from a seed, to publishers and players that come again and again;
    afterwards everything is whole, and descriptors and threads are back"""
    chance = random.Random(1)
    reference = packets.published(small(), seconds=40)

    def count(server, what):
        return len(os.listdir(f"/proc/{server.process.process.pid}/{what}"))
    with Server("grace=2s", "segment=1s", expected=["closed: ", "refused to p", "This port"]) as server:
        # What a process opens once, for its first stream.
        first = publish(server.url("cam"))
        packets.decode(server.wait_for_hls("cam"), 2)
        first.end()
        until("the first is gone", lambda: not server.streams())
        until("its threads are gone", pause(5))
        before = count(server, "fd"), count(server, "task")
        with FaultProxy(port_of(server.rtmp), 15) as rtmp, FaultProxy(port_of(server.http), 16) as http:
            lines, peers = (rtmp, http), []
            for _ in range(60):
                peers = [peer for peer in peers if peer.running()]
                if len(peers) < 6:
                    url = chance.choice((server.url("cam"), server.flv("cam")))
                    peers.append(publish(through(server.url("cam"), rtmp)) if chance.random() < 0.5
                                 else Process("ffmpeg", "-nostdin", "-v", "quiet", "-i",
                                              through(url, rtmp if "rtmp" in url else http), "-c",
                                              "copy", "-f", "null", "-"))
                line = chance.choice(lines)
                for way in (line.up, line.down):
                    way.pieces = chance.choice((None, (1, 3), (1, 500)))
                    way.delay = chance.choice((0, 0, 0.1))
                fault = chance.choice(("reset", "half", "stall", "kill", "none"))
                line.stall(fault == "stall")
                if fault == "reset":
                    line.reset()
                elif fault == "half":
                    line.half_close(chance.random() < 0.5)
                elif fault == "kill" and peers:
                    chance.choice(peers).end(signal.SIGKILL)
                until("a moment passes", pause(chance.random() * 0.6))
            for line in lines:
                line.stall(False)
                line.reset()
            for peer in peers:
                peer.kill()
        publisher = until("the name is free", lambda: server.try_publish(small(), "cam"))
        yield packets.same(packets.play(server.url("cam")), reference)
        publisher.end()
        until(f"descriptors and threads: {before} before",
              lambda: (count(server, "fd"), count(server, "task")) <= before and
              count(server, "task") <= before[1])
        yield f"descriptors and threads: {before} before, " \
              f"{(count(server, 'fd'), count(server, 'task'))} after"


def full_disk():
    """HLS on a disk that is full: RTMP goes on, each lost segment is said, and when there is room
    again segments are written"""
    folder = os.path.join(rig.FOLDER, "disk")
    os.mkdir(folder)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"none", folder.encode(), b"tmpfs", 0, b"size=8m") != 0:
        yield f"skipped: no tmpfs may be mounted: {os.strerror(ctypes.get_errno())}"
        return
    try:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"rtmp://127.0.0.1:{free.getsockname()[1]}/live/cam"
        filler = os.path.join(folder, "filler")
        with open(filler, "wb") as file:
            file.write(bytes(7 << 20))
        process = push.gst(
            f"livefilesrc name=file location={rig.generated()} loop=true flvlivemux name=mux "
            "file.video ! tee name=v ! queue ! mux.video file.audio ! tee name=a ! queue ! mux.audio "
            f"mux. ! rtmpserversink location={url} v. ! queue ! hls.video_0 a. ! queue ! hls.audio_0 "
            f"hlssegmenter name=hls playlist-length=2 target-duration=2000000000 location=file://{folder}/index.m3u8")
        until("a lost segment is told", lambda: re.search(r"WARNING.*", process.log))
        assert "no space left" in process.log, process.log
        packets.decode(url, 3)
        assert not [name for name in os.listdir(folder) if name.endswith(".part")]
        os.remove(filler)
        playlist = os.path.join(folder, "index.m3u8")
        until("segments are written", lambda: os.path.exists(playlist) and
              open(playlist, encoding="utf-8").read().count("#EXTINF") >= 2)
        packets.decode(url, 2)
        assert process.running() and "ERROR" not in process.log
        yield next(line for line in process.log.splitlines() if "WARNING" in line)[:200]
        process.end()
    finally:
        libc.umount2(folder.encode(), 2)  # at once, whoever is in it


FAST = [single_bytes, publisher_reset, half_closed_publisher, half_closed_players, hls_pieces]
SLOW = [killed_players, push_and_pull, far_away, narrow_players, stalled_publisher, stalled_push, storm, full_disk]

if __name__ == "__main__":
    rig.need("ffmpeg", "ffprobe", "gst-launch-1.0")
    if sys.argv[1:] in (["FAST"], ["SLOW"]):
        sys.argv[1:] = [check.__name__ for check in globals()[sys.argv[1]]]
    rig.main(FAST + SLOW, jobs=3)
