// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of flvlivemux: the element between source pads and a sink pad that takes its
// tags apart.
#pragma once

#include "core/flv/normalizer.h"
#include "gst/bytes.h"

#include "check.hpp"
#include "elements/stats.hpp"
#include "flv_samples.hpp"

namespace mux_test {

using namespace penstock;
using namespace samples;
using namespace std::chrono_literals;

inline constexpr auto patience = 10s;

inline GstPtr<GstCaps> caps_with(const char *text, ByteView codec_data) {
    GstCaps *caps = gst_caps_from_string(text);
    auto data =
        GstPtr<GstBuffer>::adopt(gst_buffer_new_memdup(codec_data.data(), codec_data.size()));
    gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, data.get(), nullptr);
    return GstPtr<GstCaps>::adopt(caps);
}
inline GstPtr<GstCaps> h264_caps(const std::vector<uint8_t> &set = sps) {
    return caps_with("video/x-h264,stream-format=avc,alignment=au,width=320,height=180,"
                     "framerate=25/1",
                     avc_config(set));
}
inline GstPtr<GstCaps> aac_caps() {
    return caps_with("audio/mpeg,mpegversion=4,stream-format=raw,rate=44100,channels=2",
                     from_hex("1210"));
}

/// A buffer of the output, with the tag in it.
struct Out {
    GstPtr<GstBuffer> buffer;
    std::optional<flv::Tag> tag; ///< none: the file header
    bool is(GstBufferFlags flag) const { return GST_BUFFER_FLAG_IS_SET(buffer.get(), flag); }
};

/// flvlivemux with a source pad for each of its sink pads, and a sink.
class Rig {
public:
    /// `live`: its sources are; running time is that of the system's clock.
    explicit Rig(bool with_video = true, bool with_audio = true, bool live = false) : live_(live) {
        element = gst_element_factory_make("flvlivemux", nullptr);
        fail_unless(element);
        gst_object_ref_sink(element);
        bus = gst_bus_new();
        gst_element_set_bus(element, bus);
        sink_ = gst_pad_new("sink", GST_PAD_SINK);
        gst_object_ref_sink(sink_);
        gst_pad_set_element_private(sink_, this);
        gst_pad_set_chain_function(sink_, [](GstPad *pad, GstObject *, GstBuffer *buffer) {
            return self(pad).take(buffer);
        });
        gst_pad_set_event_function(sink_, [](GstPad *pad, GstObject *, GstEvent *event) {
            Rig &rig = self(pad);
            std::lock_guard lock(rig.mutex_);
            rig.events_.push_back(GstPtr<GstEvent>::adopt(event));
            rig.changed_.notify_all();
            return gboolean(TRUE);
        });
        gst_pad_set_query_function(sink_, [](GstPad *pad, GstObject *parent, GstQuery *query) {
            if (GST_QUERY_TYPE(query) != GST_QUERY_ACCEPT_CAPS)
                return gst_pad_query_default(pad, parent, query);
            gst_query_set_accept_caps_result(query, TRUE);
            return gboolean(TRUE);
        });
        gst_pad_set_active(sink_, TRUE);
        auto src = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, "src"));
        gst_pad_link(src.get(), sink_);
        if (with_video) video = request("video");
        if (with_audio) audio = request("audio");
        if (live) {
            const auto clock = GstPtr<GstClock>::adopt(gst_system_clock_obtain());
            gst_element_set_clock(element, clock.get());
            gst_element_set_base_time(element, gst_clock_get_time(clock.get()));
        }
        gst_element_set_state(element, GST_STATE_PLAYING);
    }
    ~Rig() {
        gst_element_set_state(element, GST_STATE_NULL);
        release(video);
        release(audio);
        gst_pad_set_active(sink_, FALSE);
        gst_element_set_bus(element, nullptr);
        gst_object_unref(bus);
        ASSERT_OBJECT_REFCOUNT(element, "flvlivemux", 1);
        gst_object_unref(element);
        gst_object_unref(sink_);
    }

    GstPad *request(const char *name) {
        auto pad = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(element, name));
        fail_unless(pad.get() && std::string(GST_PAD_NAME(pad.get())) == name);
        GstPad *src = gst_pad_new(name, GST_PAD_SRC);
        gst_object_ref_sink(src);
        if (live_)
            gst_pad_set_query_function(src, [](GstPad *asked, GstObject *parent, GstQuery *query) {
                if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY)
                    return gst_pad_query_default(asked, parent, query);
                gst_query_set_latency(query, TRUE, 0, GST_CLOCK_TIME_NONE);
                return gboolean(TRUE);
            });
        fail_unless_equals_int(gst_pad_link(src, pad.get()), GST_PAD_LINK_OK);
        gst_pad_set_active(src, TRUE);
        return src;
    }
    void release(GstPad *&src) {
        if (!src) return;
        if (auto pad = GstPtr<GstPad>::adopt(gst_pad_get_peer(src)))
            gst_element_release_request_pad(element, pad.get());
        gst_pad_set_active(src, FALSE);
        gst_object_unref(src);
        src = nullptr;
    }

    void begin(GstPad *pad, const GstPtr<GstCaps> &caps, GstClockTime start = 0) {
        gst_pad_push_event(pad, gst_event_new_stream_start(GST_PAD_NAME(pad)));
        gst_pad_push_event(pad, gst_event_new_caps(caps.get()));
        begin_segment(pad, start);
    }
    void begin_segment(GstPad *pad, GstClockTime start = 0) {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        segment.start = segment.time = segment.position = start;
        gst_pad_push_event(pad, gst_event_new_segment(&segment));
    }
    void begin_both() {
        begin(video, h264_caps());
        begin(audio, aac_caps());
    }
    GstFlowReturn push_video(GstClockTime dts, bool key, GstClockTime pts = GST_CLOCK_TIME_NONE) {
        const auto bytes = from_hex(key ? "0000000265aa" : "0000000241bb");
        GstBuffer *buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
        GST_BUFFER_DTS(buffer) = dts;
        GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_IS_VALID(pts) ? pts : dts;
        GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
        if (!key) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        return gst_pad_push(video, buffer);
    }
    GstFlowReturn push_audio(GstClockTime pts) {
        GstBuffer *buffer = gst_buffer_new_memdup("\x21\x10", 2);
        GST_BUFFER_PTS(buffer) = pts;
        GST_BUFFER_DURATION(buffer) = 23 * GST_MSECOND;
        return gst_pad_push(audio, buffer);
    }
    void end(GstPad *pad) { gst_pad_push_event(pad, gst_event_new_eos()); }

    bool wait(const std::function<bool()> &condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, condition);
    }
    void wait_for(size_t count) {
        fail_unless(wait([&] { return outs_.size() >= count; }), "only %zu of %zu buffers",
                    outs_.size(), count);
    }
    void wait_eos() {
        fail_unless(wait([&] { return count_locked(GST_EVENT_EOS) > 0; }), "no EOS");
    }
    /// The output so far, without the HEADER buffers.
    std::vector<Out> frames() {
        std::lock_guard lock(mutex_);
        std::vector<Out> result;
        for (const Out &out : outs_)
            if (!out.is(GST_BUFFER_FLAG_HEADER)) result.push_back(out);
        return result;
    }
    void wait_frames(size_t count) {
        fail_unless(wait([&] {
                        return size_t(std::count_if(outs_.begin(), outs_.end(), [](const Out &o) {
                                   return !o.is(GST_BUFFER_FLAG_HEADER);
                               })) >= count;
                    }),
                    "fewer than %zu frames", count);
    }
    std::vector<Out> outs() {
        std::lock_guard lock(mutex_);
        return outs_;
    }
    void forget() {
        std::lock_guard lock(mutex_);
        outs_.clear();
        events_.clear();
    }
    unsigned count(GstEventType type) {
        std::lock_guard lock(mutex_);
        return count_locked(type);
    }
    GstPtr<GstCaps> caps() { return GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(sink_)); }
    guint stream_headers() {
        const GValue *value =
            gst_structure_get_value(gst_caps_get_structure(caps().get(), 0), "streamheader");
        fail_unless(value && GST_VALUE_HOLDS_ARRAY(value));
        return gst_value_array_get_size(value);
    }
    guint64 stat(const char *name) { return penstock_test::stat(element, name); }
    std::atomic<GstFlowReturn> flow = GST_FLOW_OK;

    GstElement *element;
    GstBus *bus;
    GstPad *video = nullptr, *audio = nullptr;

private:
    static Rig &self(GstPad *pad) { return *static_cast<Rig *>(gst_pad_get_element_private(pad)); }
    unsigned count_locked(GstEventType type) const {
        return unsigned(std::count_if(events_.begin(), events_.end(), [&](const auto &e) {
            return GST_EVENT_TYPE(e.get()) == type;
        }));
    }
    GstFlowReturn take(GstBuffer *buffer) {
        Out out{GstPtr<GstBuffer>::adopt(buffer), std::nullopt};
        flv::Normalizer normalizer;
        std::vector<flv::Tag> tags;
        // Each buffer is one whole tag, or the file header.
        const bool ok = normalizer.push(bytes_of(buffer), tags).is_ok() && tags.size() <= 1;
        if (ok && !tags.empty() && tags[0].bytes.size() == gst_buffer_get_size(buffer))
            out.tag = tags[0];
        std::lock_guard lock(mutex_);
        outs_.push_back(std::move(out));
        changed_.notify_all();
        return flow;
    }

    const bool live_;
    GstPad *sink_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Out> outs_;
    std::vector<GstPtr<GstEvent>> events_;
};

} // namespace mux_test
