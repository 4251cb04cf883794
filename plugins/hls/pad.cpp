// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hls/pad.h"

#include "gst/object_lock.h"

#include <utility>

namespace {

enum Property { prop_0, prop_title, prop_language, prop_default };

} // namespace

struct _PenstockHlsSegmenterPad {
    GstPad parent;
    // Guarded by the object lock; the strings are not null.
    gchar *title, *language;
    gboolean is_default;
};

G_DEFINE_TYPE(PenstockHlsSegmenterPad, penstock_hls_segmenter_pad, GST_TYPE_PAD)

using namespace penstock;

static void set_property(GObject *object, guint id, const GValue *value,
                         GParamSpec *pspec) noexcept {
    auto *pad = PENSTOCK_HLS_SEGMENTER_PAD(object);
    const ObjectLock lock(object);
    const auto set_text = [&](gchar *&text) {
        const gchar *given = g_value_get_string(value);
        g_free(std::exchange(text, g_strdup(given ? given : "")));
    };
    switch (id) {
    case prop_title:
        set_text(pad->title);
        break;
    case prop_language:
        set_text(pad->language);
        break;
    case prop_default:
        pad->is_default = g_value_get_boolean(value);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    auto *pad = PENSTOCK_HLS_SEGMENTER_PAD(object);
    const ObjectLock lock(object);
    switch (id) {
    case prop_title:
        g_value_set_string(value, pad->title);
        break;
    case prop_language:
        g_value_set_string(value, pad->language);
        break;
    case prop_default:
        g_value_set_boolean(value, pad->is_default);
        break;
    default:
        G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
    }
}

static void finalize(GObject *object) noexcept {
    auto *pad = PENSTOCK_HLS_SEGMENTER_PAD(object);
    g_free(pad->title);
    g_free(pad->language);
    G_OBJECT_CLASS(penstock_hls_segmenter_pad_parent_class)->finalize(object);
}

static void penstock_hls_segmenter_pad_class_init(PenstockHlsSegmenterPadClass *klass) {
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    g_object_class_install_property(
        object_class, prop_title,
        g_param_spec_string("title", "Title",
                            "What players call this audio, or these subtitles (NAME); empty: the "
                            "stream's tag title, else its language",
                            "", flags));
    g_object_class_install_property(
        object_class, prop_language,
        g_param_spec_string(
            "language", "Language",
            "The language of this audio or text (LANGUAGE), as \"en\" or \"pt-BR\"; empty: "
            "the tag language-code",
            "", flags));
    g_object_class_install_property(
        object_class, prop_default,
        g_param_spec_boolean("default", "Default",
                             "Players take this audio unless their user chooses another; if none "
                             "is, the first. They show these subtitles",
                             FALSE, flags));
}

static void penstock_hls_segmenter_pad_init(PenstockHlsSegmenterPad *pad) {
    pad->title = g_strdup("");
    pad->language = g_strdup("");
}

namespace penstock::hls {

PadSettings settings_of(GstPad *pad) {
    const ObjectLock lock(pad);
    const auto *own = PENSTOCK_HLS_SEGMENTER_PAD(pad);
    return {own->title, own->language, own->is_default != FALSE};
}

} // namespace penstock::hls
