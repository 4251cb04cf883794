// SPDX-License-Identifier: LGPL-2.1-or-later
// Data path of livefilesrc: buffers and events of each stream, and the jump from the end of the
// file back to its start.
#include "file/file_source.h"

#include "gst/guard.h"

#include <algorithm>
#include <chrono>
#include <string_view>

GST_DEBUG_CATEGORY_EXTERN(penstock_live_file_src_debug);
#define GST_CAT_DEFAULT penstock_live_file_src_debug

namespace penstock::file {
namespace {

/// Interval, in running time, of the GAP events for a stream that has ended before the others.
constexpr GstClockTime gap_step = 100 * GST_MSECOND;
/// How far a stream may be ahead of another one that something downstream holds up, in running
/// time. Beyond it the multiqueue would grow for the other one, since this one's queue is empty.
constexpr GstClockTime furthest_ahead = 5 * GST_SECOND;
/// A stream that is ahead sends a buffer each such time, in case the other waits for it.
constexpr auto hold = std::chrono::seconds(1);

/// Replaces the probe's event by `event` and keeps the sequence number.
void replace_event(GstPadProbeInfo *info, GstEvent *event) {
    GstEvent *old = GST_PAD_PROBE_INFO_EVENT(info);
    gst_event_set_seqnum(event, gst_event_get_seqnum(old));
    gst_event_unref(old);
    GST_PAD_PROBE_INFO_DATA(info) = event;
}

/// Removes the orientation from the probe's TAG event.
void remove_orientation(GstPadProbeInfo *info) {
    GstTagList *tags = nullptr;
    gst_event_parse_tag(GST_PAD_PROBE_INFO_EVENT(info), &tags);
    if (gst_tag_list_get_tag_size(tags, GST_TAG_IMAGE_ORIENTATION) == 0) return;
    GstTagList *others = gst_tag_list_copy(tags);
    gst_tag_list_remove_tag(others, GST_TAG_IMAGE_ORIENTATION);
    replace_event(info, gst_event_new_tag(others));
}

} // namespace

GstPadProbeReturn FileSource::on_data(Stream &stream, GstPadProbeInfo *info) {
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) return on_buffer(stream, info);
    return on_event(stream, info);
}

/// Whether another stream is far behind, with data that it could send. Called with the lock held.
bool FileSource::is_held_up(const Stream &stream, GstClockTime running) const {
    return std::any_of(streams_.begin(), streams_.end(), [&](const auto &other) {
        if (other.get() == &stream || other->ended || !other->has_sent ||
            other->newest + furthest_ahead >= running)
            return false;
        const auto pad =
            GstPtr<GstPad>::adopt(gst_element_get_static_pad(GST_ELEMENT(bin_), other->name));
        guint waiting = 0;
        g_object_get(other->in, "current-level-buffers", &waiting, nullptr);
        return waiting > 0 && pad && gst_pad_is_linked(pad.get()) &&
               GST_PAD_LAST_FLOW_RETURN(other->out) == GST_FLOW_OK;
    });
}

GstPadProbeReturn FileSource::on_buffer(Stream &stream, GstPadProbeInfo *info) {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    std::unique_lock lock(lock_);
    // Audio before the segment's start primes a decoder. From the second pass on the decoder is
    // running, and this audio would overlap the end of the previous pass.
    if (offset_ != 0 && stream.name == std::string_view("audio") &&
        GST_BUFFER_PTS_IS_VALID(buffer) && GST_BUFFER_DURATION_IS_VALID(buffer) &&
        stream.segment.format == GST_FORMAT_TIME &&
        GST_BUFFER_PTS(buffer) + GST_BUFFER_DURATION(buffer) <= stream.segment.start)
        return GST_PAD_PROBE_DROP;
    ++buffers_;
    bytes_ += gst_buffer_get_size(buffer);
    if (std::exchange(stream.first, false) &&
        GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT)) {
        // The pass begins with a keyframe and continues the running time: no discontinuity.
        buffer = gst_buffer_make_writable(buffer);
        GST_BUFFER_FLAG_UNSET(buffer, GST_BUFFER_FLAG_DISCONT);
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
    }
    const GstClockTime time =
        GST_BUFFER_PTS_IS_VALID(buffer) ? GST_BUFFER_PTS(buffer) : GST_BUFFER_DTS(buffer);
    if (stream.shift != 0) {
        buffer = gst_buffer_make_writable(buffer);
        if (GST_BUFFER_PTS_IS_VALID(buffer)) GST_BUFFER_PTS(buffer) += stream.shift;
        if (GST_BUFFER_DTS_IS_VALID(buffer)) GST_BUFFER_DTS(buffer) += stream.shift;
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
    }
    guint64 running = 0;
    if (!GST_CLOCK_TIME_IS_VALID(time) ||
        gst_segment_to_running_time_full(&stream.segment, GST_FORMAT_TIME, time, &running) <= 0)
        return GST_PAD_PROBE_OK;
    if (running > stream.newest) stream.step = running - stream.newest;
    stream.newest = running;
    stream.has_sent = true;
    progress_.notify_all();
    const GstClockTime duration =
        GST_BUFFER_DURATION_IS_VALID(buffer) ? GST_BUFFER_DURATION(buffer) : stream.step;
    stream.end = std::max(stream.end, running + duration);
    const unsigned flushes = stream.flushes;
    progress_.wait_for(lock, hold, [&] {
        return closing_ || failed_ || stream.flushes != flushes || !is_held_up(stream, running);
    });
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn FileSource::on_event(Stream &stream, GstPadProbeInfo *info) {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_FLUSH_START: {
        if (rewinding_) return GST_PAD_PROBE_DROP;
        std::lock_guard lock(lock_);
        stream.ended = false;
        ++stream.flushes;
        progress_.notify_all();
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_FLUSH_STOP: {
        if (rewinding_) return GST_PAD_PROBE_DROP;
        // After a seek from outside, running time starts at 0 again.
        std::lock_guard lock(lock_);
        offset_ = 0;
        latched_loop_ = false;
        stream.ended = stream.first = stream.has_sent = false;
        stream.end = stream.newest = stream.step = 0;
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_STREAM_START: {
        // A file that is reopened for the next pass continues the same stream.
        std::lock_guard lock(lock_);
        return std::exchange(stream.started, true) ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
    }
    case GST_EVENT_STREAM_COLLECTION: {
        std::lock_guard lock(lock_);
        return reopened_ ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
    }
    case GST_EVENT_SEGMENT:
        return on_segment(stream, info);
    case GST_EVENT_TAG:
        if (rotate == Rotate::ignore) remove_orientation(info);
        return GST_PAD_PROBE_OK;
    case GST_EVENT_GAP: {
        GstClockTime time = 0, duration = 0;
        gst_event_parse_gap(event, &time, &duration);
        std::lock_guard lock(lock_);
        if (stream.shift != 0)
            replace_event(info, gst_event_new_gap(time + stream.shift, duration));
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_EOS:
        return hold_eos(stream) ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
    default:
        return GST_PAD_PROBE_OK;
    }
}

GstPadProbeReturn FileSource::on_segment(Stream &stream, GstPadProbeInfo *info) {
    GstSegment segment;
    gst_event_copy_segment(GST_PAD_PROBE_INFO_EVENT(info), &segment);
    std::lock_guard lock(lock_);
    stream.segment = segment;
    if (segment.format != GST_FORMAT_TIME) return GST_PAD_PROBE_OK;
    if (offset_ == 0) {
        if (loop) segment.stop = GST_CLOCK_TIME_NONE; // the stream goes on after the file's end
        stream.shift = 0;
    } else if (stream.sent.format == GST_FORMAT_TIME && stream.sent.stop == GST_CLOCK_TIME_NONE &&
               stream.sent.rate == 1 && segment.rate == 1) {
        stream.shift = GstClockTimeDiff(segment.base + offset_ - segment.start) -
                       GstClockTimeDiff(stream.sent.base - stream.sent.start);
        return GST_PAD_PROBE_DROP;
    } else {
        segment.base += offset_;
        stream.shift = 0;
    }
    stream.sent = segment;
    replace_event(info, gst_event_new_segment(&segment));
    return GST_PAD_PROBE_OK;
}

bool FileSource::hold_eos(Stream &stream) {
    bool all, none_ended;
    {
        std::lock_guard lock(lock_);
        none_ended =
            std::none_of(streams_.begin(), streams_.end(), [](const auto &s) { return s->ended; });
        if (none_ended) latched_loop_ = loop && !closing_;
        stream.ended = true;
        all = std::all_of(streams_.begin(), streams_.end(), [](const auto &s) { return s->ended; });
        if (!latched_loop_) return false;
        stream.telling = !all;
    }
    progress_.notify_all();
    if (!all) report_gaps(stream);
    {
        // A thread that pushes a GAP event may block downstream while the pipeline is paused. A
        // seek would wait for it with the state lock held, so the last such thread starts the seek.
        std::lock_guard lock(lock_);
        stream.telling = false;
        if (!std::all_of(streams_.begin(), streams_.end(),
                         [](const auto &s) { return s->ended && !s->telling; }))
            return true;
    }
    // On another thread, because the seek waits for this one.
    gst_element_call_async(
        GST_ELEMENT(bin_),
        [](GstElement *element, gpointer data) {
            guard(element, [data] { static_cast<FileSource *>(data)->rewind(); });
        },
        this, nullptr);
    return true;
}

/// Sends GAP events until all streams have ended, so that a muxer downstream does not wait for this
/// stream. Runs on the stream's own thread, which is idle until then.
void FileSource::report_gaps(Stream &stream) {
    std::unique_lock lock(lock_);
    GstClockTime told = stream.end, reached = told;
    const auto is_over = [&] {
        return closing_ || !stream.ended ||
               std::all_of(streams_.begin(), streams_.end(),
                           [](const auto &s) { return s->ended; });
    };
    for (;;) {
        progress_.wait(lock, [&] {
            for (const auto &other : streams_)
                reached = std::max(reached, other->newest);
            return is_over() || reached >= told + gap_step;
        });
        if (is_over()) return;
        guint64 position = 0;
        const int sign = gst_segment_position_from_running_time_full(
            &stream.segment, GST_FORMAT_TIME, told, &position);
        const GstClockTime duration = reached - told;
        told = reached;
        if (sign <= 0) continue;
        position += stream.shift;
        lock.unlock();
        // Sent directly to the peer: the element's own pad would resend the stored EOS event.
        if (const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(stream.out)))
            gst_pad_send_event(peer.get(), gst_event_new_gap(position, duration));
        lock.lock();
    }
}

void FileSource::rewind() {
    // The state must not change meanwhile: a flush during deactivation would leave the multiqueue
    // running, and a file being reopened would be opened twice.
    struct StateLock {
        GstElement *element;
        explicit StateLock(GstBin *bin) : element(GST_ELEMENT(bin)) { GST_STATE_LOCK(element); }
        ~StateLock() { GST_STATE_UNLOCK(element); }
    } state_lock(bin_);
    bool nothing, seek;
    {
        std::lock_guard lock(lock_);
        // The element may have been stopped, seeked or restarted since the call was queued.
        if (closing_ || failed_ || !latched_loop_ || streams_.empty() ||
            !std::all_of(streams_.begin(), streams_.end(),
                         [](const auto &s) { return s->ended && !s->telling; }))
            return;
        GstClockTime length = 0;
        for (const auto &stream : streams_)
            length = std::max(length, stream->end);
        nothing = length == 0;
        seek = !must_reopen_;
        offset_ += length;
        latched_loop_ = false;
        for (const auto &stream : streams_) {
            stream->ended = stream->has_sent = false;
            stream->first = true;
            stream->end = stream->newest = stream->step = 0;
        }
        rewinding_ = !nothing;
    }
    // A file whose streams have no duration would be reread forever.
    if (nothing) {
        fail(GST_STREAM_ERROR, GST_STREAM_ERROR_DEMUX,
             "\"" + location() + "\" has no media with a duration: it can't be looped.", "");
        return;
    }
    if (!seek || !seek_to_start()) reopen();
    ++loops_;
    rewinding_ = false;
}

// The seek is sent to one stream's pad; the demuxer seeks all streams.
bool FileSource::seek_to_start() {
    GstPtr<GstPad> in;
    {
        std::lock_guard lock(lock_);
        in = GstPtr<GstPad>::ref(streams_.front()->in);
    }
    return gst_pad_push_event(in.get(),
                              gst_event_new_seek(1.0, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH,
                                                 GST_SEEK_TYPE_SET, 0, GST_SEEK_TYPE_NONE, -1));
}

void FileSource::reopen() {
    std::vector<GstPtr<GstPad>> pads;
    {
        std::lock_guard lock(lock_);
        must_reopen_ = reopened_ = true;
        video_tracks_ = audio_tracks_ = 0;
        for (const auto &stream : streams_)
            pads.push_back(GstPtr<GstPad>::ref(stream->in));
    }
    gst_element_set_state(parsebin_, GST_STATE_READY);
    gst_element_set_state(filesrc_, GST_STATE_READY);
    // A flush clears the multiqueue's EOS state; the probes stop it from going further.
    for (const auto &pad : pads) {
        gst_pad_send_event(pad.get(), gst_event_new_flush_start());
        gst_pad_send_event(pad.get(), gst_event_new_flush_stop(TRUE));
    }
    gst_element_sync_state_with_parent(parsebin_);
    gst_element_sync_state_with_parent(filesrc_);
}

} // namespace penstock::file
