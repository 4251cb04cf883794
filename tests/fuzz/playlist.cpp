// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a media playlist of an earlier run. Laws: a playlist that is parsed and written
// parses to the same; a continued one keeps its numbers and target duration.
#include "core/playlist/playlist.h"
#include "core/hls/stream.h"

#include "fuzz/law.h"

#include <algorithm>
#include <string>

using namespace penstock;
using playlist::MediaPlaylist;

namespace {

bool read(std::string_view text, MediaPlaylist &list) {
    const Result result = playlist::parse(text, list, 1000);
    fuzz::law(result.is_ok() || !result.reason().empty(), "an error has a reason");
    fuzz::law(list.segments.size() <= 1000, "segments are bounded");
    return result.is_ok();
}

/// The precision that writing keeps: valid calendar dates, microseconds, single lines.
bool plain(const playlist::Segment &segment) {
    const int64_t date = segment.program_date_time.value_or(0);
    return date > -62'135'596'800'000 && date < 253'402'300'800'000 && !segment.uri.empty() &&
           segment.uri[0] != '#' && segment.duration % 1000 == 0 && segment.uri.back() != '\r';
}

void check_written(const MediaPlaylist &list) {
    MediaPlaylist again;
    fuzz::law(read(playlist::write(list), again), "a written playlist can be read");
    fuzz::law(again.target_duration == list.target_duration &&
                  again.media_sequence == list.media_sequence &&
                  again.discontinuity_sequence == list.discontinuity_sequence &&
                  again.independent_segments == list.independent_segments &&
                  again.ended == list.ended && again.type == list.type,
              "its header stays");
    fuzz::law(again.segments.size() == list.segments.size(), "no segment is lost");
    for (size_t i = 0; i < list.segments.size(); ++i)
        fuzz::law(!plain(list.segments[i]) || again.segments[i] == list.segments[i],
                  "a segment stays");
}

void check_continued(const MediaPlaylist &list, bool keep) {
    hls::Stream stream({.playlist_length = 5, .uri_prefix = {}});
    stream.resume(list, keep);
    hls::Segment segment;
    segment.duration = 2'000'000'000;
    segment.target_duration = 2;
    const uint64_t end = list.media_sequence + list.segments.size();
    uint64_t epoch = 0, number = 0;
    fuzz::law(hls::parse_segment_name(stream.next_name(), ".ts", epoch, number) && number == end,
              "numbers go on");
    uint64_t target = 0;
    for (int i = 0; i < 8; ++i) {
        stream.publish(segment);
        const Bytes text = stream.playlist();
        MediaPlaylist now;
        fuzz::law(read({reinterpret_cast<const char *>(text.data()), text.size()}, now),
                  "the playlist can be read");
        fuzz::law(!now.ended, "it goes on");
        int64_t without_first = 0;
        for (size_t k = 1; k < now.segments.size(); ++k)
            without_first += now.segments[k].duration;
        // RFC 8216, 6.2.2: it lasts three target durations, however short segments are.
        fuzz::law(now.segments.size() <= 5 ||
                      without_first < static_cast<int64_t>(now.target_duration) * 3'000'000'000,
                  "it has no more than its length");
        fuzz::law(i == 0 || now.target_duration == target, "the target duration stays");
        target = now.target_duration;
        fuzz::law(target >= list.target_duration, "and is no less than it was");
        fuzz::law(now.media_sequence + now.segments.size() == end + uint64_t(i) + 1,
                  "the sequence goes on");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    if (const auto date = playlist::parse_date(text))
        fuzz::law(*date < 253'402'300'800'000 + 86'400'000, "a date has four digits of year");
    MediaPlaylist list;
    if (!read(text, list)) return 0;
    check_written(list);
    for (bool keep : {true, false})
        check_continued(list, keep);
    return 0;
}
