// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hls/splice_events.h"

#include "gst/bytes.h"
#include "gst/ptr.h"

#include <dlfcn.h>

#include <algorithm>
#include <memory>

namespace penstock::hls {
namespace {

using BytesPtr = std::unique_ptr<GBytes, decltype(&g_bytes_unref)>;

Bytes copy_of(GBytes *bytes) {
    gsize size = 0;
    const auto *data = static_cast<const uint8_t *>(g_bytes_get_data(bytes, &size));
    return Bytes::copy_of(ByteView(data, size));
}

/// The bytes of a GstMpegtsSection. Whoever made one has loaded its library, which is not linked:
/// Debian's package of its headers needs all of OpenCV's.
Bytes bytes_of_section(const GValue *value) {
    if (!value || !G_VALUE_HOLDS_BOXED(value) ||
        g_strcmp0(G_VALUE_TYPE_NAME(value), "GstMpegtsSection") != 0)
        return {};
    using GetData = GBytes *(*)(void *);
    static const GetData get_data = [] {
        void *library = dlopen("libgstmpegts-1.0.so.0", RTLD_LAZY | RTLD_NOLOAD);
        void *function = library ? dlsym(library, "gst_mpegts_section_get_data") : nullptr;
        return reinterpret_cast<GetData>(function);
    }();
    void *section = g_value_get_boxed(value);
    if (!get_data || !section) return {};
    const BytesPtr bytes(get_data(section), g_bytes_unref);
    return bytes ? copy_of(bytes.get()) : Bytes();
}

/// "0xFC30…", or base64.
Bytes bytes_of_text(std::string_view text) {
    std::vector<uint8_t> bytes;
    if (text.starts_with("0x") || text.starts_with("0X")) {
        text.remove_prefix(2);
        if (text.size() % 2) return {};
        for (size_t i = 0; i < text.size(); i += 2) {
            const int high = g_ascii_xdigit_value(text[i]), low = g_ascii_xdigit_value(text[i + 1]);
            if (high < 0 || low < 0) return {};
            bytes.push_back(static_cast<uint8_t>(high << 4 | low));
        }
        return Bytes::adopt(std::move(bytes));
    }
    gsize size = 0;
    const std::string copy(text);
    const GOwned<guchar> decoded(g_base64_decode(copy.c_str(), &size));
    return Bytes::copy_of(ByteView(decoded.get(), size));
}

std::optional<int64_t> time_field(const GstStructure *s, const char *name) {
    guint64 value = 0;
    gint64 signed_value = 0;
    if (gst_structure_get_uint64(s, name, &value)) {
        if (value > guint64(G_MAXINT64)) return std::nullopt;
        return static_cast<int64_t>(value);
    }
    if (gst_structure_get_int64(s, name, &signed_value)) return signed_value;
    return std::nullopt;
}

/// The earliest of the running times that tsdemux has found for a section.
std::optional<int64_t> earliest_in(const GstStructure *map) {
    std::optional<int64_t> earliest;
    for (gint i = 0; i < gst_structure_n_fields(map); ++i)
        if (const auto time = time_field(map, gst_structure_nth_field_name(map, guint(i))))
            earliest = std::min(earliest.value_or(*time), *time);
    return earliest;
}

} // namespace

bool parse_splice_event(GstEvent *event, SpliceEvent &splice, std::string &error) {
    const GstStructure *s = gst_event_get_structure(event);
    if (!s) return false;
    if (gst_structure_has_name(s, "scte-sit")) {
        splice.section = bytes_of_section(gst_structure_get_value(s, "section"));
        const GValue *map = gst_structure_get_value(s, "running-time-map");
        if (map && GST_VALUE_HOLDS_STRUCTURE(map))
            splice.time = earliest_in(gst_value_get_structure(map));
    } else if (gst_structure_has_name(s, "penstock-scte35")) {
        const GValue *data = gst_structure_get_value(s, "data");
        if (data && G_VALUE_HOLDS_STRING(data) && g_value_get_string(data))
            splice.section = bytes_of_text(g_value_get_string(data));
        else if (data && G_VALUE_HOLDS(data, G_TYPE_BYTES) && g_value_get_boxed(data))
            splice.section = copy_of(static_cast<GBytes *>(g_value_get_boxed(data)));
        else if (data && GST_VALUE_HOLDS_BUFFER(data) && gst_value_get_buffer(data))
            splice.section = bytes_of(gst_value_get_buffer(data));
        splice.time = time_field(s, "running-time");
    } else {
        return false;
    }
    if (!splice.section.empty()) return true;
    error = std::string("an event ") + gst_structure_get_name(s) + " without a section's bytes";
    return false;
}

bool parse_range_event(GstEvent *event, RangeMark &mark, std::string &error) {
    const GstStructure *s = gst_event_get_structure(event);
    if (!s || !gst_structure_has_name(s, "penstock-date-range")) return false;
    const auto text = [&](const char *name) {
        const gchar *value = gst_structure_get_string(s, name);
        return std::string(value ? value : "");
    };
    mark.id = text("id");
    mark.class_name = text("class");
    mark.time = time_field(s, "running-time").value_or(mark.time);
    mark.duration = time_field(s, "duration");
    mark.planned = time_field(s, "planned-duration");
    gboolean is_end = FALSE;
    mark.is_end = gst_structure_get_boolean(s, "end", &is_end) && is_end;
    for (gint i = 0; i < gst_structure_n_fields(s); ++i) {
        const gchar *name = gst_structure_nth_field_name(s, guint(i));
        if (g_str_has_prefix(name, "X-")) mark.attributes.emplace_back(name, text(name));
    }
    if (!mark.id.empty()) return true;
    error = "an event penstock-date-range without an id";
    return false;
}

} // namespace penstock::hls
