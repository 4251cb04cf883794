#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs a description whole and reads its statistics, as a dict and as JSON."""
import json

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Penstock", "1.0")
from gi.repository import GLib, Gst, Penstock

TEXT = """
summary: A picture through a goptee
pipeline: |
  videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=30/1
  ! x264enc tune=zerolatency key-int-max=30 ! h264parse
  ! goptee name=tee ! fakesink name=out async=false
"""

Gst.init(None)
server = Penstock.Server.new()
server.add(Penstock.Description.new_from_string(TEXT, "picture").bind(None))
server.connect("report", lambda server, severity, text: print(text))
loop = GLib.MainLoop()
server.connect("ended", lambda server, well: loop.quit())


def look():
    tee = server.get_stats().unpack()["pipelines"]["picture"]["elements"]["tee"]
    if tee["buffers-in"] < 30:
        return True
    print("dict:", {name: tee[name] for name in ("buffers-in", "bytes-in", "drops")})
    print("json:", json.loads(server.get_stats_json())["pipelines"]["picture"]["state"])
    server.stop()
    return False


server.start()
GLib.timeout_add(100, look)
loop.run()
