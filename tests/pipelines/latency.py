#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`penstock latency` with a URL, and over every protocol. Needs PENSTOCK, the executable, and
PENSTOCK_PIPELINES, the directory."""

import json
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request
import xml.dom.minidom

PENSTOCK = os.environ["PENSTOCK"]
ANY = "127.0.0.1:0"
HOPS = bytes.fromhex("42b3b9d93d6f454ab1776134a22963c8")  # begins each stamp of latencysei
NGINX = "/usr/lib/nginx/modules/ngx_rtmp_module.so"


def latency(*arguments, timeout=240):
    return subprocess.run([PENSTOCK, "latency", *arguments], capture_output=True, text=True,
                          timeout=timeout)


class Run:
    """A `penstock run`, read up to a line that tells its addresses."""

    def __init__(self, test, *arguments):
        self.process = subprocess.Popen([PENSTOCK, "run", *arguments], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        test.addCleanup(self.close)
        self.seen = ""
        for line in self.process.stdout:
            self.seen += line
            if "Ctrl-C" in line:
                break
        self.reader = threading.Thread(target=self.process.stdout.read)
        self.reader.start()

    def find(self, pattern):
        return re.search(pattern, self.seen)[1]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


class OfUrl(unittest.TestCase):
    def setUp(self):
        self.live = Run(self, "live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY, "--set",
                        "segment=1s")
        self.rtmp = self.live.find(r"Publish +(rtmp://\S+)/NAME")
        self.http = self.live.find(r"HLS +(http://\S+)/NAME/index.m3u8")

    def publish(self, name, stamp, *settings):
        return Run(self, "test-publisher", "--set", "url=%s/%s" % (self.rtmp, name), "--set",
                   "stamp=" + stamp, "--set", "bitrate=1Mbit",
                   *(word for setting in settings or ("latency=low",)
                     for word in ("--set", setting)))

    def test_webrtc(self):
        """WHEP is read like the others: of a stream that is copied, and of one with B-frames, which
        `live` encodes anew for WebRTC alone."""
        self.publish("cam", "true")
        line = ("videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate="
                "15/1 ! latencystamp ! x264enc bframes=2 b-adapt=false key-int-max=15 speed-preset="
                "ultrafast ! h264parse ! flvmux streamable=true ! rtmp2sink location=%s/bframes")
        process = subprocess.Popen(["gst-launch-1.0", "-q", *(line % self.rtmp).split()])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        for name, url, reordered in (("cam", self.http + "/cam/whep", False),
                                     ("bframes", self.http + "/bframes/whep", False),
                                     ("bframes", self.rtmp + "/bframes", True)):
            with self.subTest(url):
                run = latency(url, "--wait", "60", "-t", "4", "--json")
                self.assertEqual((run.returncode, run.stderr), (0, ""))
                told = json.loads(run.stdout)
                self.assertEqual((told["codec"], told["b_frames"]), ("h264", reordered))
                self.assertGreater(told["glass"]["count"], 20)
                self.assertEqual((told["clock"], told["pictures"]["unreadable"]), (0, 0))
                self.assertEqual([hop["hop"] for hop in told["hops"]],
                                 ["capture", "encode", "mux", "network", "server", "client"]
                                 if name == "cam" else [])

    def wait_for_playlist(self, url):
        deadline = time.monotonic() + 40
        while True:
            try:
                with urllib.request.urlopen(url, timeout=20) as answer:
                    return answer.read().decode()
            except OSError:
                self.assertLess(time.monotonic(), deadline)
                threading.Event().wait(0.2)

    def test_stamped(self):
        self.publish("cam", "true")
        with tempfile.TemporaryDirectory() as folder:
            plot = os.path.join(folder, "plot.svg")
            run = latency(self.rtmp + "/cam", "--wait", "60", "-t", "4", "--plot", plot)
            self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)
            for words in (r"h264 1280x720", r"glass to decoder +[\d.]+ m?s  \(95 %", r"0 unreadable",
                          r"where it goes", r"\n  encoder ", r"\n  delivery ", r"\n  decoder "):
                self.assertRegex(run.stdout, words)
            svg = xml.dom.minidom.parse(plot)
            self.assertEqual(svg.documentElement.tagName, "svg")
        run = latency(self.http + "/cam.flv", "--wait", "60", "-t", "4", "--json")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        told = json.loads(run.stdout)
        self.assertEqual((told["protocol"], told["url"]), ("HTTP-FLV", self.http + "/cam.flv"))
        glass = told["glass"]
        self.assertGreater(glass["count"], 30)
        # A busy machine adds latency, but stamps are recent.
        self.assertTrue(0 < glass["min_ms"] <= glass["p50_ms"] <= glass["p95_ms"] <= glass["max_ms"]
                        < 20_000, glass)
        self.assertEqual([hop["hop"] for hop in told["hops"]],
                         ["capture", "encode", "mux", "network", "server", "client"])
        parts = {part["part"]: part["p50_ms"] for part in told["budget"]}
        self.assertEqual(list(parts), ["encoder", "muxer", "pacing", "upload", "delivery",
                                       "decoder"])
        # The parts are medians, so their sum is only about the whole.
        self.assertLess(abs(sum(parts.values()) - glass["p50_ms"]), max(30, glass["p50_ms"] / 2))
        self.assertFalse(told["b_frames"])
        self.assertEqual((told["clock"], told["pictures"]["unreadable"]), (0, 0))
        self.assertGreater(told["keyframe_interval_ms"], 900)

    def test_every_hop(self):
        """Publisher, RTMP and HLS, with a keyframe every four seconds: sixty frames."""
        self.publish("slow", "true", "latency=normal", "fps=15")
        url = self.http + "/slow/index.m3u8"
        self.wait_for_playlist(url)
        run = latency(url, "--wait", "60", "-t", "8", "--json")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        told = json.loads(run.stdout)
        self.assertEqual([hop["hop"] for hop in told["hops"]],
                         ["capture", "encode", "mux", "network", "server", "segment", "client"])
        parts = {part["part"]: part["p50_ms"] for part in told["budget"]}
        self.assertEqual(list(parts), ["encoder", "muxer", "pacing", "upload", "server", "segment",
                                       "player's buffer", "decoder"])
        self.assertEqual([part["to"] for part in told["budget"][:-1]],
                         [part["from"] for part in told["budget"][1:]])
        glass = told["glass"]["p50_ms"]
        self.assertLess(abs(sum(parts.values()) - glass), glass / 10)
        self.assertGreater(parts["encoder"], 100)  # x264enc looks ahead
        self.assertGreater(parts["segment"] + parts["player's buffer"], 2500)
        self.assertEqual((told["clock"], told["pictures"]["unreadable"]), (0, 0))
        words = r"your keyframe interval of 4[.\d]* s is the largest part: a segment is cut"
        self.assertRegex(told["advice"][0], words)
        run = latency(url, "--wait", "60", "-t", "2")
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, "→ " + words)
        self.assertRegex(run.stdout, r"segments of \d")
        self.assertRegex(run.stdout, r"\n  server +server → segment +[\d.]+ ms")

    def test_untouched(self):
        """A stream without stamps gets none; one with stamps gets the server's in every frame."""
        for name, stamp in (("bare", "false"), ("stamped", "true")):
            self.publish(name, stamp)
            segment = next(line for line in self.wait_for_playlist(
                "%s/%s/index.m3u8" % (self.http, name)).splitlines() if line.endswith(".ts"))
            with urllib.request.urlopen("%s/%s/%s" % (self.http, name, segment)) as answer:
                ts = answer.read()
            with urllib.request.urlopen("%s/%s.flv" % (self.http, name)) as answer:
                flv = answer.read(200_000)
            for data in (ts, flv):
                self.assertGreater(len(data), 50_000)
                self.assertEqual(HOPS in data, stamp == "true", name)

    def test_without_stamps(self):
        bare = self.publish("bare", "false")
        run = latency(self.rtmp + "/bare", "--wait", "60", "-t", "2")
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r"no picture has a stamp.* test-publisher \(process %d\) sends "
                                     r"it: start it with `--set stamp=true`\n" % bare.process.pid)
        run = latency(self.http + "/bare.flv", "--wait", "60", "-t", "2")
        self.assertIn("test-publisher (process %d)" % bare.process.pid, run.stderr)
        # A publisher other than Penstock.
        bare.close()
        line = ("videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240 ! x264enc "
                "tune=zerolatency ! h264parse ! flvmux streamable=true ! rtmp2sink location=%s/bare")
        process = subprocess.Popen(["gst-launch-1.0", "-q", *(line % self.rtmp).split()])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        run = latency(self.rtmp + "/bare", "--wait", "60", "-t", "2")
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r"latencystamp.*test-publisher, webcam-to-rtmp and webcam-to-udp")

    def test_terminal(self):
        """A live line, and Ctrl-C ends a measurement without an end in order."""
        try:
            master, slave = pty.openpty()
        except OSError as error:  # a tree without devpts
            self.skipTest(str(error))
        self.publish("cam", "true")
        self.addCleanup(os.close, master)
        process = subprocess.Popen([PENSTOCK, "latency", self.rtmp + "/cam", "-t", "0"],
                                   stdout=slave, stderr=subprocess.PIPE)
        os.close(slave)
        seen = ""

        def read_until(pattern):
            nonlocal seen
            deadline = time.monotonic() + 40
            while not re.search(pattern, seen) and time.monotonic() < deadline:
                try:
                    seen += os.read(master, 4096).decode(errors="replace")
                except OSError:  # what is behind the terminal has ended
                    break
            self.assertRegex(seen, pattern)

        read_until(r"latency [\d.]+ m?s")
        process.send_signal(signal.SIGINT)
        read_until(r"glass to decoder|from capture")
        self.assertEqual(process.wait(timeout=10), 0)
        self.assertEqual(process.stderr.read(), b"")
        process.stderr.close()


class Foreign(unittest.TestCase):
    """ffmpeg reads stamps of latencysei as SEI user data, and no decoder is disturbed."""

    CASES = (("x264enc tune=zerolatency ! h264parse", "video/x-h264,stream-format=byte-stream",
              "a.h264"),
             ("x264enc bframes=2 ! h264parse", "video/x-h264 ! flvlivemux", "a.flv"),
             ("x264enc bframes=2 ! h264parse", "video/x-h264 ! mpegtsmux", "a.ts"),
             ("x265enc speed-preset=ultrafast ! h265parse",
              "video/x-h265,stream-format=byte-stream", "a.h265"),
             ("av1enc usage-profile=realtime cpu-used=8 ! av1parse ! video/x-av1,alignment=tu",
              "matroskamux", "a.mkv"))

    def test_ffmpeg(self):
        with tempfile.TemporaryDirectory() as folder:
            for encoder, container, name in self.CASES:
                file = os.path.join(folder, name)
                made = subprocess.run(
                    ["gst-launch-1.0", "-q", *("videotestsrc num-buffers=30 ! video/x-raw,"
                     "format=I420,width=160,height=120 ! %s ! latencysei hop=encode+mux ! %s ! "
                     "filesink location=%s" % (encoder, container, file)).split()],
                    capture_output=True, text=True, timeout=60)
                self.assertEqual((made.returncode, made.stderr), (0, ""), encoder)
                decoded = subprocess.run(
                    ["ffmpeg", "-v", "warning", "-xerror", "-i", file, "-f", "framecrc", "-"],
                    capture_output=True, text=True, timeout=60)
                said = [line for line in decoded.stderr.splitlines()
                        if "Estimating duration" not in line]
                self.assertEqual((decoded.returncode, said), (0, []), name)
                pictures = [l for l in decoded.stdout.splitlines() if not l.startswith("#")]
                self.assertEqual(len(pictures), 30, name)
                if name == "a.mkv":
                    continue
                frames = subprocess.run(["ffprobe", "-v", "error", "-show_frames", "-of", "json",
                                         file], capture_output=True, text=True, timeout=60)
                stamped = [f for f in json.loads(frames.stdout)["frames"]
                           if any("User Data Unregistered" in d["side_data_type"]
                                  for d in f.get("side_data_list", []))]
                self.assertEqual(len(stamped), 30, name)


class Mistakes(unittest.TestCase):
    def test_usage(self):
        for arguments, words in (((), "either a URL or --matrix"),
                                 (("rtmp://127.0.0.1/a", "--matrix"), "either a URL or --matrix"),
                                 (("gopher://a/b",), "'gopher' is no protocol"),
                                 (("http://a/b",), ".m3u8"),
                                 (("udp://127.0.0.1",), "has no port"),
                                 (("--matrix", "--over", "pigeon"), "'pigeon'"),
                                 (("rtmp://a/b", "--over", "UDP"), "--over")):
            run = latency(*arguments)
            self.assertIn(words, run.stderr)
            self.assertEqual(run.returncode, 2, arguments)

    def test_nobody_there(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            run = latency("rtmp://127.0.0.1:%d/live/x" % port)
            self.assertEqual(run.returncode, 1)
            self.assertIn("127.0.0.1:%d" % port, run.stderr)
            run = latency("http://127.0.0.1:%d/live/x/whep" % port)
            self.assertEqual(run.returncode, 1)
            self.assertIn("nothing listens on port %d of 127.0.0.1" % port, run.stderr)

    def test_nothing_comes(self):
        """The command says what it waits for, and ends after the given time with a hint at
        --wait."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
            taken.bind(("127.0.0.1", 0))
            silent = "udp://127.0.0.1:%d" % taken.getsockname()[1]
        live = Run(self, "live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY)
        nobody = live.find(r"Publish +(rtmp://\S+)/NAME") + "/none"
        for url in silent, nobody:
            run = latency(url, "-t", "2", timeout=20)
            self.assertEqual((run.returncode, run.stdout), (1, ""), url)
            waits, error = run.stderr.splitlines()
            self.assertRegex(waits, r"^waits for the first frame of %s, for \d s more$" % url)
            self.assertRegex(error, r"^error: %s: no frame came within 2 s: .*--wait" % url)
            run = latency(url, "-t", "2", "--json", timeout=20)
            self.assertRegex(run.stderr, r"\Aerror: [^\n]*within 2 s[^\n]*\n\Z")
        run = latency(nobody, "--wait", "1", "-t", "0", timeout=20)
        self.assertIn("no frame came within 1 s", run.stderr)
        over_rtc = live.find(r"WHEP +(http://\S+)/NAME/whep") + "/none/whep"
        run = latency(over_rtc, "--wait", "60", timeout=70)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, r"error: %s: the server knows no such stream \(HTTP 404: No such "
                                     r"stream: live/none is not being published\): is the stream "
                                     r"published, under that name\?" % over_rtc)


class Matrix(unittest.TestCase):
    def test_every_protocol(self):
        with tempfile.TemporaryDirectory() as folder:
            plot, table = (os.path.join(folder, name) for name in ("matrix.svg", "matrix.md"))
            pathlib.Path(table).write_text(
                "before\n<!-- penstock latency --matrix -->\nold\n<!-- end -->\nafter\n",
                encoding="utf-8")
            run = latency("--matrix", "-t", "1.5", "--json", "--plot", plot, "--markdown", table)
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            told = json.loads(run.stdout)
            svg = xml.dom.minidom.parse(plot)
            text = pathlib.Path(table).read_text(encoding="utf-8")
        names = ["pipe", "RTMP", "nginx-rtmp", "HTTP-FLV", "HLS", "WHIP to WHEP", "RTMP to WHEP",
                 "UDP", "RTP", "SRT"]
        in_browser = [name + " in Chromium" for name in names if name.endswith(" to WHEP")]
        if not (os.path.exists(NGINX) and shutil.which("nginx", path="/usr/sbin")):
            names.remove("nginx-rtmp")
        if any(map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))):
            names += in_browser
        cells = {(r["route"], r["setting"]): r for r in told["routes"]}
        self.assertEqual(sorted(cells), sorted((n, s) for n in names for s in ("low", "normal")))
        for (name, setting), cell in cells.items():
            where = (name, setting)
            glass = cell["glass"]
            self.assertGreater(glass["count"], 10, where)
            self.assertTrue(0 < glass["p50_ms"] < 30_000, where)
            self.assertEqual(cell["pictures"]["unreadable"], 0, where)
            self.assertEqual(cell["clock"], 0, where)
            self.assertFalse(cell["b_frames"], where)
            hops = [hop["hop"] for hop in cell["hops"]]
            relayed = name in ("RTMP", "HTTP-FLV", "HLS", "WHIP to WHEP", "RTMP to WHEP")
            # The page reads what it shows, and nothing of the encoded stream.
            self.assertEqual(hops, [] if name in in_browser else
                             ["capture", "encode"] + ["server"] * relayed + ["client"], where)
            self.assertEqual(cell["added_ms"] is None, name == "pipe")
            self.assertLess(cells[name, "low"]["glass"]["p50_ms"],
                            cells[name, "normal"]["glass"]["p50_ms"], name)
        # Three segments of at least a second each.
        self.assertGreater(cells["HLS", "low"]["glass"]["p50_ms"], 3000)
        self.assertGreater(len(svg.getElementsByTagName("rect")), 2 * len(names))
        self.assertRegex(text, r"\Abefore\n<!-- penstock latency --matrix -->\n")
        self.assertRegex(text, r"<!-- end -->\nafter\n\Z")
        self.assertNotIn("old", text)
        for name in names:
            self.assertRegex(text, r"\| %s \| [\d.]+ \|" % name)


if __name__ == "__main__":
    unittest.main()
