# SPDX-License-Identifier: LGPL-2.1-or-later
"""Twenty viewers of a Penstock relay receive every frame in order, according to the load generator,
which does detect missing frames. Times are not judged."""

import concurrent.futures
import json
import os
import socket
import subprocess
import tempfile

from servers import Floor, Penstock

VIEWERS = 20


def load(server, *options):
    """The load generator's result for this server."""
    run = subprocess.run([os.path.join(os.environ["FANOUT_PROGRAMS"], "fanout-load"),
                          *server.load_options(), "--viewers", str(VIEWERS), "--warmup", "0",
                          "--settle", "0", "--seconds", "1", *options],
                         capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr + server.tail()
    return json.loads(run.stdout.splitlines()[-1])


def whole(result, viewers=VIEWERS):
    """Asserts that nothing is missing."""
    good = result["good"]
    assert good["viewers"] == viewers and good["started"] == viewers, result
    assert good["frames"] >= viewers, result
    for name in ("closed", "gaps", "missing", "disorder"):
        assert good[name] == 0, f"{name}: {result}"
    assert result["first_error"] == "", result
    assert result["latency_ms"]["count"] == result["frames"] > 0, result
    assert result["mbit_per_second"] > 0, result


def relay():
    whole(load(SERVER, "--poll-ms", "0", "--seconds", "3"))
    whole(load(SERVER, "--stream", "polled"))
    result = load(SERVER, "--stream", "many", "--publishers", "5", "--bitrate", "500000")
    whole(result)
    result = load(SERVER, "--stream", "probed", "--probe-rate", "10", "--slow", "2",
                  "--stuck", "2", "--beside", "2", "--seconds", "2")
    whole(result)
    assert result["probes"]["failed"] == 0, result
    assert result["probes"]["first_keyframe_ms"]["count"] + result["probes"]["waiting"] > 0, result
    assert result["beside"]["started"] == 2 and result["beside"]["latency_ms"]["count"] > 50, result
    assert result["slow"]["started"] == result["stuck"]["started"] == 2, result


def floor():
    whole(load(SERVER))
    losses()


def leave_out(source, viewer):
    """Passes FLV on to a viewer, without every tenth video frame unless that is a keyframe; its
    number of those."""
    def take(size):
        data = source.recv(size, socket.MSG_WAITALL)
        if len(data) < size:
            raise ConnectionError
        return data

    frames = left_out = 0
    try:
        viewer.sendall(take(13))
        while True:
            head = take(11)
            rest = take(int.from_bytes(head[1:4], "big") + 4)
            frames += head[0] == 9
            if head[0] == 9 and frames % 10 == 0 and rest[0] != 0x17:
                left_out += 1
            else:
                viewer.sendall(head + rest)
    except OSError:  # the viewer has what it wants
        return left_out


def losses():
    """What a server leaves out, the load generator sees."""
    with socket.create_server(("127.0.0.1", 0)) as listener, \
            concurrent.futures.ThreadPoolExecutor() as pool:
        def serve():
            with listener.accept()[0] as viewer, \
                    socket.create_connection(("127.0.0.1", SERVER.http)) as source:
                return leave_out(source, viewer)

        left_out = pool.submit(serve)
        address = f"127.0.0.1:{listener.getsockname()[1]}"
        good = load(SERVER, "--play", address, "--viewers", "1")["good"]
        # The viewer leaves before it can receive the last ones.
        assert 0 < good["gaps"] <= left_out.result(), good
        assert good["missing"] == good["gaps"], good
        assert good["broken_gaps"] <= good["gaps"], good


def refusal():
    """A server that is not there is a failure, and said to be."""
    run = subprocess.run([os.path.join(os.environ["FANOUT_PROGRAMS"], "fanout-load"), "--publish",
                          f"127.0.0.1:{SERVER.rtmp}", "--play", f"127.0.0.1:{SERVER.rtmp}"],
                         capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 1 and "a publisher: " in run.stderr, run


for case, make in ((relay, lambda folder: Penstock(folder, "rtmp", VIEWERS, 2.15e6)),
                   (floor, lambda folder: Floor(folder, "flv", VIEWERS, 2.15e6)),
                   (floor, lambda folder: Floor(folder, "flv", VIEWERS, 2.15e6, batch_ms=40))):
    with tempfile.TemporaryDirectory(prefix="penstock-fanout-") as folder:
        SERVER = make(folder)
        try:
            SERVER.start()
            case()
        finally:
            SERVER.end()
        if case is relay:
            refusal()
