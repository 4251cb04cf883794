// SPDX-License-Identifier: LGPL-2.1-or-later
#include "srt/push_sink.h"

#include "gst/bytes.h"
#include "srt/link_settings.h"

GST_DEBUG_CATEGORY_EXTERN(penstock_srt_push_sink_debug);
#define GST_CAT_DEFAULT penstock_srt_push_sink_debug

namespace penstock::srt {

bool PushSink::start() {
    std::string error;
    std::optional<net::SrtClientOptions> options;
    {
        std::lock_guard lock(settings_mutex);
        options = settings.options(true, &shown_, &error);
        if (options) {
            options->queue.bytes = settings.queue_max_bytes;
            options->queue.duration = options->queue.keep = settings.queue_max_time;
        }
    }
    if (!options) {
        GST_ELEMENT_ERROR(sink_, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
        return false;
    }
    last_reason_.clear();
    flv_ = {};
    counters_.start();
    sync.restart();
    auto client = net::SrtClient::open(std::move(*options), *this, &error);
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
    const auto gone = std::move(client_);
    lock.unlock();
}

// --- the streaming thread -----------------------------------------------------------------

bool PushSink::set_caps(const GstCaps *caps) {
    is_flv_ = gst_structure_has_name(gst_caps_get_structure(caps, 0), "video/x-flv");
    return true;
}

GstFlowReturn PushSink::render(GstBuffer *buffer) {
    counters_.in(gst_buffer_get_size(buffer));
    if (!is_flv_) {
        client_->push(bytes_of(buffer).view());
        return GST_FLOW_OK;
    }
    const Result result = flv_.push(buffer, *client_);
    if (const std::string left_out = client_->take_complaint(); !left_out.empty())
        GST_ELEMENT_WARNING(sink_, STREAM, FORMAT,
                            ("%s is left out: MPEG-TS over SRT has H.264 and HEVC, AAC, MP3, "
                             "AC-3 and Opus here. Put copyorencode in front",
                             left_out.c_str()),
                            ("%s", shown_.c_str()));
    return result.is_error() ? refuse(result.reason()) : GST_FLOW_OK;
}

/// A muxer's list is one frame in packets or datagrams: it leaves as one.
GstFlowReturn PushSink::render_list(GstBufferList *list) {
    const guint length = gst_buffer_list_length(list);
    whole_.clear();
    for (guint i = 0; i < length; ++i) {
        GstBuffer *buffer = gst_buffer_list_get(list, i);
        if (is_flv_) {
            if (const GstFlowReturn flow = render(buffer); flow != GST_FLOW_OK) return flow;
            continue;
        }
        counters_.in(gst_buffer_get_size(buffer));
        const Bytes bytes = bytes_of(buffer);
        whole_.insert(whole_.end(), bytes.begin(), bytes.end());
    }
    if (!is_flv_) client_->push(ByteView(whole_));
    return GST_FLOW_OK;
}

GstFlowReturn PushSink::refuse(const std::string &reason) {
    if (flv_.any()) {
        GST_ELEMENT_WARNING(sink_, STREAM, DECODE,
                            ("Part of the stream is skipped: %s", reason.c_str()), (nullptr));
        return GST_FLOW_OK;
    }
    GST_ELEMENT_ERROR(sink_, STREAM, WRONG_TYPE,
                      ("The stream is not what its caps say: %s", reason.c_str()),
                      ("put a muxer or a parser in front"));
    return GST_FLOW_ERROR;
}

// --- the client's thread ------------------------------------------------------------------

void PushSink::on_change(const net::ClientChange &change) {
    post_client_change(GST_ELEMENT(sink_), "penstock-push-state", shown_, change, last_reason_);
}

void PushSink::on_warning(const std::string &text) {
    GST_ELEMENT_WARNING(sink_, RESOURCE, SETTINGS, ("%s: %s", shown_.c_str(), text.c_str()),
                        (nullptr));
}

// --- reports ------------------------------------------------------------------------------

GstPtr<GstStructure> PushSink::stats() {
    net::SrtClientTotals totals;
    net::SrtNetwork network;
    {
        std::lock_guard lock(client_mutex_);
        if (client_) {
            totals = client_->totals();
            network = client_->network();
        }
    }
    Stats common = counters_.with_peers(totals.live ? 1 : 0);
    common.bytes_out = totals.bytes_out;
    common.buffers_out = common.buffers_in;
    common.drops = totals.skips;
    auto out = common.to_structure();
    gst_structure_set(out.get(), "connections", G_TYPE_UINT64, guint64(totals.connections),
                      nullptr);
    add_network_stats(out.get(), network);
    return out;
}

} // namespace penstock::srt
