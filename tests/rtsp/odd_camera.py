#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A camera that speaks RTSP as cameras do: oddly. Serves the frames of an Annex B file of H.264 (or
of other streams) at 25 a second, over TCP, UDP or multicast, to any number of clients. Options, one
for each oddity, are in Oddities; a test makes a Camera of them, or runs this file with their names
as arguments: odd_camera.py FILE port=8554 digest silent_tcp."""
import base64
import hashlib
import os
import re
import socket
import struct
import sys
import threading
import time

FRAME = 1 / 25  # seconds
MTU = 1200


class Oddities:
    port = 0
    codec = "H264"  # of the file
    announced = None  # another name in the SDP
    payload_type = 96
    sent_type = None  # another payload type in the packets
    sdp = None  # a whole description instead of the usual one
    user, password = "admin", "se cret:ü"
    digest = basic = sha256 = False  # what is asked for
    two_challenges = new_nonce = False  # basic too; another nonce with each answer
    refuse = False  # every password
    only = ""  # "udp", "tcp" or "multicast"; others get 461
    silent_tcp = False  # accepts TCP, and sends nothing
    silent = False  # accepts everything, and sends nothing
    no_base = no_cseq = no_session = no_public = False
    base = None  # a Content-Base
    control = "track1"
    session_control = "*"
    redirect = ""
    redirects = 0  # so many DESCRIBEs are redirected
    cut_after = 0  # frames, in the middle of one, once
    late_report = 0  # frames before the first sender report
    drift = 1.0  # the clock's rate
    jump_at = 0  # frame at which timestamps jump
    restart_at = 0  # frame at which SSRC, sequence and timestamps begin anew
    reorder = False  # swaps datagrams
    lose = 0  # each so many-th datagram
    junk_channel = False
    rate = 25.0  # frames in a second
    audio = None  # bytes of each packet, sent every 20 ms
    audio_type, audio_map = 8, ""  # PCMA, which needs no rtpmap
    keepalive_status = 200
    timeout = 60
    refuse_range = False
    group = "239.255.77.7"


def annex_b_units(data):
    starts = [m.start() for m in re.finditer(b"\x00\x00\x01", data)]
    out = []
    for i, at in enumerate(starts):
        end = starts[i + 1] if i + 1 < len(starts) else len(data)
        unit = data[at + 3:end]
        while unit.endswith(b"\0"):
            unit = unit[:-1]
        if unit:
            out.append(unit)
    return out


def access_units(units, hevc=False):
    """Lists of units; a frame ends with its slice (one slice a frame)."""
    out, current = [], []
    for unit in units:
        kind = unit[0] >> 1 & 63 if hevc else unit[0] & 31
        if (kind == 35 if hevc else kind == 9):
            continue
        current.append(unit)
        if (kind < 32 if hevc else kind in (1, 5)):
            out.append(current)
            current = []
    return out


def payloads_of(units, hevc=False):
    """(payload, is the last of the frame)"""
    parts = []
    for unit in units:
        if len(unit) <= MTU:
            parts.append(unit)
            continue
        head = 2 if hevc else 1
        body, step = unit[head:], MTU - 3
        for at in range(0, len(body), step):
            flags = (0x80 if at == 0 else 0) | (0x40 if at + step >= len(body) else 0)
            if hevc:
                kind = unit[0] >> 1 & 63
                first = bytes([unit[0] & 0x81 | 49 << 1, unit[1], flags | kind])
            else:
                first = bytes([unit[0] & 0xE0 | 28, flags | unit[0] & 31])
            parts.append(first + body[at:at + step])
    return [(part, part is parts[-1]) for part in parts]


def rtp_frames(data):
    """Of packets with two bytes of length in front (RFC 4571), by timestamp."""
    frames, last = [], None
    while len(data) >= 14:
        size = struct.unpack(">H", data[:2])[0]
        packet, data = data[2:2 + size], data[2 + size:]
        timestamp = packet[4:8]
        if timestamp != last:
            frames.append([])
        last = timestamp
        frames[-1].append((packet[12:], bool(packet[1] & 0x80)))
    return frames


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Client(threading.Thread):
    """One connection."""

    def __init__(self, camera, connection):
        super().__init__(daemon=True)
        self.camera, self.odd, self.connection = camera, camera.odd, connection
        self.lock = threading.Lock()
        self.playing = threading.Event()
        self.gone = threading.Event()
        self.transport = {}  # track: function(is_rtcp, bytes)
        self.nonce = os.urandom(8).hex()

    def run(self):
        try:
            buffer = b""
            while True:
                while buffer[:1] == b"$" and len(buffer) >= 4:
                    size = 4 + struct.unpack(">H", buffer[2:4])[0]
                    if len(buffer) < size:
                        break
                    self.camera.reports += 1
                    buffer = buffer[size:]
                if buffer[:1] != b"$" and b"\r\n\r\n" in buffer:
                    head, buffer = buffer.split(b"\r\n\r\n", 1)
                    self.answer(head.decode("utf-8", "replace"))
                    continue
                more = self.connection.recv(65536)
                if not more:
                    return
                buffer += more
        except OSError:
            pass
        finally:
            self.gone.set()
            self.connection.close()

    def send(self, data):
        with self.lock:
            try:
                self.connection.sendall(data)
            except OSError:
                self.gone.set()

    def reply(self, status, headers=(), body=""):
        lines = [f"RTSP/1.0 {status} Whatever"]
        if not self.odd.no_cseq:
            lines.append(f"CSeq: {self.cseq}")
        lines += headers
        data = body.encode()
        if data:
            lines.append(f"Content-Length: {len(data)}")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode() + data)

    def is_admitted(self, method, headers):
        odd = self.odd
        if not (odd.digest or odd.basic or odd.sha256 or odd.refuse):
            return True
        given = headers.get("authorization", "")
        good = False
        if given.startswith("Basic "):
            good = base64.b64decode(given[6:]).decode() == f"{odd.user}:{odd.password}"
            good = good and (odd.basic or odd.two_challenges)
        elif given.startswith("Digest "):
            said = dict(re.findall(r'(\w+)="?([^",]*)"?', given))
            hashed = ((lambda text: hashlib.sha256(text.encode()).hexdigest())
                      if said.get("algorithm", "").upper() == "SHA-256" else md5)
            first = hashed(f"{odd.user}:Odd:{odd.password}")
            second = hashed(f"{method}:{said.get('uri')}")
            middle = (f"{said['nc']}:{said['cnonce']}:{said['qop']}:" if "qop" in said else "")
            good = (said.get("nonce") == self.nonce
                    and said.get("response") == hashed(f"{first}:{self.nonce}:{middle}{second}"))
        if odd.new_nonce and good:
            self.nonce = os.urandom(8).hex()
        if good and not odd.refuse:
            return True
        self.camera.refused += 1
        challenges = []
        if odd.basic or odd.two_challenges:
            challenges.append('WWW-Authenticate: Basic realm="Odd"')
        if odd.digest or odd.refuse:
            challenges.append(f'WWW-Authenticate: Digest realm="Odd", nonce="{self.nonce}"')
        if odd.sha256:
            challenges.append(f'WWW-Authenticate: Digest realm="Odd", nonce="{self.nonce}", '
                              'qop="auth", algorithm=SHA-256')
        self.reply(401, challenges)
        return False

    def answer(self, text):
        odd = self.odd
        first, *rest = text.split("\r\n")
        method, url = first.split(" ")[:2]
        headers = {}
        for line in rest:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        self.cseq = headers.get("cseq", "0")
        self.camera.requests.append((method, url, headers))
        if method != "OPTIONS" and not self.is_admitted(method, headers):
            return
        if method == "OPTIONS":
            self.reply(200, () if odd.no_public else
                       ("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER",))
        elif method == "DESCRIBE":
            if odd.redirects > 0:
                odd.redirects -= 1
                self.reply(302, (f"Location: {odd.redirect}",))
                return
            base = () if odd.no_base else (f"Content-Base: {odd.base or url + '/'}",)
            self.reply(200, ("Content-Type: application/sdp", *base), self.camera.description())
        elif method == "SETUP":
            self.setup(headers.get("transport", ""), url)
        elif method == "PLAY":
            if odd.refuse_range and "range" in headers:
                self.reply(457)
                return
            self.reply(200, (f"Session: {self.camera.session}", "Range: npt=0.000-"))
            if not self.playing.is_set():
                self.playing.set()
                threading.Thread(target=self.play, daemon=True).start()
        elif method == "TEARDOWN":
            self.reply(200)
            self.gone.set()
        else:
            self.reply(odd.keepalive_status)

    def setup(self, transport, url):
        odd = self.odd
        kind = ("tcp" if "/TCP" in transport else
                "multicast" if "multicast" in transport else "udp")
        if odd.only and kind != odd.only:
            self.reply(461)
            return
        track = 1 if odd.audio and url.endswith("audio") else 0
        session = () if odd.no_session else (f"Session: {self.camera.session};"
                                             f"timeout={odd.timeout}",)
        if kind == "tcp":
            channel = int(re.search(r"interleaved=(\d+)", transport).group(1))
            self.transport[track] = lambda rtcp, data: None if odd.silent_tcp else self.send(
                b"$" + bytes([channel + rtcp]) + struct.pack(">H", len(data)) + data)
            self.reply(200, (*session, f"Transport: RTP/AVP/TCP;unicast;interleaved={channel}-"
                                       f"{channel + 1}"))
            return
        rtp, rtcp = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(2))
        host = self.connection.getpeername()[0]
        rtp.bind((self.connection.getsockname()[0], 0))
        rtcp.bind((self.connection.getsockname()[0], 0))
        if kind == "udp":
            port = int(re.search(r"client_port=(\d+)", transport).group(1))
            more = (f"unicast;client_port={port}-{port + 1};server_port="
                    f"{rtp.getsockname()[1]}-{rtcp.getsockname()[1]}")
            self.camera.listen(rtcp, self)
        else:
            host, port = odd.group, self.camera.group_port
            for one in (rtp, rtcp):
                one.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                               socket.inet_aton(self.connection.getsockname()[0]))
            more = f"multicast;destination={host};port={port}-{port + 1};ttl=1"
        held = []

        def datagram(is_rtcp, data):
            self.camera.datagrams += 1
            if not is_rtcp and odd.lose and self.camera.datagrams % odd.lose == 0:
                return
            if not is_rtcp and odd.reorder and not held and self.camera.datagrams % 5 == 0:
                held.append(data)
                return
            (rtcp if is_rtcp else rtp).sendto(data, (host, port + is_rtcp))
            while held and not is_rtcp:
                rtp.sendto(held.pop(), (host, port))

        self.transport[track] = datagram
        self.reply(200, (*session, f"Transport: RTP/AVP;{more}"))

    def packet(self, track, payload, marker, timestamp, payload_type):
        state = self.states.setdefault(track, {"seq": os.urandom(2)[0] * 7, "ssrc": 0x1000 + track})
        header = struct.pack(">BBHII", 0x80, (0x80 if marker else 0) | payload_type,
                             state["seq"] & 0xFFFF, timestamp & 0xFFFFFFFF, state["ssrc"])
        state["seq"] += 1
        return header + payload

    def report(self, track, timestamp):
        now = time.time() + 2208988800
        body = struct.pack(">IIIIII", self.states[track]["ssrc"], int(now),
                           int(now % 1 * 2 ** 32), timestamp & 0xFFFFFFFF, 0, 0)
        self.transport[track](True, struct.pack(">BBH", 0x80, 200, 6) + body)

    def play(self):
        odd = self.odd
        frames = self.camera.frames
        self.states = {}
        begin, number, base, sounds = time.monotonic(), 0, 1234567, 0
        payload_type = odd.payload_type if odd.sent_type is None else odd.sent_type
        while not self.gone.is_set():
            if odd.jump_at and number == odd.jump_at:
                base += 90000 * 3600
            if odd.restart_at and number == odd.restart_at:
                base -= 90000 * 50
                self.states[0] = {"seq": 100, "ssrc": 0x9999}
            timestamp = base + int(number * 90000 / odd.rate * odd.drift)
            if 0 in self.transport and not odd.silent:
                if number == odd.late_report + 1 or (number > odd.late_report and number % 50 == 0):
                    self.report(0, timestamp)
                for i, (payload, last) in enumerate(frames[number % len(frames)]):
                    data = self.packet(0, payload, last, timestamp, payload_type)
                    if odd.cut_after and number == odd.cut_after and self.camera.cuts == 0:
                        self.camera.cuts += 1
                        self.send(b"$\0" + struct.pack(">H", len(data)) + data[:len(data) // 2])
                        self.connection.shutdown(socket.SHUT_RDWR)
                        return
                    self.transport[0](False, data)
            if odd.junk_channel:
                self.send(b"$\x63\x00\x04junk")
            while 1 in self.transport and sounds * 0.02 < number * FRAME:
                data = self.packet(1, odd.audio, False, sounds * 160, odd.audio_type)
                self.transport[1](False, data)
                sounds += 1
            number += 1
            self.camera.sent += 1
            self.gone.wait(max(0, begin + number / odd.rate - time.monotonic()))


class Camera:
    def __init__(self, path=None, frames=None, **odd):
        self.odd = Oddities()
        for name, value in odd.items():
            if not hasattr(Oddities, name):
                raise TypeError(f"no oddity '{name}'")
            setattr(self.odd, name, value)
        self.frames = frames
        self.sprop = ""
        if frames is None:
            hevc = self.odd.codec == "H265"
            with open(path, "rb") as file:
                data = file.read()
            self.frames = rtp_frames(data) if self.odd.codec not in ("H264", "H265") else [
                payloads_of(one, hevc) for one in access_units(annex_b_units(data), hevc)]
        self.session = "ABC$1+2._-x"
        self.requests, self.clients = [], []
        self.refused = self.reports = self.datagrams = self.cuts = self.sent = 0
        self.group_port = 20000 + os.getpid() % 10000 * 2
        self.listener = socket.create_server(("127.0.0.1", int(self.odd.port)))
        self.port = self.listener.getsockname()[1]
        self.connections = 0
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            self.connections += 1
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            client = Client(self, connection)
            self.clients.append(client)
            client.start()

    def listen(self, rtcp, client):
        def receive():
            rtcp.settimeout(0.5)
            while not client.gone.is_set():
                try:
                    data = rtcp.recv(2048)
                except (socket.timeout, ConnectionError):
                    continue
                # The empty one only opens firewalls.
                if len(data) > 8:
                    self.reports += 1
        threading.Thread(target=receive, daemon=True).start()

    def description(self):
        odd = self.odd
        if odd.sdp is not None:
            return odd.sdp
        lines = ["v=0", "o=- -17.5 99999999999999999999999 IN IP4", "s=", "c=IN ", "t=0 0",
                 f"a=control:{odd.session_control}", "a=range:npt=0-",
                 f"m=video 0 RTP/AVP {odd.payload_type}",
                 f"a=rtpmap:{odd.payload_type} {odd.announced or odd.codec}/90000",
                 f"a=fmtp:{odd.payload_type} packetization-mode=1;sprop-parameter-sets=???,=",
                 f"a=control:{odd.control}"]
        if odd.codec == "JPEG":
            lines.append(f"a=framesize:{odd.payload_type} 320-180")
        if odd.audio:
            lines += [f"m=audio 0 RTP/AVP {odd.audio_type}", "a=control:audio"]
            if odd.audio_map:
                lines.append(f"a=rtpmap:{odd.audio_type} {odd.audio_map}")
        return "\r\n".join(lines) + "\r\n"

    def url(self, user=""):
        return f"rtsp://{user}127.0.0.1:{self.port}/live/ch0?stream=main&x=1"

    def close(self):
        self.listener.close()
        for client in self.clients:
            client.gone.set()
            try:
                client.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def drop(self):
        """Ends all connections, and listens on."""
        for client in self.clients:
            client.gone.set()
            try:
                client.connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def main():
    options = {}
    for word in sys.argv[2:]:
        name, _, value = word.partition("=")
        options[name] = (True if not value else int(value) if value.isdigit() else value)
    camera = Camera(sys.argv[1], **options)
    print(camera.url(), flush=True)
    threading.Event().wait()


if __name__ == "__main__":
    main()
