#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""udp-to-live with ffmpeg as its sender: a sender that is not there, one that goes and comes back, a
multicast group, RTP, and packets that are lost and repaired. Needs PENSTOCK, the executable, and
PENSTOCK_PIPELINES, the directory."""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from descriptions import ANY, Run, found_codecs
from waiting import until


def free_port():
    """A UDP port such that those two and four above it, which FEC takes, are free too."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            try:
                for more in (2, 4):
                    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
                        other.bind(("127.0.0.1", port + more))
                return port
            except (OSError, OverflowError):
                continue


class LossyRelay:
    """Passes datagrams on, but for one in ten."""

    def __init__(self, test, to):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", free_port()))
        self.port = self.socket.getsockname()[1]
        self.to = to
        self.lost = 0
        self.ends = threading.Event()
        self.socket.settimeout(0.2)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()
        test.addCleanup(self.close)

    def run(self):
        count = 0
        while not self.ends.is_set():
            try:
                datagram = self.socket.recv(2048)
            except TimeoutError:
                continue
            count += 1
            if count % 10 == 0:
                self.lost += 1
            else:
                self.socket.sendto(datagram, ("127.0.0.1", self.to))

    def close(self):
        self.ends.set()
        self.thread.join()
        self.socket.close()


class UdpToLive(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.clip = os.path.join(cls.folder.name, "clip.ts")
        subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc=size=320x180:rate=25",
             "-f", "lavfi", "-i", "sine=sample_rate=48000", "-t", "4", "-pix_fmt", "yuv420p", "-c:v",
             "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac", cls.clip], check=True)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def send(self, *output):
        sender = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", self.clip, "-c",
             "copy", *output])
        self.addCleanup(sender.wait)
        self.addCleanup(sender.kill)
        return sender

    def start(self, *settings):
        run = Run(self, "udp-to-live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY, "--set",
                  "silence=1s", *settings)
        self.rtmp = run.line(r"mpv, VLC +(rtmp://\S+/live/tv)")[1]
        self.flv = run.line(r"mpv, VLC +(http://\S+/live/tv\.flv)")[1]
        return run

    def test_sender_comes_and_goes(self):
        port = free_port()
        run = self.start("--set", f"from=127.0.0.1:{port}")
        to = ["-f", "mpegts", f"udp://127.0.0.1:{port}?pkt_size=1316"]
        run.line("nothing has come for 1 s: waiting for a sender")
        sender = self.send(*to)
        self.assertEqual(found_codecs(self.rtmp), ["aac", "h264"])
        self.assertEqual(found_codecs(self.flv.replace(".flv", "/index.m3u8")), ["aac", "h264"])
        with urllib.request.urlopen(self.flv, timeout=20) as viewer:
            self.assertTrue(viewer.read(20_000))
            sender.kill()
            run.line("nothing has come for 1 s: waiting for a sender")
            self.send(*to)
            # The viewer who stayed gets what comes, more than was cached.
            self.assertEqual(len(viewer.read(150_000)), 150_000)
        self.assertEqual(run.end(), 0)

    def test_multicast(self):
        port = free_port()
        group = f"239.{os.getpid() % 250}.{port // 256}.{port % 250 + 1}"
        run = self.start("--set", f"from={group}:{port}", "--set", "interface=lo")
        self.send("-f", "mpegts", f"udp://{group}:{port}?pkt_size=1316&localaddr=127.0.0.1&ttl=0")
        self.assertEqual(found_codecs(self.rtmp), ["aac", "h264"])
        self.assertEqual(run.end(), 0)

    def test_repaired(self):
        """RTP of which packets are lost, with FEC: every frame is there."""
        port = free_port()
        relay = LossyRelay(self, port)
        self.start("--set", f"from=127.0.0.1:{port}", "--set", "transport=rtp-fec", "--set",
                   f"fec-columns=127.0.0.1:{relay.port + 2}", "--set",
                   f"fec-rows=127.0.0.1:{relay.port + 4}")
        self.send("-f", "rtp_mpegts", "-fec", "prompeg=l=5:d=5", f"rtp://127.0.0.1:{relay.port}")
        self.assertEqual(found_codecs(self.rtmp), ["aac", "h264"])
        frames = subprocess.run(
            ["ffmpeg", "-nostdin", "-v", "error", "-i", self.flv, "-t", "3", "-map", "0:v", "-c",
             "copy", "-f", "framecrc", "-"], capture_output=True, text=True, timeout=30)
        count = sum(not line.startswith("#") for line in frames.stdout.splitlines())
        self.assertGreater(count, 66, frames.stderr)  # of 75; without repairs 58
        self.assertGreater(relay.lost, 5)

    def test_rtp(self):
        port = free_port()
        self.start("--set", f"from=127.0.0.1:{port}", "--set", "transport=rtp")
        self.send("-f", "rtp_mpegts", f"rtp://127.0.0.1:{port}")
        self.assertEqual(found_codecs(self.rtmp), ["aac", "h264"])


if __name__ == "__main__":
    unittest.main()
