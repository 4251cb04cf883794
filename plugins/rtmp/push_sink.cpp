// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp/push_sink.h"

#include "core/net/loop/clock.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_rtmp_push_sink_debug);
#define GST_CAT_DEFAULT penstock_rtmp_push_sink_debug

namespace penstock::rtmp {

bool PushSink::start() {
    std::string error;
    std::optional<net::RtmpClientOptions> options;
    {
        std::lock_guard lock(settings_mutex);
        options = settings.options(true, &error);
        if (options) {
            options->queue.max_bytes = settings.queue_max_bytes;
            options->queue.max_ms = static_cast<int64_t>(net::ms_of(settings.queue_max_time));
        }
    }
    if (!options) {
        GST_ELEMENT_ERROR(sink_, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
        return false;
    }
    shown_ = options->url.shown;
    last_reason_.clear();
    reader_.reset();
    congestion_ = Congestion();
    video_bytes_ = audio_bytes_ = 0;
    any_ = looked_for_encoder_ = false;
    bitrate_ = 0;
    counters_.start();
    sync.restart();
    auto client = net::RtmpClient::open(std::move(*options), *this, &error);
    if (!client) {
        GST_ELEMENT_ERROR(sink_, RESOURCE, OPEN_WRITE, ("%s", error.c_str()), (nullptr));
        return false;
    }
    std::lock_guard lock(client_mutex_);
    client_ = std::move(client);
    return true;
}

void PushSink::stop() {
    std::unique_lock lock(client_mutex_);
    auto gone = std::move(client_);
    lock.unlock();
    gone.reset();
    encoder_.restore();
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
    if (any_ && GST_BUFFER_IS_DISCONT(buffer)) client_->discontinuity();
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

GstFlowReturn PushSink::render_list(GstBufferList *list) {
    GstFlowReturn flow = GST_FLOW_OK;
    for (guint i = 0; i < gst_buffer_list_length(list) && flow == GST_FLOW_OK; ++i)
        flow = render(gst_buffer_list_get(list, i));
    return flow;
}

void PushSink::publish(const flv::Tag &tag) {
    any_ = true;
    client_->publish(tag);
    const bool video = tag.type == flv::TagType::video;
    if (video) video_bytes_ += tag.bytes.size();
    if (tag.type == flv::TagType::audio) audio_bytes_ += tag.bytes.size();
    if (video && tag.kind != flv::TagKind::config) watch_congestion();
}

/// With each frame: what has not left this machine, and what has in the last two seconds.
void PushSink::watch_congestion() {
    const net::RtmpClientBacklog backlog = client_->backlog();
    if (!backlog.live) return;
    bool adapt;
    {
        std::lock_guard lock(settings_mutex);
        adapt = settings.adapt;
    }
    if (adapt && !std::exchange(looked_for_encoder_, true)) {
        if (encoder_.find(GST_BASE_SINK_PAD(sink_)))
            congestion_.set_original(encoder_.original());
        else
            GST_ELEMENT_WARNING(sink_, STREAM, ENCODE,
                                ("adapt: no video encoder with a bitrate is upstream in this "
                                 "pipeline; congestion is only reported"),
                                (nullptr));
    }
    if (const auto changed = congestion_.update(
            {backlog.newest_ms, backlog.queued_ms, backlog.sent, video_bytes_, audio_bytes_}))
        report(*changed);
}

void PushSink::report(const Congestion::Report &found) {
    bitrate_ = found.bitrate;
    GST_INFO_OBJECT(sink_,
                    "%s: %" G_GINT64_FORMAT " ms queued, throughput %" G_GUINT64_FORMAT
                    " bit/s, bitrate %" G_GUINT64_FORMAT " of %" G_GUINT64_FORMAT " bit/s",
                    found.congested ? "congested" : "not congested any more", found.queued,
                    found.throughput, found.bitrate, found.original);
    if (encoder_) encoder_.set(found.bitrate);
    const std::string encoder = encoder_.name();
    const auto structure = [&] {
        return gst_structure_new(
            "penstock-congestion", "congested", G_TYPE_BOOLEAN, gboolean(found.congested),
            "bitrate", G_TYPE_UINT64, guint64(found.bitrate), "original", G_TYPE_UINT64,
            guint64(found.original), "throughput", G_TYPE_UINT64, guint64(found.throughput),
            "queued", G_TYPE_UINT64, guint64(std::max<int64_t>(found.queued, 0)) * GST_MSECOND,
            "location", G_TYPE_STRING, shown_.c_str(), "encoder", G_TYPE_STRING, encoder.c_str(),
            nullptr);
    };
    gst_element_post_message(GST_ELEMENT(sink_),
                             gst_message_new_element(GST_OBJECT(sink_), structure()));
    gst_pad_push_event(GST_BASE_SINK_PAD(sink_),
                       gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM, structure()));
}

// --- the loop -----------------------------------------------------------------------------

void PushSink::on_change(const net::RtmpClientChange &change) {
    post_client_change(GST_ELEMENT(sink_), "penstock-push-state", shown_, change, last_reason_);
}

void PushSink::on_warning(const std::string &text) {
    GST_WARNING_OBJECT(sink_, "%s", text.c_str());
}

// --- reports ------------------------------------------------------------------------------

GstPtr<GstStructure> PushSink::stats() {
    net::RtmpClientTotals totals;
    net::RtmpClientBacklog backlog;
    {
        std::lock_guard lock(client_mutex_);
        if (client_) {
            totals = client_->totals();
            backlog = client_->backlog();
        }
    }
    Stats common = counters_.with_peers(totals.live ? 1 : 0);
    common.bytes_out = totals.bytes_out;
    common.buffers_out = totals.frames_out;
    common.drops = totals.dropped;
    auto out = common.to_structure();
    gst_structure_set(out.get(), "connections", G_TYPE_UINT64, guint64(totals.connections),
                      "queued", G_TYPE_UINT64, guint64(backlog.queued_ms) * GST_MSECOND, "bitrate",
                      G_TYPE_UINT64, guint64(bitrate_), nullptr);
    return out;
}

} // namespace penstock::rtmp
