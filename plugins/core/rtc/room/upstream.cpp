// SPDX-License-Identifier: LGPL-2.1-or-later
// Leads packets to their layers, and feedback back to the participant.
#include "core/rtc/room/upstream.h"

#include "core/rtc/agreement.h"
#include "core/rtp/rtx.h"

#include <algorithm>
#include <utility>

namespace penstock::rtc::room {
namespace {

constexpr int64_t second = 1'000'000'000;
constexpr int64_t first_report_after = second / 10; ///< ns; then browsers leave out mid and rid
constexpr uint32_t most_rate = 1'000'000'000;       ///< Hz
/// Bytes of a payload: receivers get it with other headers, which have to fit a datagram of 2048.
constexpr size_t most_payload = 1'984;
/// Bytes that each packet counts for beside its own: what it costs to send it on.
constexpr size_t packet_cost = 100;
/// bit/s of a microphone: music in stereo, with the headers.
constexpr double audio_rate = 250'000, audio_burst = 2; // s
/// Video may exceed what its sender is told, as encoders do; s.
constexpr double video_excess = 1.5, video_burst = 1;

std::vector<bool> received_sections(const sdp::Answer &answer) {
    std::vector<bool> out;
    for (const sdp::AnsweredSection &section : answer.sections)
        out.push_back(section.is_accepted && section.track &&
                      section.direction == sdp::Direction::recvonly && codec_of(section.codec) &&
                      section.codec.clock > 0 && section.codec.clock <= most_rate);
    return out;
}

bool has_reduced_size(const sdp::Offer &offer, const std::vector<bool> &is_received) {
    for (size_t i = 0; i < std::min(offer.media.size(), is_received.size()); ++i)
        if (is_received[i] && !offer.media[i].rtcp_rsize) return false;
    return true;
}

} // namespace

Upstream::Upstream(const sdp::Offer &offer, const sdp::Answer &answer, Options options,
                   Handler &handler, int64_t now)
    : options_(std::move(options)), handler_(handler), now_(now),
      batch_(options_.ssrc, options_.cname, has_reduced_size(offer, received_sections(answer)),
             [this](ByteView datagram) { handler_.on_rtcp(datagram); }),
      next_report_(now + first_report_after), audio_(audio_rate, audio_burst, now),
      video_(video_excess * double(options_.max_bitrate), video_burst, now) {
    const std::vector<bool> is_received = received_sections(answer);
    sources_ = std::make_unique<Sources>(offer, answer, is_received);
    places_.resize(sources_->tracks().size());
    // Video leads the clock: its frames can't be stretched.
    for (const sdp::Kind kind : {sdp::Kind::video, sdp::Kind::audio})
        for (size_t i = 0; i < answer.sections.size(); ++i) {
            const sdp::AnsweredSection &section = answer.sections[i];
            if (!is_received[i] || section.kind != kind) continue;
            add_ids(section.extensions, ids_);
            has_arrivals_ = has_arrivals_ || has_text(section.codec.feedback, "transport-cc");
            has_estimate_ = has_estimate_ || has_text(section.codec.feedback, "goog-remb");
            const SourceKind video =
                find(SourceKind::camera) ? SourceKind::screen : SourceKind::camera;
            add_track(section, i, kind == sdp::Kind::audio ? SourceKind::microphone : video);
        }
    has_arrivals_ = has_arrivals_ && ids_.id_of(rtp::ExtensionKind::transport_sequence) != 0;
}

void Upstream::add_track(const sdp::AnsweredSection &answered, size_t section, SourceKind kind) {
    Track track;
    track.kind = kind;
    track.codec = *codec_of(answered.codec);
    for (size_t i = 0; i < sources_->tracks().size(); ++i) {
        if (sources_->tracks()[i].section != section) continue;
        UpstreamLayer::Settings settings;
        settings.codec = track.codec;
        settings.rate = answered.codec.clock;
        settings.index = static_cast<uint8_t>(track.layers.size());
        settings.nack = has_text(answered.codec.feedback, "nack");
        settings.pli = has_text(answered.codec.feedback, "nack pli");
        settings.fir = has_text(answered.codec.feedback, "ccm fir");
        places_[i] = {tracks_.size(), track.layers.size()};
        track.layers.push_back(std::make_unique<UpstreamLayer>(
            settings, clock_, clock_.add_track(answered.codec.clock)));
    }
    tracks_.push_back(std::move(track));
}

const Upstream::Track *Upstream::find(SourceKind kind) const {
    for (const Track &track : tracks_)
        if (track.kind == kind) return &track;
    return nullptr;
}

bool Upstream::Allowance::take(size_t bytes, int64_t now) {
    left_ = std::min(most_, left_ + double(now - since_) * rate_ / double(second));
    since_ = now;
    const double bits = double(bytes) * 8;
    if (left_ < bits) return false;
    left_ -= bits;
    return true;
}

void Upstream::on_rtp(ByteView datagram, int64_t now) {
    now_ = std::max(now_, now);
    rtp::Packet packet;
    if (!rtp::parse(datagram, packet).is_ok()) return;
    ++packets_;
    bytes_ += datagram.size();
    const rtp::Extensions extensions = rtp::parse_extensions(packet.extension, ids_);
    const auto route = sources_->route(packet, extensions);
    if (route) {
        // As if the network had lost it, so that the sender slows down.
        const SourceKind kind = tracks_[places_[route->track].track].kind;
        Allowance &allowance = is_video(kind) ? video_ : audio_;
        if (!allowance.take(datagram.size() + packet_cost, now_)) return;
    }
    if (has_arrivals_ && extensions.transport_sequence)
        arrivals_.received(*extensions.transport_sequence, now_);
    if (!route) return;
    rtp::Packet original = packet;
    if (route->is_rtx) {
        const auto ssrc = layer_at(route->track).ssrc();
        if (!ssrc || !rtp::unwrap_rtx(packet, 0, *ssrc, original)) return;
        if (original.payload.empty()) return; // a probe
    }
    if (original.payload.size() > most_payload) return;
    if (extensions.audio_level &&
        tracks_[places_[route->track].track].kind == SourceKind::microphone)
        handler_.on_level(extensions.audio_level->level);
    take(route->track, original, route->is_rtx);
}

void Upstream::take(size_t source, const rtp::Packet &packet, bool is_rtx) {
    const SourceKind kind = tracks_[places_[source].track].kind;
    if (const MediaPacketPtr made = layer_at(source).receive(packet, is_rtx, now_))
        handler_.on_packet(kind, made);
}

void Upstream::on_rtcp(const rtp::rtcp::Compound &compound, int64_t now) {
    now_ = std::max(now_, now);
    for (const rtp::rtcp::Packet &packet : compound.packets) {
        if (const auto *report = std::get_if<rtp::rtcp::SenderReport>(&packet)) {
            if (const auto source = sources_->track_of(report->ssrc))
                layer_at(*source).sender_report(*report, now_);
        } else if (const auto *goodbye = std::get_if<rtp::rtcp::Goodbye>(&packet)) {
            for (const uint32_t ssrc : goodbye->ssrcs) {
                const auto source = sources_->track_of(ssrc);
                if (source && layer_at(*source).ssrc() == ssrc) layer_at(*source).end();
                sources_->forget(ssrc);
            }
        }
    }
}

void Upstream::request_keyframe(SourceKind kind, uint8_t layer) {
    const Track *track = find(kind);
    if (track && layer < track->layers.size()) track->layers[layer]->want_keyframe();
}

void Upstream::check(int64_t now) {
    now_ = std::max(now_, now);
    if (now_ >= next_report_) send_report();
    for (Track &track : tracks_)
        for (const auto &layer : track.layers) {
            layer->rest(now_);
            missing_.clear();
            layer->take_nacks(now_, missing_);
            if (!missing_.empty()) {
                rtp::rtcp::Nack nack{options_.ssrc, *layer->ssrc(), {}};
                nack.set(missing_);
                batch_.add(nack);
            }
            if (!layer->take_keyframe_request(now_)) continue;
            if (layer->settings().pli)
                batch_.add(rtp::rtcp::PictureLoss{options_.ssrc, *layer->ssrc()});
            else
                batch_.add(rtp::rtcp::FullIntraRequest{options_.ssrc,
                                                       {{*layer->ssrc(), layer->next_fir()}}});
        }
    if (has_arrivals_) send_arrivals();
    batch_.flush();
}

void Upstream::send_report() {
    next_report_ = now_ + second;
    std::vector<rtp::rtcp::ReportBlock> blocks;
    std::vector<uint32_t> sources;
    for (Track &track : tracks_)
        for (const auto &layer : track.layers) {
            if (!layer->is_active(now_)) continue;
            if (const auto block = layer->report(now_)) blocks.push_back(*block);
            sources.push_back(*layer->ssrc());
        }
    if (sources.empty()) return;
    batch_.add_report(std::move(blocks));
    if (has_estimate_)
        batch_.add(
            rtp::rtcp::ReceiverEstimate{options_.ssrc, options_.max_bitrate, std::move(sources)});
}

void Upstream::send_arrivals() {
    uint32_t media = 0; // any of the transport's
    for (const Track &track : tracks_)
        for (const auto &layer : track.layers)
            if (const auto ssrc = layer->ssrc(); ssrc && media == 0) media = *ssrc;
    while (auto feedback = arrivals_.take_feedback(now_)) {
        feedback->sender = options_.ssrc;
        feedback->media = media;
        batch_.add(*feedback);
    }
}

bool Upstream::has_ended() const {
    bool any = false;
    for (const Track &track : tracks_)
        for (const auto &layer : track.layers) {
            if (layer->has_begun() && !layer->has_ended()) return false;
            any = any || layer->has_begun();
        }
    return any;
}

} // namespace penstock::rtc::room
