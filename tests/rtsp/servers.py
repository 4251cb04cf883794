#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtsppullsrc with other RTSP servers: gst-rtsp-server (its Python binding) and VLC, with several
codecs, over TCP and UDP. A server that is not installed is skipped; with none the test is."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading

import gi

gi.require_version("Gst", "1.0")
from gi.repository import GLib, Gst

from cameras import Pull, check_times

try:
    gi.require_version("GstRtspServer", "1.0")
    from gi.repository import GstRtspServer
except ValueError:
    GstRtspServer = None

ANY_NUMBER = 10 ** 6  # of gaps: encoders of a busy machine leave them
VIDEO = ("videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 "
         "! ")
AUDIO = "audiotestsrc is-live=true ! audio/x-raw,rate=48000,channels=2 ! "
H264 = VIDEO + "x264enc tune=zerolatency key-int-max=25 ! rtph264pay name=pay0 pt=96 "
MOUNTS = {
    "h264_aac": H264 + AUDIO + "avenc_aac ! rtpmp4gpay name=pay1 pt=97",
    "b_frames": VIDEO + "x264enc bframes=2 b-adapt=false key-int-max=25 ! rtph264pay name=pay0 pt=96",
    "h265": VIDEO + "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=25 option-string=log-level=none ! "
                    "rtph265pay name=pay0 pt=96",
    "latm": H264 + AUDIO + "avenc_aac ! rtpmp4apay name=pay1 pt=97",
    "opus": H264 + AUDIO + "opusenc ! rtpopuspay name=pay1 pt=97",
    "g711": H264 + "audiotestsrc is-live=true ! audio/x-raw,rate=8000,channels=1 ! alawenc ! "
                   "rtppcmapay name=pay1",
    "vp8": VIDEO + "vp8enc deadline=1 keyframe-max-dist=25 ! rtpvp8pay name=pay0 pt=96",
    "jpeg": VIDEO + "jpegenc ! rtpjpegpay name=pay0",
}


class Server:
    """gst-rtsp-server, on the main loop of a thread."""

    def __init__(self, mounts, digest=False):
        self.server = GstRtspServer.RTSPServer.new()
        self.server.set_address("127.0.0.1")
        self.server.set_service("0")
        for name, launch in mounts.items():
            factory = GstRtspServer.RTSPMediaFactory.new()
            factory.set_launch(f"( {launch} )")
            factory.set_shared(True)
            if digest:
                factory.add_role_from_structure(Gst.Structure.new_from_string(
                    "user, media.factory.access=(boolean)true, "
                    "media.factory.construct=(boolean)true"))
            self.server.get_mount_points().add_factory("/" + name, factory)
        if digest:
            auth = GstRtspServer.RTSPAuth.new()
            auth.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST
            token = GstRtspServer.RTSPToken.new()
            token.set_string("media.factory.role", "user")
            auth.add_digest("user", "pass word", token)
            self.server.set_auth(auth)
        self.server.attach(None)
        self.loop = GLib.MainLoop()
        threading.Thread(target=self.loop.run, daemon=True).start()


class At:
    """A path of the server, as a camera."""

    def __init__(self, server, path):
        self.server, self.path = server, path

    def url(self, login=""):
        return f"rtsp://{login}127.0.0.1:{self.server.server.get_bound_port()}/{self.path}"


def kinds(frames):
    return {one["bytes"][0] for one in frames}


def check(server, path, protocol, login=""):
    pull = Pull(At(server, path), login, {"protocols": protocol})
    try:
        if path == "jpeg":
            check_times(pull.frames(40, "video_0"), ANY_NUMBER)
            return
        frames = pull.frames(80)
        video = [one for one in frames if one["bytes"][0] == 9]
        assert video and video[0]["key"], path
        check_times(video, ANY_NUMBER)
        if "pay1" in MOUNTS.get(path, ""):
            pull.until("sound", lambda: 8 in kinds(pull.buffers["src"]))
            check_times([one for one in pull.buffers["src"] if one["bytes"][0] == 8],
                        ANY_NUMBER)
        assert pull.stats("protocol") == protocol
        assert pull.stats("connections") == 1, pull.states
        pull.until("the server's time", lambda: pull.buffers["src"][-1]["sender"])
    finally:
        pull.close()


def vlc():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "clip.mp4")
        subprocess.run(["gst-launch-1.0", "-q", *f"videotestsrc num-buffers=250 ! video/x-raw,"
                        f"format=I420,width=320,height=180,framerate=25/1 ! x264enc key-int-max=25 "
                        f"! h264parse ! mp4mux ! filesink location={path}".split()], check=True)
        command = ["cvlc", "-q", "--loop", path, "--sout",
                   f"#rtp{{sdp=rtsp://127.0.0.1:{port}/clip}}"]
        # It refuses to run as root, whatever for.
        if os.geteuid() == 0:
            os.chmod(folder, 0o755)
            command = ["setpriv", "--reuid=65534", "--clear-groups", *command]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   env={**os.environ, "HOME": folder})

        class Vlc:
            def url(self, login=""):
                return f"rtsp://127.0.0.1:{port}/clip"

        pull = Pull(Vlc())
        try:
            frames = pull.frames(60)
            assert frames[0]["key"]
            check_times(frames, jumps=1)
        finally:
            pull.close()
            process.terminate()
            process.wait()


def main():
    Gst.init(None)
    ran = False
    if GstRtspServer:
        ran = True
        server = Server(MOUNTS)
        for path in sys.argv[1:] or MOUNTS:
            for protocol in "tcp", "udp":
                check(server, path, protocol)
                print("ok", path, protocol, flush=True)
        check(Server({"digest": H264}, True), "digest", "tcp", "user:pass%20word@")
        print("ok digest", flush=True)
    if shutil.which("cvlc") and not sys.argv[1:]:
        ran = True
        vlc()
        print("ok vlc", flush=True)
    if not ran:
        print("skipped: neither gst-rtsp-server's Python binding nor VLC is installed")
    sys.exit(0 if ran else 77)


if __name__ == "__main__":
    main()
