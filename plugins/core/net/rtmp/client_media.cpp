// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtmp/client_media.h"

#include "core/rtmp/packet.h"

#include <algorithm>

namespace penstock::net {
namespace {

/// The timestamp of every onMetaData: receivers based on ffmpeg make a stream of their own for
/// other values.
constexpr int64_t metadata_time = 0;

uint32_t composition_of(const flv::Tag &tag) {
    if (tag.type != flv::TagType::video) return 0;
    const auto header = flv::parse_body(tag.type, tag.body());
    return header ? static_cast<uint32_t>(std::max(header->composition_time, 0)) : 0;
}

} // namespace

void ClientMedia::push(const flv::Tag &tag, uint64_t now_ms) {
    if (tag.kind == flv::TagKind::other) return;
    const bool is_header = tag.kind == flv::TagKind::config || tag.kind == flv::TagKind::metadata;
    const auto track =
        tag.type == flv::TagType::audio ? rtmp::Timeline::audio : rtmp::Timeline::video;
    std::lock_guard lock(mutex_);
    if (tag.type == flv::TagType::video) has_video_ = true;
    if (is_header) {
        const unsigned before = headers_.headers().version;
        headers_.learn(tag);
        if (headers_.headers().version == before) return; // unchanged
        queue_.push({tag, timeline_.last(track), true, false});
        return;
    }
    const int64_t time =
        timeline_.map(track, tag.timestamp, composition_of(tag), static_cast<int64_t>(now_ms));
    newest_ = std::max(newest_, time);
    queue_.push({tag, time, false, flv::starts_gop(tag, has_video_)});
}

void ClientMedia::discontinuity() {
    std::lock_guard lock(mutex_);
    timeline_.restart();
}

void ClientMedia::flow(uint32_t stream_id) {
    std::lock_guard lock(mutex_);
    stream_id_ = stream_id;
    flowing_ = headers_due_ = true;
    taken_ = sent_ = 0;
    marks_.clear();
    queue_.flow();
}

void ClientMedia::stop_at_keyframe() {
    std::lock_guard lock(mutex_);
    stopping_ = true;
}

bool ClientMedia::is_stopped() const {
    std::lock_guard lock(mutex_);
    return stopping_ && queue_.is_at_start();
}

void ClientMedia::hold() {
    std::lock_guard lock(mutex_);
    if (!flowing_) return;
    flowing_ = stopping_ = false;
    marks_.clear();
    queue_.hold();
}

void ClientMedia::append(const flv::Tag &tag, int64_t time, std::vector<fanout::PacketPtr> &out) {
    const auto timestamp = static_cast<uint32_t>(time); // wraps at 2^32 on the wire
    constexpr uint32_t chunk_size = rtmp::ClientSession::out_chunk_size;
    fanout::PacketPtr packet;
    if (tag.kind == flv::TagKind::metadata)
        packet = rtmp::make_publisher_packet(
            flv::make_tag(flv::TagType::script, 0, rtmp::publisher_metadata(tag.body_view())),
            metadata_time, chunk_size, stream_id_);
    else
        packet = rtmp::make_packet(tag, timestamp, chunk_size, stream_id_);
    taken_ += packet->size;
    out.push_back(std::move(packet));
}

void ClientMedia::append_headers(int64_t time, std::vector<fanout::PacketPtr> &out) {
    for (const flv::Tag &header : headers_.headers().list())
        append(header, time, out);
}

bool ClientMedia::take(size_t wanted, std::vector<fanout::PacketPtr> &out) {
    std::lock_guard lock(mutex_);
    if (!flowing_) return false;
    const uint64_t before = taken_;
    rtmp::PublishQueue::Item item;
    while (taken_ - before < wanted && !(stopping_ && queue_.is_at_start()) && queue_.pop(item)) {
        if (queue_.take_skipped()) headers_due_ = true;
        if (std::exchange(headers_due_, false)) append_headers(item.time, out);
        append(item.tag, item.time, out);
        if (item.header) continue;
        ++frames_;
        marks_.push_back({taken_, item.time});
    }
    return taken_ > before;
}

bool ClientMedia::empty() const {
    std::lock_guard lock(mutex_);
    return queue_.empty();
}

void ClientMedia::sent(uint64_t bytes) {
    std::lock_guard lock(mutex_);
    sent_ = bytes;
    while (!marks_.empty() && marks_.front().end <= sent_)
        marks_.pop_front();
}

RtmpClientBacklog ClientMedia::backlog() const {
    std::lock_guard lock(mutex_);
    RtmpClientBacklog out{flowing_, sent_, 0, newest_};
    if (!flowing_) return out;
    if (!marks_.empty())
        out.queued_ms = newest_ - marks_.front().time;
    else if (!queue_.empty())
        out.queued_ms = newest_ - queue_.oldest();
    out.queued_ms = std::max<int64_t>(out.queued_ms, 0);
    return out;
}

uint64_t ClientMedia::frames() const {
    std::lock_guard lock(mutex_);
    return frames_;
}

uint64_t ClientMedia::dropped() const {
    std::lock_guard lock(mutex_);
    return queue_.dropped();
}

} // namespace penstock::net
