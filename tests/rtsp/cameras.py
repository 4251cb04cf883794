#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtsppullsrc against odd cameras (odd_camera.py): each case is a camera with some oddities and what
has to come out. Cases run at once. `cameras.py [CASE…]`; quick and slow are groups of cases."""
import concurrent.futures
import os
import struct
import subprocess
import sys
import tempfile
import threading

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gst

from odd_camera import Camera

PATIENCE = int(os.environ.get("PATIENCE", 40))  # seconds after which an awaited event counts as missing
WORKERS = 6
MEDIA = {}
SLOW = ["silent_tcp", "silent", "keepalive", "keepalive_options", "restarts", "jump", "late_report", "drift",
        "lossy", "refused", "endless", "sha256", "basic", "h264_as_h265", "junk_channel",
        "refuses_range", "by_properties"]


class Pull:
    """A pipeline of rtsppullsrc; what comes out of its pads, and what it says."""

    def __init__(self, camera, login="", properties=None):
        self.pipeline = Gst.Pipeline()
        self.source = Gst.ElementFactory.make("rtsppullsrc")
        self.source.set_property("location", camera.url(login))
        defaults = {"reconnect-delay": 50 * Gst.MSECOND, "reconnect-max-delay": 200 * Gst.MSECOND}
        for name, value in {**defaults, **(properties or {})}.items():
            self.source.set_property(name, value)
        self.pipeline.add(self.source)
        self.lock = threading.Condition()
        self.buffers, self.warnings, self.states = {}, [], []
        self.caps = {}
        self.source.connect("pad-added", lambda _, pad: self.attach(pad))
        self.attach(self.source.get_static_pad("src"))
        self.pipeline.get_bus().set_sync_handler(self.on_message)
        self.pipeline.set_state(Gst.State.PLAYING)

    def attach(self, pad):
        sink = Gst.ElementFactory.make("fakesink")
        sink.set_property("async", False)
        sink.set_property("sync", False)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        name = pad.get_name()
        self.buffers[name] = []
        pad.add_probe(Gst.PadProbeType.BUFFER, self.on_buffer, name)
        pad.link(sink.get_static_pad("sink"))

    def on_buffer(self, pad, info, name):
        buffer = info.get_buffer()
        meta = buffer.get_reference_timestamp_meta(None)
        with self.lock:
            self.caps[name] = pad.get_current_caps().to_string()
            if not buffer.has_flags(Gst.BufferFlags.HEADER):
                self.buffers[name].append({
                    "pts": buffer.pts, "bytes": buffer.extract_dup(0, buffer.get_size()),
                    "key": not buffer.has_flags(Gst.BufferFlags.DELTA_UNIT),
                    "discont": buffer.has_flags(Gst.BufferFlags.DISCONT),
                    "sender": meta.timestamp if meta else None})
            self.lock.notify_all()
        return Gst.PadProbeReturn.OK

    def on_message(self, _, message):
        with self.lock:
            if message.type == Gst.MessageType.WARNING:
                self.warnings.append(message.parse_warning()[0].message)
            elif message.type == Gst.MessageType.ERROR:
                self.warnings.append("ERROR " + str(message.parse_error()))
            elif message.type == Gst.MessageType.ELEMENT:
                structure = message.get_structure()
                if structure.get_name() == "penstock-pull-state":
                    self.states.append((structure.get_string("state"),
                                        structure.get_string("reason"),
                                        structure.get_boolean("refused")[1]))
            self.lock.notify_all()
        return Gst.BusSyncReply.DROP

    def until(self, what, condition):
        with self.lock:
            if not self.lock.wait_for(condition, PATIENCE):
                raise AssertionError(f"{what}: not within {PATIENCE} s; {self.states} "
                                     f"{self.warnings}")

    def frames(self, count, pad="src"):
        """Waits for so many buffers in all; returns them."""
        self.until(f"{count} buffers of {pad}", lambda: len(self.buffers.get(pad, ())) >= count)
        return list(self.buffers[pad])

    def stats(self, name):
        return self.source.get_property("stats").get_value(name)

    def close(self):
        self.pipeline.set_state(Gst.State.NULL)


def check_times(frames, jumps=0):
    """DTS never go back; so many steps are longer than half a second."""
    steps = [b["pts"] - a["pts"] for a, b in zip(frames, frames[1:])]
    assert all(step >= 0 for step in steps), steps
    long = [step for step in steps if step > Gst.SECOND // 2]
    assert len(long) <= jumps, long


def plain(pull, camera):
    frames = pull.frames(40)
    assert frames[0]["key"], "the first is a keyframe"
    check_times(frames)
    assert frames[-1]["sender"], "the camera's time"
    assert pull.stats("protocol") == "tcp" and pull.stats("peers") == 1
    assert not pull.warnings, pull.warnings


def first_picture(pull, camera):
    """The camera's stream begins with a keyframe, which is not waited for any longer."""
    pull.frames(1)
    assert camera.sent <= 25, f"{camera.sent} frames before the first came out"


def over(protocol, lost=False):
    def check(pull, camera):
        frames = pull.frames(40)
        if not lost:
            check_times(frames)
        assert pull.stats("protocol") == protocol, pull.stats("protocol")
        pull.until("receiver reports", lambda: camera.reports > 0 or protocol == "multicast")
    return check


def whole(pull, camera):
    """Nothing is dropped although datagrams change places."""
    frames = pull.frames(60)
    check_times(frames)
    assert pull.stats("protocol") == "udp"
    assert pull.stats("packets-lost") == 0 and pull.stats("drops") == 0


def lossy(pull, camera):
    """Only what can be decoded comes out: after a gap a keyframe."""
    frames = pull.frames(60)
    assert pull.stats("packets-lost") > 0
    assert frames[0]["key"]


def refused(pull, camera):
    pull.until("two refusals", lambda: sum(one[2] for one in pull.states) >= 2)
    asked = camera.refused
    assert asked <= 12, f"hammered: {asked}"
    assert len(pull.warnings) == 1, pull.warnings
    assert f"127.0.0.1:{camera.port}" in pull.warnings[0], pull.warnings
    assert "user" in pull.warnings[0] and "cret" not in pull.warnings[0], pull.warnings


def comes_back(pull, camera):
    pull.frames(20)
    camera.drop()
    frames = pull.frames(60)
    assert sum(one["discont"] for one in frames) == 2
    check_times(frames, jumps=1)
    assert pull.stats("connections") == 2


def cut(pull, camera):
    frames = pull.frames(50)
    assert camera.cuts == 1 and sum(one["discont"] for one in frames) == 2
    check_times(frames, jumps=1)


def jump(pull, camera):
    frames = pull.frames(70)
    check_times(frames)
    assert pull.stats("drops") == 0 and pull.stats("connections") == 1


def restarts(pull, camera):
    frames = pull.frames(90)
    check_times(frames, jumps=2)
    assert pull.stats("connections") == 1


def codec_is(name, warned):
    def check(pull, camera):
        frames = pull.frames(30)
        caps = pull.caps["src"]
        assert name in caps.lower(), caps
        assert any("announces" in one for one in pull.warnings) == warned, pull.warnings
        check_times(frames)
    return check


def says(*words):
    def check(pull, camera):
        pull.until("a warning", lambda: pull.warnings)
        for word in words:
            assert word in pull.warnings[0], pull.warnings[0]
    return check


def sound(pull, camera):
    """Sound by a static payload type without rtpmap, beside video."""
    def both():
        kinds = {one["bytes"][0] for one in pull.buffers["src"]}
        return kinds >= {8, 9}
    pull.until("video and sound", both)
    for kind in (8, 9):
        check_times([one for one in pull.frames(60) if one["bytes"][0] == kind])


def pictures(pull, camera):
    """JPEG, which FLV does not have, and G.726: pads of their own."""
    frames = pull.frames(40, "video_0")
    assert pull.caps["video_0"].startswith("image/jpeg")
    assert all(one["bytes"][:2] == b"\xff\xd8" and one["bytes"][-2:] == b"\xff\xd9"
               for one in frames)
    check_times(frames)
    assert frames[-1]["sender"]
    check_times(pull.frames(40, "audio_0"))
    assert "g726" in pull.caps["audio_0"] and "32000" in pull.caps["audio_0"]
    decode(frames[0]["bytes"])


def decode(image):
    """The picture has colours as videotestsrc has them, so that its tables are right."""
    pipeline = Gst.parse_launch("appsrc name=in caps=image/jpeg ! jpegdec ! videoconvert ! "
                                "video/x-raw,format=RGB ! appsink name=out sync=false")
    pipeline.set_state(Gst.State.PLAYING)
    pipeline.get_by_name("in").emit("push-buffer", Gst.Buffer.new_wrapped(image))
    sample = pipeline.get_by_name("out").emit("try-pull-sample", 10 * Gst.SECOND)
    assert sample, "it can't be decoded"
    assert sample.get_caps().get_structure(0).get_int("height")[1] == 180
    pixels = sample.get_buffer().extract_dup(0, 320 * 180 * 3)
    first = tuple(pixels[3 * (10 * 320 + 5):][:3])  # white, of the colour bars
    blue = tuple(pixels[3 * (10 * 320 + 300):][:3])
    assert min(first) > 150 and blue[2] > 100 and max(blue[:2]) < 80, (first, blue)
    pipeline.set_state(Gst.State.NULL)


def keeps_alive(method):
    def check(pull, camera):
        pull.until(method, lambda: any(one[0] == method for one in camera.requests[4:]))
        before = len(pull.buffers["src"])
        pull.frames(before + 10)
        assert pull.stats("connections") == 1
    return check


def redirected(pull, camera):
    pull.frames(20)
    assert camera.connections == 2


def endless(pull, camera):
    """At most three redirects at once, then with the usual delays."""
    pull.until("waiting", lambda: len([one for one in pull.states if one[0] == "waiting"]) >= 6)
    assert not pull.buffers["src"]


def cases():
    h264, h265 = MEDIA["h264"], MEDIA["h265"]
    admin = "admin:se%20cret%3A%C3%BC@"

    def case(check, path=h264, user="", properties=None, **odd):
        return check, path, user, properties or {}, odd
    return {
        "plain": case(plain),
        "first_picture": case(first_picture),
        "poor_answers": case(over("tcp"), no_base=True, no_cseq=True, no_session=True,
                             no_public=True, control="", session_control=""),
        "absolute_control": case(over("tcp"), control="rtsp://10.1.2.3/x?a=b", base="nonsense"),
        "junk_channel": case(over("tcp"), junk_channel=True),
        "refuses_range": case(over("tcp"), refuse_range=True),
        "udp_only": case(over("udp"), only="udp"),
        "multicast_only": case(over("multicast"), only="multicast"),
        "silent_tcp": case(over("udp"), silent_tcp=True),
        "silent": case(says("nothing has come over tcp, udp, multicast"), silent=True),
        "reordered": case(whole, reorder=True, only="udp"),
        "lossy": case(lossy, lose=20, only="udp", properties={"latency": 20 * Gst.MSECOND}),
        "digest": case(over("tcp"), user=admin, digest=True, new_nonce=True),
        "sha256": case(over("tcp"), user=admin, sha256=True),
        "basic": case(over("tcp"), user=admin, basic=True),
        "two_challenges": case(over("tcp"), user=admin, digest=True, two_challenges=True),
        "by_properties": case(over("tcp"), digest=True,
                              properties={"user": "admin", "key": "se cret:ü"}),
        "refused": case(refused, user=admin, refuse=True,
                        properties={"refused-delay": 100 * Gst.MSECOND}),
        "no_password": case(says("asks for a user"), digest=True),
        "comes_back": case(comes_back),
        "cut": case(cut, cut_after=15),
        "late_report": case(over("tcp"), late_report=30),
        "drift": case(over("tcp"), drift=1.05),
        "jump": case(jump, jump_at=30),
        "restarts": case(restarts, restart_at=30),
        "h265_as_h264": case(codec_is("68766331", True), path=h265, codec="H265",
                             announced="H264"),  # "hvc1" in the streamheader
        "h264_as_h265": case(codec_is("17000000", True), announced="H265"),
        "other_type": case(over("tcp"), sent_type=97),
        "sound": case(sound, audio=bytes(range(160))),
        "pictures": case(pictures, path=MEDIA["jpeg"], codec="JPEG", payload_type=26,
                         audio=bytes(80), audio_type=97, audio_map="G726-32/8000"),
        "keepalive": case(keeps_alive("GET_PARAMETER"), timeout=4),
        "keepalive_options": case(keeps_alive("OPTIONS"), timeout=4, keepalive_status=501),
        "nothing_known": case(says("MP4V-ES"),
                              sdp="v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 MP4V-ES/90000\r\n"),
        "no_streams": case(says("no streams"), sdp="hello"),
    }


def run(name, check, path, user, properties, odd):
    camera = Camera(path, **odd)
    if name in ("redirect", "endless"):
        camera.odd.redirect = camera.url()
    pull = Pull(camera, user, properties)
    try:
        check(pull, camera)
    except Exception as error:
        raise AssertionError(f"{name}: {error!r}\n{pull.states}\n{pull.warnings}\n"
                             f"{camera.requests}") from error
    finally:
        pull.close()
        camera.close()


def make_media(folder):
    """Two seconds of H.264, and of H.265."""
    picture = "videotestsrc num-buffers=50 pattern=ball ! video/x-raw,width=320,height=180," \
              "framerate=25/1 ! "
    for name, encoder in {
        "h264": "x264enc tune=zerolatency key-int-max=25 threads=1 sliced-threads=false ! "
                "video/x-h264,stream-format=byte-stream",
        "h265": "x265enc key-int-max=25 tune=zerolatency option-string=pools=none:frame-threads=1"
                ":wpp=0:log-level=none ! video/x-h265,stream-format=byte-stream",
    }.items():
        MEDIA[name] = os.path.join(folder, name)
        line = f"{picture}{encoder} ! filesink location={MEDIA[name]}"
        subprocess.run(["gst-launch-1.0", "-q", *line.split()], check=True)
    MEDIA["jpeg"] = os.path.join(folder, "jpeg")
    pipeline = Gst.parse_launch(
        "videotestsrc num-buffers=25 ! video/x-raw,format=I420,width=320,height=180,framerate=25/1 "
        "! jpegenc ! rtpjpegpay ! appsink name=out sync=false")
    pipeline.set_state(Gst.State.PLAYING)
    with open(MEDIA["jpeg"], "wb") as file:
        while sample := pipeline.get_by_name("out").emit("pull-sample"):
            packet = sample.get_buffer().extract_dup(0, sample.get_buffer().get_size())
            file.write(struct.pack(">H", len(packet)) + packet)
    pipeline.set_state(Gst.State.NULL)


def main():
    Gst.init(None)
    with tempfile.TemporaryDirectory() as folder:
        make_media(folder)
        all_cases = cases()
        redirect = all_cases["plain"]
        all_cases["redirect"] = (redirected, *redirect[1:4], {"redirects": 1})
        all_cases["endless"] = (endless, *redirect[1:4], {"redirects": 1000})
        groups = {"quick": [name for name in all_cases if name not in SLOW], "slow": SLOW}
        chosen = [name for word in sys.argv[1:] or ["quick", "slow"]
                  for name in groups.get(word, [word])]
        failed = []
        with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
            tasks = {pool.submit(run, name, *all_cases[name]): name for name in chosen}
            for task in concurrent.futures.as_completed(tasks):
                error = task.exception()
                print(("FAILED " if error else "ok ") + tasks[task], flush=True)
                if error:
                    failed.append(error)
    for error in failed:
        print(error)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
