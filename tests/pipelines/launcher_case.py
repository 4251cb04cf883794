# SPDX-License-Identifier: LGPL-2.1-or-later
"""A test case that runs `penstock` in a directory of its own, which is also the one of its
descriptions. Needs PENSTOCK, the executable."""

import os
import subprocess
import tempfile
import unittest

PENSTOCK = os.environ["PENSTOCK"]


class LauncherCase(unittest.TestCase):
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
