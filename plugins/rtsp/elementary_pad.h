// SPDX-License-Identifier: LGPL-2.1-or-later
// A sometimes pad of rtsppullsrc: frames of a codec that FLV does not have, pushed by a task of the
// pad.
#pragma once

#include "core/rtsp/client/media.h"
#include "gst/ptr.h"

#include <gst/gst.h>

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

namespace penstock::rtsp {

/// The camera is never made to wait: when the queue is full, the oldest frames are dropped.
/// Thread-safe. Held by shared_ptr, because a thread that is to add its pad may come late.
class ElementaryPad : public std::enable_shared_from_this<ElementaryPad> {
public:
    static constexpr size_t max_frames = 64, max_bytes = 16 << 20;

    /// `name`: of the pad, "video_0".
    ElementaryPad(GstElement *element, std::string name, bool is_video)
        : element_(element), name_(std::move(name)), is_video_(is_video) {}

    /// Adds the pad, on another thread. Frames wait for it.
    void add();
    /// The stream goes on with another session, or another codec.
    void restart(GstPtr<GstCaps> caps);
    void put(ElementaryFrame &&frame);
    /// Frames are pushed only while playing.
    void set_playing(bool playing);
    /// After the element's pads are deactivated: removes the pad.
    void remove();
    /// Frames that were dropped.
    uint64_t drops();

private:
    struct Item {
        GstPtr<GstCaps> caps; ///< not empty: the stream goes on with these, and there is no frame
        ElementaryFrame frame;
    };
    static gboolean activate(GstPad *pad, GstObject *parent, GstPadMode mode, gboolean active);
    void make_pad();
    void stop();
    void loop();
    void push(Item &&item);
    GstClockTime running_time() const;

    GstElement *const element_;
    const std::string name_;
    const bool is_video_;

    std::mutex mutex_; ///< down to `drops_`
    std::condition_variable changed_;
    std::deque<Item> items_;
    size_t bytes_ = 0;
    bool closed_ = false, playing_ = false, removed_ = false;
    GstPad *pad_ = nullptr; ///< owned by the element
    uint64_t drops_ = 0;

    // Of the task.
    bool started_ = false, discont_ = true;
    bool has_offset_ = false;
    int64_t offset_ = 0; ///< from frames' times to running time; ns
    int64_t last_ = 0;   ///< running time of the last buffer; ns
};

} // namespace penstock::rtsp
