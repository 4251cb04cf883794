// SPDX-License-Identifier: LGPL-2.1-or-later
#include "viewer.h"

#include "core/rtp/rtx.h"

namespace load {

using namespace penstock;
using rtc_test::steady_ns;

void Viewer::start(rtc_test::Loop &loop, std::shared_ptr<dtls::Context> context) {
    client_ = std::make_unique<rtc_test::UdpClient>(loop, std::move(context), settings_.rtc, *this);
    began_ns_ = steady_ns();
    rtc_test::HttpExchange::Request request;
    request.type = "application/sdp";
    request.body = client_->rtc().offer();
    request_ = std::make_unique<rtc_test::HttpExchange>(loop, settings_.url, request,
                                                        [this](rtc_test::HttpExchange &exchange) {
                                                            take_answer(exchange);
                                                            request_.reset();
                                                        });
}

void Viewer::take_answer(const rtc_test::HttpExchange &exchange) {
    if (!exchange.error().empty()) return fail("HTTP: " + exchange.error());
    const rtc_test::HttpResponse &response = exchange.response();
    if (response.status != 201)
        return fail("HTTP: " + std::to_string(response.status) + " " +
                    response.body.substr(0, response.body.find_first_of("\r\n")));
    tally_.answered.add(steady_ns() - began_ns_);
    if (const std::string *location = response.header("location")) location_ = *location;
    const Result result = client_->accept(response.body);
    if (!result.is_ok()) return fail("SDP: " + result.reason());
    if (state_ == State::asking) state_ = State::connecting;
}

void Viewer::on_connected() {
    has_connected_ = true;
    tally_.connected.add(steady_ns() - began_ns_);
    state_ = State::waiting;
}

void Viewer::on_rtp(ByteView bytes) {
    if (window_.is_open) {
        ++tally_.packets;
        tally_.bytes += bytes.size();
    }
    rtp::Packet packet;
    if (!rtp::parse(bytes, packet).is_ok()) return;
    const rtc_test::Answered &answered = client_->rtc().answered();
    const rtc_test::AnsweredTrack *track = answered.track_of(packet.payload_type);
    if (!track) return;
    const int64_t now = steady_ns();
    if (track->kind == sdp::Kind::audio)
        audio_.received(packet.ssrc, packet.sequence, packet.timestamp, now, false);
    else if (packet.payload_type == track->codec.payload_type)
        take_video(packet, now);
    else if (decrypts_)
        take_rtx(packet, now);
}

void Viewer::take_video(const rtp::Packet &packet, int64_t now) {
    const bool asks = settings_.asks && decrypts_; // a retransmission is to be read
    const auto place = video_.received(packet.ssrc, packet.sequence, packet.timestamp, now, asks);
    if (place == rtc_test::Reception::Place::repeated) return;
    if (const auto frame = frames_.push(packet, decrypts_)) take_frame(*frame, now);
}

void Viewer::take_rtx(const rtp::Packet &packet, int64_t now) {
    const auto &video = client_->rtc().answered().video;
    rtp::Packet original;
    if (!rtp::unwrap_rtx(packet, video->codec.payload_type, video_.ssrc(), original)) return;
    if (!video_.repaired(original.sequence, now)) return;
    if (const auto frame = frames_.push(original, true)) take_frame(*frame, now);
}

void Viewer::take_frame(const FrameReader::Frame &frame, int64_t now) {
    if (window_.is_open) ++tally_.frames;
    if (frame.is_key && !has_keyframe_) {
        has_keyframe_ = true;
        state_ = State::playing;
        tally_.first_keyframe.add(now - began_ns_);
        decrypts_ = is_sample_;
        client_->rtc().set_decrypts(decrypts_);
    }
    if (!frame.stamp) return;
    if (last_frame_) {
        const auto ahead = int32_t(frame.stamp->sequence - *last_frame_);
        // One that was repaired is not missing any more.
        if (ahead > 0)
            missing_frames_ += uint64_t(ahead - 1);
        else if (ahead < 0 && missing_frames_ > 0)
            --missing_frames_;
        if (ahead > 0) last_frame_ = frame.stamp->sequence;
    } else {
        last_frame_ = frame.stamp->sequence;
    }
    if (frame.stamp->sent_ns < window_.begin_ns || frame.stamp->sent_ns >= window_.end_ns) return;
    tally_.latency.add(now - frame.stamp->sent_ns);
}

void Viewer::on_rtcp(ByteView bytes) {
    rtp::rtcp::Compound compound;
    if (!rtp::rtcp::parse(bytes, compound).is_ok()) return;
    const int64_t now = steady_ns();
    for (const auto &packet : compound.packets) {
        const auto *report = std::get_if<rtp::rtcp::SenderReport>(&packet);
        if (!report) continue;
        video_.received(*report, now);
        audio_.received(*report, now);
    }
}

void Viewer::send_reports() {
    const int64_t now = steady_ns();
    std::vector<rtp::rtcp::ReportBlock> blocks;
    for (rtc_test::Reception *source : {&video_, &audio_})
        if (const auto block = source->report(now)) blocks.push_back(*block);
    const rtc_test::Sources &own = client_->rtc().sources();
    client_->rtc().send_rtcp(rtc_test::write_reports(own.video, own.cname, std::move(blocks)));
}

bool Viewer::send_nack() {
    if (!is_connected()) return false;
    if (const auto nack = video_.nack(client_->rtc().sources().video, steady_ns())) {
        Writer out;
        if (rtp::rtcp::write(*nack, out)) client_->rtc().send_rtcp(out.view());
    }
    return video_.has_missing();
}

void Viewer::leave(rtc_test::Loop &loop) {
    if (client_) client_->rtc().close();
    if (location_.empty()) return;
    rtc_test::HttpExchange::Request request;
    request.method = "DELETE";
    request_ = std::make_unique<rtc_test::HttpExchange>(
        loop, settings_.url.at(location_), request,
        [this](rtc_test::HttpExchange &) { request_.reset(); });
}

void Viewer::fail(std::string why) {
    if (state_ == State::failed) return;
    state_ = State::failed;
    error_ = std::move(why);
}

} // namespace load
