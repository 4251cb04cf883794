// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/congestion.h"

#include <algorithm>

namespace penstock::rtmp {
namespace {

constexpr size_t max_samples = 2'000; ///< of a window; older ones are dropped

uint64_t rate(uint64_t bytes, int64_t ms) {
    return ms > 0 ? bytes * 8'000 / static_cast<uint64_t>(ms) : 0;
}

} // namespace

void Congestion::set_original(uint64_t bitrate) {
    if (fixed_ && bitrate == original_) return;
    fixed_ = bitrate > 0;
    original_ = bitrate_ = bitrate;
    congested_ = false;
}

/// Rates over the window that ends with this sample. False while it is too short.
bool Congestion::measure(const Sample &sample, uint64_t &throughput, uint64_t &video,
                         uint64_t &audio) {
    const bool jumped = !samples_.empty() && (sample.time < samples_.back().time ||
                                              sample.time > samples_.back().time + 10'000 ||
                                              sample.sent < samples_.back().sent);
    if (jumped || samples_.size() >= max_samples) samples_.clear();
    samples_.push_back(sample);
    while (samples_.size() > 2 && samples_[1].time <= sample.time - settings_.window)
        samples_.pop_front();
    const Sample &first = samples_.front();
    const int64_t length = sample.time - first.time;
    if (length < settings_.least_window) return false;
    throughput = rate(sample.sent - first.sent, length);
    video = rate(sample.video_bytes - first.video_bytes, length);
    audio = rate(sample.audio_bytes - first.audio_bytes, length);
    return true;
}

uint64_t Congestion::target(uint64_t throughput, uint64_t audio) const {
    uint64_t wanted = throughput > audio ? throughput - audio : 0;
    if (wanted >= settings_.step) wanted -= wanted % settings_.step;
    return std::max(wanted, settings_.minimum);
}

std::optional<Congestion::Report> Congestion::update(const Sample &sample) {
    uint64_t throughput = 0, video = 0, audio = 0;
    const bool known = measure(sample, throughput, video, audio);
    if (sample.time < calm_since_) calm_since_ = sample.time;
    const bool congested = sample.queued >= settings_.queued;
    if (known && !congested && !fixed_ && !congested_ && video > original_)
        original_ = bitrate_ = video;
    const auto report = [&] {
        return Report{congested_, bitrate_, original_, throughput, sample.queued};
    };
    if (congested) {
        calm_since_ = sample.time;
        if (!known || original_ == 0) return std::nullopt;
        const uint64_t wanted = target(throughput, audio);
        if (wanted >= bitrate_) return std::nullopt;
        bitrate_ = wanted;
        congested_ = true;
        return report();
    }
    if (!congested_ || sample.time - calm_since_ < settings_.raise_after) return std::nullopt;
    calm_since_ = sample.time;
    bitrate_ = std::min(original_, bitrate_ + original_ / 10);
    congested_ = bitrate_ < original_;
    return report();
}

} // namespace penstock::rtmp
