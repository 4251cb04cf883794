// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fanout/ring.h"

namespace penstock::fanout {
namespace {

/// Of an onMetaData with any other time ffmpeg makes one more stream.
constexpr uint32_t metadata_time = 0;

rtmp::Timeline::Track track_of(const flv::Tag &tag) {
    return tag.type == flv::TagType::audio ? rtmp::Timeline::audio : rtmp::Timeline::video;
}

/// Milliseconds.
uint32_t composition_of(const flv::Tag &tag) {
    if (tag.type != flv::TagType::video) return 0;
    const auto header = flv::parse_body(tag.type, tag.body());
    return header ? static_cast<uint32_t>(std::max(header->composition_time, 0)) : 0;
}

} // namespace

Ring::Ring(uint32_t chunk_size) : chunk_size_(chunk_size) {
}

void Ring::restart(gop::Limits limits) {
    std::lock_guard lock(mutex_);
    history_.clear();
    history_.set_limits(limits);
    normalizer_.reset();
    headers_.clear();
    has_video_ = false;
    timeline_.restart();
    ++epoch_;
}

void Ring::discontinuity() {
    std::lock_guard lock(mutex_);
    timeline_.restart();
}

bool Ring::joinable(const flv::Tag &tag) const {
    return tag.kind == flv::TagKind::keyframe || (!has_video_ && tag.kind == flv::TagKind::audio);
}

void Ring::append(const flv::Tag &tag, uint64_t now_ms) {
    if (tag.kind == flv::TagKind::other) return;
    std::unique_lock lock(mutex_);
    const bool is_header = tag.kind == flv::TagKind::config || tag.kind == flv::TagKind::metadata;
    if (is_header) {
        const unsigned before = normalizer_.headers().version;
        normalizer_.learn(tag);
        if (normalizer_.headers().version == before) return; // a repetition tells nobody anything
        write_headers();
    }
    if (tag.type == flv::TagType::video && !has_video_) {
        has_video_ = true;
        history_.forget_joins();
    }
    if (tag.kind == flv::TagKind::config) history_.forget_joins();
    // Headers often bear the timestamp 0, whenever they come: their place is where they stand.
    const rtmp::Timeline::Track track = track_of(tag);
    const uint32_t timestamp = tag.kind == flv::TagKind::metadata ? metadata_time
                               : is_header
                                   ? timeline_.last(track)
                                   : timeline_.map(track, tag.timestamp, composition_of(tag));
    // Serialized outside the lock: readers never wait for it.
    lock.unlock();
    PacketPtr packet = rtmp::make_packet(tag, timestamp, chunk_size_);
    lock.lock();
    if (joinable(tag)) {
        join_times_ = {timeline_.last(rtmp::Timeline::audio),
                       timeline_.last(rtmp::Timeline::video)};
        write_headers();
    }
    const size_t size = packet->size;
    history_.push(std::move(packet), size, now_ms * 1'000'000, joinable(tag));
}

/// What one who joins gets first, at the time at which it joins.
void Ring::write_headers() {
    headers_.clear();
    for (const flv::Tag &header : normalizer_.headers().list()) {
        const bool metadata = header.kind == flv::TagKind::metadata;
        const uint32_t time = metadata ? metadata_time : join_times_[track_of(header)];
        headers_.push_back(rtmp::make_packet(header, time, chunk_size_));
    }
}

void Ring::join(Cursor &cursor, uint64_t at, std::vector<PacketPtr> &out) const {
    out.insert(out.end(), headers_.begin(), headers_.end());
    cursor.next = at;
    cursor.epoch = epoch_;
}

bool Ring::read(Cursor &cursor, size_t max, std::vector<PacketPtr> &out) {
    std::lock_guard lock(mutex_);
    if (!cursor.next || cursor.epoch != epoch_) {
        const auto at = history_.newest_join();
        if (!at) return false;
        join(cursor, *at, out);
    } else if (*cursor.next < history_.begin()) {
        // Fell out of the ring: whole GOPs are skipped, so that the picture stays clean.
        const auto at = history_.newest_join();
        if (!at) return false;
        ++cursor.skipped;
        join(cursor, *at, out);
    }
    const uint64_t end = std::min(history_.end(), *cursor.next + max);
    for (; *cursor.next < end; ++*cursor.next)
        out.push_back(history_.at(*cursor.next));
    return *cursor.next < history_.end();
}

uint64_t Ring::packets() const {
    std::lock_guard lock(mutex_);
    return history_.end();
}

} // namespace penstock::fanout
