# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rows of the table of codecs: a foreign ffmpeg publishes each, and a foreign ffmpeg decodes it.
Codecs of Enhanced RTMP need a newer ffmpeg than Debian 12 has: PENSTOCK_FOREIGN_ROOT names a tree
with one, which foreign_root.sh makes."""

import functools
import glob
import os
import re

from rig import Process, Server, Skip, skip, until

COLUMNS = ("RTMP", "HTTP-FLV", "HLS of `live`")
ROOT = os.environ.get("PENSTOCK_FOREIGN_ROOT")
# What `-c:v` or `-c:a` gets, and options; what MPEG-TS carries in `live`.
VIDEO = {"H.264": ("libx264 -preset ultrafast -g 25", True), "Sorenson H.263": ("flv1 -g 25", False)}
AUDIO = {"AAC": ("aac", True), "MP3": ("libmp3lame", True),
         "Speex": ("libspeex -ar 16000 -ac 1", True),
         "G.711 A-law": ("pcm_alaw -ar 8000 -ac 1", True),
         "G.711 µ-law": ("pcm_mulaw -ar 8000 -ac 1", True)}
ENHANCED_VIDEO = {"HEVC": "libx265 -preset ultrafast -g 25 -x265-params log-level=none",
                  "AV1": "libsvtav1 -preset 12 -g 25", "VP9": "libvpx-vp9 -deadline realtime -g 25"}
ENHANCED_AUDIO = {"Opus": "libopus", "FLAC": "flac", "AC-3": "ac3", "E-AC-3": "eac3"}
UNPROVEN = {"VP8": "unproven: ffmpeg writes no VP8 in FLV, GStreamer's eflvmux neither",
            "VVC": "unproven: no encoder of Debian's ffmpeg makes it",
            "ModEx, ManyTracks, reconnect requests": "unproven: no foreign peer sends them"}


@functools.lru_cache
def libraries():
    return ":".join(path[len(ROOT):] for path in glob.glob(ROOT + "/usr/lib/*-linux-gnu/*/")
                    if re.search(r"/(blas|lapack|pulseaudio)/$", path))


def ffmpeg(is_new, *words):
    """ffmpeg of this system, or of the tree."""
    if not is_new:
        return Process("ffmpeg", "-nostdin", *words)
    return Process("chroot", ROOT, "/usr/bin/env", f"LD_LIBRARY_PATH={libraries()}", "SVT_LOG=1",
                   "/usr/bin/ffmpeg", "-nostdin", *words)


def in_tree(*command):
    """A command of the tree, with its GStreamer."""
    return Process("chroot", ROOT, "/usr/bin/env", "-u", "GST_PLUGIN_PATH", "HOME=/root",
                   "GST_REGISTRY=/tmp/registry.bin", f"LD_LIBRARY_PATH={libraries()}", *command)


def gst(line, *options):
    """gst-launch-1.0 of the tree."""
    return in_tree("/usr/bin/gst-launch-1.0", *options, *line.split())


def gst_publisher(url, encoder):
    return gst("videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 "
               f"! {encoder} ! queue ! mux.video audiotestsrc is-live=true ! audioconvert ! avenc_aac ! "
               "aacparse ! queue ! mux.audio eflvmux name=mux streamable=true latency=2000000000 "
               f"video::flv-track-mode=non-multitrack ! rtmp2sink location={url}")


def gst_plays(url, decoder, buffers=300):
    """rtmp2src and flvdemux of the tree decode so many messages."""
    player = gst(f"rtmp2src location={url} num-buffers={buffers} ! flvdemux name=d d.video ! queue ! "
                 f"{decoder} ! fakesink d.audio ! queue ! aacparse ! avdec_aac ! fakesink", "-q")
    code = player.wait()
    assert code == 0 and not player.err, f"gst-launch-1.0: exit {code}: {player.err[-200:]}"
    return f"{buffers} messages"


@functools.lru_cache
def gst_version():
    if not ROOT:
        return None
    process = gst("--version")
    return process.out.split()[2] if process.wait() == 0 and "version" in process.out else None


def gst_hevc():
    if not gst_version():
        raise Skip("unproven: PENSTOCK_FOREIGN_ROOT names no tree with GStreamer 1.28 or later")
    with Server() as server:
        source = gst_publisher(server.url("cam"), "x265enc key-int-max=25 speed-preset=ultrafast ! "
                               "h265parse")
        until("it is live", lambda: "live/cam" in server.streams() or not source.running())
        assert source.running(), source.log[-300:]
        yield decodes(True, server.url("cam"))


@functools.lru_cache
def version(is_new):
    if is_new and not ROOT:
        return None
    process = ffmpeg(is_new, "-version")
    if process.wait() != 0:
        return None
    return re.search(r"version (\d+(?:\.\d+)*)", process.out)[1]


def decodes(is_new, url, tracks=2):
    """ffmpeg decodes three seconds of video and audio; describes them."""
    player = ffmpeg(is_new, "-v", "error", "-i", url, "-t", "3", "-map", "0", "-f", "framecrc", "-")
    code = player.wait()
    assert code == 0, f"ffmpeg: exit {code}: {player.err[-200:]}"
    frames = [len(re.findall(rf"(?m)^{index}, ", player.out)) for index in range(tracks)]
    # AAC made of 8 kHz has eight frames a second.
    assert max(frames) > 60 and min(frames) > 20, f"{frames} frames"
    assert not re.search(r"[Ii]nvalid|[Ee]rror", player.err), player.err[:200]
    return f"{' and '.join(map(str, frames))} frames"


def publisher(is_new, url, video, audio, more=()):
    return ffmpeg(is_new, "-v", "error", "-re", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
                  "-re", "-f", "lavfi", "-i", "sine=sample_rate=48000", "-pix_fmt", "yuv420p", "-c:v",
                  *video.split(), "-c:a", *audio.split(), *more, "-f", "flv", url)


def cell(is_new, column, video, audio, in_hls=True, more=(), tracks=2):
    """One codec beside another that every player has."""
    def run():
        if is_new and not version(True):
            raise Skip("unproven: needs ffmpeg 8 or later, of which PENSTOCK_FOREIGN_ROOT names no tree")
        if column.startswith("HLS") and not in_hls:
            raise Skip("`live` serves HLS as MPEG-TS, which has none; hlssegmenter container=cmaf may")
        with Server(expected=["HLS", "hls"]) as server:
            source = publisher(is_new, server.url("cam"), video, audio, more)
            until("it is live", lambda: "live/cam" in server.streams() or not source.running())
            assert source.running(), source.err[-300:]
            url = (server.url("cam") if column == "RTMP" else server.flv("cam") if column == "HTTP-FLV"
                   else server.wait_for_hls("cam"))
            if column == "HTTP-FLV":
                url += "?enhanced=1"
            yield decodes(is_new, url, tracks)
    return run


def rows():
    """{codec: (published by, {column: cell})}"""
    out = {}

    def add(name, is_new, video, audio, in_hls, more=()):
        by = version(is_new)
        out[name] = (f"ffmpeg {by}" if by else "nobody here",
                     {column: cell(is_new, column, video, audio, in_hls, more) for column in COLUMNS})
    for name, (options, in_hls) in VIDEO.items():
        add(name, False, options, "aac", in_hls)
    for name, (options, in_hls) in AUDIO.items():
        add(name, False, VIDEO["H.264"][0], options, in_hls)
    for name, options in ENHANCED_VIDEO.items():
        add(name, True, options, "aac", False)
    for name, options in ENHANCED_AUDIO.items():
        add(name, True, VIDEO["H.264"][0], options, True)
    new = gst_version()
    out["HEVC, by GStreamer"] = (f"eflvmux {new}" if new else "nobody here", {"RTMP": gst_hevc})
    first = skip("unproven: players get the first audio track unless they announce capsEx, and none does")
    two = ["-map", "0:v", "-map", "1:a", "-map", "1:a"]
    by = version(True)
    out["a second audio track"] = (
        f"ffmpeg {by}" if by else "nobody here",
        {"RTMP": first, "HTTP-FLV": cell(True, "HTTP-FLV", VIDEO["H.264"][0], "aac", True, two, 3),
         COLUMNS[2]: skip("`live` takes the first audio track")})
    for name, reason in UNPROVEN.items():
        out[name] = ("nobody here", {column: skip(reason) for column in COLUMNS[:1]})
    return out
