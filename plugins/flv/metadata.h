// SPDX-License-Identifier: LGPL-2.1-or-later
// Converts onMetaData between FLV and GStreamer.
#pragma once

#include "core/flv/tag.h"
#include "gst/ptr.h"

#include <string>

namespace penstock::flv {

template <class T>
struct TagListUnref {
    void operator()(T *p) const { gst_tag_list_unref(p); }
};
using TagListPtr = std::unique_ptr<GstTagList, TagListUnref<GstTagList>>;

/// A muxer's information about its streams.
struct Metadata {
    bool has_video = false, has_audio = false;
    unsigned video_codec = 0, audio_codec = 0; ///< CodecID, SoundFormat, or a fourCC
    int width = 0, height = 0;
    double framerate = 0;
    int rate = 0, channels = 0;
};
/// Adds the information from a video or audio pad's caps.
void describe_caps(Metadata &metadata, const GstCaps *caps);
Tag make_metadata(const Metadata &metadata, uint32_t timestamp);

/// Tags from an onMetaData tag, for the whole stream and per medium. Values are bounded; text that
/// is not UTF-8 is omitted.
struct MetadataTags {
    TagListPtr global, video, audio;
};
MetadataTags read_metadata(ByteView body);

} // namespace penstock::flv
