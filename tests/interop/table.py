#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What plays with Penstock: each client as a publisher and as a player, run here and now, and the
table of it. `./dev shell python3 tests/interop/table.py --docs docs/interoperability.md` writes it,
in six minutes; without --docs it is printed. `--only NAME…` runs the cells of these rows, and leaves
the others empty. PENSTOCK_FOREIGN_ROOT: see foreign_root.sh."""

import argparse
import concurrent.futures
import datetime
import os
import re
import shutil
import sys
import tempfile

os.environ.setdefault("PENSTOCK", shutil.which("penstock") or "penstock")

import rig
import table_clients
import table_codecs
import table_webrtc

COLUMNS = ("publishes", "plays RTMP", "plays HTTP-FLV", "plays HLS", "publishes past 4.66 h",
           "plays RTMP past 4.66 h")
MARK = {"partly": "✓", "failed": "**✗**", "skipped": "–"}
HEAD = """# Interoperability

`./dev shell python3 tests/interop/table.py --docs docs/interoperability.md` wrote this page on {date},
on {system}, from what it ran then, with the versions named here.

✓ is a run that passed: what was played is what was published, packet by packet where the client gives
its packets away, else by the client's own figures. – was not possible, ✗ failed, for the reason in
the notes. An empty cell was not run. Servers publish by pushing and play by pulling.

"Past 4.66 h" is a stream whose timestamps pass 0xFFFFFF ms, from where chunks have extended
timestamps: players see the time go by the mark; publishers send what they play of such a stream.
"""
CODECS = """
## Codecs

A codec goes from a foreign publisher through Penstock to a foreign player, which decodes it; over HLS,
`live` makes AAC of audio other than AAC and MP3. What only Penstock's own elements have published or
played is unproven, and so is what is not listed.

"""


WEBRTC = """
## WebRTC

Publishers by WHIP are played over HLS by ffmpeg; players by WHEP play what ffmpeg publishes over RTMP,
and decode it, or ffmpeg does. What is unproven has not been tried with any version.

"""


class Result:
    def __init__(self, state, text):
        self.state, self.text = state, text


def perform(cell):
    """Runs one cell, with all that it has started ended."""
    said, failure, logs = rig.attempt(cell)
    if not failure:
        return Result("passed", "; ".join(said))
    for kind, state in ((rig.Partly, "partly"), (rig.Skip, "skipped")):
        if isinstance(failure, kind):
            return Result(state, str(failure))
    print(f"{failure!r}\n{logs}"[-6000:], file=sys.stderr, flush=True)
    return Result("failed", " ".join(str(failure).split())[:200])


def row_of(name, version, cells, results, notes):
    out = [f"| {name} | {version} |"]
    for column in cells:
        result = results.get((name, column))
        if not result:
            out.append(" |")
        elif result.state == "passed":
            out.append(" ✓ |")
        else:
            note = f"{result.text}"
            if note not in notes:
                notes.append(note)
            out.append(f" {MARK[result.state]} [{notes.index(note) + 1}](#notes) |")
    return "".join(out)


def write(rows, results, webrtc, webrtc_results, codecs, codec_results):
    with open("/etc/os-release", encoding="utf-8") as file:
        system = re.search(r'PRETTY_NAME="(.*)"', file.read())[1]
    notes = []
    out = [HEAD.format(date=datetime.date.today().isoformat(), system=system)]
    out.append("| client | version | " + " | ".join(COLUMNS) + " |")
    out.append("|" + "---|" * (len(COLUMNS) + 2))
    for name, (version, _) in rows.items():
        out.append(row_of(name, version, COLUMNS, results, notes))
    out.append(f"\n{WEBRTC.strip()}\n")
    columns = table_webrtc.COLUMNS
    out.append("| client | version | " + " | ".join(columns) + " |")
    out.append("|" + "---|" * (len(columns) + 2))
    for name, (version, _) in webrtc.items():
        out.append(row_of(name, version, columns, webrtc_results, notes))
    out.append(f"\n{CODECS.strip()}\n")
    columns = table_codecs.COLUMNS
    out.append("| codec | published by | " + " | ".join(columns) + " |")
    out.append("|" + "---|" * (len(columns) + 2))
    for name, (publisher, _) in codecs.items():
        out.append(row_of(name, publisher, columns, codec_results, notes))
    out.append("\n## Notes\n")
    out += [f"{number}. {note}" for number, note in enumerate(notes, 1)] or ["None."]
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", help="the file to write")
    parser.add_argument("--only", nargs="+", default=[], help="rows")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    rig.end_when_told()
    with tempfile.TemporaryDirectory(prefix="penstock-table-") as rig.FOLDER:
        found = []
        _, failure, _ = rig.attempt(lambda: found.extend(
            (table_clients.rows(), table_webrtc.rows(), table_codecs.rows())))
        if failure:
            raise failure
        rows, webrtc, codecs = found
        work = {}
        for kind, all_rows in (("client", rows), ("webrtc", webrtc), ("codec", codecs)):
            for name, (_, cells) in all_rows.items():
                if options.only and not any(word.lower() in name.lower() for word in options.only):
                    continue
                for column, cell in cells.items():
                    work[kind, name, column] = cell
        done = {}

        def run(key):
            done[key] = perform(work[key])
            print(f"{done[key].state:8} {key[1]}: {key[2]}: {done[key].text[:150]}", flush=True)
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
            list(pool.map(run, work))
        of_kind = {kind: {key[1:]: value for key, value in done.items() if key[0] == kind}
                   for kind in ("client", "webrtc", "codec")}
        text = write(rows, of_kind["client"], webrtc, of_kind["webrtc"], codecs, of_kind["codec"])
    if options.docs:
        with open(options.docs, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        print(text)
    sys.exit(any(result.state == "failed" for result in done.values()))


if __name__ == "__main__":
    main()
