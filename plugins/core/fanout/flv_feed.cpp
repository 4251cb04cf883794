// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/fanout/flv_feed.h"

#include "core/fanout/flv_fold.h"
#include "core/flv/enhanced.h"

namespace penstock::fanout {
namespace {

/// The timestamp of every onMetaData: ffmpeg creates an additional stream for other values.
constexpr uint32_t metadata_time = 0;

rtmp::Timeline::Track track_of(const flv::Tag &tag) {
    return tag.type == flv::TagType::audio ? rtmp::Timeline::audio : rtmp::Timeline::video;
}

/// Composition time offset of the frame; ms.
uint32_t composition_of(const flv::Tag &tag, const std::optional<flv::BodyHeader> &header) {
    return tag.type == flv::TagType::video && header
               ? static_cast<uint32_t>(std::max(header->composition_time, 0))
               : 0;
}

} // namespace

FlvFeed::FlvFeed(Ring &ring, Format format) : ring_(ring), format_(std::move(format)) {
    ring_.set_fold([make_packet = format_.make_packet](const std::vector<PacketPtr> &gop) {
        return fold_flv(gop, make_packet);
    });
}

void FlvFeed::restart(gop::Limits limits) {
    normalizer_.reset();
    has_video_ = has_audio_ = false;
    timeline_.restart();
    for (auto &codec : codecs_)
        codec = 0;
    ring_.restart(limits);
}

void FlvFeed::discontinuity() {
    timeline_.restart();
}

bool FlvFeed::joinable(const flv::Tag &tag) const {
    return tag.kind == flv::TagKind::keyframe || (!has_video_ && tag.kind == flv::TagKind::audio);
}

std::shared_ptr<Packet> FlvFeed::packet_of(const flv::Tag &tag,
                                           const std::optional<flv::BodyHeader> &header,
                                           uint32_t timestamp) const {
    auto packet = format_.make_packet(tag, timestamp);
    if (format_.own_needs || !header || flv::features_of(*header) == flv::feature::none)
        return packet;
    packet->needs = flv::features_of(*header);
    if (!header->mod_ex) return packet;
    flv::Tag plain = flv::without_mod_ex(tag);
    const auto left = flv::parse_body(plain.type, plain.body_view());
    if (!left) return packet;
    flv::simplify(plain, *left);
    auto form = format_.make_packet(plain, timestamp);
    form->needs = flv::features_of(*left);
    packet->plain = std::move(form);
    return packet;
}

PacketPtr FlvFeed::append(const flv::Tag &tag, uint64_t now_ns) {
    if (tag.kind == flv::TagKind::other) return nullptr;
    const auto header = flv::parse_body(tag.type, tag.body_view());
    const bool default_track = !header || header->track == 0;
    const bool is_header = tag.kind == flv::TagKind::config || tag.kind == flv::TagKind::metadata;
    if (is_header) {
        const unsigned before = normalizer_.headers().version;
        normalizer_.learn(tag);
        if (normalizer_.headers().version == before) return nullptr; // unchanged
    }
    if (tag.type == flv::TagType::audio) has_audio_ = true;
    if (tag.type == flv::TagType::video && !has_video_) {
        has_video_ = true;
        ring_.forget_joins();
    }
    if (header && default_track)
        codecs_[tag.type == flv::TagType::audio].store(header->codec, std::memory_order_relaxed);
    if (tag.kind == flv::TagKind::config) ring_.forget_joins();
    if (is_header) write_headers();
    // Headers often have timestamp 0; they get the time of their position.
    const rtmp::Timeline::Track track = track_of(tag);
    const int64_t time = tag.kind == flv::TagKind::metadata ? metadata_time
                         : is_header                        ? timeline_.last(track)
                         : !default_track
                             ? timeline_.beside(track, tag.timestamp)
                             : timeline_.map(track, tag.timestamp, composition_of(tag, header),
                                             static_cast<int64_t>(now_ns / 1'000'000));
    const auto timestamp = static_cast<uint32_t>(time); // wraps at 2^32 on the wire
    auto packet = packet_of(tag, header, timestamp);
    packet->awaited =
        !is_header && default_track && (tag.type == flv::TagType::video || !has_video_);
    const bool may_join = default_track && joinable(tag);
    if (may_join) {
        for (const auto t : {rtmp::Timeline::audio, rtmp::Timeline::video})
            join_times_[t] = static_cast<uint32_t>(timeline_.last(t));
        write_headers();
    }
    ring_.append(packet, now_ns, may_join);
    return packet;
}

/// Sets the headers for joining viewers, with the time at which they join.
void FlvFeed::write_headers() {
    std::vector<PacketPtr> headers;
    if (format_.file_header)
        headers.push_back(plain_packet(flv::file_header(has_audio_, has_video_), true));
    for (const flv::Tag &header : normalizer_.headers().list()) {
        const bool metadata = header.kind == flv::TagKind::metadata;
        const uint32_t time = metadata ? metadata_time : join_times_[track_of(header)];
        const auto parsed = flv::parse_body(header.type, header.body_view());
        headers.push_back(packet_of(header, parsed, time));
    }
    ring_.set_headers(std::move(headers));
}

} // namespace penstock::fanout
