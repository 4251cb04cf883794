#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""rtmpdump saves five seconds; the file is FLV that ffprobe and ffmpeg read, identical to what was
published packet by packet. With a SWF's hash it shakes hands with digests, as Flash Player did."""

import os
import re
import tempfile

import packets
import rig
from rig import Server, footage, generated, until


def five_seconds(file, *options):
    reference = packets.published(file)
    with Server() as server:
        source = server.publish(file, "cam")
        until("the publisher is in the middle of a GOP", lambda: source.sent() > 3)
        path = os.path.join(tempfile.mkdtemp(dir=rig.FOLDER), "saved.flv")
        # With -B the server would have to stop a live stream: here the test does.
        dump = rig.Process("rtmpdump", "--live", "-r", server.url("cam"), "-B", "5", "-o", path,
                           *options)

        def saved():
            times = [float(t) for t in re.findall(r"kB / ([\d.]+) sec", dump.err)]
            return not dump.running() or (times and times[-1] > times[0] + 5)
        until("rtmpdump saves five seconds", saved)
        assert dump.running(), "rtmpdump is gone"
        assert "ERROR" not in dump.err, "rtmpdump says ERROR"
        dump.end()
        got = packets.of_file(path)
        yield packets.same(got, reference)
        for kind, list_ in got.items():
            span = list_[-1].dts - list_[0].dts
            assert span > 4, f"{kind}: {span:.2f} s saved"
        _, err = rig.run("ffmpeg", "-nostdin", "-v", "error", "-i", path, "-f", "null", "-")
        assert not err, f"ffmpeg says: {err}"


def real_footage():
    """rtmpdump saves the footage"""
    return five_seconds(footage())


def b_frames():
    """the same with B-frames"""
    return five_seconds(generated())


def digests():
    """the same after the complex handshake, whose digests it checks"""
    return five_seconds(generated(), "--swfhash", "00" * 32, "--swfsize", "1000")


if __name__ == "__main__":
    rig.need("rtmpdump", "ffmpeg", "ffprobe")
    rig.main([real_footage, b_frames, digests], jobs=2)
