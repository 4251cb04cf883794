// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/candidates.h"

#include <algorithm>
#include <array>
#include <memory>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>

namespace penstock::net {
namespace {

/// More would make the answer longer than peers like, and have them open more connections.
constexpr size_t max_candidates = 16, max_tcp_candidates = 4;

std::string text_of(const sockaddr &address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.sa_family == AF_INET) {
        const auto &v4 = reinterpret_cast<const sockaddr_in &>(address);
        ::inet_ntop(AF_INET, &v4.sin_addr, text.data(), text.size());
    } else if (address.sa_family == AF_INET6) {
        const auto &v6 = reinterpret_cast<const sockaddr_in6 &>(address);
        if (!IN6_IS_ADDR_LINKLOCAL(&v6.sin6_addr)) // of no use without its interface
            ::inet_ntop(AF_INET6, &v6.sin6_addr, text.data(), text.size());
    }
    return text.data();
}

bool is_v6(const std::string &text) {
    return text.find(':') != std::string::npos;
}

} // namespace

bool is_ip_address(const std::string &text) {
    std::array<uint8_t, sizeof(in6_addr)> bytes{};
    return ::inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 ||
           ::inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

bool is_loopback_address(const std::string &text) {
    return text == "::1" || (text.starts_with("127.") && is_ip_address(text));
}

std::vector<std::string> interface_addresses() {
    std::vector<std::string> found;
    ifaddrs *first = nullptr;
    if (::getifaddrs(&first) != 0) return found;
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> list(first, ::freeifaddrs);
    for (const ifaddrs *each = first; each; each = each->ifa_next) {
        if (!each->ifa_addr || !(each->ifa_flags & IFF_UP)) continue;
        const std::string text = text_of(*each->ifa_addr);
        if (!text.empty() && std::find(found.begin(), found.end(), text) == found.end())
            found.push_back(text);
    }
    const auto rank = [](const std::string &text) {
        return 2 * is_loopback_address(text) + is_v6(text);
    };
    std::stable_sort(found.begin(), found.end(),
                     [&](const std::string &a, const std::string &b) { return rank(a) < rank(b); });
    return found;
}

std::vector<sdp::Candidate> candidates_of(const Address &listener,
                                          const std::vector<std::string> &announce, bool is_local,
                                          bool tcp) {
    std::vector<std::string> addresses = announce;
    if (addresses.empty() && is_ip_address(listener.host) && listener.host != "0.0.0.0" &&
        listener.host != "::")
        addresses = {listener.host};
    if (addresses.empty()) {
        addresses = interface_addresses();
        // Such a socket has one family only.
        if (listener.host == "0.0.0.0" || listener.host == "::")
            std::erase_if(addresses, [&](const std::string &address) {
                return is_v6(address) != (listener.host == "::");
            });
        const auto loopback = std::find_if(addresses.begin(), addresses.end(), is_loopback_address);
        if (is_local)
            std::rotate(addresses.begin(), loopback, addresses.end());
        else if (loopback != addresses.begin())
            addresses.erase(loopback, addresses.end());
    }
    std::vector<sdp::Candidate> candidates;
    const auto add = [&](sdp::Candidate::Tcp transport, size_t most) {
        for (size_t rank = 0; rank < std::min(most, addresses.size()); ++rank) {
            sdp::Candidate candidate;
            candidate.foundation = std::to_string(candidates.size() + 1);
            candidate.tcp = transport;
            candidate.priority = sdp::host_priority(transport, static_cast<uint16_t>(rank));
            candidate.address = addresses[rank];
            candidate.port = listener.port;
            candidates.push_back(std::move(candidate));
        }
    };
    add(sdp::Candidate::Tcp::no, max_candidates);
    if (tcp) add(sdp::Candidate::Tcp::passive, max_tcp_candidates);
    return candidates;
}

} // namespace penstock::net
