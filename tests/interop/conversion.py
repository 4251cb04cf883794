#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Any protocol in, any protocol out: each content is published to `live` over each ingest and recorded
from each output, and what came is compared with what went in (conversion_judge.py).
`./dev shell python3 tests/interop/conversion.py --docs docs/conversion.md` writes the table, in about
ten minutes; without --docs it is printed. `--only WORD…` runs the rows with one of these words."""

import argparse
import concurrent.futures
import datetime
import os
import re
import shutil
import sys
import tempfile
import time

os.environ.setdefault("PENSTOCK", shutil.which("penstock") or "penstock")

import conversion_judge as judging
import rig
from rig import Process, Server, Skip, until

SECONDS = 7  # of each recording

HEAD = """# Conversion

`./dev shell python3 tests/interop/conversion.py --docs docs/conversion.md` wrote this page on {date}: each
content was published to `penstock run live` over each protocol and recorded from each output at the same
time, and the recording was compared with the published file: every frame there, times that only rise, the
picture's colour, and sound and picture together.

**copied**: what came out is what went in. **encoded**: `live` made the named codec of it, once for all
viewers. A number is by how much sound is late against the published file (negative: early). –: not
possible, or not tried, for the reason in the notes.

"""


def gst(line):
    return Process("gst-launch-1.0", "-q", "-e", *line.split())


def ffmpeg(file, *output):
    return Process("ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", file, "-map",
                   "0", "-c", "copy", *output)


def file_source(content, file, names):
    """livefilesrc's pads to those of a muxer: `names` of these."""
    return f"livefilesrc name=f location={file} loop=true " + " ".join(
        f"f.{kind} ! queue ! m.{names[kind]}" for kind in judging.codecs_of(content))


FLV = {"video": "video", "audio": "audio"}


def to_rtmp(server, content, file):
    if set(judging.codecs_of(content).values()) <= {"h264", "aac"}:
        return ffmpeg(file, "-f", "flv", server.url("cam"))
    return gst(f"{file_source(content, file, FLV)} flvlivemux name=m ! "
               f"rtmppushsink location={server.url('cam')}")


def to_whip(server, content, file):
    known = judging.codecs_of(content)
    if known.get("audio") == "aac":
        raise Skip("WebRTC has no AAC")
    if known.get("video") == "av1":
        raise Skip("GStreamer 1.22 has no payloader of AV1; browsers publish it")
    return gst(f"{file_source(content, file, FLV)} flvlivemux name=m ! "
               f"rtcpushsink location={server.http}/live/cam/whip")


def to_srt(server, content, file):
    if any(codec in ("av1", "vp8") for codec in judging.codecs_of(content).values()):
        raise Skip("ffmpeg's MPEG-TS has no place for it")
    # So quiet a content would come in bursts: sound a quarter of a second at once, and all else when
    # there is enough for a datagram.
    return ffmpeg(file, "-pes_payload_size", "0", "-muxrate", "1M", "-f", "mpegts",
                  f"{server.srt[1]}?streamid=publish:live/cam")


def to_rtsp(server, content, file):
    if judging.codecs_of(content).get("video") == "av1":
        raise Skip("ffmpeg 5.1 has no RTP of AV1")
    return ffmpeg(file, "-f", "rtsp", "-rtsp_transport", "tcp", f"{server.rtsp[1]}/cam")


# Each gives the process that publishes.
INGESTS = {"RTMP": to_rtmp, "WHIP": to_whip, "SRT": to_srt, "RTSP": to_rtsp}


def by_ffmpeg(url, *before):
    """Records a URL with ffmpeg."""
    def record(path):
        rig.run("ffmpeg", "-nostdin", "-v", "error", *before, "-i", url, "-t", SECONDS, "-map", "0:v?",
                "-map", "0:a?", "-c", "copy", "-y", path)
    return record


def by_element(source, content):
    """Records what an element pulls as FLV; ffmpeg of Debian knows no Enhanced RTMP."""
    parsers = {"h264": "h264parse", "hevc": "h265parse", "av1": "av1parse", "aac": "aacparse",
               "opus": "opusparse"}

    def record(path):
        line = (f"{source} ! flvlivedemux name=d matroskamux name=m streamable=true ! "
                f"filesink buffer-mode=unbuffered location={path} ")
        for kind, codec in content.items():
            parser = f"{parsers[codec]} ! " if codec in parsers else ""
            line += f"d.{kind} ! queue ! {parser}m.{kind}_0 "
        process = gst(line)
        until("something is recorded", lambda: os.path.exists(path) and os.path.getsize(path) > 300 or
              not process.running(), 30)
        time.sleep(SECONDS)
        assert process.running(), f"the player has ended: {process.err[-200:]}"
        process.end()
    return record


def old_flv(content):
    return set(content.values()) <= {"h264", "aac"}


def from_rtmp(server, content):
    if old_flv(content):
        return content, by_ffmpeg(server.url("cam"))
    return content, by_element(f"rtmppullsrc location={server.url('cam')}", content)


def from_flv(server, content):
    if old_flv(content):
        return content, by_ffmpeg(server.flv("cam"))
    return content, by_element(f"souphttpsrc location={server.flv('cam')} is-live=true", content)


def in_ts(content):
    """What MPEG-TS carries of it; AV1 and VP8 have no place there."""
    return {kind: codec for kind, codec in content.items() if codec in ("h264", "hevc", "aac", "opus")}


def from_hls(server, content):
    # Browsers play no H.265 of MPEG-TS: only the low-latency container has it.
    wanted = {kind: "aac" if kind == "audio" else codec for kind, codec in in_ts(content).items()
              if codec != "hevc"}
    if not wanted:
        raise Skip("HLS of MPEG-TS has no place for it")
    return wanted, by_ffmpeg(server.wait_for_hls("cam"), "-live_start_index", "-2")


def from_whep(server, content):
    wanted = {kind: "opus" if kind == "audio" else codec for kind, codec in content.items()}
    if wanted.get("video") == "av1":
        raise Skip("GStreamer 1.22 has no depayloader of AV1; browsers play it")
    return wanted, by_element(f"rtcpullsrc location={server.http}/live/cam/whep interleave=false", wanted)


def from_srt(server, content):
    wanted = in_ts(content)
    if not wanted:
        raise Skip("MPEG-TS has no place for it")
    return wanted, by_ffmpeg(f"{server.srt[1]}?streamid=read:live/cam")


def from_rtsp(server, content):
    if content.get("video") == "av1":
        raise Skip("ffmpeg 5.1 has no RTP of AV1")
    return content, by_ffmpeg(f"{server.rtsp[1]}/cam", "-rtsp_transport", "tcp")


# Each gives the codecs that are to come, and what records them.
OUTPUTS = {"RTMP": from_rtmp, "HTTP-FLV": from_flv, "HLS": from_hls, "WHEP": from_whep, "SRT": from_srt,
           "RTSP": from_rtsp}


def record(server, content, output):
    """What stands in the cell."""
    folder = tempfile.mkdtemp(dir=rig.FOLDER)
    path = os.path.join(folder, "out.mkv")
    wanted, record_to = OUTPUTS[output](server, judging.codecs_of(content))
    record_to(path)
    encoded, said = judging.judge(path, content, wanted, output == "WHEP")
    # What was made is what the output was expected to need, and nothing else.
    assert judging.codecs(path) == wanted, f"{judging.codecs(path)} in place of {wanted}"
    lacks = [f"no {judging.CONTENTS[content][0]}"] if "video" in judging.codecs_of(content) and \
        "video" not in wanted else []
    return ", ".join([f"encoded ({', '.join(encoded)})" if encoded else "copied", *lacks, *said])


class Row:
    """A content over an ingest: its cells, or why there are none."""

    def __init__(self, content, ingest):
        self.content, self.ingest, self.cells, self.failed = content, ingest, {}, False

    def run(self):
        said, failure, logs = rig.attempt(self.perform)
        if failure and not self.failed:
            self.cells = {name: ("–" if isinstance(failure, Skip) else "**failed**", str(failure))
                          for name in OUTPUTS}
        self.failed = any(mark == "**failed**" for mark, _ in self.cells.values())
        print(f"{self.content} over {self.ingest}: " +
              "; ".join(f"{name} {mark} {note}".strip() for name, (mark, note) in self.cells.items()),
              flush=True)
        if self.failed:
            print(logs[-8000:], file=sys.stderr, flush=True)

    def perform(self):
        file = judging.make(self.content)
        with Server(expected=(r"^warning: ",)) as server:
            publisher = INGESTS[self.ingest](server, self.content, file)
            until("it is live", lambda: "live/cam" in server.streams() or not publisher.running())
            assert publisher.running(), f"the publisher has ended: {publisher.err[-200:]}"
            for name in OUTPUTS:
                # In this thread: whatever it starts is ended with the row.
                try:
                    self.cells[name] = (record(server, self.content, name), "")
                except Skip as skipped:
                    self.cells[name] = ("–", str(skipped))
                except AssertionError as failure:
                    self.cells[name] = ("**failed**", " ".join(str(failure).split())[:200])
                    self.failed = True
            if self.failed:
                raise AssertionError("; ".join(note for mark, note in self.cells.values() if note))
        return ()


def write(rows):
    notes = []

    def cell(mark, note):
        if not note:
            return mark
        if note not in notes:
            notes.append(note)
        return f"{mark} [{notes.index(note) + 1}](#notes)"
    out = [HEAD.format(date=datetime.date.today().isoformat()).rstrip(), ""]
    out.append("| content | in | " + " | ".join(OUTPUTS) + " |")
    out.append("|" + "---|" * (len(OUTPUTS) + 2))
    for row in rows:
        out.append(f"| {row.content} | {row.ingest} | " +
                   " | ".join(cell(*row.cells[name]) for name in OUTPUTS) + " |")
    out.append("\n## Notes\n")
    out += [f"{number}. {note}" for number, note in enumerate(notes, 1)] or ["None."]
    return "\n".join(out) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--docs", help="the file to write")
    parser.add_argument("--only", nargs="+", default=[], help="words of rows")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    rig.need("ffmpeg", "gst-launch-1.0")
    rig.end_when_told()
    rows = [Row(content, ingest) for content in judging.CONTENTS for ingest in INGESTS
            if not options.only or any(word.lower() in f"{content} over {ingest}".lower()
                                       for word in options.only)]
    with tempfile.TemporaryDirectory(prefix="penstock-conversion-") as rig.FOLDER, \
            concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        list(pool.map(Row.run, rows))
    text = write(rows)
    if options.docs:
        with open(options.docs, "w", encoding="utf-8") as file:
            file.write(text)
    else:
        print(text)
    sys.exit(any(row.failed for row in rows))


if __name__ == "__main__":
    main()
