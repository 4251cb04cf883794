// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP listeners of the process, with handlers that may answer asynchronously. Depends neither on
// GStreamer nor, in this header, on Boost.
#pragma once

#include "core/net/http/route.h"
#include "core/net/loop/address.h"
#include "core/net/stream/path_rules.h"
#include "core/net/tls/files.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::net {

/// Unregisters on destruction. Requests in progress are still answered.
class HttpRegistration {
public:
    virtual ~HttpRegistration() = default;
};

class HttpStream;

class HttpServer {
public:
    virtual ~HttpServer() = default;
    /// Returns the server at this address, opening it if needed; it closes when its last owner
    /// releases it. With `tls` it uses HTTPS. On failure returns nullptr and sets `error` to the
    /// reason and a remedy: the port is in use ("port 8080 is in use: …"), the certificate is
    /// unusable, or the address is open with a different certificate, or only one of the two has a
    /// certificate.
    static std::shared_ptr<HttpServer> open(const Address &address, const TlsFiles &tls,
                                            std::string *error);
    static std::shared_ptr<HttpServer> open(const Address &address, std::string *error) {
        return open(address, {}, error);
    }
    /// The open server at this address, with or without TLS; nullptr if there is none.
    static std::shared_ptr<HttpServer> find(const Address &address);
    /// All open servers.
    static std::vector<std::shared_ptr<HttpServer>> all();

    /// The bound address, including the port.
    virtual Address address() const = 0;
    /// Empty: no TLS.
    virtual const TlsFiles &tls() const = 0;
    /// "https" or "http"
    const char *scheme() const { return tls().empty() ? "http" : "https"; }
    /// Serves `prefix` ("/", "/live/cam/"); the longest matching prefix takes precedence. A prefix
    /// without trailing slash matches only that path. Returns nullptr if the prefix is taken. The
    /// registration keeps the server open.
    virtual std::unique_ptr<HttpRegistration> handle(std::string prefix, HttpHandler handler,
                                                     HttpRouteOptions options) = 0;
    std::unique_ptr<HttpRegistration> handle(std::string prefix, HttpHandler handler) {
        return handle(std::move(prefix), std::move(handler), HttpRouteOptions());
    }
    /// Serves a stream at exactly this path ("/live/cam.flv"). Returns nullptr if it is taken. The
    /// registration does not keep the server open.
    virtual std::unique_ptr<HttpRegistration> handle_stream(std::string path,
                                                            std::shared_ptr<HttpStream> stream) = 0;
    /// The watchers of viewers, including HLS, which are consulted before anything is started for a
    /// viewer (not about other requests), and the `play` rules, which a request for a matching path
    /// consults before its handler; a refusal gives 404. Requests answered by handle_navigation()
    /// and handle_endpoint() consult neither. Pass the server to PathRules::add() to keep it open.
    virtual const std::shared_ptr<PathRules> &shared_rules() const = 0;
    PathRules &rules() const { return *shared_rules(); }
    /// Whether something is served at exactly this path ("/live/cam/index.mpd").
    virtual bool serves(const std::string &path) const = 0;
    /// The 404 for a path that a handler does not serve either: it says where the stream of that
    /// name is, and where the page.
    virtual HttpResponse nothing_at(const HttpRequest &request) const = 0;
    /// Answers browsers that navigate to a path ending in `suffix`, whether or not anything is
    /// served there. Players and scripts get what `handle` registered; a Vary header separates the
    /// two in caches. Returns nullptr if the suffix is taken.
    virtual std::unique_ptr<HttpRegistration> handle_navigation(std::string suffix,
                                                                HttpHandler handler) = 0;
    /// Serves each path that ends in the segment `name` ("/live/cam/whip") by `at`, and by `below`
    /// those with one segment more, of [A-Za-z0-9_-] ("/live/cam/whip/4Fx2"): what an endpoint has
    /// created. Both take precedence over all else at such a path: prefixes, streams, navigation
    /// and `play` rules, which the handler has to consult itself. Returns nullptr if the name is
    /// taken.
    virtual std::unique_ptr<HttpRegistration> handle_endpoint(std::string name, HttpRoute at,
                                                              HttpRoute below) = 0;
};

} // namespace penstock::net
