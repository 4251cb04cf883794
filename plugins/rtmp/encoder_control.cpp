// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp/encoder_control.h"

#include <algorithm>
#include <cctype>
#include <deque>
#include <set>
#include <string_view>

namespace penstock::rtmp {
namespace {

constexpr size_t max_elements = 256; ///< that are looked at

bool is_integer(const GParamSpec *spec) {
    const GType type = G_PARAM_SPEC_VALUE_TYPE(spec);
    return type == G_TYPE_UINT || type == G_TYPE_INT || type == G_TYPE_INT64 ||
           type == G_TYPE_UINT64;
}

/// The property with an encoder's bitrate; nullptr if the element is no video encoder with one.
GParamSpec *bitrate_of(GstElement *element) {
    const gchar *klass = gst_element_get_metadata(element, GST_ELEMENT_METADATA_KLASS);
    const std::string_view kind = klass ? klass : "";
    if (kind.find("Encoder") == kind.npos || kind.find("Video") == kind.npos) return nullptr;
    for (const char *name : {"bitrate", "target-bitrate"}) {
        GParamSpec *spec = g_object_class_find_property(G_OBJECT_GET_CLASS(element), name);
        if (spec && (spec->flags & G_PARAM_WRITABLE) != 0 && is_integer(spec)) return spec;
    }
    return nullptr;
}

/// Encoders count in kbit/s or in bit/s, and say so only in the property's description.
uint64_t unit_of(GParamSpec *spec) {
    const gchar *blurb = g_param_spec_get_blurb(spec);
    std::string text = blurb ? blurb : "";
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return char(std::tolower(c)); });
    for (const char *kilo : {"kbit", "kbps", "kb/s", "kilobit"})
        if (text.find(kilo) != text.npos) return 1000;
    return 1;
}

/// The element upstream of a sink pad, out of bins and into them.
GstPtr<GstElement> upstream_of(GstPad *sink_pad) {
    auto pad = GstPtr<GstPad>::adopt(gst_pad_get_peer(sink_pad));
    while (pad) {
        if (GST_IS_GHOST_PAD(pad.get())) { // a bin's output
            pad = GstPtr<GstPad>::adopt(gst_ghost_pad_get_target(GST_GHOST_PAD(pad.get())));
            continue;
        }
        auto parent = GstPtr<GstObject>::adopt(gst_object_get_parent(GST_OBJECT(pad.get())));
        if (!parent) return {};
        if (GST_IS_ELEMENT(parent.get())) return GstPtr<GstElement>::ref(GST_ELEMENT(parent.get()));
        if (!GST_IS_PAD(parent.get())) return {};
        // The inner side of a bin's input.
        pad = GstPtr<GstPad>::adopt(gst_pad_get_peer(GST_PAD(parent.get())));
    }
    return {};
}

} // namespace

bool EncoderControl::find(GstPad *sink_pad) {
    restore();
    std::deque<GstPtr<GstElement>> next;
    std::set<GstElement *> seen;
    const auto add = [&](GstPad *pad) {
        auto element = upstream_of(pad);
        if (element && seen.size() < max_elements && seen.insert(element.get()).second)
            next.push_back(std::move(element));
    };
    add(sink_pad);
    while (!next.empty()) {
        const auto element = std::move(next.front());
        next.pop_front();
        if (GParamSpec *spec = bitrate_of(element.get())) {
            encoder_ = element;
            property_ = spec->name;
            unit_ = unit_of(spec);
            original_ = last_ = get();
            if (original_ > 0) return true;
            encoder_ = {}; // a bitrate of 0 is "automatic"
        }
        GstIterator *pads = gst_element_iterate_sink_pads(element.get());
        const auto visit = [](const GValue *value, gpointer data) {
            (*static_cast<decltype(add) *>(data))(GST_PAD(g_value_get_object(value)));
        };
        while (gst_iterator_foreach(pads, visit, gpointer(&add)) == GST_ITERATOR_RESYNC)
            gst_iterator_resync(pads);
        gst_iterator_free(pads);
    }
    return false;
}

uint64_t EncoderControl::get() const {
    GValue value = G_VALUE_INIT;
    g_object_get_property(G_OBJECT(encoder_.get()), property_.c_str(), &value);
    GValue number = G_VALUE_INIT;
    g_value_init(&number, G_TYPE_UINT64);
    uint64_t out = 0;
    if (g_value_transform(&value, &number)) out = g_value_get_uint64(&number);
    g_value_unset(&value);
    return out * unit_;
}

void EncoderControl::set(uint64_t bitrate) {
    if (!encoder_ || bitrate == last_) return;
    last_ = bitrate;
    GValue number = G_VALUE_INIT;
    g_value_init(&number, G_TYPE_UINT64);
    g_value_set_uint64(&number, std::max<uint64_t>(bitrate / unit_, 1));
    g_object_set_property(G_OBJECT(encoder_.get()), property_.c_str(), &number);
    g_value_unset(&number);
}

void EncoderControl::restore() {
    if (encoder_) set(original_);
    encoder_ = {};
}

std::string EncoderControl::name() const {
    if (!encoder_) return {};
    const GOwned<> name(gst_object_get_name(GST_OBJECT(encoder_.get())));
    return name.get();
}

} // namespace penstock::rtmp
