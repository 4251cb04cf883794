// SPDX-License-Identifier: LGPL-2.1-or-later
// The decoder's thread of the element ladder: keyframes are remembered across the decoder, and each
// frame is given to the rungs that run.
#include "transcode/ladder_bin.h"

#include "gst/guard.h"
#include "gst/running_time.h"
#include "gst/steady_time.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_ladder_debug);
#define GST_CAT_DEFAULT penstock_ladder_debug

namespace penstock::transcode {
namespace {

/// Keyframes in the decoder at most; a decoder reorders 16 frames.
constexpr size_t most_keys = 64;
/// The encoders need the rest of the machine.
constexpr gint most_decoder_threads = 2;

} // namespace

bool Ladder::build_chain() {
    GstElement *queue = add("queue", "input");
    GstElement *deinterlace = add("deinterlace", "deinterlace");
    GstElement *flip = add("videoflip", "upright");
    GstElement *convert = add("videoconvert", "convert");
    GstElement *filter = add("capsfilter", "format");
    GstElement *tee = add("tee", "frames");
    if (!queue || !deinterlace || !flip || !convert || !filter || !tee) return false;
    {
        std::lock_guard lock(lock_);
        queue_ = queue;
        first_ = deinterlace;
        tee_ = tee;
    }
    g_object_set(queue, "max-size-buffers", 0, "max-size-bytes", 0, "max-size-time", guint64(0),
                 nullptr);
    // One frame for each of the source: the rungs' frames have the same times.
    gst_util_set_object_arg(G_OBJECT(deinterlace), "fields", "top");
    gst_util_set_object_arg(G_OBJECT(flip), "video-direction", "auto");
    for (GstElement *element : {deinterlace, flip, convert})
        gst_util_set_object_arg(G_OBJECT(element), "qos", "false");
    gst_util_set_object_arg(G_OBJECT(filter), "caps", "video/x-raw,format=I420");
    g_object_set(tee, "allow-not-linked", TRUE, nullptr);
    gst_element_link_many(deinterlace, flip, convert, filter, tee, nullptr);
    const auto probe = [this](GstPad *pad, GstPadProbeCallback call) {
        gst_pad_add_probe(pad,
                          GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER |
                                          GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                                          GST_PAD_PROBE_TYPE_EVENT_FLUSH),
                          call, this, nullptr);
    };
    probe(pad_of(queue_, "src").get(), [](GstPad *pad, GstPadProbeInfo *info, gpointer data) {
        auto *self = static_cast<Ladder *>(data);
        return guard(self->bin_, GST_PAD_PROBE_OK, [&] { return self->before_decoder(pad, info); });
    });
    probe(pad_of(tee_, "sink").get(), [](GstPad *, GstPadProbeInfo *info, gpointer data) {
        auto *self = static_cast<Ladder *>(data);
        return guard(self->bin_, GST_PAD_PROBE_DROP, [&] { return self->decoded(info); });
    });
    gst_ghost_pad_set_target(GST_GHOST_PAD(sink_), pad_of(queue_, "sink").get());
    return true;
}

GstPadProbeReturn Ladder::before_decoder(GstPad *pad, GstPadProbeInfo *info) {
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
        if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT))
            return follow_ ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
        // With nothing to encode, keyframes alone say how large frames are.
        follow_ = std::exchange(is_new_, false) || is_any_wanted();
        if (const auto time = running_time(coded_segment_, GST_BUFFER_PTS(buffer))) {
            if (keys_.size() == most_keys) keys_.pop_front();
            // An intra frame that leads a keyframe of an open GOP comes after it.
            const auto later = std::upper_bound(
                keys_.begin(), keys_.end(), *time,
                [](int64_t wanted, const Key &other) { return wanted < other.time; });
            keys_.insert(later, {*time, follow_});
        }
        return GST_PAD_PROBE_OK;
    }
    switch (GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info); GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        is_new_ = true;
        return coded_caps(pad, caps) ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
    }
    case GST_EVENT_SEGMENT:
        gst_event_copy_segment(event, &coded_segment_);
        return GST_PAD_PROBE_OK;
    case GST_EVENT_FLUSH_STOP:
        keys_.clear();
        has_segment_ = false;
        follow_ = true;
        return GST_PAD_PROBE_OK;
    case GST_EVENT_EOS:
        if (!decoder_ || !gst_pad_is_linked(pad_of(first_, "sink").get())) end_all();
        return GST_PAD_PROBE_OK;
    default:
        return GST_PAD_PROBE_OK;
    }
}

/// Adds a decoder for the first caps and for those of another codec.
bool Ladder::coded_caps(GstPad *pad, GstCaps *caps) {
    const std::string type = gst_structure_get_name(gst_caps_get_structure(caps, 0));
    if (decoder_ && type == coded_) return true;
    drain_decoder();
    coded_ = type;
    keys_.clear();
    follow_ = true;
    decoder_ = make("decodebin", nullptr);
    if (!decoder_) return false;
    g_object_set(decoder_, "sink-caps", caps, nullptr);
    if (settings().latency == Latency::low)
        g_signal_connect(decoder_, "element-added",
                         G_CALLBACK(+[](GstBin *, GstElement *child, gpointer) {
                             GObjectClass *klass = G_OBJECT_GET_CLASS(child);
                             if (g_object_class_find_property(klass, "max-threads"))
                                 g_object_set(child, "max-threads", most_decoder_threads, nullptr);
                         }),
                         nullptr);
    g_signal_connect(decoder_, "pad-added",
                     G_CALLBACK(+[](GstElement *, GstPad *added, gpointer data) {
                         auto *self = static_cast<Ladder *>(data);
                         guard(self->bin_, [&] { self->on_decoder_pad(added); });
                     }),
                     this);
    // In the bin it may start at any time.
    gst_bin_add(bin_, decoder_);
    gst_element_sync_state_with_parent(decoder_);
    const auto in = pad_of(decoder_, "sink");
    gst_pad_link(pad, in.get());
    // The caps, which are on their way, are the first thing that comes by itself.
    if (GstEvent *start = gst_pad_get_sticky_event(pad, GST_EVENT_STREAM_START, 0))
        gst_pad_send_event(in.get(), start);
    return true;
}

/// Has the decoder give what it still has, and removes it.
void Ladder::drain_decoder() {
    if (!decoder_) return;
    draining_ = true;
    const auto in = pad_of(decoder_, "sink");
    gst_pad_send_event(in.get(), gst_event_new_eos());
    draining_ = false;
    if (auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(in.get())))
        gst_pad_unlink(peer.get(), in.get());
    gst_element_set_locked_state(decoder_, TRUE);
    gst_element_set_state(decoder_, GST_STATE_NULL);
    gst_bin_remove(bin_, std::exchange(decoder_, nullptr));
}

void Ladder::on_decoder_pad(GstPad *pad) {
    const auto in = pad_of(first_, "sink");
    if (gst_pad_is_linked(in.get())) return;
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            const bool ends = GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_EOS;
            return ends && static_cast<Ladder *>(data)->draining_ ? GST_PAD_PROBE_DROP
                                                                  : GST_PAD_PROBE_OK;
        },
        this, nullptr);
    if (GST_PAD_LINK_FAILED(gst_pad_link(pad, in.get())))
        GST_ELEMENT_ERROR(bin_, STREAM, WRONG_TYPE, ("The decoded stream is no video."), (nullptr));
}

/// Whether any rung runs, or will with the next keyframe.
bool Ladder::is_any_wanted() const {
    const auto at = static_cast<int64_t>(steady_time());
    std::lock_guard lock(lock_);
    return !source_ || std::any_of(rungs_.begin(), rungs_.end(), [&](const RungPtr &rung) {
        const size_t index = index_of(*rung);
        return !rung->is_released() && index < list_.size() &&
               ladder::size_of(rung->what(), *source_) &&
               (!load_.is_stopped(index) || load_.may_return(index, at));
    });
}

void Ladder::remove_released() {
    Rungs gone;
    {
        std::lock_guard lock(lock_);
        for (const RungPtr &rung : rungs_) {
            if (!rung->is_released()) continue;
            gone.push_back(rung);
            if (const size_t at = index_of(*rung); at < list_.size()) load_.forget(at);
        }
        std::erase_if(rungs_, [](const RungPtr &rung) { return rung->is_released(); });
    }
    for (const RungPtr &rung : gone)
        rung->remove();
}

GstPadProbeReturn Ladder::decoded(GstPadProbeInfo *info) {
    if (!(GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER)) return decoded_event(info);
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    const auto time = running_time(decoded_segment_, GST_BUFFER_PTS(buffer));
    if (!time || *time < 0) return GST_PAD_PROBE_DROP;
    // Encoders can't handle times that begin again: they get running times.
    GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(*time);
    GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
    // A keyframe that the decoder could not make a frame of gives way to the frame after it.
    std::optional<Key> key;
    for (; !keys_.empty() && keys_.front().time <= *time; keys_.pop_front())
        key = keys_.front();
    remove_released();
    for (const RungPtr &rung : rungs())
        step(*rung, *time, key ? &*key : nullptr, GST_BUFFER_DURATION(buffer));
    return GST_PAD_PROBE_OK;
}

/// Decides whether the frame goes to the rung.
void Ladder::step(Rung &rung, int64_t time, const Key *key, GstClockTime duration) {
    if (rung.is_shut()) return;
    if (rung.is_stopping()) rung.remove();
    const bool is_too_large = source_ && !ladder::size_of(rung.what(), *source_);
    if (is_too_large != rung.is_too_large()) {
        rung.set_too_large(is_too_large);
        tell_whether_made(rung);
    }
    bool wanted = source_ && !rung.is_too_large();
    bool returns = false;
    if (wanted) {
        const auto at = static_cast<int64_t>(steady_time());
        std::lock_guard lock(lock_);
        const size_t index = index_of(rung);
        wanted = index < list_.size();
        if (wanted && load_.is_stopped(index)) {
            wanted = returns = key && key->followed && load_.may_return(index, at);
            if (returns) load_.returned(index, at);
        }
    }
    if (!wanted) {
        rung.close();
    } else if (!rung.is_open() && key && key->followed) {
        if (!rung.is_built() && !rung.build(tee_, *source_)) return;
        rung.open(time);
        tell(rung, returns ? "returned" : "started", returns ? "tried again" : "");
    }
    rung.expect(time, key != nullptr, duration);
}

GstPadProbeReturn Ladder::decoded_event(GstPadProbeInfo *info) {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        const auto frame = frame_of(caps);
        std::lock_guard lock(lock_);
        source_ = frame;
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_SEGMENT: {
        gst_event_copy_segment(event, &decoded_segment_);
        if (std::exchange(has_segment_, true)) return GST_PAD_PROBE_DROP;
        GstSegment running;
        gst_segment_init(&running, GST_FORMAT_TIME);
        GstEvent *replaced = gst_event_new_segment(&running);
        gst_event_set_seqnum(replaced, gst_event_get_seqnum(event));
        gst_event_unref(event);
        GST_PAD_PROBE_INFO_DATA(info) = replaced;
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_GAP:
        return GST_PAD_PROBE_DROP; // a rung that gets no frame has nothing to announce
    case GST_EVENT_EOS:
        end_all();
        return GST_PAD_PROBE_OK;
    default:
        return GST_PAD_PROBE_OK;
    }
}

void Ladder::end_all() {
    for (const RungPtr &rung : rungs())
        rung->end();
}

} // namespace penstock::transcode
