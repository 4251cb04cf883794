// SPDX-License-Identifier: LGPL-2.1-or-later
#include "flv/metadata.h"

#include "config.h"
#include "core/amf/value.h"

namespace penstock::flv {
namespace {

void add_text(GstTagList *tags, const char *tag, const amf::Value &object, const char *name) {
    const std::string text(object.text_of(name));
    if (text.empty() || text.size() > 1024 || !g_utf8_validate(text.c_str(), -1, nullptr)) return;
    gst_tag_list_add(tags, GST_TAG_MERGE_REPLACE, tag, text.c_str(), nullptr);
}

// Converts from kbit/s.
void add_rate(GstTagList *tags, const amf::Value &object, const char *name) {
    const amf::Value *value = object.find(name);
    if (!value || !value->is(amf::Type::number) || !(value->number >= 1 && value->number < 4e6))
        return;
    gst_tag_list_add(tags, GST_TAG_MERGE_REPLACE, GST_TAG_NOMINAL_BITRATE,
                     static_cast<guint>(value->number * 1000), nullptr);
}

TagListPtr new_list(GstTagScope scope) {
    TagListPtr list(gst_tag_list_new_empty());
    gst_tag_list_set_scope(list.get(), scope);
    return list;
}

} // namespace

void describe_caps(Metadata &metadata, const GstCaps *caps) {
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    int num = 0, den = 1;
    if (g_str_has_prefix(gst_structure_get_name(s), "video/")) {
        metadata.has_video = true;
        gst_structure_get_int(s, "width", &metadata.width);
        gst_structure_get_int(s, "height", &metadata.height);
        if (gst_structure_get_fraction(s, "framerate", &num, &den) && den > 0)
            metadata.framerate = double(num) / den;
    } else {
        metadata.has_audio = true;
        gst_structure_get_int(s, "rate", &metadata.rate);
        gst_structure_get_int(s, "channels", &metadata.channels);
    }
}

Tag make_metadata(const Metadata &metadata, uint32_t timestamp) {
    amf::Value values;
    values.type = amf::Type::ecma_array;
    auto add = [&](const char *name, amf::Value value) {
        values.properties.push_back({name, std::move(value)});
    };
    add("duration", amf::number(0)); // a live stream has no duration
    if (metadata.has_video) {
        if (metadata.width > 0 && metadata.height > 0) {
            add("width", amf::number(metadata.width));
            add("height", amf::number(metadata.height));
        }
        if (metadata.framerate > 0) add("framerate", amf::number(metadata.framerate));
        add("videocodecid", amf::number(metadata.video_codec));
    }
    if (metadata.has_audio) {
        if (metadata.rate > 0) add("audiosamplerate", amf::number(metadata.rate));
        add("audiosamplesize", amf::number(16));
        if (metadata.channels > 0) {
            add("audiochannels", amf::number(metadata.channels));
            add("stereo", amf::boolean(metadata.channels > 1));
        }
        add("audiocodecid", amf::number(metadata.audio_codec));
    }
    add("encoder", amf::string("Penstock " VERSION));
    Writer w;
    amf::write_all(w, {amf::string("onMetaData"), values});
    return make_tag(TagType::script, timestamp, w.view());
}

MetadataTags read_metadata(ByteView body) {
    std::vector<amf::Value> values;
    // Values before an error are valid.
    (void)amf::read_all(body, values);
    MetadataTags tags{new_list(GST_TAG_SCOPE_GLOBAL), new_list(GST_TAG_SCOPE_STREAM),
                      new_list(GST_TAG_SCOPE_STREAM)};
    for (const amf::Value &value : values) {
        if (!value.is(amf::Type::object) && !value.is(amf::Type::ecma_array)) continue;
        add_text(tags.global.get(), GST_TAG_ENCODER, value, "encoder");
        add_text(tags.global.get(), GST_TAG_TITLE, value, "title");
        add_text(tags.global.get(), GST_TAG_ARTIST, value, "author");
        add_text(tags.global.get(), GST_TAG_DESCRIPTION, value, "description");
        add_rate(tags.video.get(), value, "videodatarate");
        add_rate(tags.audio.get(), value, "audiodatarate");
    }
    gst_tag_list_add(tags.global.get(), GST_TAG_MERGE_REPLACE, GST_TAG_CONTAINER_FORMAT, "Flash",
                     nullptr);
    return tags;
}

} // namespace penstock::flv
