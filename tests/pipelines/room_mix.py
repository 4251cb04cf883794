#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs pipelines/room.yaml with participants of one colour and one tone each, and watches and records
the mix of their room. Needs PENSTOCK, the executable, and PENSTOCK_PIPELINES, the directory."""

import os
import signal
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from descriptions import ANY, Run, found_codecs, get
from waiting import until

RED, GREEN = "0xffff0000", "0xff00ff00"


def join(test, room, name, colour):
    """A participant, who sends until it is killed."""
    participant = subprocess.Popen(
        ["gst-launch-1.0", "-q", "videotestsrc", "is-live=true", "pattern=solid-color",
         f"foreground-color={colour}", "!", "video/x-raw,width=320,height=180,framerate=15/1", "!",
         "vp8enc", "deadline=1", "keyframe-max-dist=30", "!", "mux.video",
         "audiotestsrc", "is-live=true", "!", "opusenc", "!", "mux.audio",
         "flvlivemux", "name=mux", "!", "rtcpushsink", f"location={room}/join?name={name}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    test.addCleanup(participant.wait)
    test.addCleanup(participant.kill)
    return participant


def colours(url):
    """Those in the middle of the left and the right half of a frame: 'red', 'green' or 'other'."""
    frame = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", url, "-frames:v", "1", "-s", "64x36", "-pix_fmt", "rgb24",
         "-f", "rawvideo", "-"], capture_output=True, timeout=30).stdout
    if len(frame) != 64 * 36 * 3:
        return None
    found = []
    for x in (16, 48):
        red, green, blue = frame[(18 * 64 + x) * 3:][:3]
        found.append("red" if red > 180 and max(green, blue) < 80 else
                     "green" if green > 180 and max(red, blue) < 80 else "other")
    return found


def status(url):
    """That of a viewer's request; a WHEP client's has an offer, here an empty one."""
    try:
        get(urllib.request.Request(url, b"", method="POST") if url.endswith("/whep") else url)
    except urllib.error.HTTPError as error:
        return error.code
    return 200


class RoomMix(unittest.TestCase):
    def run_room(self, mix, *arguments):
        run = Run(self, "room", "--set", "http=" + ANY, "--set", "rtmp=" + ANY, "--set",
                  "size=360p", *(["--set", "mix=" + mix] if mix else []), *arguments)
        room = run.line(r"Room +(http://\S+/room)/NAME")[1]
        rtmp = run.line(r"(rtmp://\S+/live)/NAME")[1] if mix else None
        return run, room, rtmp, room.replace("/room", "/live")

    def test_watched(self):
        run, room, rtmp, http = self.run_room("watched")
        # Who tries names starts nothing.
        self.assertEqual(status(f"{http}/show.flv"), 404)
        join(self, room + "/show", "Ann", RED)
        until("Ann is not seen", lambda: colours(f"{rtmp}/show") == ["red", "red"])
        run.line(r"live/show: starts, requested by a viewer")
        bob = join(self, room + "/show", "Bob", GREEN)
        until("Ann and Bob are not seen",
              lambda: sorted(colours(f"{http}/show.flv") or []) == ["green", "red"])
        for url in (f"{rtmp}/show", f"{http}/show.flv", f"{http}/show/index.m3u8"):
            self.assertEqual(found_codecs(url), ["aac", "h264"], url)
        self.assertEqual(status(f"{http}/other.flv"), 404)
        bob.send_signal(signal.SIGINT)
        until("Bob is still seen", lambda: colours(f"{rtmp}/show") == ["red", "red"])
        self.assertEqual(run.end(), 0)

    def test_off(self):
        with tempfile.TemporaryDirectory() as folder:
            # Unless it is asked for, nobody watches a room from outside; it can be recorded.
            run, room, _, http = self.run_room(None, "--set", "record=true", "--set",
                                               "recordings=" + folder)
            join(self, room + "/show", "Ann", RED)
            until("hardly anything is written", lambda: [
                name for name in os.listdir(folder)
                if os.path.getsize(os.path.join(folder, name)) > 60_000])
            for name in ("show.flv", "show/index.m3u8", "show/whep"):
                self.assertEqual(status(f"{http}/{name}"), 404, name)
            self.assertEqual(run.end(), 0)
            self.assertNotIn("rtmp://", "".join(run.seen))
            self.assertNotIn("requested by a viewer", "".join(run.seen))

    def test_recorded(self):
        with tempfile.TemporaryDirectory() as folder:
            run, room, rtmp, _ = self.run_room("watched", "--set", "record=true", "--set",
                                               "recordings=" + folder)
            join(self, room + "/show", "Ann", RED)
            until("nothing is written", lambda: os.listdir(folder))
            (name,) = os.listdir(folder)
            self.assertRegex(name, r"^show_\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d\.mp4$")
            # It is watched, too, and out of the same encoder: also by who comes before there is
            # a segment.
            http = room.replace("/room", "/live")
            self.assertEqual(status(f"{http}/show/index.m3u8"), 200)
            until("Ann is not seen", lambda: colours(f"{rtmp}/show") == ["red", "red"])
            file = os.path.join(folder, name)
            until("hardly anything is written", lambda: os.path.getsize(file) > 60_000)
            # Whatever happens, what is written can be played.
            run.process.send_signal(signal.SIGKILL)
            run.process.wait()
            self.assertNotIn("requested by a viewer", "".join(run.seen))
            self.assertEqual(found_codecs(file), ["aac", "h264"])
            self.assertIn("red", colours(file) + colours_at_end(file))


def colours_at_end(file):
    """Those of the last frame that can be decoded."""
    with tempfile.TemporaryDirectory() as folder:
        frame = os.path.join(folder, "last.png")
        subprocess.run(["ffmpeg", "-v", "fatal", "-i", file, "-update", "1", "-y", frame],
                       check=False, timeout=60)
        return colours(frame) or []


if __name__ == "__main__":
    unittest.main()
