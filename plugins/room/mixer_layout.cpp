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
/// Until the end, when the last input has gone.
constexpr int64_t most_empty = 10 * GST_SECOND;

} // namespace

GstPadProbeReturn Mixer::video_frame(GstPadProbeInfo *info) {
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
    const auto now = running_now();
    if (now && *now - time > int64_t(used_.latency) + most_behind) {
        ++late_;
        return GST_PAD_PROBE_DROP;
    }
    buffer = gst_buffer_make_writable(buffer);
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    draw_labels(buffer);
    counters_.out(gst_buffer_get_size(buffer));
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn Mixer::audio_frame(GstPadProbeInfo *info) {
    if (!is_ending_) {
        ++sounds_;
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
        if (!title.empty()) next_labels_.push_back(drawing_->label(title, at));
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
