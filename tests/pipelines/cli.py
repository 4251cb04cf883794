#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Messages of the launcher: all mistakes of a description at once, and one clear message for a port
in use, a missing file, a missing plugin, a typo. Needs PENSTOCK, the executable, and
PENSTOCK_PIPELINES, the directory."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest

PENSTOCK = os.environ["PENSTOCK"]
SHIPPED = os.environ["PENSTOCK_PIPELINES"]

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
    ("20:9", "caps stand where an element is expected: write `! caps !` between elements"),
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
    ("30:81", "'name' comes from the network and 'num-buffers' is no string: captures are allowed "
     "in string properties only"),
    ("31:19", "'allways' is no restart policy: did you mean 'always'?"),
]


class Launcher(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.environment = dict(os.environ, PENSTOCK_PIPELINES=self.directory, LC_ALL="C.UTF-8")

    def write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def penstock(self, *arguments, **environment):
        return subprocess.run(
            [PENSTOCK, *arguments], cwd=self.directory, env={**self.environment, **environment},
            capture_output=True, text=True, timeout=30)

    def start(self, *arguments, stderr=subprocess.PIPE):
        process = subprocess.Popen(
            [PENSTOCK, *arguments], cwd=self.directory, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=stderr)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

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
                                 ":8080 what the page plays: add httpserversink or hlssegmenter")
                told = json.loads(self.penstock("check", "--json", "lonely.yaml").stdout)[0]
                self.assertEqual((told["ok"], told["problems"], told["warnings"][0]["line"]),
                                 (True, [], 3))
            for sink in "httpserversink location=http://${http}/a.mp3\n", \
                    "httpserversink location=http://:8080/a.mp3\n":
                self.write("fed.yaml", head + page + pipeline + sink)
                result = self.penstock("check", "fed.yaml")
                self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_what_stands_before_broken_yaml_is_checked_too(self):
        self.write("bad.yaml", "summary: s\nrestart: allways\npipeline: fakesrk ! fakesink\n"
                   "publish: [\n")
        error = self.penstock("check", "bad.yaml").stderr
        for words in ("2:10: 'allways' is no", "3:11: there is no element 'fakesrk'",
                      "this is not YAML"):
            self.assertIn(words, error)
        self.assertNotIn("nothing runs", error)

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

    def test_missing_plugin_names_its_package(self):
        self.write("x.yaml", "summary: s\npipeline: fakesrc ! x264enc ! fakesink\n")
        result = self.penstock("run", "x", GST_PLUGIN_SYSTEM_PATH="/nowhere",
                               GST_PLUGIN_PATH=self.core_elements(),
                               GST_REGISTRY=os.path.join(self.directory, "registry"))
        self.assertEqual(result.returncode, 1)
        self.assertIn("x.yaml:2:21: there is no element 'x264enc': install it with "
                      "`apt install gstreamer1.0-plugins-ugly`", result.stderr)

    def core_elements(self):
        """A plugin directory with nothing but GStreamer's own elements."""
        found = subprocess.run(["gst-inspect-1.0", "coreelements"], capture_output=True, text=True,
                               check=True).stdout
        library = next(line.split()[-1] for line in found.splitlines() if "Filename" in line)
        directory = os.path.join(self.directory, "plugins")
        os.mkdir(directory)
        os.symlink(library, os.path.join(directory, os.path.basename(library)))
        return directory

    def test_typos(self):
        self.write("good.yaml", "summary: Good\nparameters: {count: {type: int, default: 1, max: 5}}\n"
                   "pipeline: fakesrc num-buffers=${count} ! fakesink\n")
        for arguments, code, words in (
                (["run", "god"], 2, "there is no description 'god': did you mean 'good'?"),
                (["run", "good", "--set", "cuont=2"], 2, "did you mean 'count'?"),
                (["run", "good", "--set", "count"], 2, "write --set name=value"),
                (["run", "good", "--set", "count=x"], 2, "'x' is no int: write a whole number"),
                (["run", "good", "--set", "count=6"], 2, "'6' is too large: at most 5"),
                (["run", "./none.yaml"], 1, "can't be read (No such file or directory)"),
                (["check", "none"], 2, "there is no description 'none'"),
                (["rum", "good"], 2, ""), ([], 2, ""), (["run"], 2, "")):
            result = self.penstock(*arguments)
            self.assertEqual(result.returncode, code, arguments)
            self.assertIn(words, result.stderr)
        self.assertEqual(self.penstock("run", "good", "--set", "count=2").returncode, 0)
        self.assertEqual(self.penstock("run", "good", PENSTOCK_COUNT="9").returncode, 2)
        self.assertTrue(self.penstock("--version").stdout.startswith("penstock "))

    def test_command_lines(self):
        for words, said in (
                (["run"], "`penstock run` needs a description"),
                (["show", "live", "--jsn"], "does not take '--jsn': did you mean '--json'?"),
                (["list", "live"], "`penstock list` does not take 'live'"),
                (["--hlep"], "`penstock` does not take '--hlep': did you mean '--help'?"),
                (["completion", "tcsh"], "tcsh not in {bash,zsh,fish}"),
                (["run", "live", "live"], "'live' is named twice"),
                (["run", "live", "on-demand", "--set", "on-demnd.idle=1s"],
                 "'on-demnd' is none of the descriptions named: did you mean 'on-demand'?")):
            with self.subTest(words):
                wrong = self.penstock(*words, PENSTOCK_PIPELINES=SHIPPED)
                self.assertEqual(wrong.returncode, 2, wrong.stderr)
                self.assertTrue(wrong.stderr.startswith("error: "), wrong.stderr)
                self.assertEqual(wrong.stderr.count("\n"), 1, wrong.stderr)
                self.assertIn(said, wrong.stderr)

    def test_rules_of_the_same_paths(self):
        with open(os.path.join(SHIPPED, "live.yaml"), encoding="utf-8") as live:
            self.write("mine.yaml", live.read().replace("{name}", "{stream}").replace(
                "${name}", "${stream}"))
        wrong = self.penstock("run", "live", "mine.yaml", "--set", "rtmp=127.0.0.1:0", "--set",
                              "http=127.0.0.1:0", PENSTOCK_PIPELINES=SHIPPED)
        self.assertEqual(wrong.returncode, 1, wrong.stderr)
        self.assertRegex(wrong.stderr,
                         r"rules of live and mine take rtmp://127\.0\.0\.1:\d+/live/\*: change one")

    def test_values_that_differ(self):
        """A value for one description, where another has that parameter, too."""
        text = ("summary: s\nparameters: {rtmp: {type: address, default: ':1935'}, "
                "word: {type: string, default: x, secret: true}}\n"
                "pipeline: fakesrc num-buffers=1 ! filesink location=${rtmp}\n")
        for name in "a", "b":
            self.write(name + ".yaml", text)

        def said(*settings, **environment):
            run = self.penstock("run", "a", "b", *(word for setting in settings
                                                   for word in ("--set", setting)), **environment)
            self.assertEqual(run.returncode, 0, run.stderr)
            return run.stderr
        self.assertEqual(said("a.rtmp=:1936"),
                         "warning: 'rtmp' differs: a has :1936, b :1935: `--set rtmp=:1936` gives "
                         "it to both, `--set b.rtmp=:1935` says that it is meant\n")
        for settings in (("rtmp=:1936",), ("a.rtmp=:1936", "b.rtmp=:1935"), ("a.rtmp=:1935",),
                         ("rtmp=:1937", "a.rtmp=:1936"), ("a.word=y",)):
            self.assertEqual(said(*settings), "", settings)
        self.assertEqual(said("a.rtmp=:1936", PENSTOCK_RTMP=":1936"), "")

    def test_wrong_usage(self):
        """A name that does not exist is wrong usage; a file with mistakes is a failure."""
        self.write("bad.yaml", "summary: s\npipeline: nothing-like-this ! fakesink\n")
        for command in "run", "show", "explain", "check", "test", "doctor":
            with self.subTest(command):
                self.assertEqual(self.penstock(command, "no-such").returncode, 2)
                if command not in ("show", "doctor"):  # they look at the text alone
                    self.assertEqual(self.penstock(command, "bad").returncode, 1)

    def test_list_and_show(self):
        self.write("a.yaml", "summary: One\ndescription: More words.\nparameters:\n"
                   "  key: {type: string, default: hush, secret: true, help: The key}\n"
                   "  kind: {type: choice, default: x, choices: [x, y]}\n"
                   "pipeline: fakesrc ! fakesink\n")
        listed = self.penstock("list")
        self.assertIn("a  One", listed.stdout.splitlines()[0])
        self.assertNotIn("\x1b", listed.stdout)
        shown = self.penstock("show", "a").stdout
        self.assertIn("More words.", shown)
        self.assertIn("one of x and y", shown)
        self.assertNotIn("hush", shown)
        data = json.loads(self.penstock("show", "a", "--json").stdout)
        self.assertEqual(data["summary"], "One")
        self.assertEqual([p["name"] for p in data["parameters"]], ["key", "kind"])
        self.assertNotIn("hush", json.dumps(data))

    def test_senders(self):
        publish = ("summary: s\nparameters: {key: {type: string, default: '', secret: true}}\n"
                   "publish:\n  match: rtmp://%s:1936/live/{name}\n  publish-key: ${key}\n"
                   "  pipeline: rtmpserversrc location=rtmp://%s:1936/live/${name} ! fakesink\n")
        self.write("every.yaml", publish % ("", ""))
        self.write("one.yaml", publish % ("192.0.2.7", "192.0.2.7"))
        self.write("none.yaml", "summary: s\npipeline: fakesrc ! fakesink\n")

        def senders(*arguments):
            shown = json.loads(self.penstock("show", "--json", *arguments).stdout)
            return {sender["system"]: sender["text"] for sender in shown["senders"]}

        every = senders("every")
        self.assertEqual(set(every), {"obs", "linux", "windows", "macos"})
        for system, words in (("linux", "ffmpeg -f v4l2"), ("windows", "ffmpeg -f dshow"),
                              ("macos", "ffmpeg -f avfoundation")):
            self.assertTrue(every[system].startswith(words), every[system])
            self.assertTrue(every[system].endswith(' -f flv "rtmp://HOST:1936/live/NAME"'))
            self.assertIn(" -g 60 ", every[system])  # two seconds
        self.assertEqual(every["obs"], "server rtmp://HOST:1936/live  stream key NAME")
        keyed = senders("one", "--set", "key=hush")
        self.assertTrue(keyed["linux"].endswith('"rtmp://192.0.2.7:1936/live/NAME?key=KEY"'))
        self.assertIn("stream key NAME?key=KEY", keyed["obs"])
        self.assertNotIn("hush", str(keyed))
        self.assertEqual(senders("none"), {})
        text = self.penstock("show", "every").stdout
        for line in every.values():
            self.assertIn(line, text)
        self.assertIn("-list_devices true -f dshow", text)
        self.assertNotIn("Send a camera", self.penstock("show", "none").stdout)

    def test_journal(self):
        """What journald reads has a priority in front of each line; what others read has none."""
        self.write("bad.yaml", MISTAKES)
        self.write("a.yaml", "summary: One\npipeline: fakesrc ! fakesink\n")
        for arguments, priority in ((["list"], None), (["show", "a"], "<6>"), (["show", "b"], "<3>"),
                                    (["check", "bad.yaml"], "<3>")):
            for named in True, False:
                reader, writer = os.pipe()
                status = os.fstat(writer)
                stream = f"{status.st_dev}:{status.st_ino if named else 1}"
                subprocess.run([PENSTOCK, *arguments], cwd=self.directory, stdout=writer,
                               stderr=writer, timeout=30,
                               env={**self.environment, "JOURNAL_STREAM": stream})
                os.close(writer)
                with os.fdopen(reader, encoding="utf-8") as said:
                    lines = [line for line in said.read().splitlines() if line]
                self.assertTrue(lines)
                for line in lines:
                    self.assertEqual(line[:1] == "<", named, line)
                    if named and priority:
                        self.assertEqual(line[:3], priority, line)

    def test_times(self):
        """What happens while it runs has a time, but in the journal, which has its own."""
        self.write("w.yaml", "summary: s\npipeline: fakesrc ! identity error-after=1 ! fakesink\n"
                   "restart: {policy: on-failure, delay: 10ms, max-delay: 20ms}\n")
        for journal in False, True:
            reader, writer = os.pipe()
            status = os.fstat(writer)
            run = subprocess.Popen(
                [PENSTOCK, "run", "w"], cwd=self.directory, stdout=writer, stderr=writer,
                env={**self.environment, "JOURNAL_STREAM":
                     f"{status.st_dev}:{status.st_ino if journal else 1}"})
            os.close(writer)
            self.addCleanup(run.wait)
            self.addCleanup(run.kill)
            with os.fdopen(reader, encoding="utf-8") as said:
                lines = [said.readline() for _ in range(4)]
                run.kill()
            time_of = "" if journal else r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d  "
            info, error = ("<6>", "<3>") if journal else ("", "")
            self.assertRegex(lines[0], "^%sw  s\n" % info)
            self.assertRegex(lines[1], "^%sCtrl-C ends it" % info)
            self.assertRegex(lines[2], "^%s%serror: w: identity " % (error, time_of))
            self.assertRegex(lines[3], "^%s%sw: restarts in 10 ms\n" % (info, time_of))

    def test_missing_file(self):
        self.write("f.yaml", "summary: s\nparameters: {file: {type: path, required: true}}\n"
                   "pipeline: filesrc location=${file} ! fakesink\n")
        result = self.penstock("run", "f")
        self.assertEqual(result.returncode, 2)
        self.assertIn("the parameter 'file' has to be given: add --set file=", result.stderr)
        result = self.penstock("run", "f", "--set", "file=/no \" such ! file")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
        self.assertIn("No such file \"/no \" such ! file\"", result.stderr)

    def test_what_waiting_does_not_mend_ends_at_once(self):
        """A file or a camera that is not there, whatever the policy; and it is told even where
        something downstream fails too."""
        with open(self.write("words.txt", "no media\n" * 100)) as file:
            words = file.name
        restart = "restart: {policy: always, delay: 10ms}\n"
        refused = "flvmux ! rtmp2sink location=rtmp://127.0.0.1:1/live/x"
        for source, says in (("filesrc location=/nowhere ! h264parse", "No such file"),
                             ("v4l2src device=/dev/nowhere ! videoconvert ! x264enc", "/dev/nowhere"),
                             ("livefilesrc location=/nowhere name=s s.video", "There is no file"),
                             (f"livefilesrc location={words} name=s s.video",
                              "is not a media file")):
            self.write("w.yaml", "summary: s\npipeline: %s ! %s\n%s" % (source, refused, restart))
            result = self.penstock("run", "w")
            self.assertEqual(result.returncode, 1, source + result.stdout)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertIn(says, result.stderr)
            self.assertNotIn("restarts", result.stdout)

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

    def test_secrets_are_not_printed(self):
        self.write("s.yaml", "summary: s\nparameters: {key: {type: string, default: '', secret: true}}\n"
                   "pipeline: filesrc location=/nowhere/${key} ! fakesink\n")
        result = self.penstock("run", "s", "--set", "key=topsecret")
        self.assertEqual(result.returncode, 1)
        self.assertNotIn("topsecret", result.stdout + result.stderr)
        self.assertIn("***", result.stderr)
        self.write("u.yaml", "summary: s\npipeline: filesrc location=\"/no?a=1&key=topsecret&b\" ! fakesink\n")
        result = self.penstock("run", "u")
        self.assertIn("/no?a=1&key=***&b", result.stderr)
        # Nor where GStreamer logs the launch line, as text or in a file of its own.
        self.write("k.yaml", "summary: s\nparameters: {url: {type: url, default: 'rtmp://x/y'}, "
                   "word: {type: string, default: '', secret: true}}\n"
                   "pipeline: filesrc location=/${url} name=a ! fakesink name=b ts-offset=0 "
                   " filesrc location=/nowhere/${word} ! fakesink\n")
        log = os.path.join(self.directory, "debug.log")
        for extra in {}, {"GST_DEBUG_FILE": log}:
            result = self.penstock("run", "k", "--set", "url=rtmp://h/a?key=topsecret",
                                   "--set", "word=top!secret", GST_DEBUG="4", **extra)
            text = result.stderr + (open(log).read() if extra else "")
            self.assertTrue("parsing pipeline description" in text)
            for line in text.splitlines():
                for secret in "topsecret", "top!secret", "041secret", "21secret":
                    self.assertNotIn(secret, line)

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.write("p.yaml", "summary: s\npublish:\n  match: rtmp://127.0.0.1:%d/live/{name}\n"
                       "  pipeline: fakesrc ! fakesink\n" % port)
            result = self.penstock("run", "p")
        self.assertEqual(result.returncode, 1)
        self.assertIn(str(port), result.stderr)
        self.assertIn("in use", result.stderr)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_signals_end_everything(self):
        # An element that hangs for an hour must not hold the process up either.
        self.write("slow.yaml", "summary: s\npipeline: fakesrc is-live=true ! "
                   "identity sleep-time=3600000000 ! fakesink\n")
        self.write("live.yaml", "summary: s\npipeline: fakesrc is-live=true do-timestamp=true ! "
                   "fakesink sync=true\n")
        for name, number in (("slow", signal.SIGINT), ("live", signal.SIGINT),
                             ("live", signal.SIGTERM)):
            process = self.start("run", name)
            for line in process.stdout:
                if "Ctrl-C" in line:
                    break
            began = time.monotonic()
            process.send_signal(number)
            self.assertEqual(process.wait(timeout=10), 0)
            self.assertLess(time.monotonic() - began, 2, name)

    def test_restart(self):
        self.write("r.yaml", "summary: s\npipeline: fakesrc ! identity error-after=1 ! fakesink\n"
                   "restart: {policy: on-failure, delay: 10ms, max-delay: 20ms}\n")
        process = self.start("run", "r")
        restarts = [line for line, _ in zip(
            (line for line in process.stdout if "restarts in" in line), range(3))]
        self.assertEqual([line.split("  ", 1)[1] for line in restarts], ["r: restarts in 10 ms\n"] + ["r: restarts in 20 ms\n"] * 2)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=10), 0)

    def test_a_failed_branch_is_started_again(self):
        self.write("g.yaml", "summary: s\n"
                   "restart: {policy: on-failure, delay: 10ms, max-delay: 20ms}\npipeline: |\n"
                   "  videotestsrc is-live=true ! video/x-raw,width=64,height=64 !\n"
                   "  x264enc key-int-max=10 tune=zerolatency ! h264parse ! goptee name=gop\n"
                   "  gop. ! queue ! identity name=bad error-after=8 ! tee name=t\n"
                   "  t. ! queue ! fakesink t. ! fakesink name=end\n"
                   "  gop. ! fakesink\n")
        process = self.start("run", "g", stderr=subprocess.STDOUT)
        said = []
        for line in process.stdout:
            said.append(line)
            if "left out" in line:
                break
        text = "".join(said)
        # Each time media went through it, or it would not have failed again.
        self.assertEqual(text.count("is removed, the rest goes on"), 9, text)
        self.assertEqual(text.count("is started again"), 8, text)
        self.assertNotIn("can't be", text)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=10), 0)

    def test_a_failed_branch_is_removed_alone(self):
        self.write("b.yaml", "summary: s\npipeline: |\n"
                   "  videotestsrc is-live=true num-buffers=60 ! video/x-raw,width=64,height=64 !\n"
                   "  x264enc key-int-max=10 tune=zerolatency ! goptee name=gop\n"
                   "  gop. ! queue ! identity name=bad error-after=20 ! fakesink\n"
                   "  gop. ! fakesink\n")
        result = self.penstock("run", "b")
        self.assertIn("identity 'bad'", result.stderr)
        self.assertIn("is removed, the rest goes on", result.stderr)
        # The other branch saw the end of the stream: that is what ends the run.
        self.assertEqual(result.returncode, 0)
        self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)

    def test_a_branch_that_does_not_start_is_removed_alone(self):
        self.write("b.yaml", "summary: s\npipeline: |\n"
                   "  videotestsrc is-live=true num-buffers=30 ! video/x-raw,width=64,height=64 !\n"
                   "  x264enc key-int-max=10 tune=zerolatency ! goptee name=gop\n"
                   "  gop. ! filesink name=bad location=/nowhere/at/all\n"
                   "  gop. ! fakesink\n")
        result = self.penstock("run", "b")
        self.assertIn("filesink 'bad'", result.stderr)
        self.assertIn("is removed, the rest goes on", result.stderr)
        self.assertEqual(result.returncode, 0, result.stderr)


if __name__ == "__main__":
    unittest.main()
