// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtsp/pull_source.h"

#include "core/net/loop/clock.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_rtsp_pull_src_debug);
#define GST_CAT_DEFAULT penstock_rtsp_pull_src_debug

namespace penstock::rtsp {
namespace {

/// "tcp+udp"; empty if a name is unknown, or none is given.
std::vector<Lower> parse_protocols(std::string_view text) {
    std::vector<Lower> out;
    while (!text.empty()) {
        const size_t end = std::min(text.find('+'), text.size());
        const std::string_view name = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        bool known = false;
        for (const Lower one : {Lower::tcp, Lower::udp, Lower::multicast})
            if (name == to_string(one)) {
                known = true;
                if (std::find(out.begin(), out.end(), one) == out.end()) out.push_back(one);
            }
        if (!known) return {};
    }
    return out;
}

GstPtr<GstCaps> caps_of(const TrackCodec &codec) {
    if (codec.codec == rtc::Codec::jpeg)
        return GstPtr<GstCaps>::adopt(
            gst_caps_new_simple("image/jpeg", "parsed", G_TYPE_BOOLEAN, TRUE, nullptr));
    return GstPtr<GstCaps>::adopt(
        gst_caps_new_simple("audio/x-adpcm", "layout", G_TYPE_STRING, "g726", "rate", G_TYPE_INT,
                            int(codec.rate), "channels", G_TYPE_INT, int(codec.channels), "bitrate",
                            G_TYPE_INT, int(codec.g726_bitrate), nullptr));
}

} // namespace

std::optional<net::RtspClientOptions> PullSource::Settings::options(std::string *error) const {
    const auto url = parse_url(location);
    if (!url) {
        *error = "location is no rtsp:// or rtsps:// address with a host: set it as in "
                 "rtsp://192.0.2.1/stream1";
        return std::nullopt;
    }
    net::RtspClientOptions out{.url = *url, .trust = trust, .backoff = backoff()};
    if (!user.empty()) out.url.user = user;
    if (!key.empty()) out.url.password = key;
    out.protocols = parse_protocols(protocols);
    if (out.protocols.empty()) {
        *error = "protocols is '" + protocols +
                 "': set it to names out of tcp, udp and multicast with + between them";
        return std::nullopt;
    }
    out.latency = static_cast<int64_t>(latency);
    out.silence_ms = net::ms_of(silence_timeout);
    return out;
}

bool PullSource::start() {
    std::string error;
    std::optional<net::RtspClientOptions> options;
    size_t max_bytes;
    {
        std::lock_guard lock(settings_mutex);
        options = settings.options(&error);
        max_bytes = settings.max_bytes;
    }
    if (!options) {
        GST_ELEMENT_ERROR(element_, RESOURCE, SETTINGS, ("%s", error.c_str()), (nullptr));
        return false;
    }
    shown_ = options->url.shown();
    live_ = false;
    codecs_ = {};
    last_reason_.clear();
    open_queue(max_bytes);
    auto client = net::RtspClient::open(std::move(*options), *this, &error);
    if (!client) {
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
}

PullSource::Pads PullSource::pads() {
    std::lock_guard lock(pads_mutex_);
    return pads_;
}

void PullSource::set_playing(bool playing) {
    {
        std::lock_guard lock(pads_mutex_);
        playing_ = playing;
    }
    for (const auto &pad : pads())
        if (pad) pad->set_playing(playing);
    TagSource::set_playing(playing);
}

void PullSource::remove_pads() {
    Pads gone;
    {
        std::lock_guard lock(pads_mutex_);
        gone = std::exchange(pads_, {});
    }
    for (const auto &pad : gone)
        if (pad) pad->remove();
}

void PullSource::on_change(const net::ClientChange &change) {
    post_client_change(element_, "penstock-pull-state", shown_, change, last_reason_);
    if (change.state == net::ClientChange::live) {
        live_ = true;
        put_began(shown_);
    } else if (std::exchange(live_, false)) {
        put_ended(change.reason);
    }
}

void PullSource::on_tracks(const std::vector<ClientTrack> &) {
    codecs_ = {};
}

bool PullSource::on_tag(flv::Tag &&tag, std::optional<int64_t> sender_time) {
    return put_tag(std::move(tag), sender_time.value_or(0));
}

void PullSource::on_frame(size_t, const TrackCodec &codec, ElementaryFrame &&frame) {
    const bool video = rtc::is_video(codec.codec);
    const size_t which = video ? 0 : 1;
    counters_.in(frame.bytes.size());
    std::shared_ptr<ElementaryPad> pad;
    bool is_new = false;
    {
        std::lock_guard lock(pads_mutex_);
        if (!pads_[which]) {
            is_new = true;
            pads_[which] =
                std::make_shared<ElementaryPad>(element_, video ? "video_0" : "audio_0", video);
            pads_[which]->set_playing(playing_);
        }
        pad = pads_[which];
    }
    if (codecs_[which] != codec.codec) {
        codecs_[which] = codec.codec;
        pad->restart(caps_of(codec));
    }
    counters_.out(frame.bytes.size());
    pad->put(std::move(frame));
    if (is_new) pad->add();
}

void PullSource::on_warning(const std::string &text) {
    GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("%s: %s", shown_.c_str(), text.c_str()),
                        (nullptr));
}

GstPtr<GstStructure> PullSource::stats() {
    net::RtspClientTotals totals;
    {
        std::lock_guard lock(client_mutex_);
        if (client_) totals = client_->totals();
    }
    uint64_t lost = 0, dropped = totals.dropped;
    for (const auto &track : totals.tracks) {
        lost += track.missing;
        dropped += track.counters.dropped_frames;
    }
    for (const auto &pad : pads())
        if (pad) dropped += pad->drops();
    auto out = counters_.with_peers(totals.live ? 1 : 0).to_structure();
    gst_structure_set(out.get(), "connections", G_TYPE_UINT64, guint64(totals.connections), "drops",
                      G_TYPE_UINT64, guint64(dropped), "packets-lost", G_TYPE_UINT64, guint64(lost),
                      "protocol", G_TYPE_STRING, totals.protocol.c_str(), nullptr);
    return out;
}

} // namespace penstock::rtsp
