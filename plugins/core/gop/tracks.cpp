// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/gop/tracks.h"

namespace penstock::gop {

bool Tracks::learn(const flv::Tag &tag) {
    const bool is_audio = tag.type == flv::TagType::audio;
    if (!is_audio && tag.type != flv::TagType::video) return false;
    const auto header = flv::parse_body(tag.type, tag.body_view());
    if (!header || header->track != 0 || header->codec == 0) return false;
    std::string codec = flv::codec_name(header->codec);
    std::string &slot = is_audio ? audio : video;
    if (slot == codec) return false;
    slot = std::move(codec);
    return true;
}

std::string Tracks::text() const {
    if (video.empty()) return audio.empty() ? "nothing" : audio + " alone";
    return video + (audio.empty() ? " alone" : " with " + audio);
}

} // namespace penstock::gop
