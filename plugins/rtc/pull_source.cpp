// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/pull_source.h"

#include "core/net/loop/clock.h"
#include "gst/guard.h"
#include "rtc/pull_tracks.h"

#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_rtc_pull_src_debug);
#define GST_CAT_DEFAULT penstock_rtc_pull_src_debug

namespace penstock::rtc {
namespace {

constexpr uint64_t keyframe_ms = 1'000; ///< between requests for keyframes

} // namespace

bool PullSource::start() {
    std::string error;
    std::optional<ClientOptions> options;
    size_t max_bytes;
    {
        std::lock_guard lock(settings_mutex);
        options = settings.options(&error);
        max_bytes = settings.max_bytes;
        interleave_ = settings.interleave;
        if (options) options->connection.latency_ms = net::ms_of(settings.latency);
    }
    if (!options) {
        GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
        return false;
    }
    shown_ = options->url.shown();
    live_ = false;
    last_reason_.clear();
    asked_ms_ = 0;
    open_queue(max_bytes);
    auto client = std::make_unique<Client>(std::move(*options), *this);
    if (!client->start(&error)) {
        cancel_queue();
        GST_ELEMENT_ERROR(element_, RESOURCE, OPEN_READ, ("%s", error.c_str()), (nullptr));
        return false;
    }
    {
        std::lock_guard lock(client_mutex_);
        client_ = std::move(client);
    }
    return release_queue();
}

void PullSource::stop() {
    close_queue();
    std::unique_lock lock(client_mutex_);
    const auto gone = std::move(client_);
    lock.unlock();
    if (gone) gone->stop();
}

// --- the client's thread ------------------------------------------------------------------

bool PullSource::build(Connection &connection, std::string &) {
    connection_ = &connection;
    reader_.reset();
    has_begun_ = has_video_ = false;
    waits_for_keyframe_ = true;
    add_receivers(connection);
    g_signal_connect(connection.webrtc(), "pad-added", G_CALLBACK(on_pad), this);
    return true;
}

bool PullSource::on_answer(const sdp::Offer &answer, std::string &reason) {
    const auto flv = add_muxer(*connection_, answer, interleave_, reason);
    if (!flv) return false;
    GstElement *out = gst_element_factory_make("appsink", nullptr);
    if (!out) {
        reason = "there is no element appsink: install gstreamer1.0-plugins-base";
        return false;
    }
    g_object_set(out, "async", FALSE, "sync", FALSE, nullptr);
    GstAppSinkCallbacks callbacks{};
    callbacks.new_sample = on_sample;
    gst_app_sink_set_callbacks(GST_APP_SINK(out), &callbacks, this, nullptr);
    gst_bin_add(connection_->bin(), out);
    const auto sink = GstPtr<GstPad>::adopt(gst_element_get_static_pad(out, "sink"));
    gst_pad_link(flv.get(), sink.get());
    gst_element_sync_state_with_parent(out);
    const auto muxer = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(flv.get()));
    gst_element_sync_state_with_parent(muxer.get());
    return true;
}

void PullSource::on_live(Connection &) {
    live_ = true;
}

void PullSource::on_gone() {
    connection_ = nullptr;
    {
        std::lock_guard lock(video_mutex_);
        video_.reset();
    }
    tags_.clear();
    live_ = false;
    if (std::exchange(has_begun_, false)) put_ended("the connection has ended");
}

void PullSource::on_change(const ClientChange &change) {
    post_client_change(element_, "penstock-pull-state", shown_, change, last_reason_);
}

// --- the connection's pipeline ------------------------------------------------------------

void PullSource::on_pad(GstElement *webrtc, GstPad *pad, gpointer data) {
    auto *self = static_cast<PullSource *>(data);
    guard(self->element_, [&] { self->take_pad(webrtc, pad); });
}

void PullSource::take_pad(GstElement *webrtc, GstPad *pad) {
    const auto parent = GstPtr<GstObject>::adopt(gst_element_get_parent(webrtc));
    if (!parent || GST_PAD_DIRECTION(pad) != GST_PAD_SRC) return;
    if (!link_track(GST_BIN(parent.get()), pad)) return;
    {
        std::lock_guard lock(video_mutex_);
        video_ = GstPtr<GstPad>::ref(pad);
    }
    gst_pad_add_probe(pad,
                      GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
                      on_packet, this, nullptr);
}

/// Asks until the first keyframe is there: a request may be lost.
GstPadProbeReturn PullSource::on_packet(GstPad *, GstPadProbeInfo *, gpointer data) {
    auto *self = static_cast<PullSource *>(data);
    if (self->waits_for_keyframe_) self->want_keyframe();
    return GST_PAD_PROBE_OK;
}

bool PullSource::want_keyframe() {
    const uint64_t now = net::steady_ms();
    uint64_t asked = asked_ms_;
    if (asked != 0 && now - asked < keyframe_ms) return true;
    GstPtr<GstPad> pad;
    {
        std::lock_guard lock(video_mutex_);
        pad = video_;
    }
    if (!pad) return false;
    if (!asked_ms_.compare_exchange_strong(asked, now)) return true;
    // Not on the thread of a packet: webrtcbin takes locks that this may hold.
    gst_element_call_async(
        element_,
        [](GstElement *, gpointer to) {
            gst_pad_send_event(GST_PAD(to), gst_event_new_custom(
                                                GST_EVENT_CUSTOM_UPSTREAM,
                                                gst_structure_new("GstForceKeyUnit", "all-headers",
                                                                  G_TYPE_BOOLEAN, TRUE, nullptr)));
        },
        pad.release(), [](gpointer to) { gst_object_unref(to); });
    return true;
}

GstFlowReturn PullSource::on_sample(GstAppSink *sink, gpointer data) {
    auto *self = static_cast<PullSource *>(data);
    const auto sample = GstPtr<GstSample>::adopt(gst_app_sink_pull_sample(sink));
    if (!sample) return GST_FLOW_EOS;
    if (GstBuffer *buffer = gst_sample_get_buffer(sample.get()))
        guard(self->element_, [&] { self->take(buffer); });
    return GST_FLOW_OK;
}

void PullSource::take(GstBuffer *buffer) {
    tags_.clear();
    if (reader_.read(buffer, tags_).is_error()) reader_.flush();
    for (flv::Tag &tag : tags_)
        take(std::move(tag));
    tags_.clear();
}

void PullSource::take(flv::Tag &&tag) {
    if (!std::exchange(has_begun_, true)) put_began(shown_);
    const bool is_media = tag.kind == flv::TagKind::keyframe || tag.kind == flv::TagKind::frame ||
                          tag.kind == flv::TagKind::audio;
    if (tag.type == flv::TagType::video) has_video_ = true;
    const bool has_room = queue_has_room();
    if (flv::starts_gop(tag, has_video_) && has_room) {
        waits_for_keyframe_ = false;
    } else if (is_media && (!has_room || (waits_for_keyframe_ && has_video_))) {
        // Downstream is behind, or has no keyframe to begin with.
        ++counters_.drops;
        waits_for_keyframe_ = true;
        return;
    }
    put_tag(std::move(tag));
}

// --- reports ------------------------------------------------------------------------------

GstPtr<GstStructure> PullSource::stats() {
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
