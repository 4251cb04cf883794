// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of tslivedemux: the element between a sender and sink pads for all of its
// pads.
#pragma once

#include "gst/nonblocking.h"
#include "gst/ptr.h"
#include "unit/ts_writer.hpp"

#include <map>
#include <memory>

#include "check.hpp"
#include "elements/stats.hpp"
#include "flv_samples.hpp"

namespace tsdemux_test {

using namespace ts_test;

inline const std::vector<PmtStream> both{{0x1B, 0x100}, {0x0F, 0x101, {0x0A, 4, 'd', 'e', 'u', 0}}};
constexpr uint64_t frame = 3600; // 40 ms at 90 kHz

inline Vector sets() {
    Vector out{0, 0, 1};
    out.insert(out.end(), samples::sps.begin(), samples::sps.end());
    for (const uint8_t byte : {0, 0, 1})
        out.push_back(byte);
    out.insert(out.end(), samples::pps.begin(), samples::pps.end());
    return out;
}

inline Vector key(uint8_t mark, size_t size = 20) {
    return picture(true, mark, size, true, sets());
}

inline Vector adts(uint8_t mark) {
    return {0xFF, 0xF1, 0x50, 0x80, 0x01, 0x7F, 0xFC, 0x21, 0x10, 0x05, mark};
}

/// What came out of a pad.
struct Output {
    std::vector<GstPtr<GstBuffer>> buffers;
    std::vector<GstPtr<GstEvent>> events;
    GstPad *pad = nullptr;
    bool nonblocking = false;

    unsigned count(GstEventType type) const {
        return unsigned(std::count_if(events.begin(), events.end(), [&](const auto &event) {
            return GST_EVENT_TYPE(event.get()) == type;
        }));
    }
    GstPtr<GstCaps> caps() const { return GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad)); }
    bool has_caps(const char *want) const {
        auto wanted = GstPtr<GstCaps>::adopt(gst_caps_from_string(want));
        const auto got = caps();
        return got && gst_caps_can_intersect(got.get(), wanted.get());
    }
    /// Without headers.
    std::vector<GstBuffer *> frames() const {
        std::vector<GstBuffer *> list;
        for (const auto &buffer : buffers)
            if (!GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER))
                list.push_back(buffer.get());
        return list;
    }
    std::vector<GstClockTime> times() const {
        std::vector<GstClockTime> list;
        for (GstBuffer *buffer : frames())
            list.push_back(GST_BUFFER_PTS(buffer));
        return list;
    }
};

/// The element between a source pad of ours, live or not, and sink pads for all of its pads.
class Bench {
public:
    explicit Bench(bool live = true, guint program = 0) : live_(live) {
        element = gst_element_factory_make("tslivedemux", nullptr);
        gst_object_ref_sink(element);
        g_object_set(element, "program-number", program, nullptr);
        bus = gst_bus_new();
        gst_element_set_bus(element, bus);
        src = gst_pad_new("src", GST_PAD_SRC);
        gst_object_ref_sink(src);
        gst_pad_set_element_private(src, this);
        gst_pad_set_query_function(src, [](GstPad *p, GstObject *parent, GstQuery *query) {
            auto *rig = static_cast<Bench *>(gst_pad_get_element_private(p));
            if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
                return gst_pad_query_default(p, parent, query);
            gst_query_set_latency(query, rig->live_, 10 * GST_MSECOND, GST_CLOCK_TIME_NONE);
            return gboolean(TRUE);
        });
        auto sink = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, "sink"));
        fail_unless_equals_int(gst_pad_link(src, sink.get()), GST_PAD_LINK_OK);
        gst_pad_set_active(src, TRUE);
        auto flv = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, "src"));
        take(flv.get());
        g_signal_connect_swapped(element, "pad-added",
                                 G_CALLBACK(+[](Bench *rig, GstPad *pad) { rig->take(pad); }),
                                 this);
        g_signal_connect_swapped(element, "pad-removed", G_CALLBACK(+[](Bench *rig, GstPad *pad) {
                                     rig->removed.push_back(GST_PAD_NAME(pad));
                                 }),
                                 this);
        g_signal_connect_swapped(element, "no-more-pads",
                                 G_CALLBACK(+[](Bench *rig) { ++rig->no_more_pads; }), this);
        start();
    }
    ~Bench() {
        gst_pad_set_active(src, FALSE);
        gst_element_set_state(element, GST_STATE_NULL);
        for (auto &[name, output] : outputs) {
            gst_pad_set_active(output->pad, FALSE);
            gst_object_unref(output->pad);
        }
        gst_object_unref(src);
        gst_element_set_bus(element, nullptr);
        gst_object_unref(bus);
        ASSERT_OBJECT_REFCOUNT(element, "tslivedemux", 1);
        gst_object_unref(element);
    }

    void start() {
        fail_unless_equals_int(gst_element_set_state(element, GST_STATE_PLAYING),
                               GST_STATE_CHANGE_SUCCESS);
        gst_pad_push_event(src, gst_event_new_stream_start("test"));
        auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string("video/mpegts, systemstream=true"));
        gst_pad_push_event(src, gst_event_new_caps(caps.get()));
        segment();
    }
    void segment() {
        GstSegment segment;
        gst_segment_init(&segment, live_ ? GST_FORMAT_TIME : GST_FORMAT_BYTES);
        gst_pad_push_event(src, gst_event_new_segment(&segment));
    }
    /// All that the sender has written, as one buffer.
    GstFlowReturn push(GstClockTime arrival = GST_CLOCK_TIME_NONE) {
        GstBuffer *buffer = gst_buffer_new_memdup(sender.bytes.data(), sender.bytes.size());
        sender.bytes.clear();
        GST_BUFFER_PTS(buffer) = arrival;
        return gst_pad_push(src, buffer);
    }
    /// `count` pictures from number `from` on, each with a frame of audio, each arriving in time.
    void media(int from, int count, uint64_t begin = 900'000) {
        for (int i = from; i < from + count; ++i) {
            const uint64_t time = begin + uint64_t(i) * frame;
            if (i % 5 == 0) sender.tables(both);
            sender.video(i % 5 == 0 ? key(uint8_t(i)) : picture(false, uint8_t(i)), time);
            sender.audio(adts(uint8_t(i)), time);
            push(GST_SECOND + GstClockTime(i) * 40 * GST_MSECOND);
        }
    }
    void eos() { gst_pad_push_event(src, gst_event_new_eos()); }
    bool has_message(GstMessageType type) {
        const auto message = GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus, type));
        return static_cast<bool>(message);
    }
    guint64 stat(const char *name) { return penstock_test::stat(element, name); }
    Output &operator[](const std::string &name) {
        fail_unless(outputs.contains(name), "no pad %s", name.c_str());
        return *outputs[name];
    }

    GstElement *element;
    GstBus *bus;
    GstPad *src;
    Sender sender;
    std::map<std::string, std::unique_ptr<Output>> outputs;
    std::vector<std::string> removed;
    unsigned no_more_pads = 0;

private:
    void take(GstPad *pad) {
        auto output = std::make_unique<Output>();
        output->pad = gst_pad_new(GST_PAD_NAME(pad), GST_PAD_SINK);
        gst_object_ref_sink(output->pad);
        gst_pad_set_element_private(output->pad, output.get());
        gst_pad_set_chain_function(output->pad, [](GstPad *p, GstObject *, GstBuffer *buffer) {
            auto &to = *static_cast<Output *>(gst_pad_get_element_private(p));
            to.buffers.push_back(GstPtr<GstBuffer>::adopt(buffer));
            return GST_FLOW_OK;
        });
        gst_pad_set_event_function(output->pad, [](GstPad *p, GstObject *, GstEvent *event) {
            auto &to = *static_cast<Output *>(gst_pad_get_element_private(p));
            to.events.push_back(GstPtr<GstEvent>::adopt(event));
            return gboolean(TRUE);
        });
        gst_pad_set_query_function(output->pad, [](GstPad *p, GstObject *parent, GstQuery *query) {
            if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
                gst_query_set_accept_caps_result(query, TRUE);
                return gboolean(TRUE);
            }
            if (!is_nonblocking_query(query)) return gst_pad_query_default(p, parent, query);
            answer_nonblocking(query,
                               static_cast<Output *>(gst_pad_get_element_private(p))->nonblocking);
            return gboolean(TRUE);
        });
        gst_pad_set_active(output->pad, TRUE);
        fail_unless_equals_int(gst_pad_link(pad, output->pad), GST_PAD_LINK_OK);
        outputs[GST_PAD_NAME(pad)] = std::move(output);
    }
    const bool live_;
};

inline bool has(GstBuffer *buffer, GstBufferFlags flag) {
    return GST_BUFFER_FLAG_IS_SET(buffer, flag);
}

} // namespace tsdemux_test
