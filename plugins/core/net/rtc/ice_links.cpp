// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/ice_links.h"

#include "core/net/rtc/options.h"

#include <algorithm>
#include <optional>

namespace penstock::net {
namespace {

bool is_space(char c) {
    return c == ' ' || c == '\t';
}

bool is_unreserved(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

std::string escaped(std::string_view text) {
    constexpr char digits[] = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is_unreserved(c)) {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out.append("%").append(1, digits[byte >> 4]).append(1, digits[byte & 15]);
        }
    }
    return out;
}

bool is_same(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [&](char x, char y) { return lower(x) == lower(y); });
}

/// Reads a header from its front.
class Scanner {
public:
    explicit Scanner(std::string_view text) : rest_(text) {}

    bool at_end() { return skip_spaces().empty(); }
    bool take(char wanted) {
        if (skip_spaces().empty() || rest_.front() != wanted) return false;
        rest_.remove_prefix(1);
        return true;
    }
    std::string_view until(std::string_view ends) {
        skip_spaces();
        const size_t size = std::min(rest_.find_first_of(ends), rest_.size());
        std::string_view out = rest_.substr(0, size);
        rest_.remove_prefix(size);
        while (!out.empty() && is_space(out.back()))
            out.remove_suffix(1);
        return out;
    }
    /// A token or a quoted string.
    std::string value() {
        if (!take('"')) return std::string(until(";,"));
        std::string out;
        while (!rest_.empty() && rest_.front() != '"') {
            if (rest_.front() == '\\' && rest_.size() > 1) rest_.remove_prefix(1);
            out += rest_.front();
            rest_.remove_prefix(1);
        }
        take('"');
        return out;
    }

private:
    std::string_view skip_spaces() {
        while (!rest_.empty() && is_space(rest_.front()))
            rest_.remove_prefix(1);
        return rest_;
    }
    std::string_view rest_;
};

struct Link {
    std::string url, rel, username, credential;
};

std::optional<Link> next_link(Scanner &in) {
    Link out;
    if (!in.take('<')) return std::nullopt;
    out.url = in.until(">");
    if (!in.take('>')) return std::nullopt;
    while (in.take(';')) {
        const std::string_view name = in.until("=;,");
        const std::string value = in.take('=') ? in.value() : std::string();
        if (is_same(name, "rel"))
            out.rel = value;
        else if (is_same(name, "username"))
            out.username = value;
        else if (is_same(name, "credential"))
            out.credential = value;
    }
    return out;
}

/// As `ice-servers` has it, which checks everything.
std::string as_option(const Link &link) {
    const size_t host = link.url.find(':') + 1;
    if (host == 0 || link.url.find_first_of("@,") != link.url.npos) return {};
    const std::string who = link.username.empty() && link.credential.empty()
                                ? ""
                                : escaped(link.username) + ":" + escaped(link.credential) + "@";
    return link.url.substr(0, host) + who + link.url.substr(host);
}

} // namespace

void read_ice_links(std::string_view header, std::vector<IceServer> &out) {
    Scanner in(header);
    while (!in.at_end()) {
        const auto link = next_link(in);
        if (!link) return;
        in.until(","); // what is between two links belongs to none
        in.take(',');
        if (!is_same(link->rel, "ice-server")) continue;
        const auto servers = parse_ice_servers(as_option(*link), nullptr);
        if (!servers || servers->size() != 1 || out.size() >= max_ice_servers) continue;
        if (std::find(out.begin(), out.end(), servers->front()) == out.end())
            out.push_back(servers->front());
    }
}

std::string slashed_url(const IceServer &server) {
    const size_t host = server.url.find(':') + 1;
    const std::string who = server.username.empty()
                                ? ""
                                : escaped(server.username) + ":" + escaped(server.credential) + "@";
    return server.url.substr(0, host) + "//" + who + server.url.substr(host);
}

} // namespace penstock::net
