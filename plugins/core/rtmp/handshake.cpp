// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/handshake.h"

#include <algorithm>
#include <string>

namespace penstock::rtmp {
namespace {

Result wrong_version(uint8_t byte) {
    const std::string begins = "not an RTMP handshake: it begins with byte " + std::to_string(byte);
    if (byte == 0x16)
        return Result::error(begins + " (TLS? this address speaks rtmp://, not rtmps://)");
    if (byte >= 'A' && byte <= 'Z')
        return Result::error(begins + " (HTTP? this address speaks rtmp://)");
    if (byte == 6 || byte == 8)
        return Result::error(begins + " (encrypted RTMPE is not supported)");
    return Result::error(begins + ", where RTMP has version 3");
}

} // namespace

Result Handshake::feed(ByteView &input, std::vector<uint8_t> &output) {
    const auto take = [&](size_t wanted) {
        const ByteView view = input.first(std::min(wanted, input.size()));
        input = input.subspan(view.size());
        return view;
    };
    if (!answered_) {
        if (c1_.empty() && !input.empty() && input[0] != version) return wrong_version(input[0]);
        const ByteView part = take(1 + block_size - c1_.size());
        c1_.insert(c1_.end(), part.begin(), part.end());
        if (c1_.size() < 1 + block_size) return Result::need_more();
        output.reserve(output.size() + 1 + 2 * block_size);
        output.push_back(version);
        // S1: time 0, version 0, then arbitrary varying bytes.
        output.insert(output.end(), 8, 0);
        uint32_t noise = 0x9E3779B9;
        for (size_t i = 8; i < block_size; ++i) {
            noise = noise * 1664525 + 1013904223;
            output.push_back(static_cast<uint8_t>(noise >> 24));
        }
        output.insert(output.end(), c1_.begin() + 1, c1_.end());
        answered_ = true;
        std::vector<uint8_t>().swap(c1_); // frees the memory for the rest of the connection
    }
    c2_received_ += take(block_size - c2_received_).size();
    done_ = c2_received_ == block_size;
    return done_ ? Result::ok() : Result::need_more();
}

} // namespace penstock::rtmp
