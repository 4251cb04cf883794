#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Publishers whose timestamps pass a boundary of RTMP while somebody plays: 0xFFFFFF ms, from where
on they are extended, and 2^31 ms, after which ffmpeg and OBS begin at 0 again."""

import packets
import rig
from rig import Server, footage, generated, until


def across(file, boundary):
    """A player that is there from the beginning sees nothing of it."""
    # What comes round again after ten seconds is told apart by its times.
    reference = packets.published(file, seconds=20)
    with Server() as server:
        player = packets.Player(server.url("cam"), "-t", "8")
        until("the player has asked", player.asked)
        server.publish(file, "cam", "-output_ts_offset", f"{boundary / 1000 - 4:.3f}")
        played = player.finish()
        for kind, list_ in played.items():
            span = list_[-1].dts - list_[0].dts
            assert span > 7.5, f"{kind}: {span:.2f} s came"
        yield packets.same(played, reference)


def extended():
    """past 0xFFFFFF ms, 4.66 hours"""
    return across(footage(), 0xFFFFFF)


def extended_b_frames():
    """the same with B-frames"""
    return across(generated(), 0xFFFFFF)


def half():
    """past 2^31 ms, 24.86 days"""
    return across(footage(), 1 << 31)


def whole():
    """past 2^32 ms, 49.71 days"""
    return across(footage(), 1 << 32)


def late():
    """a player that comes when all timestamps are extended"""
    with Server() as server:
        publisher = server.publish(footage(), "cam", "-output_ts_offset", "20000")
        until("a GOP has gone by", lambda: publisher.sent() > 3)
        yield packets.same(packets.play(server.url("cam")), packets.published(footage()))


if __name__ == "__main__":
    rig.need("ffmpeg", "ffprobe")
    rig.main([extended, extended_b_frames, half, whole, late], jobs=2)
