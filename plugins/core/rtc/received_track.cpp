// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts a track's packets in order and makes frames of them.
#include "core/rtc/received_track.h"

#include "core/codec/opus.h"

#include <algorithm>
#include <utility>

namespace penstock::rtc {
namespace {

/// Packets that wait, those missing between them included: 500 ms of 40 Mbit/s.
constexpr size_t max_packets = 2'048;
/// Round trips that a packet waits for those before it, and the longest time; ns. Of networks that
/// lose a twentieth each way, one packet in a million needs more requests; but a browser ignores
/// those that come within its own idea of a round trip, which one late report makes longer.
constexpr int64_t repair_round_trips = 10, longest_delay = 500'000'000;
constexpr int64_t request_margin = 4; ///< a share of the round trip
/// A timestamp that is further back than this is a jump, and no frame displayed before the last; s.
constexpr int64_t most_reordered = 1;
/// Round trips between two requests for keyframes: one is under way, and longer than others. After
/// a keyframe has come, the next is asked for sooner: encoders make one in 300 ms at most.
constexpr int64_t keyframe_round_trips = 2, answered_wait = 300'000'000; // ns
constexpr int64_t probe_wait = 1'000'000'000;                            // ns

rtp::MissingPackets::Limits missing_limits(const ReceivedTrack::Settings &settings) {
    rtp::MissingPackets::Limits limits;
    limits.delay = settings.delay;
    limits.tolerance = settings.nack_delay;
    return limits;
}

} // namespace

ReceivedTrack::ReceivedTrack(Settings settings, rtp::MediaClock &clock, size_t clock_track)
    : settings_(std::move(settings)), clock_(clock), clock_track_(clock_track),
      reorder_({max_packets, settings_.delay}), missing_(missing_limits(settings_)),
      stats_(settings_.rate), depacketizer_(new_depacketizer()) {
    if (settings_.codec == Codec::opus) channels_ = announces_stereo(settings_.parameters) ? 2 : 0;
}

std::unique_ptr<rtp::payload::Depacketizer> ReceivedTrack::new_depacketizer() const {
    return settings_.make ? settings_.make()
                          : make_depacketizer(settings_.codec, settings_.parameters);
}

std::optional<int64_t> ReceivedTrack::receive(const rtp::Packet &packet, bool is_rtx, int64_t now) {
    if (!ssrc_) ssrc_ = packet.ssrc;
    last_packet_ = now;
    if (!is_rtx) stats_.received(packet.ssrc, packet.sequence, packet.timestamp, now);
    if (waiting_bytes_ + packet.payload.size() > settings_.max_waiting) {
        ++counters_.overflows;
        return std::nullopt;
    }
    std::optional<int64_t> round_trip;
    if (settings_.nack) {
        const uint64_t before = missing_.recovered();
        missing_.received(packet.ssrc, packet.sequence, now);
        if (probe_ && probe_->sequence == packet.sequence) {
            if (missing_.recovered() > before) round_trip = now - probe_->sent;
            probe_.reset();
        }
    }
    Item item{Bytes::copy_of(packet.payload), packet.timestamp, packet.marker, now,
              Share(waiting_bytes_, packet.payload.size())};
    reorder_.push(packet.ssrc, packet.sequence, std::move(item), now);
    return round_trip;
}

void ReceivedTrack::pop(int64_t now, std::vector<TrackFrame> &out) {
    while (const auto released = reorder_.pop(now))
        release(*released, out);
}

void ReceivedTrack::release(const Buffer::Released &released, std::vector<TrackFrame> &out) {
    const Item &item = released.item;
    ++counters_.packets;
    counters_.bytes += item.payload.size();
    if (released.restarted) restart(released.ssrc, out);
    if (stamp_count_ == 0 || stamps_[0].timestamp != item.timestamp) {
        std::copy_backward(stamps_.begin(), stamps_.end() - 1, stamps_.end());
        const auto stamp = clock_.stamp(clock_track_, item.timestamp, item.arrival);
        stamps_[0] = {item.timestamp, stamp.time};
        stamp_count_ = std::min(stamp_count_ + 1, stamps_.size());
    }
    // A sequence may begin in the middle of a frame.
    const bool lost = released.missing > 0 || released.restarted;
    pending_bytes_ += item.payload.size();
    (void)depacketizer_->push({item.payload, item.timestamp, item.marker, lost}, frames_);
    take_frames(out);
    if (pending_bytes_ <= settings_.max_frame) return;
    ++counters_.overflows;
    pending_bytes_ = 0;
    depacketizer_ = new_depacketizer();
    config_due_ = true;
    drop();
}

/// What was under way belongs to the source before.
void ReceivedTrack::restart(uint32_t ssrc, std::vector<TrackFrame> &out) {
    depacketizer_->flush(frames_);
    take_frames(out);
    if (ssrc_ != ssrc) clock_.restart(clock_track_);
    ssrc_ = ssrc;
    stamp_count_ = 0;
    last_frame_.reset();
    if (!is_video(settings_.codec)) return;
    // Frames of another source are not those that the decoder refers to.
    if (!needs_keyframe_) want_keyframe();
    needs_keyframe_ = true;
}

void ReceivedTrack::take_frames(std::vector<TrackFrame> &out) {
    if (!frames_.empty()) pending_bytes_ = 0;
    for (rtp::payload::Frame &frame : frames_)
        is_video(settings_.codec) ? take_video(std::move(frame), out)
                                  : take_audio(std::move(frame), out);
    frames_.clear();
}

void ReceivedTrack::drop() {
    ++counters_.dropped_frames;
    if (!is_video(settings_.codec)) return;
    needs_keyframe_ = true;
    want_keyframe();
}

void ReceivedTrack::take_video(rtp::payload::Frame &&frame, std::vector<TrackFrame> &out) {
    config_due_ = config_due_ || frame.config_changed;
    if (frame.damaged || frame.bytes.empty()) return drop();
    if (!frame.keyframe && (frame.after_gap || needs_keyframe_)) return drop();
    TrackFrame made;
    made.keyframe = frame.keyframe;
    if (!configure(frame, made)) return drop();
    set_times(frame, made);
    made.bytes = std::move(frame.bytes);
    if (made.keyframe) {
        needs_keyframe_ = wants_keyframe_ = false;
        is_answered_ = true;
        ++counters_.keyframes;
    }
    emit(std::move(made), out);
}

/// False if the decoder's configuration is not known.
bool ReceivedTrack::configure(const rtp::payload::Frame &frame, TrackFrame &out) {
    if (!has_config(settings_.codec)) return true;
    const bool in_frames = settings_.codec == Codec::vp8 || settings_.codec == Codec::vp9;
    if (in_frames ? !frame.keyframe : !config_due_) return !config_.record.empty();
    CodecConfig config = video_config(settings_.codec, *depacketizer_, frame.bytes);
    if (config.record.empty()) return false;
    config_due_ = false;
    if (config.record != config_.record) out.config = config.record;
    config_ = std::move(config);
    return true;
}

void ReceivedTrack::take_audio(rtp::payload::Frame &&frame, std::vector<TrackFrame> &out) {
    TrackFrame made;
    if (settings_.codec == Codec::opus) {
        if (codec::opus_samples(frame.bytes) == 0) return drop();
        // Decoders make stereo of mono packets, but mono of stereo ones only by mixing.
        const unsigned channels = std::max(channels_, codec::opus_channels(frame.bytes));
        if (channels != channels_ || config_.record.empty()) {
            channels_ = channels;
            config_.record = made.config = opus_head(channels);
        }
    }
    if (settings_.codec == Codec::aac && (config_due_ || frame.config_changed)) {
        config_due_ = false;
        std::vector<uint8_t> record = depacketizer_->config();
        if (record != config_.record) config_.record = made.config = std::move(record);
    }
    if (settings_.codec == Codec::aac && config_.record.empty()) {
        config_due_ = true;
        return drop();
    }
    set_times(frame, made);
    made.bytes = std::move(frame.bytes);
    emit(std::move(made), out);
}

int64_t ReceivedTrack::time_of(uint32_t timestamp) const {
    const auto end = stamps_.begin() + ptrdiff_t(stamp_count_);
    const auto found = std::find_if(
        stamps_.begin(), end, [&](const Stamped &stamp) { return stamp.timestamp == timestamp; });
    if (found != end) return found->time;
    // Of several frames in a packet only the first has its timestamp.
    const int64_t ahead = rtp::timestamp_distance(stamps_[0].timestamp, timestamp);
    return stamps_[0].time + rtp::nanoseconds_of(ahead, settings_.rate);
}

void ReceivedTrack::set_times(const rtp::payload::Frame &frame, TrackFrame &out) {
    out.pts = out.dts = time_of(frame.timestamp);
    out.sender_time = clock_.sender_time(clock_track_, frame.timestamp);
    if (settings_.codec == Codec::avc || settings_.codec == Codec::hevc) {
        const int64_t step =
            last_frame_ ? rtp::timestamp_distance(*last_frame_, frame.timestamp) : 0;
        // B-frames, which WebRTC's senders are not to have.
        if (step < 0 && -step < most_reordered * settings_.rate && order_.depth() == 0)
            order_.set_depth(1);
        last_frame_ = frame.timestamp;
        out.dts = order_.next(out.pts);
    }
    if (last_dts_) out.dts = std::max(out.dts, *last_dts_);
    out.pts = std::max(out.pts, out.dts);
    last_dts_ = out.dts;
}

void ReceivedTrack::emit(TrackFrame &&frame, std::vector<TrackFrame> &out) {
    ++counters_.frames;
    out.push_back(std::move(frame));
}

void ReceivedTrack::sender_report(const rtp::rtcp::SenderReport &report, int64_t now) {
    // Before the first packet it may be of whatever source the track will have.
    if (ssrc_ && *ssrc_ != report.ssrc) return;
    stats_.received(report, now);
    clock_.sender_report(clock_track_, report.ntp, report.timestamp);
}

void ReceivedTrack::end(std::vector<TrackFrame> &out) {
    pop(INT64_MAX, out);
    depacketizer_->flush(frames_);
    take_frames(out);
    last_packet_.reset();
    wants_keyframe_ = false;
}

void ReceivedTrack::take_nacks(int64_t now, std::vector<uint16_t> &out) {
    if (!settings_.nack) return;
    const size_t before = out.size();
    missing_.take_due(now, out);
    if (missing_.take_given_up()) want_keyframe();
    if (probe_ && now - probe_->sent > probe_wait) probe_.reset();
    for (size_t i = before; i < out.size(); ++i) {
        // The answer to a request that was repeated may be that to either.
        if (probe_ && probe_->sequence == out[i]) probe_.reset();
        if (last_asked_ && rtp::sequence_distance(*last_asked_, out[i]) <= 0) continue;
        last_asked_ = out[i];
        if (!probe_) probe_ = Probe{out[i], now};
    }
}

void ReceivedTrack::set_round_trip(int64_t round_trip) {
    round_trip_ = round_trip;
    // Browsers ignore a request that comes within their idea of a round trip after the last one.
    missing_.set_round_trip(round_trip + round_trip / request_margin);
    if (!settings_.nack) return;
    const int64_t delay = std::clamp(repair_round_trips * round_trip, settings_.delay,
                                     std::max(settings_.delay, longest_delay));
    missing_.set_delay(delay);
    reorder_.set_delay(delay);
}

int64_t ReceivedTrack::keyframe_wait() const {
    const int64_t interval = is_answered_ ? std::min(answered_wait, settings_.keyframe_interval)
                                          : settings_.keyframe_interval;
    return std::max(interval, keyframe_round_trips * round_trip_);
}

bool ReceivedTrack::take_keyframe_request(int64_t now) {
    if (!wants_keyframe_ || !ssrc_ || !last_packet_) return false;
    if (asked_keyframe_ && now < *asked_keyframe_ + keyframe_wait()) return false;
    asked_keyframe_ = now;
    is_answered_ = false;
    ++counters_.keyframe_requests;
    // A layer that pauses will begin with one; a still screen may be silent, and answer.
    if (!is_active(now)) wants_keyframe_ = false;
    return true;
}

std::optional<int64_t> ReceivedTrack::silent_for(int64_t now) const {
    if (!last_packet_) return std::nullopt;
    return now - *last_packet_;
}

std::optional<int64_t> ReceivedTrack::deadline() const {
    std::optional<int64_t> first = reorder_.deadline();
    const auto add = [&](std::optional<int64_t> due) {
        if (due) first = first ? std::min(*first, *due) : *due;
    };
    if (settings_.nack) add(missing_.deadline());
    if (wants_keyframe_ && last_packet_)
        add(asked_keyframe_ ? *asked_keyframe_ + keyframe_wait() : *last_packet_);
    return first;
}

} // namespace penstock::rtc
