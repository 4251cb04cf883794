# SPDX-License-Identifier: LGPL-2.1-or-later
# A minimal RTMP publisher or player on a socket, light enough for hundreds in a test.
import socket
import struct

CHUNK = 65536


def string(text):
    return b'\x02' + struct.pack('>H', len(text)) + text.encode()


def number(value):
    return b'\x00' + struct.pack('>d', value)


NULL = b'\x05'


def record(kind, stream, timestamp, body, chunk_stream=3):
    """A message in chunks; `timestamp` below 2^24 - 1."""
    head = bytes([chunk_stream]) + struct.pack('>I', timestamp)[1:] + struct.pack('>I', len(body))[1:]
    out = head + bytes([kind]) + struct.pack('<I', stream) + body[:CHUNK]
    for at in range(CHUNK, len(body), CHUNK):
        out += bytes([0xc0 | chunk_stream]) + body[at:at + CHUNK]
    return out


def command(stream, name, transaction, *arguments):
    return record(20, stream, 0, string(name) + number(transaction) + b''.join(arguments))


AVC_CONFIG = bytes.fromhex('1700000000'
                           '0164000cffe1001a6764000cacd941419f9f01100000030010000003'
                           '0320f1429960' '01000668ebe3cb22c0')
AAC_CONFIG = bytes.fromhex('af001210')
AAC_FRAME = bytes.fromhex('af01211004608c1c')


def video(size, key):
    """A frame of one slice, `size` bytes."""
    slice_ = bytes([0x65 if key else 0x41, 0x88 if key else 0x9a]) + b'\x55' * (size - 2)
    return bytes([0x17 if key else 0x27, 1, 0, 0, 0]) + struct.pack('>I', size) + slice_


class Peer:
    """Speaks to rtmp://127.0.0.1:port/live/NAME. `receive_buffer`: bytes the kernel keeps for it."""

    def __init__(self, port, receive_buffer=0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(('127.0.0.1', port))
        self.socket.sendall(b'\x03' + bytes(1536))
        self.read(1 + 2 * 1536)
        connect = b'\x03' + b''.join(struct.pack('>H', len(k)) + k.encode() + string(v) for k, v in
                                     (('app', 'live'), ('tcUrl', f'rtmp://127.0.0.1:{port}/live')))
        self.socket.sendall(bytes(1536) + record(1, 0, 0, struct.pack('>I', CHUNK), 2) +
                            command(0, 'connect', 1, connect + b'\x00\x00\x09'))
        self.time = 0

    def read(self, size):
        out = b''
        while len(out) < size:
            more = self.socket.recv(size - len(out))
            if not more:
                raise ConnectionError('closed')
            out += more
        return out

    def wait_for(self, text):
        """Waits until the server has sent this."""
        seen = b''
        while text.encode() not in seen:
            more = self.socket.recv(4096)
            if not more:
                raise ConnectionError(f'closed before {text}')
            seen = seen[-100:] + more

    def play(self, name):
        self.socket.sendall(command(0, 'createStream', 4, NULL) +
                            command(1, 'play', 5, NULL, string(name)))
        return self

    def publish(self, name):
        self.socket.sendall(command(0, 'createStream', 4, NULL) +
                            command(1, 'publish', 5, NULL, string(name), string('live')))
        self.wait_for('NetStream.Publish.Start')
        self.socket.sendall(record(9, 1, 0, AVC_CONFIG, 6) + record(8, 1, 0, AAC_CONFIG, 4))
        return self

    def send_gop(self, frames=25, size=4000):
        """`frames` frames of video, the first a keyframe, and the audio beside them; 40 ms each."""
        out = b''
        for i in range(frames):
            out += record(9, 1, self.time, video(size, i == 0), 6)
            out += record(8, 1, self.time, AAC_FRAME, 4)
            self.time += 40
        self.socket.sendall(out)

    def close(self):
        self.socket.close()
