// SPDX-License-Identifier: LGPL-2.1-or-later
// Leads packets to their tracks, frames to the handler, and feedback back to the sender.
#include "core/rtc/ingest.h"

#include "core/codec/opus.h"
#include "core/rtc/agreement.h"
#include "core/rtc/tags.h"
#include "core/rtp/red.h"
#include "core/rtp/rtx.h"

#include <algorithm>
#include <utility>

namespace penstock::rtc {
namespace {

using sdp::AnsweredSection;
using sdp::MediaSection;

constexpr int64_t first_report_after = 100'000'000; // ns; then browsers leave out mid and rid
constexpr int64_t report_interval = 1'000'000'000;  // ns
/// RTCP is taken at this rate, and so many datagrams at once.
constexpr int64_t rtcp_cost = 10'000'000; // ns
constexpr int64_t rtcp_burst = 100;
/// A layer that is silent for so long is no reference for the time of others; ns.
constexpr int64_t stale_after = 10'000'000'000;
constexpr uint32_t max_rate = 1'000'000'000; // Hz
constexpr int64_t millisecond = 1'000'000;
constexpr int64_t max_composition_time = 0x7FFFFF; // ms

bool is_usable(const AnsweredSection &section) {
    return section.is_accepted && section.track && codec_of(section.codec) &&
           section.codec.clock > 0 && section.codec.clock <= max_rate;
}

std::vector<bool> usable_sections(const sdp::Answer &answer) {
    std::vector<bool> out;
    for (const AnsweredSection &section : answer.sections)
        out.push_back(is_usable(section));
    return out;
}

bool has_reduced_size(const sdp::Offer &offer, const sdp::Answer &answer) {
    for (size_t i = 0; i < std::min(offer.media.size(), answer.sections.size()); ++i)
        if (is_usable(answer.sections[i]) && !offer.media[i].rtcp_rsize) return false;
    return true;
}

} // namespace

Ingest::Ingest(const sdp::Offer &offer, const sdp::Answer &answer, Options options,
               Handler &handler, int64_t now)
    : options_(std::move(options)), handler_(handler), now_(now),
      sources_(offer, answer, usable_sections(answer)),
      flv_tracks_({options_.layer_wait, FlvTracks::Limits().max_held}),
      batch_(options_.ssrc, options_.cname, has_reduced_size(offer, answer),
             [this](ByteView datagram) { handler_.on_rtcp(datagram); }),
      rtcp_allowance_(rtcp_burst * rtcp_cost), rtcp_since_(now) {
    learn_agreement(offer, answer, usable_sections(answer));
    add_tracks(answer);
}

void Ingest::learn_agreement(const sdp::Offer &offer, const sdp::Answer &answer,
                             const std::vector<bool> &is_received) {
    bool has_feedback = false;
    for (size_t i = 0; i < answer.sections.size(); ++i) {
        if (!is_received[i]) continue;
        const AnsweredSection &section = answer.sections[i];
        add_ids(section.extensions, ids_);
        has_feedback = has_feedback || has_text(section.codec.feedback, "transport-cc");
        has_estimate_ = has_estimate_ || has_text(section.codec.feedback, "goog-remb");
    }
    has_arrivals_ = has_feedback && ids_.id_of(rtp::ExtensionKind::transport_sequence) != 0;
    // Some send what they have offered, whatever the answer says.
    for (size_t i = 0; i < std::min(offer.media.size(), is_received.size()); ++i)
        if (is_received[i]) add_ids(offer.media[i].extensions, ids_);
}

void Ingest::add_tracks(const sdp::Answer &answer) {
    for (const Sources::Track &source : sources_.tracks()) {
        const AnsweredSection &section = answer.sections[source.section];
        Track track;
        track.section = source.section;
        track.mid = section.mid;
        track.rid = source.rid;
        track.red = section.red;
        track.pli = has_text(section.codec.feedback, "nack pli");
        track.fir = has_text(section.codec.feedback, "ccm fir");
        flv_tracks_.add(is_video(*codec_of(section.codec)), source.section);
        tracks_.push_back(std::move(track));
    }
    // Video leads the clock: its frames can't be stretched.
    for (const bool video : {true, false})
        for (Track &track : tracks_) {
            const AnsweredSection &section = answer.sections[track.section];
            const Codec codec = *codec_of(section.codec);
            if (is_video(codec) != video) continue;
            track.clock_track = clock_.add_track(section.codec.clock);
            track.received = make_receiver(section, codec, track.clock_track);
        }
}

std::unique_ptr<ReceivedTrack> Ingest::make_receiver(const AnsweredSection &section, Codec codec,
                                                     size_t clock_track) {
    const auto &feedback = section.codec.feedback;
    ReceivedTrack::Settings settings;
    settings.codec = codec;
    settings.parameters = section.codec.parameters;
    settings.rate = section.codec.clock;
    settings.nack = has_text(feedback, "nack");
    settings.keyframe_requests =
        is_video(codec) && (has_text(feedback, "nack pli") || has_text(feedback, "ccm fir"));
    settings.delay = settings.nack ? options_.reorder_delay : options_.plain_delay;
    settings.nack_delay = options_.nack_delay;
    settings.keyframe_interval = options_.keyframe_interval;
    return std::make_unique<ReceivedTrack>(std::move(settings), clock_, clock_track);
}

void Ingest::advance(int64_t now) {
    now_ = std::max(now_, now);
}

void Ingest::on_rtp(ByteView datagram, int64_t now) {
    advance(now);
    rtp::Packet packet;
    if (!rtp::parse(datagram, packet).is_ok()) {
        ++stats_.malformed;
        return;
    }
    ++stats_.packets;
    stats_.bytes += datagram.size();
    const rtp::Extensions extensions = rtp::parse_extensions(packet.extension, ids_);
    if (has_arrivals_ && extensions.transport_sequence)
        arrivals_.received(*extensions.transport_sequence, now_);
    const auto route = sources_.route(packet, extensions);
    if (!route) {
        ++stats_.unknown;
        return;
    }
    Track &track = tracks_[route->track];
    rtp::Packet original = packet;
    if (route->is_rtx) {
        const auto ssrc = track.received->ssrc();
        // The repaired payload type is known: there is one in each section.
        if (!ssrc || !rtp::unwrap_rtx(packet, 0, *ssrc, original)) return;
    }
    if (!origin_) origin_ = now_;
    if (!next_report_) next_report_ = now_ + first_report_after;
    track.has_begun = true;
    track.has_ended = track.was_restarted = false;
    if (!route->is_rtx && track.red == packet.payload_type && !unwrap_red(track, original)) {
        ++stats_.malformed;
        return;
    }
    if (const auto sample = track.received->receive(original, route->is_rtx, now_))
        take_round_trip(*sample);
    take_frames(route->track);
    pass_on();
}

/// Leaves the packet's own block of redundant audio, after those of packets that are missing.
/// False: it is malformed.
bool Ingest::unwrap_red(Track &track, rtp::Packet &packet) {
    const auto red = rtp::parse_red(packet.payload);
    if (!red) return false;
    // Blocks are numbered by their place, if they are packets without a pause between them.
    uint32_t following = 0; // samples
    size_t first = red->count - 1;
    while (first > 0) {
        const rtp::RedBlock &block = red->blocks[first - 1];
        following += codec::opus_samples(block.payload);
        if (block.before == 0 || block.before != following) break;
        --first;
    }
    for (size_t i = first; i + 1 < red->count; ++i) {
        rtp::Packet before = packet;
        before.sequence = static_cast<uint16_t>(packet.sequence - (red->count - 1 - i));
        before.timestamp = packet.timestamp - red->blocks[i].before;
        before.payload = red->blocks[i].payload;
        if (track.received->lacks(before.sequence)) track.received->receive(before, true, now_);
    }
    packet.payload = red->blocks[red->count - 1].payload;
    return true;
}

void Ingest::take_frames(size_t index) {
    ReceivedTrack &track = *tracks_[index].received;
    track.pop(now_, frames_);
    const uint64_t pixels = uint64_t(track.width()) * track.height();
    for (TrackFrame &frame : frames_)
        flv_tracks_.push(index, std::move(frame), pixels, now_);
    frames_.clear();
}

void Ingest::pass_on() {
    flv_tracks_.pop(now_, out_);
    for (const FlvTracks::Out &out : out_) {
        const Codec codec = tracks_[out.track].received->codec();
        if (can_be_track(codec, out.id)) emit(codec, out.id, out.frame);
    }
    out_.clear();
}

/// FLV's milliseconds, before they wrap.
uint32_t Ingest::ms_of(int64_t time) const {
    return static_cast<uint32_t>(std::max<int64_t>(time - *origin_, 0) / millisecond);
}

void Ingest::emit(Codec codec, uint8_t id, const TrackFrame &frame) {
    const uint32_t dts = ms_of(frame.dts), pts = ms_of(frame.pts);
    const auto composition_time =
        static_cast<uint32_t>(std::min<int64_t>(uint32_t(pts - dts), max_composition_time));
    if (!frame.config.empty()) handler_.on_tag(make_config_tag(codec, id, dts, frame.config));
    handler_.on_tag(make_frame_tag(codec, id, dts, composition_time, frame.keyframe, frame.bytes));
}

bool Ingest::may_take_rtcp() {
    rtcp_allowance_ = std::min(rtcp_allowance_ + (now_ - std::exchange(rtcp_since_, now_)),
                               rtcp_burst * rtcp_cost);
    if (rtcp_allowance_ < rtcp_cost) return false;
    rtcp_allowance_ -= rtcp_cost;
    return true;
}

void Ingest::on_rtcp(ByteView datagram, int64_t now) {
    advance(now);
    ++stats_.rtcp;
    if (!may_take_rtcp()) {
        ++stats_.rtcp_ignored;
        return;
    }
    rtp::rtcp::Compound compound;
    if (!rtp::rtcp::parse(datagram, compound).is_ok()) {
        ++stats_.malformed;
        return;
    }
    for (const rtp::rtcp::Packet &packet : compound.packets) {
        if (const auto *report = std::get_if<rtp::rtcp::SenderReport>(&packet))
            take_report(*report);
        else if (const auto *goodbye = std::get_if<rtp::rtcp::Goodbye>(&packet))
            take_goodbye(*goodbye);
    }
}

void Ingest::take_report(const rtp::rtcp::SenderReport &report) {
    if (const auto track = sources_.track_of(report.ssrc))
        tracks_[*track].received->sender_report(report, now_);
}

void Ingest::take_goodbye(const rtp::rtcp::Goodbye &goodbye) {
    for (const uint32_t ssrc : goodbye.ssrcs) {
        const auto index = sources_.track_of(ssrc);
        sources_.forget(ssrc);
        // One that was replaced may say it late.
        if (!index || tracks_[*index].received->ssrc() != ssrc) continue;
        Track &track = tracks_[*index];
        track.has_ended = true;
        track.received->end(frames_);
        take_frames(*index);
    }
    pass_on();
}

void Ingest::take_round_trip(int64_t sample) {
    constexpr int64_t share = 8;
    set_round_trip(round_trip_ == 0 ? sample : round_trip_ + (sample - round_trip_) / share);
}

void Ingest::set_round_trip(int64_t round_trip) {
    round_trip_ = std::clamp<int64_t>(round_trip, 1, 10'000'000'000);
    for (Track &track : tracks_)
        track.received->set_round_trip(round_trip_);
}

/// The time of a layer that pauses goes on without its sender's reports, and must not lead others.
void Ingest::restart_silent_layers() {
    for (Track &track : tracks_) {
        if (track.rid.empty() || track.was_restarted) continue;
        if (track.received->silent_for(now_).value_or(0) < stale_after) continue;
        track.was_restarted = true;
        clock_.restart(track.clock_track);
    }
}

void Ingest::check(int64_t now) {
    advance(now);
    for (size_t i = 0; i < tracks_.size(); ++i)
        take_frames(i);
    pass_on();
    restart_silent_layers();
    send_feedback();
    batch_.flush();
}

void Ingest::send_feedback() {
    if (next_report_ && now_ >= *next_report_) send_report();
    for (Track &track : tracks_) {
        missing_.clear();
        track.received->take_nacks(now_, missing_);
        if (!missing_.empty()) {
            rtp::rtcp::Nack nack{options_.ssrc, *track.received->ssrc(), {}};
            nack.set(missing_);
            batch_.add(nack);
        }
        send_keyframe_request(track);
    }
    if (has_arrivals_) send_arrivals();
}

void Ingest::send_keyframe_request(Track &track) {
    if (!track.received->take_keyframe_request(now_)) return;
    const uint32_t ssrc = *track.received->ssrc();
    if (track.pli)
        batch_.add(rtp::rtcp::PictureLoss{options_.ssrc, ssrc});
    else
        batch_.add(rtp::rtcp::FullIntraRequest{options_.ssrc, {{ssrc, track.fir_sequence++}}});
}

void Ingest::send_report() {
    next_report_ = now_ + report_interval;
    std::vector<rtp::rtcp::ReportBlock> blocks;
    std::vector<uint32_t> sources;
    for (Track &track : tracks_) {
        if (!track.received->is_active(now_)) continue;
        if (const auto block = track.received->report(now_)) blocks.push_back(*block);
        sources.push_back(*track.received->ssrc());
    }
    batch_.add_report(std::move(blocks));
    if (has_estimate_ && options_.max_bitrate > 0 && !sources.empty())
        batch_.add(
            rtp::rtcp::ReceiverEstimate{options_.ssrc, options_.max_bitrate, std::move(sources)});
}

void Ingest::send_arrivals() {
    // Any of the transport's sources may be named.
    uint32_t media = 0;
    for (const Track &track : tracks_)
        if (const auto ssrc = track.received->ssrc(); ssrc && media == 0) media = *ssrc;
    while (auto feedback = arrivals_.take_feedback(now_)) {
        feedback->sender = options_.ssrc;
        feedback->media = media;
        batch_.add(*feedback);
    }
}

std::optional<int64_t> Ingest::deadline() const {
    std::optional<int64_t> first = next_report_;
    const auto add = [&](std::optional<int64_t> due) {
        if (due) first = first ? std::min(*first, *due) : *due;
    };
    for (const Track &track : tracks_)
        add(track.received->deadline());
    add(flv_tracks_.deadline());
    if (has_arrivals_) add(arrivals_.deadline());
    return first;
}

void Ingest::request_keyframe(int64_t now) {
    advance(now);
    for (Track &track : tracks_)
        if (track.has_begun && !track.has_ended) track.received->want_keyframe();
}

bool Ingest::has_ended() const {
    bool any = false;
    for (const Track &track : tracks_) {
        if (track.has_begun && !track.has_ended) return false;
        any = any || track.has_begun;
    }
    return any;
}

Ingest::Stats Ingest::stats() const {
    Stats out = stats_;
    out.round_trip = round_trip_;
    for (size_t i = 0; i < tracks_.size(); ++i) {
        const Track &track = tracks_[i];
        const ReceivedTrack &received = *track.received;
        TrackStats one;
        one.codec = received.codec();
        one.mid = track.mid;
        one.rid = track.rid;
        one.flv_track = flv_tracks_.id_of(i);
        one.ssrc = received.ssrc();
        one.is_active = received.is_active(now_);
        one.counters = received.counters();
        one.missing = received.missing();
        one.nacks = received.nacks();
        one.recovered = received.recovered();
        one.width = received.width();
        one.height = received.height();
        one.jitter = received.jitter();
        out.tracks.push_back(std::move(one));
    }
    return out;
}

} // namespace penstock::rtc
