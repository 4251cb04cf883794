# SPDX-License-Identifier: LGPL-2.1-or-later
"""An ONVIF device as cameras are: WS-Discovery on multicast, and a device and media service over HTTP
that wants WS-UsernameToken, or HTTP's digest, and has a clock of its own."""
import base64
import datetime
import hashlib
import http.server
import re
import socket
import struct
import threading
import uuid

GROUP, PORT = "239.255.255.250", 3702
SOAP = "http://www.w3.org/2003/05/soap-envelope"


class Device:
    def __init__(self, user="admin", password="pass", auth="token", clock=0, name="Front%20door",
                 nat=False, profiles=2, junk=False, discover=True, host="127.0.0.1",
                 tells=""):
        self.user, self.password, self.auth, self.clock, self.name = (user, password, auth, clock,
                                                                      name)
        self.host, self.tells, self.proofs = host, tells, []
        self.nat, self.profiles, self.junk = nat, profiles, junk
        self.nonce, self.asked, self.nonces = uuid.uuid4().hex, [], set()
        device = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                device.proofs.append(self.headers.get("Authorization", ""))
                device.answer(self, body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.uuid = uuid.uuid4()
        if discover:
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self.socket.bind((GROUP, PORT))
            self.socket.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, struct.pack(
                "4s4s", socket.inet_aton(GROUP), socket.inet_aton("127.0.0.1")))
            threading.Thread(target=self.discovered, daemon=True).start()

    @property
    def address(self):
        return f"http://{self.host}:{self.port}/onvif/device_service"

    def discovered(self):
        while True:
            data, sender = self.socket.recvfrom(65536)
            probe = re.search(rb"MessageID[^>]*>\s*([^<\s]+)", data)
            if b"Probe" not in data or not probe:
                continue
            answer = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            answer.sendto(b"<not xml", sender)
            for related in ("uuid:another", probe.group(1).decode()):
                answer.sendto(f"""<?xml version="1.0"?><s:Envelope xmlns:s="{SOAP}"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header><a:RelatesTo>{related}
</a:RelatesTo></s:Header><s:Body><d:ProbeMatches><d:ProbeMatch><a:EndpointReference><a:Address>
urn:uuid:{self.uuid}</a:Address></a:EndpointReference><d:Scopes>
onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/{self.name}
onvif://www.onvif.org/hardware/X1</d:Scopes><d:XAddrs>ftp://no/ {self.tells} {self.address}
</d:XAddrs></d:ProbeMatch></d:ProbeMatches></s:Body></s:Envelope>""".encode(), sender)

    def reply(self, handler, text, status=200, headers=()):
        data = text.encode()
        handler.send_response(status)
        for name, value in headers:
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(data)))
        handler.end_headers()
        try:
            handler.wfile.write(data)
        except ConnectionError:
            pass  # a client that has had enough

    def token_is_good(self, body):
        def part(name):
            found = re.search(rf"<(?:\w+:)?{name}(?: [^>]*)?>([^<]*)<", body)
            return found.group(1) if found else ""
        if not part("Username"):
            return False
        created = part("Created")
        nonce = base64.b64decode(part("Nonce"))
        age = datetime.datetime.strptime(created, "%Y-%m-%dT%H:%M:%SZ") - self.now()
        digest = hashlib.sha1(nonce + created.encode() + self.password.encode()).digest()
        fresh = abs(age.total_seconds()) < 5 and nonce not in self.nonces
        self.nonces.add(nonce)
        return (part("Username") == self.user and fresh
                and part("Password") == base64.b64encode(digest).decode())

    def basic(self):
        return "Basic " + base64.b64encode(f"{self.user}:{self.password}".encode()).decode()

    def digest_is_good(self, handler):
        given = handler.headers.get("Authorization", "")
        said = dict(re.findall(r'(\w+)="?([^",]*)"?', given))
        if not given.startswith("Digest ") or said.get("nonce") != self.nonce:
            return False
        def hashed(text):
            return hashlib.md5(text.encode()).hexdigest()
        first = hashed(f"{self.user}:onvif:{self.password}")
        second = hashed(f"POST:{said['uri']}")
        return said["response"] == hashed(f"{first}:{self.nonce}:{said['nc']}:{said['cnonce']}:"
                                          f"auth:{second}")

    def now(self):
        return (datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
                + datetime.timedelta(seconds=self.clock))

    def answer(self, handler, body):
        what = re.search(r"<s:Body><(?:\w+:)?(\w+)", body).group(1)
        self.asked.append(what)
        if self.junk:
            return self.reply(handler, "<html>" + "x" * 3_000_000)
        if what != "GetSystemDateAndTime":
            if self.auth == "digest" and not self.digest_is_good(handler):
                return self.reply(handler, "", 401, [
                    ("WWW-Authenticate", 'Basic realm="onvif"'),
                    ("WWW-Authenticate", f'Digest realm="onvif", nonce="{self.nonce}", qop="auth"')])
            if self.auth == "basic" and handler.headers.get("Authorization") != self.basic():
                return self.reply(handler, "", 401, [("WWW-Authenticate", 'Basic realm="onvif"')])
            if self.auth == "token" and not self.token_is_good(body):
                return self.reply(handler, self.envelope(
                    "<s:Fault><s:Code><s:Value>s:Sender</s:Value><s:Subcode><s:Value>"
                    "ter:NotAuthorized</s:Value></s:Subcode></s:Code><s:Reason><s:Text>Sender not "
                    "authorized</s:Text></s:Reason></s:Fault>"), 400)
        self.reply(handler, self.envelope(getattr(self, what)(body)))

    def envelope(self, body):
        return (f'<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="{SOAP}" '
                'xmlns:tt="http://www.onvif.org/ver10/schema" xmlns:trt="x" xmlns:ter="y">'
                f"<s:Body>{body}</s:Body></s:Envelope>")

    def GetSystemDateAndTime(self, _):
        now = self.now()
        return (f"<R><SystemDateAndTime><tt:UTCDateTime><tt:Time><tt:Hour>{now.hour}</tt:Hour>"
                f"<tt:Minute>{now.minute}</tt:Minute><tt:Second>{now.second}</tt:Second></tt:Time>"
                f"<tt:Date><tt:Year>{now.year}</tt:Year><tt:Month>{now.month}</tt:Month>"
                f"<tt:Day>{now.day}</tt:Day></tt:Date></tt:UTCDateTime></SystemDateAndTime></R>")

    def GetCapabilities(self, _):
        host = "10.20.30.40" if self.nat else "127.0.0.1"
        return ("<R><Capabilities><tt:Media><tt:XAddr>"
                f"http://{host}:{self.port}/onvif/media</tt:XAddr></tt:Media></Capabilities></R>")

    def GetProfiles(self, _):
        return "<R>" + "".join(
            f'<trt:Profiles token="p{i}"><tt:Name>Profile &amp; {i}</tt:Name>'
            "<tt:VideoEncoderConfiguration><tt:Encoding>H264</tt:Encoding><tt:Resolution>"
            f"<tt:Width>{1920 >> i}</tt:Width><tt:Height>{1080 >> i}</tt:Height></tt:Resolution>"
            "<tt:RateControl><tt:FrameRateLimit>25</tt:FrameRateLimit></tt:RateControl>"
            "</tt:VideoEncoderConfiguration></trt:Profiles>"
            for i in range(self.profiles)) + "</R>"

    def GetStreamUri(self, body):
        token = re.search(r"<ProfileToken>([^<]*)<", body).group(1)
        return f"<R><MediaUri><tt:Uri>rtsp://192.0.2.9:554/{token}?a=1&amp;b=2</tt:Uri></MediaUri></R>"

    def close(self):
        self.server.shutdown()
        self.server.server_close()
