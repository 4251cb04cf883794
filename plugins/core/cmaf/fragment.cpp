// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/cmaf/fragment.h"

#include "core/cmaf/box.h"

#include <algorithm>

namespace penstock::cmaf {
namespace {

// tfhd
constexpr uint32_t default_duration = 0x8, default_size = 0x10, default_flags = 0x20;
constexpr uint32_t default_base_is_moof = 0x20000;
// trun
constexpr uint32_t data_offset = 0x1, with_first_flags = 0x4, with_duration = 0x100;
constexpr uint32_t with_size = 0x200, with_flags = 0x400, with_offsets = 0x800;
// Sample flags: an independent sample, and one that depends on others and is no sync sample.
constexpr uint32_t sync_flags = 0x02000000, other_flags = 0x01010000;
constexpr uint64_t largest_fragment = uint64_t(1) << 31;
constexpr size_t mdat_head = 8;
constexpr uint64_t ntp_to_unix = 2'208'988'800; // s

uint32_t flags_of(const Sample &sample) {
    return sample.sync ? sync_flags : other_flags;
}

template <class Field>
bool all_equal(const std::vector<Sample> &samples, Field field) {
    return std::all_of(samples.begin(), samples.end(),
                       [&](const Sample &s) { return field(s) == field(samples.front()); });
}

void write_segment_type(Writer &w) {
    Box box(w, "styp");
    w.text("cmfs").u32(0);
    for (const char *brand : {"cmfs", "cmff", "cmfl", "msdh"})
        w.text(brand);
}

void write_producer_time(Writer &w, const ProducerTime &time) {
    Box box(w, "prft", 1, 0);
    w.u32(time.track_id).u64(time.ntp).u64(time.media_time);
}

void write_event(Writer &w, const Event &event) {
    Box box(w, "emsg", 1, 0);
    w.u32(event.timescale).u64(event.presentation_time).u32(event.duration).u32(event.id);
    w.text(event.scheme.c_str()).u8(0).text(event.value.c_str()).u8(0);
    w.bytes(event.message);
}

/// Writes traf; returns the position of its data offset.
size_t write_track_fragment(Writer &w, const TrackFragment &track) {
    const std::vector<Sample> &samples = track.samples;
    const bool durations = !all_equal(samples, [](const Sample &s) { return s.duration; });
    const bool sizes = !all_equal(samples, [](const Sample &s) { return s.data.size(); });
    const bool offsets = std::any_of(samples.begin(), samples.end(),
                                     [](const Sample &s) { return s.composition_offset != 0; });
    // The usual flags: those of all samples, or of all but the first.
    const bool rest_equal = std::all_of(samples.begin() + 1, samples.end(), [&](const Sample &s) {
        return s.sync == samples.back().sync;
    });
    const bool first_differs = rest_equal && samples.front().sync != samples.back().sync;

    Box fragment(w, "traf");
    {
        Box box(w, "tfhd", 0,
                default_base_is_moof | (durations ? 0 : default_duration) |
                    (sizes ? 0 : default_size) | (rest_equal ? default_flags : 0));
        w.u32(track.track_id);
        if (!durations) w.u32(samples.front().duration);
        if (!sizes) w.u32(samples.front().data.size());
        if (rest_equal) w.u32(flags_of(samples.back()));
    }
    {
        Box box(w, "tfdt", 1, 0);
        w.u64(track.decode_time);
    }
    Box run(w, "trun", 1,
            data_offset | (first_differs ? with_first_flags : 0) | (durations ? with_duration : 0) |
                (sizes ? with_size : 0) | (rest_equal ? 0 : with_flags) |
                (offsets ? with_offsets : 0));
    w.u32(samples.size());
    const size_t position = w.size();
    w.u32(0);
    if (first_differs) w.u32(flags_of(samples.front()));
    for (const Sample &sample : samples) {
        if (durations) w.u32(sample.duration);
        if (sizes) w.u32(sample.data.size());
        if (!rest_equal) w.u32(flags_of(sample));
        if (offsets) w.u32(static_cast<uint32_t>(sample.composition_offset));
    }
    return position;
}

} // namespace

uint64_t ntp_time(int64_t unix_ns) {
    const auto time = static_cast<uint64_t>(std::max<int64_t>(unix_ns, 0));
    const uint64_t rest = time % 1'000'000'000;
    return (time / 1'000'000'000 + ntp_to_unix) << 32 | (rest << 32) / 1'000'000'000;
}

Result write_fragment_head(const FragmentOptions &options, std::span<const TrackFragment> tracks,
                           Writer &head) {
    head.vector().clear();
    uint64_t size = 0;
    size_t count = 0;
    for (const TrackFragment &track : tracks)
        for (const Sample &sample : track.samples) {
            size += sample.data.size();
            ++count;
        }
    if (count == 0) return Result::error("a fragment without samples");
    if (size > largest_fragment || count > largest_fragment / 32)
        return Result::error("a fragment of " + std::to_string(size >> 20) + " MiB");
    head.vector().reserve(256 + count * 16);
    if (options.begins_segment) write_segment_type(head);
    if (options.producer_time) write_producer_time(head, *options.producer_time);
    for (const Event &event : options.events)
        write_event(head, event);

    const size_t moof = head.size();
    std::vector<size_t> positions;
    {
        Box box(head, "moof");
        {
            Box header(head, "mfhd", 0, 0);
            head.u32(options.sequence);
        }
        for (const TrackFragment &track : tracks)
            if (!track.samples.empty()) positions.push_back(write_track_fragment(head, track));
    }
    uint64_t offset = head.size() - moof + mdat_head;
    size_t next = 0;
    for (const TrackFragment &track : tracks) {
        if (track.samples.empty()) continue;
        Box::put_u32(head, positions[next++], offset);
        for (const Sample &sample : track.samples)
            offset += sample.data.size();
    }
    head.u32(size + mdat_head).text("mdat");
    return Result::ok();
}

Result write_fragment(const FragmentOptions &options, std::span<const TrackFragment> tracks,
                      Bytes &out) {
    Writer head;
    if (Result result = write_fragment_head(options, tracks, head); !result.is_ok()) return result;
    std::vector<uint8_t> whole = head.take();
    size_t size = whole.size();
    for (const TrackFragment &track : tracks)
        for (const Sample &sample : track.samples)
            size += sample.data.size();
    whole.reserve(size);
    for (const TrackFragment &track : tracks)
        for (const Sample &sample : track.samples)
            whole.insert(whole.end(), sample.data.begin(), sample.data.end());
    out = Bytes::adopt(std::move(whole));
    return Result::ok();
}

} // namespace penstock::cmaf
