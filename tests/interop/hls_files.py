#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# hlssegmenter with real footage, checked by ffmpeg and ffprobe: decoding without warnings, correct
# durations, a keyframe at each start, no timestamp jumps.
import json
import os
import re
import subprocess
import sys
import tempfile

ORIGIN = 10.0  # where the stream's timeline begins, seconds


def run(*command, timeout=120):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}: exit {done.returncode}\n{done.stderr.decode()}")
    return done.stdout.decode(), done.stderr.decode()


def make(path, *, size="320x240", rate="25", seconds=9, video=(), audio=(), picture=True,
         sound=True, filters=None):
    command = ["ffmpeg", "-v", "error", "-y"]
    if picture:
        command += ["-f", "lavfi", "-i", f"testsrc=s={size}:r={rate}:d={seconds}"]
    if sound:
        command += ["-f", "lavfi", "-i", f"sine=r=48000:d={seconds}"]
    if picture:
        if filters:
            command += ["-vf", filters]
        command += ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-g", "50",
                    *video]
    if sound:
        command += ["-c:a", "aac", "-b:a", "96k", *audio]
    run(*command, path)


def launch(source, playlist, *, demuxer, picture, sound, extra=""):
    line = f"filesrc location={source} ! {demuxer} name=d "
    if picture:
        line += "d.video_0 ! h264parse ! hls.video_0 "
    if sound:
        line += "d.audio_0 ! aacparse ! hls.audio_0 "
    line += f"hlssegmenter name=hls location=file://{playlist} playlist-length=0 {extra}"
    run("gst-launch-1.0", "-q", *line.split())


def parse(playlist):
    text = open(playlist).read()
    assert text.startswith("#EXTM3U\n#EXT-X-VERSION:3\n"), text
    assert text.endswith("#EXT-X-ENDLIST\n"), text
    target = int(re.search(r"#EXT-X-TARGETDURATION:(\d+)", text).group(1))
    segments = re.findall(r"#EXTINF:(\d+\.\d{3,}),\n(\S+)", text)
    assert segments, text
    for duration, _ in segments:
        assert round(float(duration)) <= target, text
    return text, [(float(duration), name) for duration, name in segments]


def packets(path, stream):
    out, err = run("ffprobe", "-v", "error", "-select_streams", stream, "-show_entries",
                   "packet=pts_time,dts_time,duration_time,flags", "-of", "json", path)
    assert not err, f"{path}: {err}"
    return json.loads(out).get("packets", [])


def check(name, playlist, *, picture, sound, seconds):
    text, segments = parse(playlist)
    for command in (["ffmpeg", "-v", "error", "-i", playlist, "-f", "null", "-"],
                    ["ffprobe", "-v", "error", "-show_streams", playlist]):
        _, err = run(*command)
        assert not err, f"{name}: {' '.join(command)} says:\n{err}"
    assert "#EXT-X-DISCONTINUITY\n" not in text, f"{name}: a discontinuity in one file\n{text}"

    folder = os.path.dirname(playlist)
    starts, ends = [], []
    for _, uri in segments:
        path = os.path.join(folder, uri)
        assert os.path.getsize(path) % 188 == 0
        list_ = packets(path, "v" if picture else "a")
        if picture:
            assert "K" in list_[0]["flags"], f"{name}: {uri} does not begin with a keyframe"
            with_audio = packets(path, "a")
            assert bool(with_audio) == sound, f"{name}: sound in {uri}"
        times = [float(p["pts_time"]) for p in list_]
        starts.append(min(times))
        ends.append(max(times) + float(list_[-1].get("duration_time", 0)))
    for i, (duration, uri) in enumerate(segments):
        end = starts[i + 1] if i + 1 < len(starts) else ends[i]
        assert abs(end - starts[i] - duration) <= 0.001 + (i + 1 == len(starts)) * 0.021, \
            f"{name}: {uri} is {end - starts[i]:.6f} s, EXTINF says {duration}"
    assert abs(starts[0] - ORIGIN) < 0.001, f"{name}: begins at {starts[0]}"
    total = sum(duration for duration, _ in segments)
    assert abs(total - seconds) < 0.15, f"{name}: {total} s of {seconds}"

    for stream in ("v",) * picture + ("a",) * sound:
        list_ = packets(playlist, stream)
        dts = [float(p["dts_time"]) for p in list_]
        step = [b - a for a, b in zip(dts, dts[1:])]
        assert min(step) > 0, f"{name}: DTS goes back on {stream}"
        assert max(step) < 0.5, f"{name}: a DTS jump of {max(step)} s on {stream}"
        assert dts[0] > 0
    print(f"{name}: {len(segments)} segments, {total:.3f} s")


CASES = {
    # name: footage, how it is demuxed
    "plain": (dict(video=("-bf", "0")), {}),
    "b-frames": (dict(video=("-preset", "medium", "-bf", "3", "-b_strategy", "0")), {}),
    # Matroska has no decoding timestamps: they are worked out.
    "pts-only": (dict(sound=False, video=("-preset", "medium", "-bf", "3", "-b_strategy", "0")),
                 dict(demuxer="matroskademux", suffix="mkv")),
    "silent": (dict(sound=False, video=("-bf", "2", "-preset", "medium")), {}),
    "audio-only": (dict(picture=False), dict(suffix="m4a")),
    "odd-size": (dict(size="318x178", rate="30000/1001", video=("-g", "60")), {}),
    "variable-rate": (dict(filters="select='not(mod(n\\,7))+not(mod(n\\,3))'",
                           video=("-fps_mode", "vfr", "-g", "20")), {}),
    "mono-22050": (dict(audio=("-ar", "22050", "-ac", "1")), {}),
    "long-gop": (dict(video=("-g", "125", "-keyint_min", "125", "-sc_threshold", "0")), {}),
}


def main():
    chosen = sys.argv[1:] or list(CASES)
    with tempfile.TemporaryDirectory(prefix="penstock-hls-") as folder:
        for name in chosen:
            footage, how = CASES[name]
            picture, sound = footage.get("picture", True), footage.get("sound", True)
            source = os.path.join(folder, f"{name}.{how.get('suffix', 'mp4')}")
            playlist = os.path.join(folder, name, "index.m3u8")
            make(source, **footage)
            for sync in ("false", "auto") if name == "b-frames" else ("false",):
                target = playlist if sync == "false" else playlist.replace(name, name + "-paced")
                launch(source, target, demuxer=how.get("demuxer", "qtdemux"), picture=picture,
                       sound=sound, extra=f"sync={sync}")
                check(f"{name} sync={sync}", target, picture=picture, sound=sound, seconds=9)


if __name__ == "__main__":
    main()
