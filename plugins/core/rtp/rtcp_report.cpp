// SPDX-License-Identifier: LGPL-2.1-or-later
// RTCP's reports, descriptions and goodbyes. RFC 3550, 6.4 to 6.6.
#include "core/rtp/rtcp_body.h"

#include <algorithm>

namespace penstock::rtp::rtcp {
namespace {

constexpr size_t block_size = 24;
constexpr uint8_t item_end = 0, item_cname = 1;

std::string text_of(ByteView bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

/// What follows the blocks is an extension of a profile.
bool read_blocks(Reader &in, size_t count, std::vector<ReportBlock> &out) {
    if (in.failed() || in.remaining() < count * block_size) return false;
    for (size_t i = 0; i < count; ++i) {
        ReportBlock block;
        block.ssrc = in.u32();
        block.fraction_lost = in.u8();
        block.lost = static_cast<int32_t>(in.u24() << 8) >> 8;
        block.highest_sequence = in.u32();
        block.jitter = in.u32();
        block.last_report = in.u32();
        block.delay = in.u32();
        out.push_back(block);
    }
    return true;
}

void write_blocks(const std::vector<ReportBlock> &blocks, Writer &out) {
    for (const ReportBlock &block : blocks) {
        out.u32(block.ssrc).u8(block.fraction_lost);
        out.u24(static_cast<uint32_t>(std::clamp(block.lost, -0x800000, 0x7FFFFF)) & 0xFFFFFF);
        out.u32(block.highest_sequence).u32(block.jitter);
        out.u32(block.last_report).u32(block.delay);
    }
}

void write_text(std::string_view text, Writer &out) {
    text = text.substr(0, max_text);
    out.u8(text.size()).text(text);
}

/// The items of one chunk, up to the end of the word that their list ends in.
bool read_items(Reader &in, SourceDescription::Chunk &chunk) {
    while (true) {
        const uint8_t type = in.u8();
        if (type == item_end) break;
        const ByteView value = in.take(in.u8());
        if (in.failed()) return false;
        if (type == item_cname) chunk.cname = text_of(value);
    }
    if (in.failed()) return false;
    in.skip((4 - in.position() % 4) % 4);
    return !in.failed();
}

} // namespace

bool read(Reader &in, size_t count, SenderReport &out) {
    out.ssrc = in.u32();
    out.ntp = in.u64();
    out.timestamp = in.u32();
    out.packets = in.u32();
    out.bytes = in.u32();
    return read_blocks(in, count, out.blocks);
}

bool read(Reader &in, size_t count, ReceiverReport &out) {
    out.ssrc = in.u32();
    return read_blocks(in, count, out.blocks);
}

bool read(Reader &in, size_t count, SourceDescription &out) {
    for (size_t i = 0; i < count; ++i) {
        SourceDescription::Chunk chunk;
        chunk.ssrc = in.u32();
        if (!read_items(in, chunk)) return false;
        out.chunks.push_back(std::move(chunk));
    }
    return true;
}

bool read(Reader &in, size_t count, Goodbye &out) {
    if (in.remaining() < count * 4) return false;
    for (size_t i = 0; i < count; ++i)
        out.ssrcs.push_back(in.u32());
    if (in.remaining() > 0) out.reason = text_of(in.take(in.u8()));
    return !in.failed();
}

std::optional<Head> write_body(const SenderReport &packet, Writer &out) {
    if (packet.blocks.size() > max_items) return std::nullopt;
    out.u32(packet.ssrc).u64(packet.ntp).u32(packet.timestamp);
    out.u32(packet.packets).u32(packet.bytes);
    write_blocks(packet.blocks, out);
    return Head{type_sender_report, packet.blocks.size()};
}

std::optional<Head> write_body(const ReceiverReport &packet, Writer &out) {
    if (packet.blocks.size() > max_items) return std::nullopt;
    out.u32(packet.ssrc);
    write_blocks(packet.blocks, out);
    return Head{type_receiver_report, packet.blocks.size()};
}

std::optional<Head> write_body(const SourceDescription &packet, Writer &out) {
    if (packet.chunks.size() > max_items) return std::nullopt;
    for (const SourceDescription::Chunk &chunk : packet.chunks) {
        out.u32(chunk.ssrc);
        size_t size = 0;
        if (!chunk.cname.empty()) {
            out.u8(item_cname);
            write_text(chunk.cname, out);
            size = 2 + std::min(chunk.cname.size(), max_text);
        }
        // One null byte ends the list, the others fill the word.
        for (size_t nulls = 4 - size % 4; nulls > 0; --nulls)
            out.u8(item_end);
    }
    return Head{type_description, packet.chunks.size()};
}

std::optional<Head> write_body(const Goodbye &packet, Writer &out) {
    if (packet.ssrcs.size() > max_items) return std::nullopt;
    for (const uint32_t ssrc : packet.ssrcs)
        out.u32(ssrc);
    if (!packet.reason.empty()) {
        write_text(packet.reason, out);
        for (size_t size = 1 + std::min(packet.reason.size(), max_text); size % 4 != 0; ++size)
            out.u8(0);
    }
    return Head{type_goodbye, packet.ssrcs.size()};
}

} // namespace penstock::rtp::rtcp
