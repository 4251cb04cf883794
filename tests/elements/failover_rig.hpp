// SPDX-License-Identifier: LGPL-2.1-or-later
// failover in harnesses, one for each input; the output is that of the first.
#pragma once

#include "gst/bytes.h"
#include "gst/ptr.h"

#include "check.hpp"
#include "flv_samples.hpp"

#include <algorithm>
#include <string>
#include <vector>

namespace failover_rig {

using namespace penstock;

inline constexpr const char *avc_caps = "video/x-h264,stream-format=avc,alignment=au,width=320";
inline constexpr const char *other_avc_caps =
    "video/x-h264,stream-format=avc,alignment=au,width=640";

inline std::string text_of(GstBuffer *buffer) {
    std::string text(gst_buffer_get_size(buffer), '\0');
    gst_buffer_extract(buffer, 0, text.data(), text.size());
    return text;
}

/// The element with inputs, each fed by a harness.
struct Rig {
    explicit Rig(int count, guint64 timeout = 3600 * GST_SECOND, guint64 return_after = 0) {
        element = gst_element_factory_make("failover", nullptr);
        fail_unless(element, "no element failover");
        gst_object_ref_sink(element);
        g_object_set(element, "timeout", timeout, "return-after", return_after, nullptr);
        bus = GstPtr<GstBus>::adopt(gst_bus_new());
        gst_element_set_bus(element, bus.get());
        for (int i = 0; i < count; ++i) {
            const std::string name = "sink_" + std::to_string(i);
            inputs.push_back(
                gst_harness_new_with_element(element, name.c_str(), i == 0 ? "src" : nullptr));
            gst_harness_use_systemclock(inputs.back());
        }
        for (GstHarness *input : inputs)
            gst_harness_play(input);
    }
    ~Rig() {
        gst_element_set_bus(element, nullptr);
        for (auto input = inputs.rbegin(); input != inputs.rend(); ++input)
            gst_harness_teardown(*input);
        gst_object_unref(element);
    }
    void caps(size_t i, const char *text) { gst_harness_set_src_caps_str(inputs[i], text); }
    void all_caps(const char *text) {
        for (size_t i = 0; i < inputs.size(); ++i)
            caps(i, text);
    }
    /// "0K" is a keyframe of the first, "1b" another frame of the second.
    void frame(size_t i, bool key, guint64 ms) {
        const std::string text = std::to_string(i) + (key ? "K" : "b");
        auto buffer = gst_buffer_new_memdup(text.data(), text.size());
        GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = ms * GST_MSECOND;
        if (!key) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        push(i, buffer);
    }
    void tag(size_t i, const flv::Tag &tag, guint64 ms) {
        auto buffer = buffer_of(tag.bytes);
        GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = ms * GST_MSECOND;
        push(i, buffer.release());
    }
    void push(size_t i, GstBuffer *buffer) {
        fail_unless_equals_int(gst_harness_push(inputs[i], buffer), GST_FLOW_OK);
    }
    /// The output since the last call. Checks that time does not go back.
    std::vector<GstPtr<GstBuffer>> pull() {
        std::vector<GstPtr<GstBuffer>> all;
        while (GstBuffer *buffer = gst_harness_try_pull(inputs[0])) {
            all.push_back(GstPtr<GstBuffer>::adopt(buffer));
            fail_unless(GST_BUFFER_DTS(buffer) >= last, "DTS %" GST_TIME_FORMAT,
                        GST_TIME_ARGS(GST_BUFFER_DTS(buffer)));
            last = GST_BUFFER_DTS(buffer);
        }
        return all;
    }
    /// The same as text; a D stands in front of those with DISCONT.
    std::string out() {
        std::string text;
        for (const auto &buffer : pull())
            text += (text.empty() ? "" : " ") +
                    std::string(GST_BUFFER_IS_DISCONT(buffer.get()) ? "D" : "") +
                    text_of(buffer.get());
        return text;
    }
    /// The types of events that have come out.
    std::vector<GstEventType> events() {
        std::vector<GstEventType> types;
        while (GstEvent *event = gst_harness_try_pull_event(inputs[0])) {
            types.push_back(GST_EVENT_TYPE(event));
            gst_event_unref(event);
        }
        return types;
    }
    std::string active() const {
        GstPad *pad = nullptr;
        g_object_get(element, "active-pad", &pad, nullptr);
        const auto owned = GstPtr<GstPad>::adopt(pad);
        return pad ? GST_PAD_NAME(pad) : "";
    }
    GstPtr<GstMessage> message(GstMessageType type) {
        return GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), type));
    }
    GstElement *element;
    GstPtr<GstBus> bus;
    std::vector<GstHarness *> inputs;
    GstClockTime last = 0;
};

} // namespace failover_rig
