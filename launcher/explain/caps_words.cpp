// SPDX-License-Identifier: LGPL-2.1-or-later
#include "explain/caps_words.h"

#include "description/playable.h"

#include <map>

namespace penstock::explain {
namespace {

std::string number(double value) {
    char buffer[G_ASCII_DTOSTR_BUF_SIZE];
    return g_ascii_formatd(buffer, sizeof buffer, "%.4g", value);
}

std::string word_of(const GstStructure *structure) {
    static const std::map<std::string, std::string> words = {
        {"video/x-h264", "H.264"},        {"video/x-h265", "H.265"},     {"video/x-vp8", "VP8"},
        {"video/x-vp9", "VP9"},           {"video/x-av1", "AV1"},        {"image/jpeg", "JPEG"},
        {"video/x-flv", "FLV"},           {"video/mpegts", "MPEG-TS"},   {"video/quicktime", "MP4"},
        {"video/x-matroska", "Matroska"}, {"video/webm", "WebM"},        {"audio/x-opus", "Opus"},
        {"audio/x-vorbis", "Vorbis"},     {"audio/x-flac", "FLAC"},      {"audio/x-ac3", "AC-3"},
        {"application/x-rtp", "RTP"},     {"application/x-rtcp", "RTCP"}};
    const std::string type = gst_structure_get_name(structure);
    gint version = 0;
    gst_structure_get_int(structure, "mpegversion", &version);
    if (type == "audio/mpeg") return version == 1 ? "MP3" : "AAC";
    if (type == "video/mpeg") {
        gboolean system = FALSE;
        if (gst_structure_get_boolean(structure, "systemstream", &system) && system)
            return "MPEG-PS";
        return "MPEG-" + std::to_string(version);
    }
    const char *format = gst_structure_get_string(structure, "format");
    const std::string raw = format ? std::string(" ") + format : "";
    if (type == "video/x-raw") return "raw video" + raw;
    if (type == "audio/x-raw") return "raw audio" + raw;
    const auto found = words.find(type);
    return found == words.end() ? type : found->second;
}

} // namespace

std::string say_caps(const GstCaps *caps) {
    if (!caps || gst_caps_is_any(caps) || gst_caps_is_empty(caps)) return {};
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    std::string out = word_of(structure);
    const std::string profile = description::profile_words(structure);
    if (!profile.empty()) out += " " + profile;
    gint width = 0, height = 0, numerator = 0, denominator = 0, rate = 0, channels = 0;
    if (gst_structure_get_int(structure, "width", &width) &&
        gst_structure_get_int(structure, "height", &height))
        out += " " + std::to_string(width) + "x" + std::to_string(height);
    if (gst_structure_get_fraction(structure, "framerate", &numerator, &denominator) &&
        denominator > 0 && numerator > 0)
        out += " " + number(double(numerator) / denominator) + " fps";
    if (gst_structure_get_int(structure, "rate", &rate)) out += " " + number(rate / 1000.) + " kHz";
    if (gst_structure_get_int(structure, "channels", &channels))
        out += channels == 1   ? " mono"
               : channels == 2 ? " stereo"
                               : " " + std::to_string(channels) + " channels";
    const char *form = gst_structure_get_string(structure, "stream-format");
    if (form) out += std::string(" (") + form + ")";
    const char *encoding = gst_structure_get_string(structure, "encoding-name");
    if (encoding) out += std::string(" ") + encoding;
    return out;
}

} // namespace penstock::explain
