#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what a full room costs: 100 participants, of whom 16 send camera and microphone and speak
in turn. The server has one core, the participants the other. Options are those of rtc-room. `./dev
bench room` builds what it needs and runs it."""

import os
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fanout"))

import machine
from servers import Server, free_port

PATH = "room/bench/join"


class Room(Server):
    """The description of rooms."""

    def __init__(self, folder):
        super().__init__(folder, "room", 0, 0)
        self.udp = free_port()

    def ports(self):
        return [self.http]

    def command(self):
        return [os.environ.get("PENSTOCK", "penstock"), "run", "room", "--set",
                f"http=127.0.0.1:{self.http}", "--set", f"rtmp=127.0.0.1:{self.rtmp}", "--set",
                f"rtc=127.0.0.1:{self.udp}"]


def main():
    try:
        machine.allow_descriptors(4096)
        lock, cores = machine.alone(), machine.two_cores()
    except machine.CannotRun as error:
        sys.exit(f"error: {error}")
    with tempfile.TemporaryDirectory(prefix="penstock-room-") as folder:
        os.chmod(folder, 0o755)
        server = Room(folder)
        try:
            server.start(cores[0])
            done = subprocess.run(
                ["taskset", "-c", str(cores[1]), machine.program("rtc-room"), "--url",
                 f"http://127.0.0.1:{server.http}/{PATH}", "--pid", str(server.process.pid),
                 *sys.argv[1:]], check=False)
        finally:
            server.end()
    lock.close()
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
