// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/digest.h"

#include "core/sdp/text.h"

#include <array>
#include <initializer_list>

namespace penstock::rtsp {
namespace {

constexpr std::string_view names[] = {"MD5", "MD5-sess", "SHA-256", "SHA-256-sess"};

std::string joined(std::initializer_list<std::string_view> parts) {
    std::string out;
    for (const std::string_view part : parts)
        (out += part) += ':';
    out.pop_back();
    return out;
}

} // namespace

std::string random_text(Random random, size_t size) {
    static constexpr char digits[] = "0123456789abcdef";
    std::array<uint8_t, 64> bytes{};
    size = std::min(size, bytes.size());
    random(std::span(bytes).first(size));
    std::string out;
    for (size_t i = 0; i < size; ++i)
        out.append({digits[bytes[i] >> 4], digits[bytes[i] & 15]});
    return out;
}

std::optional<Algorithm> parse_algorithm(std::string_view text) {
    if (text.empty()) return Algorithm::md5;
    for (size_t i = 0; i < std::size(names); ++i)
        if (sdp::same_word(text, names[i])) return static_cast<Algorithm>(i);
    return std::nullopt;
}

std::string_view to_string(Algorithm algorithm) {
    return names[static_cast<size_t>(algorithm)];
}

std::string digest_response(const Hashes &hashes, const DigestInput &in) {
    const auto hash = is_sha256(in.algorithm) ? hashes.sha256 : hashes.md5;
    if (!hash) return {};
    std::string secret = hash(joined({in.user, in.realm, in.password}));
    if (in.algorithm == Algorithm::md5_sess || in.algorithm == Algorithm::sha256_sess)
        secret = hash(joined({secret, in.nonce, in.cnonce}));
    const std::string request = hash(joined({in.method, in.uri}));
    if (in.qop.empty()) return hash(joined({secret, in.nonce, request}));
    return hash(joined({secret, in.nonce, in.nc, in.cnonce, in.qop, request}));
}

} // namespace penstock::rtsp
