// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/rate_meter.h"

#include <algorithm>

namespace penstock::rtc {
namespace {

constexpr uint64_t second = 1'000'000'000;
/// Bytes of a packet beside the payload: RTP with an extension, SRTP, UDP and IPv4.
constexpr uint32_t overhead = 12 + 8 + 16 + 8 + 20;
/// A track that has sent nothing in so many seconds has paused.
constexpr size_t silence = 2;

uint32_t bits(double bytes, double time) {
    return static_cast<uint32_t>(std::min(bytes * 8 / time, 4e9));
}

} // namespace

bool RateMeter::add(const RtpFrame &frame, uint64_t now) {
    if (frame.count() > 0) {
        const auto size = static_cast<uint32_t>(
            std::min<size_t>(frame.size + frame.count() * overhead, UINT32_MAX >> 4));
        Bytes &bytes = bytes_[now_];
        if (!frame.is_video) {
            bytes.audio += size;
        } else if (frame.rung < max_rungs) {
            bytes.all[frame.rung] += size;
            if (frame.keyframe) bytes.keyframes[frame.rung] += size;
        }
        packets_ += static_cast<unsigned>(frame.count());
    }
    if (since_ == 0) since_ = now;
    if (now - since_ < second) return false;
    const double length = double(now - since_) / second;
    packet_rate_ = static_cast<unsigned>(packets_ / length);
    packets_ = 0;
    since_ = now;
    filled_ = std::min(filled_ + 1, seconds);
    measure(length);
    now_ = (now_ + 1) % seconds;
    bytes_[now_] = {};
    return true;
}

/// `length`: of the newest interval, in seconds; the others had about one each.
void RateMeter::measure(double length) {
    const double time = double(filled_ - 1) + length;
    StreamRates out;
    double audio = 0;
    for (size_t i = 0; i < filled_; ++i)
        audio += bytes_[(now_ + seconds - i) % seconds].audio;
    out.audio = bits(audio, time);
    for (size_t rung = 0; rung < max_rungs; ++rung) {
        double all = 0, keyframes = 0, lately = 0;
        for (size_t i = 0; i < filled_; ++i) {
            const Bytes &bytes = bytes_[(now_ + seconds - i) % seconds];
            all += bytes.all[rung];
            keyframes += bytes.keyframes[rung];
            if (i < silence) lately += bytes.all[rung];
        }
        if (lately > 0) out.rungs[rung] = {bits(all, time), bits(keyframes, time)};
    }
    rates_ = out;
}

} // namespace penstock::rtc
