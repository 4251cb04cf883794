#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""hlssegmenter with two sizes and two languages, served in low-latency parts: every playlist of the
multivariant one is there, with the same segments at the same dates, and ffmpeg plays each size with
each language."""

import re
import urllib.error
import urllib.request
from datetime import datetime
from urllib.parse import urljoin

import rig
from rig import Process, free_port, until

VIDEO = "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate={} ! h264parse"
AUDIO = "audiotestsrc is-live=true freq={} ! audio/x-raw,rate=48000 ! avenc_aac ! aacparse"
SIZES = {"video_0": "640x360", "video_1": "320x180"}
LANGUAGES = {"audio_0": "en", "audio_1": "de"}


def get(url):
    """The text at a URL; None before it is there."""
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
    except OSError:
        pass
    return None


def pipeline(url, properties):
    """A live pipeline with two video and two audio tracks, until its check ends."""
    line = ("videotestsrc is-live=true pattern=ball ! "
            "video/x-raw,format=I420,width=640,height=360,framerate=25/1 ! tee name=t "
            f"t. ! queue ! {VIDEO.format(800)} ! hls.video_0 "
            "t. ! queue ! videoscale ! video/x-raw,width=320,height=180 ! "
            f"{VIDEO.format(200)} ! hls.video_1 ")
    for number, (pad, language) in enumerate(LANGUAGES.items()):
        line += (f"{AUDIO.format(440 * (number + 1))} ! "
                 f"taginject tags=language-code={language} ! hls.{pad} ")
    line += (f"hlssegmenter name=hls location={url} target-duration=1000000000 audio_1::title=Deutsch "
             f"{properties}")
    return Process("gst-launch-1.0", *line.split())


def attributes(line):
    return {name: value.strip('"') for name, value in
            re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line.split(":", 1)[1])}


def segments(text):
    """By Media Sequence Number: date and duration."""
    number = int(re.search(r"(?m)^#EXT-X-MEDIA-SEQUENCE:(\d+)", text)[1])
    found, date, duration = {}, None, None
    for line in text.splitlines():
        if line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            date = datetime.fromisoformat(line.split(":", 1)[1].replace("Z", "+00:00")).timestamp()
        elif line.startswith("#EXTINF:"):
            duration = float(line.split(":")[1].split(",")[0])
        elif line and not line.startswith("#"):
            found[number] = (date, duration)
            number += 1
    return found


def streams(url, *options):
    """What ffmpeg decodes there within four seconds of media: frames of video, log."""
    player = Process("ffmpeg", "-nostdin", "-v", "info", "-i", url, *options, "-t", "4",
                     "-progress", "pipe:1", "-f", "null", "-")
    assert player.wait() == 0
    return int(re.findall(r"frame=\s*(\d+)", player.out)[-1]), player.err


def check(properties, has_parts):
    url = f"http://127.0.0.1:{free_port()}/live/cam/index.m3u8"
    source = pipeline(url, properties)
    text = until("the multivariant playlist", lambda: get(url) or not source.running())
    assert source.running(), "gst-launch-1.0 has ended"
    media = [attributes(line) for line in text.splitlines() if line.startswith("#EXT-X-MEDIA:")]
    lines = text.splitlines()
    variants = [(attributes(line), lines[i + 1]) for i, line in enumerate(lines)
                if line.startswith("#EXT-X-STREAM-INF:")]
    assert [(a["NAME"], a["LANGUAGE"], a["DEFAULT"]) for a in media] == \
        [("en", "en", "YES"), ("Deutsch", "de", "NO")], text
    assert [a["RESOLUTION"] for a, _ in variants] == list(SIZES.values()), text
    for variant, _ in variants:
        assert variant["AUDIO"] == media[0]["GROUP-ID"], text
        assert re.fullmatch(r"avc1\.\w{6},mp4a\.40\.2", variant["CODECS"]), text
    urls = [urljoin(url, uri) for uri in
            [uri for _, uri in variants] + [a["URI"] for a in media]]
    assert len(set(urls)) == 4, text

    lists = []
    until("four segments in all of them", lambda: all(
        len(segments(get(each) or "#EXT-X-MEDIA-SEQUENCE:0")) >= 4 for each in urls))
    for each in urls:
        playlist = get(each)
        assert ("#EXT-X-PART:" in playlist) == has_parts, playlist
        reports = set(re.findall(r'#EXT-X-RENDITION-REPORT:URI="(.+?)"', playlist))
        others = {other for other in urls if other != each}
        assert {urljoin(each, uri) for uri in reports} == (others if has_parts else set()), playlist
        # Before the first part there is a gap, where there are parts.
        assert playlist.count("#EXT-X-GAP") <= has_parts, playlist
        assert "#EXT-X-DISCONTINUITY\n" not in playlist, playlist
        lists.append(segments(playlist))
    common = set.intersection(*(set(found) for found in lists))
    assert len(common) >= 2, lists
    for number in common:
        date, duration = lists[0][number]
        assert lists[1][number] == (date, duration), f"{number}: {lists}"
        # Audio is cut at whole frames, of 21.3 ms.
        assert all(abs(found[number][0] - date) < 0.024 and
                   abs(found[number][1] - duration) < 0.024 for found in lists), f"{number}: {lists}"

    seen = streams(url)[1]
    for size in SIZES.values():
        assert size in seen, seen
    for program, size in enumerate(SIZES.values()):
        for place in range(len(LANGUAGES)):
            frames, log = streams(url, "-map", f"0:p:{program}:v", "-map", f"0:a:{place}")
            assert frames >= 95, f"{frames} frames of {size}:\n{log}"
            assert re.search(rf"(?s)Output.*{size}", log), log
            yield f"{size} with audio {place}: {frames} frames"
    assert source.running(), "gst-launch-1.0 has ended"
    assert source.end() == 0


def low_latency():
    """in parts of 200 ms"""
    yield from check("container=cmaf part-duration=200000000", True)


def whole_segments():
    """in whole segments"""
    yield from check("container=cmaf", False)


if __name__ == "__main__":
    rig.need("ffmpeg", "gst-launch-1.0")
    rig.main([low_latency, whole_segments])
