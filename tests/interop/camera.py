#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A PipeWire camera made of a test pattern is sent over UDP: webcam-to-udp with a private PipeWire,
WirePlumber and message bus. Skips itself where these do not run."""
import os
import shutil
import socket
import subprocess
import sys
import tempfile

from rig import until

PROGRAMS = ("dbus-run-session", "pipewire", "wireplumber", "gst-launch-1.0", "ffprobe")
# PipeWire's own test source: like a camera, it outlives its viewers.
CAMERA = """
context.spa-libs = { videotestsrc = videotestsrc/libspa-videotestsrc }
context.objects = [
    { factory = spa-node-factory
      args = { factory.name = videotestsrc, node.name = camera, node.description = camera,
               media.class = Video/Source, media.role = Camera } }
]
"""


def skip(why):
    print(f"skipped: {why}")
    sys.exit(77)


def start(folder, *command):
    with open(os.path.join(folder, f"{os.path.basename(command[0])}.log"), "w") as log:
        return subprocess.Popen(command, stdout=log, stderr=log)


def camera_works():
    """Whether a plain pipeline gets frames from the camera."""
    try:
        return subprocess.run(
            ["gst-launch-1.0", "-q", "pipewiresrc", "num-buffers=5", "!", "video/x-raw", "!",
             "fakesink"], timeout=5, capture_output=True).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def check(folder):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    penstock = start(folder, os.environ["PENSTOCK"], "run", "webcam-to-udp", "--set",
                     "source=pipewire", "--set", "microphone=false", "--set",
                     f"to=127.0.0.1:{port}")
    try:
        seen = subprocess.run(
            ["ffprobe", "-v", "error", "-read_intervals", "%+3", "-select_streams", "v",
             "-count_packets", "-show_entries", "stream=codec_name,width,height,nb_read_packets",
             "-of", "csv=p=0", f"udp://127.0.0.1:{port}?timeout=20000000"],
            timeout=40, capture_output=True, text=True).stdout.split()
    finally:
        penstock.terminate()
        penstock.wait(10)
    print("ffprobe:", seen)
    assert seen, "not a packet"
    codec, width, height, packets = seen[-1].split(",")
    assert (codec, width, height) == ("h264", "1280", "720"), seen
    assert int(packets) > 60, "three seconds of 30 fps"


def tell(folder):
    """Prints the end of every log."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".log"):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as log:
                print(f"--- {name}", *(line.rstrip()[:300] for line in log.readlines()[-30:]),
                      sep="\n", flush=True)


def session():
    with tempfile.TemporaryDirectory(prefix="penstock-camera-") as folder:
        os.environ["XDG_RUNTIME_DIR"] = os.environ["XDG_CONFIG_HOME"] = folder
        configuration = os.path.join(folder, "pipewire", "pipewire.conf.d")
        os.makedirs(configuration)
        with open(os.path.join(configuration, "camera.conf"), "w", encoding="utf-8") as file:
            file.write(CAMERA)
        processes = [start(folder, "pipewire")]
        try:
            until("PipeWire listens", lambda: os.path.exists(os.path.join(folder, "pipewire-0")))
            processes.append(start(folder, "wireplumber"))
            try:
                until("a camera", camera_works, 20)
            except AssertionError:
                tell(folder)
                skip("no camera could be made with PipeWire here")
            check(folder)
        except Exception:
            tell(folder)
            raise
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait(10)


if __name__ == "__main__":
    missing = [program for program in PROGRAMS if not shutil.which(program)]
    if missing:
        skip("there is no " + ", ".join(missing))
    if sys.argv[1:] == ["session"]:
        session()
    else:
        sys.exit(subprocess.run(["dbus-run-session", "--", sys.executable, __file__,
                                 "session"]).returncode)
