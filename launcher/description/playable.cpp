// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/playable.h"

#include <algorithm>
#include <cctype>
#include <string_view>

namespace penstock::description {
namespace {

bool is_h264(const GstStructure *caps) {
    return gst_structure_has_name(caps, "video/x-h264");
}

std::string_view text_of(const GstStructure *caps, const char *field) {
    const gchar *text = gst_structure_get_string(caps, field);
    return text ? text : "";
}

/// 4:2:0 with 8 bits, which each decoder takes, and formats that encoders convert to it.
bool is_common_format(std::string_view format) {
    constexpr std::string_view common[] = {"I420", "YV12", "NV12", "NV21", "GRAY8"};
    return std::find(std::begin(common), std::end(common), format) != std::end(common);
}

/// Whether a list, or a single value, has a format that is not common.
bool has_other_format(const GValue *formats) {
    if (G_VALUE_HOLDS_STRING(formats)) return !is_common_format(g_value_get_string(formats));
    if (!GST_VALUE_HOLDS_LIST(formats)) return false;
    for (guint i = 0; i < gst_value_list_get_size(formats); ++i)
        if (has_other_format(gst_value_list_get_value(formats, i))) return true;
    return false;
}

} // namespace

std::string profile_words(const GstStructure *caps) {
    if (!is_h264(caps) && !gst_structure_has_name(caps, "video/x-h265")) return {};
    std::string out;
    bool begins_word = true;
    for (const char c : text_of(caps, "profile")) {
        out += c == '-' ? ' ' : begins_word ? static_cast<char>(std::toupper(c)) : c;
        begins_word = c == '-';
    }
    const std::string_view level = text_of(caps, "level");
    if (!out.empty() && !level.empty()) out += "@L" + std::string(level);
    return out;
}

bool is_hardly_playable(const GstStructure *caps) {
    if (!is_h264(caps)) return false;
    const std::string_view profile = text_of(caps, "profile");
    return profile.starts_with("high-") || profile.starts_with("cavlc-") || profile == "extended";
}

bool may_become_unplayable(GstElement *encoder) {
    const auto sink = GstPtr<GstPad>::adopt(gst_element_get_static_pad(encoder, "sink"));
    const auto source = GstPtr<GstPad>::adopt(gst_element_get_static_pad(encoder, "src"));
    if (!sink || !source || !gst_pad_is_linked(sink.get())) return false;
    const auto made = GstPtr<GstCaps>::adopt(gst_pad_get_pad_template_caps(source.get()));
    if (gst_caps_is_any(made.get()) || gst_caps_is_empty(made.get()) ||
        !is_h264(gst_caps_get_structure(made.get(), 0)))
        return false;
    // The encoder's answer heeds what is linked behind it.
    const auto given = GstPtr<GstCaps>::adopt(gst_pad_get_allowed_caps(sink.get()));
    if (!given || gst_caps_is_any(given.get())) return false;
    for (guint i = 0; i < gst_caps_get_size(given.get()); ++i) {
        const GstStructure *frames = gst_caps_get_structure(given.get(), i);
        const GValue *formats = gst_structure_get_value(frames, "format");
        if (gst_structure_has_name(frames, "video/x-raw") && formats && has_other_format(formats))
            return true;
    }
    return false;
}

} // namespace penstock::description
