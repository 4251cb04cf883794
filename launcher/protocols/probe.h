// SPDX-License-Identifier: LGPL-2.1-or-later
// Connects to a server again after GStreamer failed to receive a stream from it, to find out
// whether the server is reachable and speaks the protocol.
#pragma once

#include "protocols/protocol.h"

#include <gio/gio.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace penstock::protocols {

/// The server that a URL names.
struct ProbedServer {
    std::string host;      ///< IPv6 without brackets
    std::string authority; ///< as written in the URL: "[::1]:8080"
    std::string path;      ///< includes the query
    uint16_t port = 0;
    bool is_secure = false; ///< the scheme ends in "s"

    std::string place() const; ///< "port 80 of HOST"
};

/// A server's connection while it is asked.
struct ProbedConnection {
    GSocketConnection *socket;
    const ProbedServer &server;
    const Asking &asking;
};

struct Probe {
    std::string title;          ///< "HTTP"
    std::string plain;          ///< "http://", the protocol's URLs without TLS
    uint16_t port = 0;          ///< default port of `plain` URLs
    uint16_t secure_port = 443; ///< default port of TLS URLs
    /// Sends a request and judges the response. Returns what is wrong, or an empty string.
    std::function<std::string(const ProbedConnection &)> ask;
};

/// Connects to the URL's server and describes in one sentence what is wrong and how to fix it.
/// Returns an empty string if everything looks right. Blocks for up to twice the patience.
std::string probe_server(const Probe &probe, const std::string &url, const Asking &asking);

/// Sends `request` and returns the first line of the response without its end, or its first `size`
/// bytes. nullopt if nothing arrives in time.
std::optional<std::string> answer_to(const ProbedConnection &connection, const std::string &request,
                                     size_t size);
/// The error text for a server that accepts connections and sends nothing.
std::string silent_server(const ProbedConnection &connection, const std::string &title);

/// Explains why a host name can't be resolved; empty if it can. Blocks as long as the resolver
/// does, or until it is cancelled.
std::string probe_name(const std::string &host, GCancellable *cancel = nullptr);

} // namespace penstock::protocols
