#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pictures as numpy arrays: an appsink of a running description, found by its name."""
import gi
import numpy

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstVideo", "1.0")
gi.require_version("Penstock", "1.0")
from gi.repository import GLib, Gst, GstApp, GstVideo, Penstock

TEXT = """
summary: White pictures for an application
parameters:
  width: {type: int, default: 320, min: 16, max: 4096}
pipeline: |
  videotestsrc is-live=true pattern=white num-buffers=20
  ! video/x-raw,format=RGB,width=${width},height=240,framerate=30/1
  ! appsink name=frames emit-signals=true max-buffers=4 drop=true
"""


def to_array(sample):
    """RGB of one picture; rows may be padded to four bytes."""
    info = GstVideo.VideoInfo.new_from_caps(sample.get_caps())
    data = sample.get_buffer().extract_dup(0, sample.get_buffer().get_size())
    rows = numpy.frombuffer(data, numpy.uint8).reshape(info.height, -1)
    return rows[:, :info.width * 3].reshape(info.height, info.width, 3)


def on_sample(sink):
    """On the pipeline's streaming thread."""
    picture = to_array(sink.pull_sample())
    print(picture.shape, f"mean {picture.mean():.0f}", flush=True)
    return Gst.FlowReturn.OK


Gst.init(None)
server = Penstock.Server.new()
server.add(Penstock.Description.new_from_string(TEXT, "white").bind({"width": "322"}))
server.connect("pipeline-added", lambda server, label, pipeline: pipeline.get_by_name(
    "frames").connect("new-sample", on_sample))
loop = GLib.MainLoop()
server.connect("ended", lambda server, well: loop.quit())
server.start()
loop.run()
