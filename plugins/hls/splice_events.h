// SPDX-License-Identifier: LGPL-2.1-or-later
// Custom events that say where a stream is spliced, or name a range of it.
#pragma once

#include "core/hls/date_ranges.h"

#include <gst/gst.h>

#include <optional>
#include <string>

namespace penstock::hls {

/// Of a "scte-sit" event, as tsdemux makes them, or a "penstock-scte35" event.
struct SpliceEvent {
    Bytes section;
    std::optional<int64_t> time; ///< running time, ns; absent: where the event is
};

/// Whether `event` is of these; false too, with `error` set, if it lacks what it needs.
bool parse_splice_event(GstEvent *event, SpliceEvent &splice, std::string &error);
/// The same for "penstock-date-range". `mark.time` stays as it is if the event has none.
bool parse_range_event(GstEvent *event, RangeMark &mark, std::string &error);

} // namespace penstock::hls
