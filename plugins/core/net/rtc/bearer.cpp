// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/bearer.h"

#include "core/net/loop/address.h"
#include "core/net/rtc/rooms.h"
#include "core/sdp/text.h"

#include <algorithm>
#include <cctype>
#include <string>

namespace penstock::net {
namespace {

/// Escapes what can't stand in the value of a query (RFC 3986, section 3.4), or would not be read
/// as itself there. "/" and "=" remain, so that tokens of base64 look the same in both places.
std::string escaped(std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) || std::string_view("-._~/=").find(c) != std::string_view::npos)
            out += c;
        else
            out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
    return out;
}

} // namespace

bool take_bearer_token(std::string_view authorization, PeerInfo &peer) {
    authorization = sdp::trimmed(authorization);
    const size_t space = std::min(authorization.find(' '), authorization.size());
    const std::string_view token = sdp::trimmed(authorization.substr(space));
    if (!sdp::same_word(authorization.substr(0, space), "Bearer") || token.empty()) return true;
    const bool is_legal =
        std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (!is_legal || token.size() > max_bearer_token) return false;
    // The key of the URL stays in the query, where rooms look for that, too.
    if (peer.key.empty() || is_room_path(peer.path)) peer.key = token;
    if (query_value(peer.query, "token").empty() && query_value(peer.query, "jwt").empty())
        // In front, because the first `token` counts, and the URL may have an empty one.
        peer.query = "token=" + escaped(token) + (peer.query.empty() ? "" : "&") + peer.query;
    return true;
}

} // namespace penstock::net
