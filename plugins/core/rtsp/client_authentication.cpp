// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/client_authentication.h"

#include "core/rtsp/fields.h"

namespace penstock::rtsp {
namespace {

constexpr unsigned most_refusals = 2;

std::string eight_digits(uint32_t value) {
    static constexpr char digits[] = "0123456789abcdef";
    std::string out;
    for (int shift = 28; shift >= 0; shift -= 4)
        out += digits[value >> shift & 15];
    return out;
}

/// Whether the challenge takes qop=auth; those without any have the older form.
bool has_auth(const Challenge &challenge) {
    for (const std::string_view one : parse_list(challenge.parameters.get("qop")))
        if (sdp::same_word(one, "auth")) return true;
    return false;
}

} // namespace

/// nullopt: it can't be answered.
std::optional<int> ClientAuthentication::strength(const Challenge &challenge) const {
    if (challenge.is("Basic")) return 0;
    if (!challenge.is("Digest") || challenge.parameters.get("nonce").empty()) return std::nullopt;
    const auto algorithm = parse_algorithm(challenge.parameters.get("algorithm"));
    if (!algorithm) return std::nullopt;
    if (challenge.parameters.find("qop") && !has_auth(challenge)) return std::nullopt;
    return is_sha256(*algorithm) ? 2 : 1;
}

bool ClientAuthentication::on_unauthorized(const Response &response) {
    was_basic_refused_ = false;
    if (user_.empty() && password_.empty()) return false;
    int best = -1;
    std::optional<Challenge> chosen;
    for (const std::string_view value : response.headers.all("WWW-Authenticate"))
        for (Challenge &one : parse_challenges(value))
            if (const auto found = strength(one); found && *found > best) {
                best = *found;
                chosen = std::move(one);
            }
    if (!chosen) return false;
    was_basic_refused_ = chosen->is("Basic") && !allows_basic_;
    if (was_basic_refused_) return false;
    const bool is_stale = sdp::same_word(chosen->parameters.get("stale"), "true");
    const bool had_answered = challenge_.has_value();
    // A refusal of what was answered to another nonce may be for that nonce alone.
    const std::string nonce(chosen->parameters.get("nonce"));
    if (had_answered && !is_stale && (chosen->is("Basic") || nonce == nonce_)) return false;
    if (++refusals_ > most_refusals) return false;
    if (nonce != nonce_ || !had_answered) {
        nonce_ = nonce;
        uses_ = 0;
        cnonce_ = random_text(random_, 8);
    }
    challenge_ = std::move(chosen);
    return true;
}

void ClientAuthentication::on_accepted(const Response &response) {
    refusals_ = 0;
    const std::string_view info = response.headers.get("Authentication-Info");
    if (info.empty() || !challenge_) return;
    const auto parsed = parse_challenges("Info " + std::string(info));
    const std::string_view next =
        parsed.empty() ? std::string_view() : parsed.front().parameters.get("nextnonce");
    if (next.empty() || next == nonce_) return;
    nonce_ = next;
    uses_ = 0;
}

std::string ClientAuthentication::authorization(std::string_view method, std::string_view uri) {
    if (!challenge_) return {};
    Credentials out;
    out.user = user_;
    if (challenge_->is("Basic")) {
        if (!allows_basic_) return {};
        out.kind = Credentials::Kind::basic;
        out.password = password_;
        return write(out);
    }
    out.kind = Credentials::Kind::digest;
    out.algorithm = parse_algorithm(challenge_->parameters.get("algorithm"));
    out.realm = challenge_->parameters.get("realm");
    out.nonce = nonce_;
    out.uri = uri;
    const bool is_session =
        *out.algorithm == Algorithm::md5_sess || *out.algorithm == Algorithm::sha256_sess;
    if (has_auth(*challenge_)) {
        out.qop = "auth";
        out.nc = eight_digits(++uses_);
    }
    if (!out.qop.empty() || is_session) out.cnonce = cnonce_;
    out.response = digest_response(hashes_, {*out.algorithm, user_, out.realm, password_, nonce_,
                                             method, uri, out.qop, out.nc, out.cnonce});
    if (out.response.empty()) return {};
    std::string text = write(out);
    if (const std::string *opaque = challenge_->parameters.find("opaque"))
        text += ", " + quoted_parameter("opaque", *opaque);
    return text;
}

void ClientAuthentication::authorize(Request &request) {
    const std::string_view method = request.method == Method::other
                                        ? std::string_view(request.method_name)
                                        : to_string(request.method);
    std::string value = authorization(method, request.uri);
    if (!value.empty()) request.headers.set("Authorization", std::move(value));
}

std::string ClientAuthentication::scheme() const {
    if (!challenge_) return {};
    if (challenge_->is("Basic")) return "Basic";
    const auto algorithm = parse_algorithm(challenge_->parameters.get("algorithm"));
    return "Digest " + std::string(to_string(algorithm.value_or(Algorithm::md5)));
}

} // namespace penstock::rtsp
