#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A description from a string, its parameters, and an element of its pipeline found by name."""
import gi

gi.require_version("Gst", "1.0")
gi.require_version("Penstock", "1.0")
from gi.repository import GLib, Gst, Penstock

TEXT = """
summary: A test picture
parameters:
  frames: {type: int, default: 30, min: 1, max: 1000, help: How many}
pipeline: videotestsrc num-buffers=${frames} ! identity name=tap ! fakesink name=out
"""

Gst.init(None)
description = Penstock.Description.new_from_string(TEXT, "picture")
for parameter in description.list_parameters():
    print(parameter.props.name, parameter.props.value_type.value_nick, parameter.props.default,
          parameter.get_range(), parameter.props.help)
try:
    description.bind({"frames": "0"})
except GLib.Error as error:
    assert error.matches(Penstock.error_quark(), Penstock.Error.VALUE)
    print(error.message)

pipeline = description.bind({"frames": "50"}).create_pipeline(None)
seen = []
tap = pipeline.get_by_name("tap").get_static_pad("src")
tap.add_probe(Gst.PadProbeType.BUFFER, lambda pad, info: seen.append(1) or Gst.PadProbeReturn.OK)
pipeline.set_state(Gst.State.PLAYING)
message = pipeline.get_bus().timed_pop_filtered(
    Gst.CLOCK_TIME_NONE, Gst.MessageType.EOS | Gst.MessageType.ERROR)
pipeline.set_state(Gst.State.NULL)
assert message.type == Gst.MessageType.EOS, message.parse_error()
print(f"{len(seen)} frames")
