// SPDX-License-Identifier: LGPL-2.1-or-later
// What accompanies the media: subtitles, metadata, and events that become date ranges.
#include "core/id3/tag.h"
#include "core/mpegts/muxer.h"
#include "hls/sink.h"
#include "hls/splice_events.h"

#include <gst/video/video-event.h>

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_hls_segmenter_debug);
#define GST_CAT_DEFAULT penstock_hls_segmenter_debug

namespace penstock::hls {

/// How far the pad's media has come, or that of any if it has none; `mutex_` is held.
int64_t Sink::reached(GstPad *pad) const {
    const Input *in = pad ? find(pad) : nullptr;
    if (in && in->reached) return *in->reached;
    int64_t furthest = 0;
    for (const auto &other : inputs_)
        furthest = std::max(furthest, other->reached.value_or(0));
    return furthest;
}

void Sink::add_text(Input &in, int64_t time, int64_t duration, const Bytes &data) {
    for (webvtt::Cue &cue : cues_of(in.text_form, data, time, duration))
        presentation_->add_text(*in.track, std::move(cue));
}

void Sink::add_metadata(int64_t time, Bytes data) {
    const bool is_too_large = running_settings_.container != ContainerType::cmaf &&
                              data.size() > mpegts::largest_metadata;
    if (id3::is_tag(data) && !is_too_large)
        presentation_->add_metadata({time, std::move(data)});
    else if (dropped_++ == 0)
        GST_WARNING_OBJECT(element_, "dropping metadata that is %s",
                           is_too_large ? "too large for MPEG-TS" : "no ID3 tag");
}

/// Tells the title with the pad's next buffer, if it is another one: before the first one no time
/// is known. `mutex_` is held.
void Sink::tell_title(Input &in) {
    const bool is_media = in.media == Media::video || in.media == Media::audio;
    if (!running_settings_.tells_titles || !presentation_ || !in.tags || !is_media) return;
    const auto tag = [&](const char *name) {
        gchar *value = nullptr;
        gst_tag_list_get_string(in.tags, name, &value);
        const GOwned<gchar> owned(value);
        return std::string(value ? value : "");
    };
    std::string title = tag(GST_TAG_TITLE), artist = tag(GST_TAG_ARTIST);
    if (title == title_ && artist == artist_) return;
    std::vector<id3::Text> frames;
    if (!title.empty()) frames.push_back({"TIT2", title});
    if (!artist.empty()) frames.push_back({"TPE1", artist});
    in.title = frames.empty() ? Bytes() : id3::make_tag(frames);
    title_ = std::move(title);
    artist_ = std::move(artist);
}

bool Sink::on_custom(GstPad *pad, GstEvent *event) {
    SpliceEvent splice;
    RangeMark mark;
    std::string error;
    const bool is_splice = parse_splice_event(event, splice, error);
    std::vector<std::pair<GstPtr<GstPad>, GstClockTime>> wanted;
    {
        std::lock_guard lock(mutex_);
        const int64_t here = reached(pad);
        mark.time = here;
        const bool is_mark = !is_splice && error.empty() && parse_range_event(event, mark, error);
        if (!is_splice && !is_mark && error.empty()) return false;
        if (!presentation_) return false;
        // tsdemux sends the same event on all of its pads.
        const uint32_t seqnum = gst_event_get_seqnum(event);
        if (is_splice && std::exchange(range_seqnum_, seqnum) == seqnum) return true;
        const Result result = is_splice
                                  ? date_ranges_.add_section(splice.section, splice.time, here)
                              : is_mark ? date_ranges_.add_mark(std::move(mark))
                                        : Result::error(error);
        if (result.is_error()) error = result.reason();
        while (const auto time = date_ranges_.take_cut()) {
            presentation_->split(*time);
            const GstClockTime at = *time > here ? GstClockTime(*time) : GST_CLOCK_TIME_NONE;
            for (const auto &in : inputs_)
                if (in->media == Media::video)
                    wanted.emplace_back(GstPtr<GstPad>::ref(in->pad), at);
        }
    }
    if (!error.empty())
        GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("Left out: %s.", error.c_str()),
                            ("%" GST_PTR_FORMAT, event));
    // An encoder upstream makes a keyframe there; a recorded stream has its own.
    for (const auto &[video, at] : wanted)
        gst_pad_push_event(video.get(),
                           gst_video_event_new_upstream_force_key_unit(at, TRUE, key_requests_++));
    return error.empty();
}

} // namespace penstock::hls
