// SPDX-License-Identifier: LGPL-2.1-or-later
// A sometimes pad of rtcroom: the stream of one participant, from its first tag to its EOS.
#pragma once

#include "core/net/rtc/room.h"
#include "gst/tag_source.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace penstock {

/// Created on a network loop; its pad appears on another thread, since an application's handlers
/// link it. Until then tags wait.
class RoomPad final : public TagSource, public std::enable_shared_from_this<RoomPad> {
public:
    /// What it needs of its element. Any thread.
    struct Calls {
        std::function<void(uint64_t stream)> want_keyframe;
        std::function<void(uint64_t stream)> remove; ///< its EOS is about to be pushed
    };
    static std::shared_ptr<RoomPad> make(GstElement *element, GstPadTemplate *pad_template,
                                         const net::RoomStream &stream, Calls calls);
    RoomPad(GstElement *element, GstPtr<GstPad> pad, const net::RoomStream &stream, Calls calls);
    ~RoomPad();

    /// Lets the pad appear. Not on a network loop.
    void add();
    /// Ends what is pushed, and removes the pad; if it is about to appear, soon. Not on a network
    /// loop, nor its own thread.
    void remove();

    /// The pad does not push any more when it returns. By the pad.
    void deactivate() { close_queue(); }

    // --- on a network loop ----------------------------------------------------------------
    /// Drops video up to a keyframe while the queue is full: a participant can't be made to wait.
    void take(flv::Tag &&tag);
    void describe(const net::RoomStream &stream);
    void end() { put_ended("the participant has left"); }

    bool want_keyframe() override;
    const Counters &counters() const { return counters_; }

private:
    void on_began(const std::string &) override {}
    bool on_ended(const std::string &reason) override;
    void on_room() override;
    std::string stream_name() const override;
    std::shared_ptr<TagSource> shared() override { return shared_from_this(); }
    GstEvent *tags() override;

    const GstPtr<GstPad> held_;
    net::RoomStream stream_; ///< of which what tags tell changes, under tags_mutex_
    std::mutex tags_mutex_;
    std::atomic<bool> has_tags_queued_{false}; ///< so that one item waits for any number of changes
    const Calls calls_;
    std::atomic<bool> is_full_{false};
    bool lacks_keyframe_ = false; ///< the loop's alone
    enum class Life : uint8_t { unborn, appearing, unwanted, there, gone };
    bool live(Life from, Life to);
    void take_away();
    std::mutex life_mutex_; ///< guards life_
    Life life_ = Life::unborn;
};

} // namespace penstock
