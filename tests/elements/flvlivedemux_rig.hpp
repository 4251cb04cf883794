// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of flvlivedemux: the element between a source pad and the sink pads of its
// streams.
#pragma once

#include "gst/nonblocking.h"
#include "gst/ptr.h"

#include "check.hpp"
#include "elements/stats.hpp"
#include "flv_samples.hpp"

namespace demux_test {

using namespace penstock;
using namespace samples;

/// The element between a source pad of ours and one sink pad for each of its pads.
class Rig {
public:
    struct Output {
        GstPad *pad = nullptr;
        std::vector<GstPtr<GstBuffer>> buffers;
        std::vector<GstPtr<GstEvent>> events;
        GstFlowReturn flow = GST_FLOW_OK;
        bool nonblocking = false;

        GstPtr<GstCaps> caps() const {
            return GstPtr<GstCaps>::adopt(pad ? gst_pad_get_current_caps(pad) : nullptr);
        }
        unsigned count(GstEventType type) const {
            return unsigned(std::count_if(events.begin(), events.end(), [&](const auto &e) {
                return GST_EVENT_TYPE(e.get()) == type;
            }));
        }
    };

    explicit Rig(GstFormat format = GST_FORMAT_TIME) {
        element = gst_element_factory_make("flvlivedemux", nullptr);
        fail_unless(element);
        gst_object_ref_sink(element);
        bus = gst_bus_new();
        gst_element_set_bus(element, bus);
        src = gst_pad_new("src", GST_PAD_SRC);
        gst_object_ref_sink(src);
        auto sink = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, "sink"));
        fail_unless_equals_int(gst_pad_link(src, sink.get()), GST_PAD_LINK_OK);
        gst_pad_set_active(src, TRUE);
        g_signal_connect(element, "pad-added", G_CALLBACK(on_pad), this);
        g_signal_connect_swapped(element, "no-more-pads", G_CALLBACK(on_no_more), this);
        fail_unless_equals_int(gst_element_set_state(element, GST_STATE_PLAYING),
                               GST_STATE_CHANGE_SUCCESS);
        begin(format);
    }
    ~Rig() {
        gst_pad_set_active(src, FALSE);
        gst_element_set_state(element, GST_STATE_NULL);
        for (Output *output : {&video, &audio})
            if (output->pad) {
                gst_pad_set_active(output->pad, FALSE);
                gst_object_unref(output->pad);
            }
        gst_object_unref(src);
        gst_element_set_bus(element, nullptr);
        gst_object_unref(bus);
        ASSERT_OBJECT_REFCOUNT(element, "flvlivedemux", 1);
        gst_object_unref(element);
    }

    void begin(GstFormat format) {
        gst_pad_push_event(src, gst_event_new_stream_start("test"));
        gst_pad_push_event(
            src, gst_event_new_caps(
                     GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple("video/x-flv")).get()));
        GstSegment segment;
        gst_segment_init(&segment, format);
        gst_pad_push_event(src, gst_event_new_segment(&segment));
    }
    GstFlowReturn push(ByteView bytes, GstClockTime pts = GST_CLOCK_TIME_NONE,
                       GstClockTime dts = GST_CLOCK_TIME_NONE) {
        GstBuffer *buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
        GST_BUFFER_PTS(buffer) = pts;
        GST_BUFFER_DTS(buffer) = dts;
        return gst_pad_push(src, buffer);
    }
    GstFlowReturn push(const flv::Tag &tag) { return push(tag.bytes); }
    void configure() {
        push(video_config());
        push(audio_config());
    }
    unsigned messages(GstMessageType type) {
        unsigned count = 0;
        while (auto message = GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus, type)))
            ++count;
        return count;
    }
    /// The first message of this type; empty if there is none.
    std::string text_of(GstMessageType type) {
        const auto message = GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus, type));
        if (!message) return {};
        GError *error = nullptr;
        gst_message_parse_warning(message.get(), &error, nullptr);
        const std::string text = error->message;
        g_error_free(error);
        return text;
    }
    guint64 stat(const char *name) { return penstock_test::stat(element, name); }

    GstElement *element;
    GstBus *bus;
    GstPad *src;
    Output video, audio;
    unsigned no_more_pads = 0;

private:
    static void on_no_more(Rig *rig) { ++rig->no_more_pads; }
    static void on_pad(GstElement *, GstPad *pad, Rig *rig) {
        const std::string name = GST_PAD_NAME(pad);
        Output &output = name == "video" ? rig->video : rig->audio;
        fail_if(output.pad, "a second pad %s", name.c_str());
        output.pad = gst_pad_new(name.c_str(), GST_PAD_SINK);
        gst_object_ref_sink(output.pad);
        gst_pad_set_element_private(output.pad, &output);
        gst_pad_set_chain_function(output.pad, [](GstPad *p, GstObject *, GstBuffer *buffer) {
            auto &o = *static_cast<Output *>(gst_pad_get_element_private(p));
            o.buffers.push_back(GstPtr<GstBuffer>::adopt(buffer));
            return o.flow;
        });
        gst_pad_set_event_function(output.pad, [](GstPad *p, GstObject *, GstEvent *event) {
            auto &o = *static_cast<Output *>(gst_pad_get_element_private(p));
            o.events.push_back(GstPtr<GstEvent>::adopt(event));
            return gboolean(TRUE);
        });
        gst_pad_set_query_function(output.pad, [](GstPad *p, GstObject *parent, GstQuery *query) {
            if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
                gst_query_set_accept_caps_result(query, TRUE);
                return gboolean(TRUE);
            }
            if (!is_nonblocking_query(query)) return gst_pad_query_default(p, parent, query);
            answer_nonblocking(query,
                               static_cast<Output *>(gst_pad_get_element_private(p))->nonblocking);
            return gboolean(TRUE);
        });
        gst_pad_set_active(output.pad, TRUE);
        fail_unless_equals_int(gst_pad_link(pad, output.pad), GST_PAD_LINK_OK);
    }
};

inline bool has(const GstPtr<GstBuffer> &buffer, GstBufferFlags flag) {
    return GST_BUFFER_FLAG_IS_SET(buffer.get(), flag);
}

inline int int_of(const GstPtr<GstCaps> &caps, const char *field) {
    int value = -1;
    gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), field, &value);
    return value;
}

inline void check_time(GstClockTime got, double milliseconds) {
    const auto wanted = static_cast<GstClockTime>(milliseconds * GST_MSECOND);
    fail_unless(got == wanted, "%" GST_TIME_FORMAT ", not %" GST_TIME_FORMAT, GST_TIME_ARGS(got),
                GST_TIME_ARGS(wanted));
}

} // namespace demux_test
