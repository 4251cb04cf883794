#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The description `live`, with Python saying who may publish and play: `?key=` has to be the
stream's name backwards to publish it; everybody may play. authorize.py [NAME=VALUE…]"""
import signal
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("Penstock", "1.0")
from gi.repository import GLib, Gst, Penstock


def authorize(server, peer):
    """On a thread of its own: it may ask a database, within five seconds."""
    name, key = peer.get_string("path").rpartition("/")[2], peer.get_string("key")
    allowed = not peer.get_value("publish") or key == name[::-1]
    print("allowed" if allowed else "refused", peer.get_string("id"), name, flush=True)
    return allowed


Gst.init(None)
description = Penstock.Description.new_from_name("live")
binding = description.bind_list(sys.argv[1:])
server = Penstock.Server.new()
server.add(binding)
server.connect("authorize", authorize)
server.connect("report", lambda server, severity, text: print(text, flush=True))
server.connect("peer-connected", lambda server, peer: print("connected", peer.get_string("id"),
                                                            flush=True))
server.connect("peer-disconnected", lambda server, peer: print(
    "disconnected", peer.get_string("id"), peer.get_string("reason"), flush=True))
loop = GLib.MainLoop()
server.connect("ended", lambda server, well: loop.quit())
for number in (signal.SIGINT, signal.SIGTERM):
    GLib.unix_signal_add(GLib.PRIORITY_DEFAULT, number, lambda: server.stop() or True)
server.start()
print(f"rtmp://{binding.dup_value('rtmp')}/live/NAME?key=EMAN", flush=True)
loop.run()
