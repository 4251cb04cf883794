// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/client_handshake.h"

#include "core/rtmp/handshake.h"

#include <algorithm>
#include <string>

namespace penstock::rtmp {
namespace {

constexpr size_t block_size = Handshake::block_size;

Result wrong_version(uint8_t byte) {
    const std::string begins =
        "the server does not speak RTMP: its answer begins with byte " + std::to_string(byte);
    if (byte == 0x15) return Result::error(begins + " (TLS? write rtmps:// for it)");
    if (byte == 'H') return Result::error(begins + " (HTTP? the usual port of RTMP is 1935)");
    if (byte == 6 || byte == 8)
        return Result::error(begins + " (encrypted RTMPE is not supported)");
    return Result::error(begins + ", where RTMP has version 3");
}

} // namespace

void ClientHandshake::begin(std::vector<uint8_t> &output) {
    output.reserve(output.size() + 1 + block_size);
    output.push_back(Handshake::version);
    // C1: time 0, version 0, then arbitrary varying bytes.
    output.insert(output.end(), 8, 0);
    uint32_t noise = 0x2545F491;
    for (size_t i = 8; i < block_size; ++i) {
        noise = noise * 1664525 + 1013904223;
        output.push_back(static_cast<uint8_t>(noise >> 24));
    }
}

Result ClientHandshake::feed(ByteView &input, std::vector<uint8_t> &output) {
    const auto take = [&](size_t wanted) {
        const ByteView view = input.first(std::min(wanted, input.size()));
        input = input.subspan(view.size());
        return view;
    };
    if (!answered_) {
        if (s1_.empty() && !input.empty() && input[0] != Handshake::version)
            return wrong_version(input[0]);
        const ByteView part = take(1 + block_size - s1_.size());
        s1_.insert(s1_.end(), part.begin(), part.end());
        if (s1_.size() < 1 + block_size) return Result::need_more();
        output.insert(output.end(), s1_.begin() + 1, s1_.end());
        answered_ = true;
        std::vector<uint8_t>().swap(s1_); // frees the memory for the rest of the connection
    }
    s2_received_ += take(block_size - s2_received_).size();
    done_ = s2_received_ == block_size;
    return done_ ? Result::ok() : Result::need_more();
}

} // namespace penstock::rtmp
