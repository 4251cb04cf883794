#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The join policies from the view of players, over RTMP and HTTP-FLV: ffmpeg shows which packets
arrive and when; mpv how far the video is behind the live edge, and whether the audio is in sync.
Four players, one per policy, join at the same moment within a GOP of two seconds. With
PENSTOCK_SCREENSHOTS=FOLDER mpv has windows on a private display and saves screenshots: the clock in
the frame is the time since the publisher started, the file name contains the time at the live
edge."""

import collections
import contextlib
import hashlib
import os
import re
import socket
import sys
import tempfile
import threading
import time
import urllib.request

import packets
import rig
from mpv import Mpv
from obs import display
from rig import Process, Server, until

POLICIES = ("burst", "fast-forward", "keyframe", "live")
FRAME = 0.04        # seconds
DEPTH = 1.0         # seconds of a GOP that have gone by when somebody joins
SCREENSHOTS = os.environ.get("PENSTOCK_SCREENSHOTS")

Seen = collections.namedtuple("Seen", "at dts pts key hash")  # at: seconds of this process's clock


def clock():
    """A minute and a half of a clock, with B-frames and a tone, in GOPs of two seconds."""
    path = os.path.join(rig.FOLDER, "clock.mp4")
    if os.path.exists(path):
        return path
    rig.run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
            "testsrc2=size=640x360:rate=25:duration=90,drawtext=font=DejaVu Sans Mono:"
            "text='%{pts\\:hms}':fontsize=72:fontcolor=white:box=1:boxcolor=black:boxborderw=12:"
            "x=(w-tw)/2:y=(h-th)/2", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:"
            "duration=90", "-c:v", "libx264", "-preset", "superfast", "-bf", "2", "-b_strategy",
            "0", "-g", "50", "-sc_threshold", "0", "-b:v", "800k", "-pix_fmt", "yuv420p", "-c:a",
            "aac", path)
    return path


def description(folder):
    """The description of a relay that serves each stream once per policy and protocol."""
    lines = ["summary: What the join policies are tried with", "parameters:",
             '  rtmp: {type: address, default: ":1935"}', '  http: {type: address, default: ":8080"}',
             "page: ${http}", "publish:", "  - match: rtmp://${rtmp}/live/{name}", "    pipeline: |",
             "      rtmpserversrc location=rtmp://${rtmp}/live/${name} ! goptee name=gop"]
    for policy in POLICIES:
        lines += [f"      gop. ! rtmpserversink join={policy} "
                  f"location=rtmp://${{rtmp}}/live/${{name}}_{policy}",
                  f"      gop. ! httpserversink join={policy} "
                  f"location=http://${{http}}/live/${{name}}_{policy}.flv"]
    path = os.path.join(folder, "joins.yaml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


class Witness:
    """A viewer that joined earlier: the packets with their arrival times."""

    def __init__(self, url):
        self.video, self.audio, self.error = [], [], None
        self.stream = urllib.request.urlopen(url, timeout=rig.PATIENCE)
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        try:
            self.stream.read(13)
            while len(head := self.stream.read(11)) == 11:
                body = self.stream.read(int.from_bytes(head[1:4], "big") + 4)[:-4]
                self.take(head[0], int.from_bytes(head[4:7], "big") | head[7] << 24, body)
        except (OSError, ValueError) as error:  # the server has ended, or this was closed
            self.error = error

    def take(self, kind, ms, body):
        now, dts = time.monotonic(), ms / 1000
        digest = lambda data: hashlib.md5(data).hexdigest()
        if kind == 9 and body[1] == 1:
            late = int.from_bytes(body[2:5], "big", signed=True) / 1000
            self.video.append(Seen(now, dts, dts + late, body[0] >> 4 == 1, digest(body[5:])))
        elif kind == 8 and body[1] == 1:
            self.audio.append(Seen(now, dts, dts, True, digest(body[2:])))

    def edge(self):
        """The newest picture's index."""
        return len(self.video) - 1

    def keyframe(self, index, step=-1):
        """The index of the keyframe before this picture, or (`step` 1) of the next."""
        while not self.video[index].key:
            index += step
        return index

    def index_of(self, digest):
        return next((i for i, seen in enumerate(self.video) if seen.hash == digest), None)


class Gate:
    """A port in front of the server for players that connect early: nothing passes until open() is
    called, then everything passes in both directions."""

    def __init__(self, port):
        self.port, self.opened, self.waiting = port, threading.Event(), 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, of):
        return re.sub(r":\d+/", f":{self.listener.getsockname()[1]}/", of, count=1)

    def accept(self):
        with contextlib.suppress(OSError):
            while True:
                client = self.listener.accept()[0]
                self.waiting += 1
                threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        self.opened.wait()
        with contextlib.suppress(OSError), client, \
                socket.create_connection(("127.0.0.1", self.port)) as server:
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            up = threading.Thread(target=self.pump, args=(client, server), daemon=True)
            up.start()
            self.pump(server, client)
            up.join()

    @staticmethod
    def pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(1 << 16):
                target.sendall(data)
        for one in (source, target):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class Copy(packets.Player):
    """ffmpeg, which records every packet with its time, whether it can be decoded or not."""

    def __init__(self, url):
        self.path = os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), "packets")
        self.process = Process("ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", url, "-map",
                               "0:v", "-map", "0:a", "-c", "copy", "-copyinkf", "-t", 30,
                               "-flush_packets", "1", "-f", "framemd5", self.path)


class Scene:
    """A server with a publisher, a witness, and players at a closed gate."""

    def __init__(self, server, protocol):
        self.server, self.protocol = server, protocol
        self.publisher = server.publish(clock(), "cam")
        until("it publishes", lambda: self.publisher.sent() > 1)
        self.witness = Witness(server.http + "/live/cam_burst.flv")
        port = int((server.rtmp if protocol == "rtmp" else server.http).split(":")[2].split("/")[0])
        self.gate = Gate(port)

    def url(self, policy):
        base = (f"{self.server.rtmp}/cam_{policy}" if self.protocol == "rtmp"
                else f"{self.server.http}/live/cam_{policy}.flv")
        return self.gate.url(base)

    def join(self):
        """Opens the gate a second into a GOP; returns the index of the newest frame at that
        time."""
        until("all have connected", lambda: self.gate.waiting >= len(POLICIES))
        seen = self.witness.video

        def amid():
            if len(seen) < 60:
                return False
            edge = self.witness.edge()
            age = seen[edge].dts - seen[self.witness.keyframe(edge)].dts
            return DEPTH <= age < DEPTH + 4 * FRAME
        until("a second of a GOP has gone by", amid)
        edge = self.witness.edge()
        self.gate.opened.set()
        return edge


@contextlib.contextmanager
def scene(protocol):
    folder = tempfile.mkdtemp(dir=rig.FOLDER)
    with Server(descriptions=(description(folder),)) as server:
        yield Scene(server, protocol)


def came(player, witness):
    """ffmpeg's packets: (indexes, times) of video frames, and times of audio, with the witness's
    numbers and less the difference of the clocks."""
    got = player.packets()
    packets.rising(got)
    indexes = [witness.index_of(packet.hash) for packet in got["video"]]
    assert None not in indexes, "a picture that nobody sent"
    first = indexes[0]
    assert indexes == list(range(first, first + len(indexes))), "pictures are missing, or twice"
    heard = {seen.hash: seen.dts for seen in witness.audio}
    apart = got["video"][-1].dts - witness.video[indexes[-1]].dts
    sound = [(packet.dts - apart, heard[packet.hash]) for packet in got["audio"]]
    for played, sent in sound:
        assert abs(played - sent) < 0.003, f"sound and picture are {played - sent:+.3f} s apart"
    return indexes, [packet.dts - apart for packet in got["video"]], [sent for _, sent in sound]


def structure(protocol):
    with scene(protocol) as at:
        players = {policy: Copy(at.url(policy)) for policy in POLICIES}
        edge = at.join()
        witness, video = at.witness, at.witness.video
        key = witness.keyframe(edge)
        until("three seconds pass", lambda: video[-1].dts > video[edge].dts + 3)
        after = witness.keyframe(edge + 1, 1)
        until("every player has some", lambda: all(
            player.seconds() > 1 for player in players.values()))
        until("and those of the next GOP", lambda: all(
            witness.index_of(player.packets()["video"][-1].hash) > after + 25
            for player in players.values()))
        for policy, player in players.items():
            indexes, times, sound = came(player, witness)
            first, began = indexes[0], video[edge].dts
            # The delay of each frame, compared with when it was sent.
            moved = [time - video[i].dts for i, time in zip(indexes, times)]
            folded = sum(abs(offset) > 0.003 for offset in moved)
            said = (f"{policy}: first picture {video[first].dts - began:+.2f} s from the live edge"
                    f"{', a keyframe' if video[first].key else ''}, sound "
                    f"{sound[0] - began:+.2f} s")
            if policy == "burst":
                assert first == key, said
                assert folded == 0, f"{folded} pictures are not at their time"
                assert abs(sound[0] - video[key].dts) < 0.1, said
            elif policy == "fast-forward":
                assert first == key, said
                assert folded >= 20, f"{folded} pictures are folded"
                steps = [b - a for a, b in zip(times[:folded], times[1:folded])]
                assert all(abs(step - 0.001) < 0.0005 for step in steps), steps
                assert times[0] > began - 0.001 * folded - FRAME / 2, said
                assert sound[0] > began - 0.1, said
                said += f", {folded} pictures within {(times[folded] - times[0]) * 1000:.0f} ms"
            elif policy == "keyframe":
                assert first == after, said
                assert folded == 0 and sound[0] > video[after].dts - 0.1, said
            else:
                assert edge < first < after and not video[first].key, said
                assert folded == 0 and began - 0.1 < sound[0] < began + 1, said
            yield said


def ffmpeg_http():
    """what ffmpeg gets over HTTP-FLV of each policy"""
    yield from structure("http")


def ffmpeg_rtmp():
    """what ffmpeg gets over RTMP of each policy"""
    yield from structure("rtmp")


def shifted(at):
    """The difference of this protocol's clock to the witness's."""
    gate = Gate(at.gate.port)
    gate.opened.set()
    player = Copy(re.sub(r":\d+/", f":{gate.listener.getsockname()[1]}/", at.url("burst"), count=1))
    first = until("a packet comes", lambda: player.packets()["video"])[0]
    player.process.kill()
    until("the witness has it", lambda: at.witness.index_of(first.hash) is not None)
    return first.dts - at.witness.video[at.witness.index_of(first.hash)].dts


def watched(protocol, *profile):
    """`profile`: options of mpv's. By default it analyses up to a second and a half of the stream
    before it shows anything, and stays behind by as much."""
    with scene(protocol) as at:
        witness, video = at.witness, at.witness.video
        shift = shifted(at)
        options, environment = ((), {}) if not SCREENSHOTS else (
            ("--vo=x11", "--geometry=640x360"), {"DISPLAY": display()})
        players = {policy: Mpv(at.url(policy), "--rebase-start-time=no", *profile,
                               *options, env=environment) for policy in POLICIES}
        edge = at.join()
        key, began = witness.keyframe(edge), video[edge].dts
        first = {}

        def shown():
            for policy, player in players.items():
                if policy not in first and player.get("video-out-params"):
                    position = player.get("time-pos")
                    if position:  # it says 0 before there is one
                        first[policy] = position - shift
            return len(first) == len(players)
        until("everybody shows a picture", shown)
        settled = max(video[-1].dts, video[witness.keyframe(edge + 1, 1)].dts) + 1.5
        until("they have settled", lambda: video[-1].dts > settled)
        behind, apart = ({policy: [] for policy in POLICIES} for _ in range(2))
        end = time.monotonic() + 4

        def measured():
            for policy, player in players.items():
                position = player.get("time-pos")
                behind[policy].append(video[-1].dts - (position - shift))
                apart[policy].append(abs(player.get("avsync")))
            return time.monotonic() > end
        until("four seconds pass", measured)
        if SCREENSHOTS:
            save_screenshots(players, witness, protocol + ("-short-look" if profile else ""))
        middle = {policy: sorted(list_)[len(list_) // 2] for policy, list_ in behind.items()}
        after = video[witness.keyframe(edge + 1, 1)].dts
        for policy, player in players.items():
            late = sorted(apart[policy])[len(apart[policy]) * 9 // 10]
            assert player.process.running(), "mpv is gone"
            assert player.get("audio-params"), "no sound is played"
            assert late < 0.25, f"{policy}: sound and picture are {late:.2f} s apart"
            yield (f"{policy}: first seen picture {first[policy] - began:+.2f} s from the live edge "
                   f"at the join, then {middle[policy]:.2f} s behind, A-V within {late * 1000:.0f} ms")
        depth = began - video[key].dts
        # The position is polled, so the first value may be a frame of the next GOP.
        assert video[key].dts - FRAME < first["burst"] < after, "burst does not begin with the GOP"
        assert began - 0.2 < first["fast-forward"] < after, "fast-forward is not at the edge"
        for policy in ("keyframe", "live"):
            assert first[policy] > after - FRAME, f"{policy} shows what is no whole picture"
        assert middle["burst"] > depth - 0.2, "burst is nearer than its GOP"
        assert middle["fast-forward"] < middle["burst"] - depth / 3, "fast-forward is no nearer"
        for policy in ("keyframe", "live") if profile else ():
            assert middle[policy] < middle["burst"] - depth / 3, f"{policy} is no nearer than burst"
        for player in players.values():
            player.process.end()


def save_screenshots(players, witness, name):
    os.makedirs(SCREENSHOTS, exist_ok=True)
    for policy, player in players.items():
        # A keyframe comes every two seconds; frames are counted from there.
        newest = witness.edge()
        key = witness.keyframe(newest)
        edge = round(witness.video[key].pts / 2) * 2 + (newest - key) * FRAME
        path = os.path.join(os.path.abspath(SCREENSHOTS), f"{name}-{policy}-edge-{edge:.2f}.png")
        player.command("screenshot-to-file", path, "video")


def mpv_http():
    """how far behind mpv is over HTTP-FLV with each policy"""
    yield from watched("http")


def mpv_rtmp():
    """how far behind mpv is over RTMP with each policy"""
    yield from watched("rtmp")


# Not --profile=low-latency, which drops the analysed data, including the keyframe.
SHORT_LOOK = ("--demuxer-lavf-analyzeduration=0.1",)


def mpv_short_look():
    """how far behind mpv is if it looks at a tenth of a second before it shows any"""
    for protocol in ("http", "rtmp"):
        yield protocol
        yield from watched(protocol, *SHORT_LOOK)


if __name__ == "__main__":
    rig.need("ffmpeg")
    if SCREENSHOTS:
        rig.need("Xvfb")
    if len(sys.argv) == 1 or any(name.startswith("mpv") for name in sys.argv[1:]):
        rig.need("mpv")
    rig.main([ffmpeg_http, ffmpeg_rtmp, mpv_http, mpv_rtmp, mpv_short_look])
