// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sdp/candidate.h"

#include "core/sdp/text.h"

namespace penstock::sdp {
namespace {

constexpr size_t max_foundation = 32, max_address = 255, max_type = 32;

std::optional<Candidate::Tcp> tcp_of(std::string_view text) {
    if (same_word(text, "active")) return Candidate::Tcp::active;
    if (same_word(text, "passive")) return Candidate::Tcp::passive;
    if (same_word(text, "so")) return Candidate::Tcp::so;
    return std::nullopt;
}

} // namespace

std::optional<Candidate> parse_candidate(std::string_view value) {
    Candidate out;
    out.foundation = take_word(value);
    const auto component = number<uint16_t>(take_word(value), 256);
    const std::string_view transport = take_word(value);
    const auto priority = number<uint32_t>(take_word(value), UINT32_MAX);
    out.address = take_word(value);
    const auto port = number<uint16_t>(take_word(value), 65535);
    const std::string_view typ = take_word(value);
    out.type = lower(take_word(value));
    if (!component || *component == 0 || !priority || !port || !same_word(typ, "typ") ||
        !is_token(out.type) || out.type.size() > max_type ||
        out.foundation.size() > max_foundation || out.address.size() > max_address)
        return std::nullopt;
    out.component = *component;
    out.priority = *priority;
    out.port = *port;
    const bool is_tcp = same_word(transport, "tcp");
    if (!is_tcp && !same_word(transport, "udp")) return std::nullopt;
    // Pairs of a name and a value.
    while (!value.empty()) {
        const std::string_view name = take_word(value), text = take_word(value);
        if (!is_tcp || !same_word(name, "tcptype")) continue;
        const auto tcp = tcp_of(text);
        if (!tcp) return std::nullopt;
        out.tcp = *tcp;
    }
    if (is_tcp && out.tcp == Candidate::Tcp::no) return std::nullopt;
    return out;
}

std::string write_candidate(const Candidate &candidate) {
    static constexpr std::string_view types[] = {"", "active", "passive", "so"};
    const bool is_tcp = candidate.tcp != Candidate::Tcp::no;
    std::string out = candidate.foundation + " " + std::to_string(candidate.component) +
                      (is_tcp ? " tcp " : " udp ") + std::to_string(candidate.priority) + " " +
                      candidate.address + " " + std::to_string(candidate.port) + " typ " +
                      candidate.type;
    if (is_tcp) out += " tcptype " + std::string(types[static_cast<size_t>(candidate.tcp)]);
    return out;
}

uint32_t host_priority(Candidate::Tcp tcp, uint16_t rank) {
    constexpr uint32_t udp_type = 126, tcp_type = 90; // preferences of the type
    constexpr uint32_t component = 1;
    const bool is_tcp = tcp != Candidate::Tcp::no;
    const uint32_t local =
        is_tcp ? (4u << 13 | (8191u - std::min<uint16_t>(rank, 8191))) : 65535u - rank;
    return (is_tcp ? tcp_type : udp_type) << 24 | local << 8 | (256 - component);
}

} // namespace penstock::sdp
