// SPDX-License-Identifier: LGPL-2.1-or-later
// RTCP's transport-wide feedback: the chunks of statuses and the arrival times behind them.
// draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1.
#include "core/rtp/rtcp_body.h"

#include <algorithm>

namespace penstock::rtp::rtcp {
namespace {

// Symbols of a status; 3 is reserved.
constexpr uint8_t lost = 0, small = 1, large = 2;
constexpr size_t longest_run = 0x1FFF;
constexpr size_t bits_of_vector = 14, pairs_of_vector = 7;

uint8_t symbol_of(int32_t delta) {
    if (delta == TransportFeedback::not_received) return lost;
    return delta >= 0 && delta <= 0xFF ? small : large;
}

/// Appends the symbols of one chunk, up to `count` in all.
void read_chunk(uint16_t chunk, size_t count, std::vector<uint8_t> &symbols) {
    const size_t left = count - symbols.size();
    if (!(chunk & 0x8000)) {
        symbols.insert(symbols.end(), std::min<size_t>(chunk & longest_run, left),
                       static_cast<uint8_t>(chunk >> 13 & 3));
    } else if (chunk & 0x4000) {
        for (size_t i = 0; i < std::min(pairs_of_vector, left); ++i)
            symbols.push_back(static_cast<uint8_t>(chunk >> (12 - 2 * i) & 3));
    } else {
        for (size_t i = 0; i < std::min(bits_of_vector, left); ++i)
            symbols.push_back(static_cast<uint8_t>(chunk >> (13 - i) & 1));
    }
}

/// Writes the chunk that takes most of the symbols and returns how many those are.
size_t write_chunk(std::span<const uint8_t> symbols, Writer &out) {
    size_t run = 1;
    while (run < std::min(symbols.size(), longest_run) && symbols[run] == symbols[0])
        ++run;
    const auto is_small = [](uint8_t symbol) { return symbol <= small; };
    const std::span<const uint8_t> bits = symbols.first(std::min(symbols.size(), bits_of_vector));
    const bool fits_bits = std::all_of(bits.begin(), bits.end(), is_small);
    const size_t vector = std::min(symbols.size(), fits_bits ? bits_of_vector : pairs_of_vector);
    if (run >= vector) {
        out.u16(uint64_t(symbols[0]) << 13 | run);
        return run;
    }
    uint32_t chunk = fits_bits ? 0x8000 : 0xC000;
    for (size_t i = 0; i < vector; ++i)
        chunk |=
            fits_bits ? uint32_t(symbols[i]) << (13 - i) : uint32_t(symbols[i]) << (12 - 2 * i);
    out.u16(chunk);
    return vector;
}

} // namespace

bool read(Reader &in, size_t, TransportFeedback &out) {
    out.sender = in.u32();
    out.media = in.u32();
    out.base_sequence = in.u16();
    const size_t count = in.u16();
    out.reference_time = static_cast<int32_t>(in.u24() << 8) >> 8;
    out.count = in.u8();
    if (in.failed() || count == 0 || count > max_statuses) return false;
    std::vector<uint8_t> symbols;
    symbols.reserve(count);
    while (symbols.size() < count) {
        const size_t before = symbols.size();
        read_chunk(in.u16(), count, symbols);
        if (in.failed() || symbols.size() == before) return false;
    }
    out.deltas.reserve(count);
    for (const uint8_t symbol : symbols) {
        if (symbol > large) return false;
        if (symbol == lost)
            out.deltas.push_back(TransportFeedback::not_received);
        else
            out.deltas.push_back(symbol == small ? in.u8() : static_cast<int16_t>(in.u16()));
    }
    return !in.failed();
}

std::optional<Head> write_body(const TransportFeedback &packet, Writer &out) {
    const auto is_in_range = [](int32_t delta) {
        return delta == TransportFeedback::not_received ||
               (delta >= INT16_MIN && delta <= INT16_MAX);
    };
    if (packet.deltas.empty() || packet.deltas.size() > max_statuses ||
        !std::all_of(packet.deltas.begin(), packet.deltas.end(), is_in_range))
        return std::nullopt;
    out.u32(packet.sender).u32(packet.media);
    out.u16(packet.base_sequence).u16(packet.deltas.size());
    out.u24(static_cast<uint32_t>(packet.reference_time) & 0xFFFFFF).u8(packet.count);
    std::vector<uint8_t> symbols(packet.deltas.size());
    std::transform(packet.deltas.begin(), packet.deltas.end(), symbols.begin(), symbol_of);
    size_t size = 0; // of chunks and deltas
    for (std::span<const uint8_t> left = symbols; !left.empty(); size += 2)
        left = left.subspan(write_chunk(left, out));
    for (size_t i = 0; i < symbols.size(); ++i) {
        const auto delta = static_cast<uint32_t>(packet.deltas[i]);
        if (symbols[i] == small) out.u8(delta);
        if (symbols[i] == large) out.u16(delta & 0xFFFF);
        size += symbols[i];
    }
    for (; size % 4 != 0; ++size)
        out.u8(0);
    return Head{type_transport, format_transport_feedback};
}

} // namespace penstock::rtp::rtcp
