// SPDX-License-Identifier: LGPL-2.1-or-later
#include "participant.h"

#include "core/rtp/extensions.h"

#include <algorithm>
#include <utility>

namespace room_load {
namespace {

using rtc_test::steady_ms;
using rtc_test::steady_ns;

constexpr int64_t second = 1'000'000'000;
constexpr size_t largest_payload = 1'100, audio_payload = 80; ///< bytes
constexpr uint32_t frame_clock = 90'000, opus_ticks = 960;
constexpr uint32_t stamp_mark = 0x9E3779B9;              ///< before the time in a payload
constexpr uint8_t speaks_level = 20, silent_level = 100; ///< -dBov

rtc_test::RtcClient::Settings rtc_settings(bool sends) {
    rtc_test::RtcClient::Settings out;
    out.offer.sends = out.offer.video = out.offer.audio = sends;
    out.offer.video_slots = 16;
    out.offer.audio_slots = 8;
    out.offer.codec = "VP8";
    out.offer.data = true;
    out.handshake_ms = 60'000;
    return out;
}

/// A descriptor of VP8, a frame's beginning, and when it was sent.
std::vector<uint8_t> vp8_payload(bool begins, bool key, uint16_t picture, uint8_t tl0, int64_t now,
                                 size_t size) {
    Writer out;
    out.u8(begins ? 0x90 : 0x80).u8(0xC0).u16(0x8000u | (picture & 0x7FFFu)).u8(tl0);
    if (begins && key)
        out.u8(0x10).u8(0x20).u8(0).u24(0x9D012A).u8(0x80).u8(2).u8(0x68).u8(1); // 640x360
    else
        out.u8(0x11).u8(0x20).u8(0).u24(0).u32(0);
    out.u32(stamp_mark).u32(uint32_t(uint64_t(now) >> 32)).u32(uint32_t(now));
    std::vector<uint8_t> bytes = out.take();
    bytes.resize(std::max(size, bytes.size()), 0xA5);
    return bytes;
}
constexpr size_t stamp_at = 5 + 10;

std::optional<int64_t> stamp_of(ByteView payload) {
    if (payload.size() < stamp_at + 12) return std::nullopt;
    const auto word = [&](size_t at) {
        uint32_t out = 0;
        for (const uint8_t byte : payload.subspan(stamp_at + at, 4))
            out = out << 8 | byte;
        return out;
    };
    if (word(0) != stamp_mark) return std::nullopt;
    return int64_t(uint64_t(word(4)) << 32 | word(8));
}

} // namespace

Participant::Participant(rtc_test::Loop &loop, std::shared_ptr<dtls::Context> context,
                         const Settings &settings, unsigned number, bool sends, bool decrypts,
                         Tally &tally)
    : settings_(settings), sends_(sends), tally_(tally), loop_(loop),
      client_(loop, std::move(context), rtc_settings(sends), *this), began_ns_(steady_ns()) {
    client_.rtc().set_decrypts(decrypts);
    rtc_test::HttpUrl url = settings.url;
    url.path += "?name=P" + std::to_string(number);
    rtc_test::HttpExchange::Request request;
    request.type = "application/sdp";
    request.body = client_.rtc().offer();
    request_ = std::make_unique<rtc_test::HttpExchange>(loop, url, request,
                                                        [this](rtc_test::HttpExchange &exchange) {
                                                            take_answer(exchange);
                                                            request_.reset();
                                                        });
}

void Participant::take_answer(const rtc_test::HttpExchange &exchange) {
    const rtc_test::HttpResponse &response = exchange.response();
    if (!exchange.error().empty())
        error_ = "HTTP: " + exchange.error();
    else if (response.status != 201)
        error_ = "HTTP: " + std::to_string(response.status) + " " + response.body;
    else if (const Result result = client_.accept(response.body); !result.is_ok())
        error_ = "SDP: " + result.reason();
    if (!error_.empty()) return;
    if (const std::string *location = response.header("location")) location_ = *location;
    for (const rtc_test::AnsweredTrack &track : client_.rtc().answered().tracks)
        if (track.is_sent) slots_[track.ssrc] = &track;
}

void Participant::on_connected() {
    sctp::DataChannels::Options options;
    options.is_dtls_client = true;
    channels_ = sctp::DataChannels::make(*this, options, steady_ms(), &error_);
}

void Participant::on_data(ByteView packet) {
    if (channels_) channels_->receive(packet, steady_ms());
}

void Participant::on_text(uint16_t, std::string_view text) {
    if (is_in_ || text.find("\"welcome\"") == text.npos) return;
    is_in_ = true;
    tally_.joined.add(steady_ns() - began_ns_);
}

// --- receiving ----------------------------------------------------------------------------

void Participant::on_rtp(ByteView bytes) {
    if (tally_.is_open) {
        ++tally_.packets;
        tally_.bytes += bytes.size();
    }
    rtp::Packet packet;
    if (!rtp::parse(bytes, packet).is_ok()) return;
    const auto slot = slots_.find(packet.ssrc);
    const bool is_repetition = slot == slots_.end();
    const auto &any = is_repetition ? slots_.begin()->second : slot->second;
    const int64_t now = steady_ns();
    const auto extensions = rtp::parse_extensions(packet.extension, any->extensions);
    if (extensions.transport_sequence) arrivals_.received(*extensions.transport_sequence, now);
    if (is_repetition) return;
    const bool is_video = any->kind == sdp::Kind::video;
    auto source =
        received_.try_emplace(packet.ssrc, rtc_test::Reception(is_video ? frame_clock : 48'000))
            .first;
    source->second.received(packet.ssrc, packet.sequence, packet.timestamp, now, false);
    if (!is_video || !tally_.is_open) return;
    if (const auto stamp = stamp_of(packet.payload)) tally_.latency.add(now - *stamp);
}

void Participant::on_rtcp(ByteView bytes) {
    rtp::rtcp::Compound parsed;
    if (!rtp::rtcp::parse(bytes, parsed).is_ok()) return;
    for (const auto &each : parsed.packets)
        if (std::holds_alternative<rtp::rtcp::PictureLoss>(each)) wants_key_ = true;
}

void Participant::check(int64_t now) {
    if (!channels_ || !client_.rtc().is_connected()) return;
    const uint64_t now_ms = uint64_t(now / 1'000'000);
    if (!is_asked_) is_asked_ = channels_->open("room", now_ms).has_value();
    channels_->check(now_ms);
    if (sends_ && is_in_ && !has_said_ && channel_)
        has_said_ = channels_->send_text(*channel_, R"({"type":"state","audio":true,"video":true})",
                                         now_ms);
    const uint32_t own = client_.rtc().sources().video | 1;
    while (auto feedback = arrivals_.take_feedback(now)) {
        feedback->sender = own;
        Writer out;
        if (rtp::rtcp::write(*feedback, out)) client_.rtc().send_rtcp(out.view());
    }
    if (now - reported_ns_ < second) return;
    reported_ns_ = now;
    std::vector<rtp::rtcp::ReportBlock> blocks;
    for (auto &[ssrc, source] : received_)
        if (blocks.size() < 31)
            if (const auto block = source.report(now)) blocks.push_back(*block);
    client_.rtc().send_rtcp(
        rtc_test::write_reports(own, client_.rtc().sources().cname, std::move(blocks)));
}

// --- sending ------------------------------------------------------------------------------

const rtc_test::AnsweredTrack *Participant::sent_track(sdp::Kind kind) const {
    for (const rtc_test::AnsweredTrack &track : client_.rtc().answered().tracks)
        if (!track.is_sent && track.kind == kind) return &track;
    return nullptr;
}

void Participant::send(const rtc_test::AnsweredTrack &track, uint32_t ssrc, uint16_t sequence,
                       uint32_t timestamp, bool marker, std::optional<rtp::AudioLevel> level,
                       ByteView payload) {
    rtp::Extensions extensions;
    extensions.audio_level = level;
    extensions.mid = track.mid;
    Writer storage, out;
    rtp::Packet packet;
    packet.extension = rtp::write_extensions(extensions, track.extensions, storage);
    packet.payload_type = track.codec.payload_type;
    packet.sequence = sequence;
    packet.timestamp = timestamp;
    packet.marker = marker;
    packet.ssrc = ssrc;
    packet.payload = payload;
    if (rtp::write(packet, out) && client_.rtc().send_rtp(out.view()) && tally_.is_open)
        ++tally_.sent;
}

void Participant::send_frame(int64_t now) {
    const auto *track = sent_track(sdp::Kind::video);
    if (!has_said_ || !track) return;
    size_t left = size_t(settings_.video_bitrate / 8 / settings_.frame_rate);
    const bool key = std::exchange(wants_key_, false);
    video_time_ += uint32_t(frame_clock / settings_.frame_rate);
    ++picture_;
    ++tl0_;
    for (bool begins = true; left > 0; begins = false) {
        const size_t size = std::min(left, largest_payload);
        left -= size;
        send(*track, client_.rtc().sources().video, video_sequence_++, video_time_, left == 0, {},
             vp8_payload(begins, key, picture_, tl0_, now, size));
    }
}

void Participant::send_audio(bool speaks) {
    const auto *track = sent_track(sdp::Kind::audio);
    if (!has_said_ || !track) return;
    const std::vector<uint8_t> payload(audio_payload, 0xFC);
    send(*track, client_.rtc().sources().audio, audio_sequence_++, audio_time_ += opus_ticks, false,
         rtp::AudioLevel{speaks, speaks ? speaks_level : silent_level}, payload);
}

// --- the end ------------------------------------------------------------------------------

void Participant::leave() {
    client_.rtc().close();
    if (location_.empty()) return;
    rtc_test::HttpExchange::Request request;
    request.method = "DELETE";
    request_ = std::make_unique<rtc_test::HttpExchange>(
        loop_, settings_.url.at(location_), request,
        [this](rtc_test::HttpExchange &) { request_.reset(); });
}

uint64_t Participant::lost() const {
    uint64_t out = 0;
    for (const auto &[ssrc, source] : received_)
        out += source.lost();
    return out;
}

uint64_t Participant::packets() const {
    uint64_t out = 0;
    for (const auto &[ssrc, source] : received_)
        out += source.packets();
    return out;
}

} // namespace room_load
