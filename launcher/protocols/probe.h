// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks a server once more where GStreamer does not say why no stream came: whether it is there, and
// whether it speaks the protocol.
#pragma once

#include <gio/gio.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace penstock::protocols {

/// The server of a URL.
struct ProbedServer {
    std::string host;      ///< IPv6 without brackets
    std::string authority; ///< as the URL has it: "[::1]:8080"
    std::string path;      ///< with the query
    uint16_t port = 0;
    bool is_secure = false; ///< the scheme ends in "s"

    std::string place() const; ///< "port 80 of HOST"
};

struct Probe {
    std::string title;          ///< "HTTP"
    std::string plain;          ///< "http://", the protocol's URLs without TLS
    uint16_t port = 0;          ///< of a URL that gives none
    uint16_t secure_port = 443; ///< the same with TLS
    /// Sends something and judges the answer: what is wrong, or empty.
    std::function<std::string(GSocketConnection *, const ProbedServer &)> ask;
};

/// What is wrong on the way to the server or in its answer, in one sentence, and what to do. Empty
/// if nothing is found wrong. Blocks for ten seconds at most.
std::string probe_server(const Probe &probe, const std::string &url);

/// The first bytes of the answer to `request`: up to the end of a line, or `size` of them. nullopt
/// if none came within five seconds.
std::optional<std::string> answer_to(GSocketConnection *connection, const std::string &request,
                                     size_t size);
/// A server that accepts connections and does not answer.
std::string silent_server(const ProbedServer &server, const std::string &title);

/// Why a name or address can't be resolved; empty if it can. Blocks as long as the resolver does.
std::string probe_name(const std::string &host);

} // namespace penstock::protocols
