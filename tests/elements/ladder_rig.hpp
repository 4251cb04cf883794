// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of ladder: a pipeline whose fakesinks are listened to.
#pragma once

#include "gst/ptr.h"

#include <gst/video/video.h>

#include "check.hpp"
#include "eventually.hpp"

namespace ladder_test {

using namespace penstock;

/// What came to a sink pad, by running time.
struct Heard {
    std::vector<guint64> times, keys, gaps;
    std::vector<std::string> sizes; ///< of the caps, in order
    unsigned stream_starts = 0, segments = 0, eos = 0;
    int without_dts = 0;
};

/// A pipeline from launch text, in which each fakesink has a name.
class Rig {
public:
    explicit Rig(const std::string &line) {
        GError *error = nullptr;
        pipeline_ = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
        fail_if(error, "%s", error ? error->message : "");
        bus_ = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
        auto *iterator = gst_bin_iterate_sinks(GST_BIN(pipeline_.get()));
        GValue value = G_VALUE_INIT;
        while (gst_iterator_next(iterator, &value) == GST_ITERATOR_OK) {
            auto *sink = GST_ELEMENT(g_value_get_object(&value));
            listen(pad(sink, "sink").get(), GST_ELEMENT_NAME(sink));
            g_value_reset(&value);
        }
        g_value_unset(&value);
        gst_iterator_free(iterator);
    }
    ~Rig() { set_state(GST_STATE_NULL); }
    Rig(const Rig &) = delete;
    Rig &operator=(const Rig &) = delete;

    GstElement *pipeline() const { return pipeline_.get(); }
    GstPtr<GstElement> find(const std::string &name) const {
        auto found =
            GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name.c_str()));
        return found;
    }
    static GstPtr<GstPad> pad(GstElement *element, const char *name) {
        auto found = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, name));
        fail_unless(bool(found), "no pad %s", name);
        return found;
    }
    void set_state(GstState state) { gst_element_set_state(pipeline_.get(), state); }

    /// The next message of these types; fails on an ERROR that is not asked for, and if none comes.
    GstPtr<GstMessage> message(int types) {
        auto got = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus_.get(), 30 * GST_SECOND, GstMessageType(types | GST_MESSAGE_ERROR)));
        fail_unless(bool(got), "no message within 30 s");
        if (GST_MESSAGE_TYPE(got.get()) == GST_MESSAGE_ERROR && !(types & GST_MESSAGE_ERROR)) {
            GError *error = nullptr;
            gchar *debug = nullptr;
            gst_message_parse_error(got.get(), &error, &debug);
            fail_unless(false, "%s (%s)", error->message, debug);
        }
        return got;
    }
    /// Waits for the ladder's messages of this action about these rungs, in any order.
    void wait_action(const std::string &action, std::set<guint> heights) {
        while (!heights.empty()) {
            const auto got = message(GST_MESSAGE_ELEMENT);
            if (!gst_message_has_name(got.get(), "penstock-ladder")) continue;
            const GstStructure *s = gst_message_get_structure(got.get());
            guint about = 0;
            gst_structure_get_uint(s, "height", &about);
            if (action == gst_structure_get_string(s, "action")) heights.erase(about);
        }
    }
    void run_to_end() {
        set_state(GST_STATE_PLAYING);
        message(GST_MESSAGE_EOS);
        set_state(GST_STATE_NULL);
    }
    Heard heard(const std::string &sink) {
        std::lock_guard lock(mutex_);
        return heard_[sink];
    }
    /// The field of the rung's entry in `stats`.
    static std::string rung_stat(GstElement *ladder, guint height, const char *field) {
        GstStructure *raw = nullptr;
        g_object_get(ladder, "stats", &raw, nullptr);
        const auto stats = GstPtr<GstStructure>::adopt(raw);
        const GValue *rungs = gst_structure_get_value(stats.get(), "rungs");
        for (guint i = 0; i < gst_value_array_get_size(rungs); ++i) {
            const auto *rung = static_cast<const GstStructure *>(
                g_value_get_boxed(gst_value_array_get_value(rungs, i)));
            guint about = 0;
            gst_structure_get_uint(rung, "height", &about);
            if (about != height) continue;
            const GValue *value = gst_structure_get_value(rung, field);
            fail_unless(value != nullptr, "no %s", field);
            if (G_VALUE_HOLDS_STRING(value)) return g_value_get_string(value);
            const GOwned<> text(gst_value_serialize(value));
            return text.get();
        }
        return "no such rung";
    }

private:
    struct Listener {
        Rig *rig;
        std::string name;
        GstSegment segment;
    };

    void listen(GstPad *pad, const std::string &name) {
        listeners_.push_back(std::make_unique<Listener>(Listener{this, name, {}}));
        gst_pad_add_probe(
            pad, GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
            [](GstPad *, GstPadProbeInfo *info, gpointer data) {
                auto &listener = *static_cast<Listener *>(data);
                std::lock_guard lock(listener.rig->mutex_);
                hear(listener, listener.rig->heard_[listener.name], info);
                return GST_PAD_PROBE_OK;
            },
            listeners_.back().get(), nullptr);
    }
    static guint64 running(const Listener &listener, GstClockTime time) {
        return gst_segment_to_running_time(&listener.segment, GST_FORMAT_TIME, time);
    }
    static void hear(Listener &listener, Heard &heard, GstPadProbeInfo *info) {
        if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
            GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
            const guint64 time = running(listener, GST_BUFFER_PTS(buffer));
            heard.times.push_back(time);
            heard.without_dts += !GST_BUFFER_DTS_IS_VALID(buffer);
            if (!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))
                heard.keys.push_back(time);
            return;
        }
        GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
        switch (GST_EVENT_TYPE(event)) {
        case GST_EVENT_STREAM_START:
            ++heard.stream_starts;
            break;
        case GST_EVENT_SEGMENT:
            ++heard.segments;
            gst_event_copy_segment(event, &listener.segment);
            break;
        case GST_EVENT_CAPS: {
            GstCaps *caps = nullptr;
            gst_event_parse_caps(event, &caps);
            int width = 0, height = 0;
            gst_structure_get_int(gst_caps_get_structure(caps, 0), "width", &width);
            gst_structure_get_int(gst_caps_get_structure(caps, 0), "height", &height);
            heard.sizes.push_back(std::to_string(width) + "x" + std::to_string(height));
            break;
        }
        case GST_EVENT_GAP: {
            GstClockTime time = 0;
            gst_event_parse_gap(event, &time, nullptr);
            heard.gaps.push_back(running(listener, time));
            break;
        }
        case GST_EVENT_EOS:
            ++heard.eos;
            break;
        default:
            break;
        }
    }

    GstPtr<GstElement> pipeline_;
    GstPtr<GstBus> bus_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::mutex mutex_;
    std::map<std::string, Heard> heard_;
};

inline std::string joined(const std::vector<std::string> &words) {
    std::string out;
    for (const std::string &word : words)
        out += (out.empty() ? "" : " ") + word;
    return out;
}

} // namespace ladder_test
