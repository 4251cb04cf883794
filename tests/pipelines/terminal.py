#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the launcher prints on a terminal: lines that fit its width, and the status line. Needs PENSTOCK,
the executable, and PENSTOCK_PIPELINES, the directory."""

import fcntl
import os
import pty
import re
import socket
import struct
import subprocess
import termios
import unittest

from launcher_case import PENSTOCK, LauncherCase

SHIPPED = os.environ["PENSTOCK_PIPELINES"]


class OnTerminal(LauncherCase):
    def test_width_of_a_terminal(self):
        """Nothing is wider than the terminal, but a command that can't be broken, and it says so."""
        for width in 80, 120:
            for words in (["show", "live"], ["show", "webcam-to-rtmp"], ["list"], ["doctor", "live"]):
                with self.subTest(words, width=width):
                    text = self.on_terminal(width, *words)
                    wide = [line for line in text.splitlines() if len(line) > width]
                    # A Windows shell has no sign for a line that goes on; a path has no space.
                    self.assertEqual([line for line in wide if not line.startswith("  Windows")
                                      and not line.split()[-1].startswith("/")], [])
        shown = self.on_terminal(80, "show", "live")
        commands = re.findall(r"(?m)^  (?:Linux|macOS) +((?:.*\\\n)+.*)$", shown)
        self.assertEqual(len(commands), 6, shown) # by RTMP, SRT and RTSP
        plain = self.penstock("show", "live", PENSTOCK_PIPELINES=SHIPPED).stdout
        for command in commands:
            # As a shell joins it.
            self.assertIn(re.sub(r"\s*\\\n\s*", " ", command), plain)

    def test_errors(self):
        """They are wrapped, and of a long source line what is around the mistake is shown."""
        start = "summary: s\nparameters: {w: {type: duration, default: 1s}}\npipeline: "
        for before in 0, 1, 3:
            line = "fakesrc ! " + "identity silent=true ! " * before * 2
            self.write("long.yaml", start + line + "identity sleep-time=${w} ! " +
                       "identity ! " * 12 + "fakesink\n")
            for width in 60, 80, 120:
                with self.subTest(before=before, width=width):
                    lines = self.on_terminal(width, "check", "long.yaml", errors=None).splitlines()
                    self.assertLessEqual(max(map(len, lines)), width, lines)
                    caret = next(i for i, text in enumerate(lines) if text.strip() == "^")
                    self.assertTrue(lines[caret - 1][lines[caret].index("^"):].startswith("${w}"),
                                    lines)
                    self.assertRegex(" ".join(" ".join(lines[:caret - 1]).split()),
                                     r"long.yaml:3:\d+: 'w' is a duration and is used without a unit")
        lines = self.on_terminal(60, "show", "no-such-description", errors=None).splitlines()
        self.assertGreater(len(lines), 1)
        self.assertLessEqual(max(map(len, lines)), 60)

    def test_status_line(self):
        """Whole fields, and what is sent elsewhere counts."""
        port = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(port.close)
        port.bind(("127.0.0.1", 0))
        self.write("sends.yaml", "summary: s\nparameters: {name: {type: int, default: 1}}\npipeline: "
                   "videotestsrc num-buffers=300 ! video/x-raw,width=16,height=16,framerate=100/1 ! "
                   "rtpvrawpay ! udpsink host=127.0.0.1 port=%d\n" % port.getsockname()[1])
        text = self.on_terminal(50, "run", "./sends.yaml")
        lines = re.findall(r"\d+ streams? · [^\r\n\x1b]*", text)
        self.assertTrue(lines, text)
        for line in lines:
            self.assertRegex(line, r"^\d+ streams?( · \d+ viewers?( · in \d+ kbit/s"
                             r"( · out \d+ kbit/s)?)?)?$")
        wide = self.on_terminal(120, "run", "./sends.yaml")
        self.assertRegex(wide, r"· out [1-9]\d* kbit/s · up 0:00:0\d")

    def on_terminal(self, width, *words, errors=subprocess.DEVNULL):
        main, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        process = subprocess.Popen(
            [PENSTOCK, *words], stdout=other,
            stderr=other if errors is None else errors, cwd=self.directory,
            env={**self.environment, "PENSTOCK_PIPELINES": SHIPPED, "NO_COLOR": "1"})
        os.close(other)
        text = b""
        try:
            while part := os.read(main, 65536):
                text += part
        except OSError:  # the process has closed its side
            pass
        os.close(main)
        process.wait(timeout=60)
        return text.decode().replace("\r\n", "\n")


if __name__ == "__main__":
    unittest.main()
