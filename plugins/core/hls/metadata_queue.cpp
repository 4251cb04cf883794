// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/hls/segmenter.h"

#include <algorithm>

namespace penstock::hls {

size_t MetadataQueue::add(Metadata metadata, bool is_realtime) {
    const auto later =
        std::upper_bound(waiting_.begin(), waiting_.end(), metadata.pts,
                         [](int64_t pts, const Metadata &waiting) { return pts < waiting.pts; });
    bytes_ += metadata.tag.size();
    waiting_.insert(later, std::move(metadata));
    size_t dropped = 0;
    for (; is_realtime ? waiting_.size() > max_entries || bytes_ > max_bytes
                       : bytes_ > max_file_bytes;
         ++dropped) {
        bytes_ -= waiting_.front().tag.size();
        waiting_.pop_front();
    }
    return dropped;
}

void MetadataQueue::move_to(SegmentWriter &writer, int64_t end) {
    while (!waiting_.empty() && waiting_.front().pts < end) {
        bytes_ -= waiting_.front().tag.size();
        writer.add_metadata(std::move(waiting_.front()));
        waiting_.pop_front();
    }
}

void MetadataQueue::clear() {
    waiting_.clear();
    bytes_ = 0;
}

} // namespace penstock::hls
