// SPDX-License-Identifier: LGPL-2.1-or-later
// The credentials in an Authorization header: basic (RFC 7617) or digest (RFC 7616). Thread-safe.
#pragma once

#include "core/rtsp/digest.h"

#include <string>
#include <string_view>

namespace penstock::rtsp {

struct Credentials {
    enum class Kind : uint8_t { none, basic, digest, other };
    Kind kind = Kind::none;
    std::string user;
    std::string password; ///< of basic
    // Of a digest, as the client wrote it.
    std::string realm, nonce, uri, response, qop, nc, cnonce;
    std::optional<Algorithm> algorithm; ///< empty: it is not supported
};

/// Reads the header; `other` for an unknown scheme or what is malformed.
Credentials parse_credentials(std::string_view authorization);
/// Writes a header. The password of a digest is in its response only.
std::string write(const Credentials &credentials);

/// Whether a digest was made of this password, for this method. In the same time for all digests
/// that are wrong.
bool is_made_of(const Hashes &hashes, const Credentials &digest, std::string_view method,
                std::string_view password);

} // namespace penstock::rtsp
