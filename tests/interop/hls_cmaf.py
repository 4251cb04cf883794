#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# hlssegmenter container=cmaf with every codec, judged by ffmpeg, ffprobe, GStreamer's qtdemux and
# hlsdemux: each decodes all frames without a warning, at the source's times.
# `python3 hls_cmaf.py NAME…` runs some.
import functools
import glob
import http.server
import json
import os
import re
import subprocess
import sys
import tempfile
import threading

SECONDS = 5
X264 = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-g", "50")
BFRAMES = ("-preset", "medium", "-bf", "3", "-b_strategy", "0")
AAC = ("-c:a", "aac")

# name: what ffmpeg encodes, the file's suffix and demuxer, the parsers in front of the pads
CASES = {
    "h264": (X264, AAC, "mp4", "qtdemux", "h264parse", "aacparse"),
    "b-frames": (X264 + BFRAMES, AAC, "mp4", "qtdemux", "h264parse", "aacparse"),
    "pts-only": (X264 + BFRAMES, (), "mkv", "matroskademux", "h264parse", None),
    "avc3": (X264, AAC, "mp4", "qtdemux",
             "h264parse ! video/x-h264,stream-format=byte-stream ! h264parse ! "
             "video/x-h264,stream-format=avc3", "aacparse"),
    "hevc-ac3": (("-c:v", "libx265", "-x265-params", "log-level=error:keyint=50", "-pix_fmt",
                  "yuv420p"), ("-c:a", "ac3"), "mp4", "qtdemux", "h265parse", "ac3parse"),
    "av1-opus": (("-c:v", "libaom-av1", "-cpu-used", "8", "-g", "50", "-pix_fmt", "yuv420p"),
                 ("-c:a", "libopus"), "mp4", "qtdemux", "av1parse", "opusparse"),
    "vp9-flac": (("-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8", "-g", "50",
                  "-pix_fmt", "yuv420p"), ("-c:a", "flac"), "mkv", "matroskademux", "vp9parse",
                 "flacparse"),
    "eac3": (X264, ("-c:a", "eac3"), "mp4", "qtdemux", "h264parse", "ac3parse"),
    "mono-44100": (X264, AAC + ("-ar", "44100", "-ac", "1"), "mp4", "qtdemux", "h264parse",
                   "aacparse"),
    "audio-only": ((), AAC, "m4a", "qtdemux", None, "aacparse"),
    "silent": (X264, (), "mp4", "qtdemux", "h264parse", None),
}


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
    out, err = done.stdout.decode(), done.stderr.decode()
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{out[-2000:]}\n{err[-2000:]}")
    return out, err


def make(path, video, audio):
    command = ["ffmpeg", "-v", "error", "-y"]
    if video:
        command += ["-f", "lavfi", "-i", f"testsrc=s=320x240:r=25:d={SECONDS}"]
    if audio:
        command += ["-f", "lavfi", "-i", f"sine=r=48000:d={SECONDS}", "-ac", "2"]
    run(*command, *video, *audio, path)


def segment(source, playlist, demuxer, video, audio):
    line = f"filesrc location={source} ! {demuxer} name=d "
    if video:
        line += f"d.video_0 ! {video} ! hls.video_0 "
    if audio:
        line += f"d.audio_0 ! {audio} ! hls.audio_0 "
    line += f"hlssegmenter name=hls container=cmaf location=file://{playlist} playlist-length=0 "
    run("gst-launch-1.0", "-q", *(line + "sync=false").split())


def times(path, kind):
    """The display times of all packets in seconds, as ffprobe sees them."""
    out, err = run("ffprobe", "-v", "error", "-select_streams", kind, "-show_entries",
                   "packet=pts_time,dts_time", "-of", "json", path)
    assert not err, f"{path}: {err}"
    packets = json.loads(out).get("packets", [])
    decoding = [float(p["dts_time"]) for p in packets if "dts_time" in p]
    assert all(a < b for a, b in zip(decoding, decoding[1:])), f"{path}: DTS goes back"
    return sorted(float(p["pts_time"]) for p in packets)


def gst_times(element, path, kind):
    """The display times of all buffers out of GStreamer's demuxer."""
    out, _ = run("gst-launch-1.0", "-v", *(
        f"{element.format(path)} ! qtdemux name=d d.{kind}_0 ! identity name=seen silent=false ! "
        "fakesink sync=false").split())
    found = re.findall(r"seen: last-message = chain .*?pts: (\d+):(\d+):([\d.]+)", out.replace("\\", ""))
    return sorted(int(h) * 3600 + int(m) * 60 + float(s) for h, m, s in found)


def assert_same(name, expected, seen, tolerance):
    """The same times, up to a constant: a live timeline has its own origin."""
    assert expected and seen, f"{name}: {len(expected)} and {len(seen)} frames"
    # Audio before the first keyframe is not part of the stream.
    missing = len(expected) - len(seen)
    assert 0 <= missing <= 2, f"{name}: {len(seen)} of {len(expected)} frames"
    expected = expected[missing:]
    shift = seen[0] - expected[0]
    for a, b in zip(expected, seen):
        assert abs(b - a - shift) <= tolerance, f"{name}: {b - shift} s for {a} s"
    return missing


def serve(folder):
    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_address[1]}"


def check(name, folder, case):
    video_options, audio_options, suffix, demuxer, video, audio = case
    source = os.path.join(folder, f"{name}.{suffix}")
    playlist = os.path.join(folder, name, "index.m3u8")
    make(source, video_options, audio_options)
    segment(source, playlist, demuxer, video, audio)
    text = open(playlist).read()
    assert text.count("#EXT-X-MAP:") == 1 and "#EXT-X-VERSION:6\n" in text, text
    assert "#EXT-X-DISCONTINUITY\n" not in text, text
    for duration in re.findall(r"#EXTINF:([\d.]+),", text):
        assert round(float(duration)) <= int(re.search(r"TARGETDURATION:(\d+)", text)[1]), text

    _, err = run("ffmpeg", "-v", "warning", "-xerror", "-i", playlist, "-f", "null", "-")
    assert not err, f"{name}: ffmpeg says:\n{err}"
    whole = os.path.join(folder, f"{name}-whole.mp4")
    init = glob.glob(os.path.join(folder, name, "init-*.mp4"))
    assert len(init) == 1, init
    with open(whole, "wb") as out:
        for part in init + [os.path.join(folder, name, uri)
                            for uri in re.findall(r"(?m)^seg-\S+", text)]:
            out.write(open(part, "rb").read())
    server, url = serve(folder)
    hls = f"souphttpsrc location={url}/{name}/index.m3u8 ! hlsdemux"
    for kind, wanted in (("video", video), ("audio", audio)):
        if not wanted:
            continue
        expected = times(source, kind[0])
        # Matroska counts milliseconds.
        tolerance = 0.0011 if suffix == "mkv" else 0.00005
        # Rounded audio times are replaced by sample counts, which may differ by one rounding more.
        if kind == "audio":
            tolerance += 0.001
        for judge, seen in (("ffprobe", times(playlist, kind[0])),
                            ("qtdemux", gst_times("filesrc location={}", whole, kind)),
                            ("hlsdemux", gst_times(hls, "", kind))):
            assert_same(f"{name}: {judge}, {kind}", expected, seen, tolerance)
        print(f"{name}: {kind}, {len(expected)} frames", flush=True)
    server.shutdown()


def main():
    chosen = sys.argv[1:] or list(CASES)
    with tempfile.TemporaryDirectory(prefix="penstock-cmaf-") as folder:
        for name in chosen:
            check(name, folder, CASES[name])


if __name__ == "__main__":
    main()
