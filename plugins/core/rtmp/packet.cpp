// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/packet.h"

#include "core/rtmp/chunk_writer.h"
#include "core/rtmp/message.h"

#include <algorithm>

namespace penstock::rtmp {
namespace {

uint8_t chunk_stream_of(flv::TagType type) {
    switch (type) {
    case flv::TagType::audio:
        return chunk_stream::audio;
    case flv::TagType::video:
        return chunk_stream::video;
    case flv::TagType::script:
        break;
    }
    return chunk_stream::data;
}

std::shared_ptr<fanout::Packet> serialize(const flv::Tag &tag, uint32_t timestamp,
                                          uint32_t chunk_size, uint32_t stream_id,
                                          bool for_server) {
    auto packet = fanout::new_packet();
    packet->payload = tag.bytes;
    packet->time = timestamp;
    chunk_size = std::max(chunk_size, 1u);
    ByteView body;
    if (tag.bytes.size() > flv::header_size + flv::trailer_size)
        body = tag.bytes.view().subspan(flv::header_size,
                                        tag.bytes.size() - flv::header_size - flv::trailer_size);
    if (tag.type == flv::TagType::script && !for_server)
        body = body.subspan(set_data_frame_size(body));

    // All chunks after the first have identical headers, so they share one copy.
    const uint8_t chunk_stream = chunk_stream_of(tag.type);
    thread_local Writer headers;
    headers.vector().clear();
    write_first_header(headers, chunk_stream, static_cast<uint8_t>(tag.type), timestamp,
                       static_cast<uint32_t>(body.size()), stream_id);
    const size_t first_size = headers.size();
    if (body.size() > chunk_size) write_next_header(headers, chunk_stream, timestamp);
    packet->headers.assign(headers.view().begin(), headers.view().end());
    const ByteView all(packet->headers.data(), packet->headers.size());
    const ByteView first = all.first(first_size), next = all.subspan(first_size);

    packet->pieces.reserve(2 + 2 * (body.size() / chunk_size));
    packet->pieces.push_back(first);
    while (body.size() > chunk_size) {
        packet->pieces.push_back(body.first(chunk_size));
        packet->pieces.push_back(next);
        body = body.subspan(chunk_size);
    }
    if (!body.empty()) packet->pieces.push_back(body);
    packet->seal(false);
    return packet;
}

} // namespace

std::shared_ptr<fanout::Packet> make_packet(const flv::Tag &tag, uint32_t timestamp,
                                            uint32_t chunk_size, uint32_t stream_id) {
    return serialize(tag, timestamp, chunk_size, stream_id, false);
}

std::shared_ptr<fanout::Packet> make_publisher_packet(const flv::Tag &tag, uint32_t timestamp,
                                                      uint32_t chunk_size, uint32_t stream_id) {
    return serialize(tag, timestamp, chunk_size, stream_id, true);
}

} // namespace penstock::rtmp
