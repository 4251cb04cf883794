// SPDX-License-Identifier: LGPL-2.1-or-later
// One medium of one input: what decodes it, on a thread of its own, and its pad of the compositor
// or audiomixer.
#pragma once

#include "gst/ptr.h"

#include <gst/gst.h>

#include <atomic>
#include <string>
#include <vector>

namespace penstock::room {

/// A bin with queue ! decodebin ! what a derived class adds. Nothing upstream waits for it unless
/// the queue is full.
class Track {
public:
    /// `owner` gets the bin, of which `mixer` is a child, too. Both outlive this.
    Track(GstBin *owner, GstElement *mixer) : owner_(owner), mixer_(mixer) {}
    virtual ~Track() = default;
    Track(const Track &) = delete;
    Track &operator=(const Track &) = delete;

    /// Makes the bin, and links the pad of encoded media, whose caps are set, to it. Returns false
    /// if an element is missing: `reason` names it.
    bool build(GstPad *coded, std::string &reason);
    /// Ends the decoder's thread and removes the bin. Not on that thread, and not twice at a time.
    void remove();

    /// Whether it has been built: what is below may be called. Any thread.
    bool is_ready() const { return is_ready_; }
    /// Whether what is encoded has waited too long for the decoder. Any thread.
    bool is_full() const;
    bool contains(GstObject *object) const;
    guint64 frames() const { return frames_; }
    /// When the last one was decoded, monotonic, ns; 0: never.
    guint64 last() const { return last_; }

protected:
    /// Elements behind the decoder, not in a bin yet; empty if one is missing.
    virtual std::vector<GstElement *> make_tail(std::string &reason) = 0;
    /// Called once, before data flows.
    virtual void prepare(GstPad *mixer_pad) = 0;
    /// Called for each decoded frame, which may be replaced, on the decoder's thread.
    virtual void decoded(GstPtr<GstBuffer> &frame) = 0;

    static GstElement *make(const char *factory, std::string &reason);

private:
    GstElement *make_decoder(GstCaps *caps, std::string &reason);
    void watch(GstPad *last);

    GstBin *const owner_;
    GstElement *const mixer_;
    GstPtr<GstElement> bin_, queue_, first_; ///< first_: behind the decoder
    GstPtr<GstPad> mixer_pad_;
    bool is_running_ = false;
    std::atomic<bool> is_ready_ = false;
    std::atomic<guint64> frames_ = 0, last_ = 0;
};

} // namespace penstock::room
