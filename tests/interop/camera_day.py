#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A day of an IP camera's (gst-rtsp-server plays it): `penstock run camera` shows it in browsers by WebRTC
and low-latency HLS, serves it to a recorder by RTSP, and sends it on by SRT to another Penstock."""

import os
import re
import sys
import tempfile

try:
    import gi
    gi.require_version("Gst", "1.0")
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import Gst
except (ImportError, ValueError):
    print("skipped: gst-rtsp-server's binding for Python is not installed")
    sys.exit(77)

import conversion
import conversion_judge as judging
import rig
from rig import PENSTOCK, Process, Server, until

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rtsp"))
import servers

CONTENT = "H.264 and AAC"
LENGTH = 90  # seconds of film


def serve(file):
    """The camera's URL."""
    camera = servers.Server({"stream1": (
        f"filesrc location={file} ! matroskademux name=d d.video_0 ! queue ! h264parse ! "
        "rtph264pay name=pay0 pt=96 config-interval=-1 d.audio_0 ! queue ! aacparse ! "
        "rtpmp4gpay name=pay1 pt=97")}, True)
    return f"rtsp://user:pass%20word@127.0.0.1:{camera.server.get_bound_port()}/stream1"


def judged(name, wanted, record):
    path = os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), "out.mkv")
    record(path)
    encoded, said = judging.judge(path, CONTENT, wanted)
    return f"{name}: {', '.join(encoded) or 'copied'}, {said[0]}"


def day():
    """A camera in browsers, a recorder and another server, from one description"""
    Gst.init(None)
    known = judging.codecs_of(CONTENT)
    camera = serve(judging.make(CONTENT, LENGTH))
    with Server() as other:
        here = Process(PENSTOCK, "run", "camera", "--set", f"camera={camera}", "--set",
                       f"to={other.srt[1]}?streamid=publish:live/door", "--set", "http=127.0.0.1:0",
                       "--set", "rtsp=127.0.0.1:0", "--set", "rtc=127.0.0.1:0")
        until("it is live", lambda: re.search(r"live +live/camera", here.log) or not here.running())
        http = re.search(r"Page +(http://\S+?)/?\s", here.log)[1]
        rtsp = re.search(r"(rtsp://127\S+/live/camera)", here.log)[1]
        yield judged("recorder", known, conversion.by_ffmpeg(rtsp, "-rtsp_transport", "tcp"))
        yield judged("HLS", known, conversion.by_ffmpeg(f"{http}/live/camera/index.m3u8",
                                                        "-live_start_index", "-2"))
        opus = {**known, "audio": "opus"}
        yield judged("WebRTC", opus, conversion.by_element(
            f"rtcpullsrc location={http}/live/camera/whep interleave=false", opus))
        until("it has arrived", lambda: "live/door" in other.streams())
        yield judged("other server", known, conversion.by_ffmpeg(other.url("door")))
        assert "pass" not in here.log, "the password is shown"
        assert here.end() == 0, here.describe()


if __name__ == "__main__":
    rig.need("ffmpeg", "gst-launch-1.0")
    rig.main([day])
