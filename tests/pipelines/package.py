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


class Packages(unittest.TestCase):
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
                      re.findall(r"#EXTINF:([\d.]+),\n(?:#EXT-X-BYTERANGE:.+\n)?(.+)", text)]


class Package(Packages):
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

    def test_copied(self):
        """What CMAF takes stays as it is."""
        video = "-f lavfi -i testsrc2=s=160x96:r=25:d=3"
        for name, codecs, expected in (
                ("a.webm", "-c:v libvpx-vp9 -deadline realtime -c:a libopus", ("vp9", "opus")),
                ("b.mkv", "-c:v libx265 -preset ultrafast -x265-params log-level=none -c:a flac",
                 ("hevc", "flac")),
                ("c.mkv", f"{H264} -c:a ac3", ("h264", "ac3"))):
            with self.subTest(name):
                file, to = self.path(name), self.path("from-" + name)
                ffmpeg(f"{video} {AUDIO} -t 3 {codecs} {file}")
                code, said = self.package(file, to, "segment=1s")
                self.assertEqual(code, 0, said)
                for stream, codec in zip("va", expected):
                    name, after = packets(os.path.join(to, "index.m3u8"), stream)
                    self.assertEqual(name, codec)
                    self.assertLessEqual(abs(len(after) - len(packets(file, stream)[1])), 2)

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
        for single in ("false", "true"):
            to = self.path("out-" + single)
            code, said = self.package(self.path("cut.mp4"), to, "segment=2s",
                                      f"single-file={single}")
            self.assertEqual(code, 0, said)
            self.assertRegex(said, r"warning: .*The input ends at 0:00:0\d of 0:00:12")
            text, segments = self.read(to)
            self.assertTrue(text.endswith("#EXT-X-ENDLIST\n"), text)
            self.assertGreater(sum(duration for _, duration in segments), 3)
            # ffprobe reads them to their end.
            self.assertGreater(len(packets(os.path.join(to, "index.m3u8"), "v")[1]), 75)

    def test_single_file(self):
        """One file that has the segments' bytes, and that players open by itself."""
        file = self.path("movie.mp4")
        ffmpeg(f"-f lavfi -i testsrc2=s=160x96:r=25:d=12 {AUDIO} {H264} -g 50 -c:a aac {file}")
        for container, version, media in (("cmaf", 6, "index.mp4"), ("ts", 4, "index.ts")):
            with self.subTest(container):
                many, one = self.path(container, "many"), self.path(container, "one")
                for to, setting in ((many, "false"), (one, "true")):
                    code, said = self.package(file, to, f"container={container}", "segment=4s",
                                              f"single-file={setting}")
                    self.assertEqual(code, 0, said)
                    self.assertNotIn("warning", said)
                self.assertEqual(sorted(os.listdir(one)), ["index.m3u8", media])
                with open(os.path.join(one, "index.m3u8"), encoding="utf-8") as opened:
                    text = opened.read()
                self.assertIn(f"#EXT-X-VERSION:{version}\n", text)
                ranges = [(int(length), int(offset)) for length, offset in
                          re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)\n" + media, text)]
                self.assertEqual(len(ranges), 3, text)
                found = re.search(f'#EXT-X-MAP:URI="{media}",BYTERANGE="(\\d+)@0"\n', text)
                self.assertEqual(bool(found), container == "cmaf", text)
                at = int(found.group(1)) if found else 0
                for length, offset in ranges:
                    self.assertEqual(offset, at, text)
                    at += length
                self.assertEqual(os.path.getsize(os.path.join(one, media)), at)

                segments = [uri for uri, _ in self.read(many)[1]]
                inits = sorted(name for name in os.listdir(many) if name.startswith("init-"))
                joined = b""
                for name in inits + segments:
                    with open(os.path.join(many, name), "rb") as opened:
                        joined += opened.read()
                with open(os.path.join(one, media), "rb") as opened:
                    self.assertEqual(opened.read(), joined)
                for stream in ("v", "a"):
                    expected = packets(os.path.join(many, "index.m3u8"), stream)
                    self.assertEqual(packets(os.path.join(one, "index.m3u8"), stream), expected)
                    self.assertEqual(len(packets(os.path.join(one, media), stream)[1]),
                                     len(expected[1]))

        # The file that is packaged may be where its package would be.
        with open(file, "rb") as movie, open(self.path("index.mp4"), "wb") as source:
            source.write(movie.read())
        code, said = self.package(self.path("index.mp4"), self.folder, "single-file=true")
        self.assertEqual(code, 1, said)
        self.assertIn("index.mp4 exists, and is not overwritten", said)
        self.assertEqual(os.path.getsize(self.path("index.mp4")), os.path.getsize(file))
        self.assertFalse(os.path.exists(self.path("index.m3u8")))

    def test_errors(self):
        for file, to, words in ((self.path("none.mp4"), self.path("out"), "There is no file"),
                                (__file__, self.path("out"),
                                 "is not a media file that GStreamer can play")):
            code, said = self.package(file, to)
            self.assertEqual(code, 1, said)
            self.assertIn("error: ", said)
            self.assertIn(words, said)
            self.assertFalse(os.path.exists(os.path.join(to, "index.m3u8")))


class Ladder(Packages):
    def renditions(self, to):
        """The variants' resolutions, and of each rendition its playlist and segments."""
        with open(os.path.join(to, "index.m3u8"), encoding="utf-8") as file:
            text = file.read()
        sizes = re.findall(r"RESOLUTION=(\d+x\d+)", text)
        variants = re.findall(r"#EXT-X-STREAM-INF:.+\n(.+)", text)
        audio = re.findall(r'#EXT-X-MEDIA:TYPE=AUDIO.+URI="([^"]+)"', text)
        return text, sizes, [(os.path.join(to, uri), self.read(os.path.dirname(
            os.path.join(to, uri)))) for uri in variants + audio]

    def test_ladder(self):
        """Smaller sizes with the file's frames and keyframes, beside the file as it is."""
        file = self.path("movie.mp4")
        ffmpeg(f"-f lavfi -i testsrc2=s=864x486:r=25:d=10 {AUDIO} -t 10 {H264} -g 250 "
               f"-force_key_frames 0,1,2.4,6.2,7 -b:v 1M -c:a aac {file}")
        before = packets(file, "v")[1]
        for single in ("false", "true"):
            to = self.path("out-" + single)
            code, said = self.package(file, to, "ladder=true", "segment=2s",
                                      f"single-file={single}")
            self.assertEqual(code, 0, said)
            self.assertNotIn("warning", said)
            text, sizes, renditions = self.renditions(to)
            self.assertEqual(sizes, ["864x486", "854x480", "640x360"], text)
            self.assertEqual(len(renditions), 4, text)  # and the audio, once
            for path, (playlist, segments) in renditions[:3]:
                self.assertIn("#EXT-X-PLAYLIST-TYPE:VOD\n", playlist)
                self.assertIn("#EXT-X-INDEPENDENT-SEGMENTS\n", playlist)
                self.assertEqual([round(duration, 2) for _, duration in segments], [2.4, 3.8, 3.8])
                after = packets(path, "v")[1]
                times = sorted(float(p["pts_time"]) for p in after)
                self.assertEqual([round(time - times[0], 3) for time in times],
                                 sorted(round(float(p["pts_time"]), 3) for p in before))
                self.assertEqual([round(float(p["pts_time"]) - times[0], 1) for p in after
                                  if "K" in p["flags"]], [0, 1, 2.4, 6.2, 7])
            # The largest is the file; its first frame has the parameter sets in it, too.
            self.assertEqual([p["size"] for p in packets(renditions[0][0], "v")[1]][1:],
                             [p["size"] for p in before][1:])
            codec, audio = packets(renditions[3][0], "a")
            self.assertEqual(codec, "aac")
            self.assertLessEqual(abs(len(audio) - len(packets(file, "a")[1])), 2)

    def test_ladder_encodes(self):
        """A file with keyframes far apart, and one in another codec, are not the largest size."""
        video = "-f lavfi -i testsrc2=s=640x362:r=25:d=7"
        ffmpeg(f"{video} {AUDIO} -t 7 {H264} -g 250 -bf 2 -c:a aac {self.path('seldom.mp4')}")
        ffmpeg(f"{video} {AUDIO} -t 7 -c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus "
               f"{self.path('other.webm')}")
        for file in ("seldom.mp4", "other.webm"):
            with self.subTest(file):
                to = self.path("from-" + file)
                code, said = self.package(self.path(file), to, "ladder=true", "segment=2s",
                                          "longest-gop=5s")
                self.assertEqual(code, 0, said)
                text, sizes, renditions = self.renditions(to)
                self.assertEqual(sizes, ["640x362", "636x360"], text)
                for path, (playlist, segments) in renditions[:2]:
                    self.assertEqual([round(duration) for _, duration in segments], [2, 2, 2, 1])
                    codec, after = packets(path, "v")
                    self.assertEqual(codec, "h264")
                    self.assertEqual(len(after), 175)

    def test_ladder_without_rungs(self):
        """Nothing is enlarged; audio alone has no sizes."""
        small = f"-f lavfi -i testsrc2=s=320x180:r=25:d=5 {AUDIO} -t 5 {H264} -g 25 -c:a aac"
        ffmpeg(f"{small} {self.path('small.mp4')}")
        ffmpeg(f"{AUDIO} -t 5 -c:a aac {self.path('audio.m4a')}")
        for file, settings, expected, count in (
                ("small.mp4", (), ["320x180"], 2), ("small.mp4", ("container=ts",), ["320x180"], 1),
                ("audio.m4a", (), [], 2)):
            with self.subTest(file=file, settings=settings):
                to = self.path("-".join((file, "out", *settings)))
                code, said = self.package(self.path(file), to, "ladder=true", "segment=2s",
                                          *settings)
                self.assertEqual(code, 0, said)
                text, sizes, renditions = self.renditions(to)
                self.assertEqual(sizes, expected, text)
                self.assertEqual(len(renditions), count, text)
                self.assertTrue(packets(renditions[0][0], "a" if not expected else "v")[1])


if __name__ == "__main__":
    unittest.main(verbosity=2)
