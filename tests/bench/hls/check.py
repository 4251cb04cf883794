# SPDX-License-Identifier: LGPL-2.1-or-later
"""Twenty players of each kind get every part or segment of a live stream, according to the load
generator, which says so of a server that has none. Times are not judged."""

import json
import os
import subprocess
import tempfile

from hls import LIVE, SCENARIOS

PLAYERS = 20


def load(server, *options):
    run = subprocess.run([os.path.join(os.environ["FANOUT_PROGRAMS"], "hls-load"), "--publish",
                          f"127.0.0.1:{server.rtmp}", "--play", f"127.0.0.1:{server.http}",
                          "--players", str(PLAYERS), "--settle", "0", *options],
                         capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr + server.tail()
    return json.loads(run.stdout.splitlines()[-1])


for name in ("parts", "hints", "http2", "classic"):
    title, make, settings, options = SCENARIOS[name]
    with tempfile.TemporaryDirectory(prefix="penstock-hls-") as folder:
        server = make(folder, **settings)
        try:
            server.start()
            result = load(server, "--path", LIVE, "--warmup", "8", "--seconds", "5", *options)
            assert result["started"] == PLAYERS and result["failed"] == 0, result
            assert result["missing"] == 0 and result["media"] > 1, result
            assert result["deliveries"] == result["media"] * PLAYERS, result
            assert result["mbit_per_second"] > 0, result
            if name == "parts":
                none = load(server, "--path", "/live/none/index.m3u8", "--warmup", "0",
                            "--seconds", "1")
                assert none["failed"] == PLAYERS and "404" in none["first_error"], none
            print(f"ok: {title}")
        finally:
            server.end()
