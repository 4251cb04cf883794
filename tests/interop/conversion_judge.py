# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the conversion matrix publishes, and how it judges a recording of what came out: frames, their
times, lip sync and colour. A picture of one colour flashes in a corner at each second, and a tone
sounds as long as it does."""

import json
import os
import re
import statistics

import rig

RATE = 25        # frames a second
FLASH = 3 / 25   # seconds
COLOUR = "0x2864B4"

VIDEO = {
    "H.264": ("h264", "-c:v libx264 -preset veryfast -bf 0 -g 25 -pix_fmt yuv420p"),
    "HEVC": ("hevc", "-c:v libx265 -preset ultrafast -bf 0 -g 25 -pix_fmt yuv420p "
                     "-x265-params log-level=none:bframes=0:keyint=25:repeat-headers=1"),
    "AV1": ("av1", "-c:v libaom-av1 -cpu-used 8 -usage realtime -row-mt 1 -lag-in-frames 0 -g 25 "
                   "-b:v 300k -pix_fmt yuv420p"),
    "VP8": ("vp8", "-c:v libvpx -deadline realtime -g 25 -b:v 300k -pix_fmt yuv420p"),
}
AUDIO = {"AAC": ("aac", "-c:a aac -b:a 96k"), "Opus": ("opus", "-c:a libopus -b:a 64k")}
# What is published, by the names of its codecs.
CONTENTS = {
    "H.264 and AAC": ("H.264", "AAC"), "H.264 and Opus": ("H.264", "Opus"),
    "HEVC and AAC": ("HEVC", "AAC"), "AV1 and Opus": ("AV1", "Opus"), "VP8 and Opus": ("VP8", "Opus"),
    "AAC alone": (None, "AAC"), "H.264 alone": ("H.264", None),
}


def codecs_of(content):
    """{"video": "h264", "audio": "aac"} as ffprobe calls them, as far as it has them."""
    video, audio = CONTENTS[content]
    out = {}
    if video:
        out["video"] = VIDEO[video][0]
    if audio:
        out["audio"] = AUDIO[audio][0]
    return out


def make(content, seconds=12):
    """The file of a content."""
    video, audio = CONTENTS[content]
    name = re.sub(r"\W+", "-", content.lower())
    path = os.path.join(rig.FOLDER, f"{name}-{seconds}.mkv")
    with rig.making:
        if os.path.exists(path):
            return path
        command = ["ffmpeg", "-nostdin", "-v", "error"]
        if video:
            command += ["-f", "lavfi", "-i",
                        f"color=c={COLOUR}:s=320x180:r={RATE}:d={seconds},"
                        f"drawbox=x=0:y=0:w=160:h=90:c=white:t=fill:enable='lt(mod(t,1),{FLASH})'"]
        if audio:
            command += ["-f", "lavfi", "-i",
                        f"aevalsrc='0.5*sin(2*PI*880*t)*lt(mod(t,1),{FLASH})':s=48000:d={seconds}", "-ac",
                        "2"]
        for codec in [VIDEO[video][1]] if video else []:
            command += codec.split()
        for codec in [AUDIO[audio][1]] if audio else []:
            command += codec.split()
        rig.run(*command, path)
    return path


def codecs(path):
    """{"video": codec, "audio": codec} of a recording, as far as it has them."""
    out, _ = rig.run("ffprobe", "-v", "error", "-show_entries", "stream=codec_type,codec_name", "-of",
                     "json", path)
    return {stream["codec_type"]: stream["codec_name"] for stream in json.loads(out)["streams"]
            if stream.get("codec_type") in ("video", "audio")}


class Decoded:
    """All of a recording, decoded: times in seconds, the mean of each plane, loudness in dB."""

    def __init__(self, path, kinds):
        self.frames, self.sound, self.complaints = [], [], []
        video = out = ""
        if "video" in kinds:
            _, video = self.run(path, "info", "-map", "0:v:0", "-vf",
                                "scale=320:180,format=yuv420p,showinfo")
        if "audio" in kinds:
            out, _ = self.run(path, "error", "-map", "0:a:0", "-af",
                              "asetnsamples=240,astats=metadata=1:reset=1,ametadata=mode=print:"
                              "key=lavfi.astats.Overall.RMS_level:file=-")
        for time, means in re.findall(r"pts_time:\s*(-?[\d.]+).*?mean:\[(\d+ \d+ \d+)", video):
            self.frames.append((float(time), tuple(map(int, means.split()))))
        for time, level in re.findall(r"pts_time:(-?[\d.]+)\n.*?RMS_level=(\S+)", out):
            self.sound.append((float(time), float(level)))

    def run(self, path, level, *words):
        out, err = rig.run("ffmpeg", "-nostdin", "-v", level, "-nostats", "-copyts", "-i", path, *words,
                           "-f", "null", "-")
        self.complaints += [line for line in err.splitlines() if re.search(
            r"\[(?!null)\w+ @.*(error|missing|corrupt|invalid|conceal)", line, re.I)]
        return out, err

    def flashes(self):
        """When the corner turns white."""
        bright = [(time, luma > self.dark()[0] + 10) for time, (luma, *_) in self.frames]
        return [after[0] for before, after in zip(bright, bright[1:]) if after[1] and not before[1]]

    def tones(self):
        """When the tone begins."""
        loud = [(time, level > -30) for time, level in self.sound]
        return [after[0] for before, after in zip(loud, loud[1:]) if after[1] and not before[1]]

    def dark(self):
        """The planes of a frame without the flash."""
        least = min(luma for _, (luma, *_) in self.frames)
        plain = [means for _, means in self.frames if means[0] < least + 5]
        return tuple(statistics.median(plane) for plane in zip(*plain))

    def skew(self):
        """By how much sound is late, in seconds; negative: early."""
        late = [min((tone - flash for tone in self.tones()), key=abs) for flash in self.flashes()]
        return statistics.median(late)


def judge(path, content, wanted, is_estimated=False):
    """Compares a recording with the published file, as far as its output carries that. `is_estimated`:
    its receiver makes times of arrivals and reports, and corrects them. Returns what is worth saying;
    raises AssertionError."""
    back, hole = (0.06, 0.4) if is_estimated else (0, 0.1)
    found = codecs(path)
    assert sorted(found) == sorted(wanted), f"{' and '.join(sorted(found)) or 'nothing'} came"
    got, sent = Decoded(path, found), Decoded(make(content), codecs_of(content))
    assert not got.complaints, f"decoding: {got.complaints[0][:150]}"
    said = []
    if "video" in found:
        times = [time for time, _ in got.frames]
        assert times and times[-1] - times[0] > 3, f"{len(times)} frames of picture"
        gaps = [b - a for a, b in zip(times, times[1:])]
        assert min(gaps) >= -back, f"the picture's time goes back by {-min(gaps):.2f} s"
        expected = (times[-1] - times[0]) * RATE + 1
        assert len(times) > 0.95 * expected, f"{len(times)} of {expected:.0f} frames"
        assert max(gaps) < 0.4, f"{max(gaps):.2f} s without a frame"
        off = max(abs(a - b) for a, b in zip(got.dark(), sent.dark()))
        assert off <= 4, f"colour {got.dark()} in place of {sent.dark()}"
    if "audio" in found:
        times = [time for time, _ in got.sound]
        assert times and times[-1] - times[0] > 3, "less than 3 s of sound"
        gaps = [b - a for a, b in zip(times, times[1:])]
        # A sender's clock that is corrected overlaps a frame's end.
        assert min(gaps) > -0.04 - back and max(gaps) < hole, \
            f"sound goes on after {min(gaps):.3f} to {max(gaps):.2f} s"
        rate = len(got.tones()) / (times[-1] - times[0])
        assert 0.6 < rate < 1.4, f"{rate:.2f} tones a second"
    if len(found) == 2:
        late = got.skew() - sent.skew()
        assert abs(late) < 0.06, f"sound {late * 1000:+.0f} ms"
        said.append(f"{late * 1000:+.0f} ms")
    encoded = [f"{kind} {found[kind]}" for kind in found if found[kind] != codecs_of(content)[kind]]
    return encoded, said
