#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""CPU time of flvlivedemux and flvlivemux for a file of ten minutes, beside ffmpeg's.

With the muxers the video alone, because two tracks need queues, whose threads cost more than a muxer.
Needs ffmpeg, gst-launch-1.0 and the elements: flv_file.py [--rounds N] [--seconds N]"""

import tempfile

from file_cost import FFMPEG, READ, clip_in, compare, launch, options_of, run


def files_of(folder, seconds):
    """One stream of this length: all of it, and its video."""
    both, video = f"{folder}/{seconds}.flv", f"{folder}/{seconds}-video.flv"
    run([*FFMPEG, "-stream_loop", "-1", "-i", clip_in(folder), "-t", str(seconds), "-c", "copy", both])
    run([*FFMPEG, "-i", both, "-an", "-c", "copy", video])
    return both, video


def commands(both, video):
    """What is measured, by name."""
    sinks = "d.video ! fakesink async=false d.audio ! fakesink async=false"
    return {
        "ffmpeg, both tracks": [*FFMPEG, "-i", both, "-c", "copy", "-f", "flv", "/dev/null"],
        "flvlivedemux": launch(f"{READ}location={both} ! flvlivedemux name=d", sinks),
        "flvdemux": launch(f"{READ}location={both} ! flvdemux name=d", sinks),
        "ffmpeg, video": [*FFMPEG, "-i", video, "-c", "copy", "-f", "flv", "/dev/null"],
        "flvlivedemux, flvlivemux": launch(
            f"{READ}location={video} ! flvlivedemux ! flvlivemux ! fakesink"),
        "flvdemux, flvmux": launch(
            f"{READ}location={video} ! flvdemux ! flvmux streamable=true ! fakesink"),
    }


def main():
    options = options_of(__doc__)
    with tempfile.TemporaryDirectory(prefix="penstock-flv-") as folder:
        compare(commands(*files_of(folder, options.seconds)), commands(*files_of(folder, 2)),
                (("flvlivedemux", "ffmpeg, both tracks"),
                 ("flvlivedemux, flvlivemux", "ffmpeg, video")), options)


if __name__ == "__main__":
    main()
