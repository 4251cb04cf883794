// SPDX-License-Identifier: LGPL-2.1-or-later
#include "embedding/stats.h"

#include "protocols/table.h"
#include "state/collect.h"

#include <nlohmann/json.hpp>

#include <cmath>

namespace penstock::embedding {
namespace {

using nlohmann::json;

GVariant *to_variant(const GstStructure *structure);

GVariant *to_variant(const GValue *value) {
    if (G_VALUE_HOLDS_STRING(value)) {
        const gchar *text = g_value_get_string(value);
        GOwned<> valid(g_utf8_make_valid(text ? text : "", -1));
        return g_variant_new_string(valid.get());
    }
    if (G_VALUE_HOLDS_BOOLEAN(value)) return g_variant_new_boolean(g_value_get_boolean(value));
    if (G_VALUE_HOLDS_INT(value)) return g_variant_new_int32(g_value_get_int(value));
    if (G_VALUE_HOLDS_UINT(value)) return g_variant_new_uint32(g_value_get_uint(value));
    if (G_VALUE_HOLDS_INT64(value)) return g_variant_new_int64(g_value_get_int64(value));
    if (G_VALUE_HOLDS_UINT64(value)) return g_variant_new_uint64(g_value_get_uint64(value));
    if (G_VALUE_HOLDS_DOUBLE(value)) return g_variant_new_double(g_value_get_double(value));
    if (G_VALUE_HOLDS_FLOAT(value))
        return g_variant_new_double(static_cast<double>(g_value_get_float(value)));
    if (GST_VALUE_HOLDS_STRUCTURE(value))
        if (const GstStructure *inner = gst_value_get_structure(value)) return to_variant(inner);
    if (GST_VALUE_HOLDS_ARRAY(value) || GST_VALUE_HOLDS_LIST(value)) {
        const bool array = GST_VALUE_HOLDS_ARRAY(value);
        const guint size = array ? gst_value_array_get_size(value) : gst_value_list_get_size(value);
        GVariantBuilder builder;
        g_variant_builder_init(&builder, G_VARIANT_TYPE("av"));
        for (guint i = 0; i < size; ++i)
            g_variant_builder_add(&builder, "v",
                                  to_variant(array ? gst_value_array_get_value(value, i)
                                                   : gst_value_list_get_value(value, i)));
        return g_variant_builder_end(&builder);
    }
    GOwned<> text(gst_value_serialize(value));
    return g_variant_new_string(text ? text.get() : "");
}

GVariant *to_variant(const GstStructure *structure) {
    GVariantBuilder builder;
    g_variant_builder_init(&builder, G_VARIANT_TYPE_VARDICT);
    for (gint i = 0; i < gst_structure_n_fields(structure); ++i) {
        const gchar *name = gst_structure_nth_field_name(structure, static_cast<guint>(i));
        g_variant_builder_add(&builder, "{sv}", name,
                              to_variant(gst_structure_get_value(structure, name)));
    }
    return g_variant_builder_end(&builder);
}

GVariant *stats_of(GstElement *pipeline) {
    const state::Pipeline collected = state::collect(pipeline);
    GVariantBuilder elements, out;
    g_variant_builder_init(&elements, G_VARIANT_TYPE_VARDICT);
    for (const state::Element &element : collected.elements)
        g_variant_builder_add(&elements, "{sv}", element.name.c_str(),
                              to_variant(element.stats.get()));
    g_variant_builder_init(&out, G_VARIANT_TYPE_VARDICT);
    const GOwned<> upper(g_ascii_strup(collected.state.c_str(), -1));
    g_variant_builder_add(&out, "{sv}", "state", g_variant_new_string(upper.get()));
    g_variant_builder_add(&out, "{sv}", "elements", g_variant_builder_end(&elements));
    return g_variant_builder_end(&out);
}

GVariant *streams() {
    GVariantBuilder out;
    g_variant_builder_init(&out, G_VARIANT_TYPE("aa{sv}"));
    for (const state::Mount &mount : state::collect_mounts().mounts) {
        GVariantBuilder one;
        g_variant_builder_init(&one, G_VARIANT_TYPE_VARDICT);
        const auto add = [&](const char *name, GVariant *value) {
            g_variant_builder_add(&one, "{sv}", name, value);
        };
        const auto *protocol = protocols::find_protocol(mount.protocol);
        const bool has_players = protocol && protocol->has_players;
        add("address", g_variant_new_string(mount.address.to_string().c_str()));
        add("protocol", g_variant_new_string(mount.protocol.c_str()));
        add("path", g_variant_new_string(mount.path.c_str()));
        add("live", g_variant_new_boolean(mount.live));
        add("publishing", g_variant_new_boolean(mount.publishing));
        add("publisher", g_variant_new_string(mount.publisher.c_str()));
        add("standby", g_variant_new_string(mount.standby.c_str()));
        add("players", g_variant_new_uint32(has_players ? mount.viewers : 0));
        add("viewers", g_variant_new_uint32(mount.viewers));
        add("bytes-in", g_variant_new_uint64(mount.bytes_in));
        add("bytes-out", g_variant_new_uint64(mount.bytes_out));
        g_variant_builder_add_value(&out, g_variant_builder_end(&one));
    }
    return g_variant_builder_end(&out);
}

json json_of(GVariant *value) {
    switch (g_variant_classify(value)) {
    case G_VARIANT_CLASS_BOOLEAN:
        return g_variant_get_boolean(value) != FALSE;
    case G_VARIANT_CLASS_INT32:
        return g_variant_get_int32(value);
    case G_VARIANT_CLASS_UINT32:
        return g_variant_get_uint32(value);
    case G_VARIANT_CLASS_INT64:
        return g_variant_get_int64(value);
    case G_VARIANT_CLASS_UINT64:
        return g_variant_get_uint64(value);
    case G_VARIANT_CLASS_DOUBLE: {
        const double number = g_variant_get_double(value);
        return std::isfinite(number) ? json(number) : json(nullptr);
    }
    case G_VARIANT_CLASS_STRING:
        return g_variant_get_string(value, nullptr);
    case G_VARIANT_CLASS_VARIANT: {
        GVariant *inner = g_variant_get_variant(value);
        json out = json_of(inner);
        g_variant_unref(inner);
        return out;
    }
    case G_VARIANT_CLASS_ARRAY: {
        const bool is_map =
            g_variant_type_is_dict_entry(g_variant_type_element(g_variant_get_type(value)));
        json out = is_map ? json::object() : json::array();
        GVariantIter iter;
        g_variant_iter_init(&iter, value);
        while (GVariant *child = g_variant_iter_next_value(&iter)) {
            if (is_map) {
                GVariant *name = g_variant_get_child_value(child, 0);
                GVariant *inner = g_variant_get_child_value(child, 1);
                out[g_variant_get_string(name, nullptr)] = json_of(inner);
                g_variant_unref(inner);
                g_variant_unref(name);
            } else {
                out.push_back(json_of(child));
            }
            g_variant_unref(child);
        }
        return out;
    }
    default:
        return nullptr;
    }
}

} // namespace

GVariant *make_stats(const StatsOf &what) {
    GVariantBuilder pipelines, out;
    g_variant_builder_init(&pipelines, G_VARIANT_TYPE_VARDICT);
    for (const auto &[label, pipeline] : what.pipelines)
        g_variant_builder_add(&pipelines, "{sv}", label.c_str(), stats_of(pipeline.get()));
    const gint64 uptime = what.running ? g_get_monotonic_time() - what.since : 0;
    g_variant_builder_init(&out, G_VARIANT_TYPE_VARDICT);
    const auto add = [&](const char *name, GVariant *value) {
        g_variant_builder_add(&out, "{sv}", name, value);
    };
    add("running", g_variant_new_boolean(what.running));
    add("uptime", g_variant_new_uint64(static_cast<guint64>(uptime) * GST_USECOND));
    add("pipelines", g_variant_builder_end(&pipelines));
    add("streams", streams());
    return g_variant_builder_end(&out);
}

std::string to_json(GVariant *value) {
    return json_of(value).dump();
}

} // namespace penstock::embedding
