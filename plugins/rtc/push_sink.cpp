// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/push_sink.h"

#include "core/net/loop/clock.h"
#include "gst/keyframe_request.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_rtc_push_sink_debug);
#define GST_CAT_DEFAULT penstock_rtc_push_sink_debug

namespace penstock::rtc {
namespace {

constexpr uint64_t other_track_ms = 1'000; ///< that a track waits for the other one
constexpr uint64_t keyframe_ms = 1'000;    ///< between requests for keyframes

} // namespace

bool PushSink::start() {
    std::string error;
    std::optional<ClientOptions> options;
    {
        std::lock_guard lock(settings_mutex);
        options = settings.options(&error);
        std::lock_guard media(media_mutex_);
        max_bytes_ = settings.queue_max_bytes;
        max_time_ = settings.queue_max_time;
    }
    if (!options) {
        GST_ELEMENT_ERROR(sink_, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
        return false;
    }
    shown_ = options->url.shown();
    last_reason_.clear();
    reader_.reset();
    any_ = warned_of_order_ = false;
    warned_video_ = warned_audio_ = 0;
    asked_ms_ = 0;
    {
        std::lock_guard lock(media_mutex_);
        headers_.reset();
        tracks_ = used_ = {};
        first_ms_ = 0;
        ready_ = false;
    }
    counters_.start();
    sync.restart();
    auto client = std::make_unique<Client>(std::move(*options), *this);
    if (!client->start(&error)) {
        GST_ELEMENT_ERROR(sink_, RESOURCE, OPEN_WRITE, ("%s", error.c_str()), (nullptr));
        return false;
    }
    std::lock_guard lock(client_mutex_);
    client_ = std::move(client);
    return true;
}

void PushSink::stop() {
    std::unique_lock lock(client_mutex_);
    const auto gone = std::move(client_);
    lock.unlock();
    if (gone) gone->stop();
}

// --- the streaming thread -----------------------------------------------------------------

GstFlowReturn PushSink::refuse(const std::string &reason) {
    if (!any_) {
        GST_ELEMENT_ERROR(sink_, STREAM, WRONG_TYPE,
                          ("The stream is not what its caps say: %s", reason.c_str()),
                          ("put a muxer or a parser in front"));
        return GST_FLOW_ERROR;
    }
    reader_.flush();
    GST_ELEMENT_WARNING(sink_, STREAM, DECODE,
                        ("Part of the stream is skipped: %s", reason.c_str()), (nullptr));
    return GST_FLOW_OK;
}

GstFlowReturn PushSink::render(GstBuffer *buffer) {
    counters_.in(gst_buffer_get_size(buffer));
    if (any_ && GST_BUFFER_IS_DISCONT(buffer)) {
        std::lock_guard lock(media_mutex_);
        rebase_ = true;
    }
    tags_.clear();
    const Result result = reader_.read(buffer, tags_);
    if (reader_.has_notes())
        for (const std::string &note : reader_.take_notes())
            GST_WARNING_OBJECT(sink_, "odd FLV: %s", note.c_str());
    for (const flv::Tag &tag : tags_)
        publish(tag);
    tags_.clear(); // their bytes would stay alive until the next buffer
    return result.is_error() ? refuse(result.reason()) : GST_FLOW_OK;
}

void PushSink::publish(const flv::Tag &tag) {
    any_ = true;
    if (tag.type == flv::TagType::script) return;
    const auto header = flv::parse_body(tag.type, tag.body_view());
    if (!header || header->multitrack || header->codec == 0) return;
    if (header->packet != flv::PacketType::config && header->packet != flv::PacketType::frame)
        return;
    if (!can_push(tag.type, header->codec)) warn_of(tag.type, header->codec);
    if (header->composition_time != 0 && !std::exchange(warned_of_order_, true))
        GST_ELEMENT_WARNING(sink_, STREAM, ENCODE,
                            ("The video has B-frames, which players of WebRTC show in the wrong "
                             "order: encode without them"),
                            (nullptr));
    if (learn(tag, *header)) client_->wake();
}

void PushSink::warn_of(flv::TagType type, uint32_t codec) {
    uint32_t &warned = type == flv::TagType::video ? warned_video_ : warned_audio_;
    if (std::exchange(warned, codec) == codec) return;
    std::string remedy;
    can_push(type, codec, &remedy);
    GST_ELEMENT_WARNING(sink_, STREAM, CODEC_NOT_FOUND, ("%s", remedy.c_str()), (nullptr));
}

/// Returns true if an attempt makes sense from now on.
bool PushSink::learn(const flv::Tag &tag, const flv::BodyHeader &header) {
    const bool is_sent = can_push(tag.type, header.codec);
    std::lock_guard lock(media_mutex_);
    headers_.learn(tag);
    uint32_t &codec = tag.type == flv::TagType::video ? tracks_.video : tracks_.audio;
    codec = is_sent ? header.codec : 0;
    if (tag.type == flv::TagType::video && tag.kind == flv::TagKind::config)
        tracks_.profile = profile_of(tag);
    if (is_sent) feed(tag);
    const uint64_t now = net::steady_ms();
    if (first_ms_ == 0) first_ms_ = now;
    const bool has_both = tracks_.video != 0 && tracks_.audio != 0;
    const bool was_ready =
        std::exchange(ready_, (tracks_.video != 0 || tracks_.audio != 0) &&
                                  (has_both || ready_ || now - first_ms_ >= other_track_ms));
    return ready_ && !was_ready;
}

/// With the lock.
void PushSink::feed(const flv::Tag &tag) {
    if (!feed_) return;
    if (!(tracks_ == used_)) {
        feed_.reset();
        client_->reconnect("the stream's codecs are others now");
        return;
    }
    const bool starts = flv::starts_gop(tag, used_.video != 0);
    const bool is_full = this->is_full();
    if (!waits_for_keyframe_ && is_full) waits_for_keyframe_ = true;
    if (waits_for_keyframe_) {
        if (!starts || is_full) {
            if (tag.kind != flv::TagKind::config) ++counters_.drops;
            return;
        }
        begin_feed(tag);
    }
    if (std::exchange(rebase_, false))
        time_ = std::max(time_, int64_t(gst_element_get_current_running_time(pipeline_.get()) /
                                        GST_MSECOND * GST_MSECOND));
    else
        time_ += int64_t(int32_t(tag.timestamp - last_timestamp_)) * int64_t(GST_MSECOND);
    last_timestamp_ = tag.timestamp;
    push(tag.bytes, GstClockTime(std::max<int64_t>(time_, 0)));
    if (tag.kind != flv::TagKind::config) counters_.out(tag.bytes.size());
}

/// What a demuxer needs before a keyframe.
void PushSink::begin_feed(const flv::Tag &tag) {
    waits_for_keyframe_ = false;
    for (flv::Tag &header : headers_.headers().list())
        if (header.type != flv::TagType::script && header.bytes.data() != tag.bytes.data())
            push(header.bytes, GST_CLOCK_TIME_NONE);
}

void PushSink::push(const Bytes &bytes, GstClockTime time) {
    auto buffer = buffer_of(bytes);
    GST_BUFFER_DTS(buffer.get()) = time;
    gst_app_src_push_buffer(GST_APP_SRC(feed_.get()), buffer.release());
}

bool PushSink::is_full() {
    auto *source = GST_APP_SRC(feed_.get());
    return gst_app_src_get_current_level_bytes(source) > max_bytes_ ||
           gst_app_src_get_current_level_time(source) > max_time_;
}

// --- the client's thread ------------------------------------------------------------------

bool PushSink::is_ready() {
    std::lock_guard lock(media_mutex_);
    return ready_;
}

bool PushSink::build(Connection &connection, std::string &reason) {
    PushTracks tracks;
    {
        std::lock_guard lock(media_mutex_);
        tracks = tracks_;
    }
    auto sink = add_payloaders(connection, tracks, reason);
    if (!sink) return false;
    GstElement *source = gst_element_factory_make("appsrc", nullptr);
    if (!source) {
        reason = "there is no element appsrc: install gstreamer1.0-plugins-base";
        return false;
    }
    const auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple("video/x-flv"));
    g_object_set(source, "is-live", TRUE, "format", GST_FORMAT_TIME, "caps", caps.get(),
                 "max-bytes", guint64(0), nullptr);
    gst_bin_add(connection.bin(), source);
    const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(source, "src"));
    gst_pad_link(pad.get(), sink.get());
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_upstream, this, nullptr);
    std::lock_guard lock(media_mutex_);
    built_ = GstPtr<GstElement>::ref(source);
    pipeline_ = GstPtr<GstElement>::ref(connection.pipeline());
    used_ = tracks;
    return true;
}

bool PushSink::on_answer(const sdp::Offer &answer, std::string &reason) {
    const bool takes_any =
        std::any_of(answer.media.begin(), answer.media.end(), [](const auto &one) {
            return !one.is_rejected && (one.direction == sdp::Direction::recvonly ||
                                        one.direction == sdp::Direction::sendrecv);
        });
    if (!takes_any) reason = "the server takes none of the stream's codecs";
    return takes_any;
}

void PushSink::on_live(Connection &) {
    {
        std::lock_guard lock(media_mutex_);
        feed_ = built_;
        waits_for_keyframe_ = rebase_ = true;
        time_ = 0;
    }
    want_keyframe();
}

void PushSink::on_gone() {
    std::lock_guard lock(media_mutex_);
    feed_.reset();
    built_.reset();
    pipeline_.reset();
}

void PushSink::on_change(const ClientChange &change) {
    post_client_change(GST_ELEMENT(sink_), "penstock-push-state", shown_, change, last_reason_);
}

/// On a thread of the connection's pipeline: the server's PLI has become an event.
GstPadProbeReturn PushSink::on_upstream(GstPad *, GstPadProbeInfo *info, gpointer self) {
    if (is_keyframe_request(GST_PAD_PROBE_INFO_EVENT(info)))
        static_cast<PushSink *>(self)->want_keyframe();
    return GST_PAD_PROBE_OK;
}

void PushSink::want_keyframe() {
    const uint64_t now = net::steady_ms();
    uint64_t asked = asked_ms_;
    if (asked != 0 && now - asked < keyframe_ms) return;
    if (asked_ms_.compare_exchange_strong(asked, now)) ask_for_keyframe(GST_ELEMENT(sink_));
}

// --- reports ------------------------------------------------------------------------------

GstPtr<GstStructure> PushSink::stats() {
    bool live = false;
    uint64_t connections = 0;
    {
        std::lock_guard lock(client_mutex_);
        if (client_) {
            live = client_->is_live();
            connections = client_->connections();
        }
    }
    auto out = counters_.with_peers(live ? 1 : 0).to_structure();
    gst_structure_set(out.get(), "connections", G_TYPE_UINT64, guint64(connections), nullptr);
    return out;
}

} // namespace penstock::rtc
