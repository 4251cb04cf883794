// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of rtcroom: a room on loopback, and what comes out of its pads.
#pragma once

#include "unit/room_rig.hpp"

#include "elements/rtmp_rig.hpp"

namespace rtcroom_test {

using namespace rtmp_rig;
using room_test::json;
using room_test::Pace;
using room_test::Participant;

inline constexpr const char *any = "http://127.0.0.1:0/room/standup/join";

inline GstPtr<GstElement> make(const std::string &location, bool has_outputs = false) {
    auto element = make_element("rtcroom");
    g_object_set(element.get(), "location", location.c_str(), "udp", "127.0.0.1:0", nullptr);
    gst_util_set_object_arg(G_OBJECT(element.get()), "outputs",
                            has_outputs ? "participants" : "none");
    return element;
}

inline uint16_t port_of(const GstPtr<GstElement> &element) {
    const std::string location = string_property(element.get(), "bound-location");
    fail_unless(location.ends_with("/room/standup/join"), "%s", location.c_str());
    return uint16_t(std::stoi(location.substr(location.find(':', 7) + 1)));
}

/// What came out of the pads of a room.
struct Outputs {
    explicit Outputs(const GstPtr<GstElement> &pipeline, const GstPtr<GstElement> &room)
        : pipeline_(pipeline) {
        g_signal_connect(room.get(), "pad-added", G_CALLBACK(added), this);
        g_signal_connect(room.get(), "pad-removed", G_CALLBACK(removed), this);
    }
    static void added(GstElement *, GstPad *pad, Outputs *self) {
        auto *sink = gst_element_factory_make("fakesink", nullptr);
        g_object_set(sink, "async", FALSE, "sync", FALSE, nullptr);
        gst_bin_add(GST_BIN(self->pipeline_.get()), sink);
        gst_element_sync_state_with_parent(sink);
        auto peer = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
        gst_pad_add_probe(
            peer.get(),
            GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM), probe,
            self, nullptr);
        fail_unless_equals_int(gst_pad_link(pad, peer.get()), GST_PAD_LINK_OK);
        ++self->pads;
        ++self->added_pads;
    }
    static void removed(GstElement *, GstPad *, Outputs *self) { --self->pads; }
    static GstPadProbeReturn probe(GstPad *, GstPadProbeInfo *info, gpointer data) {
        auto &self = *static_cast<Outputs *>(data);
        if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
            const auto *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
            if (!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_HEADER)) ++self.buffers;
            return GST_PAD_PROBE_OK;
        }
        GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
        if (GST_EVENT_TYPE(event) == GST_EVENT_EOS) ++self.ends;
        if (GST_EVENT_TYPE(event) == GST_EVENT_CAPS) ++self.caps;
        if (GST_EVENT_TYPE(event) == GST_EVENT_TAG) {
            GstTagList *list = nullptr;
            gst_event_parse_tag(event, &list);
            char *title = nullptr;
            if (gst_tag_list_get_string(list, GST_TAG_TITLE, &title)) {
                std::lock_guard lock(self.mutex);
                self.title = title;
                g_free(title);
            }
        }
        return GST_PAD_PROBE_OK;
    }
    std::string name() {
        std::lock_guard lock(mutex);
        return title;
    }
    const GstPtr<GstElement> pipeline_;
    std::atomic<int> pads{0}, added_pads{0}, buffers{0}, ends{0}, caps{0};
    std::mutex mutex;
    std::string title;
};

} // namespace rtcroom_test
