// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hls/about.h"

#include "gst/ptr.h"
#include "hls/pad.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace penstock::hls {
namespace {

constexpr size_t longest_language = 35; // RFC 5646, 4.4.1
constexpr size_t longest_title = 100;

/// Values of GstVideoTransferFunction, which colorimetry in caps has in its third place.
constexpr int smpte2084 = 14, arib_std_b67 = 15;

/// "2:6:14:7" or "bt2100-pq". Empty: nothing is said.
std::string_view range_of(std::string_view colorimetry) {
    if (colorimetry.empty()) return {};
    if (colorimetry == "bt2100-pq") return "PQ";
    if (colorimetry == "bt2100-hlg") return "HLG";
    for (int field = 0; field < 2; ++field) {
        const size_t colon = colorimetry.find(':');
        if (colon == colorimetry.npos) return "SDR"; // another name
        colorimetry.remove_prefix(colon + 1);
    }
    int transfer = 0;
    std::from_chars(colorimetry.data(), colorimetry.data() + colorimetry.size(), transfer);
    // 0: unknown; then the codec's own description tells.
    return transfer == smpte2084 ? "PQ" : transfer == arib_std_b67 ? "HLG" : transfer ? "SDR" : "";
}

bool is_language(const std::string &text) {
    return !text.empty() && text.size() <= longest_language &&
           std::all_of(text.begin(), text.end(),
                       [](char c) { return g_ascii_isalnum(c) || c == '-'; });
}

std::string tag_of(const GstTagList *tags, const char *name) {
    gchar *value = nullptr;
    if (!tags || !gst_tag_list_get_string(tags, name, &value)) return {};
    const GOwned<gchar> owned(value);
    return owned.get();
}

} // namespace

About about_of(GstPad *pad, const GstCaps *caps, const GstTagList *tags) {
    const PadSettings settings = settings_of(pad);
    About about;
    about.is_default = settings.is_default;
    about.title = settings.title;
    // The title of a whole file is not that of a track.
    if (about.title.empty() && tags && gst_tag_list_get_scope(tags) == GST_TAG_SCOPE_STREAM)
        about.title = tag_of(tags, GST_TAG_TITLE);
    if (about.title.size() > longest_title) about.title.clear();
    about.language =
        settings.language.empty() ? tag_of(tags, GST_TAG_LANGUAGE_CODE) : settings.language;
    if (!is_language(about.language) || about.language == "und") about.language.clear();
    if (!caps || gst_caps_is_empty(caps)) return about;
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    gint num = 0, den = 1, channels = 0;
    if (gst_structure_get_fraction(s, "framerate", &num, &den) && num > 0 && den > 0 &&
        num / den < 1000)
        about.frame_rate = static_cast<unsigned>((gint64(num) * 1000 + den / 2) / den);
    if (gst_structure_get_int(s, "channels", &channels) && channels > 0)
        about.channels = static_cast<unsigned>(channels);
    const gchar *colorimetry = gst_structure_get_string(s, "colorimetry");
    about.video_range = range_of(colorimetry ? colorimetry : "");
    return about;
}

} // namespace penstock::hls
