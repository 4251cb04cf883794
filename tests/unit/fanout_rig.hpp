// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the fan-out tests: a ring whose packets are shown as text, "K0 d40 a60".
#pragma once

#include "core/fanout/flv_feed.h"
#include "core/rtmp/packet.h"

#include "flv_samples.hpp"

#include <string>
#include <vector>

namespace fanout_test {

using namespace penstock;

/// The timestamp in the first chunk header, extended or not.
inline uint32_t wire_time(const fanout::Packet &packet) {
    const auto &b = packet.headers;
    const uint32_t time = uint32_t(b[1]) << 16 | uint32_t(b[2]) << 8 | b[3];
    if (time != 0xFFFFFF) return time;
    return uint32_t(b[12]) << 24 | uint32_t(b[13]) << 16 | uint32_t(b[14]) << 8 | b[15];
}

/// K keyframe, d other video, a audio, V and A configuration, M metadata; followed by the time.
inline std::string text(const std::vector<fanout::PacketPtr> &packets) {
    std::string out;
    for (const auto &packet : packets) {
        const Bytes &bytes = packet->payload;
        const auto type = flv::TagType(bytes[0]);
        const bool video = type == flv::TagType::video;
        const ByteView body = bytes.view().subspan(
            flv::header_size, bytes.size() - flv::header_size - flv::trailer_size);
        out += out.empty() ? "" : " ";
        switch (flv::classify(type, body)) {
        case flv::TagKind::keyframe:
            out += 'K';
            break;
        case flv::TagKind::frame:
            out += 'd';
            break;
        case flv::TagKind::audio:
            out += 'a';
            break;
        case flv::TagKind::config:
            out += video ? 'V' : 'A';
            break;
        case flv::TagKind::metadata:
            out += 'M';
            break;
        case flv::TagKind::other:
            out += '?';
        }
        out += std::to_string(wire_time(*packet));
    }
    return out;
}

/// A producer whose timestamps and clock advance together, 40 ms per video frame.
struct Producer {
    explicit Producer(gop::Limits limits = {}, uint32_t chunk_size = 65536)
        : feed(ring, {[chunk_size](const flv::Tag &tag, uint32_t timestamp) {
                   return rtmp::make_packet(tag, timestamp, chunk_size);
               }}) {
        feed.restart(limits);
    }
    void push(const std::string &frames) {
        for (const char c : frames) {
            switch (c) {
            case 'V':
                append(samples::video_config(ms));
                break;
            case 'A':
                append(samples::audio_config(ms));
                break;
            case 'M':
                append(samples::metadata());
                break;
            case 'a':
                append(samples::audio_frame(ms));
                break;
            default:
                append(samples::video_frame(ms, c == 'K'));
                ms += 40;
                now += 40;
            }
        }
    }
    void append(const flv::Tag &tag) { feed.append(tag, now * 1'000'000); }

    uint32_t ms = 0;
    uint64_t now = 1000;
    fanout::Ring ring;
    fanout::FlvFeed feed;
};

struct Viewer {
    /// Up to `max` new packets, after those that a joining viewer gets first.
    std::vector<fanout::PacketPtr> packets(fanout::Ring &ring, size_t max = 1000) {
        std::vector<fanout::PacketPtr> got;
        place = ring.settle(cursor, join, slow, got);
        if (place != fanout::Ring::Place::behind) return got;
        fanout::Batch batch;
        ring.read(cursor, max, SIZE_MAX, batch);
        got.insert(got.end(), batch.packets.begin(), batch.packets.end());
        cursor.next = batch.end;
        more = batch.end < ring.packets();
        return got;
    }
    /// The same, as text.
    std::string read(fanout::Ring &ring, size_t max = 1000) { return text(packets(ring, max)); }

    fanout::Join join = fanout::Join::burst;
    fanout::Slow slow = fanout::Slow::skip;
    fanout::Cursor cursor;
    fanout::Ring::Place place = fanout::Ring::Place::waiting;
    bool more = false;
};

} // namespace fanout_test
