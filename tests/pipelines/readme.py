#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every command line of README.md, in order and as written. Needs PENSTOCK, the executable, and
PENSTOCK_PIPELINES, the directory. The lines name ports, so they run in a network of their own."""

import ctypes
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

import fcntl

PENSTOCK = os.environ["PENSTOCK"]
ROOT = pathlib.Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds, for what is waited for
# Other tests cover these lines, which need the network, root, an installed Penstock or minutes.
ELSEWHERE = {
    r"\./dev ": "./dev is tested in a bare Debian",
    r"docker |FILE=|PUBLISH_KEY=": "tests/containers",
    r"meson |sudo ": "tests/install, tests/releases",
    r"man penstock$": "tests/pipelines/shell.py",
    r"penstock latency --matrix$": "tests/pipelines/latency.py",
    r"penstock bench --quick$": "three minutes of two cores",
}


def lines_of(readme):
    """The commands of all blocks, without comments."""
    out = []
    for block in re.findall(r"(?ms)^```sh\n(.*?)^```", (ROOT / readme).read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            line = " ".join(re.sub(r"(^|\s)#.*", "", line).split())
            if line:
                out.append(line)
    return out


class OwnNetwork:
    """Only the loopback interface, on which every port is free."""

    @staticmethod
    def enter():
        libc = ctypes.CDLL(None, use_errno=True)
        new_user, new_net = 0x10000000, 0x40000000
        if libc.unshare(new_net | (0 if os.geteuid() == 0 else new_user)) != 0:
            return False
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            set_flags, up = 0x8914, 1
            fcntl.ioctl(control, set_flags, struct.pack("16sh", b"lo", up).ljust(40, b"\0"))
        return True


class Command:
    """A line that runs until it is interrupted, or by itself."""

    def __init__(self, line, **where):
        self.line = line
        self.process = subprocess.Popen(["bash", "-c", "exec " + line], text=True, **where,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.said = ""
        self.changed = threading.Condition()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            with self.changed:
                self.said += line
                self.changed.notify_all()
        with self.changed:
            self.process.wait()
            self.changed.notify_all()

    def until(self, pattern):
        """Waits for words, or for its end."""
        with self.changed:
            self.changed.wait_for(lambda: re.search(pattern, self.said) or
                                  self.process.returncode is not None, PATIENCE)
            if not re.search(pattern, self.said):
                raise AssertionError("`%s` does not say %s:\n%s" % (self.line, pattern, self.said))

    def finish(self):
        self.process.wait(timeout=PATIENCE)
        self.reader.join()
        return self.process.returncode

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        return self.finish()


class Readme(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        here = pathlib.Path(cls.folder.name)
        (here / "media").mkdir()
        (here / "run").mkdir(mode=0o700)
        (here / "bin").mkdir()
        (here / "bin" / "penstock").symlink_to(PENSTOCK)
        make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=s=320x240:r=25", "-f", "lavfi",
                "-i", "sine=r=44100", "-t", "4", "-pix_fmt", "yuv420p"]
        for names, options in ((("movie.mp4", "movie.mkv", "media/movie.mp4"), make),
                               (("song.mp3",), make[:3] + make[7:13])):
            for name in names:
                subprocess.run([*options, here / name], check=True, stdin=subprocess.DEVNULL)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost", "-days", "1",
                        "-keyout", here / "privkey.pem", "-out", here / "fullchain.pem"],
                       check=True, capture_output=True)
        cls.where = {"cwd": here, "env": {**os.environ, "XDG_RUNTIME_DIR": str(here / "run"),
                                          "PATH": "%s:%s" % (here / "bin", os.environ["PATH"])}}

    def setUp(self):
        self.running = None
        self.addCleanup(self.end_the_last)

    def end_the_last(self):
        """As in a terminal, one line runs at a time: Ctrl-C frees its ports for the next."""
        command, self.running = self.running, None
        if not command:
            return
        code = command.end()
        # Without a camera these lines fail.
        if "webcam" not in command.line:
            self.assertIn(code, (0, -signal.SIGINT), command.said)
            self.assertNotRegex(command.said, r"(?m)error: |^ERROR", command.line)

    def fetch(self, url):
        with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
            self.assertEqual(answer.status, 200, url)

    def run_server(self, line):
        self.end_the_last()
        self.running = Command(line, **self.where)
        if line.startswith("gst-launch-1.0"):
            # The source waits for a publisher, in PAUSED or PLAYING.
            return self.running.until(r"Setting pipeline to (PLAYING|PAUSED)|live and does not need")
        self.running.until("Ctrl-C ends it")
        if "webcam" in line:
            return None
        if re.search(r"run ([a-z]+-to-)?(live|camera)", line) and "https" not in line:
            self.fetch("http://127.0.0.1:8080/")
        if " radio" in line:
            self.running.until(r"live +radio")
            self.fetch("http://127.0.0.1:8080/radio.mp3")
        if "test-publisher" in line:
            self.running.until(r"live +live/test")
        return None

    def run_command(self, line):
        command = Command(line, **self.where)
        if line == "penstock top":  # not on a terminal: a table for each second
            command.until("STREAM +STATE")
            self.assertIn(command.end(), (0, -signal.SIGINT))
            self.assertIn("live/test", command.said)
            return
        code = command.finish()
        if line.startswith("penstock doctor"):  # there is hardly a camera here
            self.assertIn(code, (0, 1), command.said)
            self.assertRegex(command.said, r"\bok\b")
        elif line.startswith("penstock cameras"):  # nor one in this network
            self.assertEqual(code, 1, command.said)
            self.assertRegex(command.said, "no network interface|no camera has answered")
        else:
            self.assertEqual(code, 0, line + "\n" + command.said)
        if line.startswith("penstock latency"):
            self.assertRegex(command.said, r"glass to decoder +[\d.]+ m?s")

    def test_every_line(self):
        lines = lines_of("README.md")
        self.assertGreater(len(lines), 30)
        ran = 0
        for line in lines:
            if any(re.match(pattern, line) for pattern in ELSEWHERE):
                continue
            with self.subTest(line):
                self.assertRegex(line, "^(penstock|gst-launch-1.0) ", "nothing tests this line")
                if re.match("penstock run|gst-launch", line):
                    self.run_server(line)
                else:
                    self.run_command(line)
                ran += 1
        self.end_the_last()
        self.assertGreater(ran, 15)

    def test_translation(self):
        """The other README has the same lines."""
        self.assertEqual(sorted(set(lines_of("README.md"))), sorted(set(lines_of("README.zh-TW.md"))))


if __name__ == "__main__":
    if not shutil.which("ffmpeg") or not shutil.which("openssl") or not OwnNetwork.enter():
        print("needs ffmpeg, openssl and a network namespace of its own")
        sys.exit(77)
    unittest.main()
