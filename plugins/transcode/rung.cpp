// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transcode/rung.h"

#include "gst/guard.h"
#include "gst/running_time.h"

#include <gst/video/video.h>

#include <algorithm>
#include <thread>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_ladder_debug);
#define GST_CAT_DEFAULT penstock_ladder_debug

namespace penstock::transcode {
namespace {

/// Frames that may wait for an encoder. They are large and the encoded ones that wait in front of
/// the decoder are not, so this only has to keep the encoder busy.
constexpr unsigned most_queued = 6;
/// Keyframes on their way to the encoder at most: no more than frames, plus one each flush.
constexpr size_t most_keys = 64;

/// Where B-frames make the first decoding times negative, x264enc shifts its times to here, which
/// it does not do if they begin here.
constexpr GstClockTime far = 1000 * 3600 * GST_SECOND;

/// More threads cost quality: with low latency each has a slice of its own.
unsigned threads_for(const ladder::Size &size) {
    const unsigned wanted = size.pixels() > 1280 * 720 ? 4 : size.pixels() > 854 * 480 ? 2 : 1;
    return std::clamp(std::thread::hardware_concurrency(), 1u, wanted);
}

std::string raw_caps(const ladder::Size &size) {
    return "video/x-raw,format=I420,pixel-aspect-ratio=1/1,width=" + std::to_string(size.width) +
           ",height=" + std::to_string(size.height);
}

void set(GstElement *element, const char *property, const std::string &value) {
    gst_util_set_object_arg(G_OBJECT(element), property, value.c_str());
}

} // namespace

std::optional<ladder::Frame> frame_of(const GstCaps *caps) {
    GstVideoInfo info;
    if (!gst_video_info_from_caps(&info, caps)) return std::nullopt;
    return ladder::Frame{
        {unsigned(GST_VIDEO_INFO_WIDTH(&info)), unsigned(GST_VIDEO_INFO_HEIGHT(&info))},
        unsigned(GST_VIDEO_INFO_PAR_N(&info)),
        unsigned(GST_VIDEO_INFO_PAR_D(&info))};
}

Rung::Rung(GstBin *bin, GstPad *pad, ladder::Rung what, Latency latency)
    : bin_(bin), pad_(GstPtr<GstPad>::ref(pad)), what_(what), latency_(latency),
      origin_(latency == Latency::normal ? far : 0) {
    gst_segment_init(&encoder_segment_, GST_FORMAT_TIME);
    auto internal = GstPtr<GstPad>::adopt(GST_PAD(gst_proxy_pad_get_internal(GST_PROXY_PAD(pad))));
    // Whatever becomes of this pad's stream downstream, the decoder and the other rungs go on.
    gst_pad_set_chain_function_full(
        internal.get(),
        [](GstPad *proxy, GstObject *, GstBuffer *buffer) {
            auto *self = static_cast<Rung *>(g_object_get_data(G_OBJECT(proxy), "penstock-rung"));
            return guard(self->bin_, GST_FLOW_ERROR, [&] { return self->push(proxy, buffer); });
        },
        nullptr, nullptr);
    g_object_set_data(G_OBJECT(internal.get()), "penstock-rung", this);
    // A sink that is late must not make the decoder skip frames of all rungs.
    gst_pad_add_probe(
        pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer) {
            return GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_QOS
                       ? GST_PAD_PROBE_DROP
                       : GST_PAD_PROBE_OK;
        },
        nullptr, nullptr);
}

GstFlowReturn Rung::push(GstPad *internal, GstBuffer *buffer) {
    const GstFlowReturn flow =
        gst_proxy_pad_chain_default(internal, GST_OBJECT(pad_.get()), buffer);
    if (flow != GST_FLOW_OK) {
        if (drops_++ == 0)
            GST_INFO_OBJECT(pad_.get(), "nothing takes it: %s", gst_flow_get_name(flow));
    }
    return GST_FLOW_OK;
}

/// Empty after posting an element error. The element is not in the bin yet: from then on a change
/// of the bin's state may start it at any time, and an encoder that runs takes no settings.
GstPtr<GstElement> Rung::make(const char *factory, const char *role) const {
    const std::string name = std::string(role) + "_" + std::to_string(what_.height);
    GstElement *element = gst_element_factory_make(factory, name.c_str());
    if (element) return GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(element)));
    GST_ELEMENT_ERROR(bin_, STREAM, CODEC_NOT_FOUND,
                      ("The GStreamer element %s is missing: `penstock check` on a description "
                       "names its package.",
                       factory),
                      (nullptr));
    return {};
}

bool Rung::build(GstElement *tee, const ladder::Frame &frame) {
    const auto size = ladder::size_of(what_, frame);
    if (!size) return false;
    std::vector<GstPtr<GstElement>> made;
    for (const auto &[factory, role] :
         {std::pair("queue", "queue"), std::pair("videoscale", "scaler"),
          std::pair("capsfilter", "size"), std::pair("x264enc", "encoder"),
          std::pair("capsfilter", "form")}) {
        made.push_back(make(factory, role));
        if (!made.back()) return false;
    }
    GstElement *queue = made[0].get(), *scaler = made[1].get(), *encoder = made[3].get(),
               *form = made[4].get();
    filter_ = made[2].get();
    // before_queue() bounds it.
    for (const char *limit : {"max-size-buffers", "max-size-bytes", "max-size-time"})
        set(queue, limit, "0");
    set(scaler, "add-borders", "false");
    set(scaler, "method", "bilinear2");
    set(scaler, "qos", "false");
    set(filter_, "caps", raw_caps(*size));
    set(form, "caps", "video/x-h264,stream-format=avc,alignment=au");
    set(encoder, "bitrate", std::to_string(std::max<uint64_t>(what_.bitrate / 1000, 1)));
    set(encoder, "speed-preset", "veryfast");
    if (latency_ == Latency::low) {
        set(encoder, "tune", "zerolatency");
        set(encoder, "bframes", "0");
        set(encoder, "vbv-buf-capacity", "1000");
        set(encoder, "threads", std::to_string(threads_for(*size)));
    } else {
        set(encoder, "bframes", "2");
        set(encoder, "vbv-buf-capacity", "2000");
    }
    // Keyframes where the source has them, and nowhere else.
    set(encoder, "key-int-max", "1073741824");
    set(encoder, "option-string", "scenecut=0:open_gop=0");
    for (const auto &child : made) {
        gst_bin_add(bin_, child.get());
        children_.push_back(child.get());
    }
    gst_element_link_many(queue, scaler, filter_, encoder, form, nullptr);

    const auto probe = [this](GstPad *pad, int type, GstPadProbeCallback call) {
        gst_pad_add_probe(pad, GstPadProbeType(type), call, this, nullptr);
    };
    tee_ = tee;
    tee_pad_ = gst_element_request_pad_simple(tee, "src_%u");
    probe(tee_pad_, GST_PAD_PROBE_TYPE_BUFFER, [](GstPad *, GstPadProbeInfo *, gpointer data) {
        auto *self = static_cast<Rung *>(data);
        return guard(self->bin_, GST_PAD_PROBE_DROP, [&] { return self->before_queue(); });
    });
    probe(pad_of(scaler, "sink").get(),
          GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
          [](GstPad *, GstPadProbeInfo *info, gpointer data) {
              auto *self = static_cast<Rung *>(data);
              return guard(self->bin_, GST_PAD_PROBE_OK, [&] { return self->before_scaler(info); });
          });
    probe(pad_of(encoder, "sink").get(), GST_PAD_PROBE_TYPE_BUFFER,
          [](GstPad *pad, GstPadProbeInfo *info, gpointer data) {
              auto *self = static_cast<Rung *>(data);
              return guard(self->bin_, GST_PAD_PROBE_OK,
                           [&] { return self->before_encoder(pad, info); });
          });
    probe(
        pad_of(form, "src").get(), GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            auto *self = static_cast<Rung *>(data);
            return guard(self->bin_, GST_PAD_PROBE_OK, [&] { return self->behind_encoder(info); });
        });
    {
        std::lock_guard lock(lock_);
        stopping_ = false;
        queued_ = 0;
        keys_.clear();
    }
    gst_ghost_pad_set_target(GST_GHOST_PAD(pad_.get()), pad_of(form, "src").get());
    for (auto it = children_.rbegin(); it != children_.rend(); ++it)
        gst_element_sync_state_with_parent(*it);
    gst_pad_link(tee_pad_, pad_of(queue, "sink").get());
    GST_INFO_OBJECT(pad_.get(), "encodes %ux%u", size->width, size->height);
    return true;
}

void Rung::remove() {
    open_ = false;
    ask_to_stop();
    if (tee_pad_) {
        if (auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(tee_pad_)))
            gst_pad_unlink(tee_pad_, peer.get());
        gst_element_release_request_pad(tee_, tee_pad_);
        gst_object_unref(std::exchange(tee_pad_, nullptr));
    }
    for (auto it = children_.rbegin(); it != children_.rend(); ++it) {
        gst_element_set_locked_state(*it, TRUE);
        gst_element_set_state(*it, GST_STATE_NULL);
    }
    gst_ghost_pad_set_target(GST_GHOST_PAD(pad_.get()), nullptr);
    for (GstElement *child : children_)
        gst_bin_remove(bin_, child);
    children_.clear();
    filter_ = nullptr;
    scaled_from_.reset();
    std::lock_guard lock(lock_);
    pass_ = stopping_ = false;
    queued_ = 0;
    keys_.clear();
    size_ = {};
}

void Rung::reset() {
    remove();
    has_started_ = has_caps_ = false;
    bytes_ = frames_ = drops_ = 0;
    too_large_ = false;
    std::lock_guard lock(lock_);
    flushing_ = shut_ = false;
    rate_ = 0;
    rated_frames_ = 0;
}

void Rung::open(int64_t time) {
    open_ = true;
    std::lock_guard lock(lock_);
    out_ = time;
}

void Rung::expect(int64_t time, bool key, GstClockTime duration) {
    {
        std::lock_guard lock(lock_);
        pass_ = open_;
        if (pass_ && key && keys_.size() < most_keys) keys_.push_back(time);
    }
    if (open_ || !has_caps_) return;
    const auto at = static_cast<GstClockTime>(time);
    if (is_built()) // before_scaler() adds the origin
        gst_pad_push_event(tee_pad_, gst_event_new_gap(at, duration));
    else
        gst_pad_push_event(pad_.get(), gst_event_new_gap(at + origin_, duration));
}

void Rung::end() {
    if (is_built()) return;
    if (!std::exchange(has_started_, true)) {
        const GOwned<> id(gst_pad_create_stream_id(pad_.get(), GST_ELEMENT(bin_), name().c_str()));
        gst_pad_push_event(pad_.get(), gst_event_new_stream_start(id.get()));
    }
    gst_pad_push_event(pad_.get(), gst_event_new_eos());
}

void Rung::ask_to_stop() {
    std::lock_guard lock(lock_);
    stopping_ = true;
    room_.notify_all();
}

bool Rung::is_stopping() const {
    std::lock_guard lock(lock_);
    return stopping_;
}

void Rung::shut() {
    std::lock_guard lock(lock_);
    shut_ = true;
    room_.notify_all();
}

bool Rung::is_shut() const {
    std::lock_guard lock(lock_);
    return shut_;
}

void Rung::flush(bool on) {
    std::lock_guard lock(lock_);
    flushing_ = on;
    queued_ = 0;
    keys_.clear();
    if (!on) open_ = false;
    room_.notify_all();
}

/// Waits until the queue has room.
GstPadProbeReturn Rung::before_queue() {
    std::unique_lock lock(lock_);
    if (!pass_) return GST_PAD_PROBE_DROP;
    const auto is_over = [&] { return stopping_ || flushing_ || shut_; };
    room_.wait(lock, [&] { return queued_ < most_queued || is_over(); });
    if (is_over()) return GST_PAD_PROBE_DROP;
    ++queued_;
    return GST_PAD_PROBE_OK;
}

/// Moves times of an event to the origin.
void Rung::shift_event(GstPadProbeInfo *info) const {
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    GstEvent *moved = nullptr;
    if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) {
        GstSegment segment;
        gst_event_copy_segment(event, &segment);
        // The running times, too: until it has put out a frame, the encoder takes times for those.
        segment.start += origin_;
        segment.base += origin_;
        segment.position += origin_;
        moved = gst_event_new_segment(&segment);
    } else if (GST_EVENT_TYPE(event) == GST_EVENT_GAP) {
        GstClockTime time = 0, duration = 0;
        gst_event_parse_gap(event, &time, &duration);
        moved = gst_event_new_gap(time + origin_, duration);
    }
    if (!moved) return;
    gst_event_set_seqnum(moved, gst_event_get_seqnum(event));
    gst_event_unref(event);
    GST_PAD_PROBE_INFO_DATA(info) = moved;
}

/// Chooses the size for new caps, and moves times to the origin.
GstPadProbeReturn Rung::before_scaler(GstPadProbeInfo *info) {
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        std::lock_guard lock(lock_);
        if (queued_ > 0) --queued_;
        room_.notify_all();
        if (origin_ == 0) return GST_PAD_PROBE_OK;
        GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
        GST_BUFFER_PTS(buffer) += origin_;
        return GST_PAD_PROBE_OK;
    }
    if (origin_ != 0) shift_event(info);
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    // An encoder upstream says where it was asked for a keyframe. This one is asked for each.
    if (gst_video_event_is_force_key_unit(event)) return GST_PAD_PROBE_DROP;
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return GST_PAD_PROBE_OK;
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    const auto frame = frame_of(caps);
    const auto size = frame ? ladder::size_of(what_, *frame) : std::nullopt;
    if (!size) return GST_PAD_PROBE_DROP; // no frames follow
    // An encoder that is given another frame rate begins anew, with a keyframe.
    auto shape = GstPtr<GstCaps>::adopt(gst_caps_copy(caps));
    gst_structure_remove_fields(gst_caps_get_structure(shape.get(), 0), "framerate",
                                "max-framerate", nullptr);
    if (scaled_from_ && gst_caps_is_equal(scaled_from_.get(), shape.get()))
        return GST_PAD_PROBE_DROP;
    scaled_from_ = shape;
    set(filter_, "caps", raw_caps(*size));
    std::lock_guard lock(lock_);
    size_ = *size;
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn Rung::before_encoder(GstPad *pad, GstPadProbeInfo *info) {
    const auto time =
        static_cast<int64_t>(GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)) - origin_);
    bool key = false;
    {
        std::lock_guard lock(lock_);
        for (; !keys_.empty() && keys_.front() <= time; key = true)
            keys_.pop_front();
    }
    if (!key) return GST_PAD_PROBE_OK;
    // While another request is in the encoder, none is granted that has no time.
    const GstClockTime at =
        latency_ == Latency::low ? GST_CLOCK_TIME_NONE : static_cast<GstClockTime>(time) + origin_;
    const auto encoder = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(pad));
    if (encoder)
        gst_element_send_event(encoder.get(),
                               gst_video_event_new_upstream_force_key_unit(at, TRUE, 0));
    return GST_PAD_PROBE_OK;
}

void Rung::note_output(GstBuffer *buffer) {
    bytes_ += gst_buffer_get_size(buffer);
    ++frames_;
    if (!GST_BUFFER_PTS_IS_VALID(buffer)) return;
    const auto time = static_cast<int64_t>(GST_BUFFER_PTS(buffer) - origin_);
    std::lock_guard lock(lock_);
    out_ = std::max(out_, time);
    if (rated_frames_++ == 0 || time < rated_from_) {
        rated_from_ = time;
        rated_frames_ = 1;
    } else if (time - rated_from_ >= int64_t(GST_SECOND)) {
        rate_ = (rated_frames_ - 1) * double(GST_SECOND) / double(time - rated_from_);
        rated_from_ = time;
        rated_frames_ = 1;
    }
}

GstPadProbeReturn Rung::behind_encoder(GstPadProbeInfo *info) {
    if (!(GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER))
        return sticky_behind_encoder(info);
    // x264enc shifts its times, and the segment, so that the first frame is at 1000 hours; another
    // encoder on this pad has another shift.
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    const auto plain = [this](GstClockTime time) {
        const auto running = running_time(encoder_segment_, time);
        return running && *running >= 0 ? static_cast<GstClockTime>(*running) : GST_CLOCK_TIME_NONE;
    };
    GST_BUFFER_PTS(buffer) = plain(GST_BUFFER_PTS(buffer));
    GST_BUFFER_DTS(buffer) = plain(GST_BUFFER_DTS(buffer));
    note_output(buffer);
    return GST_PAD_PROBE_OK;
}

/// An encoder that takes the place of another one goes on with its stream: what is known downstream
/// is not said again.
GstPadProbeReturn Rung::sticky_behind_encoder(GstPadProbeInfo *info) {
    switch (GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info); GST_EVENT_TYPE(event)) {
    case GST_EVENT_STREAM_START: {
        const bool known = std::exchange(has_started_, true) && !GST_PAD_IS_EOS(pad_.get());
        return known ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
    }
    case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        has_caps_ = true;
        const auto known = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad_.get()));
        const bool same = known && gst_caps_is_equal(known.get(), caps);
        return same ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
    }
    case GST_EVENT_SEGMENT: {
        gst_event_copy_segment(event, &encoder_segment_);
        if (GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(pad_.get(), GST_EVENT_SEGMENT, 0)))
            return GST_PAD_PROBE_DROP;
        GstSegment running;
        gst_segment_init(&running, GST_FORMAT_TIME);
        running.start = running.position = origin_;
        running.time = 0;
        GstEvent *replaced = gst_event_new_segment(&running);
        gst_event_set_seqnum(replaced, gst_event_get_seqnum(event));
        gst_event_unref(event);
        GST_PAD_PROBE_INFO_DATA(info) = replaced;
        return GST_PAD_PROBE_OK;
    }
    default:
        return GST_PAD_PROBE_OK;
    }
}

ladder::Load::Reading Rung::reading(int64_t newest, bool waiting) const {
    std::lock_guard lock(lock_);
    return {.running = open_ && !stopping_,
            .lag = waiting || queued_ > 0 ? std::max<int64_t>(newest - out_, 0) : 0,
            .is_full = queued_ >= most_queued,
            .cost = size_.pixels(),
            .out = out_};
}

GstPtr<GstStructure> Rung::stats() const {
    std::lock_guard lock(lock_);
    return GstPtr<GstStructure>::adopt(gst_structure_new(
        "rung", "height", G_TYPE_UINT, what_.height, "bitrate", G_TYPE_UINT64, what_.bitrate,
        "output-width", G_TYPE_UINT, size_.width, "output-height", G_TYPE_UINT, size_.height, "fps",
        G_TYPE_DOUBLE, open_ ? rate_ : 0.0, "buffers-out", G_TYPE_UINT64, guint64(frames_),
        "bytes-out", G_TYPE_UINT64, guint64(bytes_), "drops", G_TYPE_UINT64, guint64(drops_),
        nullptr));
}

} // namespace penstock::transcode
