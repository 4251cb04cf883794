// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fanout/ts_feed.h"

#include <algorithm>
#include <utility>

namespace penstock::fanout {

using mpegts::packet_size;

void TsFeed::restart(gop::Limits limits) {
    muxer_.reset();
    aligner_.reset();
    joins_.reset();
    timeline_.restart();
    pending_.clear();
    tables_version_ = 0;
    pending_joinable_ = pending_awaited_ = had_video_ = has_begun_ = false;
    ring_.set_headers({});
    ring_.set_fold(nullptr);
    ring_.restart(limits);
}

void TsFeed::discontinuity() {
    timeline_.restart();
    aligner_.reset();
}

/// Each piece is a message.
std::shared_ptr<Packet> TsFeed::cut(std::vector<uint8_t> &&packets) const {
    auto packet = new_packet();
    packet->payload = Bytes::adopt(std::move(packets));
    for (ByteView rest = packet->payload; !rest.empty();) {
        const size_t size = std::min(message_, rest.size());
        packet->pieces.push_back(rest.first(size));
        rest = rest.subspan(size);
    }
    packet->seal(false);
    return packet;
}

void TsFeed::put(std::vector<uint8_t> &&packets, uint64_t now_ns, bool joinable, bool awaited) {
    auto packet = cut(std::move(packets));
    packet->awaited = awaited;
    ring_.append(std::move(packet), now_ns, joinable);
    has_begun_ = true;
}

// --- FLV ----------------------------------------------------------------------------------

bool TsFeed::append(const flv::Tag &tag, uint64_t now_ns) {
    const bool is_video = tag.type == flv::TagType::video;
    const auto track = is_video ? rtmp::Timeline::video : rtmp::Timeline::audio;
    const bool is_frame = tag.kind == flv::TagKind::keyframe || tag.kind == flv::TagKind::frame ||
                          tag.kind == flv::TagKind::audio;
    if (!is_frame) { // configuration, which has no time of its own
        muxer_.take(tag, timeline_.last(track), pending_);
        return false;
    }
    const auto header = flv::parse_body(tag.type, tag.body_view());
    if (!header || header->track != 0) return false;
    const auto composition = static_cast<uint32_t>(std::max(header->composition_time, 0));
    const int64_t time =
        timeline_.map(track, tag.timestamp, composition, static_cast<int64_t>(now_ns / 1'000'000));
    const size_t before = pending_.size();
    const auto unit = muxer_.take(tag, time, pending_);
    if (!unit) return false;
    if (muxer_.has_video() && !std::exchange(had_video_, true)) ring_.forget_joins();
    if (unit->joinable) {
        // A joining viewer begins exactly here: what waits goes out before.
        if (before > 0) {
            std::vector<uint8_t> rest(pending_.begin(),
                                      pending_.begin() + static_cast<ptrdiff_t>(before));
            pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(before));
            put(std::move(rest), now_ns, false, false);
        }
    }
    // The end of a frame does not wait for the next one; the rest of other audio does.
    if (!unit->awaited && pending_.size() < message_) return false;
    put(std::exchange(pending_, {}), now_ns, unit->joinable, unit->awaited);
    return unit->awaited;
}

// --- MPEG-TS ------------------------------------------------------------------------------

bool TsFeed::append(ByteView bytes, uint64_t now_ns) {
    incoming_.clear();
    aligner_.push(bytes, incoming_);
    bool awaited = false;
    for (size_t at = 0; at < incoming_.size(); at += packet_size) {
        const ByteView packet = ByteView(incoming_).subspan(at, packet_size);
        const bool may_join = joins_.take(packet);
        if (joins_.version() != tables_version_) {
            tables_version_ = joins_.version();
            if (joins_.has_video() && !std::exchange(had_video_, true)) ring_.forget_joins();
            ring_.set_headers({cut(std::vector<uint8_t>(joins_.tables()))});
        }
        if (may_join && !pending_.empty()) {
            put(std::exchange(pending_, {}), now_ns, pending_joinable_, pending_awaited_);
            awaited = awaited || pending_awaited_;
            pending_joinable_ = pending_awaited_ = false;
        }
        pending_.insert(pending_.end(), packet.begin(), packet.end());
        pending_joinable_ = pending_joinable_ || may_join;
        pending_awaited_ = pending_awaited_ || joins_.is_awaited();
    }
    const bool is_single = incoming_.size() <= packet_size;
    if (pending_.empty() || (is_single && pending_.size() < message_)) return awaited;
    // Without a program nobody knows what viewers wait for.
    const bool is_awaited = pending_awaited_ || joins_.tables().empty() || !is_single;
    put(std::exchange(pending_, {}), now_ns, std::exchange(pending_joinable_, false), is_awaited);
    pending_awaited_ = false;
    return awaited || is_awaited;
}

} // namespace penstock::fanout
