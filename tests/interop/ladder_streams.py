#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`penstock run live ladder` with ffmpeg: the rungs of a stream over RTMP, HTTP-FLV and HLS, with
keyframes where the source has them, while somebody watches."""

import os
import re
import struct
import time
import urllib.error
import urllib.request
from datetime import datetime
from urllib.parse import urljoin

import rig
from rig import Process, Server, main, need, run, until

RUNGS = {"480p": (854, 480), "360p": (640, 360)}  # of footage(540)
RATE = 15


def footage(height):
    """A file of 16:9 and that many lines, with B-frames and a keyframe every two seconds."""
    path = os.path.join(rig.FOLDER, f"ladder-{height}.mp4")
    with rig.making:
        if not os.path.exists(path):
            run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                f"testsrc2=size={height * 16 // 9}x{height}:rate={RATE}:duration=8", "-f", "lavfi",
                "-i", "sine=frequency=440:sample_rate=48000:duration=8", "-c:v", "libx264",
                "-preset", "veryfast", "-bf", "2", "-g", str(2 * RATE), "-sc_threshold", "0",
                "-pix_fmt", "yuv420p", "-c:a", "aac", path)
    return path


def ladder(*settings):
    return Server("idle=3s", *settings, descriptions=("live", "ladder"))


def get(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()


def playlist_of(server):
    return server.hls("cam_ladder")


def variants(text):
    """Attributes and URI of each."""
    lines = text.splitlines()
    return [({name: value.strip('"') for name, value in
              re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line.split(":", 1)[1])}, lines[i + 1])
            for i, line in enumerate(lines) if line.startswith("#EXT-X-STREAM-INF:")]


def sizes(server):
    return [variant["RESOLUTION"] for variant, _ in variants(get(playlist_of(server)).decode())]


def boxes(data, wanted, start=0, end=None):
    """Contents of the boxes of this type, as (begin, end)."""
    end = len(data) if end is None else end
    while start + 8 <= end:
        size, kind = struct.unpack(">I4s", data[start:start + 8])
        if kind == wanted:
            yield start + 8, start + size
        start += size


def first_pts(segment):
    """PTS of a segment's first frame, in units of its track."""
    begin, end = next(boxes(segment, b"moof"))
    begin, end = next(boxes(segment, b"traf", begin, end))
    tfdt, _ = next(boxes(segment, b"tfdt", begin, end))
    wide = segment[tfdt] == 1
    time_, = struct.unpack(">Q" if wide else ">I", segment[tfdt + 4:tfdt + (12 if wide else 8)])
    trun, _ = next(boxes(segment, b"trun", begin, end))
    flags = struct.unpack(">I", segment[trun:trun + 4])[0] & 0xffffff
    if not flags & 0x800:
        return time_
    at = trun + 8 + 4 * sum(1 for bit in (0x1, 0x4, 0x100, 0x200, 0x400) if flags & bit)
    return time_ + struct.unpack(">i", segment[at:at + 4])[0]


def whole_segments(url):
    """By Media Sequence Number: date, duration and URL, of those that there are."""
    text = get(url).decode()
    number = int(re.search(r"(?m)^#EXT-X-MEDIA-SEQUENCE:(\d+)", text)[1])
    found, date, duration, is_gap = {}, None, None, False
    for line in text.splitlines():
        if line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
            date = line.split(":", 1)[1]
        elif line.startswith("#EXTINF:"):
            duration = line.split(":")[1]
        elif line == "#EXT-X-GAP":
            is_gap = True
        elif line and not line.startswith("#"):
            if not is_gap:
                found[number] = (date, duration, urljoin(url, line))
            number, is_gap = number + 1, False
    return found


def date_of(segment):
    return datetime.fromisoformat(segment[0].replace("Z", "+00:00")).timestamp()


def watch(url, *options):
    return Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-stats_period",
                   "0.2", "-i", url, *options, "-c", "copy", "-f", "null", "-")


def frames(player):
    found = re.findall(r"frame=\s*(\d+)", player.out)
    return int(found[-1]) if found else 0


def goes_on(what, *players):
    before = [frames(player) for player in players]
    until(what, lambda: all(frames(player) > seen + 2 * RATE
                            for player, seen in zip(players, before)))


def is_decoded(url, *options):
    """Frames that ffmpeg decodes of three seconds."""
    player = Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-i", url, *options,
                     "-t", "3", "-f", "null", "-")
    assert player.wait() == 0, url
    return frames(player)


def hls():
    """One playlist of the source and its rungs: aligned, true, and each of them plays."""
    with ladder() as server:
        # The ladder begins with a part of a GOP that is past.
        publisher = server.publish(footage(540), "cam")
        until("it is in the midst of a GOP", lambda: publisher.sent() > 3.5)
        began = time.monotonic()
        text = get(playlist_of(server)).decode()
        yield f"first playlist after {time.monotonic() - began:.1f} s"
        found = variants(text)
        assert [v["RESOLUTION"] for v, _ in found] == ["960x540", "854x480", "640x360"], text
        for variant, _ in found:
            assert re.fullmatch(r"avc1\.\w{6},mp4a\.40\.2", variant["CODECS"]), text
        urls = [urljoin(playlist_of(server), uri) for _, uri in found]
        until("four segments of each", lambda: all(len(whole_segments(u)) >= 4 for u in urls))
        lists = [whole_segments(url) for url in urls]
        common = set.intersection(*(set(found) for found in lists))
        assert len(common) >= 3, lists
        for number in common:
            dates = {found[number][:2] for found in lists}
            times = {first_pts(get(found[number][2])) for found in lists}
            assert len(dates) == 1 and len(times) == 1, f"{number}: {dates} {times}"
            if number + 1 in common:
                steps = [date_of(found[number + 1]) - date_of(found[number]) for found in lists]
                assert all(abs(step - float(found[number][1].rstrip(","))) < 0.02
                           for step, found in zip(steps, lists)), f"{number}: {steps} {lists}"
        yield f"{len(common)} segments begin with the same PTS in all"
        for variant, _ in variants(get(playlist_of(server)).decode()):
            average, most = int(variant["AVERAGE-BANDWIDTH"]), int(variant["BANDWIDTH"])
            assert 0 < average <= most, variant
            yield f"{variant['RESOLUTION']}: {average / 1e6:.2f} Mbit/s, at most {most / 1e6:.2f}"
        for program in range(3):
            count = is_decoded(playlist_of(server), "-map", f"0:p:{program}")
            assert count >= 3 * RATE - 5, f"{count} frames of variant {program}"
        until("it ends, idle", lambda: "ends, no viewers are left" in server.log)
        assert server.log.count("starts, requested by a viewer") == 1


def keyframes(probe):
    return {int(line.split(",")[0]) for line in probe.out.split() if "K" in line}


def flv():
    """RTMP and HTTP-FLV of each rung come out of one encode, and have the same keyframes."""
    with ladder() as server:
        server.publish(footage(540), "cam")
        until("cam is live", server.streams)
        # The longest viewer keeps all rungs, whoever else comes and goes.
        stays = watch(server.url("cam_360p"))
        until("it is made", lambda: frames(stays) > 0)
        urls = [url for rung in RUNGS for url in (server.url(f"cam_{rung}"), server.flv(f"cam_{rung}"))]
        for url, (width, height) in zip(urls, (size for size in RUNGS.values() for _ in "ab")):
            out, _ = run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                         "stream=codec_name,width,height", "-of", "csv=p=0", url)
            assert out.strip().strip(",") == f"h264,{width},{height}", f"{url}: {out}"
            assert is_decoded(url) >= 3 * RATE - 5
        probes = [Process("ffprobe", "-v", "error", "-select_streams", "v", "-read_intervals", "%+9",
                          "-show_entries", "packet=pts,flags", "-of", "csv=p=0", url)
                  for url in urls]
        for probe in probes:
            assert probe.wait() == 0
        found = [keyframes(probe) for probe in probes]
        first, last = max(min(keys) for keys in found), min(max(keys) for keys in found)
        common = [{key for key in keys if first <= key <= last} for keys in found]
        assert len(common[0]) >= 3 and all(keys == common[0] for keys in common), found
        steps = sorted(common[0])
        yield f"keyframes of all, in ms: {steps}"
        assert all(abs(b - a - 2000) < 150 for a, b in zip(steps, steps[1:])), steps
        assert server.log.count("starts, requested by a viewer") == 1
        stays.end()
        until("it ends, idle", lambda: "ends, no viewers are left" in server.log)


def publisher_returns():
    """Viewers stay while a publisher is away, and go on when it comes back."""
    with ladder("grace=20s") as server:
        publisher = server.publish(footage(540), "cam")
        until("cam is live", server.streams)
        players = [watch(server.url("cam_480p")), watch(server.flv("cam_360p")),
                   watch(playlist_of(server), "-map", "0:p:1")]
        until("all play", lambda: all(frames(player) > 0 for player in players))
        goes_on("all go on", *players)
        publisher.kill()
        until("it is off air", lambda: "off air live/cam " in server.log)
        server.publish(footage(540), "cam")
        goes_on("they go on with the next publisher", *players)
        assert all(player.running() for player in players)
        assert server.log.count("starts, requested by a viewer") == 1
        until("three sizes", lambda: len(sizes(server)) == 3)


def small_source():
    """Nothing is enlarged: of a source that is no larger there is no rung."""
    with ladder() as server:
        server.publish(footage(360), "cam")
        until("cam is live", server.streams)
        waits = watch(server.flv("cam_480p"))
        until("the ladder starts", lambda: "starts, requested by a viewer" in server.log)
        assert sizes(server) == ["640x360"]
        assert is_decoded(playlist_of(server)) >= 3 * RATE - 5
        assert frames(waits) == 0
        assert sorted(server.streams()) == ["live/cam", "live/cam_ladder"]
        # Who asks for one is told so, and does not wait.
        began = time.monotonic()
        player = watch(server.url("cam_480p"))
        assert player.wait() != 0
        try:
            get(server.flv("cam_480p"))
            raise AssertionError("cam_480p is served")
        except urllib.error.HTTPError as error:
            assert error.code == 404, error
            said = error.read().decode()
            assert "the source is no larger: 640x360" in said, said
        yield f"answered after {time.monotonic() - began:.1f} s"
        assert "live/cam_480p: there is none: " in server.log


def without_video():
    """Audio alone has no sizes: the playlist of all has the audio, and a rung is none."""
    with ladder() as server:
        server.publish(footage(360), "cam", "-vn", "-c", "copy")
        until("cam is live", server.streams)
        player = watch(server.url("cam_480p"))
        text = get(playlist_of(server)).decode()
        assert "RESOLUTION" not in text and 'CODECS="mp4a.40.2"' in text, text
        is_played = Process("ffmpeg", "-nostdin", "-v", "error", "-i", playlist_of(server), "-t", "2",
                            "-f", "null", "-")
        assert is_played.wait() == 0
        assert player.wait() != 0
        assert "live/cam_480p: there is none: no video has come" in server.log
        try:
            get(server.flv("cam_480p"))
            raise AssertionError("cam_480p is served")
        except urllib.error.HTTPError as error:
            assert error.code == 404, error
        yield "a rung of audio alone is refused"


if __name__ == "__main__":
    need("ffmpeg", "ffprobe")
    main([hls, flv, publisher_returns, small_source, without_video])
