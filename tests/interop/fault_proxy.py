# SPDX-License-Identifier: LGPL-2.1-or-later
"""A TCP proxy that breaks what passes through it: pieces of a byte, delay, jitter, a narrow line,
stalls, half-closed connections and resets; with TLS in front if it has a context. What it does at
random follows from its seed."""
import asyncio
import random
import socket
import struct
import threading

READ = 4096  # bytes; small, so that a narrow line is felt


class Line:
    """What happens in one direction. Changes hold for what comes after them."""

    def __init__(self):
        self.pieces = None  # (smallest, largest) write in bytes; None: as read
        self.delay = 0.0  # seconds
        self.jitter = 0.0  # seconds at most, added to the delay; order is kept
        self.rate = None  # bytes a second; None: as fast as it goes
        self.stalled = False  # nothing is read
        self.bytes = 0  # passed on so far


class _Connection:
    """One client and its connection to the server."""

    def __init__(self, proxy, client, server):
        self.proxy, self.client, self.server = proxy, client, server
        self.random = random.Random(f"{proxy.seed}-{len(proxy.connections)}")
        self.is_open = True

    async def run(self):
        up = self._copy(self.client[0], self.server[1], self.proxy.up)
        down = self._copy(self.server[0], self.client[1], self.proxy.down)
        await asyncio.gather(up, down)
        self.is_open = False

    async def _copy(self, reader, writer, line):
        """Reads into a queue that a second task empties, so that a delay costs no throughput."""
        queue = asyncio.Queue(256)
        writing = asyncio.ensure_future(self._write(queue, writer, line))
        loop, due = asyncio.get_running_loop(), 0.0
        try:
            while True:
                while line.stalled:
                    await asyncio.sleep(0.02)
                data = await reader.read(READ)
                if self.proxy.recorded is not None and line is self.proxy.up:
                    self.proxy.recorded.setdefault(self, bytearray()).extend(data)
                due = max(due, loop.time() + line.delay + line.jitter * self.random.random())
                await queue.put((due, data))
                if not data:
                    break
                if line.rate:
                    await asyncio.sleep(len(data) / line.rate)
        except OSError:
            writing.cancel()
            self.end(abort=True)
        await asyncio.gather(writing, return_exceptions=True)

    async def _write(self, queue, writer, line):
        loop = asyncio.get_running_loop()
        try:
            while True:
                due, data = await queue.get()
                if due > loop.time():
                    await asyncio.sleep(due - loop.time())
                if not data:
                    if writer.can_write_eof():
                        writer.write_eof()
                    else:
                        writer.close()
                    return
                at = 0
                while at < len(data):
                    size = self.random.randint(*line.pieces) if line.pieces else len(data)
                    writer.write(data[at:at + size])
                    await writer.drain()
                    at += size
                    if line.pieces:
                        await asyncio.sleep(0)  # the other end may read in between
                line.bytes += len(data)
        except OSError:
            self.end(abort=True)

    def half_close(self, of_client):
        """FIN to the server, as if the client had ended its half, or to the client; the other
        direction goes on."""
        writer = self.server[1] if of_client else self.client[1]
        writer.write_eof()

    def end(self, abort):
        """Closes both ends, with RST or with FIN."""
        self.is_open = False
        for _, writer in (self.client, self.server):
            if abort:
                raw = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
            else:
                writer.close()


class FaultProxy:
    """Listens on a free port of 127.0.0.1 and connects to `port` there, in a `with` or as long as
    the process lasts. `up` is the direction to the server, `down` the one to the client."""

    def __init__(self, port, seed=1, context=None):
        self.to, self.seed, self.names = port, seed, []
        self.up, self.down = Line(), Line()
        self.connections = []
        self.refuses = False  # connections are reset at once
        self.recorded = None  # a dictionary takes what clients send: {connection: bytearray}
        self._context = context
        if context:
            context.sni_callback = lambda _, name, __: self.names.append(name)
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        self._listener.bind(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._loop.set_exception_handler(lambda *_: None)  # peers that go are its trade
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(asyncio.start_server(
            self._connected, sock=self._listener, ssl=self._context, limit=READ))
        self._loop.run_forever()
        rest = asyncio.all_tasks(self._loop)
        for task in rest:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))

    async def _connected(self, reader, writer):
        to_server = socket.socket()
        to_server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16384)
        to_server.setblocking(False)
        try:
            await self._loop.sock_connect(to_server, ("127.0.0.1", self.to))
            server = await asyncio.open_connection(sock=to_server, limit=READ)
        except OSError:
            to_server.close()
            writer.transport.abort()
            return
        for each in (writer, server[1]):
            each.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            each.transport.set_write_buffer_limits(high=READ)
        connection = _Connection(self, (reader, writer), server)
        self.connections.append(connection)
        if self.refuses:
            connection.end(abort=True)
        else:
            await connection.run()

    def _each(self, act):
        """Calls `act` on the proxy's thread for each open connection; how many there were."""
        open_now = [each for each in list(self.connections) if each.is_open]
        done = threading.Event()

        def run():
            for each in open_now:
                act(each)
            done.set()
        self._loop.call_soon_threadsafe(run)
        done.wait()
        return len(open_now)

    def reset(self):
        """RST to both ends of every connection."""
        return self._each(lambda each: each.end(abort=True))

    def half_close(self, of_client=True):
        """One half of every connection ends, the other stays."""
        return self._each(lambda each: each.half_close(of_client))

    def stall(self, stalled=True):
        """Nothing passes, in either direction, until stall(False)."""
        self.up.stalled = self.down.stalled = stalled

    @property
    def open(self):
        return sum(each.is_open for each in self.connections)
