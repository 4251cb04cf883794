// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/playable.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <string_view>
#include <utility>

namespace penstock::description {
namespace {

bool is_h264(const GstStructure *caps) {
    return gst_structure_has_name(caps, "video/x-h264");
}

std::string_view text_of(const GstStructure *caps, const char *field) {
    const gchar *text = gst_structure_get_string(caps, field);
    return text ? text : "";
}

/// The profile, from the codec data if there is no field of it.
std::string profile_of(const GstStructure *caps) {
    if (const auto field = text_of(caps, "profile"); !field.empty()) return std::string(field);
    const GValue *data = gst_structure_get_value(caps, "codec_data");
    if (!is_h264(caps) || !data || !GST_VALUE_HOLDS_BUFFER(data)) return {};
    guint8 begin[2] = {}; // the version of the record, then profile_idc (ISO/IEC 14496-15, 5.3.3.1)
    if (gst_buffer_extract(gst_value_get_buffer(data), 0, begin, 2) != 2) return {};
    constexpr std::pair<guint8, const char *> known[] = {
        {44, "cavlc-4:4:4-intra"}, {66, "baseline"},   {77, "main"},
        {88, "extended"},          {100, "high"},      {110, "high-10"},
        {122, "high-4:2:2"},       {244, "high-4:4:4"}};
    for (const auto &[number, name] : known)
        if (begin[1] == number) return name;
    return {};
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
    for (const char c : profile_of(caps)) {
        out += c == '-' ? ' ' : begins_word ? static_cast<char>(std::toupper(c)) : c;
        begins_word = c == '-';
    }
    const std::string_view level = text_of(caps, "level");
    if (!out.empty() && !level.empty()) out += "@L" + std::string(level);
    return out;
}

bool is_hardly_playable(const GstStructure *caps) {
    if (!is_h264(caps)) return false;
    const std::string profile = profile_of(caps);
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

std::optional<std::string> unplayable_output(GstElement *pipeline) {
    const auto iterator = std::unique_ptr<GstIterator, void (*)(GstIterator *)>(
        gst_bin_iterate_recurse(GST_BIN(pipeline)), gst_iterator_free);
    std::optional<std::string> out;
    const auto look = [](const GValue *item, gpointer data) {
        auto *element = GST_ELEMENT(g_value_get_object(item));
        auto &found = *static_cast<std::optional<std::string> *>(data);
        const gchar *klass = gst_element_class_get_metadata(GST_ELEMENT_GET_CLASS(element),
                                                            GST_ELEMENT_METADATA_KLASS);
        const std::string_view words = klass ? klass : "";
        const bool is_end = words.find("Mux") != words.npos || words.find("Sink") != words.npos ||
                            words.find("Payloader") != words.npos;
        if (!is_end || (found && !found->empty())) return;
        gst_element_foreach_sink_pad(
            element,
            [](GstElement *, GstPad *pad, gpointer result) -> gboolean {
                const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
                if (!caps || gst_caps_get_size(caps.get()) != 1) return TRUE;
                const GstStructure *structure = gst_caps_get_structure(caps.get(), 0);
                auto &profile = *static_cast<std::optional<std::string> *>(result);
                if (!is_h264(structure)) return TRUE;
                if (!profile) profile.emplace();
                if (is_hardly_playable(structure)) profile = profile_words(structure);
                return profile->empty();
            },
            &found);
    };
    // If elements come or go meanwhile, the pipeline is inspected again later.
    if (gst_iterator_foreach(iterator.get(), look, &out) == GST_ITERATOR_RESYNC)
        return std::nullopt;
    return out;
}

} // namespace penstock::description
