// SPDX-License-Identifier: LGPL-2.1-or-later
// The chain of copyorencode for a copied stream.
#include "transcode/converter.h"

#include "gst/guard.h"

namespace penstock::transcode {

namespace {

/// Whether a stream of H.264 or HEVC is whole frames with their configuration, which the element
/// behind the pad takes as they are.
bool is_whole(GstPad *src, const GstCaps *caps) {
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    const char *alignment = gst_structure_get_string(structure, "alignment");
    if (!alignment || !g_str_equal(alignment, "au") ||
        !gst_structure_has_field(structure, "codec_data"))
        return false;
    const auto taken = GstPtr<GstCaps>::adopt(gst_pad_peer_query_caps(src, nullptr));
    return taken && gst_caps_can_intersect(taken.get(), caps);
}

} // namespace

bool Converter::build_copy(const Codec &codec, const GstCaps *caps) {
    // A parser guesses decoding times that are missing, and no two guesses need to agree: where
    // B-frames matter, what needs none has none.
    const bool is_untouched = order_ && codec.video && is_whole(src_, caps);
    const char *name = is_untouched ? "identity" : parser_of(codec, caps);
    if (!name) {
        direct_ = true;
        finish("copied");
        return true;
    }
    GstElement *parser = add(name);
    if (!parser) return false;
    auto in = GstPtr<GstPad>::adopt(gst_element_get_static_pad(parser, "sink"));
    auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(parser, "src"));
    decode_times_ = {};
    if (codec.video && !is_untouched)
        gst_pad_add_probe(
            out.get(),
            GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                            GST_PAD_PROBE_TYPE_EVENT_FLUSH),
            [](GstPad *pad, GstPadProbeInfo *info, gpointer data) {
                auto *self = static_cast<Converter *>(data);
                return guard(self->bin_, GST_PAD_PROBE_OK,
                             [&] { return self->behind_copy(pad, info); });
            },
            this, nullptr);
    gst_ghost_pad_set_target(GST_GHOST_PAD(src_), out.get());
    gst_ghost_pad_set_target(GST_GHOST_PAD(sink_), in.get());
    gst_element_sync_state_with_parent(parser);
    finish("copied");
    return true;
}

void Converter::begin_direct() {
    if (GstEvent *start = gst_pad_get_sticky_event(sink_, GST_EVENT_STREAM_START, 0))
        gst_pad_push_event(src_, start);
}

void Converter::continue_direct() {
    // Upstream may query again whether it may push from a thread that must not block.
    gst_pad_push_event(sink_, gst_event_new_reconfigure());
    // Later ones are forwarded automatically.
    if (GstEvent *segment = gst_pad_get_sticky_event(sink_, GST_EVENT_SEGMENT, 0))
        gst_pad_push_event(src_, segment);
}

namespace {

void shift_segment_event(GstPadProbeInfo *info) {
    GstSegment segment;
    gst_event_copy_segment(GST_PAD_PROBE_INFO_EVENT(info), &segment);
    DecodeTimes::shift_segment(segment);
    gst_event_unref(GST_PAD_PROBE_INFO_EVENT(info));
    GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_segment(&segment);
}

} // namespace

/// Sets missing H.264 decoding times. The segment was sent before the first buffer showed that they
/// are missing, so it is sent again, shifted.
GstPadProbeReturn Converter::behind_copy(GstPad *pad, GstPadProbeInfo *info) {
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
        if (!decode_times_.has_begun() && decode_times_.begin(buffer)) {
            const auto sent =
                GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
            // This probe sees the event and shifts it.
            if (sent) gst_pad_push_event(pad, gst_event_copy(sent.get()));
        }
        if (!decode_times_.is_active()) return GST_PAD_PROBE_OK;
        buffer = gst_buffer_make_writable(buffer);
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
        decode_times_.stamp(buffer);
        return GST_PAD_PROBE_OK;
    }
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        decode_times_.set_caps(caps);
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_SEGMENT:
        if (decode_times_.is_active()) shift_segment_event(info);
        return GST_PAD_PROBE_OK;
    case GST_EVENT_GAP: {
        if (!decode_times_.is_active()) return GST_PAD_PROBE_OK;
        GstClockTime from = 0, duration = 0;
        gst_event_parse_gap(event, &from, &duration);
        GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_gap(from + DecodeTimes::shift, duration);
        gst_event_unref(event);
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_FLUSH_STOP:
        decode_times_.reset();
        return GST_PAD_PROBE_OK;
    default:
        return GST_PAD_PROBE_OK;
    }
}

} // namespace penstock::transcode
