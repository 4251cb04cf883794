#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""GStreamer's own RTMP and FLV elements: rtmp2sink publishes, rtmp2src plays, and flvmux and
flvdemux interoperate with flvlivedemux and flvlivemux."""

import os
import tempfile

import packets
import rig
from rig import Server, footage, generated, until

MUXERS = ("flvmux", "flvlivemux")


def place(name):
    return os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), name)


def launch(*words):
    """Runs gst-launch-1.0, which must print nothing. If it does, its debug log is shown too."""
    log = place("debug")
    try:
        _, err = rig.run("gst-launch-1.0", "-q", *" ".join(words).split(), env={
            "GST_DEBUG": "flvlivedemux:6,flvlivemux:5,h264parse:5,qtmux:5",
            "GST_DEBUG_FILE": log, "GST_DEBUG_NO_COLOR": "1"})
        assert not err, f"gst-launch-1.0 says: {err}"
    except AssertionError as error:
        with open(log, encoding="utf-8", errors="replace") as file:
            raise AssertionError("".join([f"{error}\n", *file.readlines()[-60:]])) from None


def publisher(server, name, channels=1):
    """x264enc and an AAC encoder by flvmux to rtmp2sink, in real time until the end. flvmux gives
    two frames the same DTS if there are B-frames, or if it does not wait for a frame on a busy
    machine: hence no B-frames, and two seconds of latency."""
    return rig.Process("gst-launch-1.0", *(
        "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 "
        "! x264enc key-int-max=50 bframes=0 bitrate=500 speed-preset=veryfast ! queue ! mux.video "
        f"audiotestsrc is-live=true ! audio/x-raw,channels={channels} ! audioconvert ! avenc_aac "
        "! aacparse ! queue ! mux.audio "
        f"flvmux name=mux streamable=true latency=2000000000 ! rtmp2sink location={server.url(name)}").split())


def silent(path):
    """ffmpeg decodes the whole file without a word."""
    _, err = rig.run("ffmpeg", "-nostdin", "-v", "error", "-i", path, "-fps_mode",
                     "passthrough", "-enc_time_base", "1:90000", "-f", "null", "-")
    assert not err, f"ffmpeg on {path}: {err}"


def decodable(path, seconds):
    """No warnings, the expected length, increasing times, and audio that begins with video."""
    found = packets.of_file(path)
    packets.rising(found)
    assert sorted(found) == ["audio", "video"], f"{path} has {sorted(found)}"
    assert found["video"][0].key, "does not begin with a keyframe"
    for kind, list_ in found.items():
        span = list_[-1].dts - list_[0].dts
        assert span > seconds, f"{path}: {span:.2f} s of {kind}"
    apart = found["video"][0].pts - found["audio"][0].pts
    assert abs(apart) < 1, f"picture begins {apart:.2f} s after sound"
    silent(path)
    return f"{len(found['video'])} of video, {len(found['audio'])} of audio"


def rtmp2sink():
    """rtmp2sink publishes what flvmux makes; ffmpeg plays it, by RTMP and by HLS"""
    with Server() as server:
        source = publisher(server, "gst")
        packets.decode(server.url("gst"), 4)
        packets.decode(server.wait_for_hls("gst"), 4)
        code = source.end()
        assert code == 0, f"gst-launch-1.0: exit {code}"
        until("it is off air", lambda: "off air live/gst" in server.log)


def played(server, name, demuxers=("flvdemux", "flvlivedemux")):
    """rtmp2src takes 300 messages; what each demuxer finds in them is kept in a file."""
    for demuxer in demuxers:
        path = place(f"{demuxer}.mp4")
        launch(f"rtmp2src location={server.url(name)} num-buffers=300 ! {demuxer} name=d",
               "d.video ! queue ! h264parse ! mux. d.audio ! queue ! aacparse ! mux.",
               f"mp4mux name=mux ! filesink location={path}")
        yield f"{demuxer}: {decodable(path, 2)}"


def rtmp2src():
    """rtmp2src plays what ffmpeg publishes, to flvdemux and to flvlivedemux"""
    with Server() as server:
        server.publish(generated(), "ffmpeg")
        yield from played(server, "ffmpeg")


def both_ends():
    """rtmp2sink publishes and rtmp2src plays, with sound of two channels"""
    with Server() as server:
        publisher(server, "gst", channels=2)
        yield from played(server, "gst")


def both_ends_mono():
    """rtmp2sink publishes and rtmp2src plays, with mono audio, to flvlivedemux. flvmux repeats
    onMetaData while it streams, and after stereo=false flvdemux of 1.28 forgets the
    AudioSpecificConfig: even a file written by flvmux loses its audio then."""
    with Server() as server:
        publisher(server, "gst", channels=1)
        yield from played(server, "gst", ["flvlivedemux"])


def decoded_by_gstreamer():
    """rtmp2src ! flvdemux feeds decoders"""
    with Server() as server:
        server.publish(footage(), "cam")
        launch(f"rtmp2src location={server.url('cam')} num-buffers=200 ! flvdemux name=d",
               "d.video ! queue ! h264parse ! avdec_h264 ! videoconvert ! video/x-raw,format=RGB",
               "! fakesink d.audio ! queue ! aacparse ! avdec_aac ! fakesink")


def compare(what, got, sent):
    """The same packets, displayed at the same times except for a constant shift."""
    if "! flvdemux" in what:
        # Its segment begins with the first video frame; muxers clip earlier audio.
        first = sent["video"][0].pts
        sent = {kind: [p for p in list_ if p.pts >= first] for kind, list_ in sent.items()}
        extra = len(got.get("audio", [])) - len(sent["audio"])
        got = {**got, "audio": got.get("audio", [])[max(extra, 0):]}
    assert sorted(got) == sorted(sent), f"{what}: {sorted(got)}"
    shift = got["video"][0].pts - sent["video"][0].pts
    for kind, list_ in sent.items():
        a, b = ([p.hash for p in some] for some in (list_, got[kind]))
        assert a == b, f"{what}: {len(b)} packets of {kind} for {len(a)}"
        for before, after in zip(list_, got[kind]):
            drift = after.pts - before.pts - shift
            # flvmux raises negative decoding times to zero; flvlivedemux counts samples.
            assert abs(drift) < 0.03, f"{what}: {kind} at {before.pts:.3f} is {drift:+.3f} s off"


def by_file():
    """flvmux to flvlivedemux and flvlivemux to flvdemux: the same packets come out as went in"""
    for file in (footage(), generated()):
        folder = tempfile.mkdtemp(dir=rig.FOLDER)
        os.symlink(file, f"{folder}/source.mp4")
        for muxer in MUXERS:
            launch(f"filesrc location={folder}/source.mp4 ! qtdemux name=q",
                   "q.video_0 ! queue ! h264parse ! mux.video",
                   "q.audio_0 ! queue ! aacparse ! mux.audio",
                   f"{muxer} name=mux ! filesink location={folder}/{muxer}.flv")
        sent = {muxer: packets.of_file(f"{folder}/{muxer}.flv") for muxer in MUXERS}
        for kind, list_ in sent["flvmux"].items():
            a, b = ([p.hash for p in some] for some in (list_, sent["flvlivemux"][kind]))
            assert a == b, f"flvlivemux wrote {len(b)} packets of {kind}, flvmux {len(a)}"
        for muxer, demuxer in (("flvmux", "flvlivedemux"), ("flvlivemux", "flvdemux"),
                               ("flvlivemux", "flvlivedemux")):
            result = f"{folder}/{muxer}-{demuxer}.mkv"
            launch(f"filesrc location={folder}/{muxer}.flv ! {demuxer} name=d",
                   "d.video ! queue ! h264parse ! mux. d.audio ! queue ! aacparse ! mux.",
                   f"matroskamux name=mux ! filesink location={result}")
            compare(f"{muxer} ! {demuxer}", packets.of_file(result), sent[muxer])
            silent(result)
            yield f"{muxer} ! {demuxer}: {' and '.join(str(len(p)) for p in sent[muxer].values())}"


if __name__ == "__main__":
    rig.need("gst-launch-1.0", "ffmpeg", "ffprobe")
    rig.main([rtmp2sink, rtmp2src, both_ends, both_ends_mono, decoded_by_gstreamer, by_file], jobs=6)
