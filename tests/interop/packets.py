# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares a player's output with the published input: packets and their times."""

import collections
import json
import os
import re
import tempfile

import rig

Packet = collections.namedtuple("Packet", "dts pts hash key")  # times in seconds
KINDS = ("video", "audio")


def of_file(path):
    """{"video": [Packet…], "audio": […]} of a file, as far as it has them."""
    out, _ = rig.run("ffprobe", "-v", "error", "-show_packets", "-show_data_hash", "md5",
                     "-show_entries", "packet=codec_type,pts_time,dts_time,flags,data_hash", "-of",
                     "json", path)
    packets = collections.defaultdict(list)
    for field in json.loads(out).get("packets", []):
        if field.get("codec_type") in KINDS:
            dts = field.get("dts_time", field["pts_time"])  # Matroska has no DTS
            packets[field["codec_type"]].append(
                Packet(float(dts), float(field["pts_time"]),
                       field["data_hash"].split(":")[1].lower(), "K" in field["flags"]))
    return dict(packets)


def published(file, *options, seconds=40):
    """The packets that a publisher of a looped `file` sends within that time."""
    folder = tempfile.mkdtemp(dir=rig.FOLDER)
    path = os.path.join(folder, "reference.flv")
    rig.run("ffmpeg", "-nostdin", "-v", "error", "-stream_loop", "-1", "-i", file, "-c", "copy",
            *options, "-t", seconds, "-f", "flv", path)
    return of_file(path)


class Player:
    """ffmpeg playing `url`: it decodes everything and records each packet. `before`: options for
    the URL."""

    def __init__(self, url, *options, before=()):
        folder = tempfile.mkdtemp(dir=rig.FOLDER)
        self.path = os.path.join(folder, "packets")
        maps = ("-map", "0:v?", "-map", "0:a?")
        self.process = rig.Process(
            "ffmpeg", "-nostdin", "-v", "warning", *before, "-i", url, *maps, "-c", "copy", *options,
            "-flush_packets", "1", "-f", "framemd5", self.path, *maps, *options, "-f", "null", "-",
            env={"FFREPORT": f"file={self.path}.log:level=48"})

    def asked(self):
        """Whether the player has sent its play command."""
        path = self.path + ".log"
        return os.path.exists(path) and "Sending play command" in self.process.read(path)

    def packets(self):
        """The packets so far, by kind; empty before the first."""
        packets = collections.defaultdict(list)
        if not os.path.exists(self.path):
            return packets
        with open(self.path, encoding="utf-8") as file:
            text = file.read()
        bases = {i: int(n) / int(d) for i, n, d in re.findall(r"#tb (\d+): (\d+)/(\d+)", text)}
        kinds = dict(re.findall(r"#media_type (\d+): (\w+)", text))
        for index, dts, pts, digest in re.findall(
                r"(?m)^(\d+), +(-?\d+), +(-?\d+), +\d+, +\d+, ([0-9a-f]{32})\b.*\n", text):
            packets[kinds[index]].append(
                Packet(int(dts) * bases[index], int(pts) * bases[index], digest, None))
        return packets

    def seconds(self):
        """The duration of the received media: the shorter one of video and audio."""
        spans = [list_[-1].dts - list_[0].dts for list_ in self.packets().values()]
        return min(spans, default=0)

    def finish(self, complaints=()):
        """All packets, after the player has ended by itself without unexpected messages."""
        code = self.process.wait()
        assert code == 0, f"the player's exit code is {code}"
        self.check_silence(complaints)
        return self.packets()

    def check_silence(self, complaints=()):
        for line in self.process.err.splitlines():
            assert any(re.search(pattern, line) for pattern in complaints), \
                f"the player says: {line}"


def play(url, seconds=4, before=()):
    """Plays that many seconds; returns the packets."""
    packets = Player(url, "-t", seconds, before=before).finish()
    for kind, list_ in packets.items():
        span = list_[-1].dts - list_[0].dts
        assert span > seconds - 0.5, f"{kind}: {span:.2f} s of {seconds} s came"
    return packets


def decode(url, seconds=5, kinds=("video", "audio"), options=()):
    """ffmpeg decodes that many seconds without a message."""
    process = rig.Process("ffmpeg", "-nostdin", "-v", "error", *options, "-i", url, "-t", seconds,
                          "-map", "0:v?", "-map", "0:a?", "-f", "framecrc", "-")
    code = process.wait()
    assert code == 0 and not process.err, f"ffmpeg on {url}: exit {code}, says: {process.err}"
    text = process.out
    bases = {i: int(n) / int(d) for i, n, d in re.findall(r"#tb (\d+): (\d+)/(\d+)", text)}
    types = dict(re.findall(r"#media_type (\d+): (\w+)", text))
    assert sorted(types.values()) == sorted(kinds), f"ffmpeg on {url}: found {types}"
    for index, kind in types.items():
        times = [int(t) for t in re.findall(rf"(?m)^{index}, +-?\d+, +(-?\d+),", text)]
        span = (times[-1] - times[0]) * bases[index] if times else 0
        assert span > seconds - 0.5, f"{url}: {span:.2f} s of {kind} decoded, not {seconds}"


def rising(packets):
    """Decoding times increase, and nothing is displayed before it is decoded."""
    for kind, list_ in packets.items():
        for a, b in zip(list_, list_[1:]):
            assert b.dts > a.dts, f"{kind}: DTS {b.dts:.3f} after {a.dts:.3f}"
        for packet in list_:
            assert packet.pts >= packet.dts - 0.0005, f"{kind}: {packet} is late"


def same(packets, reference, offset_limit=0.05):
    """The played packets equal the published ones: they begin with a keyframe, none is missing,
    doubled or changed, each is at its time to 3 ms, and audio and video belong together. Returns a
    description."""
    rising(packets)
    assert sorted(packets) == sorted(reference), f"{sorted(packets)} for {sorted(reference)}"
    moved = {}  # the shift of each kind's times; footage repeats itself
    for kind, played in packets.items():
        sent = reference[kind]
        hashes = [p.hash for p in sent]
        wanted = [p.hash for p in played]
        starts = [i for i in range(len(sent) - len(played) + 1)
                  if hashes[i] == wanted[0] and hashes[i:i + len(wanted)] == wanted]
        assert starts, f"{kind}: {explain(wanted, hashes)}"
        assert kind == "audio" or sent[starts[0]].key, "video does not begin with a keyframe"
        moved[kind] = [played[0].dts - sent[i].dts for i in starts]
        for i, packet in enumerate(played):
            source = sent[starts[0] + i]
            for what in ("dts", "pts"):
                drift = getattr(packet, what) - getattr(source, what) - moved[kind][0]
                assert abs(drift) <= 0.003, \
                    f"{kind}: {what} of packet {i} is {drift * 1000:.1f} ms off"
    offset = 0.0
    if len(moved) == 2:
        offset = min((v - a for v in moved["video"] for a in moved["audio"]), key=abs)
        assert abs(offset) <= offset_limit, f"picture against sound is {offset * 1000:.0f} ms off"
    counts = ", ".join(f"{len(list_)} of {kind}" for kind, list_ in packets.items())
    return f"{counts}, picture to sound {offset * 1000:+.0f} ms"


def explain(wanted, sent):
    """Where a played sequence differs from the published one."""
    best = 0
    for start in (i for i, digest in enumerate(sent) if digest == wanted[0]):
        length = next((n for n, (a, b) in enumerate(zip(wanted, sent[start:])) if a != b),
                      len(wanted))
        best = max(best, length)
    return f"packet {best} of {len(wanted)} is not the one that was sent then"
