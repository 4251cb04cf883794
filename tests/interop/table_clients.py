# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rows of the interoperability table: for each client its version, and what is run for each
column."""

import os
import shutil
import signal
import tempfile
import time

import ffplay
import gstreamer
import mpv
import obs
import odd_publishers
import packets
import rig
import table_codecs
import vlc
from aged import file_passes_mark, old, passes_mark, relays_past_mark
from rig import Process, Skip, generated, skip, until
from table_cells import flv, hls, need, npm_version, package, plays, publishes, rtmp, version
from table_servers import NMS, nginx_rows, node_rows

PLAYED = 14  # seconds that a player is watched, the mark among them
HERE = os.path.dirname(os.path.abspath(__file__))


# --- ffmpeg ------------------------------------------------------------------------------------

def as_sent(url):
    return packets.same(packets.play(url), packets.published(generated()))


def ffmpeg_rows():
    def start(server, _):
        return server.publish(generated(), "cam")

    def relay(source, target):
        Process("ffmpeg", "-nostdin", "-v", "error", "-copyts", "-i", source, "-c", "copy", "-copyts",
                "-f", "flv", target)
    return {"publishes": publishes(start, end=lambda process: process.end()),
            "plays RTMP": plays(as_sent, rtmp), "plays HTTP-FLV": plays(as_sent, flv),
            "plays HLS": plays(lambda url: packets.decode(url, 5) or "decoded", hls),
            "publishes past 4.66 h": lambda: relays_past_mark(relay),
            "plays RTMP past 4.66 h": old(passes_mark)}


def newer_ffmpeg_rows():
    """The ffmpeg of the tree that PENSTOCK_FOREIGN_ROOT names."""
    def with_tree(cell):
        def run():
            if not table_codecs.version(True):
                raise Skip("PENSTOCK_FOREIGN_ROOT names no tree with a newer ffmpeg "
                           "(tests/interop/foreign_root.sh makes one)")
            return cell()
        return run

    def start(_, url):
        return table_codecs.publisher(True, url, table_codecs.VIDEO["H.264"][0], "aac")

    def decode(url):
        return table_codecs.decodes(True, url)

    def relay(source, target):
        table_codecs.ffmpeg(True, "-v", "error", "-copyts", "-i", source, "-c", "copy", "-copyts", "-f",
                            "flv", target)
    cells = {"publishes": publishes(start, end=lambda process: process.end()),
             "plays RTMP": plays(decode, rtmp), "plays HTTP-FLV": plays(decode, flv),
             "plays HLS": plays(decode, hls),
             "publishes past 4.66 h": lambda: relays_past_mark(relay),
             "plays RTMP past 4.66 h": skip("shown by the cell before: it sends on what it plays")}
    return {column: with_tree(cell) for column, cell in cells.items()}


# --- GStreamer ------------------------------------------------------------------------------------

def gstreamer_rows():
    def relay(source, target):
        Process("gst-launch-1.0", "-q", *f"rtmp2src location={source} ! rtmp2sink sync=false location={target}".split())

    def take(url):
        with_end = "num-buffers=1500"
        path = gstreamer.place("old.flv")
        gstreamer.launch(f"rtmp2src location={url} {with_end} ! filesink location={path}")
        return file_passes_mark(path)

    def demuxed(url):
        path = gstreamer.place("played.mp4")
        gstreamer.launch(f"rtmp2src location={url} num-buffers=300 ! flvdemux name=d",
                         "d.video ! queue ! h264parse ! mux. d.audio ! queue ! aacparse ! mux.",
                         f"mp4mux name=mux ! filesink location={path}")
        return gstreamer.decodable(path, 2)

    def over_http(url):
        gstreamer.launch(f"souphttpsrc location={url} num-buffers=200 ! flvdemux name=d",
                         "d.video ! queue ! h264parse ! avdec_h264 ! fakesink",
                         "d.audio ! queue ! aacparse ! avdec_aac ! fakesink")
        return "decoded"

    def over_hls(url):
        process = Process("gst-launch-1.0", *(
            f"souphttpsrc location={url} ! hlsdemux ! tsdemux name=d d. ! queue ! h264parse ! avdec_h264 ! "
            "fakesink name=v silent=false d. ! queue ! aacparse ! fakesink").split(), "-v")
        until("some frames are decoded", lambda: process.log.count("chain") > 60 or
              not process.running())
        assert process.running(), "gst-launch-1.0 has ended"
        return "decoded"
    return {"publishes": publishes(lambda server, url: gstreamer.publisher(server, "cam"),
                                   end=lambda process: process.end()),
            "plays RTMP": plays(demuxed, rtmp), "plays HTTP-FLV": plays(over_http, flv),
            "plays HLS": plays(over_hls, hls),
            "publishes past 4.66 h": lambda: relays_past_mark(relay),
            "plays RTMP past 4.66 h": old(take)}


def newer_gstreamer_rows():
    """GStreamer of the tree, whose eflvmux writes Enhanced RTMP for H.264, too."""
    def with_tree(cell):
        def run():
            if not table_codecs.gst_version():
                raise Skip("PENSTOCK_FOREIGN_ROOT names no tree with a newer GStreamer "
                           "(tests/interop/foreign_root.sh makes one)")
            return cell()
        return run

    def start(_, url):
        return table_codecs.gst_publisher(url, "x264enc key-int-max=50 bframes=0 speed-preset=veryfast ! "
                                               "h264parse")

    def play(url):
        return table_codecs.gst_plays(url, "h264parse ! avdec_h264")

    def over(url):
        return table_codecs.gst_plays(url, "h264parse ! avdec_h264", 1500)
    return {"publishes": with_tree(publishes(start, end=lambda process: process.end())),
            "plays RTMP": with_tree(plays(play, rtmp)),
            "plays RTMP past 4.66 h": with_tree(old(over))}


# --- librtmp: rtmpdump, and GStreamer's rtmpsink --------------------------------------------------

def has_rtmpsink():
    if not shutil.which("gst-inspect-1.0") or \
            Process("gst-inspect-1.0", "rtmpsink").wait() != 0:
        raise Skip("no rtmpsink: gstreamer1.0-plugins-bad has none here")


def dump(url, seconds):
    need("rtmpdump")
    path = os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), "saved.flv")
    process = Process("rtmpdump", "--live", "-r", url, "-B", str(seconds), "-o", path)

    def saved():
        tags = odd_publishers.read_flv(path)[:-1] if os.path.exists(path) else []
        times = [tag.timestamp for tag in tags if tag.kind == odd_publishers.VIDEO and tag.frame]
        return not process.running() or (times and times[-1] > times[0] + seconds * 1000)
    until("rtmpdump has saved it", saved)
    assert process.running() and "ERROR" not in process.err, process.err[-300:]
    process.end()
    return path


def librtmp_rows():
    def start(server, url):
        has_rtmpsink()
        return Process("gst-launch-1.0", *(
            "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! "
            "x264enc key-int-max=50 bframes=0 bitrate=500 speed-preset=veryfast ! queue ! mux.video "
            "audiotestsrc is-live=true ! audio/x-raw,channels=2 ! audioconvert ! avenc_aac ! aacparse ! "
            "queue ! mux.audio flvmux name=mux streamable=true latency=2000000000 ! "
            f"rtmpsink location={url}").split())

    def relay(source, target):
        has_rtmpsink()
        Process("gst-launch-1.0", "-q", *(
            f"rtmp2src location={source} ! rtmpsink sync=false location={target}").split())

    def play(url):
        return packets.same(packets.of_file(dump(url, 5)), packets.published(generated()))
    return {"publishes": publishes(start), "plays RTMP": plays(play, rtmp),
            "plays HTTP-FLV": skip("librtmp speaks RTMP only"),
            "plays HLS": skip("librtmp speaks RTMP only"),
            "publishes past 4.66 h": lambda: relays_past_mark(relay),
            "plays RTMP past 4.66 h": old(lambda url: file_passes_mark(dump(url, PLAYED + 8)))}


# --- players with a picture -----------------------------------------------------------------------

def ffplay_rows():
    return {"publishes": skip("a player only"), "plays RTMP": plays(ffplay.plays, rtmp),
            "plays HTTP-FLV": plays(ffplay.plays, flv), "plays HLS": plays(ffplay.plays, hls),
            "publishes past 4.66 h": skip("a player only"),
            "plays RTMP past 4.66 h": old(lambda url: goes_on(ffplay.plays, url))}


def goes_on(play, url):
    """Plays before the mark and behind it."""
    before = play(url)
    time_past = time.monotonic() + 8
    until("the mark has passed", lambda: time.monotonic() > time_past)
    return f"{before}; then {play(url)}"


def over_mark(player_of, position):
    """One player stays over the mark: its position goes on."""
    def play(url):
        player = player_of(url)
        until("it plays", lambda: (position(player) or 0) > 0 or not player.process.running())
        begin, began = position(player), time.monotonic()
        until("the mark is passed", lambda: position(player) > begin + PLAYED or
              not player.process.running())
        assert player.process.running(), "it has ended"
        return f"{position(player) - begin:.1f} s in {time.monotonic() - began:.1f} s"
    return play


def vlc_rows():
    def start(_, url):
        need("cvlc", "setpriv")
        home = tempfile.mkdtemp(dir=rig.FOLDER)
        file = os.path.join(home, "two-minutes.mp4")  # from one round to the next it would reconnect
        rig.run("ffmpeg", "-nostdin", "-v", "error", "-stream_loop", "12", "-i", generated(), "-c",
                "copy", file)
        command = ["cvlc", "-I", "dummy", "--no-color", file,
                   f"--sout=#std{{access=avio,mux=ffmpeg{{mux=flv}},dst={url}}}"]
        if os.geteuid() == 0:
            os.chmod(rig.FOLDER, 0o755)
            os.chown(home, 65534, 65534)
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        return Process(*command, env={"HOME": home, "XDG_RUNTIME_DIR": home})

    def stays(url):
        player = vlc.Vlc(url)
        until("VLC plays", lambda: player.stats().get("frames displayed", 0) > 10 or
              not player.process.running())
        first = player.stats()
        end = time.monotonic() + PLAYED

        def watched():
            player.stats()
            return time.monotonic() > end
        until("the mark has passed", watched)
        until("VLC shows more", lambda: player.stats().get("frames displayed", 0) >
              first["frames displayed"] + 25 * PLAYED * 0.6)
        stats = player.stats()
        assert player.process.running(), "VLC is gone"
        player.process.kill()
        return f"{stats['frames displayed']} frames displayed, {stats['frames lost']} lost"
    return {"publishes": publishes(start), "plays RTMP": plays(vlc.plays, rtmp),
            "plays HTTP-FLV": plays(vlc.plays, flv), "plays HLS": plays(vlc.plays, hls),
            "publishes past 4.66 h": skip("cannot be told where its timestamps begin"),
            "plays RTMP past 4.66 h": old(stays)}


def mpv_rows():
    def start(server, url):
        # Its encoder goes as fast as its source, so that is a live one.
        need("mpv")
        server.publish(generated(), "source")
        until("its source is live", lambda: "live/source" in server.streams())
        return Process("mpv", "--no-config", "--msg-level=all=warn", server.url("source"),
                       f"--o={url}", "--of=flv", "--ovc=libx264", "--ovcopts=preset=ultrafast,g=50",
                       "--oac=aac")

    def stays(url):
        return over_mark(mpv.Mpv, lambda player: player.get("time-pos"))(url)
    return {"publishes": publishes(start),
            "plays RTMP": plays(mpv.plays, rtmp),
            "plays HTTP-FLV": plays(mpv.plays, flv), "plays HLS": plays(mpv.plays, hls),
            "publishes past 4.66 h": skip("cannot be told where its timestamps begin"),
            "plays RTMP past 4.66 h": old(stays)}


def obs_rows():
    def start(server, _):
        need("obs", "Xvfb")
        return obs.studio(obs.settings(server)[0], "cam")
    only = "a publisher only: its media source is libavformat, see ffmpeg"
    return {"publishes": publishes(start, end=lambda process: process.end(signal.SIGTERM)),
            "plays RTMP": skip(only), "plays HTTP-FLV": skip(only), "plays HLS": skip(only),
            "publishes past 4.66 h": skip("cannot be told where its timestamps begin"),
            "plays RTMP past 4.66 h": skip(only)}


# --- browsers ---------------------------------------------------------------------------------------

def browser_rows(column, test):
    def cell():
        need("node", "chromium")
        if not os.path.exists(os.path.join(HERE, "../browser/node_modules/playwright-core")):
            raise Skip("playwright-core is missing: `npm ci` in tests/browser fetches it")
        process = Process("node", os.path.join(HERE, "../browser/page.mjs"), test, rig.PENSTOCK,
                          tempfile.mkdtemp(dir=rig.FOLDER), env={"CHROMIUM": shutil.which("chromium")})
        code = process.wait(180)
        assert code == 0, f"page.mjs {test}: exit {code}: {process.log[-300:]}"
        yield f"page.mjs {test}"
    out = {each: skip("plays in the browser, and only this") for each in
           ("publishes", "plays RTMP", "plays HTTP-FLV", "plays HLS", "publishes past 4.66 h",
            "plays RTMP past 4.66 h")}
    return {**out, column: cell}


def rows():
    """{name: (version, {column: cell})}"""
    found = {
        "ffmpeg": (version("ffmpeg", "-version"), ffmpeg_rows),
        "ffmpeg, newer": (table_codecs.version(True), newer_ffmpeg_rows),
        "GStreamer rtmp2sink, rtmp2src": (version("gst-launch-1.0", "--version", pattern=r"GStreamer (\S+)"), gstreamer_rows),
        "GStreamer, newer: eflvmux": (table_codecs.gst_version(), newer_gstreamer_rows),
        "librtmp: rtmpdump, rtmpsink": (
            version("rtmpdump", "--help", pattern=r"RTMPDump v(\S+)"), librtmp_rows),
        "OBS Studio": (version("obs", "--version"), obs_rows),
        "VLC": (package("vlc-bin"), vlc_rows),
        "mpv": (version("mpv", "--version"), mpv_rows),
        "ffplay": (version("ffplay", "-version"), ffplay_rows),
        "nginx-rtmp": (package("libnginx-mod-rtmp"), nginx_rows),
        "node-media-server": (npm_version(NMS), node_rows),
        "mpegts.js": (in_browser("mpegts.js"), lambda: browser_rows("plays HTTP-FLV", "flv")),
        "hls.js": (in_browser("hls.js"), lambda: browser_rows("plays HLS", "play")),
    }
    return {name: (known or "not here", cells()) for name, (known, cells) in found.items()}


def in_browser(name):
    chromium = version("chromium", "--version")
    module = npm_version(os.path.join(HERE, "../../launcher/console/node_modules", name))
    return module and chromium and f"{module} in Chromium {chromium.split('.')[0]}"
