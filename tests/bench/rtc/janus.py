# SPDX-License-Identifier: LGPL-2.1-or-later
"""Janus beside it: its streaming plugin, fed with RTP that is made from the load generator's RTMP, and
a WHEP endpoint in front of it. Janus makes offers itself, so the endpoint turns the viewer's offer
into an answer to that of Janus, and the offer of Janus into the viewer's answer. Endpoint and relay
run on the core of the load; what is measured is Janus alone."""

import glob
import http.server
import json
import os
import queue
import re
import shutil
import subprocess
import threading
import urllib.request

from servers import Broken, Missing, Server, free_port

STREAM = 1  # its number in Janus
PAYLOAD_TYPE = 105  # of H.264 as the load generator offers it: constrained baseline
FOLDERS = "/usr/lib/*/janus"


class Api:
    """The HTTP API of Janus: one session, and a handle for each viewer. Thread-safe."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}/janus"
        self.events = {}  # of handles: what came for each
        self.session = self.call(self.url, {"janus": "create"})["data"]["id"]
        self.url += f"/{self.session}"
        threading.Thread(target=self._listen, daemon=True).start()

    @staticmethod
    def call(url, message):
        request = urllib.request.Request(url, json.dumps({**message, "transaction": "t"}).encode())
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def _listen(self):
        while True:
            try:
                with urllib.request.urlopen(self.url + "?maxev=50", timeout=90) as answer:
                    for event in json.load(answer):
                        self.events.get(event.get("sender"), queue.Queue()).put(event)
            except (OSError, ValueError):
                return  # Janus has ended

    def watch(self):
        """A new viewer's handle, and the offer of Janus to it."""
        handle = self.call(self.url, {"janus": "attach", "plugin": "janus.plugin.streaming"})
        handle = handle["data"]["id"]
        self.events[handle] = queue.Queue()
        self.call(f"{self.url}/{handle}", {"janus": "message",
                                           "body": {"request": "watch", "id": STREAM}})
        while True:
            event = self.events[handle].get(timeout=60)
            if "jsep" in event:
                return handle, event["jsep"]["sdp"]
            if "error" in event.get("plugindata", {}).get("data", {}):
                raise Broken(f"Janus refuses a viewer: {event}")

    def start(self, handle, answer):
        self.call(f"{self.url}/{handle}", {"janus": "message", "body": {"request": "start"},
                                           "jsep": {"type": "answer", "sdp": answer}})


def turned(sdp, own, setup, direction):
    """The description as an answer: with the mid of `own`, in this role of DTLS, and without header
    extensions, of which each side has its own numbers."""
    mid = re.search(r"^a=mid:(\S+)", own, re.M)[1]
    lines = []
    for line in sdp.replace("\r\n", "\n").splitlines():
        if line.startswith("a=extmap") or line == "a=end-of-candidates":
            continue
        line = re.sub(r"^a=setup:.*", f"a=setup:{setup}", line)
        line = re.sub(r"^a=(sendonly|recvonly|sendrecv)$", f"a={direction}", line)
        line = re.sub(r"^a=mid:.*", f"a=mid:{mid}", line)
        line = re.sub(r"^a=group:BUNDLE .*", f"a=group:BUNDLE {mid}", line)
        lines.append(line)
    return "\r\n".join(lines) + "\r\n"


def only_of(sdp, payload_types):
    """The description with these payload types alone."""
    lines = []
    for line in sdp.replace("\r\n", "\n").splitlines():
        number = re.match(r"a=(?:rtpmap|fmtp|rtcp-fb):(\d+)", line)
        if number and number[1] not in payload_types:
            continue
        if line.startswith("m="):
            line = " ".join(line.split()[:3] + payload_types)
        lines.append(line)
    return "\r\n".join(lines) + "\r\n"


class Endpoint(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        offer = self.rfile.read(int(self.headers["Content-Length"])).decode()
        handle, theirs = self.server.api.watch()
        types = re.search(r"^m=video \S+ \S+ (.*)", theirs, re.M)[1].split()
        answer = turned(theirs, offer, "passive", "sendonly").encode()
        self.server.api.start(handle, turned(only_of(offer, types), theirs, "active", "recvonly"))
        self.send_response(201)
        self.send_header("Content-Type", "application/sdp")
        self.send_header("Location", f"{self.path}/{handle}")
        self.send_header("ETag", f'"{handle}"')
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_DELETE(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Janus(Server):
    def __init__(self, folder):
        super().__init__(folder, "rtc", 0, 0)
        self.installed = next(iter(glob.glob(FOLDERS)), None)
        if not (self.installed and shutil.which("janus")):
            raise Missing("Janus is not installed")
        self.api_port, self.media = free_port(), free_port()
        self.relay = self.endpoint = None

    def ports(self):
        return [self.api_port]

    def _write(self, name, text):
        with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
            file.write(text)

    def command(self):
        self._write("janus.jcfg", f"""general: {{
  configs_folder = "{self.folder}"
  plugins_folder = "{self.installed}/plugins"
  transports_folder = "{self.installed}/transports"
  debug_level = 2
  session_timeout = 0
}}
nat: {{ ice_lite = true, ice_ignore_list = "eth,ens,enp,vmnet" }}
media: {{ dtls_mtu = 1200 }}
plugins: {{ disable = "libjanus_audiobridge.so,libjanus_duktape.so,libjanus_echotest.so,libjanus_lua.so,libjanus_nosip.so,libjanus_recordplay.so,libjanus_sip.so,libjanus_textroom.so,libjanus_videocall.so,libjanus_videoroom.so,libjanus_voicemail.so" }}
transports: {{ disable = "libjanus_websockets.so,libjanus_mqtt.so,libjanus_nanomsg.so,libjanus_pfunix.so,libjanus_rabbitmq.so" }}
""")
        self._write("janus.transport.http.jcfg", f"""general: {{
  json = "compact", base_path = "/janus"
  http = true, port = {self.api_port}, ip = "127.0.0.1", https = false
}}
admin: {{ admin_http = false }}
""")
        self._write("janus.plugin.streaming.jcfg", f"""bench: {{
  type = "rtp", id = {STREAM}, audio = false, video = true
  videoport = {self.media}, videopt = {PAYLOAD_TYPE}, videocodec = "h264"
  videofmtp = "profile-level-id=42e01f;packetization-mode=1;level-asymmetry-allowed=1"
  videobufferkf = true
}}
""")
        return ["janus", "-F", self.folder, "-i", "127.0.0.1"]

    def start(self, core=None):
        super().start(core)
        with open(os.path.join(self.folder, "relay.log"), "wb") as log:
            self.relay = subprocess.Popen(
                ["gst-launch-1.0", "rtmpserversrc",
                 f"location=rtmp://127.0.0.1:{self.rtmp}/live/bench", "!", "flvlivedemux", "!",
                 "h264parse", "config-interval=-1", "!", "rtph264pay", f"pt={PAYLOAD_TYPE}",
                 "aggregate-mode=zero-latency", "mtu=1200", "!", "udpsink", "host=127.0.0.1",
                 f"port={self.media}", "sync=false", "async=false"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        self.await_port(self.rtmp, self.relay)
        self.endpoint = http.server.ThreadingHTTPServer(("127.0.0.1", self.http), Endpoint)
        self.endpoint.daemon_threads = True
        self.endpoint.api = Api(self.api_port)
        threading.Thread(target=self.endpoint.serve_forever, daemon=True).start()
        return self

    def end(self):
        if self.endpoint:
            self.endpoint.shutdown()
        if self.relay:
            self.relay.kill()
            self.relay.wait()
        super().end()
