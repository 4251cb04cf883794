#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# SCTE 35 in a transport stream, through tsdemux into hlssegmenter: date ranges at the times of the
# splices, and segments that begin there. One more through an encoder, which is asked for keyframes.
import datetime
import re
import sys
import tempfile

from hls_files import run

PACKET = 188
PMT, SPLICES = 0x1000, 0x1F0


def crc32(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
    return crc.to_bytes(4, "big")


def insert(event, out, pts, duration=None):
    """A splice_insert() of program time `pts` (s)."""
    ticks = round(pts * 90000)
    flags = (0x80 if out else 0) | 0x40 | (0x20 if duration else 0) | 0x0F
    body = event.to_bytes(4, "big") + bytes([0x7F, flags, 0xFE]) + ticks.to_bytes(4, "big")
    if duration:
        body += bytes([0x7E]) + round(duration * 90000).to_bytes(4, "big")
    body += bytes(4)
    section = bytes([0xFC]) + (0x3000 | 17 + len(body)).to_bytes(2, "big") + bytes(7)
    section += (0xFFF000 | len(body)).to_bytes(3, "big") + bytes([5]) + body + bytes(2)
    return section + crc32(section)


def packet(pid, counter, section):
    head = bytes([0x47, 0x40 | pid >> 8, pid & 0xFF, 0x10 | counter & 15, 0])
    return (head + section).ljust(PACKET, b"\xFF")


def with_splices(data, splices):
    """The stream with a stream of splices: (number of the frame before which it comes, section)."""
    out, counter, frames = bytearray(), 0, 0
    waiting = list(splices)
    for at in range(0, len(data), PACKET):
        one = data[at:at + PACKET]
        pid = (one[1] & 0x1F) << 8 | one[2]
        if pid == PMT:
            section = one[5:5 + 3 + ((one[6] & 15) << 8 | one[7])]
            skip = 12 + ((section[10] & 15) << 8 | section[11])
            cuei = bytes([5, 4]) + b"CUEI"
            body = section[3:10] + (0xF000 | len(cuei)).to_bytes(2, "big") + cuei + section[skip:-4]
            body += bytes([0x86]) + (0xE000 | SPLICES).to_bytes(2, "big") + b"\xF0\x00"
            section = bytes([2]) + (0xB000 | len(body) + 4).to_bytes(2, "big") + body
            one = one[:5] + section + crc32(section)
            one = one.ljust(PACKET, b"\xFF")
        begins = pid == 0x100 and one[1] & 0x40
        while begins and waiting and waiting[0][0] <= frames:
            out += packet(SPLICES, counter, waiting.pop(0)[1])
            counter += 1
        frames += bool(begins)
        out += one
    assert not waiting
    return bytes(out)


def dates(text, name):
    return [datetime.datetime.fromisoformat(date.replace("Z", "+00:00"))
            for date in re.findall(rf'{name}[=:]"?([^"\n]+Z)', text)]


def check(scratch, what, encoder, every):
    source = f"{scratch}/{what}.ts"
    run("ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc=s=320x240:r=25:d=14", "-f", "lavfi",
        "-i", "sine=r=48000:d=14", "-c:v", "libx264", "-g", str(every), "-bf", "0", "-sc_threshold", "0",
        "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", source)
    frames, _ = run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries", "frame=pts_time",
                    "-of", "csv=p=0", source)
    first = float(frames.split()[0].strip(","))
    out, back = first + 5, first + 9
    data = with_splices(open(source, "rb").read(), [
        (25, insert(77, True, out, 4)), (50, insert(77, True, out, 4)), (75, insert(77, False, back))])
    open(source, "wb").write(data)
    folder = f"{scratch}/{what}"
    line = (f"filesrc location={source} ! tsdemux send-scte35-events=true name=d "
            f"d. ! video/x-h264 ! queue ! h264parse ! {encoder} hls.video_0 "
            f"d. ! audio/mpeg ! queue ! aacparse ! hls.audio_0 "
            f"hlssegmenter name=hls location=file://{folder}/index.m3u8 playlist-length=0 sync=false")
    run("gst-launch-1.0", "-q", *line.split())
    text = open(f"{folder}/index.m3u8").read()
    ranges = re.findall(r"^#EXT-X-DATERANGE:.*$", text, re.M)
    print(what, *ranges, sep="\n  ")
    assert len(ranges) == 2, text
    assert "SCTE35-OUT=0xFC30" in ranges[0] and "PLANNED-DURATION=4.000000" in ranges[0], ranges
    assert "SCTE35-IN=0xFC30" in ranges[1], ranges
    assert abs(float(re.search(r",DURATION=([0-9.]+)", ranges[1]).group(1)) - 4) < 0.002, ranges
    begins = dates(text, "PROGRAM-DATE-TIME")
    for moment in dates(ranges[1], "START-DATE") + dates(ranges[1], "END-DATE"):
        nearest = min(abs((begin - moment).total_seconds()) for begin in begins)
        assert nearest < 0.003, f"{nearest} s from a segment's begin\n{text}"
    # A stream of 14 s.
    assert (dates(ranges[0], "START-DATE")[0] - begins[0]).total_seconds() - 5 < 0.003, text


CHECKS = {
    # Keyframes each second, segments of two: the splices at 5 and 9 s begin segments of their own.
    "recorded": ("", 25),
    # One keyframe in the whole input: the encoder makes those that are asked for.
    "encoded": ("avdec_h264 ! videoconvert ! x264enc tune=zerolatency key-int-max=50 ! h264parse !", 1000),
}

if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        for name in sys.argv[1:] or CHECKS:
            check(scratch, name, *CHECKS[name])
    print("ok")
