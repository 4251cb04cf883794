// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the goptee tests: branches that block or fail on demand, and a goptee with an upstream.
#pragma once

#include "gst/nonblocking.h"
#include "gst/ptr.h"

#include "check.hpp"
#include "eventually.hpp"

using namespace penstock;
using namespace std::chrono_literals;

namespace goptee_test {

using penstock_test::eventually;

constexpr auto patience = 10s;

inline std::string to_text(GstBuffer *buffer) {
    std::string text(gst_buffer_get_size(buffer), '\0');
    gst_buffer_extract(buffer, 0, text.data(), text.size());
    return text;
}

inline bool has(GstBuffer *buffer, GstBufferFlags flag) {
    return GST_BUFFER_FLAG_IS_SET(buffer, flag);
}

inline void expect(const std::string &got, const std::string &wanted) {
    fail_unless_equals_string(got.c_str(), wanted.c_str());
}

/// A sink pad that stores its input and can be told to block, to fail or to be nonblocking.
class Peer {
public:
    explicit Peer(bool nonblocking = false) : nonblocking(nonblocking) {
        pad_ = gst_pad_new("sink", GST_PAD_SINK);
        gst_object_ref_sink(pad_);
        gst_pad_set_element_private(pad_, this);
        gst_pad_set_chain_function(pad_, [](GstPad *pad, GstObject *, GstBuffer *buffer) {
            return self(pad).chain(buffer);
        });
        gst_pad_set_event_function(
            pad_, [](GstPad *pad, GstObject *, GstEvent *event) { return self(pad).event(event); });
        gst_pad_set_query_function(pad_, [](GstPad *pad, GstObject *parent, GstQuery *query) {
            Peer &p = self(pad);
            if (GST_QUERY_TYPE(query) == GST_QUERY_CAPS && p.caps) {
                gst_query_set_caps_result(query, p.caps.get());
                return gboolean(TRUE);
            }
            if (GST_QUERY_TYPE(query) == GST_QUERY_ACCEPT_CAPS) {
                gst_query_set_accept_caps_result(query, TRUE);
                return gboolean(TRUE);
            }
            if (!is_nonblocking_query(query)) return gst_pad_query_default(pad, parent, query);
            ++p.asked;
            answer_nonblocking(query, p.nonblocking);
            return gboolean(TRUE);
        });
        gst_pad_set_active(pad_, TRUE);
    }
    ~Peer() {
        unblock();
        gst_pad_set_active(pad_, FALSE);
        forget(); // locks, so that a sanitizer sees the order of the last push and this
        gst_object_unref(pad_);
    }
    GstPad *pad() { return pad_; }

    void block() { set(blocked_, true); }
    void unblock() { set(blocked_, false); }
    void answer(GstFlowReturn flow) { set(flow_, flow); }
    bool wait(const std::function<bool()> &condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, condition);
    }
    /// Waits until `count` buffers have arrived.
    bool wait_for(size_t count) {
        return wait([&] { return buffers_.size() >= count; });
    }
    bool wait_entered() {
        return wait([&] { return inside_; });
    }
    bool wait_text(const std::string &last) {
        return wait([&] { return !buffers_.empty() && to_text(buffers_.back().get()) == last; });
    }
    bool wait_event(GstEventType type) {
        return wait([&] { return std::count(events_.begin(), events_.end(), type) > 0; });
    }
    std::vector<GstPtr<GstBuffer>> buffers() {
        std::lock_guard lock(mutex_);
        return buffers_;
    }
    std::vector<GstEventType> events() {
        std::lock_guard lock(mutex_);
        return events_;
    }
    std::string text() {
        std::string all;
        for (const auto &b : buffers())
            all += (all.empty() ? "" : " ") + to_text(b.get());
        return all;
    }
    void forget() {
        std::lock_guard lock(mutex_);
        buffers_.clear();
        events_.clear();
    }

    std::atomic<bool> nonblocking;
    std::atomic<int> asked = 0;
    std::atomic<std::thread::id> thread;
    GstPtr<GstCaps> caps;

private:
    static Peer &self(GstPad *pad) {
        return *static_cast<Peer *>(gst_pad_get_element_private(pad));
    }
    template <class T>
    void set(T &what, T value) {
        std::lock_guard lock(mutex_);
        what = value;
        changed_.notify_all();
    }
    GstFlowReturn chain(GstBuffer *buffer) {
        std::unique_lock lock(mutex_);
        thread = std::this_thread::get_id();
        inside_ = true;
        changed_.notify_all();
        changed_.wait(lock, [this] { return !blocked_; });
        inside_ = false;
        auto owned = GstPtr<GstBuffer>::adopt(buffer);
        if (flow_ == GST_FLOW_OK) buffers_.push_back(std::move(owned));
        changed_.notify_all();
        return flow_;
    }
    gboolean event(GstEvent *event) {
        std::lock_guard lock(mutex_);
        events_.push_back(GST_EVENT_TYPE(event));
        if (GST_EVENT_TYPE(event) == GST_EVENT_FLUSH_START) blocked_ = false;
        changed_.notify_all();
        gst_event_unref(event);
        return TRUE;
    }

    GstPad *pad_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<GstPtr<GstBuffer>> buffers_;
    std::vector<GstEventType> events_;
    bool blocked_ = false, inside_ = false;
    GstFlowReturn flow_ = GST_FLOW_OK;
};

/// A goptee, its upstream pad and a bus.
class Rig {
public:
    explicit Rig(const char *caps = "video/x-test") {
        tee = gst_element_factory_make("goptee", nullptr);
        fail_unless(tee != nullptr);
        gst_object_ref_sink(tee);
        bus = gst_bus_new();
        gst_element_set_bus(tee, bus);
        src = gst_pad_new("src", GST_PAD_SRC);
        gst_object_ref_sink(src);
        gst_pad_set_element_private(src, this);
        gst_pad_set_event_function(src, [](GstPad *pad, GstObject *, GstEvent *event) {
            auto *rig = static_cast<Rig *>(gst_pad_get_element_private(pad));
            std::lock_guard lock(rig->mutex);
            rig->upstream.push_back(GST_EVENT_TYPE(event));
            gst_event_unref(event);
            return gboolean(TRUE);
        });
        gst_pad_set_query_function(src, [](GstPad *pad, GstObject *parent, GstQuery *query) {
            if (GST_QUERY_TYPE(query) == GST_QUERY_LATENCY) {
                gst_query_set_latency(query, TRUE, 20 * GST_MSECOND, 100 * GST_MSECOND);
                return gboolean(TRUE);
            }
            if (GST_QUERY_TYPE(query) == GST_QUERY_DURATION) {
                gst_query_set_duration(query, GST_FORMAT_TIME, 7 * GST_SECOND);
                return gboolean(TRUE);
            }
            return gst_pad_query_default(pad, parent, query);
        });
        auto sink = GstPtr<GstPad>::adopt(gst_element_get_static_pad(tee, "sink"));
        gst_pad_set_active(src, TRUE);
        fail_unless_equals_int(gst_pad_link(src, sink.get()), GST_PAD_LINK_OK);
        fail_unless_equals_int(gst_element_set_state(tee, GST_STATE_PLAYING),
                               GST_STATE_CHANGE_SUCCESS);
        fail_unless(gst_pad_push_event(src, gst_event_new_stream_start("test")));
        if (caps) set_caps(caps);
        segment();
    }
    ~Rig() {
        gst_element_set_state(tee, GST_STATE_NULL);
        gst_pad_set_active(src, FALSE);
        gst_element_set_bus(tee, nullptr);
        gst_object_unref(bus);
        // No reference to the element may remain once the threads of removed branches have ended.
        fail_unless(eventually([this] { return GST_OBJECT_REFCOUNT_VALUE(tee) == 1; }));
        gst_object_unref(tee);
        gst_object_unref(src);
    }
    void set_caps(const char *text) {
        auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string(text));
        fail_unless(gst_pad_push_event(src, gst_event_new_caps(caps.get())));
    }
    void segment(GstClockTime base = 0) {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        segment.base = base;
        gst_pad_push_event(src, gst_event_new_segment(&segment));
    }
    GstPad *add(Peer &peer) {
        GstPad *pad = gst_element_request_pad_simple(tee, "src_%u");
        fail_unless(pad != nullptr);
        fail_unless_equals_int(gst_pad_link(pad, peer.pad()), GST_PAD_LINK_OK);
        return pad;
    }
    void remove(GstPad *pad) {
        gst_element_release_request_pad(tee, pad);
        gst_object_unref(pad);
    }
    /// "K1" is a keyframe, "d1" a delta frame, "h1" a header; 40 ms each.
    GstFlowReturn push(const std::string &text) {
        GstBuffer *buffer = gst_buffer_new_memdup(text.data(), text.size());
        if (text[0] == 'd') GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        if (text[0] == 'h') GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_HEADER);
        GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = time;
        GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
        time += 40 * GST_MSECOND;
        return gst_pad_push(src, buffer);
    }
    void push_all(const std::string &texts) {
        std::istringstream in(texts);
        for (std::string text; in >> text;)
            fail_unless_equals_int(push(text), GST_FLOW_OK);
    }
    GstPtr<GstStructure> stats() {
        GstStructure *s = nullptr;
        g_object_get(tee, "stats", &s, nullptr);
        return GstPtr<GstStructure>::adopt(s);
    }
    guint64 stat(const char *name) {
        guint64 value = 0;
        fail_unless(gst_structure_get_uint64(stats().get(), name, &value), "no %s", name);
        return value;
    }
    size_t seen_upstream(GstEventType type) {
        std::lock_guard lock(mutex);
        return std::count(upstream.begin(), upstream.end(), type);
    }

    GstElement *tee;
    GstBus *bus;
    GstPad *src;
    GstClockTime time = 0;
    std::mutex mutex;
    std::vector<GstEventType> upstream;
};

} // namespace goptee_test

using namespace goptee_test;
