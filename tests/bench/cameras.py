#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What it costs to pull cameras and relay each to one viewer: the CPU time of `penstock run` while
100 cameras send 1 Mbit/s of H.264 each over RTSP within TCP. The cameras are one cheap process: all
send the same packets. `cameras.py [CAMERAS [SECONDS]]`."""
import os
import selectors
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "rtsp"))
import odd_camera  # noqa: E402

RATE, BITS, GOP = 25, 1_000_000, 50
SPS = bytes.fromhex("6742c00cd905067e8440000003004000000c83c50a92")
PPS = bytes.fromhex("68cb83cb20")


def gop():
    """Frames as payloads; keyframes are ten times as large as the others."""
    size = BITS // 8 // RATE * GOP // (GOP + 9)
    frames = []
    for number in range(GOP):
        slice_ = (b"\x65\x88" if number == 0 else b"\x41\x9a") + b"\x5a" * (
            size * 10 if number == 0 else size)
        frames.append(odd_camera.payloads_of([SPS, PPS, slice_] if number == 0 else [slice_]))
    return frames


class Sender(threading.Thread):
    """Sends one stream to everybody who plays."""

    def __init__(self):
        super().__init__(daemon=True)
        self.clients, self.sent = [], 0

    def run(self):
        frames, sequence, number = gop(), 0, 0
        begin = time.monotonic()
        while True:
            data = bytearray()
            for payload, last in frames[number % GOP]:
                data += b"$\0" + struct.pack(">HBBHII", 12 + len(payload), 0x80,
                                             (0x80 if last else 0) | 96, sequence & 0xFFFF,
                                             number * 90000 // RATE & 0xFFFFFFFF, 1) + payload
                sequence += 1
            for client in self.clients:
                client.send(data)
                self.sent += len(data)
            number += 1
            time.sleep(max(0, begin + number / RATE - time.monotonic()))


def serve(sender):
    class Client(odd_camera.Client):
        def play(self):
            sender.clients.append(self)

    odd_camera.Client = Client
    return odd_camera.Camera(frames=[])


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def cpu_of(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def watch(port, count):
    """A viewer of each; returns a function that tells how many bytes came."""
    total, selector = [0], selectors.DefaultSelector()
    for i in range(count):
        viewer = socket.create_connection(("127.0.0.1", port))
        viewer.sendall(f"GET /live/cam{i}.flv HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        viewer.setblocking(False)
        selector.register(viewer, selectors.EVENT_READ)

    def read():
        while True:
            for key, _ in selector.select():
                try:
                    total[0] += len(key.fileobj.recv(1 << 20))
                except BlockingIOError:
                    pass
            time.sleep(0.02)

    threading.Thread(target=read, daemon=True).start()
    return lambda: total[0]


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 10
    sender = Sender()
    camera = serve(sender)
    sender.start()
    port = free_port()
    text = "summary: cameras\nstart:\n" + "".join(
        f"  - rtsppullsrc location=rtsp://127.0.0.1:{camera.port}/{i} protocols=tcp ! "
        f"goptee ! httpserversink location=http://127.0.0.1:{port}/live/cam{i}.flv\n"
        for i in range(count))
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(text)
        file.flush()
        process = subprocess.Popen([os.environ["PENSTOCK"], "run", file.name],
                                   stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while len(sender.clients) < count and time.monotonic() < deadline:
                time.sleep(0.1)
            assert len(sender.clients) == count, f"{len(sender.clients)} of {count} play"
            time.sleep(3)
            received = watch(port, count)
            time.sleep(3)
            cpu, bytes_in, bytes_out, begin = (cpu_of(process.pid), sender.sent, received(),
                                               time.monotonic())
            time.sleep(seconds)
            passed = time.monotonic() - begin
            cores = (cpu_of(process.pid) - cpu) / passed
            sent = (sender.sent - bytes_in) * 8 / passed / 1e6
            got = (received() - bytes_out) * 8 / passed / 1e6
        finally:
            process.terminate()
            process.wait()
    print(f"{count} cameras: {sent:.0f} Mbit/s in, {got:.0f} Mbit/s to viewers, "
          f"{cores:.2f} of a core")
    assert got > 0.9 * sent, "the viewers got too little"


if __name__ == "__main__":
    main()
