#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`penstock run restream`: one stream to five destinations of which two are dead; and a key that is
refused."""
import json
import re
import socket
import threading

import rig
from rig import PENSTOCK, Process, Server, footage, free_port, need, until


class Silent:
    """Accepts connections and never says anything."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.held = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            self.held.append(self.listener.accept()[0])


def restream(*settings):
    process = Process(PENSTOCK, "run", "restream", "--set", "rtmp=127.0.0.1:0",
                      *[word for setting in settings for word in ("--set", setting)])
    until("restream is ready", lambda: "Ctrl-C" in process.log or not process.running())
    assert process.running(), process.log
    return process, re.search(r"mpv, VLC +(rtmp://\S+)/NAME", process.log)[1]


def publish(url):
    return Process("ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i",
                   footage(), "-c", "copy", "-f", "flv", url)


def receiver(url, seconds):
    return Process("ffprobe", "-v", "error", "-read_intervals", f"%+{seconds}", "-show_entries",
                   "packet=codec_type,dts_time,flags", "-of", "json", url)


def video_of(receiving):
    assert receiving.wait() == 0, receiving.err
    return [p for p in json.loads(receiving.out)["packets"] if p["codec_type"] == "video"]


def five_destinations():
    """two of five are dead: the other three have every frame"""
    silent = Silent()
    with Server("publish-key=k", expected=("key",)) as server:
        app = server.rtmp
        process, url = restream(
            f"url-1={app}", "key-1=one?key=k", f"url-2=rtmp://127.0.0.1:{free_port()}/live/dead",
            f"url-3={app}/two?key=k", f"url-4=rtmp://127.0.0.1:{silent.port}/live",
            "key-4=hidden-key", f"url-5={app}", "key-5=three?key=k")
        publisher = publish(url + "/cam")
        until("three are live", lambda: {"live/one", "live/two", "live/three"} <= set(server.streams()))
        receiving = {name: receiver(server.url(name), 6) for name in ("one", "two", "three")}
        for name, each in receiving.items():
            video = video_of(each)
            assert len(video) >= 100, f"{name}: {len(video)} frames"
            times = [float(p["dts_time"]) for p in video]
            steps = [b - a for a, b in zip(times, times[1:])]
            assert min(steps) > 0 and max(steps) < 0.15, f"{name}: {min(steps)} to {max(steps)} s"
            yield f"{name}: {len(video)} frames, longest step {max(steps) * 1000:.0f} ms"
        assert silent.held, "the silent one was never asked"
        until("the dead one is told of", lambda: "Connection refused" in process.log)
        until("the silent one is given up", lambda: "waiting 10 s for the RTMP handshake" in
              process.log)
        assert "hidden-key" not in process.log and "key=k" not in process.log, process.log
        assert process.running() and publisher.running()
        for line in process.log.splitlines():
            if "dead" in line or "handshake" in line:
                yield line.strip()[:150]
        publisher.end()
        assert process.end() == 0


def refused_key():
    """a destination that refuses its key says so once, and the other goes on"""
    with Server("publish-key=k", expected=("key",)) as server:
        process, url = restream(f"url-1={server.rtmp}", "key-1=good?key=k", f"url-2={server.rtmp}",
                                "key-2=bad?key=hidden-key")
        publisher = publish(url + "/cam")
        until("it is refused", lambda: "refuses the key" in process.log)
        until("the other is live", lambda: "live/good" in server.streams())
        assert len(video_of(receiver(server.url("good"), 4))) >= 50
        lines = [line for line in process.log.splitlines() if "refuses the key" in line]
        assert len(lines) == 1 and "hidden-key" not in process.log, lines
        yield lines[0].strip()
        publisher.end()
        assert process.end() == 0


if __name__ == "__main__":
    need("ffmpeg", "ffprobe")
    rig.main([five_destinations, refused_key])
