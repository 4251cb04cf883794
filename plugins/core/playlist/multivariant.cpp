// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/playlist/multivariant.h"

#include <algorithm>
#include <cstdio>

namespace penstock::playlist {
namespace {

/// The attributes of a tag.
class Attributes {
public:
    explicit Attributes(std::string tag) : text_(std::move(tag)) {}
    Attributes &plain(const char *name, std::string_view value) {
        text_ += is_first_ ? ":" : ",";
        is_first_ = false;
        text_ += name;
        text_ += "=";
        text_ += value;
        return *this;
    }
    Attributes &quoted(const char *name, std::string_view value) {
        std::string text(value);
        std::erase_if(text, [](char c) {
            return c == '"' || static_cast<unsigned char>(c) < ' ' || c == 0x7F;
        });
        return plain(name, "\"" + text + "\"");
    }
    std::string line() const { return text_ + "\n"; }

private:
    std::string text_;
    bool is_first_ = true;
};

/// "29.970"
std::string thousandths(unsigned value) {
    char text[32];
    std::snprintf(text, sizeof text, "%u.%03u", value / 1000, value % 1000);
    return text;
}

std::string line_of(const AudioRendition &audio) {
    Attributes list("#EXT-X-MEDIA");
    list.plain("TYPE", "AUDIO").quoted("GROUP-ID", audio.group).quoted("NAME", audio.name);
    if (!audio.language.empty()) list.quoted("LANGUAGE", audio.language);
    // What is played by default has to be selectable by itself (bis, 4.4.6.1).
    list.plain("DEFAULT", audio.is_default ? "YES" : "NO").plain("AUTOSELECT", "YES");
    if (audio.channels > 0) list.quoted("CHANNELS", std::to_string(audio.channels));
    return list.quoted("URI", audio.uri).line();
}

std::string line_of(const SubtitleRendition &subtitles) {
    Attributes list("#EXT-X-MEDIA");
    list.plain("TYPE", "SUBTITLES").quoted("GROUP-ID", subtitles.group);
    list.quoted("NAME", subtitles.name);
    if (!subtitles.language.empty()) list.quoted("LANGUAGE", subtitles.language);
    list.plain("DEFAULT", subtitles.is_default ? "YES" : "NO").plain("AUTOSELECT", "YES");
    return list.plain("FORCED", "NO").quoted("URI", subtitles.uri).line();
}

std::string lines_of(const Variant &variant) {
    Attributes list("#EXT-X-STREAM-INF");
    list.plain("BANDWIDTH", std::to_string(variant.bandwidth));
    if (variant.average_bandwidth > 0)
        list.plain("AVERAGE-BANDWIDTH", std::to_string(variant.average_bandwidth));
    if (!variant.codecs.empty()) list.quoted("CODECS", variant.codecs);
    if (!variant.supplemental_codecs.empty())
        list.quoted("SUPPLEMENTAL-CODECS", variant.supplemental_codecs);
    if (variant.width > 0 && variant.height > 0)
        list.plain("RESOLUTION",
                   std::to_string(variant.width) + "x" + std::to_string(variant.height));
    if (variant.frame_rate > 0) list.plain("FRAME-RATE", thousandths(variant.frame_rate));
    if (!variant.video_range.empty()) list.plain("VIDEO-RANGE", variant.video_range);
    if (!variant.audio.empty()) list.quoted("AUDIO", variant.audio);
    if (!variant.subtitles.empty()) list.quoted("SUBTITLES", variant.subtitles);
    return list.line() + variant.uri + "\n";
}

} // namespace

std::string write(const Multivariant &playlist) {
    std::string text = "#EXTM3U\n#EXT-X-VERSION:6\n";
    if (playlist.independent_segments) text += "#EXT-X-INDEPENDENT-SEGMENTS\n";
    for (const AudioRendition &audio : playlist.audio)
        text += line_of(audio);
    for (const SubtitleRendition &subtitles : playlist.subtitles)
        text += line_of(subtitles);
    for (const Variant &variant : playlist.variants)
        text += lines_of(variant);
    return text;
}

} // namespace penstock::playlist
