#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Commands of the launcher: usage, output and exit codes; one clear message for a port in use, a
missing file, a missing plugin, a typo; signals and restarts. Needs PENSTOCK, the executable, and
PENSTOCK_PIPELINES, the directory."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from launcher_case import PENSTOCK, LauncherCase

SHIPPED = os.environ["PENSTOCK_PIPELINES"]


class Launcher(LauncherCase):
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
                (["run", "./none.yaml"], 2, "there is no file './none.yaml'"),
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
                (["completion", "tcsh"], "'tcsh' is none of these: bash, zsh, fish"),
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
        both = self.penstock("run", "live", "on-demand", "ladder", "--set", "rtmp=127.0.0.1:0", "--set",
                             "http=127.0.0.1:0", PENSTOCK_PIPELINES=SHIPPED)
        self.assertEqual(both.returncode, 1, both.stderr)
        self.assertRegex(both.stderr, r"rules of on-demand and ladder take \S+/live/\*_480p")

    def test_values_that_differ(self):
        """A value for one description, while another one has a parameter of the same name."""
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

    def test_values_without_effect(self):
        """A value that only what is left out would use is warned of, with what brings it in."""
        self.write("a.yaml", """summary: s
parameters:
  source: {type: choice, choices: [file, tone], default: tone}
  file: {type: path, default: x}
  to: {type: string, default: none}
  key: {type: string, default: "", secret: true}
  idle: {type: int, default: 1}
pipeline:
  - {when: "${source} == file", launch: "filesrc location=${file} !"}
  - {when: "${source} == tone", launch: "fakesrc num-buffers=1 !"}
  - {when: "${to} != none", launch: "tee name=t ! queue ! filesink location=${to}${key} t. ! queue !"}
  - fakesink
""")
        self.write("b.yaml", "summary: s\nparameters: {file: {type: path, default: x}}\n"
                   "pipeline: fakesrc num-buffers=1 ! filesink location=${file}\n")

        def said(*words):
            return self.penstock(*words).stderr
        for verb in "run", "explain", "show":
            self.assertEqual(said(verb, "a", "--set", "file=song.mp3", "--set", "key=hush"),
                             "warning: --set file is not used with source=tone: add --set "
                             "source=file\nwarning: --set key is not used with to=none: add --set "
                             "to=…\n", verb)
            self.assertEqual(said(verb, "a", "--set", "source=tone", "--set", "idle=2"), "", verb)
        self.assertEqual(said("show", "a", "--set", "source=file", "--set", "file=y"), "")
        # It has an effect in one of them.
        written = os.path.join(self.directory, "out")
        self.assertEqual(said("run", "a", "b", "--set", "file=" + written), "")
        self.assertIn("--set a.file is not used", said("run", "a", "b", "--set", "a.file=" + written))

    def test_restream_has_a_destination(self):
        wrong = self.penstock("run", "restream", PENSTOCK_PIPELINES=SHIPPED)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("restream: the parameter 'url-1' has to be given: add --set url-1=", wrong.stderr)

    def test_a_file_of_this_directory(self):
        with tempfile.TemporaryDirectory() as other:
            self.write("mine.yaml", "summary: s\npipeline: fakesrc num-buffers=1 ! fakesink\n")
            result = self.penstock("run", "mine", PENSTOCK_PIPELINES=other)
            self.assertEqual(result.returncode, 2)
            self.assertIn("there is no description 'mine': did you mean the file mine.yaml?",
                          result.stderr)
            self.assertEqual(self.penstock("run", "mine.yaml").returncode, 0)

    def test_wrong_usage(self):
        """A name that does not exist is wrong usage; a file with mistakes is a failure."""
        self.write("bad.yaml", "summary: s\npipeline: nothing-like-this ! fakesink\n")
        for command in "run", "show", "explain", "check", "test", "doctor":
            with self.subTest(command):
                for missing in "no-such", "no-such.yaml", "./no-such.yaml":
                    wrong = self.penstock(command, missing)
                    self.assertEqual((wrong.returncode, wrong.stdout), (2, ""), missing)
                    self.assertIn("error: there is no ", wrong.stderr)
                if command not in ("show", "doctor"):  # they look at the text alone
                    self.assertEqual(self.penstock(command, "bad").returncode, 1)
        for arguments, words in (
                (("explain", "live", "on-demand"), "`penstock explain` takes one description"),
                (("top", "-i", "often"), "--interval: 'often' is no number from 0.1 to 3600"),
                (("top", "--pid"), "--pid needs a PID: `penstock top --help` has more"),
                (("completion", "csh"), "shell: 'csh' is none of these: bash, zsh, fish"),
                (("reload",), "there is no command 'reload': `kill -HUP PID`"),
                (("help",), "`penstock --help` lists the commands")):
            with self.subTest(arguments):
                wrong = self.penstock(*arguments)
                self.assertEqual((wrong.returncode, wrong.stdout), (2, ""))
                self.assertIn(words, wrong.stderr)

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

    def test_show_without_certificate(self):
        shown = self.penstock("show", "live", "--set", "web=https", PENSTOCK_PIPELINES=SHIPPED).stdout
        self.assertIn("Page      https://", shown)
        self.assertNotIn("http://", shown.split("Serves")[1])
        # What is empty or absent by default looks the same.
        self.assertNotIn('""', shown.split("Serves")[0])

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
        """Lines for journald have a priority in front; lines for other readers have none."""
        self.write("bad.yaml", "summary: s\nrestart: allways\npipeline: fakesrk ! fakesink\n")
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
        """Events at run time are printed with the time, except to the journal, which adds its
        own."""
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
        self.assertIn(": is --set file=/no \" such ! file right?", result.stderr)

    def test_what_waiting_does_not_mend_ends_at_once(self):
        """A missing file or camera ends the run whatever the policy, and is reported even if
        something downstream fails too."""
        with open(self.write("words.txt", "no media\n" * 100)) as file:
            words = file.name
        restart = "restart: {policy: always, delay: 10ms}\n"
        refused = "flvmux ! rtmp2sink location=rtmp://127.0.0.1:1/live/x"
        for source, says in (("filesrc location=/nowhere ! h264parse", "No such file"),
                             ("v4l2src device=/dev/nowhere ! videoconvert ! x264enc", "/dev/nowhere"),
                             ("v4l2src device=/dev/null ! videoconvert ! x264enc", "/dev/null"),
                             ("livefilesrc location=/nowhere name=s s.video", "There is no file"),
                             (f"livefilesrc location={words} name=s s.video",
                              "is not a media file")):
            self.write("w.yaml", "summary: s\npipeline: %s ! %s\n%s" % (source, refused, restart))
            result = self.penstock("run", "w")
            self.assertEqual(result.returncode, 1, source + result.stdout)
            self.assertEqual(len(result.stderr.splitlines()), 1, result.stderr)
            self.assertIn(says, result.stderr)
            self.assertNotIn("restarts", result.stdout)

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
        # GStreamer's log of the launch line contains no secret either, on stderr or in a file.
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

    def test_port_in_use_by_another_run(self):
        text = ("summary: s\nparameters: {rtmp: {type: address, default: '127.0.0.1:0'}}\npublish:\n"
                "  match: rtmp://${rtmp}/live/{name}\n  pipeline: fakesrc ! fakesink\n")
        for name in "first", "second":
            self.write(name + ".yaml", text)
        running = subprocess.Popen(
            [PENSTOCK, "run", "first", "--set", "first.rtmp=127.0.0.1:0"], cwd=self.directory,
            env=self.environment, text=True, stdout=subprocess.PIPE)
        try:
            address = next(found[1] for line in running.stdout
                           if (found := re.match(r" +Publish +rtmp://(127[^/]*)/", line)))
            setting = ("--set", "rtmp=" + address)
            second = self.penstock("run", "second", *setting)
            self.assertEqual(second.returncode, 1)
            self.assertIn("port %s is in use by penstock (process %d): end it or choose another "
                          "port: --set rtmp=127.0.0.1:PORT; to have both, name both: penstock run "
                          "first second\n" % (address.split(":")[1], running.pid), second.stderr)
            self.assertIn("; 'first' runs there already\n",
                          self.penstock("run", "first", *setting).stderr)
        finally:
            running.terminate()
            running.communicate(timeout=20)

    def test_channel_that_none_offers(self):
        """A description that makes its streams from those of another, without that."""
        text = ("summary: s\npublish:\n  match: rtmp://127.0.0.1:0/live/{name}\n  pipeline: "
                "rtmpserversrc location=rtmp://127.0.0.1:0/live/${name} ! goptee channel=%s/${name} ! "
                "fakesink\nstart: [fakesrc num-buffers=1 ! filesink location=/proc/self/none]\n")
        for name in "live", "other":
            self.write(name + ".yaml", text % name)
        self.write("made.yaml", "summary: s\nplay:\n  match: rtmp://127.0.0.1:0/small/{name}\n"
                   "  pipeline: gopsrc channel=live/${name} ! "
                   "rtmpserversink location=rtmp://127.0.0.1:0/small/${name}\n")
        said = "made: nothing that runs here offers the channel live/*, from which"
        self.assertIn(said, self.penstock("run", "other", "made").stderr)
        self.assertNotIn(said, self.penstock("run", "live", "made").stderr)

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
        # An element that hangs for an hour must not delay the end of the process.
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
        # Media passed the branch each time, otherwise it would not have failed again.
        self.assertEqual(text.count("is removed, the rest goes on"), 9, text)
        self.assertEqual(text.count("is started again"), 8, text)
        self.assertNotIn("can't be", text)
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=10), 0)

    def test_a_failed_branch_is_removed_alone(self):
        self.write("b.yaml", "summary: s\npipeline: |\n"
                   "  videotestsrc is-live=true num-buffers=60 ! video/x-raw,format=I420,width=64,height=64 !\n"
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
