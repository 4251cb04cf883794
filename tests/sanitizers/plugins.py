#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
# Fills a directory with links to the stock plugins that the tests need. Instrumented tests scan
# plugins in their own process, and most other installed plugins load slowly or leak.
import pathlib
import sys

PLUGINS = '''alaw app audioconvert audioparsersbad audioparsers audioresample audiotestsrc coreelements debug
    flv isomp4 jpeg libav matroska mpegtsdemux mpegtsmux multifile ogg opus playback rtmp2 rtp
    typefindfunctions videoconvert videoconvertscale
    videocrop videoparsersbad videoscale videotestsrc voaacenc x264
    deinterlace interlace lame mulaw speex udp videofilter videorate vpx'''.split()

source, target = map(pathlib.Path, sys.argv[1:])
target.mkdir(parents=True, exist_ok=True)
for old in target.iterdir():
    old.unlink()
for name in PLUGINS:
    plugin = source / f'libgst{name}.so'
    if plugin.exists():  # what a release lacks is a test's business
        (target / plugin.name).symlink_to(plugin)
