#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""failover.yaml: publishers are killed and stopped, and nobody who watches is disconnected or sees
time go back."""

import http.client
import re
import signal
import threading
import urllib.request

from rig import Process, Server, generated, main, need, until

SETTINGS = ("silent=1s", "steady=1s", "slate-after=4s", "slate-for=1min", "segment=1s",
            "width=640", "height=360")
TOLD = (r"pipeline of|published|unpublished",)


class FlvReader:
    """Reads HTTP-FLV, and looks at every tag."""

    def __init__(self, url):
        self.frames = self.back = self.configurations = 0
        self.configuration = None  # the video's, as it is now
        self.ended = False
        self.last = {}
        self.stream = urllib.request.urlopen(url, timeout=30)
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def take(self, size):
        data = self.stream.read(size)
        if len(data) < size:
            raise EOFError
        return data

    def read(self):
        try:
            assert self.take(13)[:3] == b"FLV"
            while True:
                head = self.take(11)
                kind, size = head[0], int.from_bytes(head[1:4], "big")
                time = int.from_bytes(head[4:7], "big") | head[7] << 24
                body = self.take(size + 4)
                if kind == 9 and body[1] == 0:
                    self.configurations += body[:size] != self.configuration
                    self.configuration = body[:size]
                    continue
                if kind not in (8, 9) or body[1] == 0:
                    continue
                self.back += time < self.last.get(kind, 0)
                self.last[kind] = time
                self.frames += kind == 9
        except (EOFError, OSError, http.client.HTTPException):
            self.ended = True


class Probe:
    """ffprobe, which prints the time of each packet."""

    def __init__(self, url):
        self.process = Process("ffprobe", "-v", "error", "-show_entries",
                               "packet=codec_type,dts_time", "-of", "csv=p=0", url)

    def times(self, kind):
        lines = self.process.out.splitlines()[:-1]  # the last may be half a line
        return [float(line.split(",")[1]) for line in lines
                if line.startswith(kind) and re.match(r"[\d.]+$", line.split(",")[1])]

    @property
    def frames(self):
        return len(self.times("video"))

    @property
    def back(self):
        return sum(b < a for kind in ("video", "audio")
                   for times in [self.times(kind)] for a, b in zip(times, times[1:]))

    @property
    def ended(self):
        return not self.process.running()


class Player:
    """ffmpeg, which copies what it gets."""

    def __init__(self, url):
        self.process = Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-i", url,
                               "-c", "copy", "-f", "null", "-")
        self.back = 0

    @property
    def frames(self):
        counts = re.findall(r"^frame=(\d+)", self.process.out, re.M)
        return int(counts[-1]) if counts else 0

    @property
    def ended(self):
        return not self.process.running()


def playlist(server):
    with urllib.request.urlopen(server.hls("cam"), timeout=10) as answer:
        return answer.read().decode()


def discontinuities(server):
    """In the playlist, and before it."""
    text = playlist(server)
    found = re.search(r"#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)", text)
    return text.count("#EXT-X-DISCONTINUITY\n") + (int(found[1]) if found else 0)


def publishers_come_and_go():
    """A primary and a backup are killed and stopped in turn; three viewers see it all."""
    with Server(*SETTINGS, descriptions=("failover",), expected=TOLD) as server:
        primary = server.publish(generated(), "cam")
        until("cam is live", server.streams)
        backup = server.publish(generated(), "cam?backup=1")
        viewers = [FlvReader(server.flv("cam")), Probe(server.url("cam")),
                   Player(server.wait_for_hls("cam"))]
        flv = viewers[0]
        said = []

        def go_on(what, frames):
            before = [viewer.frames for viewer in viewers]
            for viewer, count in zip(viewers, before):
                until(f"{what}: {type(viewer).__name__} goes on",
                      lambda v=viewer, c=count: v.frames > c + frames or v.ended)
                assert not viewer.ended, f"{what}: {type(viewer).__name__} has ended"
                assert viewer.back == 0, f"{what}: {type(viewer).__name__}: {viewer.back} steps back"
            said.append(f"{what}: {discontinuities(server)} discontinuities so far")

        go_on("the primary", 30)
        until("the backup is taken", lambda: backup.sent() > 1)
        real = flv.configuration
        primary.kill()
        go_on("the backup", 60)
        assert flv.configurations == 1, "the same configuration again is no change"
        assert discontinuities(server) == 0, playlist(server)

        backup.kill()
        until("the slate is on", lambda: flv.configuration != real)
        go_on("the slate", 20)
        until("the page calls that live", lambda: server.streams() == ["live/cam"])
        until("the log has the slate", lambda: "goes on with a slate" in server.log)

        primary = server.publish(generated(), "cam")
        until("the primary is on", lambda: flv.configuration == real)
        go_on("the primary again", 50)

        # Stuck, but connected: as good as gone, after a while.
        primary.process.send_signal(signal.SIGSTOP)
        until("the slate is on", lambda: flv.configuration != real)
        go_on("the slate again", 20)
        primary.process.send_signal(signal.SIGCONT)
        until("the primary goes on", lambda: flv.configuration == real)
        go_on("the primary at last", 50)

        # Stuck with a backup: its turn, without a slate in between; then the primary's again.
        count = flv.configurations
        backup = server.publish(generated(), "cam?backup=1")
        until("the backup is taken", lambda: backup.sent() > 3)
        primary.process.send_signal(signal.SIGSTOP)
        go_on("the backup for a stuck one", 60)
        primary.process.send_signal(signal.SIGCONT)
        go_on("the primary once more", 60)
        assert flv.configurations == count, "a slate came in between"

        assert "#EXT-X-ENDLIST" not in playlist(server)
        yield f"{flv.frames} frames, {flv.configurations} configurations over HTTP-FLV"
        yield f"{viewers[1].frames} over RTMP, {viewers[2].frames} over HLS"
        yield from said


def slate_file():
    """The slate is a file; it ends after its time, and viewers are told."""
    with Server("slate=file", f"slate-file={generated()}", "slate-for=8s", "segment=1s",
                descriptions=("failover",), expected=TOLD) as server:
        publisher = server.publish(generated(), "cam")
        until("cam is live", server.streams)
        viewer = FlvReader(server.flv("cam"))
        until("it plays", lambda: viewer.frames > 30)
        publisher.kill()
        before = viewer.frames
        until("the file plays", lambda: viewer.frames > before + 80)
        assert not viewer.ended and viewer.back == 0
        until("it has ended", lambda: viewer.ended)
        until("it is off air", lambda: not server.streams())
        media = max(viewer.last.values()) / 1000
        assert media < 40, f"{media} s of media came: the file has no pace"
        yield f"{viewer.frames} frames, {media:.1f} s"


if __name__ == "__main__":
    need("ffmpeg", "ffprobe")
    main([publishers_come_and_go, slate_file])
