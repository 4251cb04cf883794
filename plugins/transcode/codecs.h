// SPDX-License-Identifier: LGPL-2.1-or-later
// The codecs that copyorencode outputs: the streams that can be copied, and encoders for others.
#pragma once

#include "gst/ptr.h"

#include <string>
#include <vector>

namespace penstock::transcode {

enum class CodecId { automatic, h264, aac, opus, mp3, aac_or_mp3, accepted };
enum class Latency { normal, low };

struct Settings {
    CodecId codec = CodecId::automatic;
    guint bitrate = 0; ///< bit/s; 0: the codec's default
    GstClockTime keyframe_interval = 2 * GST_SECOND;
    Latency latency = Latency::normal;
    GstClockTime longest_gop = 0; ///< video with longer ones is encoded; 0: no matter how long
    bool b_frames = true;         ///< false: video that has some is encoded, without
    bool source_bitrate = false;  ///< coded video is encoded at its own bitrate, once it is known
};

struct Codec {
    const char *name;
    bool video;
    const char *caps;   ///< streams that can be copied
    const char *raw;    ///< the encoders' input
    const char *parser; ///< after the encoder; see parser_of() for copies
    guint bitrate;      ///< default, bit/s
    /// Element names in order of preference.
    std::vector<const char *> encoders;
};

/// The type of properties that choose a Latency.
GType latency_type();
/// The target codec for a stream with these caps; nullptr if there is none.
const Codec *choose_codec(CodecId wanted, const GstCaps *caps);
/// The codec of a stream that is no target, but that downstream takes as it is, and for which there
/// is a parser; nullptr if it is none of those. `downstream`: caps; null: nothing is known.
const Codec *codec_accepted_by(const GstCaps *downstream, const GstCaps *caps);
/// Whether the caps are video of any codec, including Motion JPEG (image/jpeg). `caps` must not be
/// empty or ANY.
bool is_video(const GstCaps *caps);
/// Whether the caps are raw media. `caps` must not be empty or ANY.
bool is_raw(const GstCaps *caps);
/// Why typical players of this codec can't play the stream unchanged; empty if they can.
std::string why_not_copied(const Codec &codec, const GstCaps *caps);
/// The parser for a copied stream with these caps; nullptr if it needs none.
const char *parser_of(const Codec &codec, const GstCaps *caps);
/// Changes the bitrate of a video encoder that runs, if it can do that. `bitrate`: bit/s.
void set_bitrate(GstElement *encoder, guint bitrate);
/// Creates and configures the first installed encoder of the codec; empty if there is none.
GstPtr<GstElement> make_encoder(const Codec &codec, const Settings &settings);

} // namespace penstock::transcode
