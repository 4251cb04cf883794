#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Authorization from outside: one server decides over publishers and over viewers of every protocol;
stream keys in a file, signed URLs, tokens and addresses; who is told of peers. Needs PENSTOCK, the
executable, and PENSTOCK_PIPELINES, the directory."""

import base64
import hashlib
import hmac
import http.client
import http.server
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from rtmp_peer import Peer
from waiting import until

PENSTOCK = os.environ["PENSTOCK"]
LIVE = (pathlib.Path(os.environ["PENSTOCK_PIPELINES"]) / "live.yaml").read_text(encoding="utf-8")
SECRET = "0123456789abcdef0123456789abcdef"


# A server of ten lines that decides about all peers.
class Decides(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        peer = dict(urllib.parse.parse_qsl(body))
        self.server.asked.append((peer, body, dict(self.headers)))
        status = self.server.answer(peer)
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "anna")
        self.end_headers()

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.server.key_set.encode())

    def log_message(self, *_):
        pass


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(claims, secret=SECRET):
    text = base64url(b'{"alg":"HS256"}') + "." + base64url(json.dumps(claims).encode())
    return text + "." + base64url(hmac.new(secret.encode(), text.encode(), hashlib.sha256).digest())


def sign(action, stream, expires):
    text = f"{action} {stream} {expires}".encode()
    return (f"expires={expires}&sign=" +
            hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest())


def offer(direction):
    """A WebRTC peer's offer, of H.264."""
    return "\r\n".join((
        "v=0", "o=- 1 1 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0",
        "m=video 9 UDP/TLS/RTP/SAVPF 96", "c=IN IP4 0.0.0.0", "a=mid:0", "a=setup:actpass",
        "a=ice-ufrag:abcd", "a=ice-pwd:0123456789abcdef01234567", "a=rtcp-mux", "a=" + direction,
        "a=fingerprint:sha-256 " + ":".join(["7B"] * 32), "a=rtpmap:96 H264/90000",
        "a=fmtp:96 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f", ""))


class Authorize(unittest.TestCase):
    def decider(self, answer, key_set=""):
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Decides)
        server.daemon_threads = True
        server.asked, server.answer, server.key_set = [], answer, key_set
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def end():
            server.shutdown()
            server.server_close()
            thread.join()
        server.end = end
        self.addCleanup(lambda: server.fileno() == -1 or end())
        server.url = f"http://127.0.0.1:{server.server_port}/"
        return server

    def run_live(self, keys, rule="", play="", starts=True, **environment):
        """Runs `live` with these keys added to the description and to its rules, and with these
        `play` rules before its own."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        root = self.root = pathlib.Path(directory.name)
        text = LIVE.replace("    max-instances: 500", rule + "    max-instances: 500")
        text = text.replace("\nplay:\n", "\nplay:\n" + play)
        (root / "own.yaml").write_text(text + keys, encoding="utf-8")
        log = open(root / "log", "w", encoding="utf-8")
        process = self.process = subprocess.Popen(
            [PENSTOCK, "run", str(root / "own.yaml"), "--set", "rtmp=127.0.0.1:0", "--set",
             "http=127.0.0.1:0", "--set", "segment=500ms"], stdout=log, stderr=log, cwd=root,
            # The most verbose log: it must not contain any secret.
            env=dict(os.environ, XDG_RUNTIME_DIR=directory.name, GST_DEBUG="penstock-*:7",
                     **environment))
        log.close()

        def end():
            process.kill()
            process.wait()
        self.addCleanup(end)
        until("it runs", lambda: "Ctrl-C" in self.log() or process.poll() is not None)
        if not starts:
            return
        self.assertIsNone(process.poll(), self.log())
        self.rtmp = int(re.search(r"rtmp://[^\s/]+:(\d+)/", self.log())[1])
        self.http = int(re.search(r"http://[^\s/]+:(\d+)/", self.log())[1])

    def log(self):
        return (self.root / "log").read_text(encoding="utf-8", errors="replace")

    def publish(self, name):
        """A publisher that sends media until the test ends; None if it is refused."""
        peer = Peer(self.rtmp)
        try:
            peer.publish(name)
        except ConnectionError:
            peer.close()
            return None
        done = threading.Event()

        def feed():
            try:
                while not done.wait(0.2):
                    peer.send_gop(10)
            except OSError:
                pass
        thread = threading.Thread(target=feed)
        thread.start()

        def end():
            done.set()
            thread.join()
            peer.close()
        self.addCleanup(end)
        peer.end = end
        return peer

    def plays(self, name):
        peer = Peer(self.rtmp).play(name)
        try:
            peer.wait_for("NetStream.Play.Start")
            return True
        except ConnectionError:
            return False
        finally:
            peer.close()

    def open_flv(self, target, websocket=False):
        """Returns the status and the connection."""
        viewer = socket.create_connection(("127.0.0.1", self.http), 20)
        self.addCleanup(viewer.close)
        more = ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" if websocket else "")
        viewer.sendall(f"GET {target} HTTP/1.1\r\nHost: x\r\n{more}\r\n".encode())
        head = b""
        while len(head) < 12:
            head += viewer.recv(12 - len(head)) or self.fail(f"no answer, only {head}")
        return int(head[9:12]), viewer

    def get(self, target):
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)
        try:
            connection.request("GET", target)
            response = connection.getresponse()
            return response.status, response.read().decode(errors="replace")
        finally:
            connection.close()

    def status(self, target, websocket=False):
        status, viewer = self.open_flv(target, websocket)
        viewer.close()
        return status

    def offer(self, target, **headers):
        """The status that a WHIP or WHEP client's offer gets."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http, timeout=20)
        try:
            direction = "sendonly" if "/whip" in target else "recvonly"
            connection.request("POST", target, offer(direction),
                               {"Content-Type": "application/sdp", **headers})
            return connection.getresponse().status
        finally:
            connection.close()

    def until_status(self, target, status):
        until(lambda: f"{target} is {self.status(target)}, not {status}",
              lambda: self.status(target) == status)

    def test_one_server_decides_over_all(self):
        server = self.decider(
            lambda peer: 200 if peer["name"] == "cam" and peer.get("token") == "swordfish" else 403)
        self.run_live(f"\nauthorize: {{url: '{server.url}', secret: {SECRET}, timeout: 2s}}\n")
        self.assertIsNone(self.publish("cam?token=tuna"), "refused publisher")
        self.assertIsNone(self.publish("other?token=swordfish"), "refused name")
        self.assertIsNotNone(self.publish("cam?token=swordfish"), self.log())
        self.until_status("/live/cam.flv?token=swordfish", 200)
        self.until_status("/live/cam/index.m3u8?token=swordfish", 200)
        self.assertTrue(self.plays("cam?token=swordfish"))
        self.assertFalse(self.plays("cam?token=tuna"))
        self.assertEqual(self.status("/live/cam.flv?token=swordfish", websocket=True), 101)
        for target in ("/live/cam.flv", "/live/cam/index.m3u8"):
            for query in ("", "?token=tuna", "?x=token=swordfish", "?name=cam"):
                self.assertEqual(self.status(target + query), 403, target + query)
        self.assertEqual(self.status("/live/cam.flv", websocket=True), 403)
        self.assertEqual(self.offer("/live/cam/whep?token=swordfish"), 201)
        self.assertEqual(self.offer("/live/cam/whep", Authorization="Bearer swordfish"), 201)
        self.assertEqual(self.offer("/live/cam/whep", Authorization="Bearer tuna"), 403)
        self.assertEqual(self.offer("/live/cam/whip?token=tuna"), 403)
        self.assertEqual(self.offer("/live/other/whip?token=swordfish"), 403)
        self.assertEqual(self.offer("/live/cam/whip?token=swordfish"), 409, "RTMP has the name")
        self.assertNotIn("has failed", self.log())
        # The server was asked the same about peers of every protocol.
        allowed = [peer for peer, _, _ in server.asked if peer.get("token") == "swordfish"]
        self.assertEqual({peer["protocol"] for peer in allowed},
                         {"rtmp", "http", "websocket", "hls", "rtc"})
        for peer in allowed:
            self.assertEqual((peer["app"], peer["addr"], peer["tls"]), ("live", "127.0.0.1", "0"))
        for _, body, headers in server.asked:
            when, mac = re.fullmatch(r"t=(\d+),v1=(\w+)", headers["X-Penstock-Signature"]).groups()
            self.assertEqual(mac, hmac.new(SECRET.encode(), f"{when}.{body}".encode(),
                                           hashlib.sha256).hexdigest())
        # An HLS viewer needs one decision, and its segments' URLs are its own.
        before = len(server.asked)
        playlist = self.get("/live/cam/index.m3u8?token=swordfish")[1]
        segment = [line for line in playlist.splitlines() if line and line[0] != "#"][-1]
        self.assertEqual(self.get("/live/cam/" + segment)[0], 200)
        self.assertEqual(self.get("/live/cam/" + segment.split("?")[0])[0], 403)
        self.assertLessEqual(len(server.asked), before + 1)
        # Without an answer every peer is refused.
        server.end()
        self.assertEqual(self.status("/live/cam.flv?token=swordfish"), 403)
        self.assertIn("can't be asked", self.log())
        for secret in ("swordfish", "tuna", SECRET):
            self.assertNotIn(secret, self.log())

    def test_no_answer_and_cache(self):
        asleep = threading.Event()
        self.addCleanup(asleep.set)

        def answer(peer):
            if peer["name"] == "slow":
                asleep.wait(20)
            return 200
        server = self.decider(answer)
        self.run_live(f"\nauthorize:\n  url: {server.url}\n  timeout: 300ms\n  cache: 1min\n")
        self.assertIsNone(self.publish("slow"), "no answer in time")
        self.assertIn("no answer in time", self.log())
        self.assertIsNotNone(self.publish("cam"))
        self.until_status("/live/cam.flv", 200)
        self.assertEqual(self.status("/live/cam.flv?x"), 200)
        before = len(server.asked)
        for _ in range(5):
            self.assertEqual(self.status("/live/cam.flv?x"), 200)
        self.assertEqual(len(server.asked), before, "the answer is kept")
        self.assertEqual(self.status("/live/cam.flv?y"), 200)
        self.assertEqual(len(server.asked), before + 1, "another request is asked about")
        # Penstock ends properly while questions are pending.
        self.addCleanup(Peer(self.rtmp).play("slow").close)
        self.process.send_signal(signal.SIGINT)
        self.assertGreaterEqual(self.process.wait(20), 0, self.log())

    def test_renamed(self):
        server = self.decider(lambda peer: 302 if peer["name"] == "t0psecret" else 404)
        told = self.decider(lambda peer: 200)
        self.run_live(f"\nnotify: {told.url}\n", f"    authorize: {server.url}\n")
        self.assertIsNone(self.publish("cam"))
        publisher = self.publish("t0psecret")
        self.assertIsNotNone(publisher, self.log())
        # The rule's `authorize` applies to publishers: viewers need no decision.
        self.until_status("/live/anna.flv", 200)
        self.until_status("/live/anna/index.m3u8", 200)
        self.assertTrue(self.plays("anna"))
        self.assertEqual(self.status("/live/t0psecret.flv"), 404)
        self.assertEqual(self.status("/live/t0psecret/index.m3u8"), 404)
        self.assertIsNone(self.publish("t0psecret"), "the name is taken")
        publisher.end()
        until("it is told", lambda: "publish_done" in [peer["call"] for peer, _, _ in told.asked])
        self.assertNotIn("t0psecret", self.log() + repr(told.asked))

    def test_key_file(self):
        keys = "# of the studio\ns3sam-anna anna live/anna\ns3sam-any\n"
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "keys"
            path.write_text(keys)
            self.run_live(f"\nauthorize: {{keys: {path}}}\n")
            self.assertIn("stream key NAME?key=KEY", self.log())
            self.assertIsNone(self.publish("anna"))
            self.assertIsNone(self.publish("anna?key=s3sam-bo"))
            self.assertIsNone(self.publish("bo?key=s3sam-anna"), "the key of another stream")
            self.assertIsNotNone(self.publish("anna?key=s3sam-anna"), self.log())
            self.assertIsNotNone(self.publish("c1?key=s3sam-any"))
            self.until_status("/live/anna.flv", 200)
            self.assertIn("has the key of anna", self.log())
            # The file's new content applies to the next publisher.
            path.write_text("s3sam-bo bo\n")
            self.assertIsNone(self.publish("c2?key=s3sam-any"))
            self.assertIsNotNone(self.publish("c3?key=s3sam-bo"))
            path.write_text("s3sam-bo bo\ns3sam-bad a/b\n")
            self.assertIsNotNone(self.publish("c4?key=s3sam-bo"), "the keys of before still hold")
            self.assertIn("line 2", self.log())
        self.assertNotRegex(self.log(), "s3sam")

    def test_read_again(self):
        self.run_live("\nauthorize: {deny: 127.0.0.0/8}\n")
        self.assertIsNone(self.publish("cam"))
        path = self.root / "own.yaml"
        path.write_text(path.read_text().replace("127.0.0.0/8", "10.0.0.0/8"))
        self.process.send_signal(signal.SIGHUP)
        until("it is read again", lambda: "who may publish and play has changed" in self.log())
        self.assertIsNotNone(self.publish("cam"), self.log())

    def test_play_rule(self):
        server = self.decider(lambda peer: 200 if peer.get("token") == "swordfish" else 401)
        self.run_live("", play="  - match: ['rtmp://${rtmp}/live/{name}_2', "
                      "'http://${http}/live/{name}_2.flv']\n"
                      f"    authorize: {server.url}\n    pipeline: gopsrc channel=live/${{name}} ! "
                      "tee name=t ! queue ! rtmpserversink location=rtmp://${rtmp}/live/${name}_2 "
                      "t. ! queue ! httpserversink location=http://${http}/live/${name}_2.flv\n")
        self.assertIsNotNone(self.publish("cam"), "the rule is for viewers")
        self.until_status("/live/cam.flv", 200)
        self.assertEqual(server.asked, [])
        self.assertFalse(self.plays("cam_2"))
        self.assertEqual(self.status("/live/cam_2.flv?token=tuna"), 403)
        self.assertTrue(self.plays("cam_2?token=swordfish"))
        self.until_status("/live/cam_2.flv?token=swordfish", 200)
        self.assertEqual(self.status("/live/cam_2.flv"), 403)
        self.assertEqual({peer["name"] for peer, _, _ in server.asked}, {"cam_2"})

    def test_https(self):
        with tempfile.TemporaryDirectory() as directory:
            files = [f"{directory}/key.pem", f"{directory}/certificate.pem"]
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout",
                            files[0], "-out", files[1], "-subj", "/CN=x", "-days", "2", "-addext",
                            "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
            server = self.decider(lambda peer: 200)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(files[1], files[0])
            server.socket = context.wrap_socket(server.socket, server_side=True)
            keys = f"\nauthorize: https://127.0.0.1:{server.server_port}/\n"
            self.run_live(keys, SSL_CERT_FILE=files[1])
            self.assertIsNotNone(self.publish("cam"), self.log())
            self.run_live(keys)
            self.assertIsNone(self.publish("cam"), "a certificate that nobody trusts")
            self.assertIn("certificate verify failed", self.log())
            self.run_live(keys.replace("127.0.0.1", "localhost"), SSL_CERT_FILE=files[1])
            self.assertIsNone(self.publish("cam"), "a certificate of another name")

    def test_mistakes(self):
        self.run_live("\nauthorize: {keys: absent}\n", starts=False)
        self.assertEqual(self.process.wait(20), 1)
        self.assertIn("absent: No such file", self.log())

    def test_signed_urls_end(self):
        self.run_live(f"\nauthorize: {{sign: {SECRET}}}\n")
        later = int(time.time()) + 1000
        self.assertIsNone(self.publish("cam?" + sign("play", "live/cam", later)))
        self.assertIsNotNone(self.publish("cam?" + sign("publish", "live/cam", later)), self.log())
        self.until_status("/live/cam.flv?" + sign("play", "live/cam", later), 200)
        self.until_status("/live/cam/index.m3u8?" + sign("play", "live/cam", later), 200)
        self.assertEqual(self.offer("/live/cam/whep?" + sign("play", "live/cam", later)), 201)
        self.assertEqual(self.offer("/live/cam/whep?" + sign("play", "live/other", later)), 403)
        self.assertEqual(self.offer("/live/web/whip?" + sign("play", "live/web", later)), 403)
        self.assertEqual(self.offer("/live/web/whip?" + sign("publish", "live/web", later)), 201)
        self.assertIsNone(self.publish("web?" + sign("publish", "live/web", later)))
        self.assertRegex(self.log(), r"live/web\] closed: this name is being published already")
        self.assertNotIn("has failed", self.log())
        self.assertEqual(self.status("/live/cam.flv?" + sign("play", "live/other", later)), 403)
        self.assertEqual(self.status("/live/cam.flv"), 403)
        soon = int(time.time()) + 5
        query = sign("play", "live/cam", soon)
        status, viewer = self.open_flv("/live/cam.flv?" + query)
        self.assertEqual(status, 200)
        player = Peer(self.rtmp).play("cam?" + query)
        self.addCleanup(player.close)
        player.wait_for("NetStream.Play.Start")
        brief = self.publish("brief?" + sign("publish", "live/brief", soon))
        self.assertIsNotNone(brief)
        status, playlist = self.get("/live/cam/index.m3u8?" + query)
        self.assertEqual(status, 200)
        segment = [line for line in playlist.splitlines() if line and line[0] != "#"][-1]
        for connection in (viewer, player.socket, brief.socket):
            try:
                while connection.recv(65536):
                    pass
            except ConnectionResetError:
                pass
        self.assertGreaterEqual(time.time(), soon, "ended before its time")
        self.assertEqual(self.get("/live/cam/index.m3u8?" + query)[0], 403)
        self.assertEqual(self.get("/live/cam/" + segment)[0], 403)
        self.assertEqual(self.log().count("] closed: its authorization has expired"), 3)
        self.assertNotIn(query.split("=")[-1], self.log())

    def test_tokens(self):
        key = {"kty": "oct", "kid": "a", "k": base64url(SECRET.encode())}
        server = self.decider(lambda peer: 500, json.dumps({"keys": [key]}))
        self.run_live(f"\nauthorize:\n  jwt: {{keys: '{server.url}', issuer: us}}\n")
        later = int(time.time()) + 1000

        def for_(action, **more):
            return token({"exp": later, "iss": "us",
                          "permissions": [{"action": action, "path": "live/cam"}], **more})
        self.assertIsNone(self.publish("cam?token=" + for_("play")))
        self.assertIsNotNone(self.publish("cam?token=" + for_("publish")), self.log())
        self.until_status("/live/cam.flv?jwt=" + for_("play"), 200)
        self.until_status("/live/cam/index.m3u8?token=" + for_("read"), 200)
        self.assertTrue(self.plays("cam?token=" + for_("play")))
        for bad in (for_("play", iss="them"), for_("play", exp=1), for_("publish"),
                    token({"exp": later, "iss": "us", "permissions": [{"action": "play"}]}, "x" * 32)):
            self.assertEqual(self.status("/live/cam.flv?token=" + bad), 403)
        self.assertEqual(server.asked, [], "nobody is asked about peers")
        self.assertNotIn("eyJ", self.log())

    def test_addresses(self):
        self.run_live("\nauthorize: {allow: [127.0.0.0/8], only: publish}\n",
                      "    authorize: {deny: ['127.0.0.1', '::1']}\n")
        self.assertIsNone(self.publish("cam"))
        self.assertIn("deny list", self.log())

    def test_notified(self):
        attempts = []

        def answer(peer):
            attempts.append(peer["call"])
            return 503 if len(attempts) == 1 else 200
        server = self.decider(answer)
        self.run_live(f"\nnotify: {{url: '{server.url}', secret: {SECRET}}}\n")
        publisher = self.publish("cam")
        self.until_status("/live/cam/index.m3u8", 200)
        self.assertTrue(self.plays("cam"))
        calls = lambda: [(peer["call"], peer["protocol"], peer["name"]) for peer, _, _ in server.asked]
        until(lambda: f"the player's end is told: {calls()}",
              lambda: ("play_done", "rtmp", "cam") in calls())
        publisher.end()
        until("the publisher's end is told", lambda: ("publish_done", "rtmp", "cam") in calls())
        self.assertEqual(calls()[:2], [("publish", "rtmp", "cam")] * 2, "what failed is repeated")
        ids = [headers["X-Penstock-Event"] for _, _, headers in server.asked]
        self.assertEqual(ids[0], ids[1])
        self.assertEqual(len(set(ids[1:])), len(ids) - 1)
        self.assertIn(("play", "hls", "cam"), calls())
        self.assertLess(calls().index(("play", "rtmp", "cam")),
                        calls().index(("play_done", "rtmp", "cam")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
