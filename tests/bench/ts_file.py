#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""CPU time of tslivedemux for a file of ten minutes, beside ffmpeg's and tsdemux's.

Once to FLV, and once to the elementary streams. tsdemux needs parsers for frames that can be used.
Needs ffmpeg, gst-launch-1.0 and the elements: ts_file.py [--rounds N] [--seconds N]"""

import tempfile

from file_cost import FFMPEG, READ, clip_in, compare, launch, options_of, run


def file_of(folder, seconds):
    file = f"{folder}/{seconds}.ts"
    run([*FFMPEG, "-stream_loop", "-1", "-i", clip_in(folder), "-t", str(seconds), "-c", "copy", file])
    return file


def commands(file):
    """What is measured, by name."""
    return {
        "ffmpeg": [*FFMPEG, "-i", file, "-c", "copy", "-f", "null", "-"],
        "tslivedemux, FLV": launch(f"{READ}location={file} ! tslivedemux ! fakesink"),
        "tslivedemux, streams": launch(
            f"{READ}location={file} ! tslivedemux name=d",
            "d.video_0 ! fakesink async=false d.audio_0 ! fakesink async=false"),
        "tsdemux, parsers": launch(
            f"{READ}location={file} ! tsdemux name=d",
            "d. ! h264parse ! fakesink async=false d. ! aacparse ! fakesink async=false"),
    }


def main():
    options = options_of(__doc__)
    with tempfile.TemporaryDirectory(prefix="penstock-ts-") as folder:
        compare(commands(file_of(folder, options.seconds)), commands(file_of(folder, 2)),
                (("tslivedemux, FLV", "ffmpeg"), ("tslivedemux, streams", "ffmpeg"),
                 ("tslivedemux, FLV", "tsdemux, parsers")), options)


if __name__ == "__main__":
    main()
