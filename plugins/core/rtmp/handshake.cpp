// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/handshake.h"

#include <algorithm>
#include <array>
#include <span>
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

/// Arbitrary bytes that vary.
void append_noise(std::vector<uint8_t> &output, size_t size) {
    uint32_t noise = 0x9E3779B9;
    for (size_t i = 0; i < size; ++i) {
        noise = noise * 1664525 + 1013904223;
        output.push_back(static_cast<uint8_t>(noise >> 24));
    }
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
        answer(output);
        answered_ = true;
        std::vector<uint8_t>().swap(c1_); // frees the memory for the rest of the connection
    }
    c2_received_ += take(block_size - c2_received_).size();
    done_ = c2_received_ == block_size;
    return done_ ? Result::ok() : Result::need_more();
}

void Handshake::answer(std::vector<uint8_t> &output) const {
    const ByteView c1 = ByteView(c1_).subspan(1);
    // Clients without a digest have zeros where the others have their version.
    const bool may_have_digest =
        hmac_ && std::any_of(c1.begin() + 4, c1.begin() + 8, [](uint8_t byte) { return byte; });
    const auto found = may_have_digest ? find_client_digest(c1, hmac_) : std::nullopt;
    const size_t begin = output.size();
    output.reserve(begin + 1 + 2 * block_size);
    output.push_back(version);
    output.insert(output.end(), 4, 0); // S1: time
    // S1: version. A client checks digests from version 3 on.
    constexpr std::array<uint8_t, 4> with_digest = {4, 5, 0, 1}, without_digest = {};
    const auto &ours = found ? with_digest : without_digest;
    output.insert(output.end(), ours.begin(), ours.end());
    append_noise(output, block_size - 8);
    if (!found) {
        output.insert(output.end(), c1.begin(), c1.end());
        return;
    }
    append_noise(output, block_size);
    const std::span answers = std::span(output).subspan(begin + 1);
    sign_s1(answers.first(block_size), found->scheme, hmac_);
    sign_s2(answers.subspan(block_size), found->digest, hmac_);
}

} // namespace penstock::rtmp
