#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""file-to-hls: files as HLS in a directory, judged by ffprobe. Needs PENSTOCK."""

import json
import os
import re
import subprocess
import tempfile
import unittest

PENSTOCK = os.environ["PENSTOCK"]
AUDIO = "-f lavfi -i sine=r=44100:d=12"
H264 = "-c:v libx264 -preset veryfast -pix_fmt yuv420p"


def ffmpeg(arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments.split()], check=True)


def packets(path, stream):
    done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", stream, "-show_packets",
                           "-show_entries", "packet=pts_time,size,flags:stream=codec_name", "-of",
                           "json", path], capture_output=True, text=True, check=True, timeout=60)
    found = json.loads(done.stdout)
    return found["streams"][0]["codec_name"], found["packets"]


class Package(unittest.TestCase):
    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def package(self, file, to, *settings):
        """What penstock says."""
        words = [word for setting in (f"file={file}", f"to={to}", *settings)
                 for word in ("--set", setting)]
        done = subprocess.run([PENSTOCK, "run", "file-to-hls", *words], capture_output=True,
                              text=True, timeout=100, check=False)
        return done.returncode, done.stdout + done.stderr

    def read(self, to):
        """The playlist's tags, and its segments with their durations."""
        with open(os.path.join(to, "index.m3u8"), encoding="utf-8") as file:
            text = file.read()
        return text, [(uri, float(duration)) for duration, uri in
                      re.findall(r"#EXTINF:([\d.]+),\n(.+)", text)]

    def test_whole(self):
        # Keyframes as an encoder sets them that looks at the picture.
        file = self.path("a movie 100%.mp4")
        ffmpeg(f"-f lavfi -i testsrc2=s=160x96:r=25:d=12 {AUDIO} {H264} -g 250 "
               f"-force_key_frames 0,1,2.4,6.2,7 -c:a aac {self.path('movie.mp4')}")
        os.rename(self.path("movie.mp4"), file)
        for container, extension in (("cmaf", ".m4s"), ("ts", ".ts")):
            with self.subTest(container):
                to = self.path("www 50%25", container)
                code, said = self.package(file, to, f"container={container}", "segment=2s")
                self.assertEqual(code, 0, said)
                self.assertNotIn("warning", said)
                text, segments = self.read(to)
                self.assertIn("#EXT-X-PLAYLIST-TYPE:VOD\n", text)
                self.assertIn("#EXT-X-INDEPENDENT-SEGMENTS\n", text)
                self.assertTrue(text.endswith("#EXT-X-ENDLIST\n"), text)
                self.assertNotIn("DATE-TIME", text)
                self.assertEqual([round(duration, 2) for _, duration in segments],
                                 [2.4, 3.8, 5.8], text)
                self.assertIn("#EXT-X-TARGETDURATION:6\n", text)
                self.assertTrue(all(uri.endswith(extension) for uri, _ in segments), text)
                for stream, codec in (("v", "h264"), ("a", "aac")):
                    name, before = packets(file, stream)
                    self.assertEqual(name, codec)
                    name, after = packets(os.path.join(to, "index.m3u8"), stream)
                    self.assertEqual(name, codec)
                    self.assertLessEqual(abs(len(after) - len(before)), 2 if stream == "a" else 0)
                _, video = packets(os.path.join(to, "index.m3u8"), "v")
                keys = [float(p["pts_time"]) - float(video[0]["pts_time"]) for p in video
                        if "K" in p["flags"]]
                self.assertEqual([round(key, 1) for key in keys], [0, 1, 2.4, 6.2, 7])

                # Another run makes the same; one into the same directory changes nothing.
                again = self.path("again", container)
                self.assertEqual(self.package(file, again, f"container={container}",
                                              "segment=2s")[0], 0)
                for name in sorted(os.listdir(to)):
                    with open(os.path.join(to, name), "rb") as one, \
                            open(os.path.join(again, name), "rb") as other:
                        self.assertEqual(one.read(), other.read(), name)
                code, said = self.package(file, to, f"container={container}")
                self.assertEqual(code, 1, said)
                self.assertIn("exists, and is not overwritten", said)
                self.assertEqual(self.read(to)[0], text)

    def test_encoded(self):
        ffmpeg(f"-f lavfi -i testsrc2=s=160x96:r=25:d=5 {AUDIO} -c:v libvpx -b:v 200k -c:a libmp3lame "
               f"-t 5 {self.path('old.mkv')}")
        code, said = self.package(self.path("old.mkv"), self.path("out"), "segment=2s")
        self.assertEqual(code, 0, said)
        self.assertEqual(packets(self.path("out", "index.m3u8"), "v")[0], "h264")
        self.assertEqual(packets(self.path("out", "index.m3u8"), "a")[0], "aac")
        self.assertGreaterEqual(len(self.read(self.path("out"))[1]), 2)

    def test_cut_off(self):
        ffmpeg(f"-f lavfi -i testsrc2=s=320x180:r=25:d=12 {AUDIO} {H264} -g 25 -c:a aac "
               f"-movflags +faststart {self.path('whole.mp4')}")
        with open(self.path("whole.mp4"), "rb") as whole, open(self.path("cut.mp4"), "wb") as cut:
            data = whole.read()
            cut.write(data[:len(data) // 2])
        code, said = self.package(self.path("cut.mp4"), self.path("out"), "segment=2s")
        self.assertEqual(code, 0, said)
        self.assertRegex(said, r"warning: .*The input ends at 0:00:0\d of 0:00:12")
        text, segments = self.read(self.path("out"))
        self.assertTrue(text.endswith("#EXT-X-ENDLIST\n"), text)
        self.assertGreater(sum(duration for _, duration in segments), 3)

    def test_errors(self):
        for file, to, words in ((self.path("none.mp4"), self.path("out"), "There is no file"),
                                (__file__, self.path("out"),
                                 "is not a media file that GStreamer can play")):
            code, said = self.package(file, to)
            self.assertEqual(code, 1, said)
            self.assertIn("error: ", said)
            self.assertIn(words, said)
            self.assertFalse(os.path.exists(os.path.join(to, "index.m3u8")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
