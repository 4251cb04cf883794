#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Low-latency HLS of `penstock run live --set latency=low`: a client that reloads as the draft says
and fetches each hinted part sees every part once and in order, and the segments are made of them;
players that know no parts play it as any other HLS."""

import gzip
import http.client
import re
import threading
import time
from datetime import datetime
from urllib.parse import urljoin, urlsplit

import mpv
import rig
import vlc
from rig import Process, Server, generated, until

LOW = ("latency=low", "segment=2s")


class Client:
    """One connection that is kept alive."""

    def __init__(self, url):
        parts = urlsplit(url)
        self.url = url
        self.connection = http.client.HTTPConnection(parts.hostname, parts.port,
                                                     timeout=rig.PATIENCE)

    def get(self, uri="", **headers):
        """Status, headers and body."""
        parts = urlsplit(urljoin(self.url, uri))
        target = parts.path + ("?" + parts.query if parts.query else "")
        self.connection.request("GET", target, headers=headers)
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()


class Playlist:
    """Its parts, each with the number of its segment and its place there."""

    def __init__(self, text):
        self.text = text
        number = int(re.search(r"(?m)^#EXT-X-MEDIA-SEQUENCE:(\d+)", text)[1])
        self.target = int(re.search(r"(?m)^#EXT-X-TARGETDURATION:(\d+)", text)[1])
        self.part_target = float(re.search(r"(?m)^#EXT-X-PART-INF:PART-TARGET=([\d.]+)", text)[1])
        self.hint = re.search(r'(?m)^#EXT-X-PRELOAD-HINT:TYPE=PART,URI="(.+?)"', text)[1]
        self.parts, self.segments, self.dates = {}, {}, {}
        place = 0
        for line in text.splitlines():
            if line.startswith("#EXT-X-PART:"):
                uri = re.search(r'URI="(.+?)"', line)[1]
                duration = float(re.search(r"DURATION=([\d.]+)", line)[1])
                self.parts[number, place] = (uri, duration, "INDEPENDENT=YES" in line)
                place += 1
            elif line.startswith("#EXT-X-PROGRAM-DATE-TIME:"):
                self.dates[number] = datetime.fromisoformat(
                    line.split(":", 1)[1].replace("Z", "+00:00")).timestamp()
            elif line and not line.startswith("#"):
                self.segments[number] = line
                number, place = number + 1, 0
        self.open = number


def first_playlist(client):
    """The first one that there is; how long after the arrival of the first keyframe it came."""
    def answer():
        status, _, body = client.get()
        return body.decode() if status == 200 else None
    text = until("the first playlist", answer)
    playlist = Playlist(text)
    return playlist, time.time() - playlist.dates[playlist.open]


def blocking():
    """a client that reloads blocked and fetches the hinted parts"""
    with Server(*LOW) as server:
        url = server.hls("cam")
        client, hinted = Client(url), Client(url)
        server.publish(generated(), "cam")
        playlist, age = first_playlist(client)
        yield f"first playlist {age:.3f} s after the first keyframe"
        bodies, lags, places = {}, [], []
        for _ in range(40):
            hint, got = playlist.hint, {}

            def fetch(uri=hint, into=got):
                into["answer"] = hinted.get(uri)
                into["at"] = time.time()
            thread = threading.Thread(target=fetch)
            thread.start()
            place = sum(1 for number, _ in playlist.parts if number == playlist.open)
            status, headers, body = client.get(
                f"?_HLS_msn={playlist.open}&_HLS_part={place}", **{"Accept-Encoding": "gzip"})
            assert status == 200, f"{status}: {body}"
            assert headers["Cache-Control"] == f"max-age={6 * playlist.target}", headers
            thread.join()
            before, playlist = playlist, Playlist(gzip.decompress(body).decode())
            assert playlist.part_target == before.part_target
            found = [key for key, part in playlist.parts.items() if part[0] == hint]
            assert len(found) == 1, f"{hint} in\n{playlist.text}"
            uri, duration, independent = playlist.parts[found[0]]
            places.append(found[0])
            status, headers, part = got["answer"]
            assert status == 200 and part[4:8] in (b"styp", b"moof"), (status, part[:40])
            assert headers["Cache-Control"] == f"public, max-age={6 * playlist.target}", headers
            assert independent == (found[0][1] == 0), f"{found[0]}: {independent}"
            assert duration <= playlist.part_target
            bodies[found[0]] = part
            end = playlist.dates[found[0][0]] + sum(
                p[1] for key, p in playlist.parts.items()
                if key[0] == found[0][0] and key[1] <= found[0][1])
            lags.append(got["at"] - end)
        assert places == sorted(set(places)), places
        lags.sort()
        yield (f"a part is there {1000 * lags[len(lags) // 2]:.0f} ms after its last frame "
               f"(median), {1000 * lags[-1]:.0f} ms at most")
        # A segment is its parts.
        whole = 0
        for number, uri in playlist.segments.items():
            parts = [bodies.get((number, place)) for place in range(
                sum(1 for key in playlist.parts if key[0] == number))]
            if parts and None not in parts:
                _, _, segment = client.get(uri)
                assert segment == b"".join(parts), f"{uri} is not its parts"
                _, headers, some = client.get(uri, Range="bytes=10-19")
                assert some == segment[10:20] and headers["Content-Range"], headers
                whole += 1
        assert whole >= 2, f"{whole} segments of which all parts were seen"
        for query in ("?_HLS_part=1", f"?_HLS_msn={playlist.open + 9}", "?_HLS_msn=x"):
            status, headers, _ = client.get(query)
            assert status == 400 and headers["Cache-Control"] == "no-store", (query, status)


def ffmpeg():
    """ffmpeg plays whole segments, from the first playlist on"""
    with Server(*LOW) as server:
        server.publish(generated(), "cam")
        first_playlist(Client(server.hls("cam")))
        player = Process("ffmpeg", "-nostdin", "-v", "warning", "-i", server.hls("cam"), "-t", "5",
                         "-progress", "pipe:1", "-f", "null", "-")
        assert player.wait() == 0
        assert int(re.findall(r"frame=(\d+)", player.out)[-1]) >= 120, player.out
        odd = [line for line in player.err.splitlines()
               if not re.search("duplicated MOOV|repeated", line)]
        assert not odd, odd


def gstreamer():
    """GStreamer's hlsdemux plays whole segments, from the first playlist on"""
    with Server(*LOW) as server:
        server.publish(generated(), "cam")
        first_playlist(Client(server.hls("cam")))
        player = Process("gst-launch-1.0", "-v", *(
            f"souphttpsrc location={server.hls('cam')} ! hlsdemux ! qtdemux ! avdec_h264 ! "
            "identity silent=false ! fakesink sync=false").split())
        until("100 frames are decoded", lambda: player.out.count("last-message = chain") >= 100 or
              not player.running())
        assert player.running(), "hlsdemux has given up"


def in_mpv():
    """mpv plays whole segments"""
    with Server(*LOW) as server:
        server.publish(generated(), "cam")
        # ffmpeg's demuxer reads the init segment again with each playlist of fragmented MP4.
        yield mpv.plays(server.wait_for_hls("cam", 4), known="duplicated MOOV")


def in_vlc():
    """VLC plays whole segments"""
    with Server(*LOW) as server:
        server.publish(generated(), "cam")
        yield vlc.plays(server.wait_for_hls("cam", 4))


def multivariant():
    """mpv and VLC play a multivariant playlist, with video and audio in segments of their own"""
    with Server("latency=low-dash", "segment=2s") as server:
        server.publish(generated(), "cam")
        url = server.hls("cam")
        _, _, body = until("the playlist is there", lambda: (
            answer := Client(url).get())[0] == 200 and answer)
        names = re.findall(r"(?m)^(?!#)(\S+)$", body.decode())
        assert b"#EXT-X-STREAM-INF" in body and b"TYPE=AUDIO" in body and names, body
        until("there are four segments", lambda: Client(urljoin(url, names[0])).get()[2].count(
            b"#EXTINF") >= 4)
        yield mpv.plays(url, known="duplicated MOOV")
        yield vlc.plays(url)


if __name__ == "__main__":
    rig.need("ffmpeg", "mpv", "cvlc", "setpriv")
    rig.main([blocking, ffmpeg, gstreamer, in_mpv, in_vlc, multivariant])
