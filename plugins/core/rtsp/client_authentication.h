// SPDX-License-Identifier: LGPL-2.1-or-later
// Authentication of a client: answers the challenges of a server. Not thread-safe.
#pragma once

#include "core/rtsp/authentication.h"
#include "core/rtsp/challenge.h"
#include "core/rtsp/message.h"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::rtsp {

class ClientAuthentication {
public:
    ClientAuthentication(std::string user, std::string password, const Hashes &hashes,
                         Random random)
        : user_(std::move(user)), password_(std::move(password)), hashes_(hashes), random_(random) {
    }

    /// Whether Basic is answered, which sends the password as it is; it is as long as nothing else
    /// is said. May change between requests.
    void allow_basic(bool allows) { allows_basic_ = allows; }
    /// Whether the last 401 could have been answered by Basic alone, and was not for that reason.
    bool was_basic_refused() const { return was_basic_refused_; }

    /// Reads the challenges of a 401 and chooses the strongest: a digest with SHA-256, one with
    /// MD5, basic. Returns whether the request should be sent again; false: there is no user, no
    /// challenge that is understood, or the credentials were refused. A server may send another
    /// nonce with each 401: two in a row are answered.
    bool on_unauthorized(const Response &response);
    /// To be called with each response that is no 401; takes the next nonce, if it has one.
    void on_accepted(const Response &response);

    /// The value of Authorization for a request; empty as long as nothing was asked for.
    std::string authorization(std::string_view method, std::string_view uri);
    /// To be written before each request is sent: sets the header, or leaves it out.
    void authorize(Request &request);

    /// For a log: "Digest SHA-256", "Basic"; empty as long as nothing was asked for.
    std::string scheme() const;

private:
    std::optional<int> strength(const Challenge &challenge) const;

    std::string user_, password_;
    Hashes hashes_;
    Random random_;
    std::optional<Challenge> challenge_;
    std::string nonce_, cnonce_;
    bool allows_basic_ = true, was_basic_refused_ = false;
    uint32_t uses_ = 0;     ///< of the nonce
    unsigned refusals_ = 0; ///< since the last request that was accepted
};

} // namespace penstock::rtsp
