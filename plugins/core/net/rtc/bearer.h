// SPDX-License-Identifier: LGPL-2.1-or-later
// The bearer token of a WHIP or WHEP request (RFC 6750, section 2.1) as a key and as a token of
// its URL, which is how peers of every protocol show them. Thread-safe.
#pragma once

#include "core/net/stream/peer.h"

#include <cstddef>
#include <string_view>

namespace penstock::net {

/// Longer ones are refused; bytes.
inline constexpr size_t max_bearer_token = 4096;

/// Takes the token of an Authorization header into `peer`, whose query and key are those of the
/// URL: clients such as OBS have one field for it, and whoever admits the peer knows whether it is
/// a publish key or a token. It is the key if the URL has none, and of a room in any
/// case: its peer may have the key of a rule and that of hosts. It also becomes `token` in the
/// query, in front, percent-encoded, if the URL has neither `token` nor `jwt`. A header that is
/// empty, or of another scheme, or without a token, changes nothing. Returns false if the token is
/// too long or has characters other than visible ASCII.
bool take_bearer_token(std::string_view authorization, PeerInfo &peer);

} // namespace penstock::net
