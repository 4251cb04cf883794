#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""penstock test: the shipped descriptions meet their expectations, and each unmet one is detected.
Needs PENSTOCK, the executable, and PENSTOCK_PIPELINES, the directory."""

import json
import os
import subprocess
import tempfile
import unittest

PENSTOCK = os.environ["PENSTOCK"]

SENDER = """\
summary: Sends a picture, and a tone unless it is not wanted
parameters:
  to: {type: address, default: "127.0.0.1:5000"}
  fps: {type: int, default: 25}
  keys: {type: int, default: 25}
  tone: {type: bool, default: true}
  delay: {type: duration, default: 0s}
pipeline:
  - |
    videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180,framerate=${fps}/1 !
      x264enc tune=zerolatency speed-preset=ultrafast key-int-max=${keys} option-string=scenecut=0 !
      h264parse !
  - when: ${delay} != 0s
    launch: |
      queue max-size-time=0 max-size-bytes=0 max-size-buffers=0 min-threshold-time=${delay:ns} !
  - mux.video
  - when: ${tone} == true
    launch: audiotestsrc is-live=true ! queue ! copyorencode ! mux.audio
  - tslivemux name=mux ! udpsink clients=${to} sync=false
expect:
  within: 8s
  duration: 4s
  video: {codec: h264, width: 320, height: 180}
  audio: {codec: aac}
  fps: 25
  keyframe-interval: 1s
  skew: 300ms
  latency: 400ms
"""


def run(*arguments):
    done = subprocess.run([PENSTOCK, "test", "--json", *arguments], capture_output=True, text=True,
                          timeout=120)
    tests = json.loads(done.stdout) if done.stdout else []
    assert not tests or all(t["ok"] for t in tests) == (done.returncode == 0), done.stdout
    return done.returncode, tests, done.stderr


def failed(test):
    return {c["check"] for c in test["checks"] if c["status"] == "fail"}


class Shipped(unittest.TestCase):
    def test_shipped(self):
        small = ("--set", "width=640", "--set", "height=360")
        for name, outputs, *settings in (
                ("file-to-udp", {"udp"}), ("file-to-rtmp", {"rtmp"}), ("test-publisher", {"rtmp"}),
                ("webcam-to-udp", {"udp"}, *small), ("webcam-to-rtmp", {"rtmp"}, *small),
                ("live", {"rtmp", "http", "hls", "rtc"}), ("on-demand", {"rtmp", "http", "hls"}),
                ("ladder", {"rtmp", "http", "hls"}), ("failover", {"rtmp", "http", "hls"})):
            with self.subTest(name):
                code, tests, error = run(name, *settings)
                self.assertEqual(code, 0, error + json.dumps(tests, indent=1))
                self.assertTrue(tests[0]["expect"])
                checks = tests[0]["checks"]
                self.assertEqual({c["output"].split()[0] for c in checks} - {"pipelines", "machine"},
                                 outputs)
                self.assertLessEqual({"first frame", "flow", "A/V skew", "fps"},
                                     {c["check"] for c in checks})

    def test_variants(self):
        for arguments in (("file-to-udp", "--set", "format=rtp"),
                          ("live", "--set", "publish-key=hush42", "--set", "segment=1s")):
            with self.subTest(arguments):
                code, tests, error = run(*arguments)
                self.assertEqual(code, 0, error + json.dumps(tests, indent=1))
                self.assertNotIn("hush42", json.dumps(tests))


class Sender(unittest.TestCase):
    def sender(self, text=SENDER):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        path = os.path.join(directory.name, "sender.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path


class Measured(Sender):
    def test_each_check_can_fail(self):
        sender = self.sender()
        code, tests, error = run(sender)
        self.assertEqual((code, error), (0, ""), json.dumps(tests, indent=1))
        # Each takes as long as it listens: some are wrong together.
        for settings, wrong in ((("fps=15",), {"fps", "keyframe interval"}),
                                (("keys=100", "delay=1s", "tone=false"),
                                 {"keyframe interval", "latency", "audio", "A/V skew"})):
            with self.subTest(settings):
                code, tests, error = run(sender, *(w for s in settings for w in ("--set", s)))
                self.assertEqual(code, 1)
                self.assertEqual(failed(tests[0]), wrong, json.dumps(tests, indent=1))

    def test_every_output_is_measured_or_named(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "x")
            text = """\
summary: MP3, Ogg, MPEG-TS and RTMP, and what can't be received
parameters: {rtmp: {type: address, default: ":1935"}, http: {type: address, default: ":8080"}}
pipeline: |
  videotestsrc is-live=true ! video/x-raw,format=FORMAT,width=320,height=180 !
    x264enc tune=zerolatency key-int-max=15 ! h264parse ! tee name=v
  v. ! queue ! flvlivemux ! rtmpserversink location=rtmp://${rtmp}/live/x
  v. ! queue ! tslivemux ! httpserversink location=http://${http}/x.ts
  audiotestsrc is-live=true ! tee name=a
  a. ! queue ! lamemp3enc ! mpegaudioparse ! httpserversink location=http://${http}/x.mp3
  a. ! queue ! audioconvert ! vorbisenc ! oggmux max-delay=100000000 !
    httpserversink location=http://${http}/x.ogg
  a. ! queue ! fakesink
"""
            code, tests, error = run(self.sender(text.replace("FORMAT", "I420")))
            self.assertEqual((code, error), (0, ""), json.dumps(tests, indent=1))
            checks = tests[0]["checks"]
            self.assertEqual({c["output"] for c in checks} - {"pipelines", "machine"},
                             {"rtmp live/x", "http x.ts", "http x.mp3", "http x.ogg"})
            self.assertEqual({c["status"] for c in checks if c["output"] != "machine"},
                             {"pass", "told"})
            # A file is named, and the exit code tells; what hardly anything plays is warned of.
            code, tests, error = run(self.sender(text.replace("FORMAT", "Y444").replace(
                "fakesink", "wavenc ! filesink location=" + path)))
            self.assertEqual((code, error), (3, ""), json.dumps(tests, indent=1))
            told = {(c["output"], c["check"]): c for c in tests[0]["checks"]}
            self.assertEqual(told["filesink " + path, "not measured"]["status"], "unmeasured")
            for output in ("rtmp live/x", "http x.ts"):
                profile = told[output, "video profile"]
                self.assertEqual(profile["status"], "warning")
                self.assertRegex(profile["measured"], "^High 4:4:4.*hardly a browser")


class Expect(Sender):
    def test_other_protocols(self):
        """What `over` asks of a protocol's outputs counts for them alone, and in place of the rest."""
        for name, code in (("udp", 0), ("srt", 1)):
            sender = self.sender(SENDER.replace("  fps: 25\n", "  fps: 50\n  over: {%s: {fps: 25}}\n"
                                                % name))
            found, tests, error = run(sender)
            self.assertEqual((found, error), (code, ""), json.dumps(tests, indent=1))
            self.assertEqual(failed(tests[0]), {"fps"} if code else set())

    def test_nothing_comes(self):
        code, tests, _ = run(self.sender(SENDER.replace("within: 8s", "within: 1s").replace(
            "videotestsrc is-live=true", "videotestsrc is-live=true ! valve drop=true")
            .replace("{type: bool, default: true}", "{type: bool, default: false}")))
        self.assertEqual(code, 1)
        self.assertIn("first frame", failed(tests[0]))
        # An error of a pipeline is told.
        code, tests, _ = run(self.sender(SENDER.replace("within: 8s", "within: 1s").replace(
            "videotestsrc is-live=true", "v4l2src device=/dev/no-such-camera ! videoconvert")))
        self.assertEqual(code, 1)
        self.assertLessEqual({"first frame", "errors"}, failed(tests[0]))

    def test_table_and_wrong_usage(self):
        sender = self.sender()
        done = subprocess.run([PENSTOCK, "test", sender, "--set", "tone=false"], text=True,
                              capture_output=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stdout, r"(?m)^  FAIL  udp 127\.0\.0\.1:\d+ +audio +there|aac +none$")
        self.assertRegex(done.stdout, r"(?m)^  pass  udp 127\.0\.0\.1:\d+ +fps +23.75 to 26.25 +2")
        self.assertRegex(done.stdout, r"(?m)^  (    |warn)  machine +load +\d+ % busy \(\d+ % by "
                         r"this test\), threads woken up to \d+ ms late(:|$)")
        self.assertEqual(run("no-such-description")[0], 2)
        self.assertEqual(run(sender, "--set", "fps=many")[0], 2)

    def test_files_of_the_user_are_left_alone(self):
        with tempfile.TemporaryDirectory() as directory:
            names = ("fixed.flv", "hls/index.m3u8", "part00.ts", "list.m3u8", "test.mp3")
            os.mkdir(directory + "/hls")
            for name in names:
                with open(os.path.join(directory, name), "w", encoding="ascii") as file:
                    file.write("mine")
            sender = self.sender("""\
summary: Writes files
parameters: {there: {type: path, default: "%s"}}
pipeline: |
  videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180 !
    x264enc tune=zerolatency key-int-max=15 ! tee name=v
  v. ! queue ! h264parse ! flvlivemux ! filesink location=${there}/fixed.flv
  v. ! queue ! h264parse ! hls.video_0
  hlssegmenter name=hls location=file://${there}/hls/index.m3u8
  v. ! queue ! h264parse ! hlssink2 location=${there}/part%%02d.ts playlist-location=${there}/list.m3u8
  v. ! queue ! h264parse ! hlssink2
  audiotestsrc is-live=true ! lamemp3enc ! filesink location=${there}/test.mp3
expect: {duration: 2s}
""" % directory)
            done = subprocess.run([PENSTOCK, "test", sender], text=True, capture_output=True,
                                  timeout=60, cwd=directory)
            self.assertEqual((done.returncode, done.stderr), (3, ""), done.stdout)
            self.assertIn(f"filesink {directory}/fixed.flv", done.stdout)
            for name in names:
                with open(os.path.join(directory, name), encoding="ascii") as file:
                    self.assertEqual(file.read(), "mine", name)
            self.assertEqual(sorted(os.listdir(directory)),
                             ["fixed.flv", "hls", "list.m3u8", "part00.ts", "test.mp3"])
            self.assertEqual(os.listdir(directory + "/hls"), ["index.m3u8"])

    def test_mistakes(self):
        wrong = self.sender(SENDER[:SENDER.index("expect:")] + """\
expect:
  sett: {fps: 3}
  set: {fsp: 3, fps: three}
  within: 8
  duration: ${fps}
  fps: {minimum: 3}
  video: {codec: h246, width: big}
  audio: maybe
  sample: to
  beside: [live]
  over: {hls: {fsp: 30}, htp: {fps: 30}, rtmp: 3}
""")
        done = subprocess.run([PENSTOCK, "check", wrong], text=True, capture_output=True,
                              timeout=30)
        self.assertEqual(done.returncode, 1)
        for words in ("unknown key 'sett' of 'expect': did you mean 'set'?",
                      "there is no parameter 'fsp': did you mean 'fps'?",
                      "'fps' can't have this value", "'within' has to be a duration above 0",
                      "'fps' is an int and 'duration' a duration", "unknown key 'minimum' of 'fps'",
                      "'h246' is no codec that can be told: did you mean 'h264'?",
                      "'width' has to be a number above 0",
                      "'audio' has to be true, false or what it is like",
                      "'sample' has to name a parameter that is a path",
                      "'beside' has to name a description: write beside: live",
                      "unknown key 'fsp' of 'hls' of 'over': did you mean 'fps'?",
                      "there is no protocol 'htp': did you mean 'http'?",
                      "'rtmp' of 'over' has to hold what is expected there"):
            self.assertIn(words, done.stderr)


if __name__ == "__main__":
    unittest.main()
