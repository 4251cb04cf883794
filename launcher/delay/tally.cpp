// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/tally.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

namespace penstock::delay {
namespace {

/// Half an hour at 60 frames per second.
constexpr size_t longest_trace = 108'000;
constexpr int64_t most = 60'000'000; // µs; longer times are caused by wrong clocks
/// Limit of frames in this client; an HLS player buffers about ten seconds.
constexpr size_t most_on_the_way = 4096;

std::optional<guint64> number(const GstStructure *s, const char *name) {
    guint64 value = 0;
    return gst_structure_get_uint64(s, name, &value) ? std::optional(value) : std::nullopt;
}

} // namespace

Tally::Tally(bool is_paced, int64_t warm_up, int64_t clock_offset)
    : is_paced_(is_paced), warm_up_(warm_up), clock_offset_(clock_offset),
      started_(g_get_monotonic_time()) {
}

int64_t Tally::first_picture() const {
    const std::lock_guard guard(lock_);
    return first_;
}

Measured Tally::measured() const {
    const std::lock_guard guard(lock_);
    return measured_;
}

bool Tally::begin(const char *codec) {
    const std::lock_guard guard(lock_);
    if (!measured_.codec.empty()) return false;
    measured_.codec = codec;
    return true;
}

void Tally::note_size(int width, int height) {
    const std::lock_guard guard(lock_);
    measured_.width = width;
    measured_.height = height;
}

void Tally::note_segment(int64_t longest) {
    const std::lock_guard guard(lock_);
    measured_.segment = longest;
}

void Tally::note_picture(const GstStructure *s) {
    const int64_t now = g_get_monotonic_time();
    const std::lock_guard guard(lock_);
    const auto count = [&](const char *name) { return number(s, name).value_or(0); };
    const char *verdict = gst_structure_get_string(s, "verdict");
    const bool is_ok = verdict && std::string_view(verdict) == "ok";
    const auto latency = number(s, "latency");
    if (is_ok && latency && measured_.joined < 0) measured_.joined = int64_t(*latency);
    if (!counts(now)) return;
    if (!before_.is_set) {
        before_ = {count("lost"), count("unreadable"), count("repeated"), count("read"), true};
        return;
    }
    measured_.lost = count("lost") - before_.lost;
    measured_.unreadable = count("unreadable") - before_.unreadable;
    measured_.repeated = count("repeated") - before_.repeated;
    measured_.read = count("read") - before_.read;
    if (verdict && std::string_view(verdict) == "clock") ++measured_.clock;
    if (!is_ok || !latency) return;
    measured_.glass.add(int64_t(*latency));
    measured_.trace.push_back({(now - first_) * 1000, int64_t(*latency)});
    if (measured_.trace.size() > longest_trace) measured_.trace.pop_front();
}

void Tally::note_hops(const GstStructure *s) {
    const int64_t now = g_get_monotonic_time();
    gint64 utc = 0;
    if (!gst_structure_get_int64(s, "utc", &utc)) return;
    const std::lock_guard guard(lock_);
    // Frames that were already waiting when the player connected are not representative; they are
    // used only until later ones arrive.
    if (!counts(now) && !is_paced_) return;
    if (counts(now) && !std::exchange(has_caught_up_, true))
        for (HopMeasured &hop : measured_.hops) {
            hop.age.clear();
            hop.clock = 0;
            if (hop.hop == latency::Hop::client) hop.step.clear();
        }
    std::optional<int64_t> previous;
    for (int i = 0; i < gst_structure_n_fields(s); ++i) {
        const char *name = gst_structure_nth_field_name(s, guint(i));
        const auto hop = latency::hop_named(name);
        gint64 time = 0;
        if (!hop || !gst_structure_get_int64(s, name, &time)) continue;
        auto known = std::find_if(measured_.hops.begin(), measured_.hops.end(),
                                  [&](const HopMeasured &h) { return h.hop == *hop; });
        if (known == measured_.hops.end())
            known = measured_.hops.insert(measured_.hops.end(), HopMeasured{*hop, {}, {}, 0});
        const int64_t age = utc - time, step = previous ? time - *previous : 0;
        if (age < 0 || age > most || step < 0) {
            ++measured_.clock;
            ++known->clock;
        } else {
            known->age.add(age * 1000);
            if (previous) known->step.add(step * 1000);
            previous = time;
        }
    }
}

void Tally::note_encoded(GstBuffer *buffer) {
    const int64_t now = g_get_monotonic_time();
    const GstClockTime pts = GST_BUFFER_PTS(buffer);
    const std::lock_guard guard(lock_);
    if (!first_) {
        first_ = now;
        measured_.startup = (now - started_) * 1000;
    }
    ++measured_.frames;
    if (!GST_CLOCK_TIME_IS_VALID(pts)) return;
    if (on_the_way_.size() >= most_on_the_way) on_the_way_.erase(on_the_way_.begin());
    on_the_way_[pts].came = now;
    if (!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)) {
        if (GST_CLOCK_TIME_IS_VALID(keyframe_) && pts > keyframe_)
            measured_.keyframe_interval =
                std::max(measured_.keyframe_interval, int64_t(pts - keyframe_));
        keyframe_ = pts;
    }
    if (highest_ > 0 && pts < highest_) measured_.is_reordered = true;
    lowest_ = GST_CLOCK_TIME_IS_VALID(lowest_) ? std::min(lowest_, pts) : pts;
    highest_ = std::max(highest_, pts);
    ++timed_;
    if (highest_ > lowest_)
        measured_.fps = double(timed_ - 1) * double(GST_SECOND) / double(highest_ - lowest_);
}

void Tally::note_place(GstClockTime pts, Place place) {
    const int64_t now = g_get_monotonic_time();
    const std::lock_guard guard(lock_);
    const auto found = on_the_way_.find(pts);
    if (found == on_the_way_.end()) return;
    Times &times = found->second;
    if (place == Place::decoding) times.decoding = now;
    if (place == Place::decoded) times.decoded = now;
    if (place != Place::read) return;
    if (counts(now) && times.decoding && times.decoded) {
        measured_.here.add((now - times.came) * 1000);
        measured_.decode.add((times.decoded - times.decoding) * 1000);
    }
    // Earlier frames that have not arrived were dropped.
    on_the_way_.erase(on_the_way_.begin(), std::next(found));
}

} // namespace penstock::delay
