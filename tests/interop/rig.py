# SPDX-License-Identifier: LGPL-2.1-or-later
"""Shared by the tests with real clients: a Penstock server on free ports, processes that are always
ended, footage to publish, and a main() that runs checks in parallel and prints all logs of a failed
one. Needs PENSTOCK, the executable; PENSTOCK_MEDIA may name the footage."""

import concurrent.futures
import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.request

PENSTOCK = os.environ["PENSTOCK"]
PATIENCE = 60  # seconds after which an awaited event counts as missing
BAD = re.compile(r"\berror: |\bERROR\b|CRITICAL|[Aa]ssert|Sanitizer|terminate called|\bWARN")
FOLDER = None  # of this run: logs and footage; set by main()

_processes = []
_local = threading.local()  # .processes: those of the check that this thread runs
making = threading.Lock()  # footage, once for all checks


def until(what, condition, seconds=PATIENCE):
    """Polls `condition` until it is true; returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        threading.Event().wait(0.05)


def free_port():
    """A TCP port of loopback that nobody has now."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Skip(Exception):
    """Why a cell of the interoperability table is not run (tests/interop/table.py)."""


class Partly(Exception):
    """It passed, under this condition."""


def skip(reason):
    """A cell that is never run."""
    def cell():
        raise Skip(reason)
    return cell


def need(*programs):
    """Ends the test as skipped if one of these is not installed."""
    missing = [program for program in programs if not shutil.which(program)]
    if missing:
        print(f"skipped: {' and '.join(missing)} not installed")
        sys.exit(77)


class Process:
    """A process whose output goes to files, ended at the latest when its check ends."""

    def __init__(self, *command, env=None, stdin=subprocess.DEVNULL):
        self.command = [str(word) for word in command]
        base = tempfile.mktemp(prefix=os.path.basename(self.command[0]) + "-", dir=FOLDER)
        self.out_path, self.err_path = base + ".out", base + ".err"
        with open(self.out_path, "wb") as out, open(self.err_path, "wb") as err:
            self.process = subprocess.Popen(self.command, stdin=stdin, stdout=out, stderr=err,
                                            env={**os.environ, **(env or {})})
        _processes.append(self)
        _local.processes.append(self)

    def read(self, path):
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read()

    @property
    def out(self):
        return self.read(self.out_path)

    @property
    def err(self):
        return self.read(self.err_path)

    @property
    def log(self):
        return self.out + self.err

    def running(self):
        return self.process.poll() is None

    def wait(self, seconds=PATIENCE):
        """The exit code; an error if it takes longer."""
        try:
            return self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.command[0]} still runs after {seconds} s") from None

    def end(self, number=signal.SIGINT, seconds=PATIENCE):
        """Asks it to end; the exit code (negative: of the signal)."""
        if self.running():
            self.process.send_signal(number)
        return self.wait(seconds)

    def kill(self):
        if self.running():
            self.process.kill()
        self.process.wait()

    def sent(self):
        """Seconds of media that this publisher of ffmpeg's has sent."""
        found = re.findall(r"out_time_us=(\d+)", self.out)
        return int(found[-1]) / 1e6 if found else 0

    def describe(self):
        state = "running" if self.running() else f"exit {self.process.returncode}"
        lines = [line for line in self.log.splitlines() if not re.match(r"\w+=", line)]
        if len(lines) > 60:
            lines[20:-40] = ["…"]
        return "\n".join(line[:300] for line in
                         [f"--- {' '.join(self.command)} ({state})", *lines])


def run(*command, seconds=PATIENCE, env=None):
    """A command that has to succeed: its standard output and error."""
    process = Process(*command, env=env)
    code = process.wait(seconds)
    assert code == 0, f"{command[0]}: exit {code}"
    return process.out, process.err


class Server:
    """`penstock run` as a context manager: ready at the start. At the end, with peers still
    connected, it must be alive, end by SIGINT within two seconds, and have logged no error or
    warning except `expected` (patterns)."""

    def __init__(self, *settings, expected=(), descriptions=("live",)):
        self.settings = [word for setting in settings for word in ("--set", setting)]
        self.expected = expected
        self.descriptions = descriptions

    def __enter__(self):
        self.process = Process(PENSTOCK, "run", *self.descriptions, "--set", "rtmp=127.0.0.1:0",
                               "--set", "http=127.0.0.1:0", *self.settings)
        until("penstock is ready", lambda: "Ctrl-C" in self.log or not self.process.running())
        assert self.process.running(), "penstock did not start"
        self.rtmp = re.search(r"mpv, VLC +(rtmps?://\S+)/NAME", self.log)[1]
        self.http = re.search(r"Page +(https?://\S+)/", self.log)[1]
        self.rtsp = re.search(r"VLC, NVR *(rtsps?://\S+)/NAME", self.log)
        self.srt = re.search(r"ffplay *(srt://[^?\s]+)", self.log)
        return self

    def __exit__(self, kind, error, trace):
        if kind:
            return
        assert self.process.running(), "the server is gone"
        began = time.monotonic()
        code = self.process.end()
        taken = time.monotonic() - began
        assert code == 0, f"the server's exit code is {code}"
        assert taken < 2, f"the server took {taken:.1f} s to end"
        for line in self.log.splitlines():
            unexpected = not any(re.search(pattern, line) for pattern in self.expected)
            assert not (unexpected and (BAD.search(line) or line.startswith("warning:"))), \
                f"the server says: {line}"

    @property
    def log(self):
        return self.process.log

    def url(self, name):
        return f"{self.rtmp}/{name}"

    def flv(self, name):
        return f"{self.http}/live/{name}.flv"

    def hls(self, name):
        return f"{self.http}/live/{name}/index.m3u8"

    def publish(self, file, name, *options):
        """ffmpeg sends `file` for ever, in real time, as it is."""
        return Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-stats_period",
                       "0.2", "-re", "-stream_loop", "-1", "-i", file, "-c", "copy", *options,
                       "-f", "flv", self.url(name))

    def wait_for_hls(self, name, segments=2):
        """Until the playlist has that many segments; its URL."""
        def ready():
            try:
                with urllib.request.urlopen(self.hls(name), timeout=10) as answer:
                    return answer.read().count(b"#EXTINF") >= segments
            except OSError:
                return False
        until(f"HLS of {name}", ready)
        return self.hls(name)

    def try_publish(self, file, name):
        """A publisher that was accepted, or None."""
        publisher = self.publish(file, name)
        until("the publisher is judged", lambda: publisher.sent() > 0 or not publisher.running())
        return publisher if publisher.running() else None

    def streams(self):
        """The names of the live streams."""
        with urllib.request.urlopen(self.http + "/streams.json", timeout=10) as answer:
            return [s["name"] for s in json.load(answer)["streams"] if s["live"]]


class TsServer:
    """Serves a file as MPEG-TS over HTTP with two elements, as a context manager."""

    def __init__(self, file):
        self.file = file

    def __enter__(self):
        self.url = f"http://127.0.0.1:{free_port()}/live/cam.ts"
        self.process = Process("gst-launch-1.0", "-q", *(
            f"livefilesrc name=file location={self.file} loop=true "
            "file.video ! queue ! mux.video file.audio ! queue ! mux.audio "
            f"tslivemux name=mux ! httpserversink location={self.url}").split())

        def is_there():
            try:
                with urllib.request.urlopen(self.url, timeout=10) as answer:
                    return answer.read(188)[0] == 0x47
            except OSError:
                return not self.process.running()
        until("MPEG-TS is served", is_there)
        return self

    def __exit__(self, kind, error, trace):
        if kind:
            return
        assert self.process.running(), "the server is gone"
        self.process.end()
        assert not self.process.log.strip(), f"gst-launch-1.0 says: {self.process.log}"


def generated():
    """Ten seconds with B-frames, a keyframe every two seconds, and a tone. Video and audio have the
    same length: 248 frames of 40 ms equal 465 of 1024 samples, of which the encoder puts one before
    the first. When the file is looped, neither track overlaps its end."""
    length, sound = 248 / 25, 464 * 1024 / 48000
    path = os.path.join(FOLDER, "generated.mp4")
    with making:
        if not os.path.exists(path):
            run("ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i",
                f"testsrc2=size=640x360:rate=25:duration={length}", "-f", "lavfi", "-i",
                f"aevalsrc=0.3*sin(2*PI*t*(200+40*t)):s=48000:d={sound}", "-c:v", "libx264", "-preset",
                "veryfast", "-bf", "3", "-b_strategy", "0", "-g", "50", "-sc_threshold", "0",
                "-pix_fmt", "yuv420p", "-c:a", "aac", "-ac", "2", path)
    return path


def footage():
    """The file in PENSTOCK_MEDIA if FLV supports its codecs; otherwise a generated one."""
    given = os.environ.get("PENSTOCK_MEDIA")
    if not given:
        return generated()
    codecs, _ = run("ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of",
                    "csv=p=0", given)
    return given if sorted(codecs.split()) == ["aac", "h264"] else generated()


def attempt(act):
    """Calls `act` and ends every process that it has started: what it yielded, the exception or None,
    and what the processes said."""
    _local.processes = []
    said, failure = [], None
    try:
        for line in act() or ():
            said.append(str(line))
    except BaseException as error:  # whatever it is, it is reported
        failure = error
    for process in reversed(_local.processes):
        with contextlib.suppress(OSError):
            process.kill()
    return said, failure, "\n".join(process.describe() for process in _local.processes)


def end_when_told():
    """At SIGTERM every process that was started is ended with this one. SIGINT is what they are asked
    to end by: a shell has its background jobs ignore it, which they would inherit."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    def terminated(*_):
        for process in list(_processes):
            process.process.kill()
        os._exit(1)
    signal.signal(signal.SIGTERM, terminated)


def _perform(check):
    began = time.monotonic()
    said, failure, logs = attempt(check)
    taken = time.monotonic() - began
    lines = [f"{'FAILED' if failure else 'ok'}  {taken:5.1f} s  {check.__name__}: {check.__doc__}",
             *(f"    {line}" for line in said)]
    if failure:
        lines += ["".join(traceback.format_exception(failure)), logs]
    print("\n".join(lines) + "\n", flush=True)
    return not failure


def main(checks, jobs=1):
    """Runs these functions, or those named on the command line, `jobs` at a time, and prints what
    they yield. Exits with 1 if one fails."""
    global FOLDER
    chosen = [check for check in checks if not sys.argv[1:] or check.__name__ in sys.argv[1:]]
    assert chosen, f"no such check among {[check.__name__ for check in checks]}"
    end_when_told()
    with tempfile.TemporaryDirectory(prefix="penstock-clients-") as FOLDER, \
            concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        good = all(list(pool.map(_perform, chosen)))
    sys.exit(not good)
