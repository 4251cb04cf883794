// SPDX-License-Identifier: LGPL-2.1-or-later
// An input's encoded media, on upstream's thread: times, keyframes, and the tracks that decode
// them.
#include "room/input.h"

#include "gst/guard.h"
#include "gst/running_time.h"
#include "gst/steady_time.h"

#include <cstring>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_roommixer_debug);
#define GST_CAT_DEFAULT penstock_roommixer_debug

namespace penstock::room {
namespace {

constexpr guint64 keyframe_interval = GST_SECOND; ///< between requests
/// Between attempts to decode a medium that has failed; doubles up to the longest.
constexpr guint64 first_retry = 2 * GST_SECOND, longest_retry = 64 * GST_SECOND;
constexpr guint64 well = 250; ///< frames after which a failure is not the first one's continuation

bool is_delta(GstBuffer *buffer) {
    return GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
}

} // namespace

std::shared_ptr<Track> Input::track_of(Medium medium) const {
    std::lock_guard lock(mutex_);
    const auto &track = paths_[size_t(medium)].track;
    return track && track->is_ready() ? track : nullptr;
}

std::shared_ptr<VideoTrack> Input::video() const {
    return std::static_pointer_cast<VideoTrack>(track_of(Medium::video));
}

/// Further tracks have other names, and are left out.
void Input::on_coded_pad(GstPad *pad) {
    for (const Medium medium : {Medium::video, Medium::audio}) {
        if (strcmp(GST_PAD_NAME(pad), name_of(medium)) != 0) continue;
        struct At {
            Input *input;
            Medium medium;
        };
        gst_pad_add_probe(
            pad, GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
            [](GstPad *, GstPadProbeInfo *info, gpointer data) {
                const auto *at = static_cast<At *>(data);
                return guard(at->input->owner_.bin(), GST_PAD_PROBE_DROP,
                             [&] { return at->input->coded(at->medium, info); });
            },
            new At{this, medium}, [](gpointer data) { delete static_cast<At *>(data); });
        Path &path = path_of(medium);
        path.needs_start = true;
        // What the pad has sent before the probe was there.
        const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
        path.type = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
        path.limit.set_caps(caps.get());
        if (const auto segment =
                GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0)))
            gst_event_copy_segment(segment.get(), &path.segment);
        {
            std::lock_guard lock(mutex_);
            path.coded = GstPtr<GstPad>::ref(pad);
        }
        build_track(medium);
        if (medium == Medium::video && orientation_)
            gst_pad_push_event(pad, gst_event_ref(orientation_.get()));
    }
}

void Input::build_track(Medium medium) {
    std::lock_guard structure(structure_);
    Path &path = path_of(medium);
    GstPtr<GstPad> pad;
    {
        std::lock_guard lock(mutex_);
        path.pending = false;
        if (is_removed_ || ended_ || path.track || !path.coded) return;
        pad = path.coded;
    }
    std::shared_ptr<Track> track;
    if (medium == Medium::video)
        track =
            std::make_shared<VideoTrack>(owner_.bin(), owner_.compositor(), owner_.colorimetry(),
                                         [this] { owner_.note_change(); });
    else
        track = std::make_shared<AudioTrack>(owner_.bin(), owner_.audiomixer());
    path.failed = path.has_segment = false;
    // It is known before it runs, so that what it reports can be told from the rest.
    {
        std::lock_guard lock(mutex_);
        path.track = track;
    }
    std::string reason;
    if (!track->build(pad.get(), reason)) {
        fail(medium, reason);
        return;
    }
    owner_.note_change();
}

void Input::drop_track(Medium medium) {
    std::lock_guard structure(structure_);
    std::shared_ptr<Track> track;
    {
        std::lock_guard lock(mutex_);
        track = std::exchange(path_of(medium).track, nullptr);
        path_of(medium).pending = false;
    }
    if (track) track->remove();
    owner_.note_change();
}

/// Runs it on a thread that may wait for those of the decoders.
void Input::call_async(void (*fn)(Input &, Medium), Medium medium) {
    struct Call {
        std::shared_ptr<Input> input;
        void (*fn)(Input &, Medium);
        Medium medium;
    };
    gst_element_call_async(
        GST_ELEMENT(owner_.bin()),
        [](GstElement *element, gpointer data) {
            const auto *call = static_cast<Call *>(data);
            guard(element, [&] { call->fn(*call->input, call->medium); });
        },
        new Call{shared_from_this(), fn, medium},
        [](gpointer data) { delete static_cast<Call *>(data); });
}

bool Input::owns(GstObject *object, std::optional<Medium> &medium) const {
    for (const Medium one : {Medium::video, Medium::audio})
        if (const auto track = track_of(one); track && track->contains(object)) {
            medium = one;
            return true;
        }
    return gst_object_has_as_ancestor(object, GST_OBJECT(demuxer_.get()));
}

void Input::fail(std::optional<Medium> medium, const std::string &reason) {
    if (is_removed_) return;
    if (!medium) {
        if (is_broken_.exchange(true)) return;
        ended_ = false;
        begun_ = false;
        owner_.note_change();
        GST_ELEMENT_WARNING(
            owner_.bin(), STREAM, DEMUX,
            ("%s can't be read, and is left out: %s", who().c_str(), reason.c_str()), (nullptr));
        return;
    }
    Path &path = path_of(*medium);
    if (path.failed.exchange(true)) return;
    {
        std::lock_guard lock(mutex_);
        if (path.track && path.track->frames() >= well) path.failures = 0;
        const unsigned times = std::min(path.failures++, 5u);
        path.retry = int64_t(steady_time() + std::min(first_retry << times, longest_retry));
    }
    path.pending = true;
    GST_ELEMENT_WARNING(owner_.bin(), STREAM, DECODE,
                        ("%s: the %s can't be decoded, and is left out: %s", who().c_str(),
                         name_of(*medium), reason.c_str()),
                        (nullptr));
    call_async([](Input &input, Medium which) { input.drop_track(which); }, *medium);
}

GstPadProbeReturn Input::coded(Medium medium, GstPadProbeInfo *info) {
    if (!(GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER))
        return coded_event(medium, info);
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    return coded_frame(medium, buffer) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

GstPadProbeReturn Input::coded_event(Medium medium, GstPadProbeInfo *info) {
    Path &path = path_of(medium);
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_SEGMENT: {
        gst_event_copy_segment(event, &path.segment);
        if (path.has_segment.exchange(true)) return GST_PAD_PROBE_DROP;
        // Frames get running times.
        GstSegment running;
        gst_segment_init(&running, GST_FORMAT_TIME);
        GstEvent *replaced = gst_event_new_segment(&running);
        gst_event_set_seqnum(replaced, gst_event_get_seqnum(event));
        gst_event_unref(event);
        GST_PAD_PROBE_INFO_DATA(info) = replaced;
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        path.limit.set_caps(caps);
        const std::string type = gst_structure_get_name(gst_caps_get_structure(caps, 0));
        if (std::exchange(path.type, type) == type) return GST_PAD_PROBE_OK;
        // Another codec, and another decoder.
        path.needs_start = path.pending = true;
        call_async(
            [](Input &input, Medium which) {
                input.drop_track(which);
                input.build_track(which);
            },
            medium);
        return GST_PAD_PROBE_DROP;
    }
    case GST_EVENT_GAP:
    case GST_EVENT_EOS:
        return GST_PAD_PROBE_DROP;
    default:
        return GST_PAD_PROBE_OK;
    }
}

/// Whether the frame is decoded.
bool Input::coded_frame(Medium medium, GstBuffer *buffer) {
    Path &path = path_of(medium);
    if (medium == Medium::video && !wanted_) {
        path.needs_start = true;
        return false;
    }
    if (const char *reason = why_not(medium, buffer)) {
        GST_LOG_OBJECT(pad_.get(), "%s left out: %s", name_of(medium), reason);
        path.needs_start = true;
        ++path.drops;
        return false;
    }
    if (std::exchange(path.needs_start, false))
        GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    return true;
}

/// nullptr if nothing is wrong; the buffer has its times then.
const char *Input::why_not(Medium medium, GstBuffer *buffer) {
    Path &path = path_of(medium);
    const auto track = track_of(medium);
    if (!track || path.failed || path.pending) {
        const bool is_due = !path.failed || int64_t(steady_time()) >= path.retry;
        if (is_due && !path.pending.exchange(true))
            call_async([](Input &input, Medium which) { input.build_track(which); }, medium);
        return "there is no decoder now";
    }
    if (medium == Medium::video && is_delta(buffer) &&
        (path.needs_start || GST_BUFFER_IS_DISCONT(buffer))) {
        ask_for_keyframe();
        return "it needs a keyframe";
    }
    if (medium == Medium::video)
        if (const std::string reason = path.limit.refuses(buffer); !reason.empty()) {
            fail(medium, reason);
            return "it is too large";
        }
    if (is_live_.value_or(true) && track->is_full()) return "the decoder is behind";
    return set_time(path, buffer) ? nullptr : "it has no time";
}

/// Gives the buffer running times that are near those of the clock.
bool Input::set_time(Path &path, GstBuffer *buffer) {
    const auto pts = running_time(path.segment, GST_BUFFER_PTS(buffer));
    if (!pts) return false;
    const auto dts = running_time(path.segment, GST_BUFFER_DTS(buffer));
    int64_t offset = 0;
    const auto now = owner_.running_now();
    GST_TRACE_OBJECT(pad_.get(), "%" GST_STIME_FORMAT ", %" GST_STIME_FORMAT " ahead",
                     GST_STIME_ARGS(*pts), GST_STIME_ARGS(*pts - now.value_or(*pts)));
    if (now && is_live_.value_or(true)) {
        offset = arrival_.step(dts.value_or(*pts), *now);
        moves_ = arrival_.moves();
    }
    if (*pts + offset < 0) return false;
    GST_BUFFER_PTS(buffer) = guint64(*pts + offset);
    GST_BUFFER_DTS(buffer) =
        dts && *dts + offset >= 0 ? guint64(*dts + offset) : GST_CLOCK_TIME_NONE;
    return true;
}

/// On another thread: upstream may hold locks that are needed for it.
void Input::ask_for_keyframe() {
    const guint64 now = steady_time();
    if (asked_ != 0 && now < asked_ + keyframe_interval) return;
    asked_ = now;
    gst_element_call_async(
        GST_ELEMENT(owner_.bin()),
        [](GstElement *, gpointer pad) {
            gst_pad_push_event(GST_PAD(pad), new_keyframe_request());
        },
        gst_object_ref(pad_.get()), gst_object_unref);
}

} // namespace penstock::room
