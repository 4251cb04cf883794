#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Subtitles of Matroska and MP4 files into hlssegmenter; ffmpeg reads the playlist of subtitles, and
# the multivariant playlist. Cues keep their times beside the video.
import re
import sys
import tempfile

from hls_files import run

CUES = [(0.5, 1.5, "first"), (3.0, 7.25, "over two segments"), (9.0, 9.5, "a <i>b</i> & c"),
        (12.0, 13.0, "last\nof two lines")]


def stamp(seconds, comma=","):
    return f"{int(seconds // 3600):02}:{int(seconds // 60 % 60):02}:{int(seconds % 60):02}{comma}" \
           f"{int(round(seconds % 1 * 1000)):03}"


def make(path, codec):
    srt = path + ".srt"
    with open(srt, "w") as file:
        for number, (begin, end, text) in enumerate(CUES, 1):
            file.write(f"{number}\n{stamp(begin)} --> {stamp(end)}\n{text}\n\n")
    run("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=14", "-f", "lavfi",
        "-i", "sine=r=48000:d=14", "-i", srt, "-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264",
        "-g", "50", "-sc_threshold", "0", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac",
        "-c:s", codec, "-metadata:s:s:0", "language=eng", path)


def seconds_of(text):
    hours, minutes, rest = text.split(":")
    return int(hours) * 3600 + int(minutes) * 60 + float(rest)


def check(name, scratch, codec, suffix, demuxer, options):
    source = f"{scratch}/{name}{suffix}"
    make(source, codec)
    folder = f"{scratch}/{name}"
    line = (f"filesrc location={source} ! {demuxer} name=d d. ! queue ! h264parse ! hls.video_0 "
            f"d. ! queue ! aacparse ! hls.audio_0 d.subtitle_0 ! queue ! hls.subtitle_0 "
            f"hlssegmenter name=hls location=file://{folder}/index.m3u8 playlist-length=0 sync=false "
            f"{options}")
    run("gst-launch-1.0", "-q", *line.split())
    text = open(f"{folder}/index.m3u8").read()
    assert re.search(r'TYPE=SUBTITLES,GROUP-ID="subtitles",NAME="en",LANGUAGE="en"', text), text
    origin = 0 if "vod=true" in options else 10  # seconds; a package begins at 0
    playlist = open(f"{folder}/index/subtitle_0/index.m3u8").read()
    names = re.findall(r"^seg-\S+\.vtt$", playlist, re.M)
    assert len(names) == 7, playlist
    seen = {}
    for number, segment in enumerate(names):
        cues = open(f"{folder}/index/subtitle_0/{segment}").read()
        ticks, local = re.match(r"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:(\d+),LOCAL:(\S+)\n", cues).groups()
        assert int(ticks) == round(seconds_of(local) * 90000), cues
        assert abs(seconds_of(local) - origin - 2 * number) < 0.1, cues
        for begin, end, words in re.findall(r"(\S+) --> (\S+)\n((?:.+\n)+)", cues):
            key = (round(seconds_of(begin) - origin, 2), round(seconds_of(end) - origin, 2), words.strip())
            seen.setdefault(key, []).append(number)
    # Of MP4 ffmpeg has the styles beside the text.
    styles = "<.*?>" if codec == "mov_text" else "$^"
    expected = {(begin, end, re.sub(styles, "", words).replace("&", "&amp;")):
                list(range(int(begin // 2), int((end - 1e-6) // 2) + 1)) for begin, end, words in CUES}
    begins = sorted(seen)
    # Where the file's video begins is up to its muxer: some frames.
    for (key, numbers), (wanted, where) in zip(sorted(seen.items()), sorted(expected.items())):
        assert abs(key[0] - wanted[0]) < 0.1 and abs(key[1] - wanted[1]) < 0.1, (begins, expected)
        assert key[2] == wanted[2] and numbers == where, (key, numbers, wanted, where)
    assert len(seen) == len(expected), (begins, expected)
    # ffmpeg reads them.
    read, complaints = run("ffprobe", "-v", "warning", "-show_entries", "packet=pts_time", "-of", "csv=p=0",
                           f"{folder}/index/subtitle_0/index.m3u8")
    packets = [float(one.strip(",")) for one in read.split()]
    assert len(packets) == sum(map(len, expected.values())), (packets, complaints)
    streams, _ = run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0",
                     "-strict", "experimental", f"{folder}/index.m3u8")
    assert "webvtt" in streams and "h264" in streams, streams
    print(name, len(packets), "cues in", len(names), "segments", complaints)


CASES = {
    "matroska-cmaf": ("subrip", ".mkv", "matroskademux", "container=cmaf"),
    "matroska-ts": ("subrip", ".mkv", "matroskademux", "container=ts"),
    "matroska-vod": ("subrip", ".mkv", "matroskademux", "container=cmaf vod=true"),
    "mp4": ("mov_text", ".mp4", "qtdemux", "container=cmaf"),
}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        for case in sys.argv[1:] or CASES:
            check(case, folder, *CASES[case])
    print("ok")
