#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""OBS' multitrack video: the request that OBS sends is answered at the printed URL, by http and https,
and ffmpeg publishes as OBS would: to the URL that the answer gives, with its key and the
configuration's id."""

import json
import os
import re
import urllib.error
import urllib.request

import packets
import rig
from https import certificate, trusting
from rig import Process, Server, footage, until

REQUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fuzz", "corpus",
                       "multitrack", "obs-32")


def ask(url, body=None, context=None):
    if body is None:
        with open(REQUEST, "rb") as file:
            body = file.read()
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return json.load(answer)


def where(server):
    return re.search(r"obs --config-url (\S+)", server.log)[1]


def publishes():
    """the answer's URL and id, with the key of OBS' settings, publish a stream"""
    with Server("publish-key=SECRET") as server:
        answer = ask(where(server))
        assert answer["status"]["result"] == "success", answer
        tracks = [(t["width"], t["height"]) for t in answer["encoder_configurations"]]
        assert tracks == [(1920, 1080), (1280, 720), (640, 360)], tracks
        endpoint, = answer["ingest_endpoints"]
        assert endpoint["protocol"] == "RTMP", endpoint
        # As OBS does it: the key takes the place of /{stream_key}, its query goes on.
        url = endpoint["url_template"].replace("/{stream_key}", "")
        key = "cam?key=SECRET&clientConfigId=" + answer["meta"]["config_id"]
        assert url == server.rtmp, (url, server.rtmp)
        reference = packets.published(footage())
        publisher = Process("ffmpeg", "-nostdin", "-v", "error", "-progress", "pipe:1", "-re",
                            "-stream_loop", "-1", "-i", footage(), "-c", "copy", "-f", "flv",
                            f"{url}/{key}")
        until("a GOP has gone by", lambda: publisher.sent() > 3)
        yield packets.same(packets.play(server.url("cam")), reference)


def over_tls():
    """over https the answer names rtmps first"""
    trusted, key = certificate()
    with Server("web=https", f"tls-certificate={trusted}", f"tls-key={key}") as server:
        answer = ask(where(server), context=trusting())
        protocols = [endpoint["protocol"] for endpoint in answer["ingest_endpoints"]]
        assert protocols == ["RTMPS", "RTMP"], protocols
        assert answer["ingest_endpoints"][0]["url_template"].startswith("rtmps://127.0.0.1:")


def refusals():
    """other methods, large bodies and nonsense are answered, and change nothing"""
    with Server() as server:
        url = where(server)
        for body, status in ((None, 405), (b"x" * 100_000, 413)):
            try:
                with urllib.request.urlopen(urllib.request.Request(url, body), timeout=10):
                    raise AssertionError("it is taken")
            except urllib.error.HTTPError as error:
                assert error.code == status, error.code
        assert ask(url, b"nonsense")["status"]["result"] == "error"
        assert ask(url)["status"]["result"] == "success"


if __name__ == "__main__":
    rig.need("ffmpeg", "ffprobe", "openssl")
    rig.main([publishes, over_tls, refusals])
