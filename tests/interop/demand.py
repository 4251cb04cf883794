#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Streams started on demand, reload and drain: `penstock run live on-demand` with ffmpeg."""
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request

import rig
from rig import Process, Server, footage, main, need, run, until

need("ffmpeg", "ffprobe")


def size_of(url):
    """Width and height of what is played, or None."""
    out = subprocess.run(["ffprobe", "-v", "error", "-rw_timeout", "20000000", "-select_streams",
                          "v", "-show_entries", "stream=width,height", "-of", "csv=p=0", url],
                         capture_output=True, text=True, timeout=40).stdout
    return tuple(int(n) for n in out.strip().strip(",").split(",")) if out.strip() else None


def starts(server):
    return server.log.count("starts, requested by a viewer")


def status_of(url):
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def rtmp():
    """A player of live/cam_480p starts an encoder, which ends some time after the last player."""
    with Server("idle=5s", descriptions=("live", "on-demand")) as server:
        server.publish(footage(), "cam")
        until("cam is live", server.streams)
        width, height = size_of(server.url("cam_480p"))
        yield f"{width}x{height}"
        assert height == 480 and width % 2 == 0, (width, height)
        out, _ = run("ffprobe", "-v", "error", "-read_intervals", "%+4", "-count_packets",
                     "-show_entries", "stream=codec_type,nb_read_packets", "-of", "csv=p=0",
                     server.url("cam_480p"), seconds=30)
        kinds = {line.split(",")[0]: int(line.split(",")[1]) for line in out.split()}
        yield f"4 s: {kinds}"
        assert kinds["video"] > 60 and kinds["audio"] > 60, kinds
        assert starts(server) == 1
        until("it ends, idle", lambda: "ends, no viewers are left" in server.log)
        assert size_of(server.url("cam_480p"))[1] == 480, "it starts again"
        assert starts(server) == 2


def flv():
    """A viewer of HTTP-FLV starts and keeps it as well; a request before the stream exists
    waits."""
    with Server("idle=2s", descriptions=("live", "on-demand")) as server:
        url = server.flv("cam_480p")
        assert status_of(url) == 404, "nothing to make it of"
        server.publish(footage(), "cam")
        until("cam is live", server.streams)
        out, _ = run("ffprobe", "-v", "error", "-read_intervals", "%+5", "-count_packets",
                     "-show_entries", "stream=codec_type,height,nb_read_packets", "-of", "csv=p=0",
                     url, seconds=40)
        yield f"5 s: {out.split()}"
        packets = {line.split(",")[0]: int(line.split(",")[-1]) for line in out.split()}
        assert packets["video"] > 60 and packets["audio"] > 60, out
        assert ",480," in out, out
        assert starts(server) == 1
        until("it ends, idle", lambda: "ends, no viewers are left" in server.log, 15)


def hls():
    """A browser's request for the playlist waits until it exists."""
    with Server("idle=2s", "segment=1s", descriptions=("live", "on-demand")) as server:
        server.publish(footage(), "cam")
        until("cam is live", server.streams)
        began = time.monotonic()
        url = server.hls("cam_480p")
        with urllib.request.urlopen(url, timeout=20) as answer:
            assert b"#EXTINF" in answer.read()
        yield f"first playlist after {time.monotonic() - began:.1f} s"
        out, _ = run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name,height", "-of",
                     "csv=p=0", url, seconds=30)
        assert "h264,480" in out and "aac" in out, out
        until("it ends, idle", lambda: "ends, no viewers are left" in server.log, 30)
        # Within the mount's grace the same address starts it again.
        assert status_of(url) == 200
        assert starts(server) == 2


def scanner():
    """Requests for names without a publisher start nothing, and many requests are refused."""
    with Server(descriptions=("live", "on-demand"),
                expected=(r"refused to play", r"max-instances")) as server:
        for i in range(5):
            assert size_of(server.url(f"no{i}_480p")) is None
            assert status_of(server.hls(f"no{i}_480p")) == 404
        assert starts(server) == 0
        for name in "abcde":
            server.publish(footage(), name)
        until("all are live", lambda: len(server.streams()) == 5)
        players = [Process("ffmpeg", "-nostdin", "-v", "error", "-i", server.url(f"{n}_480p"),
                           "-c", "copy", "-f", "null", "-") for n in "abcde"]
        until("the fifth is refused", lambda: "on demand already" in server.log, 20)
        assert starts(server) == 4
        for player in players:
            player.kill()


def publisher_goes():
    """When the source ends, its on-demand stream and players end as well, and nothing else."""
    with Server("grace=1s", descriptions=("live", "on-demand")) as server:
        first, second = server.publish(footage(), "one"), server.publish(footage(), "two")
        until("both are live", lambda: len(server.streams()) == 2)
        watch = [Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-i",
                         server.url(f"{n}_480p"), "-c", "copy", "-f", "null", "-")
                 for n in ("one", "two")]
        until("both are watched", lambda: all("frame=" in w.out for w in watch))
        first.end()
        until("its player ends", lambda: not watch[0].running(), 20)
        at = watch[1].out.count("frame=")
        until("the other one goes on", lambda: watch[1].out.count("frame=") > at + 2)
        assert second.running()


def write(folder, name, text):
    path = os.path.join(folder, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


SOURCE = """summary: s
parameters:
  rtmp: {type: address, default: "127.0.0.1:0"}
page: 127.0.0.1:0
start:
  - {name: one, pipeline: "videotestsrc is-live=true ! fakesink"}
  - {name: two, pipeline: "videotestsrc is-live=true %s ! fakesink name=b"}
publish:
  match: rtmp://${rtmp}/live/{name}
  pipeline: rtmpserversrc location=rtmp://${rtmp}/live/${name} ! goptee name=gop %s
    gop. ! rtmpserversink location=rtmp://${rtmp}/live/${name}
"""


def reload():
    """SIGHUP: changed parts are applied, unchanged parts continue; a mistake changes nothing."""
    path = write(rig.FOLDER, "reload.yaml", SOURCE % ("", ""))
    server = Process(rig.PENSTOCK, "run", path)
    until("it is ready", lambda: "Ctrl-C" in server.log)
    url = re.search(r"(rtmp://127\S+/live)/", server.log)[1]

    def publish(name):
        publisher = Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1",
                            "-stats_period", "0.2", "-re", "-stream_loop", "-1", "-i", footage(),
                            "-c", "copy", "-f", "flv", f"{url}/{name}")
        until(f"{name} is published", lambda: publisher.sent() > 0)
        return publisher

    def hup(said):
        before = server.log.count(said)
        server.process.send_signal(signal.SIGHUP)
        until(said, lambda: server.log.count(said) > before)
    cam = publish("cam")
    watch = Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-i", f"{url}/cam",
                    "-c", "copy", "-f", "null", "-")
    until("it is watched", lambda: "frame=" in watch.out)

    hup("were read again")
    assert "stops, since" not in server.log, "nothing has changed"
    write(rig.FOLDER, "reload.yaml", "summary: s\npipeline: nothing-like-this ! fakesink\n")
    hup("were not reloaded")
    assert "reload.yaml:2" in server.log
    write(rig.FOLDER, "reload.yaml", SOURCE % ("pattern=ball", "gop-count=2"))
    hup("were read again")
    until("two restarts", lambda: "reload/two: stops, since" in server.log)
    assert "reload/one: stops" not in server.log
    publish("second")
    at = watch.out.count("frame=")
    until("the player goes on", lambda: watch.out.count("frame=") > at + 2)
    assert cam.running() and watch.running()
    watch.kill()
    assert server.end(signal.SIGINT) == 0
    yield "one publisher and one player went through three reloads"


def drain():
    """SIGTERM: new peers are refused, and files are completed."""
    path = os.path.join(rig.FOLDER, "drained.mp4")
    text = f"""summary: s
pipeline: videotestsrc is-live=true ! video/x-raw,format=I420,width=160,height=120 !
  x264enc tune=zerolatency ! h264parse ! tee name=t ! queue ! mp4mux ! filesink location={path}
  t. ! queue ! multifilesink location={rig.FOLDER}/drained-%d.h264
"""
    server = Process(rig.PENSTOCK, "run", write(rig.FOLDER, "drain.yaml", text))
    until("it is ready", lambda: "Ctrl-C" in server.log)
    until("two seconds are recorded",
          lambda: os.path.exists(os.path.join(rig.FOLDER, "drained-60.h264")))
    began = time.monotonic()
    assert server.end(signal.SIGTERM, 8) == 0
    yield f"{time.monotonic() - began:.2f} s"
    out, _ = run("ffprobe", "-v", "error", "-count_packets", "-show_entries",
                 "stream=nb_read_packets", "-of", "csv=p=0", path)
    yield f"{out.strip()} frames in a whole MP4"
    assert int(out) > 30


if __name__ == "__main__":
    main([rtmp, flv, hls, scanner, publisher_goes, reload, drain], jobs=2)
