# SPDX-License-Identifier: LGPL-2.1-or-later
"""The rows of the table of WebRTC: clients that publish to `live` by WHIP, and play from it by WHEP.
`npm ci` in tests/interop/webrtc fetches those of Node."""

import gzip
import os
import re
import shutil
import socket
import subprocess
import tempfile

import packets
import rig
import table_codecs
from rig import Process, Server, Skip, skip, until
from table_cells import need, npm_version, version

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = os.path.join(HERE, "webrtc/node_modules")
COLUMNS = ("publishes (WHIP)", "plays (WHEP)")
WHIP, WHEP = COLUMNS
# Without B-frames, with parameter sets in each keyframe: what browsers send and take.
X264 = ("-c:v libx264 -preset ultrafast -tune zerolatency -profile:v baseline -pix_fmt yuv420p -g 25 "
        "-b:v 600k -x264-params repeat-headers=1").split()
TEST = "-re -f lavfi -i testsrc2=size=320x240:rate=25 -re -f lavfi -i sine=sample_rate=48000".split()
OPUS = "-c:a libopus -ac 2".split()


def server():
    return Server("rtc=127.0.0.1:0", expected=["its client", "HLS", "rtc:", "the DTLS"])


def free_udp_pair():
    """A free even UDP port, as RTP likes it, whose next one is free, too."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as first, \
                socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            if port % 2 == 0:
                return port


def whip(live, name="cam"):
    return f"{live.http}/live/{name}/whip"


def whep(live, name="cam"):
    return f"{live.http}/live/{name}/whep"


def is_live(live, source, name="cam"):
    until("it is live", lambda: f"live/{name}" in live.streams() or not source.running())
    assert source.running(), f"the publisher has ended: {source.log[-300:]}"


def publishes(start, kinds=("video", "audio")):
    """start(url) begins to publish; ffmpeg plays it over HLS, whose audio is AAC."""
    def cell():
        with server() as live:
            source = start(whip(live))
            is_live(live, source)
            packets.decode(live.wait_for_hls("cam"), 3, kinds=kinds)
            yield "decoded"
            if source.process.stdin:
                source.process.stdin.close()
                assert source.wait() == 0, f"its end: {source.log[-200:]}"
    return cell


def source_for(live):
    """What is played over WebRTC: ffmpeg publishes it over RTMP."""
    source = Process("ffmpeg", "-nostdin", "-v", "error", *TEST, *X264, "-c:a", "aac", "-f", "flv",
                     live.url("cam"))
    is_live(live, source)
    return source


# --- libraries of Node --------------------------------------------------------------------------

def peer(library, way, url, port):
    need("node")
    if not os.path.exists(os.path.join(MODULES, library if library != "wrtc" else "@roamhq/wrtc")):
        raise Skip(f"{library} is missing: `npm ci` in tests/interop/webrtc fetches it")
    return Process("node", os.path.join(HERE, "webrtc/peer.mjs"), library, way, url, port, port + 2,
                   stdin=subprocess.PIPE)


def rtp_rows(library):
    """A library that sends and takes RTP packets: ffmpeg makes and decodes them."""
    def start(url):
        port = free_udp_pair()
        made = peer(library, "whip", url, port)
        until("it is connected", lambda: "connected" in made.out or not made.running())
        Process("ffmpeg", "-nostdin", "-v", "error", *TEST, "-map", "0:v", *X264, "-payload_type", "96",
                "-f", "rtp", f"rtp://127.0.0.1:{port}?pkt_size=1200", "-map", "1:a", *OPUS,
                "-payload_type", "111", "-f", "rtp", f"rtp://127.0.0.1:{port + 2}?pkt_size=1200")
        return made

    def play():
        with server() as live:
            source_for(live)
            port = free_udp_pair()
            made = peer(library, "whep", whep(live), port)
            until("100 packets come", lambda: "received 100 " in made.out or not made.running())
            assert made.running(), made.log[-300:]
            sdp = os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), "received.sdp")
            with open(sdp, "w", encoding="utf-8") as file:
                file.write("v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
                           f"m=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
                           "a=fmtp:96 packetization-mode=1\n"
                           f"m=audio {port + 2} RTP/AVP 111\na=rtpmap:111 opus/48000/2\n")
            player = Process("ffmpeg", "-nostdin", "-v", "error", "-protocol_whitelist", "file,udp,rtp",
                             "-i", sdp, "-t", "3", "-map", "0:v", "-map", "0:a", "-f", "framecrc", "-")
            assert player.wait() == 0, player.err[-300:]
            frames = [len(re.findall(rf"(?m)^{index}, ", player.out)) for index in (0, 1)]
            assert frames[0] > 50 and frames[1] > 100, f"{frames} frames"
            made.process.stdin.close()
            assert made.wait() == 0, f"its end: {made.log[-200:]}"
            yield f"{frames[0]} and {frames[1]} frames"
    return {WHIP: publishes(start), WHEP: play}


def wrtc_rows():
    """libwebrtc without H.264: what it publishes it plays, as VP8."""
    def cell():
        with server() as live:
            source = peer("wrtc", "whip", whip(live), 2)
            is_live(live, source)
            player = peer("wrtc", "whep", whep(live), 2)
            until("frames are decoded", lambda: "decoded 100 " in player.out or
                  not player.running() or not source.running())
            assert player.running() and source.running(), player.log[-300:] + source.log[-300:]
            for each in (player, source):
                each.process.stdin.close()
                assert each.wait() == 0, f"its end: {each.log[-200:]}"
        raise rig.Partly("as VP8: this build of libwebrtc has no H.264; its publisher and its player "
                         "are each other's judge")
    return {column: cell for column in COLUMNS}


# --- ffmpeg, GStreamer ---------------------------------------------------------------------------

def ffmpeg_rows():
    def start(url):
        if not table_codecs.version(True):
            raise Skip("needs ffmpeg 8 or later, of which PENSTOCK_FOREIGN_ROOT names no tree "
                       "(tests/interop/foreign_root.sh makes one)")
        return table_codecs.ffmpeg(True, "-v", "error", *TEST, *X264, *OPUS, "-f", "whip", url)
    return {WHIP: publishes(start), WHEP: skip("its libavformat has a muxer of WHIP, and nothing of WHEP")}


def gstreamer_rows():
    """webrtcbin, driven by our elements."""
    def start(url):
        need("gst-launch-1.0")
        return Process("gst-launch-1.0", "-q", *(
            "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! "
            "x264enc tune=zerolatency key-int-max=25 ! h264parse ! mux.video audiotestsrc is-live=true ! "
            "audio/x-raw,rate=48000,channels=2 ! opusenc ! mux.audio flvlivemux name=mux ! "
            f"rtcpushsink location={url}").split())

    def play():
        with server() as live:
            source_for(live)
            player = Process("gst-launch-1.0", "-v", *(
                f"rtcpullsrc location={whep(live)} ! flvlivedemux name=d d.video ! h264parse ! avdec_h264 "
                "! fakesink name=v silent=false sync=false async=false "
                "d.audio ! queue ! opusdec ! fakesink sync=false async=false").split())
            until("100 frames are decoded", lambda: player.out.count("GstFakeSink:v: last-message = "
                  "chain") > 100 or not player.running())
            assert player.running(), player.log[-300:]
            player.end()
            yield "100 frames"
    return {WHIP: publishes(start), WHEP: play}


def whip_client_version():
    """That of the tree's package, as its changelog has it."""
    path = f"{table_codecs.ROOT}/usr/share/doc/simple-whip-client/changelog.Debian.gz"
    if not table_codecs.ROOT or not os.path.exists(path):
        return None
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return re.search(r"\((?:\d+:)?([^-)]+)", file.readline())[1]


def whip_client_rows():
    """meetecho's simple-whip-client of the tree, on its webrtcbin. Debian 12's ends at once: it has
    libsoup 3, and GStreamer's plugins load libsoup 2 into the same process."""
    def start(url):
        if not whip_client_version():
            raise Skip("PENSTOCK_FOREIGN_ROOT names no tree with it; that of Debian 12 ends at once, with "
                       "two versions of libsoup in one process")
        return table_codecs.in_tree(
            "/usr/bin/whip-client", "-u", url, "-V",
            "videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! "
            "x264enc tune=zerolatency key-int-max=25 ! rtph264pay pt=96 config-interval=-1 ! queue ! "
            "application/x-rtp,media=video,encoding-name=H264,payload=96", "-A",
            "audiotestsrc is-live=true ! audio/x-raw,channels=2 ! opusenc ! rtpopuspay pt=100 ! queue ! "
            "application/x-rtp,media=audio,encoding-name=OPUS,payload=100")
    return {WHIP: publishes(start), WHEP: skip("a publisher only")}


# --- browsers ---------------------------------------------------------------------------------------

def chromium_rows():
    def page(test):
        def cell():
            need("node", "chromium")
            if not os.path.exists(os.path.join(HERE, "../browser/node_modules/playwright-core")):
                raise Skip("playwright-core is missing: `npm ci` in tests/browser fetches it")
            process = Process("node", os.path.join(HERE, "../browser/page.mjs"), test, rig.PENSTOCK,
                              tempfile.mkdtemp(dir=rig.FOLDER),
                              env={"CHROMIUM": shutil.which("chromium"), "PENSTOCK_RTC": "127.0.0.1:0"})
            code = process.wait(180)
            assert code == 0, f"page.mjs {test}: exit {code}: {process.log[-300:]}"
            yield f"page.mjs {test}"
        return cell
    return {WHIP: page("rtc_publish"), WHEP: page("rtc_play")}


def unproven(reason):
    return lambda: {column: skip(f"unproven: {reason}") for column in COLUMNS}


def rows():
    """{name: (version, {column: cell})}"""
    chromium = version("chromium", "--version")
    found = {
        "Chromium, Penstock's page": (chromium and chromium.split(".")[0], chromium_rows),
        "libdatachannel (OBS Studio 30 has it), as node-datachannel": (
            npm_version(os.path.join(MODULES, "node-datachannel")),
            lambda: rtp_rows("node-datachannel")),
        "ffmpeg, newer": (table_codecs.version(True), ffmpeg_rows),
        "GStreamer webrtcbin, in rtcpushsink and rtcpullsrc": (
            version("gst-launch-1.0", "--version", pattern=r"GStreamer (\S+)"), gstreamer_rows),
        "werift": (npm_version(os.path.join(MODULES, "werift")), lambda: rtp_rows("werift")),
        "libwebrtc, as @roamhq/wrtc": (npm_version(os.path.join(MODULES, "@roamhq/wrtc")), wrtc_rows),
        "simple-whip-client, newer": (whip_client_version(), whip_client_rows),
        "OBS Studio 30 and later": (None, unproven(
            "Debian's packages of OBS Studio have no WebRTC; its library is above")),
        "GStreamer whipclientsink, whepsrc": (None, unproven(
            "Debian has no GStreamer plugins in Rust, where these are")),
        "Firefox": (None, unproven("its H.264 is a download, and not here")),
        "Safari": (None, unproven("there is none for Linux")),
    }
    return {name: (known or "not here", cells()) for name, (known, cells) in found.items()}


