#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests for a wrong address are answered with the right one, in a message that the user sees."""

import re
import urllib.error
import urllib.request

from rig import Process, Server, generated, main, need, until

REFUSED = (r"refused to (publish|play) \S+: (nothing here takes|no such stream)",)


def port_of(server):
    return server.rtmp.split(":")[2].split("/")[0]


def publishing():
    """ffmpeg that publishes to another app is told the address."""
    with Server(expected=REFUSED) as server:
        url = server.rtmp.replace("/live", "/app") + "/cam"
        publisher = Process("ffmpeg", "-nostdin", "-v", "error", "-re", "-i", generated(), "-c", "copy",
                            "-f", "flv", url)
        assert publisher.wait() != 0
        told = f"publish to rtmp://HOST:{port_of(server)}/live/NAME"
        assert told in publisher.err, publisher.err
        yield publisher.err.splitlines()[0]
        until("the log says so too", lambda: told in server.log)


def playing():
    """ffmpeg that plays another app is told the address."""
    with Server(expected=REFUSED, descriptions=("live", "on-demand")) as server:
        url = server.rtmp.replace("/live", "/app") + "/cam"
        player = Process("ffmpeg", "-nostdin", "-v", "error", "-i", url, "-f", "null", "-")
        assert player.wait() != 0
        at = f"rtmp://HOST:{port_of(server)}/live/NAME"
        assert f"no such stream: play {at} or {at}_480p" in player.err, player.err
        yield player.err.splitlines()[0]


def busy():
    """ffmpeg that publishes under a name that is taken is told so, and the first goes on."""
    with Server(expected=(r"is being published already",)) as server:
        first = server.publish(generated(), "cam")
        until("cam is live", server.streams)
        second = server.publish(generated(), "cam")
        assert second.wait() != 0
        assert "this name is being published already" in second.err, second.err
        sent = first.sent()
        until("the first goes on", lambda: first.sent() > sent + 1)


def taken_over():
    """The one whose name is taken over is told so, and players go on."""
    with Server("republish=takeover") as server:
        first = server.publish(generated(), "cam")
        until("cam is live", server.streams)
        player = Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-i",
                         server.url("cam"), "-c", "copy", "-f", "null", "-")

        def frames():
            return int(("0" + player.out.rpartition("frame=")[2]).split()[0])
        until("it plays", lambda: frames() > 20)
        second = server.publish(generated(), "cam")
        assert first.wait() != 0
        assert "another publisher has taken this name over" in first.err, first.err
        before = frames()
        until("it plays on", lambda: frames() > before + 60)
        assert second.running() and player.running()
        assert "DTS" not in player.err, player.err


def http():
    """A request for a stream by a name other than its URL is answered with the URLs, as links for a
    browser."""
    def ask(url, **headers):
        try:
            urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10)
        except urllib.error.HTTPError as error:
            assert error.code == 404
            return error.read().decode()
        raise AssertionError(f"{url} is there")

    with Server() as server:
        server.publish(generated(), "cam")
        server.wait_for_hls("cam")
        for path in ("/live/cam", "/live/cam.m3u8", "/live/cam.ts"):
            text = ask(server.http + path)
            for right in ("/live/cam.flv", "/live/cam/index.m3u8", "/#live/cam"):
                assert f"  {server.http}{right}\n" in text, text
        yield text.replace("\n", " ")
        page = ask(server.http + "/live/cam", Accept="text/html")
        assert 'href="/#live/cam"' in page and 'href="/live/cam.flv"' in page, page
        text = ask(server.http + "/live/other.flv")
        assert f"  {server.http}/\n" in text and "published" in text, text
        assert not re.search(r"live/cam", text), "names of others are not told"


if __name__ == "__main__":
    need("ffmpeg")
    main([publishing, playing, busy, taken_over, http], jobs=2)
