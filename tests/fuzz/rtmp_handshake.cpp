// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as C0, C1 and C2, with a right digest in C1 or as they are. Laws: cutting the input
// changes nothing; an answer has its whole length; a digest that is right is found and answered
// under its own scheme; without one S2 is C1.
#include "core/rtmp/handshake.h"

#include "fuzz/law.h"

#include <algorithm>
#include <string_view>
#include <vector>

using namespace penstock;

namespace {

constexpr size_t block = rtmp::Handshake::block_size;

/// Not an HMAC, but a digest of all that it is given.
rtmp::Digest mix(ByteView key, ByteView first, ByteView second) {
    rtmp::Digest out{};
    uint64_t state = 0xCBF29CE484222325;
    for (const ByteView part : {key, first, second})
        for (const uint8_t byte : part)
            state = (state ^ byte) * 0x100000001B3;
    for (uint8_t &byte : out) {
        state = state * 6364136223846793005 + 1442695040888963407;
        byte = static_cast<uint8_t>(state >> 56);
    }
    return out;
}

void sign_c1(std::vector<uint8_t> &c1, rtmp::DigestScheme scheme) {
    constexpr std::string_view key = "Genuine Adobe Flash Player 001";
    const size_t offset = rtmp::digest_offset(c1, scheme);
    const ByteView whole = c1;
    const auto digest = mix({reinterpret_cast<const uint8_t *>(key.data()), key.size()},
                            whole.first(offset), whole.subspan(offset + 32));
    std::copy(digest.begin(), digest.end(), c1.begin() + static_cast<ptrdiff_t>(offset));
}

struct Outcome {
    std::vector<uint8_t> output;
    size_t left = 0;
    bool failed = false, done = false;
    bool operator==(const Outcome &) const = default;
};

Outcome run(ByteView input, size_t step) {
    rtmp::Handshake handshake(mix);
    Outcome out;
    for (size_t at = 0; at < input.size(); at += step) {
        ByteView piece = input.subspan(at, std::min(step, input.size() - at));
        if (!handshake.done()) out.failed |= handshake.feed(piece, out.output).is_error();
        if (out.failed) break;
        out.left += piece.size();
    }
    out.done = handshake.done();
    return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const uint8_t choice = data[0];
    std::vector<uint8_t> input(data + 1, data + size);
    const bool has_c1 = input.size() > block && input[0] == rtmp::Handshake::version;
    const bool is_signed = has_c1 && choice % 4 < 2;
    const auto scheme = rtmp::DigestScheme(choice % 2);
    if (is_signed) {
        std::vector<uint8_t> c1(input.begin() + 1, input.begin() + 1 + block);
        c1[4] |= 1; // a version
        sign_c1(c1, scheme);
        std::copy(c1.begin(), c1.end(), input.begin() + 1);
    }
    const Outcome whole = run(input, input.size() + 1);
    fuzz::law(whole == run(input, 1 + choice / 4), "cutting the input changes nothing");
    fuzz::law(whole.failed == (!input.empty() && input[0] != rtmp::Handshake::version),
              "only the first byte is refused");
    if (whole.failed) return 0;
    fuzz::law(whole.output.size() == (input.size() > block ? 1 + 2 * block : 0),
              "an answer is whole");
    if (!has_c1) return 0;
    const ByteView output = whole.output, c1 = ByteView(input).subspan(1, block);
    const auto found = rtmp::find_client_digest(c1, mix);
    fuzz::law(!is_signed || found.has_value(), "a right digest is found");
    const bool is_complex = output[5] != 0;
    fuzz::law(!is_complex || found.has_value(), "no digest is answered without one");
    fuzz::law(!is_signed || is_complex, "a digest is answered");
    if (!is_complex)
        fuzz::law(std::equal(c1.begin(), c1.end(), output.begin() + 1 + block), "S2 is C1");
    return 0;
}
