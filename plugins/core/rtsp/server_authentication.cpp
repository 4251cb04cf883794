// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/server_authentication.h"

#include "core/rtsp/challenge.h"

#include <charconv>

namespace penstock::rtsp {

void ServerAuthentication::challenge(Response &response, bool with_digest, uint64_t now_ms) {
    response.status = 401;
    const std::string realm = quoted_parameter("realm", realm_);
    if (with_digest) {
        // One that was used has counts that others can't begin with.
        if (nonce_.empty() || last_nc_ > 0 || is_stale_ ||
            now_ms - issued_ms_ > nonce_lifetime_ms) {
            nonce_ = random_text(random_, 16);
            issued_ms_ = now_ms;
            last_nc_ = 0;
        }
        const std::string tail = ", " + quoted_parameter("nonce", nonce_) + ", qop=\"auth\"" +
                                 (is_stale_ ? ", stale=TRUE" : "");
        is_stale_ = false;
        response.headers.add("WWW-Authenticate", "Digest " + realm + tail + ", algorithm=SHA-256");
        response.headers.add("WWW-Authenticate", "Digest " + realm + tail + ", algorithm=MD5");
    }
    response.headers.add("WWW-Authenticate", "Basic " + realm);
}

ServerAuthentication::Answer ServerAuthentication::read(const Request &request, uint64_t now_ms,
                                                        Credentials &out) {
    out = parse_credentials(request.headers.get("Authorization"));
    if (out.kind == Credentials::Kind::basic) return Answer::basic;
    if (out.kind != Credentials::Kind::digest) return Answer::none;
    is_stale_ = true;
    if (nonce_.empty() || out.nonce != nonce_ || now_ms - issued_ms_ > nonce_lifetime_ms)
        return Answer::stale;
    if (!out.qop.empty()) { // each use of a nonce has a higher count, against replays
        uint32_t nc = 0;
        const auto [end, error] =
            std::from_chars(out.nc.data(), out.nc.data() + out.nc.size(), nc, 16);
        if (error != std::errc{} || end != out.nc.data() + out.nc.size() || nc <= last_nc_)
            return Answer::stale;
        last_nc_ = nc;
    }
    is_stale_ = false;
    return Answer::digest;
}

bool ServerAuthentication::is_right(const Credentials &credentials, const Request &request,
                                    std::string_view password) const {
    if (credentials.kind == Credentials::Kind::digest)
        return credentials.realm == realm_ &&
               is_made_of(hashes_, credentials, request.method_name, password);
    if (credentials.kind != Credentials::Kind::basic) return false;
    unsigned difference = credentials.password.size() != password.size();
    for (size_t i = 0; i < password.size(); ++i)
        difference |= unsigned(password[i] ^
                               (i < credentials.password.size() ? credentials.password[i] : '\0'));
    return difference == 0;
}

} // namespace penstock::rtsp
