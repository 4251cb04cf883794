# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stream whose timestamps pass 0xFFFFFF ms, 4.66 hours, from where RTMP chunks have extended
timestamps; and whether what a client plays or sends of it goes on there."""

import json
import os
import re
import tempfile
import threading
import urllib.request

import odd_publishers
import packets
import rig
from fault_proxy import FaultProxy
from rig import Process, Server, generated, until

MARK = 0xFFFFFF / 1000  # seconds


class Aged:
    """A server with the stream live/aged, whose timestamps pass 0xFFFFFF ms some seconds after
    `start()`. Steps of up to ten seconds are progress: 1,700 keyframes in a moment make the stream
    old, then a file follows in real time."""

    STEP = 9_900

    def __init__(self, before=8):
        self.before = before  # seconds from the first real frame to the mark

    def __enter__(self):
        self.server = Server(expected=["jumps ", "discontinuity", "Odd"]).__enter__()
        path = os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), "source.flv")
        rig.run("ffmpeg", "-nostdin", "-v", "error", "-stream_loop", "12", "-i", generated(), "-c",
                "copy", path)
        tags = odd_publishers.read_flv(path)
        first = next(i for i, tag in enumerate(tags) if tag.frame)
        heads, frames = tags[:first], tags[first:]
        key = next(tag for tag in frames if tag.kind == odd_publishers.VIDEO)
        sound = next(tag for tag in frames if tag.kind == odd_publishers.AUDIO)
        begin = int(MARK * 1000) - self.before * 1000
        old = [each.but(timestamp=at, due=0) for at in range(begin % self.STEP, begin - 1000, self.STEP)
               for each in (key, sound)]
        young = [tag.but(timestamp=tag.timestamp + begin, due=tag.timestamp + 2000) for tag in frames]
        self.stop = threading.Event()
        go = threading.Event()
        go.set()
        self.publisher = odd_publishers.Publisher(
            self.server, "aged", heads + old + young, go, self.stop, chunk_size=65536)
        self.publisher.start()
        until("aged is live", lambda: "live/aged" in self.server.streams())
        until("it is old", lambda: first_time(self.url) > begin / 1000 - 10)
        return self

    def __exit__(self, *failure):
        self.stop.set()
        self.publisher.join()
        return self.server.__exit__(*failure)

    @property
    def url(self):
        return self.server.url("aged")


def first_time(url):
    """Seconds: where a player begins."""
    process = Process("ffprobe", "-v", "error", "-read_intervals", "%+#1", "-show_entries",
                      "packet=dts_time", "-of", "csv=p=0", url)
    process.wait()
    found = re.search(r"[\d.]+", process.out)
    return float(found[0]) if found else 0


def passes_mark(url):
    """ffmpeg plays `url`, and its times go up past the mark without a step."""
    path = os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), "seen.txt")
    player = Process("ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", url, "-c", "copy",
                     "-flush_packets", "1", "-f", "framemd5", path)

    def times():
        if not os.path.exists(path):
            return {}
        with open(path, encoding="utf-8") as file:
            text = file.read()
        bases = {i: int(n) / int(d) for i, n, d in re.findall(r"#tb (\d+): (\d+)/(\d+)", text)}
        return {i: [int(t) * base for t in re.findall(rf"(?m)^{i}, +(-?\d+),.*\n", text)]
                for i, base in bases.items()}
    until("it is past the mark", lambda: min((t[-1] for t in times().values() if t), default=0) >
          MARK + 3 or not player.running())
    assert player.running(), f"ffmpeg has ended: {player.err[-200:]}"
    player.kill()
    assert not player.err, player.err[-200:]
    for index, list_ in times().items():
        goes_past(list_, f"track {index}")
    return f"to {list_[-1]:.1f} s"


def goes_past(times, what):
    """Times in seconds go up past the mark without a step."""
    assert times and times[0] < MARK < times[-1], f"{what}: {times[:1]} to {times[-1:]} s"
    steps = [b - a for a, b in zip(times, times[1:]) if b > MARK - 4]
    assert min(steps) >= 0 and max(steps) < 0.2, f"{what}: steps of {min(steps)} to {max(steps)} s"


def relays_past_mark(start):
    """The client publishes live/again from what it plays of live/aged: start(source, target). What
    it sends is read on the way; the server's own time begins with each publisher."""
    with Aged(before=20) as aged, FaultProxy(int(aged.server.rtmp.split(":")[2].split("/")[0])) as line:
        line.recorded = {}
        target = aged.server.url("again").replace(aged.server.rtmp.split("/")[2],
                                                  f"127.0.0.1:{line.port}")
        start(aged.url, target)
        until("it is live again", lambda: "live/again" in aged.server.streams())
        yield "plays: " + no_step(aged.server.url("again"))

        def sent(kind):
            return [at / 1000 for each in list(line.recorded.values())
                    for found, at in messages(bytes(each)) if found == kind]
        until("the mark is passed", lambda: min((sent(kind) or [0])[-1] for kind in (8, 9)) > MARK + 2)
        for kind, name in ((8, "audio"), (9, "video")):
            times = sent(kind)[2:]  # configuration and what was played at once
            goes_past(times, f"sent {name}")
        yield f"sent to {times[-1]:.1f} s"


def no_step(url):
    got = packets.Player(url, "-t", "22").finish()
    packets.rising(got)
    for kind, list_ in got.items():
        steps = [b.dts - a.dts for a, b in zip(list_, list_[1:])]
        assert max(steps) < 0.2, f"{kind}: a step of {max(steps):.3f} s"
    return f"{len(got['video'])} frames without a step"


def messages(data):
    """(type, timestamp) of the messages that a client sends, the last one perhaps incomplete."""
    at, size, streams = 1 + 2 * 1536, 128, {}
    while at < len(data):
        form, identity = data[at] >> 6, data[at] & 63
        at += 1
        if identity < 2:
            at += identity + 1  # one or two bytes more: the number itself does not matter here
            identity = int.from_bytes(data[at - identity - 1:at], "little") + 64
        head = (11, 7, 3, 0)[form]
        stream = streams.setdefault(identity, {"length": 0, "type": 0, "left": 0, "time": 0,
                                               "delta": 0, "extended": False, "body": b""})
        fields = data[at:at + head]
        at += head
        if len(fields) < head:
            return
        if form < 3:
            stream["extended"] = fields[:3] == b"\xff\xff\xff"
        field = int.from_bytes(fields[:3], "big")
        if stream["extended"]:
            field = int.from_bytes(data[at:at + 4], "big")
            at += 4
        if form < 2:
            stream["length"], stream["type"] = int.from_bytes(fields[3:6], "big"), fields[6]
        if not stream["left"]:
            if form == 0:
                stream["time"] = stream["delta"] = field
            elif form < 3:
                stream["delta"] = field
            if form:  # librtmp goes back by steps that wrap
                stream["time"] = (stream["time"] + stream["delta"]) & 0xFFFFFFFF
            stream["left"], stream["body"] = stream["length"], b""
            yield stream["type"], stream["time"]
        taken = min(stream["left"], size)
        if stream["type"] == 1:
            stream["body"] += data[at:at + taken]
            if taken == stream["left"] and len(stream["body"]) == 4:
                size = int.from_bytes(stream["body"], "big")
        stream["left"] -= taken
        at += taken


def file_passes_mark(path):
    """The tags of an FLV file go up past the mark."""
    tags = odd_publishers.read_flv(path)
    for kind in (odd_publishers.VIDEO, odd_publishers.AUDIO):
        times = [tag.timestamp / 1000 for tag in tags if tag.frame and tag.kind == kind]
        goes_past(times, f"tags of type {kind}")
    return f"to {times[-1]:.1f} s"


def old(play):
    """play(url) plays over the mark."""
    def cell():
        with Aged() as aged:
            yield play(aged.url)
            with urllib.request.urlopen(aged.server.http + "/streams.json", timeout=10) as answer:
                assert json.load(answer)["streams"], "the stream is gone"
    return cell
