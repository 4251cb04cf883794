#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""penstock explain: lines that gst-launch-1.0 accepts, what is copied and what is encoded, drawings
for terminals and Graphviz, and no listener is opened. Needs PENSTOCK and PENSTOCK_PIPELINES."""

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import unittest

PENSTOCK = os.environ["PENSTOCK"]
PIPELINES = os.environ["PENSTOCK_PIPELINES"]


def make(path, *options):
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                    "testsrc=size=320x180:rate=25:duration=2", "-f", "lavfi", "-i",
                    "sine=duration=2", *options, path], check=True)


class Explain(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.directory = cls.holder.name
        cls.mp4, cls.webm, cls.silent = (os.path.join(cls.directory, name)
                                         for name in ("a \"b\" ! 'c'.mp4", "d.webm", "e.mp4"))
        make(cls.mp4, "-pix_fmt", "yuv420p", "-c:v", "libx264", "-g", "25", "-c:a", "aac")
        make(cls.webm, "-c:v", "libvpx", "-c:a", "libopus")
        make(cls.silent, "-map", "0", "-pix_fmt", "yuv420p", "-c:v", "libx264", "-g", "25")

    @classmethod
    def tearDownClass(cls):
        cls.holder.cleanup()

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def explain(self, *arguments, **environment):
        done = subprocess.run([PENSTOCK, "explain", *arguments], capture_output=True, text=True,
                              timeout=60, env={**os.environ, **environment})
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
        return done.stdout

    def pipelines(self, *arguments):
        return json.loads(self.explain(*arguments, "--json"))["pipelines"]

    def elements(self, pipeline, name):
        found = [e for e in pipeline["elements"] if e["element"] == name]
        self.assertTrue(found, name)
        return found

    def test_a_file_that_is_copied(self):
        pipeline, = self.pipelines("file-to-udp", "--set", "file=" + self.mp4)
        self.assertEqual(pipeline["error"], "")
        for element in self.elements(pipeline, "copyorencode"):
            self.assertEqual((element["action"], element["by"]), ("copied", ""))
            self.assertEqual(element["latency"], {"ns": 0, "measured": True})
        streams = [link["stream"] for link in pipeline["links"]]
        self.assertTrue(any(re.match(r"H\.264 \w+@L[\d.]+ 320x180 25 fps", s) for s in streams), streams)
        self.assertTrue(any(s.startswith("AAC 44.1 kHz mono") for s in streams), streams)
        self.assertIn("MPEG-TS", streams)
        self.assertIn(" copied ", self.explain("file-to-udp", "--set", "file=" + self.mp4))

    def test_a_profile_that_hardly_anything_plays(self):
        for format, profile in (("Y444_10LE", "High 4:4:4"), ("Y42B", "High 4:2:2"),
                                ("I420_10LE", "High 10"), ("I420", None)):
            path = self.write(
                "profile.yaml", "summary: s\npipeline: videotestsrc is-live=true ! "
                "video/x-raw,format=%s,width=64,height=64,framerate=30/1 ! "
                "x264enc tune=zerolatency ! h264parse ! fakesink\n" % format)
            pipeline, = self.pipelines(path)
            notes = " ".join(pipeline["notes"])
            self.assertEqual("hardly a browser, phone or TV" in notes, profile is not None, notes)
            streams = [link["stream"] for link in pipeline["links"]]
            self.assertTrue(any(s.startswith("H.264 " + (profile or "High") + "@L") or
                                s.startswith("H.264 " + (profile or "High") + " ")
                                for s in streams), streams)

    def test_a_profile_that_is_encoded_again(self):
        file = os.path.join(self.directory, "y444.mp4")
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                        "testsrc=size=320x180:rate=25:duration=1", "-pix_fmt", "yuv444p", "-c:v",
                        "libx264", file], check=True)
        pipeline, = self.pipelines("file-to-udp", "--set", "file=" + file)
        self.assertEqual(self.elements(pipeline, "copyorencode")[0]["action"], "recoded")
        self.assertNotIn("hardly", " ".join(pipeline["notes"]))

    def test_a_file_that_is_encoded(self):
        pipeline, = self.pipelines("file-to-udp", "--set", "file=" + self.webm)
        video, audio = self.elements(pipeline, "copyorencode")
        self.assertEqual((video["action"], video["by"]), ("recoded", "x264enc"))
        self.assertEqual((audio["action"], audio["by"]), ("recoded", "avenc_aac"))
        # x264enc looks ahead; the latency of the whole path is at least as large.
        self.assertTrue(video["latency"]["measured"])
        self.assertGreater(video["latency"]["ns"], 100_000_000)
        self.assertTrue(any(note.startswith("to udpsink it takes %d ms"
                                            % round(video["latency"]["ns"] / 1e6))
                            for note in pipeline["notes"]), pipeline["notes"])
        text = self.explain("file-to-udp", "--set", "file=" + self.webm)
        self.assertIn("encoded by x264enc", text)
        self.assertIn("VP8 320x180 25 fps", text)

    def test_a_file_without_sound(self):
        pipeline, = self.pipelines("file-to-udp", "--set", "file=" + self.silent)
        absent = [link for link in pipeline["links"] if link["absent"]]
        self.assertEqual([link["from-pad"] for link in absent if link["from-pad"] == "audio"],
                         ["audio"])
        self.assertFalse(any(link["absent"] for link in pipeline["links"]
                             if link["from-pad"] == "video"))

    def test_values_that_are_missing(self):
        pipeline, = self.pipelines("file-to-udp")
        self.assertEqual({e["action"] for e in self.elements(pipeline, "copyorencode")}, {"open"})
        self.assertIn("'file' has no value: --set file=… tells more", pipeline["notes"])
        self.assertIn("location=<file>", pipeline["launch"])

    def test_nothing_is_opened_or_sent(self):
        """Nothing is opened or sent: not a server's port, which is taken here, nor a player's, nor
        another server."""
        with socket.create_server(("127.0.0.1", 0)) as taken, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as player:
            player.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % taken.getsockname()[1]
            for arguments in (("live", "--set", "rtmp=" + address, "--set", "http=" + address),
                              ("test-publisher", "--set", "url=rtmp://%s/live/x" % address),
                              ("file-to-rtmp", "--set", "file=" + self.mp4, "--set",
                               "rtmp=" + address),
                              ("file-to-udp", "--set", "file=" + self.mp4, "--set",
                               "to=127.0.0.1:%d" % player.getsockname()[1])):
                for pipeline in self.pipelines(*arguments):
                    self.assertEqual(pipeline["error"], "")
            for quiet in (taken, player):
                quiet.setblocking(False)
            self.assertRaises(BlockingIOError, taken.accept)
            self.assertRaises(BlockingIOError, player.recv, 1)

    def test_a_rule(self):
        pipeline, whip, srt, rtsp, whep = self.pipelines("live")
        for each, source in ((pipeline, "rtmpserversrc"), (whip, "rtcserversrc"),
                             (srt, "srtliveserversrc"), (rtsp, "rtspserversrc")):
            self.assertIn("{name}", each["launch"])
            self.assertIn(f"what {source} gives is known when a publisher has come", each["notes"])
        for each, element in (whip, "rtcserversrc"), (whep, "rtcserversink"):
            self.assertIn("127.0.0.1", self.elements(each, element)[0]["note"])
        demux, = self.elements(pipeline, "flvlivedemux")
        self.assertEqual((demux["action"], demux["latency"]),
                         ("copied", {"ns": 0, "measured": False}))
        self.assertIn("6 s", self.elements(pipeline, "hlssegmenter")[0]["note"])
        # The codecs of a publisher are not known yet; the format, FLV, is.
        first = pipeline["links"][0]
        self.assertEqual((first["stream"], first["expected"]), ("FLV", True))

    def test_a_source_that_runs_and_a_sink_that_does_not(self):
        never = os.path.join(self.directory, "never")
        path = self.write("x.yaml", "summary: s\npipeline: |\n"
                          "  videotestsrc is-live=true ! video/x-raw,format=I420,width=64,height=48 !\n"
                          "  x264enc tune=zerolatency ! h264parse ! filesink location=%s\n" % never)
        pipeline, = self.pipelines(path)
        self.assertEqual(pipeline["error"], "")
        self.assertEqual([e["action"] for e in pipeline["elements"]],
                         ["source", "encoded", "copied", "sink"])
        self.assertEqual(pipeline["links"][0]["filter"], "video/x-raw,format=I420,width=64,height=48")
        self.assertIn("raw video I420 64x48", pipeline["links"][0]["stream"])
        self.assertFalse(os.path.exists(never))

    def test_the_line_is_what_runs(self):
        """The printed line, pasted into a shell, does the same as `run`, for any file name."""
        copy = os.path.join(self.directory, "it's a \"copy\" \\ !.ts")
        path = self.write("x.yaml", "summary: s\nparameters:\n"
                          "  file: {type: path, required: true}\n  to: {type: path, required: true}\n"
                          "pipeline: |\n  filesrc location=${file} ! identity sleep-time=0 !\n"
                          "  video/x-raw,width=(int)3 ! filesink location=${to}\n")
        pipeline, = self.pipelines(path, "--set", "file=" + self.mp4, "--set", "to=" + copy)
        self.assertIn("'video/x-raw,width=(int)3'", pipeline["launch"])
        line = pipeline["launch"].replace("'video/x-raw,width=(int)3' !", "")
        done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, line + done.stderr)
        with open(self.mp4, "rb") as original, open(copy, "rb") as copied:
            self.assertEqual(original.read(), copied.read())

    def test_secrets_are_not_shown(self):
        path = self.write("x.yaml", "summary: s\nparameters:\n"
                          "  word: {type: string, default: '', secret: true}\n"
                          "pipeline: fakesrc num-buffers=1 ! rtmp2sink "
                          "location=rtmp://127.0.0.1:1/live/x?key=${word} async-connect=false\n")
        for form in ([], ["--json"], ["--dot"]):
            self.assertNotIn("hush1", self.explain(path, "--set", "word=hush1", *form))

    def test_every_description_in_every_form(self):
        for name in sorted(os.listdir(PIPELINES)):
            if not name.endswith(".yaml"):
                continue
            arguments = [os.path.join(PIPELINES, name)]
            if name.startswith("file-"):
                arguments += ["--set", "file=" + self.mp4]
            if name.startswith("webcam-"):
                arguments += ["--set", "source=test", "--set", "width=320", "--set", "height=180"]
            for pipeline in self.pipelines(*arguments):
                self.assertEqual(pipeline["error"], "", name)
                words = shlex.split(pipeline["launch"])
                self.assertEqual(words[0], "gst-launch-1.0")
            text = self.explain(*arguments)
            self.assertLessEqual(max(map(len, text.splitlines())), 100, text)
            drawing = [line for line in text.splitlines() if line[:1] in "●│├╰" or "●" in line]
            self.assertTrue(drawing)
            self.assertLessEqual(max(map(len, drawing)), 80)
            dot = self.explain(*arguments, "--dot")
            self.assertTrue(dot.startswith("digraph "))
            if shutil.which("dot"):
                subprocess.run(["dot", "-Tplain"], input=dot, text=True, check=True,
                               capture_output=True, timeout=60)
                self.assertIn("</svg>", self.explain(*arguments, "--svg"))

    def test_graphviz_is_named_where_it_is_missing(self):
        done = subprocess.run([PENSTOCK, "explain", "live", "--svg"], capture_output=True, text=True,
                              timeout=60, env={**os.environ, "PATH": "/nowhere"})
        self.assertEqual(done.returncode, 1)
        self.assertIn("apt install graphviz", done.stderr)

    def test_a_bad_description_is_not_explained(self):
        path = self.write("x.yaml", "summary: s\npipeline: fakesrk ! fakesink\n")
        done = subprocess.run([PENSTOCK, "explain", path], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertIn("x.yaml:2:11: there is no element 'fakesrk'", done.stderr)


if __name__ == "__main__":
    unittest.main()
