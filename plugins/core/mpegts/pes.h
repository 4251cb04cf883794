// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads PES packets as their bytes come. ISO/IEC 13818-1 2.4.3.6.
#pragma once

#include "core/bytes/bytes.h"

#include <algorithm>
#include <array>
#include <optional>

namespace penstock::mpegts {

struct PesHeader {
    uint8_t stream_id = 0;
    std::optional<uint64_t> pts, dts; ///< 90 kHz, 33 bits
    size_t length = 0;                ///< PES_packet_length, bytes
    bool is_unbounded = false;        ///< it lasts until the next one begins
};

/// Takes the payloads of one PID's packets in order. A header may be spread over several. Not
/// thread-safe.
class PesReader {
public:
    /// Calls `target.begin(const PesHeader &)`, `target.data(ByteView)` and, where the length is
    /// known, `target.end()`; `target.cut()` for a packet that ends before its length.
    template <class Target>
    void push(ByteView payload, bool starts_packet, Target &&target) {
        if (starts_packet) {
            const bool is_cut = state_ == State::payload && !header_.is_unbounded && remaining_ > 0;
            if (is_cut) target.cut();
            state_ = State::head;
            head_size_ = 0;
        }
        if (state_ == State::head) {
            payload = take_head(payload);
            if (state_ == State::payload) {
                target.begin(header_);
                // Without payload it would never end.
                if (!header_.is_unbounded && remaining_ == 0) return finish(target);
            }
        }
        if (state_ != State::payload || payload.empty()) return;
        if (header_.is_unbounded) return target.data(payload);
        payload = payload.first(std::min(payload.size(), remaining_));
        remaining_ -= payload.size();
        target.data(payload);
        if (remaining_ == 0) finish(target);
    }
    /// Packets are missing: waits for the next start.
    void lose() { state_ = State::waiting; }

private:
    enum class State : uint8_t { waiting, head, payload };

    template <class Target>
    void finish(Target &&target) {
        state_ = State::waiting;
        target.end();
    }
    /// Takes bytes of the header; returns those behind it, once it is complete.
    ByteView take_head(ByteView bytes);
    bool parse_head();

    State state_ = State::waiting;
    PesHeader header_;
    std::array<uint8_t, 9 + 255> head_{};
    size_t head_size_ = 0;
    size_t remaining_ = 0; ///< bytes of the payload
};

} // namespace penstock::mpegts
