# SPDX-License-Identifier: LGPL-2.1-or-later
"""Twenty viewers of the least WHEP server receive every packet and frame, according to the load
generator, which does detect what is lost, refused and repaired. Times are not judged."""

import json
import os
import socket
import subprocess
import time

VIEWERS = 20


def program(name):
    return os.path.join(os.environ["RTC_PROGRAMS"], name)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Server:
    """rtc-whep with these options, once it listens."""

    def __init__(self, *options):
        self.port = free_port()
        self.process = subprocess.Popen([program("rtc-whep"), "--port", str(self.port), *options])

    def __enter__(self):
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return self
            except OSError:
                assert self.process.poll() is None, "rtc-whep ended"
                time.sleep(0.05)
        raise AssertionError("rtc-whep does not listen")

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def load(self, *options):
        """The load generator's result."""
        run = subprocess.run([program("rtc-load"), "--json", "--viewers", str(VIEWERS), "--settle",
                              "0", "--seconds", "3", "--url",
                              f"http://127.0.0.1:{self.port}/live/bench/whep", "--pid",
                              str(self.process.pid), *options],
                             capture_output=True, text=True, timeout=120, check=False)
        assert run.returncode == 0, run.stderr + run.stdout
        phases = [json.loads(line) for line in run.stdout.splitlines()]
        assert [one["phase"] for one in phases] == ["published", "window", "closed", "result"]
        return phases[-1]


def whole(result, profile="AEAD_AES_128_GCM"):
    """Asserts that nothing is missing."""
    assert result["joined"] == result["viewers"] == VIEWERS, result
    assert result["profiles"] == {profile: VIEWERS}, result
    for name in ("failed", "ended", "lost", "duplicates", "late", "broken_frames",
                 "missing_frames", "refused", "dropped_here", "asked"):
        assert result[name] == 0, f"{name}: {result}"
    assert result["frames"] >= VIEWERS and result["packets"] > result["frames"], result
    assert result["latency_ms"]["count"] > 0 and result["server_cpu"] > 0, result
    for name in ("answered_ms", "connected_ms", "first_keyframe_ms"):
        assert result[name]["count"] == VIEWERS, f"{name}: {result}"


with Server() as server:
    whole(server.load())
    whole(server.load("--aes-cm", "--poll-ms", "0"), "AES128_CM_SHA1_80")
    whole(server.load("--sample", "2"))
    print("ok: all that is sent is counted")

with Server("--lose", "200", "--refuse", "10") as server:
    result = server.load()
    assert result["failed"] == 2 and result["joined"] == 18, result
    assert result["failures"] == {"HTTP: 503 no room": 2}, result
    assert result["lost"] >= result["gaps"] > 0 and result["with_losses"] == 18, result
    assert result["broken_frames"] > 0 and result["missing_frames"] > 0, result
    assert result["repaired"] == result["asked"] == 0, result
    print("ok: losses and refusals are counted")
    result = server.load("--nack")
    # What was lost last may be on its way.
    assert result["repaired"] >= result["gaps"] - 18 > 0, result
    assert result["asked"] >= result["repaired"], result
    assert result["missing_frames"] <= 18 and result["lost"] <= 18, result
    print("ok: what is asked for is repaired")

run = subprocess.run([program("rtc-load"), "--url", f"http://127.0.0.1:{free_port()}/live/none/whep",
                      "--seconds", "1", "--settle", "0"],
                     capture_output=True, text=True, timeout=120, check=False)
assert run.returncode == 1 and "Connection refused" in run.stdout, run
print("ok: a server that is not there")

run = subprocess.run([program("rtc-floor"), "--peers", "10", "--frames", "5"],
                     capture_output=True, text=True, timeout=120, check=False)
assert run.returncode == 0, run
assert "6300 of 6300 packets were read" in run.stdout, run
print("ok: the floor")
