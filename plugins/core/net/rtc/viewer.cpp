// SPDX-License-Identifier: LGPL-2.1-or-later
// How a viewer comes in, and how it is sent frames.
#include "core/net/rtc/viewer.h"

#include "core/flv/enhanced.h"
#include "core/net/loop/clock.h"
#include "core/net/rtc/segments.h"
#include "core/rtp/clock.h"
#include "core/rtp/extensions.h"
#include "core/rtp/sent_header.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
using fanout::Outlet;

/// What leaves for a viewer at once, in packets, and at least in a second: a keyframe or a cached
/// GOP is spread, because routers and receivers have short queues.
constexpr double burst_packets = 48, least_rate = 3'200;
/// Packets of one call: a burst, which is below the 64 kB of a datagram that is cut by the system.
constexpr size_t max_run = 48;
/// Frames of one turn; others have theirs in between.
constexpr size_t max_frames = 256;
constexpr uint64_t folded_kept = 3'000'000'000; ///< ns
/// How long after joining audio may come that is of the cached GOP.
constexpr uint64_t longest_catch_up = 2'000'000'000; ///< ns
constexpr uint64_t report_interval = 1'000'000'000;
constexpr uint16_t least_sequence = 1024;
constexpr const char *no_media = "The stream has no media yet; try again.";

} // namespace

RtcViewer::RtcViewer(std::shared_ptr<RtcState> state, size_t loop, PeerInfo peer, Seats seats)
    : RtcSession(std::move(state), loop, std::move(peer), std::move(seats)),
      Viewer(state_->loops(), loop) {
    takes_ = flv::feature::all; // what can't be sent has no payloads: no other form is looked for
}

// --- admission ----------------------------------------------------------------------------

void RtcViewer::admit() {
    const auto mount = state_->mount(peer_.path, false);
    if (!(mount && mount->has_feed()) && !state_->rules->demand_for(peer_.path))
        return refuse(404, "There is no such stream.");
    const auto done = [weak = weak_from_this()](bool allowed, const std::string &reason) {
        const auto self = std::static_pointer_cast<RtcViewer>(weak.lock());
        if (!self || self->ended_) return;
        if (allowed) return self->admit_play();
        self->say(LogLevel::debug, reason);
        self->refuse(403, "Not allowed.");
    };
    if (admission_.ask(context().get_executor(), state_->rules->watches(),
                       mount ? mount->authority() : Authority(), peer_, done))
        admit_play();
}

/// Called after the admission, before which nothing may be started for the viewer.
void RtcViewer::admit_play() {
    const auto mount = state_->mount(peer_.path, false);
    const auto demand = state_->rules->demand_for(peer_.path);
    const bool is_asked = demand && !demand->is_ready(peer_.path);
    // A stream that never had media may never have any: the rule knows.
    if (mount && mount->has_feed() && !(is_asked && mount->media_at_ms() == 0))
        return wait_for_tracks();
    if (is_asked) return ask_to_play(*demand);
    if (demand) return wait_for_tracks();
    refuse(404, "There is no such stream.");
}

void RtcViewer::ask_to_play(const DemandOptions &demand) {
    deadline_ms_ = steady_ms() + state_->limits.media_ms;
    demand.on_demand(peer_.path, [weak = weak_from_this()](bool go_on, const std::string &reason) {
        const auto self = std::static_pointer_cast<RtcViewer>(weak.lock());
        if (!self) return;
        asio::post(self->context(), [self, go_on, reason] {
            if (self->ended_ || self->is_answered()) return;
            if (go_on) return self->wait_for_tracks();
            self->refuse(404, "No such stream: " + reason);
        });
    });
}

void RtcViewer::wait_for_tracks() {
    mount_ = state_->mount(peer_.path, true);
    late_ = no_media;
    deadline_ms_ = steady_ms() + state_->limits.media_ms;
    mount_->when_ready(weak_from_this(), [weak = weak_from_this()] {
        const auto self = std::static_pointer_cast<RtcViewer>(weak.lock());
        if (!self) return;
        asio::post(self->context(), [self] {
            if (!self->ended_ && !self->is_answered()) self->play();
        });
    });
}

void RtcViewer::play() {
    bool is_ready = false;
    const rtc::StreamFacts facts = mount_->facts(&is_ready);
    if (!is_ready) return refuse(503, no_media, 1);
    sdp::AnswerPolicy policy;
    if (const Result result = rtc::play_policy(facts, mount_->ids(), policy); !result.is_ok())
        return refuse(406, result.reason());
    if (!prepare_answer(policy)) return;
    send_answer();
    for (const sdp::AnsweredSection &section : answer().sections) {
        if (!section.is_accepted || !section.track || section.direction != sdp::Direction::sendonly)
            continue;
        const bool video = section.kind == sdp::Kind::video;
        Track &track = tracks_[video ? 0 : 1];
        track.is_sent = true;
        track.ssrc = video ? mount_->ids().video : mount_->ids().audio;
        track.rtx_ssrc = mount_->ids().video_rtx;
        track.codec = video ? facts.video : facts.audio;
        track.clock = video ? 90'000 : facts.audio_clock;
        track.payload_type = section.codec.payload_type;
        track.rtx = section.rtx.value_or(0);
        track.red = section.red.value_or(0);
        for (const sdp::Extension &extension : section.extensions) {
            if (extension.id >= 15) continue;
            const auto kind = rtp::extension_of(extension.uri);
            if (kind == rtp::ExtensionKind::playout_delay)
                track.playout_delay = static_cast<uint8_t>(extension.id);
            // A packet that is sent again without RTX has to be the same.
            else if (kind == rtp::ExtensionKind::absolute_send_time && (!video || track.rtx != 0))
                track.send_time = static_cast<uint8_t>(extension.id);
        }
        track.spans.begin(static_cast<uint16_t>(least_sequence + (secure_random() & 0x3FFF)));
    }
    const uint64_t random = secure_random();
    timestamp_offset_ = static_cast<uint32_t>(random);
    rtx_sequence_ = static_cast<uint16_t>(least_sequence + (random >> 32 & 0x3FFF));
}

void RtcViewer::on_connected() {
    say(LogLevel::info, "plays (" + peer_.client + ")");
    admission_.enter(peer_);
    tokens_ = burst_packets;
    tokens_at_ = steady_ns();
    control_.begin(static_cast<int64_t>(tokens_at_));
    control_.set_can_pad(tracks_[0].rtx != 0);
    join(mount_);
    pump_alone();
}

/// A viewer may have stayed from an earlier producer: the watcher of this one decides about it as
/// about those that come later.
bool RtcViewer::is_admitted() {
    if (mount_->epoch() == admission_.epoch()) return true;
    if (admission_.is_open()) return false;
    admission_.ask_again(context().get_executor(), mount_->authority(), peer_,
                         [weak = weak_from_this()](bool allowed, const std::string &reason) {
                             const auto self = std::static_pointer_cast<RtcViewer>(weak.lock());
                             if (!self || self->ended_) return;
                             if (allowed) return self->pump_alone();
                             self->close_now(LogLevel::warning, "refused to play: " + reason);
                         });
    return mount_->epoch() == admission_.epoch();
}

// --- sending ------------------------------------------------------------------------------

void RtcViewer::rewind() {
    cursor_ = {};
    first_.clear();
    next_payload_ = 0;
    slow_frame_.reset();
}

bool RtcViewer::prepare(Outlet::Source &source, bool admitted) {
    if (is_told()) return true;
    if (!admitted || !is_connected() || !way()) source.ring = nullptr;
    return source.ring != nullptr;
}

void RtcViewer::refill(uint64_t now) {
    const double rate = std::max(least_rate, 2.0 * mount_->packet_rate());
    tokens_ = std::min(burst_packets, tokens_ + double(now - tokens_at_) * rate / 1e9);
    tokens_at_ = header_time_ = now;
}

RtcViewer::Status RtcViewer::write(const Outlet::Source &source, fanout::BatchCache &cache,
                                   uint64_t &sent, int &) {
    if (!source.ring) return Status::idle;
    const bool has_joined = cursor_.next && cursor_.epoch == source.ring->epoch();
    if (!has_joined && !mount_->is_at_edge()) {
        is_paced_ = true; // looks again soon
        return Status::more;
    }
    refill(steady_ns());
    check_level(tokens_at_);
    std::vector<fanout::PacketPtr> joined;
    for (size_t frames = 0; frames < max_frames;) {
        const fanout::Cursor before = cursor_;
        const auto place =
            source.ring->settle(cursor_, source.join, source.slow, joined, source.epoch);
        if (place == fanout::Ring::Place::lagging) return Status::lagging;
        if (before.next.has_value() != cursor_.next.has_value() ||
            before.skipped != cursor_.skipped || before.epoch != cursor_.epoch) {
            // It joined, or skipped to a newer keyframe: of the frame at hand the rest is given up.
            next_payload_ = 0;
            joined_anew();
            first_.assign(joined.begin(), joined.end());
            folded_ = std::exchange(joined, {});
            folded_at_ = steady_ns();
            edge_.reset();
            if (!first_.empty() && rtc::frame_of(first_.back()).is_folded)
                edge_ = first_.back()->time;
        }
        const auto *entry = first_.empty() && place == fanout::Ring::Place::behind
                                ? cache.get(*source.ring, cursor_, source.framing, source.takes)
                                : nullptr;
        if (first_.empty() && !entry) {
            if (place != fanout::Ring::Place::behind) return Status::idle;
            continue;
        }
        for (; !first_.empty() && frames < max_frames; ++frames) {
            const Status status = send_frame(first_.front(), sent);
            if (status != Status::idle || ended_) return status;
            first_.pop_front();
        }
        if (!entry) continue;
        for (const fanout::PacketPtr &packet : entry->batch.packets) {
            if (frames++ >= max_frames) break;
            const Status status = send_frame(packet, sent);
            if (status != Status::idle || ended_) return status;
            ++*cursor_.next;
        }
    }
    return Status::more;
}

/// An encoder in front of the stream may still be at the audio of the GOP with which it began. All
/// at once it would only lie in the viewer's buffer, which would be slow to shrink again.
bool RtcViewer::is_before_edge(const rtc::RtpFrame &audio) {
    if (!edge_) return false;
    const bool is_before =
        static_cast<int32_t>(audio.time - *edge_) < 0 && tokens_at_ - folded_at_ < longest_catch_up;
    if (!is_before) edge_.reset();
    return is_before;
}

/// Idle: the frame is sent.
RtcViewer::Status RtcViewer::send_frame(const fanout::PacketPtr &packet, uint64_t &sent) {
    const rtc::RtpFrame &frame = rtc::frame_of(packet);
    Track &track = track_of(frame);
    if (frame.count() == 0 || !track.is_sent || (!frame.is_video && is_before_edge(frame))) {
        ++frames_sent_;
        return Status::idle;
    }
    if (frame.codec != track.codec) {
        close_now(LogLevel::info, "closed: the stream goes on with another codec");
        return Status::idle;
    }
    if (frame.is_video && next_payload_ == 0 && !takes(packet)) {
        ++frames_sent_;
        return Status::idle;
    }
    while (next_payload_ < frame.count()) {
        // What would not be taken stays in the ring; all viewers of the loop share the UDP socket.
        if (!way()->has_room(socket())) {
            if (way()->connection) control_.blocked(true, static_cast<int64_t>(tokens_at_));
            return Status::blocked;
        }
        control_.blocked(false, 0);
        if (tokens_ < 1) {
            is_paced_ = true;
            return Status::more;
        }
        size_t count = std::min(
            {frame.payloads->run_at(next_payload_), static_cast<size_t>(tokens_), max_run});
        if (is_held(frame) && next_payload_ + count == frame.count() && --count == 0) {
            hold_last(packet);
            break;
        }
        const bool has_room = is_repeated_with_next(frame)
                                  ? send_redundant(packet, sent)
                                  : send_run(frame, next_payload_, count, sent);
        next_payload_ += count;
        tokens_ -= double(count);
        if (!has_room) return Status::blocked;
    }
    next_payload_ = 0;
    ++frames_sent_;
    if (frame.is_video) is_delay_told_ = true;
    track.last_time = frame.time;
    track.last_timestamp = frame.timestamp + timestamp_offset_;
    if (!anchor_ms_) {
        anchor_ms_ = frame.time;
        anchor_unix_ = unix_ms() * 1'000'000;
    }
    if (const uint64_t now = tokens_at_; now - reported_ >= report_interval) send_report(now);
    return Status::idle;
}

/// Extensions of all packets of a frame have the same size, so that they are equal segments.
size_t RtcViewer::write_header(std::span<uint8_t> out, const rtc::RtpFrame &frame, size_t index,
                               uint16_t sequence) const {
    const Track &track = track_of(frame);
    const auto &payload = (*frame.payloads)[index];
    const uint32_t timestamp =
        frame.timestamp + payload.ticks + timestamp_offset_ + (frame.is_video ? shift_ : 0);
    rtp::write_fixed({.marker = payload.marker,
                      .payload_type = track.payload_type,
                      .sequence = sequence,
                      .timestamp = timestamp,
                      .ssrc = track.ssrc},
                     out);
    return write_extensions(out, track, frame.is_video && (frame.keyframe || !is_delay_told_));
}

/// Behind the fixed header. Returns the size of both.
size_t RtcViewer::write_extensions(std::span<uint8_t> out, const Track &track,
                                   bool tells_delay) const {
    rtp::ShortExtensions extensions(out);
    if (track.send_time != 0) {
        const uint32_t time = rtp::absolute_send_time(static_cast<int64_t>(header_time_));
        const auto element = extensions.add(track.send_time, 3);
        element[0] = static_cast<uint8_t>(time >> 16);
        rtp::put16(element.subspan(1), static_cast<uint16_t>(time));
    }
    // 12 bits each of the least and the longest delay, in 10 ms. With 0 to 0, too, frames are shown
    // at once; but then browsers skip to a keyframe that is there before they have decoded all.
    if (track.playout_delay != 0 && tells_delay) {
        const unsigned delay = playout_delay_ / 10u, longest = std::max(delay, 1u);
        const auto element = extensions.add(track.playout_delay, 3);
        element[0] = static_cast<uint8_t>(delay >> 4);
        rtp::put16(element.subspan(1), static_cast<uint16_t>((delay & 0xF) << 12 | longest));
    }
    return extensions.finish();
}

/// Sends payloads of equal sizes, the last of which may be shorter. False if the socket is full:
/// what was not sent is lost, and repaired if the viewer asks for it.
bool RtcViewer::send_run(const rtc::RtpFrame &frame, size_t from, size_t count, uint64_t &sent) {
    Track &track = track_of(frame);
    const uint16_t sequence =
        track.spans.take(frame.number + from, count, frame.is_folded, frame.rung);
    track.packets += static_cast<uint32_t>(count);
    return write_packets(frame, from, count, sequence, sent);
}

bool RtcViewer::write_packets(const rtc::RtpFrame &frame, size_t from, size_t count,
                              uint16_t sequence, uint64_t &sent) {
    Track &track = track_of(frame);
    Segments segments(*sender_, *way(), socket());
    for (size_t i = 0; i < count; ++i) {
        std::array<uint8_t, 64> header;
        const size_t head =
            write_header(header, frame, from + i, static_cast<uint16_t>(sequence + i));
        const ByteView payload = frame.payloads->gathered(from + i);
        if (!segments.add(ByteView(header).first(head), payload)) continue;
        track.bytes += static_cast<uint32_t>(payload.size());
    }
    segments.flush();
    if (segments.bytes() == 0) return true;
    control_.sent(count, segments.bytes() + count * datagram_overhead);
    sent += segments.sent();
    return !segments.is_full();
}

void RtcViewer::wait_writable(Status why) {
    if (why == Status::blocked && way())
        return state_->port->wait_writable(*way(), shared_from_this());
    if (is_paced_) return state_->port->tick(shared_from_this());
    asio::post(context(), [self = self<RtcViewer>()] {
        if (!self->ended_) self->pump_again();
    });
}

bool RtcViewer::tick_media(uint64_t now) {
    if (std::exchange(is_paced_, false)) pump_again();
    if (!ended_ && hold_.is_due(static_cast<int64_t>(now))) release_held(now);
    if (!ended_ && is_slow()) send_slowly(now);
    if (!is_slow()) slow_at_ = 0;
    return !ended_ && (is_paced_ || is_slow() || hold_.is_holding());
}

void RtcViewer::send_report(uint64_t now) {
    reported_ = now;
    const int64_t unix_now = unix_ms() * 1'000'000;
    // The time on the stream's line that it is now, by which both tracks are reported.
    const auto media_ms =
        static_cast<uint32_t>(*anchor_ms_ + (unix_now - anchor_unix_) / 1'000'000);
    for (const Track &track : tracks_) {
        if (!track.is_sent || track.packets == 0) continue;
        // Each in a packet of its own: GStreamer's receiver reads the first of a packet alone.
        Writer writer;
        rtp::rtcp::SenderReport report;
        report.ssrc = track.ssrc;
        report.ntp = rtp::ntp_of(unix_now);
        // Video is stamped by the stream's milliseconds, audio by its samples.
        report.timestamp =
            &track == &tracks_[0]
                ? media_ms * 90 + timestamp_offset_
                : track.last_timestamp + (media_ms - track.last_time) * (track.clock / 1000);
        report.packets = track.packets;
        report.bytes = track.bytes;
        rtp::rtcp::write(report, writer);
        rtp::rtcp::write(rtp::rtcp::SourceDescription{{{track.ssrc, mount_->ids().cname}}}, writer);
        send_rtcp(writer.view());
    }
}

// --- end ----------------------------------------------------------------------------------

void RtcViewer::check(uint64_t now_ms) {
    RtcSession::check(now_ms);
    if (ended_ || !watched()) return;
    if (folded_at_ != 0 && now_ms * 1'000'000 - folded_at_ > folded_kept) {
        folded_.clear();
        folded_.shrink_to_fit();
        folded_at_ = 0;
    }
    if (admission_.is_over(now_ms))
        return close_now(LogLevel::info, "closed: its permission has ended");
    bool is_ready = false;
    if (const auto facts = mount_->facts(&is_ready);
        is_ready && tracks_[0].is_sent && !facts.can_send_video())
        return close_now(LogLevel::warning,
                         facts.has_b_frames ? "closed: the stream has B-frames now"
                                            : "closed: the stream has no video for it any more");
    if (check_end(now_ms, 60'000)) return;
    check_stall(now_ms);
}

void RtcViewer::say_ended() {
    say_goodbye("the stream has ended");
}

void RtcViewer::say_goodbye(const std::string &reason) {
    Writer writer;
    std::vector<uint32_t> ssrcs;
    for (const Track &track : tracks_)
        if (track.is_sent) ssrcs.push_back(track.ssrc);
    rtp::rtcp::write(rtp::rtcp::ReceiverReport{ssrcs.empty() ? 0 : ssrcs.front(), {}}, writer);
    rtp::rtcp::write(rtp::rtcp::Goodbye{ssrcs, reason}, writer);
    send_rtcp(writer.view());
}

void RtcViewer::finish() {
    close_now(LogLevel::info, "closed: " + reason_or("the stream has ended"));
}

void RtcViewer::on_closed(const std::string &reason) {
    if (is_connected() && !is_told()) say_goodbye(reason);
    closed_ = true;
    count_as_slow(false);
    part();
    first_.clear();
    folded_.clear();
    slow_frame_.reset();
    held_frame_.reset();
    last_audio_.reset();
    hold_.end();
}

} // namespace penstock::net
