#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""ffmpeg publishes and plays: every packet and its times over RTMP; HLS without warnings;
publishers that stop, return, die or lack permission."""

import json
import shlex
import signal

import packets
import rig
from rig import Server, footage, generated, until


def played_as_sent(file):
    reference = packets.published(file)
    with Server() as server:
        publisher = server.publish(file, "cam")
        until("the publisher is in the middle of a GOP", lambda: publisher.sent() > 3)
        yield packets.same(packets.play(server.url("cam")), reference)


def real_footage():
    """a player that joins gets every packet, at its time, from a keyframe on"""
    return played_as_sent(footage())


def b_frames():
    """the same with B-frames and a keyframe every two seconds"""
    return played_as_sent(generated())


def several():
    """three names at once, each with its own footage, each player gets that of its name"""
    sources = {"one": (footage(),), "two": (generated(), "-an"), "three": (generated(), "-vn")}
    references = {name: packets.published(*source) for name, source in sources.items()}
    with Server() as server:
        for name, (file, *options) in sources.items():
            server.publish(file, name, *options)
        players = {name: packets.Player(server.url(name), "-t", 4) for name in sources}
        for name, player in players.items():
            yield f"{name}: {packets.same(player.finish(), references[name])}"
        assert sorted(server.streams()) == ["live/one", "live/three", "live/two"], server.streams()


def player_first():
    """a player that is there before the publisher gets the stream from its first packet"""
    file = generated()
    reference = packets.published(file)
    with Server() as server:
        player = packets.Player(server.url("cam"), "-t", 4)
        until("the player has asked for the stream", player.asked)
        server.publish(file, "cam")
        got = player.finish()
        yield packets.same(got, reference)
        assert got["video"][0].hash == reference["video"][0].hash, "not the first frame"


def republish():
    """a player stays while its publisher stops and comes back three times"""
    file = generated()
    reference = packets.published(file, seconds=10)
    with Server() as server:
        player = packets.Player(server.url("cam"))
        for round_, seconds in enumerate((1, 3, 1), 1):
            before = player.seconds()
            publisher = server.publish(file, "cam")
            until(f"round {round_} reaches the player",
                  lambda: player.seconds() > before + seconds or not player.process.running())
            assert player.process.running(), f"the player left in round {round_}"
            if round_ == 3:
                player.process.end()  # ffmpeg ends with the next packet
            publisher.end()
        got = player.packets()
        packets.rising(got)
        player.check_silence(complaints=["Exiting normally"])
        for kind, list_ in got.items():
            hashes, sent = [p.hash for p in list_], [p.hash for p in reference[kind]]
            rounds = []
            for digest in hashes:
                if digest == sent[0]:
                    rounds.append([])
                rounds[-1].append(digest)
            assert len(rounds) == 3, f"{kind}: the first packet came {len(rounds)} times"
            for number, round_ in enumerate(rounds, 1):
                assert round_ == sent[:len(round_)], f"{kind}: round {number} is not what was sent"
            yield f"{kind}: {' + '.join(str(len(r)) for r in rounds)} packets"


def killed():
    """a publisher is killed in mid-stream; another takes over the name, and the player goes on"""
    with Server() as server:
        player = packets.Player(server.url("cam"))
        first = server.publish(generated(), "cam")
        until("the first one is seen", lambda: player.seconds() > 3)
        first.end(signal.SIGKILL)
        # The server may need a moment to see that the connection is gone.
        before = player.seconds()
        second = until("the name is free", lambda: server.try_publish(generated(), "cam"))
        until("the second one is seen", lambda: player.seconds() > before + 2)
        assert second.running()
        packets.rising(player.packets())
        player.process.end()
        player.check_silence(complaints=["Exiting normally"])
        packets.decode(server.url("cam"), 3)


def one_kind_only():
    """picture without sound and sound without picture, over RTMP and HLS"""
    with Server() as server:
        server.publish(footage(), "mute", "-an")
        server.publish(generated(), "radio", "-vn")
        for name, kind in (("mute", "video"), ("radio", "audio")):
            packets.decode(server.url(name), 3, kinds=[kind])
            packets.decode(server.wait_for_hls(name), 3, kinds=[kind])


def hls():
    """ffmpeg plays HLS without a word"""
    with Server() as server:
        server.publish(footage(), "real")
        server.publish(generated(), "b-frames")
        for name in ("real", "b-frames"):
            packets.decode(server.wait_for_hls(name), 5)


def publish_key():
    """only who has the key publishes, and nobody reads it in the log"""
    key = "Zj4hushQ"
    with Server(f"publish-key={key}", expected=["refused to publish live/cam: wrong or missing"]) \
            as server:
        for wrong in ("cam", "cam?key=wrong", f"cam?key={key}x", f"cam?key={key[:-1]}", "cam?key=",
                      f"cam?{key}"):
            refused = server.publish(generated(), wrong)
            assert refused.wait() != 0, f"{wrong} was taken"
        assert server.log.count("refused to publish live/cam") == 6, "not every refusal is told"
        assert not server.streams()
        server.publish(generated(), f"cam?key={key}")
        packets.decode(server.url("cam"), 3)
    assert key not in server.log, "the key is in the server's log"


def odd_names():
    """illegal names are refused, to publishers and players, and the log names the peer"""
    names = ["ä", "x;y", "a%2fb", "..", "a/../b", "a$(id)", "a'b", "x" * 300, "-n&b=c"]
    with Server(expected=[r"\[rtmp-\d+ 127\.0\.0\.1:\d+\] refused: 'live/\S+' is not a legal"]) \
            as server:
        for number, name in enumerate(names, 1):
            refused = server.publish(generated(), name)
            assert refused.wait() != 0, f"{name} was taken"
            assert server.log.count("is not a legal stream name") == number, f"{name}: no word"
        player = rig.Process("ffmpeg", "-nostdin", "-v", "error", "-i", server.url("x;y"), "-f",
                             "null", "-")
        assert player.wait() != 0, "x;y was played"
        assert not server.streams()
        server.publish(generated(), "a.b_c~d-1")
        packets.decode(server.url("a.b_c~d-1"), 3)


def shown_sender():
    """The lines that `show` prints for a camera, with a picture of ffmpeg's in the camera's place."""
    shown = json.loads(rig.run(rig.PENSTOCK, "show", "live", "--json")[0])
    lines = {sender["system"]: shlex.split(sender["text"]) for sender in shown["senders"]
             if "rtmp://" in sender["text"]}
    # The lines for all systems are equal between the devices and the URL.
    encode = lines["linux"][lines["linux"].index("-c:v"):-1]
    for system in ("linux", "windows", "macos"):
        assert lines[system][-len(encode) - 1:] == [*encode, "rtmp://HOST:1935/live/NAME"], system
    with Server() as server:
        rig.Process("ffmpeg", "-nostdin", "-v", "error", "-re", "-f", "lavfi", "-i",
                    "testsrc2=size=1280x720:rate=30", "-re", "-f", "lavfi", "-i", "sine", *encode,
                    server.url("cam"))
        packets.decode(server.url("cam"), 3)


if __name__ == "__main__":
    rig.need("ffmpeg", "ffprobe")
    rig.main([real_footage, b_frames, several, player_first, republish, killed, one_kind_only, hls,
              publish_key, odd_names, shown_sender], jobs=5)
