// SPDX-License-Identifier: LGPL-2.1-or-later
// Assertions of the segmenter's tests that apply to every stream.
#pragma once

#include "unit/hls_rig.hpp"

#include "check.hpp"

using namespace rig;

#define assert_near(a, b, tolerance)                                                               \
    fail_unless(std::abs(int64_t(a) - int64_t(b)) <= int64_t(tolerance), #a " is %lld, not %lld",  \
                (long long)(a), (long long)(b))

/// Checks every stream: increasing DTS, an earlier PCR, keyframes at the start of segments, and
/// durations that match the distance of first timestamps.
inline void assert_sound(const Rig &rig) {
    for (uint16_t pid : {video_pid, audio_pid}) {
        std::optional<uint64_t> last;
        for (const ts::Pes &pes : rig.all(pid)) {
            fail_unless(!last || pes.dts > *last, "DTS goes back on PID %u", pid);
            fail_unless(pes.pts >= pes.dts);
            if (pes.pcr) assert_near(*pes.pcr + mpegts::pcr_lead, pes.dts, 0);
            last = pes.dts;
        }
    }
    for (size_t i = 0; i < rig.streams.size(); ++i) {
        const auto video = rig.streams[i].of(video_pid);
        fail_unless_equals_int(rig.streams[i].tables, 2);
        if (video.empty()) continue;
        fail_unless_equals_int(video[0].random_access, rig.segments[i].independent);
        fail_unless(!video[0].random_access ||
                        (video[0].payload.size() > 12 && video[0].payload[4] == 9 &&
                         (video[0].payload[10] & 31) == 7),
                    "a keyframe must begin with a delimiter and an SPS");
        if (i + 1 == rig.streams.size()) continue;
        const auto next = rig.streams[i + 1].of(video_pid);
        if (next.empty() || rig.segments[i + 1].discontinuity) continue;
        assert_near(rig.segments[i].duration, int64_t(next[0].pts - video[0].pts) * 100'000 / 9,
                    ms / 10);
    }
}
