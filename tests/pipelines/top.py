#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""top, its socket, and the progress of pipelines that end. Needs PENSTOCK, the executable, and
PENSTOCK_PIPELINES, the directory."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import signal
import socket
import stat
import struct
import subprocess
import tempfile
import termios
import threading
import time
import unittest

from waiting import until

PENSTOCK = os.environ["PENSTOCK"]
ANY = "127.0.0.1:0"


class Top(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=self.directory)

    def run_penstock(self, *arguments, **environment):
        log = open(os.path.join(self.directory, "log-%d" % time.monotonic_ns()), "w+",
                   encoding="utf-8")
        process = subprocess.Popen([PENSTOCK, "run", *arguments], stdout=log, stderr=log,
                                   env={**self.environment, **environment})

        def end():
            process.kill()
            process.wait()
            log.close()
        self.addCleanup(end)
        process.log = lambda: pathlib.Path(log.name).read_text(encoding="utf-8")
        until("it runs", lambda: "Ctrl-C" in process.log() or process.poll() is not None)
        return process

    def top(self, *arguments):
        return subprocess.run([PENSTOCK, "top", *arguments], capture_output=True, text=True,
                              env=self.environment, timeout=30)

    def state(self, *arguments):
        run = self.top("--json", "--once", *arguments)
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertEqual(run.stdout.count("\n"), 1, "one line")
        return {p["process"]: p for p in json.loads(run.stdout)["processes"]}

    def live_with_publisher(self):
        live = self.run_penstock("live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY, "--set",
                                 "publish-key=hush42")
        url = re.search(r"Publish +(rtmp://\S+)/NAME", live.log())[1]
        publisher = self.run_penstock("test-publisher", "--set", url and
                                      "url=%s/cam?key=hush42" % url, "--set", "bitrate=500kbit")
        until("the stream is there", lambda: "live/cam" in live.log())
        return live, publisher, url + "/cam"

    def test_nobody(self):
        run = self.top()
        self.assertEqual(run.returncode, 1)
        self.assertIn("no penstock of this user runs", run.stderr)
        self.assertEqual(self.top("--pid", "1", "--once").returncode, 1)
        self.assertEqual(self.top("--interval", "0").returncode, 2)

    def test_streams(self):
        live, publisher, url = self.live_with_publisher()
        player = subprocess.Popen(["ffmpeg", "-v", "error", "-i", url, "-f", "null", "-"])
        self.addCleanup(player.wait)
        self.addCleanup(player.kill)

        def seen():
            states = self.state()
            self.assertEqual(set(states), {live.pid, publisher.pid})
            for stream in states[live.pid]["pipelines"]:
                if stream["players"] == 1 and stream.get("fps", 0) > 0:
                    return stream, states
            return None
        stream, states = until("a player is counted", seen)
        self.assertEqual((stream["label"], stream["state"], stream["viewers"]),
                         ("live/cam", "playing", 1))
        self.assertTrue(20 < stream["fps"] < 40, stream["fps"])
        self.assertTrue(200e3 < stream["in-rate"] < 2e6, stream["in-rate"])
        self.assertGreater(stream["out-rate"], 100e3)
        self.assertIn("gop.src_0", [q["name"] for q in stream["queues"]])
        self.assertIn("hlssegmenter", [e["factory"] for e in stream["elements"]])
        mount = states[live.pid]["mounts"][0]
        self.assertEqual((mount["path"], mount["live"], mount["players"], mount["viewers"]),
                         ("live/cam", True, 1, 1))
        self.assertIn("127.0.0.1:", mount["publisher"])
        self.assertNotIn("hush42", json.dumps(states))
        self.assertGreater(states[publisher.pid]["pipelines"][0]["out-rate"], 100e3)

        # The table for people: aligned, and with only the requested process.
        lines = self.top("--once", "--pid", str(live.pid)).stdout.splitlines()
        self.assertEqual(lines[0], "process %d  live" % live.pid)
        self.assertRegex(lines[1], r"^  STREAM +STATE +PUBLISHER +VIEWERS +IN +OUT +FPS")
        self.assertRegex(lines[2], r"^  live/cam +playing +127.0.0.1:\d+ +1 +[\d.]+ [kM]bit/s")
        self.assertEqual(lines[1].index("FPS"), re.search(r"(?<= )\d\d\.\d ", lines[2]).start())
        self.assertEqual(len(lines), 3)

        # On a pipe it prints a table per interval, until the process has ended.
        watch = subprocess.Popen([PENSTOCK, "top", "-i", "0.3", "--pid", str(publisher.pid)],
                                 stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                                 env=self.environment)
        self.addCleanup(watch.communicate)
        for _ in range(2):
            self.assertIn("process", watch.stdout.readline())
            self.assertIn("STREAM", watch.stdout.readline())
            self.assertIn("test-publisher", watch.stdout.readline())
        publisher.send_signal(signal.SIGINT)
        self.assertEqual(watch.wait(timeout=10), 0)

    def terminal(self, rows, columns, *arguments):
        """`penstock top` on a terminal of this size; returns a function that types and one that
        returns the screen."""
        try:
            main, other = pty.openpty()
        except OSError as error:  # a tree without devpts
            self.skipTest(str(error))
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        top = subprocess.Popen([PENSTOCK, "top", "-i", "0.2", *arguments], stdin=other,
                               stdout=other, stderr=other,
                               env={**self.environment, "TERM": "xterm", "NO_COLOR": "1"})
        os.close(other)
        self.addCleanup(os.close, main)
        self.addCleanup(top.wait)
        self.addCleanup(top.kill)
        shown = b""

        def screen():
            nonlocal shown
            while select.select([main], [], [], 0.05)[0]:
                try:
                    shown += os.read(main, 65536)
                except OSError:
                    break
            frames = shown.decode(errors="ignore").split("\x1b[H")
            text = frames[-2] if len(frames) > 1 else frames[0]  # with --once no frames
            return re.sub("\n\n+", "\n",
                          re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "\n", text.replace("\r", "")))
        return lambda keys: os.write(main, keys), screen

    def test_dead_destination(self):
        """It has a row, and its drops are not the stream's."""
        with socket.create_server(("127.0.0.1", 0)) as gone:
            port = gone.getsockname()[1]
        server = self.run_penstock("restream", "--set", "rtmp=" + ANY, "--set", "behind=500ms",
                                   "--set", "url-1=rtmp://127.0.0.1:%d/live/x" % port)
        url = re.search(r"Publish +(rtmp://\S+)/NAME", server.log())[1]
        self.run_penstock("test-publisher", "--set", f"url={url}/cam", "--set", "bitrate=500kbit")

        def dropped():
            for pipeline in self.state("--pid", str(server.pid))[server.pid]["pipelines"]:
                for element in pipeline["elements"]:
                    if element["name"] == "to-1" and element["stats"]["drops"] > 0:
                        return pipeline
            return None
        pipeline = until("the destination drops", dropped)
        self.assertEqual(pipeline["drops"], 0)
        shown = self.top("--once", "--pid", str(server.pid)).stdout
        self.assertRegex(shown, r"(?m)^ +to-1 +not connected")

    def test_what_does_not_fit(self):
        """Columns that don't fit are named and can be reached by arrow keys; with --once they are
        printed below."""
        live, _, _ = self.live_with_publisher()
        press, screen = self.terminal(20, 80, "--pid", str(live.pid))
        text = until("it is drawn", lambda: (lambda s: s if re.search("live/cam.*bit/s", s) else None)(screen()))
        self.assertRegex(text, r"(?m)^  STREAM +STATE +PUBLISHER +VIEWERS +IN +OUT")
        self.assertRegex(text, r"(?m)^← → .*UP · q quits$")
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)
        for _ in range(9):  # no further than to the last column
            press(b"\x1b[C")
        text = until("it is scrolled",
                     lambda: (lambda s: s if re.search("STREAM.* UP\n", s) else None)(screen()))
        self.assertRegex(text, r"(?m)^  live/cam .*\d:\d\d:\d\d$")
        self.assertRegex(text, r"(?m)^← → STATE .*q quits$")
        press(b"\x1b[D" * 9)
        until("it is back", lambda: re.search("STREAM +STATE", screen()))
        press, screen = self.terminal(3, 80, "--pid", str(live.pid))
        until("rows are missing", lambda: "↓ 1 more" in screen())
        press(b"\x1b[B")
        until("they are there", lambda: "↑ 1 more" in screen() and "live/cam" in screen())
        _, screen = self.terminal(20, 80, "--once", "--pid", str(live.pid))
        text = until("it is shown", lambda: (lambda s: s if s.count("live/cam") > 1 else None)(screen()))
        self.assertRegex(text, r"(?m)^  STREAM .* UP$")
        for line in text.splitlines():
            self.assertLessEqual(len(line), 80, line)
        whole = self.top("--once", "--pid", str(live.pid)).stdout
        self.assertGreater(max(map(len, whole.splitlines())), 80)

    def test_off_air(self):
        """A stream without its publisher is off air; one that a pipeline feeds has no publisher
        to wait for."""
        live, publisher, _ = self.live_with_publisher()
        publisher.kill()
        publisher.wait()

        def is_off_air():
            return re.search(r"(?m)^  live/cam +off air +- ",
                             self.top("--once", "--pid", str(live.pid)).stdout)
        until("it is off air", is_off_air)
        path = os.path.join(self.directory, "fed.yaml")
        pathlib.Path(path).write_text(
            "summary: s\npipeline: videotestsrc is-live=true ! video/x-raw,format=I420,width=64,"
            "height=64 ! x264enc tune=zerolatency ! h264parse ! flvlivemux ! "
            "rtmpserversink location=rtmp://127.0.0.1:0/fed\n", encoding="utf-8")
        fed = self.run_penstock(path)
        until("it is live", lambda: "live    fed" in fed.log())
        table = self.top("--once", "--pid", str(fed.pid)).stdout
        self.assertRegex(table, r"(?m)^  fed +playing +- ")

    def test_two_publishers(self):
        """Of a publisher and its backup both are named, and which is on air."""
        live = self.run_penstock("live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY, "--set",
                                 "republish=backup")
        url = re.search(r"Publish +(rtmp://\S+)/NAME", live.log())[1] + "/cam"
        primary = self.run_penstock("test-publisher", "--set", "url=" + url, "--set",
                                    "bitrate=500kbit")
        until("the primary is on air", lambda: re.search("live +live/cam", live.log()))
        self.run_penstock("test-publisher", "--set", "url=%s?backup=1" % url, "--set",
                          "bitrate=500kbit")

        def two():
            table = self.top("--once", "--pid", str(live.pid)).stdout
            return re.search(r"(?m)^  live/cam +playing +(127\.\S+) .*\n"
                             r"    publisher +standby +(127\.\S+) ", table)
        first, second = until("the backup is named", two).groups()
        mount = self.state("--pid", str(live.pid))[live.pid]["mounts"][0]
        self.assertTrue(mount["publisher"].endswith(first) and mount["standby"].endswith(second))
        until("the log has it", lambda: re.search(
            r"standby live/cam  rtmp-publish-\d+ %s  stands by behind rtmp-publish-\d+ %s" %
            (second, first), live.log()))
        # Held back: it stays connected and sends nothing.
        primary.send_signal(signal.SIGSTOP)

        def swapped():
            found = two()
            return found if found and found[1] == second else None
        self.assertEqual(until("the backup is on air", swapped)[2], first)
        until("the log has that, too", lambda: re.search(
            r"live    live/cam  \S+ %s  follows \S+ %s, which stands by" % (second, first),
            live.log()))

    def test_on_a_terminal(self):
        live = self.run_penstock("live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY)
        try:
            main, other = pty.openpty()
        except OSError as error:  # a tree without devpts
            self.skipTest(str(error))
        top = subprocess.Popen([PENSTOCK, "top", "-i", "0.2"], stdin=other, stdout=other,
                               stderr=other, env={**self.environment, "TERM": "xterm"})
        os.close(other)
        self.addCleanup(top.wait)
        self.addCleanup(top.kill)
        shown = b""

        def read():
            nonlocal shown
            if select.select([main], [], [], 0.1)[0]:
                try:
                    shown += os.read(main, 65536)
                except OSError:
                    pass
            return shown
        until("it is drawn again", lambda: read().count(b"process") > 2)
        self.assertIn(b"\x1b[?1049h", shown)
        self.assertIn(str(live.pid).encode(), shown)
        os.write(main, b"q")
        until("q ends it", lambda: (read(), top.poll() is not None)[1])
        self.assertEqual(top.returncode, 0)
        self.assertIn(b"\x1b[?1049l", read())
        os.close(main)

    def test_socket(self):
        live = self.run_penstock("live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY)
        directory = os.path.join(self.directory, "penstock")
        path = os.path.join(directory, "%d.sock" % live.pid)
        until("it listens", lambda: os.path.exists(path))
        self.assertEqual(stat.S_IMODE(os.stat(directory).st_mode), 0o700)
        self.assertEqual(stat.S_IMODE(os.stat(path).st_mode), 0o600)

        def connect():
            client = socket.socket(socket.AF_UNIX)
            client.settimeout(10)
            client.connect(path)
            self.addCleanup(client.close)
            return client

        def closed(client):
            try:
                return client.recv(1) == b""
            except ConnectionResetError:
                return True
        client = connect()
        for _ in range(2):  # any number of requests on one connection
            client.sendall(b'{"get":"sta')
            client.sendall(b'te"}\n')
            self.assertEqual(json.loads(client.makefile().readline())["process"], live.pid)
        for nonsense in (b"\n", b"[]\n", b'{"get":{}}\n', b"\xff{\n"):
            client.sendall(nonsense)
            self.assertIn("error", json.loads(client.makefile().readline()))
        # A line without an end, and more clients than are served.
        endless = connect()
        endless.sendall(b"x" * 8192)
        self.assertTrue(closed(endless))
        many = [connect() for _ in range(20)]
        many[0].sendall(b'{"get":"state"}\n')
        self.assertIn("process", json.loads(many[0].makefile().readline()))
        self.assertTrue(closed(many[-1]))
        for one in many:
            one.close()
        until("a place is free again", lambda: live.pid in self.state())
        # A killed process leaves its socket behind; it is not listed, and the socket is removed.
        live.kill()
        live.wait()
        self.assertTrue(os.path.exists(path))
        self.assertEqual(self.top("--once").returncode, 1)
        self.assertFalse(os.path.exists(path))

    def test_unsafe_directory(self):
        os.mkdir(os.path.join(self.directory, "penstock"), mode=0o755)
        os.chmod(os.path.join(self.directory, "penstock"), 0o755)
        live = self.run_penstock("live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY)
        self.assertIn("is open to others: chmod 700", live.log())
        self.assertEqual(os.listdir(os.path.join(self.directory, "penstock")), [])
        self.assertIsNone(live.poll())

    def test_progress(self):
        movie = os.path.join(self.directory, "movie.webm")
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                        "testsrc2=size=640x360:rate=30:duration=40", "-c:v", "libvpx", "-deadline",
                        "realtime", "-cpu-used", "8", movie], check=True)
        description = os.path.join(self.directory, "pack.yaml")
        with open(description, "w", encoding="utf-8") as file:
            file.write("summary: s\nparameters: {loop: {type: bool, default: false}}\npipeline: |\n"
                       "  livefilesrc name=src loop=${loop} location=%s\n"
                       "  hlssegmenter name=hls sync=false location=file://%s/hls/index.m3u8\n"
                       "  src.video ! copyorencode ! hls.video_0\n" % (movie, self.directory))
        os.mkdir(os.path.join(self.directory, "hls"))
        pack = self.run_penstock(description)
        found = until("a line tells of it", lambda: re.search(
            r"pack (\d+) %, ([\d.]+)x, 0:00:(\d\d) left", pack.log()) or pack.poll() is not None)
        self.assertIsNot(found, True, pack.log())
        self.assertGreater(float(found[2]), 0.3)
        self.assertLess(int(found[1]), 100)
        # The estimate is right: the work ends at about that time.
        began = time.monotonic()
        pack.wait(timeout=3 * int(found[3]) + 20)
        self.assertEqual(pack.returncode, 0)
        self.assertLess(time.monotonic() - began, 3 * int(found[3]) + 5)
        # An endless loop has no remaining time.
        again = self.run_penstock(description, "--set", "loop=true")
        threading.Event().wait(1.5)
        self.assertNotIn("left", again.log())
        self.assertIsNone(again.poll())


if __name__ == "__main__":
    unittest.main()
