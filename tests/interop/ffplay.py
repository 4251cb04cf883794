#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ffplay plays RTMP, HTTP-FLV and HLS on a dummy display: its clock advances, audio and video stay
in sync, and it reports no error."""

import re

import rig
from rig import Server, footage, until

CLOCK = re.compile(r"(-?[\d.]+|nan) (A-V|M-V|M-A): +(-?[\d.]+|nan) fd= +(\d+) aq= +(\d+)KB")


def plays(url):
    """Plays `url` until four seconds have gone by on its clock; describes how."""
    player = rig.Process("ffplay", "-v", "error", "-stats", url,
                         env={"SDL_VIDEODRIVER": "dummy", "SDL_AUDIODRIVER": "dummy"})

    def figures():
        return [(float(clock), float(apart)) for clock, kind, apart, *_ in
                CLOCK.findall(player.err) if kind == "A-V" and "nan" not in (clock, apart)]

    def enough():
        seen = figures()
        return not player.running() or (seen and seen[-1][0] > seen[0][0] + 4)
    until("ffplay's clock advances", enough)
    assert player.running(), "ffplay is gone"
    seen = figures()
    apart = sorted(abs(difference) for _, difference in seen)[len(seen) * 9 // 10]
    assert apart < 0.25, f"sound and picture are {apart:.2f} s apart"
    wrong = [line for line in re.split(r"[\r\n]+", player.err)
             if line.strip() and not re.match(r" *(-?[\d.]+|nan) (A-V|M-V|M-A|   ):", line)]
    assert not wrong, "\n".join(["ffplay says:", *wrong])
    player.kill()
    went = seen[-1][0] - seen[0][0]
    return f"{url.split(':')[0]}: {went:.1f} s, A-V within {apart * 1000:.0f} ms"


def rtmp():
    """ffplay plays rtmp://"""
    with Server() as server:
        source = server.publish(footage(), "cam")
        until("a GOP has gone by", lambda: source.sent() > 3)
        yield plays(server.url("cam"))


def http():
    """ffplay plays HTTP-FLV"""
    with Server() as server:
        source = server.publish(footage(), "cam")
        until("a GOP has gone by", lambda: source.sent() > 3)
        yield plays(server.flv("cam"))


def hls():
    """ffplay plays HLS"""
    with Server() as server:
        server.publish(footage(), "cam")
        yield plays(server.wait_for_hls("cam"))


if __name__ == "__main__":
    rig.need("ffplay", "ffmpeg")
    rig.main([rtmp, http, hls], jobs=2)
