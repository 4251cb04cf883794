// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads what a description says of its transport: ICE and DTLS.
#include "core/sdp/section.h"

#include "core/sdp/text.h"

namespace penstock::sdp {
namespace {

constexpr size_t min_ufrag = 4, min_password = 22, max_credential = 256;
constexpr size_t max_fingerprints = 8, min_digest = 16, max_digest = 64;

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char letter = lower(c);
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/// "sha-256 AB:CD:…"
std::optional<Fingerprint> parse_fingerprint(std::string_view value) {
    Fingerprint out;
    out.hash = lower(take_word(value));
    while (!value.empty()) {
        const std::string_view pair = take_until(value, ':');
        const int high = pair.size() == 2 ? hex_digit(pair[0]) : -1;
        const int low = pair.size() == 2 ? hex_digit(pair[1]) : -1;
        if (high < 0 || low < 0 || out.digest.size() == max_digest) return std::nullopt;
        out.digest.push_back(static_cast<uint8_t>(high << 4 | low));
    }
    if (!is_token(out.hash) || out.digest.size() < min_digest) return std::nullopt;
    return out;
}

bool is_credential(std::string_view text, size_t least) {
    return text.size() >= least && text.size() <= max_credential &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7F'; });
}

} // namespace

std::string to_string(const Fingerprint &fingerprint) {
    constexpr std::string_view digits = "0123456789ABCDEF";
    std::string out;
    for (const uint8_t byte : fingerprint.digest) {
        if (!out.empty()) out += ':';
        out += digits[byte >> 4];
        out += digits[byte & 15];
    }
    return out;
}

const char *take_transport_attribute(const Attribute &one, Transport &out) {
    if (one.name == "ice-ufrag") {
        out.ice.ufrag = one.value;
        return is_credential(one.value, min_ufrag) ? nullptr : "not 4 to 256 characters";
    }
    if (one.name == "ice-pwd") {
        out.ice.password = one.value;
        return is_credential(one.value, min_password) ? nullptr : "not 22 to 256 characters";
    }
    if (one.name == "fingerprint") {
        auto fingerprint = parse_fingerprint(one.value);
        if (!fingerprint) return "it is no fingerprint";
        if (out.fingerprints.size() < max_fingerprints)
            out.fingerprints.push_back(std::move(*fingerprint));
    } else if (one.name == "setup") {
        if (same_word(one.value, "actpass"))
            out.setup = Setup::actpass;
        else if (same_word(one.value, "active"))
            out.setup = Setup::active;
        else if (same_word(one.value, "passive"))
            out.setup = Setup::passive;
        else
            return "neither actpass, active nor passive";
    } else if (one.name == "candidate" && out.candidates.size() < max_candidates) {
        if (auto candidate = parse_candidate(one.value))
            out.candidates.push_back(std::move(*candidate));
    } else if (one.name == "end-of-candidates") {
        out.has_all_candidates = true;
    }
    return nullptr;
}

} // namespace penstock::sdp
