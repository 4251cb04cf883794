// SPDX-License-Identifier: LGPL-2.1-or-later
// Fragments (CMAF chunks): styp, prft, emsg, moof, mdat. ISO/IEC 23000-19, 7.3.2; ISO/IEC 14496-12,
// 8.8 and 8.16; ISO/IEC 23009-1, 5.10.3.3 (emsg).
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"
#include "core/bytes/writer.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace penstock::cmaf {

/// A sample; times in units of its track's timescale.
struct Sample {
    uint32_t duration = 0;
    int32_t composition_offset = 0; ///< presentation time minus decoding time
    bool sync = true;               ///< decoding can start here
    ByteView data;                  ///< not copied; must outlive the gather list
};

/// A track's samples of one fragment, in decoding order.
struct TrackFragment {
    uint32_t track_id = 1;
    uint64_t decode_time = 0; ///< of the first sample
    bool video = true;
    std::vector<Sample> samples; ///< empty: the fragment lacks the track
};

/// `prft`, ISO/IEC 14496-12, 8.16.5: the wall clock when a media time was captured.
struct ProducerTime {
    uint32_t track_id = 1;
    uint64_t ntp = 0; ///< seconds since 1900 in 32.32 fixed point
    uint64_t media_time = 0;
};

/// `emsg` version 1.
struct Event {
    std::string scheme, value;
    uint32_t timescale = 90'000;
    uint64_t presentation_time = 0;
    uint32_t duration = 0xFFFFFFFF; ///< unknown
    uint32_t id = 0;
    Bytes message;
};

struct FragmentOptions {
    uint32_t sequence = 1;      ///< of mfhd; increases
    bool begins_segment = true; ///< writes styp
    std::optional<ProducerTime> producer_time;
    std::span<const Event> events;
};

/// NTP time of a Unix time in ns.
uint64_t ntp_time(int64_t unix_ns);

/// Writes a fragment up to and including the header of mdat to `head`, which is cleared first. The
/// samples' data follow it in the order of `tracks`. Errors: more than 2 GiB, no samples.
Result write_fragment_head(const FragmentOptions &options, std::span<const TrackFragment> tracks,
                           Writer &head);

/// Writes the whole fragment into one buffer.
Result write_fragment(const FragmentOptions &options, std::span<const TrackFragment> tracks,
                      Bytes &out);

} // namespace penstock::cmaf
