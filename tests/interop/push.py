#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtmppushsink and rtmppullsrc with other servers: ffmpeg that listens, nginx-rtmp, a server behind
TLS, a line that becomes narrow."""
import json
import os
import re
import shutil
import ssl

import rig
from fault_proxy import FaultProxy
from rig import Process, Server, footage, free_port, need, run, until


def gst(line, *options):
    return Process("gst-launch-1.0", "-m", *options, *line.split())


TEST = ("videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! "
        "x264enc name=enc tune=zerolatency key-int-max=25 bitrate={bitrate} ! h264parse ! mux.video "
        "audiotestsrc is-live=true ! audioconvert ! avenc_aac ! aacparse ! mux.audio "
        "flvlivemux name=mux ! ")


def push(location, bitrate=500, more=""):
    return gst(TEST.format(bitrate=bitrate) + f"rtmppushsink location={location} {more}", "-v")


def states(process):
    """(state, reason, retry in seconds) in order."""
    return [(state, reason.replace("\\", ""), int(retry) / 1e9) for state, reason, retry in re.findall(
        r'penstock-pu(?:sh|ll)-state, state=\(string\)(\w+), .*?reason=\(string\)(.*?), '
        r'refused=.*?retry-in=\(guint64\)(\d+)', process.log)]


def is_state(process, wanted, count=1):
    return sum(state == wanted for state, *_ in states(process)) >= count


def packets(path):
    out, _ = run("ffprobe", "-v", "error", "-show_entries", "packet=codec_type,dts_time,flags",
                 "-show_streams", "-of", "json", path)
    found = json.loads(out)
    return ([stream["codec_name"] for stream in found["streams"]],
            [p for p in found["packets"] if p["codec_type"] == "video"])


def check_file(path, least, rate=25):
    """Both codecs, a keyframe first, and then every frame: no step longer than two frames."""
    codecs, video = packets(path)
    assert sorted(codecs) == ["aac", "h264"], codecs
    assert len(video) >= least, f"{len(video)} frames"
    assert video[0]["flags"].startswith("K"), "it does not begin with a keyframe"
    times = [float(p["dts_time"]) for p in video]
    steps = [b - a for a, b in zip(times, times[1:])]
    assert min(steps) > 0 and max(steps) < 2.5 / rate, (min(steps), max(steps))
    return len(video)


def listening_ffmpeg(port, path, seconds=4):
    return Process("ffmpeg", "-nostdin", "-v", "error", "-y", "-listen", "1", "-i",
                   f"rtmp://127.0.0.1:{port}/live/x", "-t", str(seconds), "-c", "copy", "-f", "flv",
                   path)


def ffmpeg_listens():
    """ffmpeg as the server; it ends, is started anew, and is published to again"""
    port = free_port()
    first, second = (os.path.join(rig.FOLDER, name) for name in ("first.flv", "second.flv"))
    listener = listening_ffmpeg(port, first)
    pusher = push(f"rtmp://127.0.0.1:{port}/live/x", more="reconnect-delay=200000000")
    assert listener.wait() == 0, listener.err
    yield f"{check_file(first, 80)} frames"
    until("the push notices", lambda: is_state(pusher, "waiting"))
    listener = listening_ffmpeg(port, second)
    assert listener.wait() == 0, listener.err
    yield f"{check_file(second, 80)} frames after the server came back"
    assert pusher.running()
    pusher.end()


def pulls_from_ffmpeg():
    """ffmpeg serves one player, rtmppullsrc, whose output is complete"""
    port, path = free_port(), os.path.join(rig.FOLDER, "pulled.flv")
    server = Process("ffmpeg", "-nostdin", "-v", "error", "-re", "-i", footage(), "-t", "6", "-c",
                     "copy", "-f", "flv", "-listen", "1", f"rtmp://127.0.0.1:{port}/live/y")
    puller = gst(f"rtmppullsrc location=rtmp://127.0.0.1:{port}/live key=y "
                 f"reconnect-delay=200000000 ! filesink location={path}")
    until("it plays", lambda: is_state(puller, "live"))
    server.wait()
    until("it notices the end", lambda: is_state(puller, "waiting", sum(
        1 for state, *_ in states(puller) if state == "live")))
    puller.end()
    codecs, video = packets(path)
    assert sorted(codecs) == ["aac", "h264"], codecs
    assert len(video) >= 100, f"{len(video)} frames"
    yield f"{len(video)} frames"


def edge():
    """a server's stream pulled, and pushed to another name"""
    with Server() as server:
        publisher = server.publish(footage(), "in")
        edge_of = gst(f"rtmppullsrc location={server.url('in')} ! goptee name=gop "
                      f"gop. ! rtmppushsink location={server.url('out')}")
        until("the edge is live", lambda: "live/out" in server.streams())
        path = os.path.join(rig.FOLDER, "edge.flv")
        run("ffmpeg", "-nostdin", "-v", "error", "-y", "-i", server.url("out"), "-t", "4", "-c",
            "copy", "-f", "flv", path)
        codecs, video = packets(path)
        assert sorted(codecs) == ["aac", "h264"] and len(video) >= 80, (codecs, len(video))
        assert video[0]["flags"].startswith("K")
        yield f"{len(video)} frames"
        edge_of.end()
        publisher.kill()


def over_tls():
    """rtmps:// with SNI; a certificate that is not trusted is refused in words"""
    key, certificate = (os.path.join(rig.FOLDER, name) for name in ("key.pem", "cert.pem"))
    run("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
        "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out",
        certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with Server() as server:
        relay = FaultProxy(int(re.search(r":(\d+)/", server.rtmp)[1]), context=context)
        url = f"rtmps://localhost:{relay.port}/live"
        stranger = push(url, more="key=stranger")
        until("it is refused", lambda: is_state(stranger, "waiting"))
        assert "certificate is not trusted" in states(stranger)[1][1], states(stranger)
        stranger.end()
        pusher = push(url, more=f"key=secure tls-ca={certificate}")
        until("it is live", lambda: "live/secure" in server.streams())
        assert "localhost" in relay.names, relay.names
        puller = gst(f"rtmppullsrc location={url}/secure tls-ca={certificate} ! "
                     f"filesink location={os.path.join(rig.FOLDER, 'tls.flv')}")
        until("it plays", lambda: is_state(puller, "live"))
        until("some seconds are there",
              lambda: os.path.getsize(os.path.join(rig.FOLDER, "tls.flv")) > 200_000)
        puller.end()
        check_file(os.path.join(rig.FOLDER, "tls.flv"), 25)
        pusher.end()


def narrow_line():
    """the encoder's bitrate follows a line that becomes narrow, and wide again"""
    with Server() as server:
        relay = FaultProxy(int(re.search(r":(\d+)/", server.rtmp)[1]))
        pusher = gst("videotestsrc is-live=true pattern=snow ! "
                     "video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! x264enc name=enc "
                     "tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=3000 ! "
                     f"h264parse ! flvlivemux ! rtmppushsink adapt=true location="
                     f"rtmp://127.0.0.1:{relay.port}/live/cam", "-v")

        def bitrates():
            return [int(rate) for rate in re.findall(r"enc: bitrate = (\d+)", pusher.log)]
        until("it is live", lambda: "live/cam" in server.streams())
        known = bitrates()
        relay.up.rate = 120_000  # 960 kbit/s
        until("the bitrate goes down", lambda: bitrates()[len(known):] and bitrates()[-1] <= 1000)
        low = bitrates()[-1]
        yield f"3000 kbit/s to {low}, with {bitrates()[len(known):]} on the way"
        relay.up.rate = None

        def rising():
            """The bitrates from the lowest on, since another step down may come first."""
            rates = bitrates()
            return rates[len(rates) - 1 - rates[::-1].index(min(rates)):]
        until("it rises", lambda: len(rising()) >= 3)
        steps = rising()
        assert all(b - a == 300 for a, b in zip(steps, steps[1:])), steps
        yield f"and up again: {steps}"
        assert "penstock-congestion" in pusher.log
        assert pusher.running()
        pusher.end()


def nginx():
    """nginx-rtmp is published to and played from, and refuses by its callback"""
    module = "/usr/lib/nginx/modules/ngx_rtmp_module.so"
    if not shutil.which("nginx") or not os.path.exists(module):
        yield "skipped: libnginx-mod-rtmp is not installed"
        return
    port = free_port()
    configuration = os.path.join(rig.FOLDER, "nginx.conf")
    with open(configuration, "w", encoding="utf-8") as file:
        file.write(f"load_module {module};\ndaemon off;\nmaster_process off;\n"
                   f"pid {rig.FOLDER}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
                   f"rtmp {{ server {{ listen 127.0.0.1:{port}; application live {{ live on; }}\n"
                   "application shut { live on; deny publish all; } } }\n")
    server = Process("nginx", "-c", configuration, "-p", rig.FOLDER)
    pusher = push(f"rtmp://127.0.0.1:{port}/live", more="key=cam?token=x reconnect-delay=200000000")
    until("it is live", lambda: is_state(pusher, "live"))
    path = os.path.join(rig.FOLDER, "nginx.flv")
    puller = gst(f"rtmppullsrc location=rtmp://127.0.0.1:{port}/live/cam reconnect-delay=200000000 ! "
                 f"filesink location={path}")
    until("some seconds are there", lambda: os.path.exists(path) and os.path.getsize(path) > 300_000)
    puller.end()
    codecs, video = packets(path)
    assert sorted(codecs) == ["aac", "h264"], codecs
    yield f"{len(video)} frames"
    refused = push(f"rtmp://127.0.0.1:{port}/shut/cam")
    until("it is refused", lambda: is_state(refused, "waiting"))
    yield states(refused)[-1][1]
    for process in (pusher, refused):
        process.end()
    server.kill()


if __name__ == "__main__":
    need("ffmpeg", "ffprobe", "gst-launch-1.0")
    rig.main([ffmpeg_listens, pulls_from_ffmpeg, edge, over_tls, narrow_line, nginx])
