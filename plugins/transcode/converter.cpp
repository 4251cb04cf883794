// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transcode/converter.h"

#include "core/net/loop/clock.h"
#include "gst/guard.h"
#include "gst/longest_gop.h"
#include "gst/running_time.h"

#include <gst/video/video.h>

#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_copy_or_encode_debug);
#define GST_CAT_DEFAULT penstock_copy_or_encode_debug

namespace penstock::transcode {

Converter::Converter(GstBin *bin, GstPad *sink, GstPad *src) : bin_(bin), sink_(sink), src_(src) {
    const auto count = [](GstPad *pad, GstPadProbeInfo *info, gpointer data) {
        auto &counters = static_cast<Converter *>(data)->counters_;
        const auto add = [&](GstBuffer *buffer) {
            const gsize size = gst_buffer_get_size(buffer);
            GST_PAD_IS_SINK(pad) ? counters.in(size) : counters.out(size);
        };
        if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
            add(GST_PAD_PROBE_INFO_BUFFER(info));
        } else {
            GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST(info);
            for (guint i = 0; i < gst_buffer_list_length(list); ++i)
                add(gst_buffer_list_get(list, i));
        }
        return GST_PAD_PROBE_OK;
    };
    constexpr auto data =
        GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST);
    for (GstPad *pad : {sink_, src_})
        gst_pad_add_probe(pad, data, count, this, nullptr);
    gst_pad_add_probe(
        sink_, data,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            auto *self = static_cast<Converter *>(data);
            return guard(self->bin_, GST_PAD_PROBE_OK, [&] { return self->before_sink(info); });
        },
        this, nullptr);
}

/// Builds the undecided children before the first buffer enters.
GstPadProbeReturn Converter::before_sink(GstPadProbeInfo *info) {
    if (order_ || decide()) return GST_PAD_PROBE_OK;
    gst_mini_object_unref(GST_MINI_OBJECT_CAST(GST_PAD_PROBE_INFO_DATA(info)));
    GST_PAD_PROBE_INFO_DATA(info) = nullptr;
    GST_PAD_PROBE_INFO_FLOW_RETURN(info) = GST_FLOW_NOT_NEGOTIATED;
    return GST_PAD_PROBE_HANDLED;
}

Settings Converter::settings() const {
    std::lock_guard lock(lock_);
    return settings_;
}

Mode Converter::mode() const {
    std::lock_guard lock(lock_);
    return mode_;
}

std::string Converter::action() const {
    std::lock_guard lock(lock_);
    return action_;
}

std::string Converter::reason() const {
    std::lock_guard lock(lock_);
    return reason_;
}

bool Converter::is_configured() const {
    return !action().empty();
}

GstPtr<GstStructure> Converter::stats() const {
    auto stats = counters_.with_peers(gst_pad_is_linked(src_)).to_structure();
    gst_structure_set(stats.get(), "action", G_TYPE_STRING, action().c_str(), nullptr);
    return stats;
}

namespace {

void end_if_unlinked(GstElement *element, gpointer) {
    guard(element, [element] {
        const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, "sink"));
        if (!gst_pad_is_linked(pad.get())) gst_pad_send_event(pad.get(), gst_event_new_eos());
    });
}

} // namespace

GstClockTime Converter::stream_wait() const {
    std::lock_guard lock(lock_);
    return stream_wait_;
}

/// Starts the timer that ends an unlinked stream, so that a muxer does not wait for it forever.
void Converter::start() {
    counters_.start();
    const auto clock = GstPtr<GstClock>::adopt(gst_system_clock_obtain());
    std::lock_guard lock(lock_);
    ended_ = false;
    if (stream_wait_ == 0) return;
    timer_ =
        gst_clock_new_single_shot_id(clock.get(), gst_clock_get_time(clock.get()) + stream_wait_);
    auto *weak = new GWeakRef; // the clock may release it after the element
    g_weak_ref_init(weak, bin_);
    gst_clock_id_wait_async(
        timer_,
        [](GstClock *, GstClockTime, GstClockID, gpointer data) -> gboolean {
            const auto bin = GstPtr<GstElement>::adopt(
                static_cast<GstElement *>(g_weak_ref_get(static_cast<GWeakRef *>(data))));
            // On another thread: pushing may block, and this thread serves all timers.
            if (bin) gst_element_call_async(bin.get(), end_if_unlinked, nullptr, nullptr);
            return TRUE;
        },
        weak,
        [](gpointer data) {
            g_weak_ref_clear(static_cast<GWeakRef *>(data));
            delete static_cast<GWeakRef *>(data);
        });
}

void Converter::begin_stop() {
    std::lock_guard lock(lock_);
    if (!timer_) return;
    gst_clock_id_unschedule(timer_);
    gst_clock_id_unref(std::exchange(timer_, nullptr));
}

void Converter::stop() {
    begin_stream();
    remove_children();
    counters_.stop();
}

bool Converter::fail(const std::string &text, const std::string &debug) {
    GST_ELEMENT_ERROR(bin_, STREAM, CODEC_NOT_FOUND, ("%s", text.c_str()), ("%s", debug.c_str()));
    return false;
}

void Converter::begin_stream() {
    orientation_ = GST_VIDEO_ORIENTATION_IDENTITY;
    undecided_.reset();
    longest_gop_.reset();
    order_.reset();
    order_caps_.reset();
    held_.clear();
}

bool Converter::take_caps(const GstCaps *caps) {
    const char *name = gst_structure_get_name(gst_caps_get_structure(caps, 0));
    const bool is_coded_video = !is_raw(caps) && is_video(caps);
    const bool is_other_stream = is_coded_video && watch_frames(caps);
    if (!is_coded_video) order_.reset();
    // New caps of the same kind during streaming leave the children unchanged.
    if (!is_coded_video ||
        (!is_other_stream && !children_.empty() && !undecided_ && input_ == name))
        return configure(caps);
    remove_children();
    undecided_ = GstPtr<GstCaps>::adopt(gst_caps_copy(caps));
    return true;
}

GstPtr<GstEvent> Converter::take_tags(GstPtr<GstEvent> event) {
    const auto orientation = orientation_of(event.get());
    if (!orientation || mode() == Mode::never) return event;
    const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(sink_));
    if (!undecided_ && *orientation != turned_ && caps && is_video(caps.get())) undecided_ = caps;
    orientation_ = *orientation;
    return *orientation == GST_VIDEO_ORIENTATION_IDENTITY ? event : as_upright(event.get());
}

bool Converter::decide() {
    const GstPtr<GstCaps> caps = std::exchange(undecided_, {});
    return !caps || configure(caps.get());
}

/// Returns an empty string if the stream can be copied.
std::string Converter::why_encode(const Codec &codec, Mode mode, const GstCaps *caps) {
    if (std::string reason = why_not_copied(codec, caps); !reason.empty()) return reason;
    if (mode == Mode::always) return "mode=always";
    const std::string turn = codec.video ? say_orientation(orientation_) : "";
    if (!turn.empty()) return "shown upright: " + turn;
    if (codec.video && order_ && order_->finding() == FrameOrder::Finding::reordered)
        return "it has B-frames";
    const GstClockTime most = settings().longest_gop;
    if (most == 0 || !codec.video || mode == Mode::never) return "";
    // Caps may come again, and the file is read for each answer.
    if (!longest_gop_) longest_gop_ = upstream_longest_gop(sink_, most).value_or(0);
    if (*longest_gop_ <= most) return "";
    return "it has keyframes that are " + net::time_text(net::ms_of(*longest_gop_)) + " apart";
}

bool Converter::configure(const GstCaps *caps) {
    const Settings wanted = settings();
    const Mode mode = this->mode();
    const GOwned<> text(gst_caps_to_string(caps));
    const Codec *codec = choose_codec(wanted.codec, caps);
    if (!codec)
        return fail("This stream can't become what the property codec asks for: leave it at auto, "
                    "or feed it the other of audio and video.",
                    text.get());
    std::string reason = why_encode(*codec, mode, caps);
    if (!reason.empty() && wanted.codec == CodecId::accepted) {
        const auto accepted = GstPtr<GstCaps>::adopt(gst_pad_peer_query_caps(src_, nullptr));
        const Codec *other = codec_accepted_by(accepted.get(), caps);
        std::string why_other = other ? why_encode(*other, mode, caps) : reason;
        if (other && why_other.empty()) codec = other;
        reason = std::move(why_other);
    }
    const bool copy = reason.empty();
    const std::string input = gst_structure_get_name(gst_caps_get_structure(caps, 0));
    const bool direct = copy && !parser_of(*codec, caps);
    const Orientation turn = codec->video ? orientation_ : GST_VIDEO_ORIENTATION_IDENTITY;
    // New caps of the same kind use the existing chain.
    if (codec == codec_ && copy == copying_ && input == input_ && turned_ == turn &&
        direct == direct_ && (direct || !children_.empty()))
        return true;
    if (!copy && mode == Mode::never)
        return fail("This stream would have to be encoded and mode=never forbids it.",
                    reason + ": " + text.get());
    remove_children();
    codec_ = codec;
    copying_ = copy;
    input_ = input;
    turned_ = turn;
    {
        std::lock_guard lock(lock_);
        reason_ = reason;
    }
    return copy ? build_copy(*codec, caps) : build_encode(*codec, caps);
}

GstElement *Converter::add(const char *factory) {
    GstElement *element = gst_element_factory_make(factory, nullptr);
    if (!element) {
        fail(std::string("The GStreamer element ") + factory +
             " is missing: `penstock check` on a description names its package.");
        return nullptr;
    }
    gst_bin_add(bin_, element);
    children_.push_back(element);
    return element;
}

bool Converter::build_encode(const Codec &codec, const GstCaps *caps) {
    const Settings wanted = settings();
    auto encoder = make_encoder(codec, wanted);
    if (!encoder) {
        std::string names;
        for (const char *name : codec.encoders)
            names += std::string(names.empty() ? "" : ", ") + name;
        return fail(std::string("No encoder for ") + codec.name + " is installed (" + names +
                    "): install gstreamer1.0-plugins-ugly, -bad or gstreamer1.0-libav.");
    }
    GstElement *decoder = add("decodebin");
    std::vector<GstElement *> rest;
    if (turned_ != GST_VIDEO_ORIENTATION_IDENTITY) {
        GstElement *flip = add("videoflip");
        if (flip) g_object_set(flip, "video-direction", gint(turned_), nullptr);
        rest.push_back(flip);
    }
    for (const char *name :
         codec.video ? std::vector<const char *>{"videoconvert", "videoscale", "capsfilter"}
                     : std::vector<const char *>{"audioconvert", "audioresample", "capsfilter"})
        rest.push_back(add(name));
    GstElement *filter = rest.back();
    gst_bin_add(bin_, encoder.get());
    children_.push_back(encoder.get());
    encoder_ = encoder.get();
    bitrate_ = 0;
    rate_.reset();
    if (wanted.source_bitrate && codec.video && !is_raw(caps)) rate_.emplace();
    rest.push_back(encoder.get());
    rest.push_back(add(codec.parser));
    for (GstElement *element : rest)
        if (!element || !decoder) return false;
    g_object_set(decoder, "sink-caps", caps, nullptr);
    gst_util_set_object_arg(G_OBJECT(filter), "caps", codec.raw);
    for (size_t i = 0; i + 1 < rest.size(); ++i)
        gst_element_link(rest[i], rest[i + 1]);
    first_behind_decoder_ = rest.front();
    g_signal_connect(decoder, "pad-added",
                     G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer data) {
                         auto *self = static_cast<Converter *>(data);
                         guard(self->bin_, [&] { self->on_decoded(pad); });
                     }),
                     this);
    next_keyframe_.reset();
    has_segment_ = false;
    overlap_.reset();
    auto encoder_in = GstPtr<GstPad>::adopt(gst_element_get_static_pad(encoder.get(), "sink"));
    gst_pad_add_probe(
        encoder_in.get(),
        GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                        GST_PAD_PROBE_TYPE_EVENT_FLUSH),
        [](GstPad *pad, GstPadProbeInfo *info, gpointer data) {
            auto *self = static_cast<Converter *>(data);
            return guard(self->bin_, GST_PAD_PROBE_OK,
                         [&] { return self->before_encoder(pad, info); });
        },
        this, nullptr);

    auto in = GstPtr<GstPad>::adopt(gst_element_get_static_pad(decoder, "sink"));
    auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(rest.back(), "src"));
    gst_ghost_pad_set_target(GST_GHOST_PAD(src_), out.get());
    gst_ghost_pad_set_target(GST_GHOST_PAD(sink_), in.get());
    for (auto it = children_.rbegin(); it != children_.rend(); ++it)
        gst_element_sync_state_with_parent(*it);
    const GstElementFactory *factory = gst_element_get_factory(encoder.get());
    finish(std::string("encoded by ") + GST_OBJECT_NAME(factory));
    return true;
}

void Converter::on_decoded(GstPad *pad) {
    auto in = GstPtr<GstPad>::adopt(gst_element_get_static_pad(first_behind_decoder_, "sink"));
    if (gst_pad_is_linked(in.get())) return; // only the first stream
    if (GST_PAD_LINK_FAILED(gst_pad_link(pad, in.get())))
        fail("The decoded stream is neither audio nor video that can be encoded.");
}

/// Encoders can't handle timestamps that start again with a further segment, so their buffers get
/// running time in a single segment.
GstPadProbeReturn Converter::before_encoder(GstPad *pad, GstPadProbeInfo *info) {
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
        GST_PAD_PROBE_INFO_DATA(info) = buffer;
        const auto time = running_time(segment_, GST_BUFFER_PTS(buffer));
        if (!time || *time < 0) return GST_PAD_PROBE_DROP;
        GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(*time);
        GST_BUFFER_DTS(buffer) = GST_CLOCK_TIME_NONE;
        if (codec_->video) {
            ask_for_keyframe(pad, *time);
            return GST_PAD_PROBE_OK;
        }
        auto rest = overlap_.cut(GstPtr<GstBuffer>::adopt(buffer));
        const bool is_empty = !rest;
        GST_PAD_PROBE_INFO_DATA(info) = rest.release();
        return is_empty ? GST_PAD_PROBE_HANDLED : GST_PAD_PROBE_OK;
    }
    GstEvent *event = GST_PAD_PROBE_INFO_EVENT(info);
    switch (GST_EVENT_TYPE(event)) {
    case GST_EVENT_SEGMENT: {
        gst_event_copy_segment(event, &segment_);
        if (std::exchange(has_segment_, true)) return GST_PAD_PROBE_DROP;
        GstSegment running;
        gst_segment_init(&running, GST_FORMAT_TIME);
        GST_PAD_PROBE_INFO_DATA(info) = gst_event_new_segment(&running);
        gst_event_unref(event);
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_GAP: {
        GstClockTime from = GST_CLOCK_TIME_NONE, duration = GST_CLOCK_TIME_NONE;
        gst_event_parse_gap(event, &from, &duration);
        const auto time = running_time(segment_, from);
        if (!time || *time < 0) return GST_PAD_PROBE_DROP;
        GST_PAD_PROBE_INFO_DATA(info) =
            gst_event_new_gap(static_cast<GstClockTime>(*time), duration);
        gst_event_unref(event);
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_CAPS: {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(event, &caps);
        overlap_.set_caps(caps);
        return GST_PAD_PROBE_OK;
    }
    case GST_EVENT_FLUSH_STOP:
        has_segment_ = false;
        overlap_.reset();
        return GST_PAD_PROBE_OK;
    default:
        return GST_PAD_PROBE_OK;
    }
}

/// Requests a keyframe every keyframe-interval; by time, since the frame rate may vary.
void Converter::ask_for_keyframe(GstPad *encoder_in, int64_t now) {
    const auto interval = static_cast<int64_t>(settings().keyframe_interval);
    // An encoder's first frame is a keyframe anyway; a step back in time is a flush.
    if (!next_keyframe_ || now + 2 * interval < *next_keyframe_) {
        next_keyframe_ = now + interval;
        return;
    }
    if (now < *next_keyframe_) return;
    *next_keyframe_ += (now - *next_keyframe_) / interval * interval + interval;
    const auto encoder = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(encoder_in));
    if (encoder)
        gst_element_send_event(encoder.get(), gst_video_event_new_upstream_force_key_unit(
                                                  GST_CLOCK_TIME_NONE, TRUE, 0));
}

/// Reports the decision to the application and the log.
void Converter::finish(const std::string &action) {
    const std::string reason = this->reason();
    {
        std::lock_guard lock(lock_);
        action_ = action;
    }
    GST_INFO_OBJECT(bin_, "%s is %s%s%s", input_.c_str(), action.c_str(),
                    reason.empty() ? "" : ": ", reason.c_str());
    gst_element_post_message(
        GST_ELEMENT(bin_),
        gst_message_new_element(GST_OBJECT(bin_),
                                gst_structure_new("penstock-copy-or-encode", "input", G_TYPE_STRING,
                                                  input_.c_str(), "action", G_TYPE_STRING,
                                                  action.c_str(), "reason", G_TYPE_STRING,
                                                  reason.c_str(), nullptr)));
    g_object_notify(G_OBJECT(bin_), "action");
}

void Converter::remove_children() {
    gst_ghost_pad_set_target(GST_GHOST_PAD(sink_), nullptr);
    gst_ghost_pad_set_target(GST_GHOST_PAD(src_), nullptr);
    for (GstElement *child : children_) {
        gst_element_set_locked_state(child, TRUE);
        gst_element_set_state(child, GST_STATE_NULL);
        gst_bin_remove(bin_, child);
    }
    children_.clear();
    first_behind_decoder_ = nullptr;
    encoder_ = nullptr;
    rate_.reset();
    codec_ = nullptr;
    direct_ = false;
    turned_ = GST_VIDEO_ORIENTATION_IDENTITY;
    std::lock_guard lock(lock_);
    action_.clear();
    reason_.clear();
}

void Converter::end_without_caps() {
    {
        std::lock_guard lock(lock_);
        if (std::exchange(ended_, true)) return;
    }
    GstEvent *start = gst_pad_get_sticky_event(sink_, GST_EVENT_STREAM_START, 0);
    if (!start) {
        const GOwned<> id(gst_pad_create_stream_id(src_, GST_ELEMENT(bin_), "none"));
        start = gst_event_new_stream_start(id.get());
    }
    GST_INFO_OBJECT(bin_, "no stream: ended");
    gst_pad_push_event(src_, start);
    gst_pad_push_event(src_, gst_event_new_eos());
}

} // namespace penstock::transcode
