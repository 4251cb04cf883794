#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The man page and completion scripts, which are generated from the command tree: groff reads them
without warnings, and they work in the installed shells. Needs PENSTOCK, the executable, and
DOCUMENTS, the directory with the generated files."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import unittest

PENSTOCK = os.environ["PENSTOCK"]
DOCUMENTS = os.environ["DOCUMENTS"]
BENCH = pathlib.Path(__file__).resolve().parents[1] / "bench" / "fanout"
COMMANDS = ("run", "list", "show", "explain", "check", "test", "doctor", "cameras", "top", "bench",
            "latency", "completion")


def document(name):
    return os.path.join(DOCUMENTS, name)


def penstock(*arguments):
    return subprocess.run([PENSTOCK, *arguments], capture_output=True, text=True, check=True,
                          timeout=30).stdout


def needs(program):
    return unittest.skipUnless(shutil.which(program), program + " is not installed")


def bash(line, **environment):
    """The words that bash offers at the end of `line`."""
    script = ('source "$SCRIPT"; COMP_LINE=$LINE; COMP_POINT=${#LINE}; COMP_WORDS=("$PENSTOCK"); '
              '_penstock 2>&1; printf "%s\\n" "${COMPREPLY[@]}"')
    run = subprocess.run(["bash", "-c", script], capture_output=True, text=True, timeout=30,
                         env={**os.environ, "SCRIPT": document("penstock"), "LINE": line,
                              **environment})
    assert run.returncode == 0 and not run.stderr, run.stderr
    return run.stdout.split()


class Documents(unittest.TestCase):
    def test_help_and_man_page_tell_the_same(self):
        page = open(document("penstock.1"), encoding="utf-8").read().replace("\\-", "-")
        commands = penstock("--help").split("\nCommands:\n")[1].split("\n\n")[0]
        listed = re.findall(r"^  (\w+) +\S", commands, re.MULTILINE)
        self.assertLessEqual(set(COMMANDS), set(listed))
        for command in listed:
            self.assertRegex(page, r"\.SS \\fBpenstock %s\\fR" % command)
            section = page.split(r".SS \fBpenstock " + command)[1].split("\n.S")[0]
            for option in re.findall(r"--[a-z-]+", penstock(command, "--help")):
                self.assertIn(option, section, command)
        self.assertNotIn("complete ", " ".join(listed))

    def help(self, columns, *command):
        return subprocess.run([PENSTOCK, *command, "--help"], capture_output=True, text=True,
                              check=True, timeout=30, env={**os.environ, "COLUMNS": str(columns)}
                              ).stdout

    def test_help_is_wrapped(self):
        """Help is wrapped at spaces for any width, and continued lines are indented to their
        column."""
        for command in ((), *((name,) for name in COMMANDS)):
            whole = self.help(1000, *command)
            for columns in 80, 60, 40:
                text = self.help(columns, *command)
                self.assertEqual(text.split(), whole.split(), command)
                for line in text.splitlines():
                    # A path or a URL may be longer than a line.
                    self.assertTrue(len(line) <= columns or " " not in line.strip(), line)
        lines = self.help(80, "latency").splitlines()
        at = next(i for i, line in enumerate(lines) if line.startswith("  --ntp HOST[:PORT]"))
        column = lines[at].index("Measure")
        self.assertRegex(lines[at + 1], "^ {%d}[a-z]" % column)
        self.assertIn("(10)", " ".join(self.help(80, "latency").split()))

    def test_bench(self):
        """The options are those of the benchmark, a separate program."""
        own = subprocess.run(["python3", BENCH / "fanout.py", "--help"], capture_output=True,
                             text=True, check=True).stdout

        def options(text):
            return set(re.findall(r"(?m)^  (?:-h, )?(--[a-z]+)", text))
        self.assertEqual(options(self.help(80, "bench")), options(own))
        environment = {**os.environ, "PENSTOCK_BENCH": str(BENCH)}

        def bench(*arguments):
            return subprocess.run([PENSTOCK, "bench", *arguments], capture_output=True, text=True,
                                  env=environment, timeout=30)
        listed = json.loads(bench("--list", "--json").stdout)
        self.assertIn("1000", [scenario["name"] for scenario in listed])
        for line, scenario in zip(bench("--list").stdout.splitlines(), listed):
            self.assertEqual(line.split(None, 1), [scenario["name"], scenario["title"]])
        for wrong in ("--onyl", "1000"), ("--only", "nothing-like-it"), ("--viewers", "many"):
            run = bench(*wrong)
            self.assertEqual((run.returncode, run.stdout), (2, ""), wrong)
            self.assertTrue(run.stderr.startswith("error: "), run.stderr)

    @needs("groff")
    def test_groff(self):
        run = subprocess.run(["groff", "-ww", "-b", "-man", "-Tutf8", document("penstock.1")],
                             capture_output=True, text=True, timeout=30)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        text = re.sub("\x1b\\[[0-9;]*m|.\b", "", run.stdout)
        for section in ("SYNOPSIS", "COMMANDS", "SIGNALS", "ENVIRONMENT", "FILES", "EXIT STATUS"):
            self.assertRegex(text, "(?m)^%s$" % section)
        synopsis = text.split("SYNOPSIS")[1].split("DESCRIPTION")[0]
        self.assertIn("[--ntp HOST[:PORT]]", synopsis)
        self.assertIn("penstock run [--set NAME=VALUE]... NAME...", synopsis)
        for line in synopsis.splitlines():
            self.assertLessEqual(len(line), 80)
            self.assertEqual(line.count("["), line.count("]"), line)
        for name in "SIGHUP", "SIGTERM", "SIGINT", "penstock.conf", ".sock":
            self.assertIn(name, text)
        # No escape of roff is printed.
        self.assertNotRegex(text, r"\\f[BIR]")

    @needs("mandoc")
    def test_mandoc(self):
        run = subprocess.run(["mandoc", "-Tlint", document("penstock.1")], capture_output=True,
                             text=True, timeout=30)
        # Pages of programs that are not installed are not there.
        told = [line for line in run.stdout.splitlines() if "referenced manual not found" not in line]
        self.assertEqual((told, run.stderr), ([], ""))

    @needs("man")
    def test_man(self):
        run = subprocess.run(["man", "--warnings", "-l", document("penstock.1")],
                             capture_output=True, text=True, timeout=30,
                             env={**os.environ, "MANPAGER": "cat", "LC_ALL": "C.UTF-8"})
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        self.assertIn("penstock", run.stdout)

    def test_script_command(self):
        for shell, file in (("bash", "penstock"), ("zsh", "_penstock"), ("fish", "penstock.fish")):
            self.assertEqual(penstock("completion", shell), open(document(file)).read())

    def test_bash(self):
        self.assertLessEqual(set(COMMANDS), set(bash("penstock ")))
        self.assertEqual(bash("penstock che"), ["check"])
        self.assertEqual(sorted(bash("penstock top --")),
                         ["--help", "--interval", "--json", "--once", "--pid"])
        self.assertEqual(bash("penstock run li"), ["live"])
        self.assertEqual(bash("penstock show web"), ["webcam-to-rtmp", "webcam-to-udp"])
        self.assertEqual(bash("penstock completion f"), ["fish"])
        # Parameters of the description that stands on the line, and their values.
        self.assertIn("rtmp=", bash("penstock run live --set "))
        self.assertEqual(bash("penstock run live test-publisher -s pat"), ["pattern="])
        self.assertEqual(bash("penstock run test-publisher --set pattern=s"),
                         ["smpte", "snow", "spokes"])
        self.assertEqual(bash("penstock run file-to-udp --set loop="), ["true", "false"])
        self.assertEqual(bash("penstock run file-to-udp --set loop=t --set form"), ["format="])
        self.assertEqual(bash("penstock run --set "), [])
        self.assertEqual(bash("penstock top --pid "), [])

    @needs("zsh")
    def test_zsh(self):
        subprocess.run(["zsh", "-n", document("_penstock")], check=True, timeout=30)
        # Replaces compadd, so that the candidates are printed.
        script = ("compadd() { print -l -- ${@[$(( ${@[(i)--]} + 1 )),-1]} }; _files() { }; "
                  "compdef() { }; source $SCRIPT; words=(${(Q)${(z)LINE}}); "
                  "[[ $LINE == *' ' ]] && words+=(''); words[1]=$PENSTOCK; "
                  "CURRENT=$#words; _penstock")

        def zsh(line):
            run = subprocess.run(["zsh", "-f", "-c", script], capture_output=True, text=True,
                                 timeout=30, env={**os.environ, "SCRIPT": document("_penstock"),
                                                  "LINE": line})
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            return run.stdout.split()
        self.assertLessEqual(set(COMMANDS), set(zsh("penstock ")))
        self.assertIn("live", zsh("penstock run "))
        self.assertIn("publish-key=", zsh("penstock run live --set "))
        self.assertIn("pattern=snow", zsh("penstock run test-publisher --set pattern="))
        self.assertIn("--once", zsh("penstock top -"))

    @needs("fish")
    def test_fish(self):
        def fish(line):
            run = subprocess.run(
                ["fish", "--no-config", "-c", 'source $SCRIPT; complete -C "$LINE"'],
                capture_output=True, text=True, timeout=30,
                env={**os.environ, "SCRIPT": document("penstock.fish"), "LINE": line,
                     "PATH": os.path.dirname(PENSTOCK) + ":" + os.environ["PATH"]})
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            return [word.split("\t")[0] for word in run.stdout.splitlines()]
        self.assertLessEqual(set(COMMANDS), set(fish("penstock ")))
        self.assertIn("live", fish("penstock run "))
        self.assertIn("rtmp=", fish("penstock run live --set "))
        self.assertEqual(set(fish("penstock run test-publisher --set pattern=s")),
                         {"pattern=smpte", "pattern=snow", "pattern=spokes"})
        self.assertIn("--once", fish("penstock top --"))


if __name__ == "__main__":
    unittest.main()
