#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""RTMP over TLS with ffmpeg, GStreamer and our elements, as publishers and players; clients without
TLS at the same port, and at one that has TLS only; a certificate that is renewed."""

import os
import re

import packets
import rig
from https import certificate
from push import check_file, gst, is_state, push
from rig import Process, Server, footage, until


class Secure(Server):
    """RTMPS only, or beside RTMP (`ingest="rtmp"`)."""

    def __init__(self, ingest="rtmps", *settings, **options):
        trusted, key = certificate()
        super().__init__(f"ingest={ingest}", f"tls-certificate={trusted}", f"tls-key={key}",
                         *settings, **options)

    def url(self, name):
        return re.sub("^rtmp:", "rtmps:", super().url(name))

    def plain(self, name):
        return re.sub("^rtmps:", "rtmp:", super().url(name))


def saved(process, path, size=200_000):
    until("some seconds are there",
          lambda: os.path.exists(path) and os.path.getsize(path) > size or not process.running())


def ffmpeg():
    """ffmpeg publishes and plays every packet"""
    with Secure() as server:
        reference = packets.published(footage())
        publisher = server.publish(footage(), "cam")
        until("a GOP has gone by", lambda: publisher.sent() > 3)
        # libavformat's rtmps takes every certificate.
        yield packets.same(packets.play(server.url("cam")), reference)
        plain = Process("ffmpeg", "-nostdin", "-v", "error", "-i", server.plain("cam"), "-f", "null",
                        "-")
        assert plain.wait() != 0, "RTMP without TLS is served"


def gstreamer():
    """rtmp2sink and rtmp2src"""
    with Secure() as server:
        line = ("videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,"
                "framerate=25/1 ! x264enc tune=zerolatency key-int-max=25 ! h264parse ! mux. "
                "audiotestsrc is-live=true ! audioconvert ! avenc_aac ! aacparse ! mux. "
                # Without latency it moves frames of a busy encoder to the time of its audio.
                "flvmux name=mux streamable=true latency=2000000000 ! "
                "rtmp2sink tls-validation-flags=0 location=")
        sink = gst(line + server.url("cam"))
        until("it is live", lambda: "live/cam" in server.streams())
        path = os.path.join(rig.FOLDER, "gst.flv")
        source = gst(f"rtmp2src tls-validation-flags=0 location={server.url('cam')} ! "
                     f"filesink location={path}")
        saved(source, path)
        source.kill()
        sink.end()
        yield f"{check_file(path, 25)} frames"


def ours():
    """rtmppushsink and rtmppullsrc look at the certificate"""
    with Secure() as server:
        trusted, _ = certificate()
        stranger = push(server.url("stranger"))
        until("it is refused", lambda: is_state(stranger, "waiting"))
        stranger.end()
        pusher = push(server.url("cam"), more=f"tls-ca={trusted}")
        until("it is live", lambda: "live/cam" in server.streams())
        path = os.path.join(rig.FOLDER, "ours.flv")
        puller = gst(f"rtmppullsrc location={server.url('cam')} tls-ca={trusted} ! "
                     f"filesink location={path}")
        saved(puller, path)
        puller.end()
        pusher.end()
        yield f"{check_file(path, 25)} frames"


def both():
    """with a certificate rtmp:// takes clients with TLS and without at one port"""
    with Secure("rtmp") as server:
        assert re.search(r"over TLS +rtmps://", server.log), "the URL over TLS is not printed"
        reference = packets.published(footage())
        publisher = server.publish(footage(), "cam")
        until("a GOP has gone by", lambda: publisher.sent() > 3)
        yield packets.same(packets.play(server.plain("cam")), reference)
        yield packets.same(packets.play(server.url("cam")), reference)


def on_demand():
    """a rule for viewers at the same port, of another description"""
    with Secure("rtmps", "web=https", descriptions=("live", "on-demand")) as server:
        publisher = server.publish(footage(), "cam")
        until("a GOP has gone by", lambda: publisher.sent() > 3)
        player = packets.Player(server.url("cam_480p"))
        until("it plays", lambda: player.seconds() > 2)
        player.process.kill()


def renewed():
    """a renewed certificate is for those who come: publisher and player stay"""
    trusted, key = certificate()
    with Secure() as server:
        publisher = server.publish(footage(), "cam")
        until("a GOP has gone by", lambda: publisher.sent() > 3)
        path = os.path.join(rig.FOLDER, "renewed.flv")
        player = Process("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", server.url("cam"), "-c",
                         "copy", "-f", "flv", path)
        saved(player, path)
        for file in (trusted, key):
            os.rename(file, file + ".old")
        certificate()

        def is_new():
            out = Process("openssl", "s_client", "-connect", re.search(r"://([^/]+)/", server.rtmp)[1],
                          "-CAfile", trusted, "-verify_return_error")
            return out.wait() == 0
        until("the new certificate is shown", is_new)
        before = os.path.getsize(path)
        until("the player goes on", lambda: os.path.getsize(path) > before + 200_000)
        assert publisher.running() and player.running()
        player.end()
        yield f"{os.path.getsize(path)} bytes"


if __name__ == "__main__":
    rig.need("ffmpeg", "ffprobe", "gst-launch-1.0", "openssl")
    rig.main([ffmpeg, gstreamer, ours, both, on_demand, renewed])
