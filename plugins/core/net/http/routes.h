// SPDX-License-Identifier: LGPL-2.1-or-later
// What a server's connections share: its routes and streams, who may connect, limits.
#pragma once

#include "core/net/http/body_budget.h"
#include "core/net/http/live/viewer.h"
#include "core/net/http/not_found.h"
#include "core/net/http/server.h"
#include "core/net/stream/refusal_log.h"
#include "core/net/stream/waiting_room.h"

#include <atomic>
#include <map>
#include <mutex>
#include <unordered_map>

namespace penstock::net {

/// Thread-safe.
class HttpRoutes {
public:
    std::shared_ptr<const HttpRoute> find(const std::string &path) const;
    /// Whether something is served at exactly this path.
    bool has(const std::string &path) const;
    /// Details for a 404 answer: the URLs at which the stream of this name is served.
    NotFound like(const std::string &path) const;
    bool add(const std::string &prefix, HttpRoute route);
    void remove(const std::string &prefix);
    /// The stream at exactly this path; nullptr if there is none.
    std::shared_ptr<HttpStream> stream(const std::string &path) const;
    bool add_stream(const std::string &path, std::shared_ptr<HttpStream> stream);
    void remove_stream(const std::string &path);
    /// The route of the endpoint that this path belongs to; nullptr: none.
    std::shared_ptr<const HttpRoute> endpoint(const std::string &path) const;
    bool add_endpoint(const std::string &name, HttpRoute at, HttpRoute below);
    void remove_endpoint(const std::string &name);
    /// The handler for browsers that open this path; nullptr: none.
    HttpHandler navigation(const std::string &path) const;
    bool add_navigation(const std::string &suffix, HttpHandler handler);
    void remove_navigation(const std::string &suffix);
    /// Ends connections after their current response, idle ones at once.
    void close();
    /// Registers a connection's callback for close(), by the connection's address.
    void on_close(const void *connection, std::function<void()> tell);
    void forget(const void *connection);
    bool closing() const { return closing_; }
    /// Open connections, without viewers of streams. Above max_connections, connections get a 503
    /// response; above a further max_refused they are closed at once.
    std::atomic<unsigned> connections{0};
    static constexpr unsigned max_connections = 8000, max_refused = 200;
    /// Connections of one host; further ones are closed at once.
    static constexpr size_t max_per_host = 6000;
    const std::shared_ptr<WaitingRoom> hosts =
        std::make_shared<WaitingRoom>(max_connections + max_refused, max_per_host);
    RefusalLog refusals{"http"};
    const std::shared_ptr<PathRules> rules = std::make_shared<PathRules>();
    /// The viewers of streams. Set before the first connection.
    std::shared_ptr<Roster> viewers;
    static constexpr size_t max_viewers = 16'000, max_viewers_per_host = 12'000;
    const std::shared_ptr<WaitingRoom> viewer_hosts =
        std::make_shared<WaitingRoom>(max_viewers, max_viewers_per_host);
    /// HTTP/2 connections, for their deadlines and their end. Set before the first connection.
    std::shared_ptr<Roster> http2;
    /// Requests over HTTP/2 that are being answered, beyond the usual few of each connection.
    static constexpr size_t max_requests = 40'000, max_requests_per_host = 20'000;
    const std::shared_ptr<WaitingRoom> requests =
        std::make_shared<WaitingRoom>(max_requests, max_requests_per_host);
    HttpBodyBudget bodies;
    /// nullptr: plain HTTP. Set before the first connection.
    std::shared_ptr<TlsContext> tls;

private:
    struct Endpoint {
        std::shared_ptr<const HttpRoute> at, below;
    };

    mutable std::mutex mutex_;
    std::map<std::string, std::shared_ptr<const HttpRoute>, std::less<>> handlers_;
    std::map<std::string, std::shared_ptr<HttpStream>> streams_;
    std::map<std::string, HttpHandler> navigations_;
    std::map<std::string, Endpoint, std::less<>> endpoints_; ///< by the name
    std::unordered_map<const void *, std::function<void()>> open_;
    std::atomic<bool> closing_{false};
};

} // namespace penstock::net
