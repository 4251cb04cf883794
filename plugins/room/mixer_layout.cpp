// SPDX-License-Identifier: LGPL-2.1-or-later
// What is in a frame: who has a tile and where, the backdrop, the names. All of it on the
// compositor's thread.
#include "room/mixer.h"

#include "gst/steady_time.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_roommixer_debug);
#define GST_CAT_DEFAULT penstock_roommixer_debug

namespace penstock::room {
namespace {

/// How far behind the clock, beyond the latency, what follows may make the output be.
constexpr int64_t most_behind = GST_SECOND;
/// It is too slow for good, and not for a moment, after so long, with no pause of so long; ns.
constexpr guint64 slow_for_good = 5 * GST_SECOND, longest_pause = 10 * GST_SECOND;
/// Between two warnings of that; ns.
constexpr guint64 warning_pause = 60 * GST_SECOND;
/// Until the end, when the last input has gone.
constexpr int64_t most_empty = 10 * GST_SECOND;

} // namespace

/// How far what has this running time is behind its time, ns.
int64_t Mixer::behind(int64_t time) const {
    const auto now = running_now();
    return now ? *now - time - int64_t(used_.latency) : 0;
}

/// Any of both mixers' threads.
void Mixer::warn_if_due(int64_t by) {
    const guint64 now = steady_time();
    if (now > slow_at_.exchange(now) + longest_pause) slow_since_ = now;
    if (now < slow_since_ + slow_for_good) return;
    guint64 last = warned_;
    if ((last != 0 && now < last + warning_pause) || !warned_.compare_exchange_strong(last, now))
        return;
    GST_ELEMENT_WARNING(bin_, STREAM, MUX,
                        ("The mix is %d s late: this machine, or what follows, is too slow for it; "
                         "%" G_GUINT64_FORMAT " pictures were left out so far. A smaller picture, "
                         "fewer a second, or fewer tiles need less.",
                         int(by / int64_t(GST_SECOND)), guint64(late_)),
                        ("width and height, framerate, max-tiles"));
}

GstPadProbeReturn Mixer::video_frame(GstPad *pad, GstPadProbeInfo *info) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    if (is_ending_) {
        gst_buffer_unref(buffer);
        GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_EOS;
        return GST_PAD_PROBE_HANDLED;
    }
    const auto time = int64_t(GST_BUFFER_PTS(buffer));
    counters_.in(0);
    if (std::exchange(has_next_labels_, false)) labels_ = std::exchange(next_labels_, {});
    if (look(time)) lay_out(time);
    end_if_empty(time);
    // An encoder that is too slow gets fewer frames; it may not hold up the mix.
    if (const int64_t late = behind(time); late > most_behind) {
        ++late_;
        // A compositor that is too slow itself would never catch up, and each of its frames be
        // dropped: it leaves out those up to twice this later.
        gst_pad_push_event(
            pad, gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 1, late / 2, GstClockTime(time)));
        warn_if_due(late);
        return GST_PAD_PROBE_DROP;
    }
    ask_for_keyframe(pad, time);
    buffer = gst_buffer_make_writable(buffer);
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    draw_labels(buffer);
    counters_.out(gst_buffer_get_size(buffer));
    return GST_PAD_PROBE_OK;
}

/// An encoder counts frames between keyframes; when some are left out, these come too seldom for
/// segments that begin with one.
void Mixer::ask_for_keyframe(GstPad *pad, int64_t time) {
    const auto interval = int64_t(used_.keyframe_interval);
    if (interval == 0) return;
    if (!asked_) asked_ = time; // an encoder begins with one
    if (time - *asked_ < interval) return;
    // A multiple of the interval, so that a late frame puts off no other.
    *asked_ += (time - *asked_) / interval * interval;
    gst_pad_send_event(
        pad, gst_video_event_new_downstream_force_key_unit(GstClockTime(time), GstClockTime(time),
                                                           GstClockTime(time), TRUE, 0));
}

GstPadProbeReturn Mixer::audio_frame(GstPadProbeInfo *info) {
    if (!is_ending_) {
        ++sounds_;
        // Sound is never left out; that it is late is told.
        const int64_t late = behind(int64_t(GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info))));
        if (late > most_behind) warn_if_due(late);
        return GST_PAD_PROBE_OK;
    }
    gst_buffer_unref(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_EOS;
    return GST_PAD_PROBE_HANDLED;
}

/// Whether the layout has to be made anew: an input has come, gone or changed, has video or has it
/// no longer, or somebody else speaks.
bool Mixer::look(int64_t now) {
    bool is_changed = is_changed_.exchange(false);
    if (is_changed) {
        std::vector<Known> next;
        for (const InputPtr &input : inputs()) {
            const auto old = std::find_if(known_.begin(), known_.end(),
                                          [&](const Known &one) { return one.input == input; });
            next.push_back(old == known_.end() ? Known{input} : *old);
        }
        known_ = std::move(next);
    }
    const guint64 steady = steady_time();
    levels_.clear();
    for (Known &one : known_) {
        const bool has_video = one.input->has_video(steady);
        is_changed = is_changed || has_video != one.has_video;
        one.has_video = has_video;
        if (one.input->is_there() && !one.input->is_screen())
            levels_.push_back({one.input->id(), one.input->level(steady)});
    }
    const auto speaker = loudest_.step(now, levels_);
    if (speaker != speaker_) {
        speaker_ = speaker;
        is_changed = true;
        for (Known &one : known_)
            if (one.input->id() == speaker) one.spoke = now;
    }
    return is_changed;
}

void Mixer::end_if_empty(int64_t now) {
    const bool is_empty = std::none_of(known_.begin(), known_.end(),
                                       [](const Known &one) { return one.input->is_there(); });
    if (!is_empty) {
        has_had_inputs_ = true;
        empty_since_.reset();
    } else if (has_had_inputs_ && used_.on_empty == OnEmpty::eos) {
        if (!empty_since_) empty_since_ = now;
        if (now - *empty_since_ >= most_empty) end();
    }
}

/// Those that get a tile, in the order in which they came: screens, then who has spoken last.
std::vector<Mixer::Known *> Mixer::chosen() {
    std::vector<Known *> all;
    for (Known &one : known_)
        if (one.input->is_there() && (one.has_video || !one.input->is_screen()))
            all.push_back(&one);
    if (all.size() <= used_.max_tiles) return all;
    auto ranked = all;
    std::stable_sort(ranked.begin(), ranked.end(), [](const Known *a, const Known *b) {
        const bool a_screen = a->input->is_screen(), b_screen = b->input->is_screen();
        return a_screen != b_screen ? a_screen : a->spoke > b->spoke;
    });
    ranked.resize(used_.max_tiles);
    std::erase_if(all, [&](Known *one) {
        return std::find(ranked.begin(), ranked.end(), one) == ranked.end();
    });
    return all;
}

void Mixer::lay_out(int64_t now) {
    const MixerSettings wanted = settings();
    used_.layout = wanted.layout;
    used_.max_tiles = wanted.max_tiles;
    used_.empty_text = wanted.empty_text;
    used_.on_empty = wanted.on_empty;
    const auto shown = chosen();
    std::vector<layout::Tile> tiles;
    for (const Known *one : shown) {
        const auto track = one->has_video ? one->input->video() : nullptr;
        tiles.push_back({track ? track->shape().value_or(layout::Size{16, 9}) : layout::Size{16, 9},
                         one->input->is_screen(), one->input->id() == speaker_});
    }
    const auto places = layout::arrange(used_.layout, {used_.width, used_.height}, tiles);

    Backdrop backdrop;
    next_labels_.clear();
    for (size_t i = 0; i < shown.size(); ++i) {
        const Known &one = *shown[i];
        const layout::Rect &at = places[i].picture;
        const bool is_inside = at.x + at.width <= used_.width && at.y + at.height <= used_.height;
        const auto track = one.input->video();
        if (one.has_video && track && is_inside)
            track->place(at);
        else if (track)
            track->hide();
        const std::string title = one.input->title();
        if (!one.has_video) backdrop.cards.push_back({at, title});
        if (tiles[i].is_speaker && !places[i].is_large && shown.size() > 1)
            backdrop.frames.push_back(at);
        if (!title.empty())
            next_labels_.push_back(
                drawing_->label({one.input->label(), one.input->is_muted()}, at));
        one.input->set_wanted(true);
    }
    for (const Known &one : known_) {
        if (std::find(shown.begin(), shown.end(), &one) != shown.end()) continue;
        // A screen has its tile as soon as there is a frame of it.
        one.input->set_wanted(!one.input->is_there() || one.input->is_screen());
        if (const auto track = one.input->video()) track->hide();
    }
    if (shown.empty()) backdrop.text = used_.empty_text;
    has_next_labels_ = true;
    push_backdrop(backdrop, GstClockTime(now));
    ++layouts_;
    std::lock_guard lock(lock_);
    tiles_.clear();
    for (const layout::Place &place : places)
        tiles_.push_back(place.picture);
}

void Mixer::draw_labels(GstBuffer *frame) const {
    if (labels_.empty()) return;
    GstVideoFrame mapped;
    if (!gst_video_frame_map(
            &mapped, &info_, frame,
            GstMapFlags(int(GST_MAP_READWRITE) | int(GST_VIDEO_FRAME_MAP_FLAG_NO_REF))))
        return;
    layout::Frame to;
    to.size = {used_.width, used_.height};
    for (guint i = 0; i < 3; ++i) {
        to.planes[i] = static_cast<uint8_t *>(GST_VIDEO_FRAME_PLANE_DATA(&mapped, i));
        to.strides[i] = size_t(GST_VIDEO_FRAME_PLANE_STRIDE(&mapped, i));
    }
    for (const layout::Stamp &label : labels_)
        label.draw_on(to);
    gst_video_frame_unmap(&mapped);
}

/// The compositor takes one before each frame, and so never waits for room.
void Mixer::push_backdrop(const Backdrop &what, GstClockTime time) {
    auto frame = drawing_->backdrop(what);
    if (!frame) return;
    GST_BUFFER_PTS(frame.get()) = time;
    gst_pad_push(backdrop_.get(), frame.release());
}

} // namespace penstock::room
