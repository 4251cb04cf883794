#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ffmpeg, srt-live-transmit, GStreamer's own elements, VLC and OBS publish and watch over SRT, by the
URLs that Penstock prints; refused callers are told why."""

import glob
import os
import re
import shutil
import socket
import subprocess

import obs
import packets
import rig
import vlc
from rig import footage, generated, until

RELAY = """
summary: SRT in, SRT out
parameters:
  srt: {type: address, default: ":8890", help: Where callers connect}
  key: {type: string, default: "", secret: true, help: The key of publishers}
  words: {type: string, default: "", secret: true, help: The passphrase of publishers}
publish:
  - match: srt://${srt}/live/{name}
    pipeline: |
      srtliveserversrc location=srt://${srt}/live/${name} publish-key=${key} passphrase=${words} !
      goptee name=gop
      gop. ! srtliveserversink location=srt://${srt}/live/${name}
"""


def free_udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Server(rig.Server):
    """`penstock run` with the description above."""

    def __enter__(self):
        path = os.path.join(rig.FOLDER, "relay.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(RELAY)
        self.place = f"srt://127.0.0.1:{free_udp_port()}"
        address = self.place.removeprefix("srt://")
        self.process = rig.Process(rig.PENSTOCK, "run", path, "--set", f"srt={address}",
                                   *self.settings)
        until("penstock is ready", lambda: "Ctrl-C" in self.log or not self.process.running())
        assert self.process.running(), "penstock did not start"
        return self

    def to(self, name):
        return f"{self.place}?streamid=publish:live/{name}"

    def url(self, name):
        return f"{self.place}?streamid=read:live/{name}"

    def publish(self, file, name, *options):
        return rig.Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1",
                           "-stats_period", "0.2", "-re", "-stream_loop", "-1", "-i", file, "-c",
                           "copy", *options, "-f", "mpegts", self.to(name))

    def until_live(self, name):
        until(f"{name} is live", lambda: f"live    live/{name}" in self.log)


def decodes(file):
    """A transport stream whose pictures and sound decode without a complaint."""
    out, said = rig.run("ffmpeg", "-nostdin", "-v", "error", "-i", file, "-t", "3", "-f", "null",
                        "-progress", "pipe:1", "-")
    frames = int(re.findall(r"frame=(\d+)", out)[-1])
    assert frames >= 30, f"{frames} frames"
    assert not said.strip(), f"ffmpeg says: {said}"
    return f"{frames} frames"


def recorded(server, name, *command):
    """What a program writes to its output until there is enough."""
    path = os.path.join(rig.FOLDER, f"{name}.ts")
    with open(path, "wb") as file:
        with subprocess.Popen(command, stdout=file, stderr=subprocess.DEVNULL,
                              stdin=subprocess.DEVNULL) as program:
            try:
                until("a program has received enough", lambda: os.path.getsize(path) > 1_200_000
                      or program.poll() is not None)
                assert program.poll() is None, f"{command[0]} is gone"
            finally:
                program.kill()
    return decodes(path)


def ffmpeg():
    """published by ffmpeg with and without B-frames, and watched"""
    with Server() as server:
        for name, file in (("real", footage()), ("b-frames", generated())):
            server.publish(file, name)
            server.until_live(name)
            for url in (server.url(name), f"{server.place}?streamid=#!::r=live/{name},m=request"):
                yield packets.decode(url, 3) or f"{name}: decoded"


def encrypted():
    """publishers need the passphrase and the key"""
    with Server("words=correct-horse", "key=KEY", expected=["refused", "passphrase"]) as server:
        def publish(url):
            return rig.Process("ffmpeg", "-nostdin", "-v", "error", "-re", "-i", generated(), "-c",
                               "copy", "-f", "mpegts", url)
        assert publish(server.to("cam")).wait() != 0
        assert publish(server.to("cam") + ":key=KEY").wait() != 0
        publish(server.to("cam") + ":key=KEY&passphrase=correct-horse&pbkeylen=16")
        server.until_live("cam")


def transmit():
    """srt-live-transmit sends what ffmpeg makes, and receives it again"""
    if not shutil.which("srt-live-transmit"):
        yield "skipped: no srt-live-transmit"
        return
    with Server() as server:
        command = (f"ffmpeg -nostdin -v error -re -stream_loop -1 -t 40 -i '{generated()}' -c copy "
                   f"-f mpegts - | exec srt-live-transmit -q file://con "
                   f"'{server.place}?streamid=#!::r=live/cam,m=publish'")
        rig.Process("sh", "-c", command)
        server.until_live("cam")
        yield recorded(server, "transmit", "srt-live-transmit", "-q", server.url("cam"),
                       "file://con")


def gstreamer():
    """GStreamer's srtsink publishes, its srtsrc watches; so do srtpushsink and srtpullsrc"""
    with Server() as server:
        for sink, source, name in (("srtsink uri={}&mode=caller", "srtsrc uri={}&mode=caller", "one"),
                                   ("srtpushsink location={}", "srtpullsrc location={}", "two")):
            line = ("videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360,"
                    "framerate=25/1 ! x264enc tune=zerolatency key-int-max=25 bitrate=2000 ! "
                    "video/x-h264,profile=main ! h264parse ! mpegtsmux alignment=7 ! "
                    + sink.format(server.to(name)))
            rig.Process("gst-launch-1.0", "-q", *line.split())
            server.until_live(name)
            path = os.path.join(rig.FOLDER, f"{name}-gst.ts")
            reader = rig.Process("gst-launch-1.0", "-q",
                                 *f"{source.format(server.url(name))} ! filesink location={path}".split())
            until("enough has come", lambda: os.path.exists(path) and os.path.getsize(path) > 1_200_000)
            reader.kill()
            yield decodes(path)


def vlc_plays():
    """VLC plays it, where its SRT module knows stream ids"""
    if not shutil.which("cvlc") or not shutil.which("setpriv"):
        yield "skipped: no VLC"
        return
    if not glob.glob("/usr/lib/*/vlc/plugins/access/libaccess_srt_plugin.so"):
        yield "skipped: this VLC has no SRT (vlc-plugin-access-extra)"
        return
    with Server() as server:
        server.publish(generated(), "cam")
        server.until_live("cam")
        yield vlc.plays(server.url("cam"))


def obs_publishes():
    """OBS publishes with the server that Penstock prints, without a stream key"""
    if not shutil.which("obs") or not shutil.which("Xvfb"):
        yield "skipped: no OBS"
        return
    with Server() as server:
        printed = re.search(r"OBS +server (\S+)", server.log)[1]
        assert printed == server.to("NAME"), printed
        publisher = obs.studio(server.to("studio"), "")
        obs.until_live(server, publisher)
        packets.decode(server.url("studio"), 3)
        obs.until_off_air(server, publisher)


if __name__ == "__main__":
    rig.need("ffmpeg", "ffprobe")
    rig.main([ffmpeg, encrypted, transmit, gstreamer, vlc_plays, obs_publishes])
