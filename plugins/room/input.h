// SPDX-License-Identifier: LGPL-2.1-or-later
// One input of roommixer: a participant or a shared screen. It takes FLV apart, holds its
// timestamps near the time of arrival, and has each medium decoded; whatever goes wrong there ends
// here.
#pragma once

#include "core/timing/arrival.h"
#include "gst/keyframe_request.h"
#include "gst/stats.h"
#include "room/size_limit.h"
#include "room/tracks.h"

#include <array>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace penstock::room {

/// What an input needs of the mixer.
class InputOwner {
public:
    virtual GstBin *bin() const = 0;
    virtual GstElement *compositor() const = 0;
    virtual GstElement *audiomixer() const = 0;
    virtual const char *colorimetry() const = 0;
    /// The layout may be another. Any thread.
    virtual void note_change() = 0;
    /// Running time, ns; empty while not PLAYING.
    virtual std::optional<int64_t> running_now() const = 0;

protected:
    ~InputOwner() = default;
};

enum class Medium { video, audio };

class Input : public std::enable_shared_from_this<Input> {
public:
    /// `pad` is a ghost pad without target, of which the input sets the functions. `owner` outlives
    /// all inputs; `latency` in ns.
    Input(InputOwner &owner, uint32_t id, GstPad *pad, int64_t latency);
    ~Input();

    /// Makes the demuxer. Returns false if there is none.
    bool build();
    /// Ends what runs, and removes it. The pad takes nothing any more. Not on a decoder's thread.
    void remove();
    /// READY: nothing streams. It begins anew when it is started again.
    void reset();

    uint32_t id() const { return id_; }
    GstPad *pad() const { return pad_.get(); }
    bool has_ended() const { return ended_; }

    // Called on any thread, without blocking.
    /// Whether it has a tile: something has come, and it has not ended.
    bool is_there() const { return begun_ && !ended_; }
    bool is_screen() const { return is_screen_; }
    bool is_muted() const { return is_muted_; }
    std::string title() const;
    /// What is written on the tile: the title, of a screen "Ann's screen".
    std::string label() const;
    /// nullptr if there is none.
    std::shared_ptr<VideoTrack> video() const;
    /// Whether video came within the last three seconds before `now` (steady_time()).
    bool has_video(guint64 now) const;
    double level(guint64 now) const;
    /// Whether the video is seen; otherwise it is not decoded either.
    void set_wanted(bool wanted);
    GstPtr<GstStructure> stats(guint64 now) const;

    /// Whether the object is a part of this input; and which medium's, if of one.
    bool owns(GstObject *object, std::optional<Medium> &medium) const;
    /// Takes the failure of a medium, or of the whole input, and posts a warning. Any thread.
    void fail(std::optional<Medium> medium, const std::string &reason);

    // Called by the pad's functions.
    GstFlowReturn chain(GstPtr<GstBuffer> buffer);
    gboolean take_event(GstPtr<GstEvent> event);

private:
    /// One medium. What has no comment is used on upstream's thread alone.
    struct Path {
        GstPtr<GstPad> coded;         ///< of the demuxer; guarded by mutex_
        std::shared_ptr<Track> track; ///< guarded by mutex_
        GstSegment segment;
        std::string type; ///< of the caps
        SizeLimit limit;
        std::atomic<bool> has_segment = false; ///< the track has one
        bool needs_start = true;               ///< a keyframe, after a gap
        std::atomic<bool> failed = false, pending = false;
        std::atomic<int64_t> retry = 0; ///< steady_time() at which it is tried again
        std::atomic<guint64> drops = 0;
        unsigned failures = 0; ///< guarded by mutex_
    };

    static const char *name_of(Medium medium) {
        return medium == Medium::video ? "video" : "audio";
    }
    Path &path_of(Medium medium) { return paths_[size_t(medium)]; }
    std::string who() const;
    void on_coded_pad(GstPad *pad);
    GstPadProbeReturn coded(Medium medium, GstPadProbeInfo *info);
    GstPadProbeReturn coded_event(Medium medium, GstPadProbeInfo *info);
    bool coded_frame(Medium medium, GstBuffer *buffer);
    const char *why_not(Medium medium, GstBuffer *buffer);
    bool set_time(Path &path, GstBuffer *buffer);
    std::shared_ptr<Track> track_of(Medium medium) const;
    void build_track(Medium medium);
    void drop_track(Medium medium);
    void call_async(void (*fn)(Input &, Medium), Medium medium);
    void ask_for_keyframe();
    void read_tags(GstEvent *event);
    void turn(GstTagList *tags);

    InputOwner &owner_;
    const uint32_t id_;
    const GstPtr<GstPad> pad_;
    GstPtr<GstElement> demuxer_;
    timing::Arrival arrival_;
    std::optional<bool> is_live_;  ///< of upstream
    GstPtr<GstEvent> orientation_; ///< a tag
    guint64 asked_ = 0;            ///< for a keyframe; steady_time()
    std::atomic<bool> begun_ = false, ended_ = false, is_screen_ = false, is_muted_ = false,
                      wanted_ = true, is_removed_ = false, is_broken_ = false;
    std::atomic<guint64> moves_ = 0;
    Counters counters_;
    /// Serializes what makes and removes tracks; taken before mutex_, and not by a decoder's
    /// thread.
    std::mutex structure_;
    mutable std::mutex mutex_; ///< the last lock: nothing is called under it
    std::array<Path, 2> paths_;
    std::string title_; ///< guarded by mutex_
};

} // namespace penstock::room
