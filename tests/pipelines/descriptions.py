#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Checks, shows and runs every file in pipelines/ for some seconds with media. Needs PENSTOCK, the
executable, and PENSTOCK_PIPELINES, the directory."""

import json
import os
import queue
import re
import signal
import socket
import subprocess
import tempfile
import sys
import threading
import time
import unittest
import urllib.error
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "rtsp"))

from odd_camera import Camera
from waiting import until

PENSTOCK = os.environ["PENSTOCK"]
PIPELINES = os.environ["PENSTOCK_PIPELINES"]
DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/descriptions.md")
ANY = "127.0.0.1:0"
# An offer that can be read, of which nothing is of use.
NO_MEDIA = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"


class Run:
    """A `penstock run` whose output is read as it comes."""

    def __init__(self, test, *arguments):
        self.process = subprocess.Popen([PENSTOCK, "run", *arguments], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.lines = queue.Queue()
        self.seen = []
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        test.addCleanup(self.close)

    def read(self):
        for line in self.process.stdout:
            self.lines.put(line)

    def line(self, pattern, seconds=20):
        """Returns the next line that matches."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                line = self.lines.get(timeout=0.2)
            except queue.Empty:
                if self.process.poll() is not None and self.lines.empty():
                    break
                continue
            self.seen.append(line)
            found = re.search(pattern, line)
            if found:
                return found
        raise AssertionError("no '%s' in:\n%s" % (pattern, "".join(self.seen)))

    def end(self):
        """Ctrl-C: the exit code, within two seconds."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(timeout=10)
        taken = time.monotonic() - began
        assert taken < 2, "took %.1f s to end" % taken
        return code

    def close(self):
        self.process.kill()
        self.process.wait()
        self.reader.join()
        self.process.stdout.close()


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def codecs_of(url):
    """The video and audio codecs that ffprobe finds at `url`. ffprobe takes metadata amid the
    stream for a text stream, which is ignored."""
    probe = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of",
                            "csv=p=0", url], capture_output=True, text=True, timeout=30)
    return sorted(set(probe.stdout.split()) - {"text"})


def found_codecs(url):
    """codecs_of() once there are any."""
    return until(f"ffprobe finds nothing at {url}", lambda: codecs_of(url))


class Descriptions(unittest.TestCase):
    def test_check_and_show(self):
        names = sorted(f[:-5] for f in os.listdir(PIPELINES) if f.endswith(".yaml"))
        self.assertEqual(names, ["camera", "failover", "file-to-hls", "file-to-rtmp", "file-to-udp",
                                 "ladder", "live", "on-demand", "radio", "restream", "room",
                                 "rtsp-to-live", "test-publisher", "udp-to-live", "webcam-to-rtmp",
                                 "webcam-to-udp"],
                         "a new description needs a test that runs it")
        for name in names:
            check = subprocess.run([PENSTOCK, "check", name], capture_output=True, text=True)
            self.assertEqual((check.returncode, check.stderr), (0, ""))
            show = subprocess.run([PENSTOCK, "show", name, "--json"], capture_output=True,
                                  text=True, check=True)
            shown = json.loads(show.stdout)
            self.assertTrue(shown["summary"] and shown["description"])
            self.assertTrue(all(p["help"] for p in shown["parameters"]), name)

    def test_the_examples_of_the_docs(self):
        """Every complete example in docs/descriptions.md is accepted without a warning."""
        with open(DOCS, encoding="utf-8") as file:
            blocks = re.findall(r"```yaml\n(.*?)```", file.read(), re.S)
        checked = 0
        for block in blocks:
            named = set(re.findall(r"\$\{([a-z0-9-]+)", block)) - {"time"}
            known = set(re.findall(r"(?<!\$)\{([a-z]+)\}", block)) | set(
                re.findall(r"(?m)^  ([a-z0-9-]+): +\{type", block))
            if "pipeline:" not in block or "…" in block or not named <= known:
                continue
            with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
                file.write(("" if "summary:" in block else "summary: s\n") + block)
                file.flush()
                done = subprocess.run([PENSTOCK, "check", file.name], capture_output=True,
                                      text=True, timeout=60)
                self.assertEqual((done.returncode, done.stderr), (0, ""), block)
            checked += 1
        self.assertGreaterEqual(checked, 4)

    def test_live_with_its_test_publisher(self):
        live = Run(self, "live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY,
                   "--set", "segment=1s", "--set", "grace=5s")
        page = live.line(r"Page +(http://\S+)")[1]
        publish = live.line(r"Publish +(rtmp://\S+)/NAME")[1]
        play = live.line(r"mpv, VLC +(rtmp://\S+)/NAME")[1]
        hls = live.line(r"HLS +(http://\S+)/NAME/index.m3u8")[1]
        live.line("Ctrl-C")
        self.assertIn("<html", get(page))

        publisher = Run(self, "test-publisher", "--set", "url=%s/test" % publish,
                        "--set", "bitrate=500kbit")
        peer = live.line(r"\dT\d\d:\d\d:\d\d\S+  live +live/test  (rtmp-publish-\d+ \S+)  rtmp://")[1]
        self.assertEqual(found_codecs(play + "/test"), ["aac", "h264"])

        def segments():
            try:
                text = get(hls + "/test/index.m3u8")
            except OSError:
                return None
            return text if text.count("#EXTINF") >= 2 else None

        self.assertIn("#EXT-X-TARGETDURATION", until("the playlist has segments", segments))
        self.assertEqual(codecs_of(hls + "/test/index.m3u8"), ["aac", "h264"])
        self.assertEqual(publisher.end(), 0)
        # The stream first waits for its publisher, and ends when none comes back.
        live.line(r"  off air +live/test  %s left after 0:00:\d\d" % peer)
        live.line(r"  ended +live/test  %s  after 0:00:\d\d; no publisher came for 0:00:05" % peer)
        self.assertEqual(len(re.findall("(live|off air|ended) +live/test", "".join(live.seen))), 3)

        # The same name once more, with a publisher that comes back in time.
        again = Run(self, "test-publisher", "--set", "url=%s/test" % publish)
        live.line(r"live +live/test  rtmp-publish-\d+ \S+  rtmp://")
        self.assertEqual(again.end(), 0)
        back = Run(self, "test-publisher", "--set", "url=%s/test" % publish)
        live.line(r"live +live/test  rtmp-publish-\d+ \S+  (back after 0:00:0\d|follows rtmp-publish)")
        self.assertEqual(back.end(), 0)
        self.assertEqual(live.end(), 0)
        self.assertNotIn("error", "".join(live.seen))

    def test_latency_settings(self):
        """With latency=low keyframes come twice as often; there are no B-frames in any case."""
        live = Run(self, "live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY)
        publish = live.line(r"Publish +(rtmp://\S+)/NAME")[1]
        play = live.line(r"mpv, VLC +(rtmp://\S+)/NAME")[1]
        live.line("Ctrl-C")
        for word, interval in (("normal", 60), ("low", 30)):
            run = Run(self, "test-publisher", "--set", "url=%s/%s" % (publish, word), "--set",
                      "latency=" + word, "--set", "bitrate=500kbit")
            live.line("live +live/" + word)
            probe = subprocess.run(
                ["ffprobe", "-v", "error", "-select_streams", "v", "-read_intervals", "%+#150",
                 "-show_entries", "packet=pts_time,dts_time,flags", "-of", "json",
                 "%s/%s" % (play, word)], capture_output=True, text=True, timeout=40)
            packets = json.loads(probe.stdout)["packets"]
            # Counted in frames: a busy machine loses some, which makes the intervals longer in
            # time.
            keyframes = [i for i, p in enumerate(packets) if p["flags"].startswith("K")]
            gaps = [b - a for a, b in zip(keyframes, keyframes[1:])]
            self.assertTrue(gaps and all(gap == interval for gap in gaps), (word, gaps))
            times = [float(p["pts_time"]) for p in packets]
            self.assertEqual(times, sorted(times), word)
            self.assertEqual(run.end(), 0)
        self.assertEqual(live.end(), 0)

    def test_publish_key(self):
        live = Run(self, "live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY,
                   "--set", "publish-key=hush42")
        publish = live.line(r"Publish +(rtmp://\S+)/NAME\?key=KEY")[1]
        live.line("Ctrl-C")
        wrong = Run(self, "test-publisher", "--set", "url=%s/a?key=wrong" % publish)
        # The server's words, and no hint for servers that are not there.
        said = wrong.line("warning: (.*)")[1]
        self.assertRegex(said, r"rtmppushsink '\w+': rtmp://\S+: the server refuses .*wrong or "
                         r"missing key: publish to NAME\?key=\S+; the next attempt is in \d+ m?s$")
        right = Run(self, "test-publisher", "--set", "url=%s/b?key=hush42" % publish)
        live.line(r"live +live/b")
        for run in (wrong, right, live):
            self.assertEqual(run.end(), 0)
        self.assertNotIn("hush42", "".join(live.seen + wrong.seen + right.seen))

    def test_publishers_wait_for_a_server(self):
        """They say so, with what to do, and publish once it is there, again and again."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = "127.0.0.1:%d" % free.getsockname()[1]
        for name, *more in (("test-publisher", "--set", "bitrate=500kbit"),
                            ("webcam-to-rtmp", "--set", "source=test", "--set", "width=320",
                             "--set", "height=180")):
            run = Run(self, name, "--set", "url=rtmp://%s/live/late" % address, *more)
            run.line(r"Sends to +rtmp://%s/live/…$" % address)
            run.line(r"warning: %s: rtmppushsink '\w+': rtmp://%s/live: .*refused.*; the next "
                     r"attempt is in [\d.]+ s: .*`penstock run live` starts one$" % (name, address))
            for _ in range(2):
                live = Run(self, "live", "--set", "rtmp=" + address, "--set", "http=" + ANY)
                live.line("live +live/late")
                self.assertEqual(live.end(), 0)
            self.assertEqual(run.end(), 0)
            self.assertNotIn("error", "".join(run.seen))

    def received(self, scheme, name, *settings):
        """The frames that ffmpeg decodes of six seconds at a free port. ffmpeg starts seconds late,
        so one GOP of video may be missing."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as chosen:
            chosen.bind(("127.0.0.1", 0))
            chosen.settimeout(20)
            to = "127.0.0.1:%d" % chosen.getsockname()[1]
            run = Run(self, name, "--set", "to=" + to, *settings)
            run.line("mpv +mpv %s://%s" % (scheme, to))
            run.line("Ctrl-C")
            chosen.recv(1)
        decoded = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", "%s://%s" % (scheme, to), "-t", "6", "-map", "0",
             "-f", "framecrc", "-"], capture_output=True, text=True, timeout=60)
        frames = {"0": 0, "1": 0}
        for line in decoded.stdout.splitlines():
            if line[:1] in frames:
                frames[line[0]] += 1
        self.assertEqual(run.end(), 0)
        self.assertNotIn("error", "".join(run.seen))
        return sorted(frames.values())

    def test_udp(self):
        with tempfile.TemporaryDirectory() as directory:
            # A file whose codecs can't be copied, and one without audio.
            webm, silent = (os.path.join(directory, f) for f in ("a.webm", "b.mp4"))
            picture = ["-f", "lavfi", "-i", "testsrc=size=320x180:rate=25:duration=3"]
            subprocess.run(["ffmpeg", "-v", "error", *picture, "-f", "lavfi", "-i",
                            "sine=duration=2", "-c:v", "libvpx", "-c:a", "libopus", webm],
                           check=True)
            subprocess.run(["ffmpeg", "-v", "error", *picture, "-pix_fmt", "yuv420p", "-c:v",
                            "libx264", "-g", "25", silent], check=True)
            sound, video = self.received("udp", "file-to-udp", "--set", "file=" + webm)
            self.assertGreater(video, 60)
            self.assertGreater(sound, 60)
            sound, video = self.received("rtp", "file-to-udp", "--set", "file=" + silent,
                                         "--set", "format=rtp")
            self.assertGreater(video, 60)
            self.assertEqual(sound, 0)
        sound, video = self.received("udp", "webcam-to-udp", "--set", "source=test", "--set",
                                     "width=320", "--set", "height=180")
        self.assertGreater(video, 60)
        self.assertGreater(sound, 60)

    def test_webcam_to_rtmp(self):
        live = Run(self, "live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY)
        publish = live.line(r"Publish +(rtmp://\S+)/NAME")[1]
        play = live.line(r"mpv, VLC +(rtmp://\S+)/NAME")[1]
        live.line("Ctrl-C")
        camera = Run(self, "webcam-to-rtmp", "--set", "source=test", "--set", "width=320", "--set",
                     "height=180", "--set", "url=%s/cam" % publish)
        live.line(r"live +live/cam")
        self.assertEqual(found_codecs(play + "/cam"), ["aac", "h264"])
        self.assertEqual(camera.end(), 0)
        self.assertEqual(live.end(), 0)

    def test_a_profile_that_hardly_anything_plays(self):
        """Of a publisher it is said, once."""
        live = Run(self, "live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY)
        publish = live.line(r"Publish +(rtmp://\S+)/NAME")[1]
        live.line("Ctrl-C")
        publisher = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i",
             "testsrc=size=320x180:rate=25", "-pix_fmt", "yuv444p", "-c:v", "libx264", "-g", "25",
             "-f", "flv", publish + "/y444"])
        self.addCleanup(publisher.wait)
        self.addCleanup(publisher.kill)
        live.line(r"warning: live/y444: H\.264 High 4:4:4\S* is played by hardly a browser")
        self.assertEqual(live.end(), 0)
        live.line("ended +live/y444")
        self.assertEqual("".join(live.seen).count("hardly"), 1)

    def test_no_camera(self):
        for source, words in (("v4l2", "--set source=test needs none"),
                              ("pipewire", "pipewire")):
            run = Run(self, "webcam-to-udp", "--set", "source=" + source, "--set",
                      "device=/dev/no-such-camera", "--set", "microphone=false")
            self.assertEqual(run.process.wait(timeout=20), 1)
            run.line("error: .*" + words)

    def test_file_to_rtmp(self):
        with tempfile.TemporaryDirectory() as directory:
            file = os.path.join(directory, "a \"movie\" ! .mp4")
            copied = os.path.join(directory, "sound.txt")
            subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                            "testsrc=size=320x180:rate=25:duration=3", "-f", "lavfi", "-i",
                            "sine=sample_rate=48000:duration=3.008", "-pix_fmt", "yuv420p", "-c:v",
                            "libx264", "-g", "25",
                            "-c:a", "aac", file], check=True)
            once = Run(self, "file-to-rtmp", "--set", "file=" + file, "--set", "rtmp=" + ANY)
            once.line("Ctrl-C")
            self.assertEqual(once.process.wait(timeout=20), 0, "".join(once.seen))
            once.line(r"  ended +live/file  after 0:00:0\d$")
            self.assertRegex("".join(once.seen), r"(?m)  live +live/file  rtmp://")

            loop = Run(self, "file-to-rtmp", "--set", "file=" + file, "--set", "rtmp=" + ANY,
                       "--set", "loop=true", "--set", "name=movie")
            play = loop.line(r"mpv, VLC +(rtmp://\S+/movie)")[1]
            self.assertEqual(found_codecs(play), ["aac", "h264"])
            began = time.monotonic()
            decoded = subprocess.run(
                ["ffmpeg", "-v", "error", "-i", play, "-t", "6", "-f", "null", "-",
                 "-map", "0:a", "-c", "copy", "-t", "6", "-f", "framecrc", copied],
                capture_output=True, text=True, timeout=60)
            self.assertEqual((decoded.returncode, decoded.stderr), (0, ""))
            # Packets of 21.3 ms never overlap, not even where the loop restarts; there, one may be
            # missing (qtdemux 1.22 drops the last).
            with open(copied, encoding="utf-8") as lines:
                times = [int(line.split(",")[2]) for line in lines if line[0] != "#"]
            self.assertGreater(len(times), 250)
            for before, after in zip(times, times[1:]):
                self.assertTrue(20 <= after - before <= 43, f"{before} to {after} ms")
            self.assertGreater(time.monotonic() - began, 3, "six seconds came too fast")
            self.assertEqual(loop.end(), 0)
            loop.line(r"  ended +live/movie  after 0:00:\d\d$")

    def camera(self):
        """One of H.264, which is away once the test has ended."""
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        file = os.path.join(folder.name, "h264")
        subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                        "testsrc=size=320x180:rate=25:duration=2", "-pix_fmt", "yuv420p",
                        "-c:v", "libx264", "-tune", "zerolatency", "-threads", "1", "-g", "25",
                        "-bsf:v", "h264_mp4toannexb", "-f", "h264", file], check=True)
        out = Camera(file)
        self.addCleanup(out.close)
        return out

    def test_cameras(self):
        """A camera and, on demand, a stream of a recorder; one that is away disturbs nobody."""
        camera = self.camera()
        run = Run(self, "rtsp-to-live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY,
                  "--set", "rtsp=" + ANY, "--set", "rtc=" + ANY, "--set",
                  "camera-1=" + camera.url(), "--set", "name-1=door", "--set", "camera-2=rtsp://127.0.0.1:1/away", "--set",
                  f"recorder=rtsp://127.0.0.1:{camera.port}/streams")
        rtsp = run.line(r"VLC, NVR +(rtsp://[^/]+)/live/NAME")[1]
        base = run.line(r"mpv, VLC +(http://[^/]+)/live/NAME.flv")[1]
        self.assertEqual(found_codecs(rtsp + "/live/door"), ["h264"])
        self.assertEqual(found_codecs(base + "/live/door.flv"), ["h264"])
        self.assertEqual(found_codecs(base + "/live/door/index.m3u8"), ["h264"])
        self.assertFalse(any("/streams/" in one[1] for one in camera.requests))
        self.assertEqual(found_codecs(base + "/nvr/ch7.flv"), ["h264"])
        self.assertTrue(any("/streams/ch7" in one[1] for one in camera.requests))
        self.assertEqual(run.end(), 0)

    def test_one_camera(self):
        """In browsers and for recorders."""
        camera = self.camera()
        run = Run(self, "camera", "--set", "http=" + ANY, "--set", "rtc=" + ANY, "--set",
                  "rtsp=" + ANY, "--set", "camera=" + camera.url())
        page = run.line(r"Page +(http://\S+)")[1]
        run.line("live +live/camera")
        rtsp = re.search(r"rtsp://127\S+/live/camera", "".join(run.seen))[0]
        self.assertEqual(found_codecs(page + "live/camera/index.m3u8"), ["h264"])
        self.assertEqual(found_codecs(rtsp), ["h264"])
        self.assertEqual(run.end(), 0)
        self.assertNotIn("error", "".join(run.seen))

    def test_room(self):
        """A room opens for whoever joins it, whatever comes of the offer."""
        room = Run(self, "room", "--set", "http=" + ANY, "--set", "rtc=" + ANY)
        url = room.line(r"Room +(http://\S+/room)/NAME")[1]
        for name, status in (("standup", 406), ("a%20b", 404), ("standup/x", 404)):
            request = urllib.request.Request(f"{url}/{name}/join", data=NO_MEDIA, method="POST",
                                             headers={"Content-Type": "application/sdp"})
            with self.assertRaises(urllib.error.HTTPError) as refused:
                urllib.request.urlopen(request, timeout=20)
            refused.exception.close()
            self.assertEqual(refused.exception.code, status, name)
        self.assertEqual(room.end(), 0)

    def test_radio(self):
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "song.mp4")
            subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i",
                            "testsrc=size=320x180:rate=25:duration=3", "-f", "lavfi", "-i",
                            "sine=sample_rate=48000:duration=3", "-metadata", "artist=It's",
                            "-metadata", "title=Me", file], check=True)
            radio = Run(self, "radio", "--set", "http=" + ANY, "--set", "source=file", "--set",
                        "file=" + file)
            base = radio.line(r"mpv, VLC +(http://\S+/radio)\.mp3")[1]
            for kind, codec in (("mp3", "mp3"), ("aac", "aac"), ("ogg", "vorbis")):
                url = f"{base}.{kind}"
                self.assertEqual(found_codecs(url), [codec])
                began = time.monotonic()
                heard = subprocess.run(["ffmpeg", "-v", "error", "-i", url, "-t", "5", "-f", "null",
                                        "-"], capture_output=True, text=True, timeout=60)
                self.assertEqual((heard.returncode, heard.stderr), (0, ""), url)
                self.assertGreater(time.monotonic() - began, 2.5, "five seconds came too fast")
                title = subprocess.run(
                    ["ffprobe", "-v", "error", "-show_entries", "format_tags", "-of", "json", url],
                    capture_output=True, text=True, check=True, timeout=30)
                tags = json.loads(title.stdout)["format"].get("tags", {})
                if kind != "ogg":
                    self.assertEqual(tags.get("StreamTitle"), "It\u2019s - Me", url)
                    self.assertEqual(tags.get("icy-name"), "radio")
            self.assertEqual(radio.end(), 0)


if __name__ == "__main__":
    unittest.main()
