#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""doctor on machines that lack an encoder, a free port, open files or a camera. Needs PENSTOCK, the
executable, and PENSTOCK_PIPELINES, the directory."""

import json
import os
import resource
import socket
import subprocess
import tempfile
import unittest

PENSTOCK = os.environ["PENSTOCK"]


def doctor(*arguments, environment=None, **options):
    """The exit code and the findings by subject."""
    run = subprocess.run([PENSTOCK, "doctor", "--json", *arguments], capture_output=True, text=True,
                         timeout=120, env={**os.environ, **(environment or {})}, **options)
    assert run.stdout, run.stderr
    told = json.loads(run.stdout)
    found = {}
    for finding in told["findings"]:
        found[finding["subject"]] = finding
    assert told["ok"] == (run.returncode == 0), told
    return run.returncode, found


class Doctor(unittest.TestCase):
    def assert_mend(self, finding, status, *words):
        self.assertEqual(finding["status"], status, finding)
        for word in words:
            self.assertIn(word, finding["detail"] + " | " + finding["mend"])

    def test_healthy(self):
        code, found = doctor("live", "--set", "rtmp=127.0.0.1:0", "--set", "http=127.0.0.1:0")
        self.assertEqual(code, 0, found)
        self.assertEqual(found["live"]["status"], "ok")
        self.assertNotIn("any camera", found)
        self.assertNotIn("H.264 encoder", found, "live encodes no video")

    def test_every_element_counts(self):
        """The elements of start pipelines, publish rules and play rules are counted."""
        for name in ("file-to-udp", "ladder", "live", "on-demand"):
            self.assertRegex(doctor(name)[1][name]["detail"], r"all ([2-9]|\d\d+) elements are there")

    def test_missing_plugins(self):
        with tempfile.TemporaryDirectory() as directory:
            plugins = os.path.join(directory, "plugins")
            os.mkdir(plugins)
            system = subprocess.run(["pkg-config", "--variable=pluginsdir", "gstreamer-1.0"],
                                    capture_output=True, text=True, check=True).stdout.strip()
            for file in os.listdir(system):
                if file not in ("libgstx264.so", "libgstopenh264.so", "libgstflv.so"):
                    os.symlink(os.path.join(system, file), os.path.join(plugins, file))
            bare = {"GST_PLUGIN_SYSTEM_PATH": plugins,
                    "GST_REGISTRY": os.path.join(directory, "registry")}
            code, found = doctor("file-to-udp", "test-publisher", environment=bare)
            self.assertEqual(code, 1)
            self.assert_mend(found["x264enc"], "fail", "test-publisher",
                             "apt install gstreamer1.0-plugins-ugly")
            self.assert_mend(found["flvmux"], "fail", "apt install gstreamer1.0-plugins-good")
            self.assert_mend(found["H.264 encoder"], "fail", "apt install gstreamer1.0-plugins-ugly")
            self.assertEqual(found["AAC encoder"]["status"], "ok")
            self.assert_mend(found["FLV files"], "warn", "gstreamer1.0-plugins-good")
            self.assertEqual(found["MP4 files"]["status"], "ok")
            # A description that encodes no video needs no video encoder.
            code, found = doctor("live", "--set", "rtmp=127.0.0.1:0", "--set", "http=127.0.0.1:0",
                                 environment=bare)
            self.assertEqual(code, 0, found)

    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as holder:
            address = "127.0.0.1:%d" % holder.getsockname()[1]
            settings = ("--set", "rtmp=" + address, "--set", "http=127.0.0.1:0")
            code, found = doctor("live", *settings)
            self.assertEqual(code, 1)
            self.assert_mend(found[address + "/tcp"], "fail", "in use by",
                             "process %d" % os.getpid(), "--set rtmp=127.0.0.1:PORT")
        code, found = doctor("live", *settings)
        self.assertEqual((code, found[address + "/tcp"]["status"]), (0, "ok"))

    def test_udp_port_in_use(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as holder:
            holder.bind(("127.0.0.1", 0))
            address = "127.0.0.1:%d" % holder.getsockname()[1]
            settings = ("--set", "rtmp=127.0.0.1:0", "--set", "http=127.0.0.1:0", "--set",
                        "rtc=" + address)
            code, found = doctor("live", *settings)
            self.assertEqual(code, 1)
            self.assert_mend(found[address + "/udp"], "fail", "is in use", "live would take it",
                             "sudo ss -lunp", "--set rtc=127.0.0.1:PORT")
        code, found = doctor("live", *settings)
        self.assertEqual((code, found[address + "/udp"]["status"]), (0, "ok"))

    def test_unreachable(self):
        code, found = doctor("live", "--set", "rtmp=203.0.113.9:1935", "--set", "http=127.0.0.1:0")
        self.assertEqual(code, 1)
        self.assert_mend(found["203.0.113.9:1935/tcp"], "fail", "no address of this machine")

    def test_few_open_files(self):
        def limited(number):
            return lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))
        settings = ("live", "--set", "rtmp=127.0.0.1:0", "--set", "http=127.0.0.1:0")
        code, found = doctor(*settings, preexec_fn=limited(100))
        self.assertEqual(code, 1)
        self.assert_mend(found["open files"], "fail", "at most 100", "LimitNOFILE=", "ulimit")
        code, found = doctor(*settings, preexec_fn=limited(1024))
        self.assertEqual(code, 0, found)
        self.assert_mend(found["open files"], "warn", "1024")

    def test_camera(self):
        device = "/dev/no-such-camera"
        settings = ("--set", "device=" + device)
        code, found = doctor("webcam-to-udp", *settings)
        self.assertEqual(code, 1)
        self.assert_mend(found[device], "fail", "not there", "--set source=test")
        code, found = doctor("webcam-to-udp", *settings, "--set", "source=test")
        self.assertEqual(code, 0, found)
        self.assertNotIn(device, found)

    def test_broken_description_and_table(self):
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "bad.yaml"), "w", encoding="utf-8") as file:
                file.write("summary: s\npipelin: fakesrc ! fakesink\n")
            run = subprocess.run([PENSTOCK, "doctor"], capture_output=True, text=True, timeout=120,
                                 env={**os.environ, "PENSTOCK_PIPELINES": directory,
                                      "XDG_CONFIG_HOME": directory})
            self.assertEqual(run.returncode, 1)
            self.assertRegex(run.stdout, r"(?m)^  fail  \S*bad.yaml +[1-9] mistakes? in it$")
            self.assertRegex(run.stdout, r"(?m)^ +→ `penstock check '\S*bad.yaml'` says where$")
            self.assertRegex(run.stdout, r"(?m)^1 failed, \d+ warned$")
        self.assertEqual(subprocess.run([PENSTOCK, "doctor", "no-such"], stderr=subprocess.DEVNULL,
                                        timeout=30).returncode, 2)


if __name__ == "__main__":
    unittest.main()
