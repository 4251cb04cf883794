// SPDX-License-Identifier: LGPL-2.1-or-later
// Authentication of a server: makes challenges, and reads and verifies what clients answer. One
// object for each connection. Not thread-safe.
#pragma once

#include "core/rtsp/authentication.h"
#include "core/rtsp/message.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::rtsp {

class ServerAuthentication {
public:
    static constexpr uint64_t nonce_lifetime_ms = 300'000;

    ServerAuthentication(std::string realm, const Hashes &hashes, Random random)
        : realm_(std::move(realm)), hashes_(hashes), random_(random) {}

    /// Adds the challenges to a response, which becomes a 401. `with_digest`: the server knows the
    /// password; otherwise only basic shows it one. The weaker digest is behind the stronger one,
    /// since clients that know no SHA-256 take the last.
    void challenge(Response &response, bool with_digest, uint64_t now_ms);

    enum class Answer : uint8_t {
        none,  ///< there are no credentials, or none that is understood
        basic, ///< a password to be compared
        digest,
        stale, ///< a digest of a nonce that is unknown, used, or too old: ask again
    };
    /// Reads the credentials of a request, and looks at the nonce of a digest.
    Answer read(const Request &request, uint64_t now_ms, Credentials &out);
    /// Whether the credentials that read() returned are of this password.
    bool is_right(const Credentials &credentials, const Request &request,
                  std::string_view password) const;

private:
    const std::string realm_;
    const Hashes hashes_;
    const Random random_;
    std::string nonce_;      ///< empty: no digest was asked for yet
    uint64_t issued_ms_ = 0; ///< when it was made
    uint32_t last_nc_ = 0;   ///< the highest count of its uses
    bool is_stale_ = false;  ///< the next challenge says so
};

} // namespace penstock::rtsp
