#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Publishers that deviate from specifications: each is watched over RTMP, HTTP-FLV and HLS, and
everything decodes. docs/publishers.md has the list."""

import os
import re
import socket
import struct
import tempfile
import threading
import time
import urllib.error
import urllib.request

import rig
from rig import Server, until

SECONDS = 50  # that a publisher could send; all stop when everything is seen
WATCHED = 4  # that a viewer plays
AUDIO, VIDEO, DATA = 8, 9, 18


# --- FLV ----------------------------------------------------------------------------------

class Tag:
    """A tag with its sending time (ms) and message stream."""

    def __init__(self, kind, timestamp, body, due=None, stream=1):
        self.kind, self.timestamp, self.body = kind, timestamp, body
        self.due = timestamp if due is None else due
        self.stream = stream

    @property
    def config(self):
        return self.kind != DATA and self.body[1] == 0

    @property
    def frame(self):
        return self.kind != DATA and self.body[1] == 1

    def but(self, **changes):
        tag = Tag(self.kind, self.timestamp, self.body, self.due, self.stream)
        for name, value in changes.items():
            setattr(tag, name, value)
        return tag


def read_flv(path):
    with open(path, "rb") as file:
        data = file.read()
    at, tags = 13, []
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1:at + 4], "big")
        timestamp = int.from_bytes(data[at + 4:at + 7], "big") | data[at + 7] << 24
        tags.append(Tag(data[at], timestamp, data[at + 11:at + 11 + size]))
        at += 15 + size
    return tags


def units(tag):
    at = 5
    while at < len(tag.body):
        size = int.from_bytes(tag.body[at:at + 4], "big")
        yield tag.body[at + 4:at + 4 + size]
        at += 4 + size


def lengths(parts):
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def sets_of(record):
    """SPS and PPS of an AVC configuration record with one of each."""
    size = int.from_bytes(record[6:8], "big")
    pps = int.from_bytes(record[9 + size:11 + size], "big")
    return record[8:8 + size], record[11 + size:11 + size + pps]


def adts(body, asc):
    """The frame of an AAC tag with an ADTS header."""
    size = len(body) - 2 + 7
    bits = int.from_bytes(asc[:2], "big")
    rate, channels = bits >> 7 & 15, bits >> 3 & 15
    return body[:2] + bytes([0xFF, 0xF1, 0x40 | rate << 2 | channels >> 2,
                             (channels & 3) << 6 | size >> 11, size >> 3 & 255,
                             (size & 7) << 5 | 31, 0xFC]) + body[2:]


# --- oddities: from the tags of a healthy file to those of an odd publisher ----------------

def per_tag(change):
    """A case that replaces each tag, or drops it if `change` returns None."""
    return lambda tags: [new for new in map(change, tags) if new]


def frames_of(kind, change):
    """A case that changes the body of each frame of that kind."""
    return per_tag(lambda tag: tag.but(body=change(tag.body)) if tag.frame and tag.kind == kind
                   else tag)


def shifted(kind, milliseconds):
    return per_tag(lambda tag: tag.but(timestamp=tag.timestamp + milliseconds)
                   if tag.kind == kind else tag)


def rewritten(write):
    """A case that frames the NAL units of each picture anew."""
    return per_tag(lambda tag: tag.but(body=tag.body[:5] + write(list(units(tag))))
                   if tag.frame and tag.kind == VIDEO else tag)


def late(tags):
    """Video that is delivered three seconds late, with the right timestamps."""
    return sorted((tag.but(due=tag.due + 3000) if tag.kind == VIDEO else tag for tag in tags),
                  key=lambda tag: tag.due)


def with_sets(tags, keep_config, write):
    """Parameter sets before each IDR frame, optionally without a configuration."""
    sets = None
    for tag in tags:
        if tag.kind == VIDEO and tag.config:
            sets = list(sets_of(tag.body[5:]))
            if keep_config is not None:
                yield tag.but(body=tag.body[:5] + keep_config)
        elif tag.kind == VIDEO and tag.frame and tag.body[0] >> 4 == 1:
            yield tag.but(body=tag.body[:5] + write(sets + list(units(tag))))
        elif tag.kind == VIDEO and tag.frame:
            yield tag.but(body=tag.body[:5] + write(list(units(tag))))
        else:
            yield tag


def codes(parts, size=4):
    return b"".join(bytes(size - 1) + b"\1" + part for part in parts)


def unit_per_tag(tags):
    """Each NAL unit in a tag of its own, without a configuration."""
    for tag in with_sets(tags, None, lengths):
        if tag.kind == VIDEO and tag.frame:
            for unit in units(tag):
                yield tag.but(body=tag.body[:5] + lengths([unit]))
        else:
            yield tag


def in_adts(tags, keep_config):
    asc = None
    for tag in tags:
        if tag.kind == AUDIO and tag.config:
            asc = tag.body[2:]
            if keep_config:
                yield tag
        elif tag.kind == AUDIO:
            yield tag.but(body=adts(tag.body, asc))
        else:
            yield tag


def big_metadata(tags):
    text = b"\2\0\12onMetaData\3\0\3xmp\x0c" + struct.pack(">I", 70000) + b"x" * 70000 + b"\0\0\x09"
    return [Tag(DATA, 0, text)] + tags


START_CODES, TRAILING, EMPTY = "start codes", "behind their last NAL unit", "empty NAL units"
FLAGS, SETS, ADTS = "keyframe flags", "parameter sets in the frames", "ADTS headers: taken off"

# name: (the oddity, the log's words about it; empty if the server does not consider it odd)
CASES = {
    "healthy": (list, []),
    "skew": (shifted(AUDIO, 3000), []),
    "skew-back": (shifted(VIDEO, 20_000), []),
    "late": (late, []),
    "stream0": (per_tag(lambda tag: tag.but(stream=0)), []),
    "bigchunk": (list, []),
    "bigmeta": (big_metadata, ["left out metadata of 70"]),
    "allkey": (frames_of(VIDEO, lambda body: b"\x17" + body[1:]), [FLAGS]),
    "nokey": (frames_of(VIDEO, lambda body: b"\x27" + body[1:]), [FLAGS]),
    "annexb": (rewritten(codes), [START_CODES]),
    "annexb3": (lambda tags: with_sets(tags, None, lambda parts: codes(parts, 3)),
                [START_CODES, SETS]),
    "trail": (frames_of(VIDEO, lambda body: body + b"\0"), [TRAILING]),
    "cut": (frames_of(VIDEO, lambda body: body + b"\0\0\1\0" + bytes(9)), [TRAILING]),
    "zero": (rewritten(lambda parts: bytes(4) + lengths(parts)), [EMPTY]),
    "inband": (lambda tags: with_sets(tags, None, lengths), [SETS]),
    "garbage": (lambda tags: with_sets(tags, b"\1\x64\0\x1f\xff\xe1\xff\xff\x67", lengths),
                ["configuration left out", SETS]),
    "unit-per-tag": (unit_per_tag, ["without a picture", SETS]),
    "adts": (lambda tags: in_adts(tags, True), [ADTS]),
    "adts-bare": (lambda tags: in_adts(tags, False), [ADTS, "configuration made of ADTS"]),
}


# --- RTMP ---------------------------------------------------------------------------------

def amf(*values):
    out = b""
    for value in values:
        if isinstance(value, str):
            out += b"\2" + struct.pack(">H", len(value)) + value.encode()
        elif isinstance(value, dict):
            pairs = (struct.pack(">H", len(key)) + key.encode() + amf(v)
                     for key, v in value.items())
            out += b"\3" + b"".join(pairs) + b"\0\0\x09"
        else:
            out += b"\5" if value is None else b"\0" + struct.pack(">d", value)
    return out


class Publisher(threading.Thread):
    """Sends tags over RTMP unchanged, each when it is due. `accepted` is set on acceptance; sending
    starts with `go` and ends with `stop`."""

    def __init__(self, server, name, tags, go, stop, chunk_size=4096):
        super().__init__(daemon=True)
        host, port = re.match(r"rtmp://([\d.]+):(\d+)", server.rtmp).groups()
        self.address, self.stream, self.tags, self.size = (host, int(port)), name, tags, chunk_size
        self.go, self.stop, self.accepted, self.error = go, stop, threading.Event(), None

    def message(self, chunk_stream, kind, timestamp, stream, body, size):
        extended = struct.pack(">I", timestamp) if timestamp >= 0xFFFFFF else b""
        head = (bytes([chunk_stream]) + min(timestamp, 0xFFFFFF).to_bytes(3, "big") +
                len(body).to_bytes(3, "big") + bytes([kind]) + struct.pack("<I", stream) + extended)
        parts = [body[at:at + size] for at in range(0, len(body), size)] or [b""]
        self.socket.sendall(head + (bytes([0xC0 | chunk_stream]) + extended).join(parts))

    def until_heard(self, text):
        heard = b""
        while text not in heard:
            more = self.socket.recv(65536)
            assert more, f"{self.stream}: closed before {text}"
            heard += more

    def publish(self):
        self.socket = socket.create_connection(self.address, timeout=rig.PATIENCE)
        self.socket.sendall(b"\3" + bytes(1536))
        answer = b""
        while len(answer) < 1 + 2 * 1536:
            answer += self.socket.recv(65536)
        self.socket.sendall(answer[1:1537])
        self.message(3, 20, 0, 0, amf("connect", 1, {"app": "live"}), 128)
        self.until_heard(b"Connect.Success")
        self.message(2, 1, 0, 0, struct.pack(">I", self.size), 128)
        self.message(3, 20, 0, 0, amf("createStream", 2, None), self.size)
        self.message(3, 20, 0, 1, amf("publish", 3, None, self.stream, "live"), self.size)
        self.until_heard(b"Publish.Start")
        self.accepted.set()
        self.go.wait(rig.PATIENCE)
        began = time.monotonic()
        for tag in self.tags:
            if self.stop.wait(max(0, began + tag.due / 1000 - time.monotonic())):  # in real time
                return
            prefix = amf("@setDataFrame") if tag.kind == DATA else b""
            self.message({AUDIO: 4, VIDEO: 6, DATA: 5}[tag.kind], tag.kind, tag.timestamp,
                         tag.stream, prefix + tag.body, self.size)

    def run(self):
        try:
            self.publish()
        except Exception as error:  # whatever it is, the check reports it
            self.error = error
            self.accepted.set()


# --- viewers ------------------------------------------------------------------------------

class Viewer:
    """ffprobe decodes some seconds of a URL or file."""

    def __init__(self, url, seconds=None):
        self.url = url
        limit = ("-read_intervals", f"%+{seconds}") if seconds else ()
        self.process = rig.Process("ffprobe", "-v", "error", *limit, "-show_frames",
                                   "-show_entries", "frame=media_type,pkt_dts_time,pict_type",
                                   "-of", "csv=p=0", url)

    def check(self):
        """The decoding times of both tracks; the first video frame is a keyframe, and nothing is
        broken."""
        code = self.process.wait()
        assert code == 0, f"{self.url}: exit {code}: {self.process.err[-300:]}"
        assert not self.process.err.strip(), f"{self.url}: {self.process.err[:300]}"
        rows = [line.split(",") for line in self.process.out.split() if line]
        times = {kind: [float(row[1]) for row in rows if row[0] == kind and row[1] != "N/A"]
                 for kind in ("video", "audio")}
        pictures = [row[2] for row in rows if row[0] == "video"]
        assert len(times["video"]) > 20, f"{self.url}: {len(times['video'])} video frames"
        assert len(times["audio"]) > 20, f"{self.url}: {len(times['audio'])} audio frames"
        assert pictures[0] == "I", f"{self.url}: begins with {pictures[0]}"
        return times


def spans(times, url):
    for kind, found in times.items():
        steps = [b - a for a, b in zip(found, found[1:])]
        assert min(steps) >= 0, f"{url}: {kind} goes back"
        assert max(steps) < 0.2, f"{url}: a step of {max(steps):.3f} s in {kind}"


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read()


def segments(server, name):
    """The playlist's durations and text, and its second segment as a file."""
    text = get(server.hls(name)).decode()
    names = re.findall(r"^[^#].*\.ts$", text, re.M)
    assert len(names) >= 3, f"{name}: {len(names)} segments"
    path = os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), "second.ts")
    with open(path, "wb") as file:
        file.write(get(server.hls(name).rsplit("/", 1)[0] + "/" + names[1]))
    return [float(x) for x in re.findall(r"#EXTINF:([\d.]+)", text)], text, path


def base():
    """A healthy publisher's tags, a keyframe each second."""
    path = os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), "base.flv")
    rig.run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=25",
            "-f", "lavfi", "-i", "sine=r=44100", "-t", SECONDS, "-c:v", "libx264", "-preset",
            "ultrafast", "-pix_fmt", "yuv420p", "-bf", "0", "-g", "25", "-keyint_min", "25",
            "-sc_threshold", "0", "-c:a", "aac", path)
    return read_flv(path)


def every_case():
    """each oddity over RTMP, HTTP-FLV and HLS"""
    tags = base()
    noted = {note for _, notes in CASES.values() for note in notes}
    go, stop = threading.Event(), threading.Event()
    with Server("segment=1s", expected=[re.escape(note) for note in noted]) as server:
        publishers = [Publisher(server, name, list(case(list(tags))), go, stop,
                                1 << 27 if name == "bigchunk" else 4096)
                      for name, (case, _) in CASES.items()]
        for publisher in publishers:
            publisher.start()
        for publisher in publishers:
            assert publisher.accepted.wait(rig.PATIENCE) and not publisher.error, \
                f"{publisher.stream}: {publisher.error!r}"
        go.set()
        began = time.monotonic()
        wrong = []
        # By then the late video has arrived as well.
        until("two GOPs have gone by", lambda: time.monotonic() > began + 5.2)
        viewers = {(name, way): Viewer(url(name), WATCHED) for name in CASES
                   for way, url in (("rtmp", server.url), ("http", server.flv))}
        for name, (_, notes) in CASES.items():
            try:
                for way in ("rtmp", "http"):
                    viewer = viewers[name, way]
                    spans(viewer.check(), viewer.url)
                if name == "late":
                    # Video comes 3 s late and keeps that delay: segments without video are followed
                    # by as many without audio. The next six have both.
                    until("both are in the list", lambda: time.monotonic() > began + 14)
                check_hls(server, name, began)
                for note in notes:
                    assert note in server.log, f"the log does not say '{note}'"
            except (AssertionError, OSError) as error:
                wrong.append(f"{name}: {error}")
        stop.set()
        for publisher in publishers:
            publisher.join(rig.PATIENCE)
            if publisher.error:
                wrong.append(f"{publisher.stream}: {publisher.error!r}")
        assert not wrong, "\n".join(wrong)
        yield f"{len(CASES)} publishers"


def check_hls(server, name, began):
    """Segments have the right length and number for the elapsed time; the second one decodes."""
    durations, text, path = segments(server, name)
    number = int(re.search(r"#EXT-X-MEDIA-SEQUENCE:(\d+)", text)[1]) + len(durations)
    elapsed = time.monotonic() - began
    # A program without video ends where late video begins.
    assert "#EXT-X-DISCONTINUITY\n" not in text or name == "late", text
    assert all(0.9 < x < 1.3 for x in durations), durations
    assert number < elapsed + 1, f"{number} segments in {elapsed:.1f} s"
    spans(Viewer(path).check(), path)


def is_served(url):
    """Whether there is a stream at this URL."""
    try:
        with urllib.request.urlopen(url, timeout=rig.PATIENCE) as answer:
            return answer.status == 200
    except urllib.error.HTTPError:
        return False


def slow_frames():
    """frames that are 5 and 12 s apart stay so"""
    tags = [tag for tag in base() if tag.kind == VIDEO]
    config = next(tag for tag in tags if tag.config)
    key = next(tag for tag in tags if tag.frame)
    sent = [config] + [key.but(timestamp=at, due=at) for at in (0, 5000, 17_000, 17_100)]
    go, stop = threading.Event(), threading.Event()
    with Server() as server:
        publisher = Publisher(server, "slow", sent, go, stop)
        publisher.start()
        go.set()
        until("it is served", lambda: is_served(server.flv("slow")))
        found = []
        with urllib.request.urlopen(server.flv("slow"), timeout=rig.PATIENCE) as answer:
            answer.read(13)
            while len(found) < 4:
                head = answer.read(11)
                body = answer.read(int.from_bytes(head[1:4], "big") + 4)
                if head[0] == VIDEO and body[1] == 1:
                    found.append(int.from_bytes(head[4:7], "big"))
        assert found == [0, 5000, 17_000, 17_100], found
        yield f"{found}"
        until("two segments are listed", lambda: is_served(server.hls("slow")) and
              get(server.hls("slow")).count(b"#EXTINF") >= 2)
        text = get(server.hls("slow")).decode()
        durations = [float(x) for x in re.findall(r"#EXTINF:([\d.]+)", text)]
        # The target duration never changes: the frame that lasts longer is cut off by the list.
        assert durations[0] == 5 and max(durations) <= 5.5, text
        assert "#EXT-X-DISCONTINUITY\n" not in text, text
        yield f"segments of {durations} s"


def other_audio():
    """MP3, G.711 and Speex in HLS: MP3 as it is, also alone, others as AAC"""
    kinds = {"mp3": ("libmp3lame", "mp3"), "alaw": ("pcm_alaw -ar 8000 -ac 1", "aac"),
             "mulaw": ("pcm_mulaw -ar 8000 -ac 1", "aac"),
             "speex": ("libspeex -ar 16000 -ac 1", "aac"), "alone": ("libmp3lame", "mp3")}
    picture = ("-f lavfi -i testsrc2=s=320x180:r=25 -c:v libx264 -preset ultrafast -pix_fmt yuv420p "
               "-g 25 -map 1:v")
    with Server("segment=1s") as server:
        for name, (encoder, _) in kinds.items():
            rig.Process("ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i",
                        "sine=r=44100", *(() if name == "alone" else picture.split()), "-map", "0:a",
                        "-c:a", *encoder.split(), "-f", "flv", server.url(name))
        for name, (_, codec) in kinds.items():
            server.wait_for_hls(name, 3)
            out, err = rig.run("ffprobe", "-v", "error", "-read_intervals", "%+2", "-count_frames",
                               "-show_entries", "stream=codec_name,nb_read_frames", "-of",
                               "csv=p=0", server.hls(name))
            frames = {found: int(count) for found, count in
                      re.findall(r"^(\w+),(\d+)", out, re.M)}
            assert set(frames) == {codec} | ({"h264"} if name != "alone" else set()), (name, out)
            assert min(frames.values()) > 10 and not err, f"{name}: {frames} {err}"
            yield f"{name}: {frames}"


if __name__ == "__main__":
    rig.need("ffmpeg", "ffprobe")
    rig.main([every_case, slow_frames, other_audio], jobs=2)
