#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`penstock latency` with every kind of URL, its messages if nothing arrives, and clocks that
differ. Needs PENSTOCK, the executable, and PENSTOCK_PIPELINES, the directory."""

import concurrent.futures
import json
import os
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.request

from latency import ANY, Run, latency

# Stamped at 30 frames per second; the encoder adds no delay.
SOURCE = ("videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360,framerate=30/1 "
          "! latencystamp ! x264enc tune=zerolatency key-int-max=15 bitrate=800 ! h264parse ! "
          "latencysei hop=capture+encode ! tslivemux ! ")
FROM_1900_TO_1970 = 2_208_988_800


def free_port(kind):
    with socket.socket(socket.AF_INET, kind) as chosen:
        chosen.bind(("127.0.0.1", 0))
        return chosen.getsockname()[1]


class Ntp:
    """An NTP server whose clock is `ahead` seconds of this machine's; `change` may corrupt its
    answers."""

    def __init__(self, test, ahead=0.0, change=lambda answer: answer):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.asked = 0
        self.ahead, self.change = ahead, change
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        test.addCleanup(self.close)

    def now(self):
        seconds, rest = divmod(time.time_ns() + int(self.ahead * 1e9), 10**9)
        return seconds + FROM_1900_TO_1970 << 32 | (rest << 32) // 10**9

    def serve(self):
        while True:
            request, client = self.socket.recvfrom(512)
            if not request:
                return
            arrived = self.now()
            self.asked += 1
            answer = struct.pack(">BBbbII4sQ8sQQ", 0x24, 1, 4, -20, 0, 0x10, b"LOCL", arrived,
                                 request[40:48], arrived, self.now())
            answer = self.change(answer)
            if answer:
                self.socket.sendto(answer, client)

    def close(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self.socket.getsockname())
        self.thread.join()
        self.socket.close()


class TlsFront:
    """Takes TLS connections and passes them on to an address in the clear."""

    def __init__(self, test, to, certificate, key):
        self.to = to
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(certificate, key)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.accept)
        self.thread.start()
        test.addCleanup(self.close)

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            if self.to is None:
                client.close()
                return
            threading.Thread(target=self.carry, args=(client,), daemon=True).start()

    def carry(self, client):
        try:
            with self.context.wrap_socket(client, server_side=True) as near, \
                    socket.create_connection(self.to) as far:
                near.settimeout(0.002)
                far.settimeout(0.002)
                while True:
                    for source, sink in ((near, far), (far, near)):
                        try:
                            data = source.recv(1 << 16)
                        except TimeoutError:
                            continue
                        if not data:
                            return
                        sink.settimeout(10)
                        sink.sendall(data)
                        sink.settimeout(0.002)
        except OSError:
            pass

    def close(self):
        self.to = None
        socket.create_connection(self.listener.getsockname()).close()
        self.thread.join()
        self.listener.close()


class Urls(unittest.TestCase):
    def launch(self, line):
        process = subprocess.Popen(["gst-launch-1.0", "-q", *line.split()])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)

    def measured(self, url, *options):
        """Measures for two seconds and checks that the figures are plausible; returns the JSON."""
        run = latency(url, "--wait", "60", "-t", "2", "--json", *options)
        self.assertEqual((run.returncode, run.stderr), (0, ""), url)
        told = json.loads(run.stdout)
        glass = told["glass"]
        self.assertGreater(glass["count"], 10, url)
        self.assertTrue(0 < glass["p50_ms"] < 20_000, (url, glass))
        self.assertEqual((told["clock"], told["pictures"]["unreadable"]), (0, 0), url)
        self.assertEqual((told["hops"][0]["hop"], told["hops"][-1]["hop"]), ("capture", "client"))
        return told

    def test_tls(self):
        """https://….flv and ….m3u8, and rtmps://, each with a certificate nobody else trusts."""
        with tempfile.TemporaryDirectory() as folder:
            trusted, key = (os.path.join(folder, name) for name in ("certificate.pem", "key.pem"))
            subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj",
                            "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-out",
                            trusted, "-keyout", key], check=True, capture_output=True)
            live = Run(self, "live", "--set", "rtmp=" + ANY, "--set", "http=" + ANY, "--set",
                       "segment=1s", "--set", "web=https", "--set", "tls-certificate=" + trusted,
                       "--set", "tls-key=" + key)
            rtmp = live.find(r"Publish +(rtmp://\S+)/NAME")
            https = live.find(r"HLS +(https://\S+)/NAME/index.m3u8")
            Run(self, "test-publisher", "--set", "url=%s/cam" % rtmp, "--set", "stamp=true",
                "--set", "latency=low", "--set", "bitrate=1Mbit")
            address = re.search(r"//(.+):(\d+)/", rtmp)
            front = TlsFront(self, (address[1], int(address[2])), trusted, key)
            rtmps = "rtmps://127.0.0.1:%d/live/cam" % front.port
            trust = ssl.create_default_context(cafile=trusted)
            deadline = time.monotonic() + 40
            while True:
                try:
                    urllib.request.urlopen(https + "/cam/index.m3u8", timeout=20,
                                           context=trust).close()
                    break
                except OSError:
                    self.assertLess(time.monotonic(), deadline)
                    threading.Event().wait(0.2)
            for url, name in ((https + "/cam.flv", "HTTP-FLV"), (rtmps, "RTMP"),
                              (https + "/cam/index.m3u8", "HLS")):
                told = self.measured(url, "--tls-ca", trusted)
                self.assertEqual(told["protocol"], name)
                run = latency(url)
                self.assertEqual(run.returncode, 1, url)
                self.assertRegex(run.stderr, "certificate.*--tls-ca FILE", url)
            run = latency(https + "/cam.flv", "--tls-ca", key)
            self.assertEqual(run.returncode, 2)
            self.assertIn("no certificate can be read", run.stderr)
            run = latency(https.replace("https", "http") + "/cam.flv")
            self.assertEqual(run.returncode, 1)
            self.assertRegex(run.stderr, "https|Bad Request")
            # A name without a publisher.
            run = latency(https + "/nobody.flv", "--tls-ca", trusted)
            self.assertEqual(run.returncode, 1)
            self.assertRegex(run.stderr, "404 Not Found: is that stream published")

    def test_ts(self):
        """http://….ts"""
        port = free_port(socket.SOCK_STREAM)
        url = "http://127.0.0.1:%d/live/cam.ts" % port
        self.launch(SOURCE + "httpserversink location=" + url)
        deadline = time.monotonic() + 20
        while True:
            try:
                urllib.request.urlopen(url, timeout=20).close()
                break
            except OSError:
                self.assertLess(time.monotonic(), deadline)
                threading.Event().wait(0.1)
        self.assertEqual(self.measured(url)["protocol"], "HTTP-TS")

    def test_datagrams(self):
        """udp:// and rtp://, as sent by the shipped description, and srt:// in both directions."""
        for scheme, form in (("udp", "ts"), ("rtp", "rtp")):
            to = "127.0.0.1:%d" % free_port(socket.SOCK_DGRAM)
            Run(self, "webcam-to-udp", "--set", "source=test", "--set", "stamp=true", "--set",
                "to=" + to, "--set", "format=" + form, "--set", "width=640", "--set", "height=360")
            told = self.measured("%s://%s" % (scheme, to))
            self.assertEqual([hop["hop"] for hop in told["hops"]],
                             ["capture", "encode", "mux", "client"])
        port = free_port(socket.SOCK_DGRAM)
        self.launch(SOURCE + "srtsink uri=srt://127.0.0.1:%d?mode=listener latency=20 "
                             "wait-for-connection=false" % port)
        told = self.measured("srt://127.0.0.1:%d?mode=caller&latency=20" % port)
        self.assertEqual(told["protocol"], "SRT")
        port = free_port(socket.SOCK_DGRAM)
        self.launch(SOURCE + "srtsink uri=srt://127.0.0.1:%d?mode=caller latency=20 "
                             "wait-for-connection=false" % port)
        self.measured("srt://127.0.0.1:%d?mode=listener&latency=20" % port)

    def refuses(self, url, code, words, within=15):
        """Expects a single line with the reason and the remedy, soon."""
        began = time.monotonic()
        run = latency(url)
        self.assertEqual((run.returncode, run.stdout), (code, ""), url)
        self.assertRegex(run.stderr, r"\A(waits for [^\n]*\n)?error: [^\n]*%s[^\n]*\n\Z" % words, url)
        self.assertLess(time.monotonic() - began, within, url)

    def test_nothing_there(self):
        """A reason and a remedy, within seconds if nothing is worth waiting for."""
        port = free_port(socket.SOCK_STREAM)
        closed = r"nothing listens on port %d of 127\.0\.0\.1 \(connection refused\): is the server " \
                 r"running, and is that its port\?" % port
        unknown = r"no machine is known by the name no\.\.such: is it spelt right"
        datagrams = free_port(socket.SOCK_DGRAM)
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder, "movie.flv")
            file.write_bytes(b"FLV")
            for url, code, words in (
                    ("rtmp://127.0.0.1:%d/live/a" % port, 1, closed),
                    ("rtmps://127.0.0.1:%d/live/a" % port, 1, closed),
                    ("http://127.0.0.1:%d/a.flv" % port, 1, closed),
                    ("https://127.0.0.1:%d/a/index.m3u8" % port, 1, closed),
                    ("srt://127.0.0.1:%d" % datagrams, 1,
                     r"nothing answers SRT on UDP port %d of 127\.0\.0\.1: .*mode=listener" %
                     datagrams),
                    # An empty label: no DNS server has to be asked.
                    ("rtmp://no..such/live/a", 1, unknown),
                    ("http://no..such/a.flv", 1, unknown),
                    ("https://no..such/a/index.m3u8", 1, unknown),
                    ("srt://no..such:5000", 1, unknown),
                    ("udp://no..such:5000", 1, unknown),
                    # An address kept for documentation: no machine has it.
                    ("udp://192.0.2.1:5000", 1, r"can't be received on .*udp://0\.0\.0\.0:PORT"),
                    ("srt://192.0.2.1:5000?mode=listener", 1, "5000 can't be listened on"),
                    # The usual port is 8890: a name that is not known shows that none was missed.
                    ("srt://no..such", 1, unknown),
                    ("srt://127.0.0.1:5000?passphrase=short", 1, "10 to 79 characters"),
                    (str(file), 2, "is a file.*run live test-publisher`"),
                    (file.as_uri(), 2, "is a file"),
                    ("ws://127.0.0.1/live/a.flv", 2, "http://127.0.0.1/live/a.flv"),
                    ("rist://127.0.0.1/a", 2, "'rist' is no protocol"),
                    ("http://127.0.0.1/a.mpd", 2, r"index\.m3u8")):
                with self.subTest(url):
                    self.refuses(url, code, words)

    def answering(self, answer, family=socket.AF_INET, host="127.0.0.1"):
        """Starts a server that always sends this answer; returns its port and a list of the
        requests."""
        listener = socket.create_server((host, 0), family=family)
        asked = []

        def serve():
            while True:
                client, _ = listener.accept()
                with client:
                    client.settimeout(5)
                    request = b""
                    # Reads all of an HTTP request or RTMP handshake, otherwise the beginning: if
                    # data is left unread when the socket closes, the peer may lose the answer.
                    while b"\r\n\r\n" not in request and (request[:1] in (b"G", b"\3", b"")
                                                           and len(request) < 1537):
                        data = client.recv(4096)
                        if not data:
                            break
                        request += data
                    if not request:
                        return
                    asked.append(request)
                    client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()

        def close():
            socket.create_connection(listener.getsockname()[:2]).close()
            thread.join()
            listener.close()
        self.addCleanup(close)
        return listener.getsockname()[1], asked

    def test_another_server(self):
        """The server speaks another protocol, or refuses."""
        port, _ = self.answering(b"220 mail.example.com ESMTP\r\n")
        self.refuses("http://127.0.0.1:%d/a.flv" % port, 1, "no web server, or one that wants https")
        self.refuses("rtmp://127.0.0.1:%d/live/a" % port, 1, "no RTMP server: .*1935")
        self.refuses("https://127.0.0.1:%d/a.flv" % port, 1, "TLS .*is it a port for TLS, or .*http:")
        port, _ = self.answering(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n")
        self.refuses("http://127.0.0.1:%d/a.flv" % port, 1, "503 Service Unavailable: its own log")

    @unittest.skipUnless(socket.has_dualstack_ipv6(), "no IPv6 here")
    def test_ipv6(self):
        """The Host header has the URL's host, with its brackets."""
        port, asked = self.answering(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
                                     socket.AF_INET6, "::1")
        self.refuses("http://[::1]:%d/a.flv?x=1" % port, 1, "404 Not Found: is that stream published")
        hosts = [re.search(rb"(?m)^Host: (.*)\r$", request)[1].decode() for request in asked]
        self.assertGreater(len(hosts), 1)  # by GStreamer, and for the reason
        self.assertEqual(set(hosts), {"[::1]:%d" % port})
        self.assertTrue(asked[-1].startswith(b"GET /a.flv?x=1 HTTP/1.1\r\n"), asked[-1])

    def test_no_answer(self):
        """The time limit ends a connection attempt, and a wait for an answer."""
        with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
            port = full.getsockname()[1]
            waiting = [socket.socket() for _ in range(4)]
            for client in waiting:
                client.setblocking(False)
                client.connect_ex(full.getsockname())
            closed = ("rtmp://127.0.0.1:%d/live/a" % port, 1,
                      "port %d of .* does not answer within \\d s: .*firewall" % port, 30)
            with socket.create_server(("127.0.0.1", 0)) as silent:
                port = silent.getsockname()[1]
                words = r"accepts connections but sends nothing for \d s: .*"
                cases = (closed, ("rtmp://127.0.0.1:%d/live/a" % port, 1, words + "RTMP", 30),
                         ("http://127.0.0.1:%d/a.flv" % port, 1, words + "HTTP", 40))
                with concurrent.futures.ThreadPoolExecutor(len(cases)) as pool:
                    list(pool.map(lambda case: self.refuses(*case), cases))
            for client in waiting:
                client.close()

    def test_secrets(self):
        """SRT with a passphrase, and with another than the sender's."""
        port = free_port(socket.SOCK_DGRAM)
        self.launch(SOURCE + "srtsink uri=srt://127.0.0.1:%d?mode=listener latency=20 pbkeylen=16 "
                             "passphrase=tell-nobody wait-for-connection=false" % port)
        url = "srt://127.0.0.1:%d?latency=20&pbkeylen=16&passphrase=" % port
        deadline = time.monotonic() + 20
        while "nobody answers" in latency(url + "tell-somebody").stderr:
            self.assertLess(time.monotonic(), deadline)
        self.assertEqual(self.measured(url + "tell-nobody")["protocol"], "SRT")
        self.refuses(url + "tell-somebody", 1, "another passphrase")
        self.refuses("srt://127.0.0.1:%d" % port, 1, "another passphrase")


class Clocks(unittest.TestCase):
    def ask(self, server, *options):
        return latency("--ntp", server.address, *options)

    def test_ntp(self):
        for ahead in (0, 2.5, -0.25, -4000):
            server = Ntp(self, ahead)
            run = self.ask(server, "--json")
            self.assertEqual((run.returncode, run.stderr), (0, ""))
            told = json.loads(run.stdout)
            self.assertEqual(told["ntp"], server.address)
            self.assertTrue(0 <= told["offset_error_ms"] < 1000, told)
            self.assertAlmostEqual(told["offset_ms"], -1000 * ahead,
                                   delta=told["offset_error_ms"] + 1)
            self.assertIn(told["synchronised"], (True, False, None))
            self.assertTrue(1 <= server.asked <= 4, server.asked)
        run = self.ask(Ntp(self, 2.5))
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stdout, r"this machine's clock: .*; 2\.[45]\d* s behind 127\S+ ± [\d.]+ ms")

    def test_refused(self):
        for change, words in (
                (lambda a: b"", "it does not answer"),
                (lambda a: a[:40], "no answer of NTP"),
                (lambda a: a[:24] + bytes(8) + a[32:], "no answer of NTP"),
                (lambda a: bytes([0x24, 0]) + a[2:12] + b"RATE" + a[16:], r"refuses.*RATE"),
                (lambda a: bytes([0xE4]) + a[1:], "not synchronised")):
            run = self.ask(Ntp(self, 0, change), "--json")
            self.assertEqual((run.returncode, run.stdout), (1, ""))
            self.assertRegex(run.stderr, words)
            self.assertIn("--clock-offset", run.stderr)

    def test_mistakes(self):
        for options, words in ((("--ntp", "a", "--matrix"), "--matrix"),
                               (("rtmp://a/b", "--ntp", "a", "--clock-offset", "3"), "--ntp"),
                               (("rtmp://a/b", "--clock-offset", "1e12"), "--clock-offset")):
            run = latency(*options)
            self.assertEqual(run.returncode, 2, options)
            self.assertIn(words, run.stderr)

    def test_hop_that_is_off(self):
        """A hop on a machine whose clock is ten seconds behind is reported as "clock"; all others
        have a time."""
        port = free_port(socket.SOCK_DGRAM)
        line = SOURCE.replace("! tslivemux", "! latencysei hop=mux clock-offset=10000000000 ! "
                              "tslivemux") + "udpsink host=127.0.0.1 port=%d sync=false" % port
        process = subprocess.Popen(["gst-launch-1.0", "-q", *line.split()])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        run = latency("udp://127.0.0.1:%d" % port, "--wait", "60", "-t", "2", "--json")
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        told = json.loads(run.stdout)
        parts = {part["part"]: part for part in told["budget"]}
        self.assertEqual(list(parts), ["encoder", "muxer", "delivery", "decoder"])
        self.assertIsNone(parts["muxer"]["p50_ms"])
        self.assertEqual(parts["delivery"]["from"], "encode")
        self.assertTrue(0 <= parts["delivery"]["p50_ms"] < 5000, parts)
        self.assertRegex(told["advice"][0], r"\d+ times are impossible: the clocks")
        run = latency("udp://127.0.0.1:%d" % port, "--wait", "60", "-t", "2")
        self.assertRegex(run.stdout, r"\n  muxer +encode → mux +clock ")

    def test_taken_off(self):
        """An offset that is subtracted although both clocks agree adds to the latency."""
        to = "127.0.0.1:%d" % free_port(socket.SOCK_DGRAM)
        Run(self, "webcam-to-udp", "--set", "source=test", "--set", "stamp=true", "--set",
            "to=" + to, "--set", "width=640", "--set", "height=360")
        url = "udp://" + to

        def glass(*options):
            run = latency(url, "--wait", "60", "-t", "2", "--json", *options)
            self.assertEqual((run.returncode, run.stderr), (0, ""), run.stdout)
            told = json.loads(run.stdout)
            # Hops that are stamped on this machine are converted to the source's clock, too.
            self.assertEqual(told["clock"], 0)
            return told["glass"]["p50_ms"], told

        real, told = glass()
        self.assertIsNone(told["clocks"]["offset_ms"])
        moved, told = glass("--clock-offset", "-3000")
        self.assertEqual(told["clocks"]["offset_ms"], -3000)
        self.assertTrue(2900 < moved - real < 3500, (real, moved))
        moved, told = glass("--ntp", Ntp(self, 5).address)
        self.assertTrue(4900 < moved - real < 5500, (real, moved))
        self.assertAlmostEqual(told["clocks"]["offset_ms"], -5000, delta=200)
        # An impossible latency gives no figure: stamps from the future, and from long ago.
        for offset in ("100000", "-100000"):
            run = latency(url, "--wait", "60", "-t", "2", "--clock-offset", offset)
            self.assertEqual(run.returncode, 1)
            self.assertRegex(run.stdout, r"\n  latency +clock: ")
            self.assertNotRegex(run.stdout, "glass to")
            self.assertRegex(run.stderr, "clock and the source's differ.*--ntp HOST")
            run = latency(url, "--wait", "60", "-t", "2", "--json", "--clock-offset", offset)
            told = json.loads(run.stdout)
            self.assertEqual((told["glass"], told["budget"]), (None, []))
            self.assertGreater(told["clock"], 10)


if __name__ == "__main__":
    unittest.main()
