#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Measures what viewers cost Penstock, other servers, and a minimal process; prints a table and
writes it as JSON and as a chart. `./dev bench fanout` builds what it needs and runs it."""

import argparse
import json
import os
import statistics
import sys
import time

import chart
import machine
import measure
import report
from scenarios import SCENARIOS
from servers import Broken, Floor, Missing, Nginx

HELD_LATENCY, HELD_LOAD = 450, 0.85  # milliseconds; share of the load generator's core


class Parser(argparse.ArgumentParser):
    def error(self, message):
        """As penstock words it."""
        self.exit(2, f"error: {message}: `{self.prog} --help` has more\n")


def arguments():
    parser = Parser(prog=os.environ.get("FANOUT_COMMAND", "fanout"), description=__doc__)
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("--quick", action="store_true", help="only 1,000 RTMP viewers, once")
    parser.add_argument("--only", action="append", metavar="SCENARIO", choices=names,
                        help=f"may be repeated; one of {', '.join(names)}")
    parser.add_argument("--server", action="append", metavar="TEXT",
                        help="only servers whose name begins so; may be repeated")
    parser.add_argument("--viewers", type=int, metavar="N", help="instead of a scenario's own")
    parser.add_argument("--rounds", type=int, default=3, metavar="N",
                        help="runs of each; the median counts (%(default)s)")
    parser.add_argument("--seconds", type=float, default=15, metavar="S",
                        help="length of the window (%(default)s)")
    parser.add_argument("--settle", type=float, default=5, metavar="S",
                        help="from the last join to the window (%(default)s)")
    parser.add_argument("--out", default="fanout", metavar="DIR",
                        help="where fanout.json and fanout.svg go (%(default)s)")
    parser.add_argument("--docs", metavar="DIR",
                        help="fill in performance.md there, and put fanout.svg beside it")
    parser.add_argument("--list", action="store_true", help="say what there is to measure")
    parser.add_argument("--json", action="store_true", help="machine-readable output")
    out = parser.parse_args()
    if out.quick:
        out.rounds = 1
        out.only = out.only or ["1000"]
    return out


class Bench:
    """Runs scenarios; `rows` has a dictionary for each server of each."""

    def __init__(self, args):
        self.args = args
        self.cores = machine.two_cores()
        self.rows = []
        self.skipped = []
        self.failures = []

    def say(self, text):
        print(text, file=sys.stderr, flush=True)

    def one(self, scenario, entry, viewers):
        """The figures of one run."""
        args = self.args
        everyone = viewers + scenario.slow + scenario.stuck + scenario.beside
        make = lambda folder: entry.server(folder, entry.protocol, everyone, scenario.bitrate,
                                           **entry.options)
        timing = {"seconds": args.seconds, "settle": args.settle, "viewers": everyone,
                  "join_rate": scenario.join_rate}
        load = ["--viewers", viewers, "--slow", scenario.slow, "--stuck", scenario.stuck,
                "--beside", scenario.beside, "--publishers", scenario.publishers,
                "--bitrate", scenario.bitrate, "--warmup", scenario.warmup,
                "--poll-ms", scenario.poll_ms, "--join-rate", scenario.join_rate,
                "--probe-rate", scenario.probe_rate, "--settle", args.settle,
                "--seconds", args.seconds]
        return measure.run(make, [str(word) for word in load], timing, self.cores)

    def chosen(self, scenario):
        wanted = self.args.server
        return [entry for entry in scenario.entries
                if not wanted or any(entry.label.startswith(text) for text in wanted)]

    def run(self, scenario):
        self.say(f"==> {scenario.title}")
        viewers = self.args.viewers or scenario.viewers
        runs = {entry.label: [] for entry in self.chosen(scenario)}
        for number in range(self.args.rounds):
            for entry in self.chosen(scenario):
                if runs[entry.label] is None:
                    continue
                try:
                    got = (self.search(scenario, entry) if scenario.steps
                           else self.one(scenario, entry, viewers))
                    runs[entry.label].append(got)
                    self.say(f"    {entry.label}, run {number + 1}: {report.in_short(got)}")
                except Missing as error:
                    runs[entry.label] = None
                    self.skipped.append(f"{scenario.name}: {entry.label}: {error}")
                    self.say(f"    {entry.label} is left out: {error}")
                except Broken as error:
                    self.failures.append(f"{scenario.name}: {entry.label}: {error}")
                    self.say(f"    {entry.label}, run {number + 1} failed: {error}")
        for entry in self.chosen(scenario):
            if runs[entry.label]:
                self.rows.append({"scenario": scenario.name, "label": entry.label,
                                  "kind": entry.server.__name__, "floor": entry.floor,
                                  "few": scenario.few, **median(runs[entry.label])})
        ratios([row for row in self.rows if row["scenario"] == scenario.name])

    def search(self, scenario, entry):
        """The figures at the most viewers of the steps that are held."""
        best = None
        steps = [self.args.viewers] if self.args.viewers else scenario.steps
        for viewers in steps:
            try:
                got = self.one(scenario, entry, viewers)
            except Broken as error:
                self.say(f"    {entry.label} fails at {viewers} viewers: {error}")
                break
            self.say(f"    {entry.label} at {viewers}: {report.in_short(got)}")
            if not held(got):
                break
            best = got
        if not best:
            raise Broken(f"it does not hold {steps[0]} viewers")
        return best


def held(got):
    return (got["started"] == got["viewers"] and got["closed"] == 0 and got["gaps"] == 0
            and got["latency_p99"] <= HELD_LATENCY and got["load_cores"] < HELD_LOAD
            and got["delivered"] > 0.99)


def median(runs):
    """Of each figure by itself; what is no figure is the first run's."""
    out = {"runs": runs}
    for name, value in runs[0].items():
        values = [run[name] for run in runs]
        out[name] = statistics.median(values) if isinstance(value, (int, float)) else value
    # A run that lost something is not outvoted.
    for name in ("gaps", "closed", "missing", "disorder"):
        out[name] = max(run[name] for run in runs)
    return out


def ratios(rows):
    """To nginx and to the floor of the same scenario."""
    nginx = next((row for row in rows if row["label"] == "nginx-rtmp"), None)
    hls = next((row for row in rows if row["label"] == "nginx-rtmp, hls on"), None)
    floors = {row["floor"]: row["cpu_us"] for row in rows if row["kind"] == Floor.__name__}
    for row in rows:
        peer = hls if hls and row["label"].endswith("with HLS") else nginx
        if peer and row is not peer and row["kind"] not in (Floor.__name__, Nginx.__name__):
            row["to_nginx"] = row["cpu_us"] / peer["cpu_us"]
        if row["floor"] in floors and row["kind"] != Floor.__name__:
            row["to_floor"] = row["cpu_us"] / floors[row["floor"]]


def main():
    args = arguments()
    if args.list:
        if args.json:
            print(json.dumps([{"name": scenario.name, "title": scenario.title}
                              for scenario in SCENARIOS]))
        else:
            for scenario in SCENARIOS:
                print(f"{scenario.name:12}{scenario.title}")
        return 0
    chosen = [one for one in SCENARIOS if not args.only or one.name in args.only]
    try:
        most = max((args.viewers or one.viewers) + one.slow + one.stuck + one.beside
                   for one in chosen)
        machine.allow_descriptors(most + 2048)
        lock = machine.alone()
        bench = Bench(args)
    except machine.CannotRun as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for scenario in chosen:
        bench.run(scenario)
    lock.close()
    titles = {one.name: one.title for one in chosen}
    result = {"machine": machine.describe(), "seconds": args.seconds, "rounds": args.rounds,
              "when": time.strftime("%Y-%m-%d", time.gmtime()),
              "poll_ms": {one.name: one.poll_ms for one in chosen}, "titles": titles,
              "rows": bench.rows, "left_out": bench.skipped, "failures": bench.failures}
    print(json.dumps(result) if args.json else report.as_text(result))
    os.makedirs(args.out, exist_ok=True)
    with open(os.path.join(args.out, "fanout.json"), "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
    chart.write(os.path.join(args.out, "fanout.svg"), result)
    if not args.json:
        print(f"\n{os.path.join(args.out, 'fanout.json')} and fanout.svg have it too.")
    if args.docs:
        report.fill_in(os.path.join(args.docs, "performance.md"), result)
        chart.write(os.path.join(args.docs, "fanout.svg"), result)
    return 1 if bench.failures or not bench.rows else 0


if __name__ == "__main__":
    sys.exit(main())
