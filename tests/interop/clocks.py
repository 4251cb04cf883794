#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Machines whose clocks differ: `penstock latency` and its sources under clocks shifted by
faketime, with chrony as time server. No clock is set: chronyd runs with -x. PENSTOCK_CHRONYD may
name the executable."""

import collections
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import rig
from rig import PENSTOCK, Process, Server, until

# Debian installs it in /usr/sbin.
CHRONYD = os.environ.get("PENSTOCK_CHRONYD") or shutil.which(
    "chronyd", path=os.environ.get("PATH", "") + os.pathsep + "/usr/sbin")
TOLERANCE = 150  # ms: a machine that is busy delays some pictures more than others
FAKE = ("LD_PRELOAD", "FAKETIME", "FAKETIME_DONT_FAKE_MONOTONIC")

Figure = collections.namedtuple("Figure", "code glass clock error offset")  # times in ms


def udp_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def machine(ahead):
    """The environment that sets the wall clock, and no other clock, ahead by this many ms."""
    if not ahead:
        return {}
    # faketime prints its library's path. Its shared state ends with it and is not needed.
    said, _ = rig.run("faketime", "--exclude-monotonic", "-f", f"{ahead / 1000:+.3f}", "env")
    found = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    return {name: found[name] for name in FAKE}


class TimeServer:
    """chronyd serving this machine's time, as a context manager."""

    def __enter__(self):
        folder = tempfile.mkdtemp(dir=rig.FOLDER)
        port = udp_port()
        self.address = f"127.0.0.1:{port}"
        settings = os.path.join(folder, "chrony.conf")
        with open(settings, "w", encoding="utf-8") as file:
            file.write(f"local stratum 8\nbindaddress 127.0.0.1\nallow 127/8\nport {port}\n"
                       f"cmdport 0\nbindcmdaddress /\npidfile {folder}/chronyd.pid\n")
        # Without -U chronyd requires root; without -u it switches to a user that may not exist.
        user = ("-u", "root") if os.geteuid() == 0 else ("-U",)
        self.process = Process(CHRONYD, "-x", "-d", *user, "-f", settings)

        def answers():
            assert self.process.running(), "chronyd has ended"
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.settimeout(0.2)
                client.connect(("127.0.0.1", port))
                try:
                    client.send(b"\x23" + bytes(47))
                    return len(client.recv(64)) == 48
                except OSError:
                    return False
        until("chronyd answers", answers)
        assert "Disabled control of system clock" in self.process.log, "chronyd would set the clock"
        return self

    def __exit__(self, kind, error, trace):
        if not kind:
            assert self.process.running(), "chronyd is gone"
        self.process.end()


def figure(url, ahead, *options):
    """The result of a viewer on a machine whose clock is `ahead` ms."""
    process = Process(PENSTOCK, "latency", url, "--wait", "60", "-t", "2.5", "--json", *options, env=machine(ahead))
    code = process.wait()
    assert process.out, process.err
    told = json.loads(process.out)
    glass = told["glass"]
    assert (code == 0) == (glass is not None), f"exit {code}: {told}"
    return Figure(code, glass and glass["p50_ms"], told["clock"], process.err,
                  told["clocks"]["offset_ms"])


def offset(server, ahead):
    """The offset (ms) that a machine measures against the server."""
    said, _ = rig.run(PENSTOCK, "latency", "--ntp", server.address, "--json", env=machine(ahead))
    told = json.loads(said)
    assert told["ntp"] == server.address
    slack = told["offset_error_ms"] + 5  # faketime moves the clock by what it is given, about
    assert abs(told["offset_ms"] - ahead) <= slack, f"{ahead} ms ahead, and it says {told}"
    return told["offset_ms"]


class Truth:
    """The figure of a viewer with the source's clock. It is measured again for a comparison that
    fails, since a busy machine changes it."""

    def __init__(self, url):
        self.url = url
        self.first = self.take()

    def take(self):
        told = figure(self.url, 0)
        assert told.code == 0 and told.clock == 0 and told.glass > 0, told
        return told.glass

    def compare(self, what, told, moved=0):
        """Checks that `told` is the true figure plus `moved` ms."""
        if abs(told.glass - moved - self.first) >= TOLERANCE:
            again = self.take()
            low, high = sorted((self.first, again))
            assert low - TOLERANCE < told.glass - moved < high + TOLERANCE, \
                f"{what}: {told.glass} ms, not {moved} more than {self.first} to {again}"
        return f"{what}: {told.glass:.1f} ms (true: {self.first:.1f} ms)"


def moved_clock():
    """faketime moves the wall clock alone, and the offset from chrony's time is found"""
    code = "import time; print(time.time(), time.monotonic())"
    with TimeServer() as server:
        for ahead in (0, 350, -350, 90_000, -90_000):
            before = time.time(), time.monotonic()
            said, _ = rig.run(sys.executable, "-c", code, env=machine(ahead))
            after = time.time(), time.monotonic()
            wall, monotonic = (float(word) for word in said.split())
            assert before[0] <= wall - ahead / 1000 <= after[0], f"{ahead} ms: not the wall clock's"
            assert before[1] <= monotonic <= after[1], f"{ahead} ms: not the wall clock's alone"
            yield f"{ahead:+} ms: {offset(server, ahead):+.2f} ms"


def viewer():
    """viewers whose clocks are off are right with --ntp, and wrong without"""
    with TimeServer() as ntp, Server() as server:
        rtmp, flv = server.url("cam"), server.flv("cam")
        Process(PENSTOCK, "run", "test-publisher", "--set", f"url={rtmp}", "--set", "stamp=true",
                "--set", "latency=low", "--set", "bitrate=1Mbit")
        until("it is live", lambda: "live/cam" in server.streams())
        for url in (rtmp, flv):
            truth = Truth(url)
            yield truth.compare("350 ms ahead", figure(url, 350), 350)
            told = figure(url, -350)
            # Pictures that are younger than that seem to come from the future.
            if told.clock == 0:
                yield truth.compare("350 ms behind", told, -350)
            else:
                yield f"350 ms behind: {told.clock} times are impossible"
            told = figure(url, -20_000)
            assert told.code == 1 and told.glass is None and told.clock > 20, told
            assert "clock and the source's differ" in told.error, told.error
            for ahead in (0, 350, -350, -20_000):
                # A hop that takes less time than the offset's error may be reported as wrong.
                told = figure(url, ahead, "--ntp", ntp.address)
                assert (told.code, told.error) == (0, ""), told
                assert abs(told.offset - ahead) < TOLERANCE, told
                yield truth.compare(f"{ahead:+} ms, --ntp", told)


def both_ends():
    """with both clocks off, the difference of the measured offsets is the right correction"""
    source_ahead, viewer_ahead = 1200, -350
    with TimeServer() as ntp:
        def source(ahead):
            port = udp_port()
            process = Process(PENSTOCK, "run", "webcam-to-udp", "--set", "source=test", "--set",
                              "stamp=true", "--set", f"to=127.0.0.1:{port}", "--set", "width=640",
                              "--set", "height=360", env=machine(ahead))
            return process, f"udp://127.0.0.1:{port}"
        process, url = source(0)
        truth = Truth(url)
        assert process.end() == 0, "the source has failed"
        process, url = source(source_ahead)
        truth.url = url
        truth.take = lambda: figure(url, source_ahead).glass  # on the source's machine
        told = figure(url, viewer_ahead)
        assert told.code == 1 and told.clock > 20, told
        # With the opposite sign there is a figure, which is wrong.
        yield truth.compare("uncorrected", figure(url, 2000), 2000 - source_ahead)
        difference = offset(ntp, viewer_ahead) - offset(ntp, source_ahead)
        told = figure(url, viewer_ahead, f"--clock-offset={difference}")
        assert (told.code, told.error) == (0, ""), told
        yield truth.compare(f"--clock-offset={difference:.1f}", told)
        assert process.end() == 0, "the source has failed"


if __name__ == "__main__":
    rig.need("faketime", CHRONYD or "chronyd")
    if subprocess.run([CHRONYD, "--version"], capture_output=True, check=False).returncode != 0:
        print("skipped: chronyd does not run here")
        sys.exit(77)
    rig.main([moved_clock, viewer, both_ends])
