#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The example protocol from end to end: a publisher, players, a play rule, admission by key, and
what top, explain, show and urls say of it. Needs PENSTOCK, the executable that knows the protocol,
and the description as an argument."""

import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

PENSTOCK = os.environ["PENSTOCK"]
DESCRIPTION = sys.argv.pop()


def until(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > deadline:
            raise AssertionError(what)
        threading.Event().wait(0.05)
    return result


class Client:
    def __init__(self, test, port, request):
        self.socket = socket.create_connection(("127.0.0.1", port), 20)
        self.file = self.socket.makefile("rw", encoding="utf-8", newline="\n")
        test.addCleanup(self.socket.close)
        test.addCleanup(self.file.close)
        self.say(request)
        self.answer = self.read()

    def say(self, line):
        self.file.write(line + "\n")
        self.file.flush()

    def read(self):
        return self.file.readline().strip()


class Lines(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.environment = dict(os.environ, XDG_RUNTIME_DIR=directory.name)
        self.path = pathlib.Path(directory.name, "log")

    def penstock(self, *arguments):
        run = subprocess.run([PENSTOCK, *arguments], capture_output=True, text=True, timeout=60,
                             env=self.environment)
        self.assertEqual(run.returncode, 0, run.stderr)
        return run.stdout

    def start(self, *settings):
        log = open(self.path, "w", encoding="utf-8")
        process = subprocess.Popen(
            [PENSTOCK, "run", DESCRIPTION, "--set", "lines=127.0.0.1:0", *settings],
            stdout=log, stderr=log, env=self.environment)
        log.close()

        def end():
            process.terminate()
            self.assertEqual(process.wait(20), 0, self.path.read_text())
        self.addCleanup(end)
        until("it runs", lambda: "Ctrl-C" in self.path.read_text() or process.poll() is not None)
        return int(re.search(r"lines://127.0.0.1:(\d+)/", self.path.read_text())[1])

    def mounts(self):
        state = json.loads(self.penstock("top", "--json", "--once"))["processes"][0]
        return {mount["path"]: mount for mount in state["mounts"]}, state["pipelines"]

    def publish(self, port, request="PUBLISH live/cam"):
        publisher = Client(self, port, request)
        self.assertEqual(publisher.answer, "OK")
        return publisher

    def play(self, port, request):
        """A player, once the stream is there."""
        def ask():
            player = Client(self, port, request)
            return player if player.answer == "OK" else None
        return until("it plays", ask)

    def test_publish_and_play(self):
        port = self.start()
        self.assertEqual(Client(self, port, "PLAY live/cam").answer, "ERROR no such stream")
        publisher = self.publish(port)
        publisher.say("hello")
        players = [self.play(port, "PLAY live/cam") for _ in range(3)]
        again = self.play(port, "PLAY live/cam_again")
        self.assertIn("published already", Client(self, port, "PUBLISH live/cam").answer)
        until("all watch", lambda: self.mounts()[0]["live/cam"]["viewers"] == 3)
        for i in range(20):
            publisher.say(f"line {i}")
        for player in [*players, again]:
            until("the last line is read", lambda: player.read() == "line 19")
        mounts, pipelines = self.mounts()
        self.assertEqual((mounts["live/cam"]["live"], mounts["live/cam"]["players"]), (True, 3))
        self.assertIn("lines-publish-", mounts["live/cam"]["publisher"])
        self.assertEqual(mounts["live/cam_again"]["viewers"], 1)
        elements = {e["factory"]: e for p in pipelines for e in p["elements"]}
        self.assertIn("linesserversink", elements)
        # Viewers that leave are no longer counted, and the stream ends with its publisher.
        for player in players:
            player.socket.shutdown(socket.SHUT_RDWR)
        until("nobody watches", lambda: self.mounts()[0]["live/cam"]["viewers"] == 0)

    def test_keys(self):
        port = self.start("--set", "publish-key=hush42")
        for request in ("PUBLISH live/cam", "PUBLISH live/cam?key=guess"):
            self.assertIn("wrong or missing key", Client(self, port, request).answer)
        self.publish(port, "PUBLISH live/cam?key=hush42").say("hello")
        self.play(port, "PLAY live/cam")
        self.assertNotIn("hush42", self.path.read_text())

    def test_bad_requests(self):
        port = self.start()
        for request in ("", "DELETE live/cam", "PLAY ../cam", "PLAY", "PUBLISH other/cam"):
            self.assertTrue(Client(self, port, request).answer.startswith("ERROR"), request)
        with self.assertRaises(ConnectionError):
            Client(self, port, "x" * 10_000)
        self.publish(port)

    def test_what_is_said_of_it(self):
        self.penstock("check", DESCRIPTION)
        said = self.penstock("show", DESCRIPTION)
        for path in ("live/NAME", "live/NAME_again"):
            self.assertIn(f"lines://127.0.0.1:7000/{path}\n", said)
        urls = json.loads(self.penstock("show", DESCRIPTION, "--json"))["serves"]
        self.assertEqual([url["kind"] for url in urls], ["publish", "play", "play"])
        said = self.penstock("explain", DESCRIPTION)
        self.assertIn("linesserversrc 'location=lines://", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
