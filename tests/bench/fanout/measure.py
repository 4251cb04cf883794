# SPDX-License-Identifier: LGPL-2.1-or-later
"""One run: a server, the load generator, and the measurements of both."""

import json
import os
import select
import subprocess
import tempfile
import time

import machine
from servers import Broken


class Load:
    """The load generator; phase() waits for its next line."""

    PROGRAM = "fanout-load"

    def __init__(self, options, core, folder):
        program = machine.program(self.PROGRAM)
        self.errors = os.path.join(folder, "load.log")
        with open(self.errors, "wb") as errors:
            self.process = subprocess.Popen(
                ["taskset", "-c", str(core), program, "--step", *options], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)

    def phase(self, name, seconds):
        if not select.select([self.process.stdout], [], [], seconds)[0]:
            raise Broken(f"the load generator does not come to '{name}' within {seconds:.0f} s")
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            with open(self.errors, encoding="utf-8", errors="replace") as file:
                raise Broken(file.read().strip() or "the load generator is gone")
        out = json.loads(line)
        if out["phase"] != name:
            raise Broken(f"the load generator is at '{out['phase']}', not at '{name}'")
        return out

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def run(make_server, load_options, timing, cores):
    """Figures of one run. `make_server` takes a folder; `timing` has seconds, settle, join_rate and
    viewers (all that join)."""
    with tempfile.TemporaryDirectory(prefix="penstock-fanout-") as folder:
        server = make_server(folder)
        try:
            server.start(cores[0])
            load = Load([*server.load_options(), *load_options], cores[1], folder)
            try:
                return watch(server, load, timing, cores)
            except Broken as error:
                state = server.process.poll()
                said = server.tail()
                gone = f"\n  the server ended, exit code {state}" if state is not None else ""
                raise Broken(f"{error}{gone}{chr(10) if said else ''}{said}") from None
            finally:
                load.end()
        finally:
            server.end()


def watch(server, load, timing, on):
    pid = server.process.pid
    joining = timing["viewers"] / timing["join_rate"]
    load.phase("published", 90)
    pss, buffers = machine.pss_bytes(pid), machine.socket_bytes()
    load.go_on()
    load.phase("window", 90 + 3 * joining + timing["settle"])
    cpu, began = machine.cpu_seconds(pid), time.monotonic()
    busy = [machine.busy_seconds(core) for core in on]
    load.phase("closed", 30 + 3 * timing["seconds"])
    cpu, seconds = machine.cpu_seconds(pid) - cpu, time.monotonic() - began
    busy = [(machine.busy_seconds(core) - was) / seconds for core, was in zip(on, busy)]
    result = load.phase("result", 60)
    pss, buffers = machine.pss_bytes(pid) - pss, machine.socket_bytes() - buffers
    threads = len(os.listdir(f"/proc/{pid}/task"))
    load.go_on()
    out = figures(result, cpu / seconds, pss, buffers, threads)
    # The CPU time of other processes on the two cores: figures of a busy machine mean little.
    others = max(busy[0] - out["server_cores"], busy[1] - out["load_cores"])
    return {**out, "others": max(others, 0)}


def figures(result, cores, pss, buffers, threads):
    good = result["good"]
    viewers = good["viewers"]
    if good["started"] == 0:
        raise Broken(f"no viewer got a picture: {result['first_error']}")
    if result["frames"] == 0 or result["mbit_per_second"] == 0:
        raise Broken("no frame arrived within the window")
    out = {
        "server_cores": cores,
        "cpu_us": cores * 1e6 / result["mbit_per_second"],
        "mbit_per_viewer": result["mbit_per_second"] / viewers,
        "latency_p50": result["latency_ms"]["p50"],
        "latency_p95": result["latency_ms"]["p95"],
        "latency_p99": result["latency_ms"]["p99"],
        "latency_max": result["latency_ms"]["max"],
        "first_p50": result["first_keyframe_ms"]["p50"],
        "first_p95": result["first_keyframe_ms"]["p95"],
        "pss_kb": pss / 1000 / viewers,
        "buffers_kb": buffers / 1000 / viewers,
        "threads": threads,
        "load_cores": result["load_cpu"],
        "publisher_late_p99": result["publisher_late_ms"]["p99"],
        "viewers": viewers,
        "started": good["started"],
        "closed": good["closed"],
        "gaps": good["gaps"],
        "missing": good["missing"],
        "disorder": good["disorder"],
        "delivered": result["frames"] / (viewers * 30 * result["seconds"]),
        "first_error": result["first_error"],
    }
    if "probes" in result:
        out["first_p50"] = result["probes"]["first_keyframe_ms"]["p50"]
        out["first_p95"] = result["probes"]["first_keyframe_ms"]["p95"]
        out["probes"] = result["probes"]
    for kind in ("slow", "stuck", "beside"):
        if kind in result:
            out[kind] = result[kind]
    return out
