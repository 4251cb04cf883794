#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""RTSP with real clients: publishers (ffmpeg, rtspclientsink) and players (ffmpeg, VLC, mpv,
rtspsrc) by TCP, UDP, multicast and within HTTP, and thirty players side by side."""
import glob
import json
import re
import socket
import subprocess

import rig
from rig import Process, footage, free_port, main, need, run, until


class Relay:
    """What is published at /live/in is played at /live/out, of one server."""

    def __init__(self, *options):
        self.port = free_port()
        location = f"location=rtsp://:{self.port}/live"
        self.process = Process("gst-launch-1.0", "-q", *(
            f"rtspserversrc {location}/in {' '.join(options)} ! goptee name=gop "
            f"gop. ! rtspserversink {location}/out").split())
        until("the port is open", self.is_open)

    def is_open(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def url(self, name, user=""):
        return f"rtsp://{user}127.0.0.1:{self.port}/live/{name}"

    def publish(self, transport="tcp", user=""):
        return Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-re",
                       "-stream_loop", "-1", "-i", footage(), "-c", "copy", "-f", "rtsp",
                       "-rtsp_transport", transport, self.url("in", user))

    def end(self):
        assert self.process.running(), "the relay is gone"
        self.process.end()
        wrong = [line for line in self.process.log.splitlines() if rig.BAD.search(line)]
        assert not wrong, wrong


def look(url, transport, seconds=3):
    """What ffprobe finds: the codecs, and packets of each."""
    text, _ = run("ffprobe", "-v", "error", "-rtsp_transport", transport, "-read_intervals",
                  f"%+{seconds}", "-count_packets", "-show_entries",
                  "stream=codec_name,nb_read_packets", "-of", "json", url)
    return {s["codec_name"]: int(s["nb_read_packets"]) for s in json.loads(text)["streams"]}


def expect(seen, seconds=3):
    assert seen.get("h264", 0) >= 24 * seconds - 10, seen
    assert seen.get("aac", 0) >= 46 * seconds - 20, seen


def ffmpeg_tcp():
    """ffmpeg publishes and plays within the TCP connection"""
    relay = Relay()
    relay.publish()
    seen = look(relay.url("out"), "tcp")
    expect(seen)
    relay.end()
    yield seen


def ffmpeg_udp():
    """ffmpeg publishes and plays by UDP"""
    relay = Relay()
    relay.publish("udp")
    seen = look(relay.url("out"), "udp")
    expect(seen)
    relay.end()
    yield seen


def tunnel():
    """ffmpeg plays within HTTP"""
    relay = Relay()
    relay.publish()
    seen = look(relay.url("out"), "http")
    expect(seen)
    relay.end()
    yield seen


def password():
    """A publisher's key is its password; a wrong one is refused"""
    relay = Relay("publish-key=se-cret")
    wrong = relay.publish(user="me:wrong@")
    until("the wrong password is refused", lambda: not wrong.running())
    assert "401" in wrong.err, wrong.err
    relay.publish(user="me:se-cret@")
    seen = look(relay.url("out"), "tcp")
    expect(seen)
    relay.end()
    yield seen


def gstreamer():
    """rtspclientsink publishes; rtspsrc plays by TCP and UDP"""
    relay = Relay()
    if subprocess.run(["gst-inspect-1.0", "--exists", "rtspclientsink"]).returncode != 0:
        yield "skipped: there is no rtspclientsink"
        return
    Process("gst-launch-1.0", "-q", *(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc "
        "tune=zerolatency key-int-max=25 ! h264parse ! sink. audiotestsrc is-live=true ! "
        f"audioconvert ! avenc_aac ! aacparse ! sink. rtspclientsink name=sink "
        f"location={relay.url('in')} protocols=tcp").split())
    for protocol in ("tcp", "udp"):
        for kind, rest in (("video", "rtph264depay ! h264parse ! video/x-h264,alignment=au"),
                           ("audio", "rtpmp4gdepay ! aacparse")):
            player = Process("gst-launch-1.0", "-q", *(
                f"rtspsrc location={relay.url('out')} protocols={protocol} latency=100 name=src "
                f"src. ! application/x-rtp,media={kind} ! {rest} ! identity eos-after=50 ! "
                "fakesink async=false").split())
            assert player.wait() == 0, player.describe()
            yield f"{protocol}: 50 frames of {kind}"
    relay.end()


def mpv():
    """mpv plays by TCP and UDP"""
    need("mpv")
    relay = Relay()
    relay.publish()
    for transport in ("tcp", "udp"):
        out, _ = run("mpv", "--no-config", "--vo=null", "--ao=null", "--length=3",
                     f"--rtsp-transport={transport}", "--term-status-msg=${time-pos}",
                     relay.url("out"))
        assert "AAC" in out.upper() and "H264" in out.upper().replace(".", ""), out
        yield f"{transport}: played"
    relay.end()


def vlc():
    """VLC plays by TCP and UDP"""
    need("cvlc", "setpriv")
    if not glob.glob("/usr/lib/*/vlc/plugins/access/liblive555_plugin.so"):
        yield "skipped: this VLC was built without RTSP, as Debian's is"
        return
    from vlc import plays
    relay = Relay()
    relay.publish()
    for option in ("--rtsp-tcp", "--no-rtsp-tcp"):
        yield f"{option}: {plays(relay.url('out'), option)}"
    relay.end()


def thirty():
    """Thirty players, half of them by UDP"""
    relay = Relay()
    relay.publish()
    expect(look(relay.url("out"), "tcp", 1), 1)
    players = [Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1",
                       "-rtsp_transport", "udp" if i % 2 else "tcp", "-i", relay.url("out"), "-t",
                       "4", "-c", "copy", "-f", "null", "-") for i in range(30)]
    for player in players:
        assert player.wait() == 0, player.describe()
    frames = [int(re.findall(r"frame=\s*(\d+)", player.out)[-1]) for player in players]
    assert min(frames) >= 75, frames
    relay.end()
    yield frames


if __name__ == "__main__":
    main([ffmpeg_tcp, ffmpeg_udp, tunnel, password, gstreamer, mpv, vlc, thirty])
