#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`meson install` gives a working system: from a staging directory, without environment variables
that point to the build, the program, its plugins and its descriptions find one another. install.py
MESON BUILD SOURCE PREFIX LIBDIR"""

import json
import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

MESON, BUILD, SOURCE, PREFIX, LIBDIR = sys.argv[1:6]


def elf_files(directory):
    for folder, _, names in os.walk(directory):
        for name in names:
            path = os.path.join(folder, name)
            with open(path, "rb") as file:
                if file.read(4) == b"\x7fELF":
                    yield path


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory(prefix="penstock-install-")
        cls.addClassCleanup(temporary.cleanup)
        cls.home = os.path.join(temporary.name, "home")
        stage = os.path.join(temporary.name, "stage")
        os.mkdir(cls.home)
        subprocess.run([MESON, "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", stage],
                       check=True, stdout=subprocess.DEVNULL)
        # The installation may be moved: files are found relative to the program.
        moved = os.path.join(temporary.name, "moved")
        os.rename(stage + PREFIX, moved)
        cls.left = stage
        cls.prefix = moved
        cls.penstock = os.path.join(moved, "bin", "penstock")
        cls.plugins = os.path.join(moved, LIBDIR, "gstreamer-1.0")
        cls.pipelines = os.path.join(moved, "share", "penstock", "pipelines")

    def environment(self, **more):
        kept = {name: value for name, value in os.environ.items()
                if not re.match(r"GST_|PENSTOCK|XDG_|LD_LIBRARY_PATH", name)}
        # Outside /usr the files contain the library path; below it the loader searches anyway.
        if PREFIX == "/usr":
            kept["LD_LIBRARY_PATH"] = os.path.join(self.prefix, LIBDIR)
        return {**kept, "HOME": self.home, "LC_ALL": "C.UTF-8",
                "GST_REGISTRY": os.path.join(self.home, "registry"), **more}

    def run_(self, *command, **more):
        return subprocess.run(command, env=self.environment(**more), cwd=self.home, timeout=60,
                              capture_output=True, text=True)

    def test_libraries_are_found_in_the_tree(self):
        seen = 0
        for path in elf_files(self.prefix):
            said = self.run_("ldd", path).stdout
            self.assertNotIn("not found", said, path)
            for library in re.findall(r"libpenstock\S+ => (\S+)", said):
                self.assertTrue(os.path.realpath(library).startswith(self.prefix + "/"), library)
                seen += 1
        self.assertGreaterEqual(seen, 8)  # the program and each plugin

    def test_nothing_names_the_build(self):
        for path in elf_files(self.prefix):
            said = subprocess.run(["readelf", "-d", path], check=True, capture_output=True, text=True)
            self.assertNotIn(os.path.dirname(BUILD), said.stdout, path)

    def test_every_description_ships(self):
        here = {name for name in os.listdir(os.path.join(SOURCE, "pipelines"))
                if name.endswith(".yaml")}
        self.assertEqual({name for name in os.listdir(self.pipelines)}, here)
        listed = json.loads(self.run_(self.penstock, "list", "--json").stdout)
        mine = [entry for entry in listed if entry["file"].startswith(self.pipelines)]
        self.assertEqual({os.path.basename(entry["file"]) for entry in mine}, here)

    def test_elements_are_found(self):
        for name in sorted(os.listdir(self.pipelines)):
            result = self.run_(self.penstock, "check", os.path.join(self.pipelines, name))
            self.assertEqual(result.returncode, 0, result.stderr)
        sources = sorted(re.findall(r"'(gstpenstock\w+)'", "".join(
            path.read_text("utf-8") for path in Path(SOURCE, "plugins").rglob("meson.build"))))
        self.assertEqual(sorted(os.listdir(self.plugins)), [f"lib{name}.so" for name in sources])
        for name in sources:
            result = self.run_("gst-inspect-1.0", name.removeprefix("gst"),
                               GST_PLUGIN_PATH=self.plugins)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(self.plugins, result.stdout)

    def test_it_runs(self):
        description = os.path.join(self.home, "short.yaml")
        with open(description, "w", encoding="utf-8") as file:
            file.write("summary: s\npipeline: videotestsrc num-buffers=20 ! "
                       "video/x-raw,format=I420,width=64,height=64 ! copyorencode codec=h264 ! "
                       "goptee ! fakesink\n")
        result = self.run_(self.penstock, "run", description)
        self.assertEqual((result.returncode, result.stderr), (0, ""))

    def test_benchmark(self):
        result = self.run_(self.penstock, "bench", "--list")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("1,000 RTMP viewers", result.stdout)

    def test_whose_description_wins(self):
        def described_by(**more):
            listed = json.loads(self.run_(self.penstock, "list", "--json", **more).stdout)
            return next(entry["file"] for entry in listed if entry["name"] == "live")

        def write(*folders):
            folder = os.path.join(*folders, "pipelines")
            os.makedirs(folder)
            path = os.path.join(folder, "live.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write("summary: Mine\npipeline: fakesrc ! fakesink\n")
            self.addCleanup(os.remove, path)
            return path

        self.assertEqual(described_by(XDG_DATA_DIRS="/nowhere"),
                         os.path.join(self.pipelines, "live.yaml"))
        data = write(self.home, "data", "penstock")
        self.assertEqual(described_by(XDG_DATA_DIRS=os.path.join(self.home, "data")), data)
        # /etc with the prefix /usr, PREFIX/etc elsewhere.
        etc = self.left if PREFIX == "/usr" else self.prefix
        system = write(etc, "etc", "penstock") if PREFIX != "/usr" else data
        self.assertEqual(described_by(XDG_DATA_DIRS=os.path.join(self.home, "data")), system)
        user = write(self.home, ".config", "penstock")
        self.assertEqual(described_by(XDG_DATA_DIRS=os.path.join(self.home, "data")), user)
        other = write(self.home, "xdg", "penstock")
        self.assertEqual(described_by(XDG_CONFIG_HOME=os.path.join(self.home, "xdg")), other)
        named = write(self.home, "named")
        self.assertEqual(described_by(PENSTOCK_PIPELINES=os.path.dirname(named),
                                      XDG_CONFIG_HOME=os.path.join(self.home, "xdg")), named)


if __name__ == "__main__":
    del sys.argv[1:6]
    unittest.main(verbosity=1)
