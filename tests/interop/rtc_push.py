#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtcpushsink and rtcpullsrc with rtcserversrc and rtcserversink: both ways, a server that goes
away and comes back, servers that refuse and redirect, and (`relay`) all of it through coturn."""
import http.server
import os
import re
import shutil
import socket
import threading

import rig
from rig import Process, free_port, need, until

VIDEO = {"h264": "x264enc tune=zerolatency key-int-max=60 bitrate=500 ! h264parse",
         "vp8": "vp8enc deadline=1 keyframe-max-dist=60 target-bitrate=500000"}
SOURCE = ("videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 "
          "! {video} ! mux.video audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! "
          "opusenc ! mux.audio flvlivemux name=mux ! ")
# What comes out of the pulled stream is told by two elements, one line a frame.
WATCH = ("flvlivedemux name=demux "
         "demux.video ! queue ! identity name=v silent=false ! fakesink async=false "
         "demux.audio ! queue ! identity name=a silent=false ! fakesink async=false")


def gst(line, *options):
    return Process("gst-launch-1.0", "-m", *options, *line.split())


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Ports:
    """The addresses of a server, which stay the same when it is started anew."""

    def __init__(self):
        self.base = f"http://127.0.0.1:{free_port()}/live/cam"
        self.udp = f"127.0.0.1:{free_udp_port()}"

    def server(self):
        return gst(f"rtcserversrc location={self.base}/whip udp={self.udp} ! goptee ! "
                   f"rtcserversink location={self.base}/whep udp={self.udp}")

    def push(self, codec="h264", more=""):
        return gst(SOURCE.format(video=VIDEO[codec]) + f"rtcpushsink location={self.base}/whip "
                   f"reconnect-delay=200000000 reconnect-max-delay=500000000 {more}")

    def pull(self, more=""):
        return gst(f"rtcpullsrc location={self.base}/whep reconnect-delay=200000000 "
                   f"reconnect-max-delay=500000000 {more} ! {WATCH}", "-v")


def states(process):
    """(state, reason, retry in seconds) in order."""
    found = re.findall(
        r'penstock-pu(?:sh|ll)-state, state=\(string\)(\w+), .*?reason=\(string\)(.*?), '
        r'refused=.*?retry-in=\(guint64\)(\d+)', process.log)
    return [(state, reason.replace("\\", ""), int(retry) / 1e9) for state, reason, retry in found]


def count(process, wanted):
    return sum(state == wanted for state, *_ in states(process))


def seconds(text):
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def frames(process, name):
    """(PTS in seconds, flags) of what has passed."""
    return [(seconds(pts), flags) for pts, flags in re.findall(
        rf"/GstIdentity:{name}: last-message = chain .*?pts: ([\d:.]+).*?flags: \w+ ?([\w\- ]*)",
        process.out)]


def check_frames(puller, least):
    """Audio and video, from a keyframe on, with times that never go back."""
    video, audio = frames(puller, "v"), frames(puller, "a")
    assert len(video) >= least and len(audio) >= least, (len(video), len(audio))
    assert "delta-unit" not in video[0][1], video[0]
    for times in ([pts for pts, _ in video], [pts for pts, _ in audio]):
        assert all(b >= a for a, b in zip(times, times[1:])), "the time goes back"
    return f"{len(video)} frames of video, {len(audio)} of audio"


def both_ways(codec):
    ports = Ports()
    server, pusher, puller = ports.server(), ports.push(codec), ports.pull()
    until("100 frames come back", lambda: len(frames(puller, "v")) >= 100)
    yield f"{codec}: {check_frames(puller, 100)}"
    # At the end the session is ended, not left.
    pusher.end()
    until("the server is told", lambda: "its client ended it" in
          server.log.replace("\\", ""))
    for process in (puller, server):
        process.end()


def h264():
    """H.264 and Opus are pushed to a server and pulled from it"""
    yield from both_ways("h264")


def vp8():
    """VP8 and Opus are pushed to a server and pulled from it"""
    yield from both_ways("vp8")


def comes_back():
    """a server dies and is started anew: both sides connect again and go on with a keyframe"""
    ports = Ports()
    server = ports.server()
    pusher, puller = ports.push(more="silence-timeout=6000000000"), ports.pull(
        "silence-timeout=3000000000")
    until("50 frames come back", lambda: len(frames(puller, "v")) >= 50)
    server.kill()
    until("both notice", lambda: count(pusher, "waiting") and count(puller, "waiting"))
    had = len(frames(puller, "v"))
    server = ports.server()
    until("both are live again", lambda: min(count(pusher, "live"), count(puller, "live")) >= 2)
    until("50 more frames come", lambda: len(frames(puller, "v")) >= had + 50)
    video = frames(puller, "v")
    assert "delta-unit" not in video[had][1] and "discont" in video[had][1], video[had]
    yield f"{check_frames(puller, had + 50)}, a gap of {video[had][0] - video[had - 1][0]:.1f} s"
    for process in (pusher, puller, server):
        assert process.running()
        process.end()


def slow():
    """a publisher that is slower than its timestamps: no frame is taken for lost"""
    ports = Ports()
    # 25 frames a second by their timestamps, and 17 by the clock.
    server = gst("videotestsrc ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! "
                 f"{VIDEO['h264']} ! flvlivemux ! identity sleep-time=58000 ! rtcserversink "
                 f"sync=false location={ports.base}/whep udp={ports.udp}")
    puller = ports.pull("interleave=false")
    until("150 frames come", lambda: len(frames(puller, "v")) >= 150)
    times = [pts for pts, _ in frames(puller, "v")]
    longest = max(b - a for a, b in zip(times, times[1:]))
    assert longest < 0.5, f"frames are missing for {longest:.1f} s"
    yield f"{len(times)} frames in {times[-1] - times[0]:.1f} s, at most {longest:.2f} s apart"
    for process in (puller, server):
        process.end()


class Refuser:
    """A server of HTTP that answers each POST as its path says."""

    def __init__(self):
        asked = self.asked = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                asked.append((self.path, self.headers.get("Authorization"),
                              self.headers.get("Content-Type"), body.decode()))
                if self.path == "/moved":
                    self.answer(307, b"", Location="401")
                elif self.path == "/round":
                    self.answer(307, b"", Location="/round")
                else:
                    self.answer(int(self.path[1:]), b"because of\nthat")

            def do_OPTIONS(self):
                self.send_response(204)
                self.end_headers()

            def answer(self, status, text, **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", "text/plain")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.base = f"http://127.0.0.1:{self.server.server_port}"

    def posts(self, path):
        return [one for one in self.asked if one[0] == path]


def refusals():
    """401 is told once and not tried again soon; redirects are followed with the token"""
    refuser = Refuser()
    source = "audiotestsrc is-live=true ! opusenc ! flvlivemux ! "
    push = {path: gst(f"{source} rtcpushsink token=se.cret location={refuser.base}{path} "
                      "reconnect-delay=100000000 reconnect-max-delay=200000000")
            for path in ("/401", "/404", "/moved", "/round", "/201")}
    pull = gst(f"rtcpullsrc token=se.cret location={refuser.base}/403 ! fakesink async=false")
    for path, process in push.items():
        until(f"{path} is told", lambda p=process: count(p, "waiting") >= 1)
    until("403 is told", lambda: count(pull, "waiting") >= 1)
    until("404 is tried again", lambda: len(refuser.posts("/404")) >= 3)

    def told(process):
        return states(process)[[state for state, *_ in states(process)].index("waiting")]
    for process in (push["/401"], push["/moved"]):
        _, reason, retry = told(process)
        assert "refuses the token (HTTP 401: because of)" in reason and retry >= 45, (reason, retry)
        assert count(process, "connecting") == 1
    assert "does not allow this (HTTP 403" in told(pull)[1] and told(pull)[2] >= 45, told(pull)
    assert "no such stream (HTTP 404" in told(push["/404"])[1]
    assert "redirects without end" in told(push["/round"])[1]
    assert "no session description" in told(push["/201"])[1]
    # One of its own, and one that came from /moved.
    assert len(refuser.posts("/401")) == 2, refuser.posts("/401")
    for path, token, kind, body in refuser.asked:
        assert token == "Bearer se.cret" and kind == "application/sdp", (path, token, kind)
        assert body.startswith("v=0") and "a=candidate:" in body and "opus" in body.lower(), body
    for process in (*push.values(), pull):
        assert "se.cret" not in process.log, "the token is in the log"
        process.end()
    yield f"{len(refuser.asked)} offers"


def leaves_nothing():
    """attempts in a row leave neither threads nor descriptors behind"""
    refuser = Refuser()
    process = gst(f"audiotestsrc is-live=true ! opusenc ! flvlivemux ! rtcpushsink location="
                  f"{refuser.base}/404 reconnect-delay=10000000 reconnect-max-delay=20000000")

    def held():
        of = f"/proc/{process.process.pid}"
        return len(os.listdir(of + "/fd")), len(os.listdir(of + "/task"))

    def most(attempts):
        """The most of each while so many attempts are made."""
        wanted, seen = len(refuser.asked) + attempts, [(0, 0)]
        until(f"{attempts} attempts", lambda: (
            seen.append(held()), len(refuser.asked) >= wanted)[1])
        return tuple(map(max, zip(*seen)))

    # An attempt has a dozen descriptors and ten threads, of which none may stay.
    first, later = most(4), most(16)
    assert later[0] <= first[0] + 40 and later[1] <= first[1] + 12, (first, later)
    yield f"descriptors and threads: {first}, then {later}"
    process.end()


def relay():
    """everything through a TURN server"""
    if not shutil.which("turnserver"):
        yield "skipped: turnserver not installed"
        return
    port, ports = free_udp_port(), Ports()
    # The password has a character that is escaped in two ways.
    turn = Process("turnserver", "-n", "--no-tls", "--no-dtls", "--no-cli",
                   "--listening-ip=127.0.0.1", "--relay-ip=127.0.0.1", f"--listening-port={port}",
                   "--user=me:pa%ss", "--lt-cred-mech", "--realm=penstock",
                   "--allow-loopback-peers", "--log-file=stdout",
                   f"--pidfile={rig.FOLDER}/turn.pid", f"--userdb={rig.FOLDER}/turn.db")
    way = f"ice-transport-policy=relay ice-servers=turn:me:pa%25ss@127.0.0.1:{port}"
    server, pusher, puller = ports.server(), ports.push("vp8", way), ports.pull(way)
    until("50 frames come back", lambda: len(frames(puller, "v")) >= 50)
    yield check_frames(puller, 50)
    for process in (pusher, puller, server, turn):
        process.end()


if __name__ == "__main__":
    need("gst-launch-1.0")
    rig.main([h264, vp8, slow, comes_back, refusals, leaves_nothing, relay])
