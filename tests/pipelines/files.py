#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real-world files over file-to-rtmp and file-to-udp: rotated, with several audio tracks, and with
other peculiarities; ffprobe checks the output. Needs PENSTOCK."""

import json
import os
import re
import socket
import struct
import subprocess
import tempfile
import threading
import time
import unittest

PENSTOCK = os.environ["PENSTOCK"]
WIDTH, HEIGHT = 160, 96
VIDEO = "-f lavfi -i testsrc2=s=%dx%d:r=25:d=4" % (WIDTH, HEIGHT)
AUDIO = "-f lavfi -i sine=r=44100:d=4"
H264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p -g 25"


def ffmpeg(arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments.split()], check=True)


def probe(path, *options):
    """What ffprobe finds: streams, and packets with their times."""
    done = subprocess.run(["ffprobe", "-v", "error", "-show_streams", "-show_packets", "-of", "json",
                           *options, path], capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(done.stdout)
    for stream in found["streams"]:
        stream["packets"] = [p for p in found["packets"] if p["stream_index"] == stream["index"]]
    return {stream["codec_type"]: stream for stream in found["streams"]}


def tone_behind_flash(path):
    """Seconds from a flash of the video to the tone that follows it: the shortest of all, as the
    last flash of a looped file is followed by the next pass."""
    done = subprocess.run(["ffmpeg", "-nostdin", "-i", path, "-vf", "blackdetect=d=0.1:pix_th=0.3",
                           "-af", "silencedetect=n=-30dB:d=0.1", "-f", "null", "-"],
                          capture_output=True, text=True, check=True, timeout=60)
    flashes, tones = ([float(time) for time in re.findall(word + r": ?([\d.]+)", done.stderr)]
                      for word in ("black_end", "silence_end"))
    end = max(flashes + tones) - 0.2  # where the recording ends, both filters report something
    return min(tone - flash for flash in flashes if flash < end
               for tone in tones if flash - 0.2 < tone < end)


def with_matrix(source, path, matrix):
    """Copies an MP4 file; its first track is shown by the matrix (a, b, c, d, x, y)."""
    with open(source, "rb") as file:
        data = bytearray(file.read())
    at = data.index(b"tkhd") + 4 + 4 + 20 + 8 + 8
    a, b, c, d, x, y = (int(v * 65536) for v in matrix)
    data[at:at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, x, y, 0x40000000)
    with open(path, "wb") as file:
        file.write(data)


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.holder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.holder.cleanup)
        ffmpeg("%s %s %s -c:a aac %s" % (VIDEO, AUDIO, H264, cls.path("upright.mp4")))

    @classmethod
    def path(cls, name):
        return os.path.join(cls.holder.name, name)

    def run_penstock(self, *arguments):
        process = subprocess.Popen([PENSTOCK, "run", *arguments], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)

        def end():
            if process.poll() is None:
                process.terminate()
            process.communicate(timeout=20)
        self.addCleanup(end)
        return process

    def received_path(self, description):
        return self.path("received." + ("flv" if description == "file-to-rtmp" else "ts"))

    def received(self, description, file, *options):
        """Some seconds of the description's output, as read by ffprobe."""
        out = self.received_path(description)
        settings = [part for option in (("file=" + file), *options) for part in ("--set", option)]
        if description == "file-to-rtmp":
            process = self.run_penstock(description, *settings, "--set", "rtmp=127.0.0.1:0", "--set",
                                        "loop=true")
            url = next(match[0] for line in process.stdout
                       if (match := re.search(r"rtmp://127\.0\.0\.1:\d+/live/file", line)))
            threading.Thread(target=process.stdout.read, daemon=True).start()
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-analyzeduration", "1M", "-t", "3", "-i", url, "-c", "copy",
                            out], check=True, timeout=60)
            return probe(out)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as player:
            player.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
            player.bind(("127.0.0.1", 0))
            player.settimeout(20)
            process = self.run_penstock(description, *settings, "--set",
                                        "to=127.0.0.1:%d" % player.getsockname()[1])
            threading.Thread(target=process.stdout.read, daemon=True).start()
            with open(out, "wb") as file:
                first = player.recv(65536)
                deadline = time.monotonic() + 3
                file.write(first)
                while time.monotonic() < deadline:
                    file.write(player.recv(65536))
        return probe(out)

    def explained(self, description, file, *options):
        settings = [part for option in (("file=" + file), *options) for part in ("--set", option)]
        done = subprocess.run([PENSTOCK, "explain", description, *settings], capture_output=True,
                              text=True, check=True, timeout=60)
        return done.stdout

    def check_streams(self, streams, size=(WIDTH, HEIGHT)):
        """Both streams exist, in order and in time, and no frame is decoded after it is
        displayed."""
        video, audio = streams["video"], streams["audio"]
        self.assertEqual((video["codec_name"], audio["codec_name"]), ("h264", "aac"))
        self.assertEqual((video["width"], video["height"]), size)
        for stream in (video, audio):
            packets = stream["packets"]
            self.assertGreater(len(packets), 20)
            times = [(float(p["pts_time"]), float(p["dts_time"])) for p in packets]
            self.assertTrue(all(pts >= dts - 0.0015 for pts, dts in times), times[:20])
            self.assertTrue(all(a[1] <= b[1] for a, b in zip(times, times[1:])), times[:20])

    def both(self, file, size=(WIDTH, HEIGHT), *options):
        for description in ("file-to-rtmp", "file-to-udp"):
            with self.subTest(description=description, file=os.path.basename(file)):
                self.check_streams(self.received(description, file, *options), size)

    def test_offset(self):
        """A track that begins later, with an empty edit, keeps its distance from the other."""
        flash = "-f lavfi -i color=white:s=%dx%d:r=25:d=4,drawbox=color=black:t=fill:" \
            "enable='gte(mod(t\\,1)\\,0.2)'" % (WIDTH, HEIGHT)
        tone = "-f lavfi -i aevalsrc=0.5*sin(3000*t)*lt(mod(t\\,1)\\,0.2):s=44100:d=4"
        together = self.path("together.mp4")
        ffmpeg("%s %s %s -c:a aac %s" % (flash, tone, H264, together))
        for name, tracks, gap in (("late_audio", "-map 0:v -map 1:a", 0.3),
                                  ("late_video", "-map 1:v -map 0:a", 0.7)):
            path = self.path(name + ".mp4")
            ffmpeg("-i %s -itsoffset 0.3 -i %s %s -c copy %s" % (together, together, tracks, path))
            self.assertAlmostEqual(tone_behind_flash(path), gap, delta=0.1, msg=name)
            for description in ("file-to-rtmp", "file-to-udp"):
                with self.subTest(name, description=description):
                    streams = self.received(description, path)
                    self.check_streams(streams)
                    self.assertAlmostEqual(tone_behind_flash(self.received_path(description)), gap,
                                           delta=0.1)

    def test_what_is_linked_is_not_there(self):
        silent = self.path("silent.mp4")
        ffmpeg("-f lavfi -i testsrc=d=1 -pix_fmt yuv420p %s" % silent)
        done = subprocess.run(
            [PENSTOCK, "run", "radio", "--set", "source=file", "--set", "file=" + silent, "--set",
             "http=127.0.0.1:0"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn("has only video, and nothing here takes that", done.stderr)

    def test_rotated(self):
        upright = self.path("upright.mp4")
        rotated = self.path("rotated.mp4")
        ffmpeg("-i %s -c copy -metadata:s:v rotate=90 %s" % (upright, rotated))
        self.both(rotated, (HEIGHT, WIDTH))
        for description in ("file-to-rtmp", "file-to-udp"):
            text = self.explained(description, rotated)
            self.assertIn("encoded by x264enc", text)
            self.assertIn("shown upright: rotated by 90°", text)
            text = self.explained(description, rotated, "rotate=ignore")
            self.assertNotIn("encoded", text)
            self.assertNotIn("upright", text)
        self.check_streams(self.received("file-to-rtmp", rotated, "rotate=ignore"))
        self.assertNotIn("encoded", self.explained("file-to-rtmp", upright))

    def test_other_turns_and_codecs(self):
        upright = self.path("upright.mp4")
        for name, matrix, size, words in (
                ("180", (-1, 0, 0, -1, WIDTH, HEIGHT), (WIDTH, HEIGHT), "by 180°"),
                ("270", (0, -1, 1, 0, 0, WIDTH), (HEIGHT, WIDTH), "90° counterclockwise"),
                ("mirrored", (-1, 0, 0, 1, WIDTH, 0), (WIDTH, HEIGHT), "left to right"),
                ("flipped", (1, 0, 0, -1, 0, HEIGHT), (WIDTH, HEIGHT), "top to bottom")):
            with self.subTest(name):
                path = self.path(name + ".mp4")
                with_matrix(upright, path, matrix)
                self.assertIn(words, self.explained("file-to-udp", path))
                self.check_streams(self.received("file-to-udp", path), size)
        hevc = self.path("hevc.mp4")
        ffmpeg("%s %s -c:v libx265 -x265-params log-level=error -pix_fmt yuv420p -tag:v hvc1 -c:a aac "
               "-metadata:s:v rotate=90 %s" % (VIDEO, AUDIO, hevc))
        turned = self.path("hevc.mov")
        ffmpeg("-i %s -c copy -metadata:s:v rotate=270 %s" % (hevc, turned))
        self.check_streams(self.received("file-to-rtmp", turned), (HEIGHT, WIDTH))

    def test_audio_tracks(self):
        for kind, description in (("mp4", "file-to-rtmp"), ("mkv", "file-to-udp")):
            path = self.path("two." + kind)
            ffmpeg("%s %s -f lavfi -i aevalsrc=sin(2000*t)|cos(3000*t):s=48000:d=4 -map 0 -map 1 -map 2 "
                   "%s -c:a aac -disposition:a:0 0 -disposition:a:1 default %s"
                   % (VIDEO, AUDIO, H264, path))
            for options, channels in (((), 2), (("audio-track=0",), 1)):
                with self.subTest(kind=kind, options=options):
                    streams = self.received(description, path, *options)
                    self.assertEqual(streams["audio"]["channels"], channels)
            self.assertIn("audio track 1 of 0 to 1", self.explained("file-to-rtmp", path))
        done = subprocess.run([PENSTOCK, "run", "file-to-udp", "--set", "file=" + path, "--set",
                               "audio-track=2"], capture_output=True, text=True, timeout=60)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("has 2 audio tracks", done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
