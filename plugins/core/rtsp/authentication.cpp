// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/authentication.h"

#include "core/bytes/base64.h"
#include "core/rtsp/challenge.h"

namespace penstock::rtsp {
namespace {

void read_basic(const Challenge &from, Credentials &out) {
    const auto bytes = from_base64(from.token);
    const std::string_view text(reinterpret_cast<const char *>(bytes.data()), bytes.size());
    const size_t colon = text.find(':');
    if (colon == text.npos) return;
    out.kind = Credentials::Kind::basic;
    out.user = text.substr(0, colon);
    out.password = text.substr(colon + 1);
}

void read_digest(const Challenge &from, Credentials &out) {
    const auto value = [&](std::string_view name) {
        return std::string(from.parameters.get(name));
    };
    out.kind = Credentials::Kind::digest;
    out.user = value("username");
    out.realm = value("realm");
    out.nonce = value("nonce");
    out.uri = value("uri");
    out.response = value("response");
    out.qop = value("qop");
    out.nc = value("nc");
    out.cnonce = value("cnonce");
    out.algorithm = parse_algorithm(from.parameters.get("algorithm"));
}

} // namespace

Credentials parse_credentials(std::string_view authorization) {
    Credentials out;
    if (sdp::trimmed(authorization).empty()) return out;
    out.kind = Credentials::Kind::other;
    const auto parsed = parse_challenges(authorization);
    if (parsed.empty()) return out;
    if (parsed.front().is("Basic"))
        read_basic(parsed.front(), out);
    else if (parsed.front().is("Digest"))
        read_digest(parsed.front(), out);
    return out;
}

std::string write(const Credentials &from) {
    if (from.kind == Credentials::Kind::basic)
        return "Basic " + to_base64(from.user + ":" + from.password);
    std::string out = "Digest " + quoted_parameter("username", from.user) + ", " +
                      quoted_parameter("realm", from.realm) + ", " +
                      quoted_parameter("nonce", from.nonce) + ", " +
                      quoted_parameter("uri", from.uri) + ", " +
                      quoted_parameter("response", from.response);
    // Old cameras know none of the parameters that the first form of digests did not have.
    if (from.algorithm && *from.algorithm != Algorithm::md5)
        out += ", algorithm=" + std::string(to_string(*from.algorithm));
    if (!from.qop.empty()) out += ", qop=" + from.qop + ", nc=" + from.nc;
    if (!from.cnonce.empty()) out += ", " + quoted_parameter("cnonce", from.cnonce);
    return out;
}

bool is_made_of(const Hashes &hashes, const Credentials &digest, std::string_view method,
                std::string_view password) {
    if (digest.kind != Credentials::Kind::digest || !digest.algorithm) return false;
    const std::string wanted = digest_response(
        hashes, {*digest.algorithm, digest.user, digest.realm, password, digest.nonce, method,
                 digest.uri, digest.qop, digest.nc, digest.cnonce});
    if (wanted.empty() || wanted.size() != digest.response.size()) return false;
    unsigned difference = 0;
    for (size_t i = 0; i < wanted.size(); ++i)
        difference |= unsigned(wanted[i] ^ sdp::lower(digest.response[i]));
    return difference == 0;
}

} // namespace penstock::rtsp
