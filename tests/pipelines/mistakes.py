#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Mistakes in descriptions, as `penstock check` and `penstock run` report them: all at once, each
with its place and what to do. Needs PENSTOCK, the executable."""

import json
import unittest

from launcher_case import LauncherCase

# Each mistake is on its own, so that what is found is neither less nor more than what is there.
MISTAKES = """\
summary: Many mistakes
parametres: {}
parameters:
  rate: {type: bitrat, default: 2Mbit}
  wait: {type: duration, default: 2}
  size: {type: size, default: 1MB}
  speed: {type: choice, default: fast, choices: [fast, quick]}
  from: {type: choice, default: test, choices: [test, tone]}
start:
  - |
    videotestsrc pattern=smpt ! x264enc bitrate=0 speed-preset=${speed} tune=zerolatncy !
      h264parse ! tee name=t
    t. ! queue ! flvmux name=mux ! audioconvert ! fakesink
    t. ! mux.vido
    tea. ! fakesink name=t
  - when: ${rate} == 2Mbit
    pipeline:
      - {when: "${from} == test", launch: videotestsrc !}
      - {when: "${from} == tone", launch: audiotestsrc !}
      - video/x-raw,format=I420,width=320 ! vidoeconvert ! identity sleep-time=${size} ! fakesink
  - pipeline:
      - {when: "${from} == test", launch: videotestsrc !}
      - {when: "${frm} == tone", launch: audiotestsrc !}
      - autovideosink
  - videotestsrc ! video/x-raw,format=I421 ! videoconvert fakesink syn=true
publish:
  - match: rtmp://:1935/live/{name}
    pipelin: a ! b
    pipeline: |
      rtmpserversrc location=rtmp://:193500/live/${name} ! fakesink num-buffers=${name}
restart: {policy: allways}
"""
EXPECTED = [
    ("2:1", "unknown key 'parametres': did you mean 'parameters'?"),
    ("4:16", "'bitrat' is no type: did you mean 'bitrate'?"),
    ("5:35", "the default of 'wait': '2' is no duration: write a number and its unit, such as "
     "500ms, 2s or 5min"),
    ("11:26", "'smpt' is none of the values of 'pattern': did you mean 'smpte'?"),
    ("11:49", "bitrate=0 is out of range: take a whole number from 1 to 2048000"),
    ("11:64", "'quick' is none of the values of 'speed-preset' (with speed=quick): take one of "
     "None, ultrafast, superfast, veryfast, faster, fast, medium, slow, slower, veryslow and "
     "placebo"),
    ("11:78", "'zerolatncy' is none of the flags of 'tune': did you mean 'zerolatency'?"),
    ("13:34", "'flvmux' can't be linked to 'audioconvert': video/x-flv is given, audio/x-raw is "
     "taken: link something that gives audio/x-raw"),
    ("14:10", "'flvmux' has no sink pad 'vido': did you mean 'video'?"),
    ("15:5", "no element is named 'tea': give one `name=tea`"),
    ("15:21", "two elements are named 't': rename one (the first is in line 12)"),
    ("20:9", "caps stand where an element is expected: begin this fragment with `!`, and end the one "
     "before without it"),
    ("20:45", "there is no element 'vidoeconvert': did you mean 'videoconvert'?"),
    ("20:80", "'size' is a size and is used without a unit: say which: ${size:B} (one of B, kB, "
     "MB, GB, KiB, MiB and GiB)"),
    ("23:17", "there is no parameter 'frm': did you mean 'from'?"),
    ("25:32", "'videotestsrc' never gives format=I421: `gst-inspect-1.0 videotestsrc` lists what "
     "it gives"),
    ("25:59", "'videoconvert' and 'fakesink' are not linked: write `!` between them"),
    ("25:68", "the element 'fakesink' has no property 'syn': did you mean 'sync'?"),
    ("28:5", "unknown key 'pipelin' of a publish rule: did you mean 'pipeline'?"),
    ("30:30", "this is no location: "),
    ("30:81", "'name' comes from the network and 'num-buffers' is no string: captures and ${time} "
     "are allowed in string properties only"),
    ("31:19", "'allways' is no restart policy: did you mean 'always'?"),
]


class Mistakes(LauncherCase):
    def test_all_mistakes_at_once(self):
        self.write("bad.yaml", MISTAKES)
        result = self.penstock("check", "bad.yaml")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, "")
        lines = result.stderr.splitlines()
        told = [line.split(": ", 1) for line in lines if line.startswith("bad.yaml:")]
        self.assertEqual([place for place, _ in told],
                         ["bad.yaml:" + place for place, _ in EXPECTED], result.stderr)
        for (_, words), (_, expected) in zip(told, EXPECTED):
            self.assertTrue(words.startswith(expected), words)
        # Below each stands its line with a caret at the column.
        self.assertEqual(len(lines), 3 * len(EXPECTED))
        source = MISTAKES.splitlines()
        for i, (place, _) in enumerate(EXPECTED):
            line, column = map(int, place.split(":"))
            self.assertEqual(lines[3 * i + 1], "    " + source[line - 1])
            self.assertEqual(lines[3 * i + 2], " " * (3 + column) + "^")
        problems = json.loads(self.penstock("check", "--json", "bad.yaml").stdout)[0]["problems"]
        self.assertEqual(["%d:%d" % (p["line"], p["column"]) for p in problems],
                         [place for place, _ in EXPECTED])
        self.assertTrue(all(p["what"] for p in problems))

    def test_a_page_that_nothing_feeds_is_warned_of(self):
        head = "summary: s\nparameters: {http: {type: address, default: ':8080'}}\n"
        pipeline = "pipeline: audiotestsrc ! lamemp3enc ! mpegaudioparse ! "
        for page in "page: ${http}\n", "page: {address: '${http}'}\n":
            for sink in ("fakesink\n", "httpserversink location=http://:8081/a.mp3\n",
                         "hlssegmenter location=file:///tmp/a.m3u8\n"):
                self.write("lonely.yaml", head + page + pipeline + sink)
                result = self.penstock("check", "lonely.yaml")
                self.assertEqual((result.returncode, result.stdout), (0, "lonely.yaml: ok\n"))
                self.assertRegex(result.stderr.splitlines()[0],
                                 r"^lonely.yaml:3:\d+: warning: nothing in this description serves at "
                                 ":8080 what the page plays: add httpserversink, hlssegmenter or rtcserversink")
                told = json.loads(self.penstock("check", "--json", "lonely.yaml").stdout)[0]
                self.assertEqual((told["ok"], told["problems"], told["warnings"][0]["line"]),
                                 (True, [], 3))
            for sink in "httpserversink location=http://${http}/a.mp3\n", \
                    "httpserversink location=http://:8080/a.mp3\n":
                self.write("fed.yaml", head + page + pipeline + sink)
                result = self.penstock("check", "fed.yaml")
                self.assertEqual((result.returncode, result.stderr), (0, ""))
            # Rooms have a page of their own there.
            self.write("rooms.yaml", head + page + "publish:\n"
                       "  - match: http://${http}/room/{name}/join\n"
                       "    pipeline: rtcroom location=http://${http}/room/${name}/join\n")
            result = self.penstock("check", "rooms.yaml")
            self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_what_stands_before_broken_yaml_is_checked_too(self):
        self.write("bad.yaml", "summary: s\nrestart: allways\npipeline: fakesrk ! fakesink\n"
                   "publish: [\n")
        error = self.penstock("check", "bad.yaml").stderr
        for words in ("2:10: 'allways' is no", "3:11: there is no element 'fakesrk'",
                      "this is not YAML"):
            self.assertIn(words, error)
        self.assertNotIn("nothing runs", error)

    def test_broken_yaml(self):
        """The usual reasons are named, and what follows from them is not told."""
        head = "summary: s\nparameters:\n  http: {type: address, default: ':8080'%s}\n"
        tail = "pipeline: fakesrc ! fakesink\n"
        for text, words in (
                (head.replace("  http", "\thttp") % "" + tail,
                 "3:1: a tab stands in the indentation: YAML is indented by spaces only"),
                (head % "" + "page: {addres: ${http}}\n" + tail,
                 '4:16: a placeholder stands in braces or brackets without quotes: write "${name}"'),
                (head % ", help: \"It's" + tail,
                 "3:49: this quote has no end in its line: close it with the same quote"),
                (head % "" + "publish: [\n", "this is not YAML")):
            self.write("bad.yaml", text)
            error = self.penstock("check", "bad.yaml").stderr
            self.assertIn("bad.yaml:" if words.startswith("this") else "bad.yaml:" + words, error)
            self.assertIn(words, error)
            self.assertEqual(error.count("bad.yaml:"), 1, error)

    def test_durations_of_expect(self):
        """A parameter that is a duration may stand there with a unit or without one."""
        for value in ("${gap}", "${gap:ns}", "2s"):
            self.write("own.yaml", "summary: s\nparameters: {gap: {type: duration, default: 2s}}\n"
                       "pipeline: fakesrc ! fakesink\nexpect:\n  keyframe-interval: \"%s\"\n" % value)
            self.assertEqual(self.penstock("check", "own.yaml").stderr, "")
        self.write("own.yaml", "summary: s\nparameters: {gap: {type: int, default: 2}}\n"
                   "pipeline: fakesrc ! fakesink\nexpect:\n  within: \"${gap}\"\n")
        self.assertIn("'gap' is an int and 'within' a duration", self.penstock("check", "own.yaml").stderr)

    def test_a_placeholder_in_a_name(self):
        """It is told; that the name is not there follows from it."""
        self.write("bad.yaml", "summary: s\nparameters: {which: {type: string, default: t}}\n"
                   "pipeline: |\n  fakesrc ! tee name=${which}\n  t. ! fakesink\n")
        error = self.penstock("check", "bad.yaml").stderr
        self.assertIn("4:22: a placeholder stands in an element's name", error)
        self.assertEqual(error.count("bad.yaml:"), 1, error)

    def test_elements(self):
        self.write("bad.yaml", "summary: s\npublish:\n  match: rtmp://:1935/live/{name}\n"
                   "  pipeline: |\n    fakesrc num-buffers=${name} ! fakesrk !\n"
                   "    fakesink syn=true name=${name}\n")
        error = self.penstock("check", "bad.yaml").stderr
        self.assertIn("bad.yaml:5:25: 'name' comes from the network and 'num-buffers' is no string",
                      error)
        self.assertIn("bad.yaml:5:35: there is no element 'fakesrk': did you mean 'fakesrc'?", error)
        self.assertIn("bad.yaml:6:14: the element 'fakesink' has no property 'syn': "
                      "did you mean 'sync'?", error)
        self.assertIn("bad.yaml:6:28: a placeholder stands in an element's name", error)

    def test_receivers_wait_where_publishers_come(self):
        head = ("summary: s\nparameters: {rtmp: {type: address, default: ':1935'}}\npublish:\n"
                "  match: rtmp://%s/live/{name}\n  pipeline: rtmpserversrc %s ! fakesink\n")
        says = "does not wait where `match` says: write location=rtmp://"
        for match, location in ((":1935", ""), (":1935", "location=rtmp://:1935/live/cam"),
                                (":1935", "location=rtmp://:1936/live/${name}"),
                                (":1936", "location=rtmp://${rtmp}/live/${name}")):
            result = self.penstock("check", self.write("x.yaml", head % (match, location)))
            self.assertEqual(result.returncode, 1, location)
            self.assertIn(says + match + "/live/${name}", result.stderr)
        for match, location in ((":1935", "location=rtmp://:1935/live/${name}"),
                                ("${rtmp}", "location=rtmp://${rtmp}/live/${name}"),
                                ("${rtmp}", "location=rtmp://:1935/live/${name}")):
            result = self.penstock("check", self.write("x.yaml", head % (match, location)))
            self.assertEqual((result.returncode, result.stderr), (0, ""), location)

    def test_links_to_muxers(self):
        head = "summary: s\npipeline: videotestsrc ! video/x-raw,format=I420 ! x264enc ! h264parse ! "
        path = self.write("m.yaml", head + "goptee ! httpserversink location=http://:8080/x.flv\n")
        self.assertIn("put a muxer between them, such as `flvlivemux name=mux`",
                      self.penstock("check", path).stderr)
        path = self.write("m.yaml", head + "goptee ! flvlivemux ! fakesink\n")
        self.assertIn("could not link", self.penstock("check", path).stderr)
        self.assertIn("say which pad, as in `! mux.video`", self.penstock("check", path).stderr)
        path = self.write("m.yaml", head + "goptee ! mux.video flvlivemux name=mux ! fakesink\n")
        self.assertEqual(self.penstock("check", path).returncode, 0)

    def test_what_a_choice_needs(self):
        self.write("f.yaml", "summary: s\nparameters:\n"
                   "  file: {type: path, required: '${source} == file', help: What to play}\n"
                   "  source: {type: choice, default: test, choices: [test, file]}\n"
                   "pipeline:\n  - {when: '${source} == file', launch: 'filesrc location=${file} !'}\n"
                   "  - {when: '${source} == test', launch: fakesrc num-buffers=1 !}\n  - fakesink\n")
        self.assertEqual(self.penstock("check", "f").returncode, 0)
        self.assertEqual(self.penstock("run", "f").returncode, 0)
        result = self.penstock("run", "f", "--set", "source=file")
        self.assertEqual(result.returncode, 2)
        self.assertIn("'file' has to be given with source=file: add --set file=… (What to play)",
                      result.stderr)
        self.assertIn("required with source=file", self.penstock("show", "f").stdout)
        # Where the choice does not make it required, it may not be used.
        self.write("f.yaml", "summary: s\nparameters:\n"
                   "  file: {type: path, required: '${source} == file'}\n"
                   "  source: {type: choice, default: test, choices: [test, file]}\n"
                   "pipeline:\n  - {when: '${source} == file', launch: fakesrc !}\n"
                   "  - {when: '${source} == test', launch: fakesrc name=x !}\n"
                   "  - filesink location=${file}\n")
        result = self.penstock("check", "f")
        self.assertEqual(result.returncode, 1)
        self.assertIn("there is no value for 'file'", result.stderr)


if __name__ == "__main__":
    unittest.main()
