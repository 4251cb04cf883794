// SPDX-License-Identifier: LGPL-2.1-or-later
#include "latency/hop_stats.h"

namespace penstock::latency {
namespace {

bool is_plausible(int64_t microseconds) {
    return microseconds >= 0 && microseconds <= HopStats::most;
}

void put(GstStructure *structure, const char *name, int64_t nanoseconds) {
    gst_structure_set(structure, name, G_TYPE_UINT64, static_cast<guint64>(nanoseconds), nullptr);
}

} // namespace

void HopStats::clear() {
    std::lock_guard lock(lock_);
    for (auto &hop : hops_)
        hop.reset();
    frames_ = unstamped_ = damaged_ = lost_ = repeated_ = 0;
}

void HopStats::add(const FrameStamps &stamps, int64_t now) {
    std::lock_guard lock(lock_);
    if (frames_ > 0 && stamps.source == source_) {
        // Frame numbers wrap. A number far from the previous one means that the source restarted.
        const int32_t step = static_cast<int32_t>(stamps.frame - frame_);
        if (step == 0) ++repeated_;
        if (step > 1 && step < 10'000) lost_ += static_cast<guint64>(step - 1);
    }
    ++frames_;
    source_ = stamps.source;
    frame_ = stamps.frame;
    const HopStamp *before = nullptr;
    for (const HopStamp &stamp : stamps.hops) {
        auto &hop = hops_[static_cast<size_t>(stamp.hop) - 1];
        if (!hop) hop = std::make_unique<OfHop>();
        const int64_t age = now - stamp.utc;
        const int64_t step = before ? stamp.utc - before->utc : 0;
        if (is_plausible(age) && is_plausible(step)) {
            hop->age.add(age * 1000);
            if (before) hop->step.add(step * 1000);
        } else {
            ++hop->clock;
        }
        before = &stamp;
    }
}

void HopStats::add_unstamped() {
    std::lock_guard lock(lock_);
    ++unstamped_;
}

void HopStats::add_damaged() {
    std::lock_guard lock(lock_);
    ++damaged_;
}

void HopStats::fill(GstStructure *stats) const {
    std::lock_guard lock(lock_);
    gst_structure_set(stats, "frames", G_TYPE_UINT64, frames_, "unstamped", G_TYPE_UINT64,
                      unstamped_, "damaged", G_TYPE_UINT64, damaged_, "lost", G_TYPE_UINT64, lost_,
                      "repeated", G_TYPE_UINT64, repeated_, "source-id", G_TYPE_UINT, source_,
                      "frame", G_TYPE_UINT, frame_, nullptr);
    for (const Hop hop : all_hops) {
        const auto &of = hops_[static_cast<size_t>(hop) - 1];
        if (!of) continue;
        auto out = GstPtr<GstStructure>::adopt(
            gst_structure_new("hop", "count", G_TYPE_UINT64, guint64(of->age.count()), "clock",
                              G_TYPE_UINT64, of->clock, nullptr));
        if (of->age.count() > 0) {
            put(out.get(), "p50", of->age.percentile(0.5));
            put(out.get(), "p95", of->age.percentile(0.95));
            put(out.get(), "p99", of->age.percentile(0.99));
            put(out.get(), "min", of->age.min());
            put(out.get(), "max", of->age.max());
            put(out.get(), "jitter", of->age.jitter());
        }
        if (of->step.count() > 0) {
            put(out.get(), "step-p50", of->step.percentile(0.5));
            put(out.get(), "step-p95", of->step.percentile(0.95));
            put(out.get(), "step-p99", of->step.percentile(0.99));
        }
        gst_structure_set(stats, name_of(hop), GST_TYPE_STRUCTURE, out.get(), nullptr);
    }
}

} // namespace penstock::latency
