#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Builds the image and runs the command of each profile of docker/compose.yaml in a container: each
scenario with a real client. containers.py SOURCE STORE"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import unittest
import urllib.request

import engine

SOURCE, STORE = sys.argv[1:3]
IMAGE = "localhost/penstock"
PATIENCE = 60


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def until(what, condition):
    deadline = time.monotonic() + PATIENCE
    while not (result := condition()):
        assert time.monotonic() < deadline, f"{what}: not within {PATIENCE} s"
        time.sleep(0.2)
    return result


def frames(url, seconds=4, *options):
    """Decoded by ffmpeg: how many pictures, and what it complained of."""
    done = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", *options, "-i", url, "-t", str(seconds),
                           "-map", "0:v", "-f", "framecrc", "-"], capture_output=True, text=True,
                          timeout=PATIENCE + seconds)
    return sum(line[:1].isdigit() for line in done.stdout.splitlines()), done.stderr


def kinds(url):
    done = subprocess.run(["ffprobe", "-v", "error", "-show_entries", "stream=codec_type", "-of",
                           "csv=p=0", url], capture_output=True, text=True, timeout=PATIENCE)
    return sorted(set(done.stdout.split()))


def compose(**variables):
    """docker/compose.yaml with its variables put in, as compose does it."""
    import yaml
    def value(match):
        name, default = match[1], match[2] or ""
        return variables.get(name) or default
    with open(os.path.join(SOURCE, "docker", "compose.yaml"), encoding="utf-8") as file:
        return yaml.safe_load(re.sub(r"\$\{(\w+)(?::-([^}]*))?\}", value, file.read()))


class Containers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.engine = engine.Engine(STORE)
        cls.engine.make_base()
        began = time.monotonic()
        cls.engine.build(SOURCE, os.path.join(SOURCE, "docker", "Dockerfile"), IMAGE)
        print(f"image built in {time.monotonic() - began:.0f} s", flush=True)
        cls.config = cls.engine.image(IMAGE)
        cls.media = os.path.join(STORE, "media")
        os.makedirs(cls.media, exist_ok=True)
        cls.file = os.path.join(cls.media, "movie.mp4")
        if not os.path.exists(cls.file):
            subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                            "testsrc2=size=640x360:rate=25:duration=8", "-f", "lavfi", "-i",
                            "sine=frequency=440:duration=8", "-c:v", "libx264", "-preset", "veryfast",
                            "-pix_fmt", "yuv420p", "-g", "50", "-c:a", "aac", cls.file], check=True)

    def service(self, name, **variables):
        """A service of compose.yaml on free ports: (container, environment, words, ports)."""
        service = compose(**variables)["services"][name]
        ports = {"PENSTOCK_RTMP": free_port(), "PENSTOCK_HTTP": free_port()}
        environment = [f"{key}=127.0.0.1:{port}" for key, port in ports.items()]
        environment += [f"{key}={value}" for key, value in service.get("environment", {}).items()
                        if not value.startswith(("http:", "rtmp:"))]
        # The containers share the host's network and reach it at 127.0.0.1.
        container = self.engine.container(IMAGE, [
            host.replace("host-gateway", "127.0.0.1") for host in service.get("extra_hosts", [])])
        self.addCleanup(container.__exit__)
        self.log = os.path.join(STORE, name + ".log")
        self.words = [*self.config["Entrypoint"], *service["command"].split()]
        self.environment = environment
        self.process = container.start(self.log, self.words, environment=environment,
                                       volumes=[f"{self.media}:/media:ro"])
        self.addCleanup(self.print_log)
        return container, ports["PENSTOCK_RTMP"], ports["PENSTOCK_HTTP"]

    def print_log(self):
        if any(error for _, error in getattr(self._outcome, "errors", ())):
            with open(self.log, encoding="utf-8", errors="replace") as file:
                print(file.read(), file=sys.stderr)

    def said(self):
        with open(self.log, encoding="utf-8", errors="replace") as file:
            return file.read()

    def ended_well(self, container, expected="nothing at all"):
        self.assertIsNone(self.process.poll(), "it still runs")
        self.assertEqual(container.end(self.process), 0, self.said())
        for line in self.said().splitlines():
            if expected not in line:
                self.assertNotRegex(line, r"(?i)\berror\b|critical|warning")

    def healthy(self, container, what):
        return container.run(*self.config["Healthcheck"]["Test"][1:],
                             environment=[f"PENSTOCK_HEALTH={what}"])

    def test_what_is_inside(self):
        with self.engine.container(IMAGE) as container:
            code, said = container.run("sh", "-c", "id -u; touch /etc/x /usr/x 2>&1; whoami")
            self.assertEqual(said.split()[0], "10001", said)
            self.assertNotEqual(self.config["User"], "")
            self.assertIn("Permission denied", said)
            code, said = container.run("sh", "-c", "for program in gcc g++ cc c++ clang ld as make ninja "
                                       "meson cmake npm node git pkg-config; do command -v $program; done; :")
            self.assertEqual(said, "")
            code, said = container.run("sh", "-c", "dpkg-query -W -f '${Package}\\n' | grep -- '-dev$' || :")
            self.assertEqual(said, "")
            code, said = container.run(*self.config["Entrypoint"], "list")
            self.assertEqual(code, 0, said)
            for name in os.listdir(os.path.join(SOURCE, "pipelines")):
                if name.endswith(".yaml"):
                    self.assertIn(name.removesuffix(".yaml"), said)
            code, said = container.run("gst-inspect-1.0", "goptee")
            self.assertEqual(code, 0, said)
            # The directories of the sources and of the fetched packages are empty.
            code, said = container.run("sh", "-c", "ls -A /src /var/lib/apt/lists 2>/dev/null; :")
            self.assertEqual([word for word in said.split() if word[0] != "/"], [])
            root = self.engine.call("mount", container.name)
            size = int(subprocess.run(["du", "-sxk", root], capture_output=True, text=True,
                                      check=True).stdout.split()[0])
            self.engine.call("umount", container.name)
        print(f"the image has {size / 1024:.0f} MiB", flush=True)
        self.assertLess(size, 1 << 20, "KiB")

    def test_compose(self):
        services = compose()["services"]
        profiles = {profile: service for service in services.values()
                    for profile in service["profiles"]}
        self.assertEqual(set(profiles), {"file-to-udp", "webcam-to-rtmp", "file-to-rtmp", "live"})
        for service in services.values():
            self.assertEqual(service["volumes"], ["../media:/media:ro"])
            self.assertEqual(service["cap_drop"], ["ALL"])
            self.assertTrue(service["read_only"])
        exposed = {f"{port.split('/')[0]}" for port in self.config["ExposedPorts"]}
        for name, wanted in {"live": {"1935", "8080"}, "file-to-rtmp": {"1935"}}.items():
            published = {port.split(":")[-1] for port in profiles[name]["ports"]}
            self.assertEqual(published, wanted)
            self.assertLessEqual(published, exposed)
        udp = profiles["file-to-udp"]
        self.assertIn("--set to=host.docker.internal:5000", udp["command"])
        self.assertEqual(udp["extra_hosts"], ["host.docker.internal:host-gateway"])

    def test_file_to_udp(self):
        """Scenario 2: a file in a container, UDP to the host."""
        port = free_port(socket.SOCK_DGRAM)
        container, _, _ = self.service("file-to-udp", TO=f"host.docker.internal:{port}")
        url = f"udp://127.0.0.1:{port}?timeout=20000000"
        count, complaint = frames(url, 6)
        self.assertGreaterEqual(count, 100, complaint)
        self.assertEqual(self.healthy(container, "udp"), (0, ""))
        self.assertEqual(kinds(url), ["audio", "video"])
        self.ended_well(container)
        quiet = subprocess.run(["unshare", "--net", os.path.join(SOURCE, "docker", "healthcheck"),
                                "udp"], capture_output=True, text=True)
        self.assertEqual(quiet.returncode, 1)
        self.assertIn("no datagram", quiet.stderr)
        print(f"file-to-udp: {count} pictures in 6 s", flush=True)

    def test_file_to_rtmp(self):
        """Scenario 4: a file in a container, RTMP players outside."""
        container, rtmp, _ = self.service("file-to-rtmp")
        url = f"rtmp://127.0.0.1:{rtmp}/live/file"
        until("it serves", lambda: self.healthy(container, f"rtmp://127.0.0.1:{rtmp}")[0] == 0)
        self.assertEqual(until("it plays", lambda: kinds(url)), ["audio", "video"])
        count, complaint = frames(url, 6)
        self.assertGreaterEqual(count, 140, complaint)
        self.assertEqual(complaint, "")
        self.ended_well(container)
        code, said = self.healthy(container, f"rtmp://127.0.0.1:{rtmp}")
        self.assertEqual((code, "unhealthy" in said), (1, True))
        print(f"file-to-rtmp: {count} pictures in 6 s", flush=True)

    def publish(self, url):
        publisher = subprocess.Popen(["ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1",
                                      "-i", self.file, "-c", "copy", "-f", "flv", url])
        self.addCleanup(publisher.wait)
        self.addCleanup(publisher.kill)
        return publisher

    def test_live(self):
        """Scenarios 3 and 5: a publisher outside, a server in a container; RTMP, and HLS for
        browsers."""
        container, rtmp, http = self.service("live", PUBLISH_KEY="hush")
        health = f"http://127.0.0.1:{http}/streams.json"
        until("it serves", lambda: self.healthy(container, health)[0] == 0)
        refused = self.publish(f"rtmp://127.0.0.1:{rtmp}/live/cam")
        self.assertNotEqual(refused.wait(PATIENCE), 0, "the key is needed")
        self.publish(f"rtmp://127.0.0.1:{rtmp}/live/cam?key=hush")
        url = f"rtmp://127.0.0.1:{rtmp}/live/cam"
        self.assertEqual(until("it plays", lambda: kinds(url)), ["audio", "video"])
        count, complaint = frames(url, 6)
        self.assertGreaterEqual(count, 140, complaint)

        def playlist():
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{http}/live/cam/index.m3u8",
                                            timeout=15) as answer:
                    text = answer.read().decode()
                    return text if text.count("#EXTINF") >= 2 else None
            except OSError:
                return None
        text = until("HLS", playlist)
        segment = next(line for line in text.splitlines() if line and line[0] != "#")
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/live/cam/{segment}") as answer:
            self.assertGreater(len(answer.read()), 10_000)
        hls, complaint = frames(f"http://127.0.0.1:{http}/live/cam/index.m3u8", 4)
        self.assertGreaterEqual(hls, 95, complaint)
        with urllib.request.urlopen(f"http://127.0.0.1:{http}/") as page:
            self.assertIn(b"<video", page.read())
        with urllib.request.urlopen(health) as answer:
            self.assertEqual([s["name"] for s in json.load(answer)["streams"]], ["live/cam"])
        self.ended_well(container, "refused to publish live/cam: wrong or missing key")
        code, said = self.healthy(container, health)
        self.assertEqual((code, "unhealthy" in said), (1, True))
        code, said = self.healthy(container, "http://127.0.0.1:1/")
        self.assertEqual(code, 1)
        print(f"live: {count} pictures in 6 s over RTMP, {hls} in 4 s over HLS", flush=True)


if __name__ == "__main__":
    reason = engine.can_run()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    del sys.argv[1:3]
    unittest.main()
