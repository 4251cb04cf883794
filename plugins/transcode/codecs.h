// SPDX-License-Identifier: LGPL-2.1-or-later
// The codecs that copyorencode outputs: the streams that are copied, and the encoders for others.
#pragma once

#include "gst/ptr.h"

#include <string>
#include <vector>

namespace penstock::transcode {

enum class CodecId { automatic, h264, aac, opus, mp3, aac_or_mp3 };
enum class Latency { normal, low };

struct Settings {
    CodecId codec = CodecId::automatic;
    guint bitrate = 0; ///< bit/s; 0: the codec's default
    GstClockTime keyframe_interval = 2 * GST_SECOND;
    Latency latency = Latency::normal;
};

struct Codec {
    const char *name;
    bool video;
    const char *caps;   ///< streams that can be copied
    const char *raw;    ///< the encoders' input
    const char *parser; ///< behind the encoder; for copies see parser_of()
    guint bitrate;      ///< default, bit/s
    /// Element names in the order in which they are tried.
    std::vector<const char *> encoders;
};

/// The codec for a stream with these caps; nullptr if none can be made of it.
const Codec *choose_codec(CodecId wanted, const GstCaps *caps);
/// Video of any codec, Motion JPEG (image/jpeg) included. `caps` must not be empty or ANY.
bool is_video(const GstCaps *caps);
/// Not encoded. `caps` must not be empty or ANY.
bool is_raw(const GstCaps *caps);
/// Why players of this codec cannot be expected to take the stream as it is; empty if they can.
std::string why_not_copied(const Codec &codec, const GstCaps *caps);
/// The parser behind a stream with these caps that is copied; null if it needs none.
const char *parser_of(const Codec &codec, const GstCaps *caps);
/// The first of its encoders that is installed, set up; empty if there is none.
GstPtr<GstElement> make_encoder(const Codec &codec, const Settings &settings);

} // namespace penstock::transcode
