// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/growing.h"

#include <cstdint>
#include <utility>

namespace penstock::net {

/// Returns whether more is to come.
bool HlsGrowing::feed(const hls::Stream &stream, Follower &follower, size_t &bytes) {
    using Progress = hls::Stream::Progress;
    std::vector<Bytes> parts;
    const Progress progress = stream.parts_of(follower.segment, follower.parts, parts);
    for (Bytes &part : parts) {
        ++follower.parts;
        const size_t size = part.size();
        if (follower.writer->write(std::move(part)) == HttpBody::Written::closed) return false;
        bytes += size;
    }
    if (progress == Progress::complete) follower.writer->end();
    return progress == Progress::open;
}

std::shared_ptr<HttpBody> HlsGrowing::follow(const hls::Stream &stream, uint64_t segment,
                                             size_t loop, size_t &bytes) {
    using Progress = hls::Stream::Progress;
    HttpBodyOptions options;
    // All that is queued is shared, and bounded by the segment's length.
    options.capacity = SIZE_MAX;
    Follower follower{segment, 0, std::make_unique<HttpBodyWriter>(std::move(options))};
    std::shared_ptr<HttpBody> body = follower.writer->body();
    // A part that comes now is found here, or by advance() afterwards.
    std::lock_guard lock(mutex_);
    std::vector<Bytes> none;
    const Progress progress = stream.parts_of(segment, SIZE_MAX, none);
    if (progress != Progress::open && progress != Progress::complete) return nullptr;
    if (feed(stream, follower, bytes)) by_loop_[loop].push_back(std::move(follower));
    return body;
}

std::vector<size_t> HlsGrowing::loops() const {
    std::lock_guard lock(mutex_);
    std::vector<size_t> loops;
    for (const auto &[loop, followers] : by_loop_)
        loops.push_back(loop);
    return loops;
}

size_t HlsGrowing::advance(const hls::Stream &stream, size_t loop) {
    size_t bytes = 0;
    std::lock_guard lock(mutex_);
    const auto found = by_loop_.find(loop);
    if (found == by_loop_.end()) return bytes;
    std::erase_if(found->second,
                  [&](Follower &follower) { return !feed(stream, follower, bytes); });
    if (found->second.empty()) by_loop_.erase(found);
    return bytes;
}

void HlsGrowing::abort() {
    std::lock_guard lock(mutex_);
    by_loop_.clear();
}

} // namespace penstock::net
