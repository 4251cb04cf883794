// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP listeners of the process: handlers at paths, answers now or later. No GStreamer, and no
// Boost in this header.
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

/// Unregisters when destroyed. Requests under way are still answered.
class HttpRegistration {
public:
    virtual ~HttpRegistration() = default;
};

class HttpStream;

class HttpServer {
public:
    virtual ~HttpServer() = default;
    /// The server at this address, opened if it is not yet; it closes when its last owner goes.
    /// With `tls` it speaks HTTPS. On failure nullptr, and `error` says what is wrong and how to
    /// mend it: "port 8080 is in use: …", a certificate that can't be used, or an address that is
    /// open with another certificate, or with none, or with one while this asks for none.
    static std::shared_ptr<HttpServer> open(const Address &address, const TlsFiles &tls,
                                            std::string *error);
    static std::shared_ptr<HttpServer> open(const Address &address, std::string *error) {
        return open(address, {}, error);
    }
    /// The one that is open at this address, whatever it speaks; nullptr if none is.
    static std::shared_ptr<HttpServer> find(const Address &address);
    /// The servers that are open now.
    static std::vector<std::shared_ptr<HttpServer>> all();

    /// The address it is bound to, the port filled in.
    virtual Address address() const = 0;
    /// Empty: it speaks no TLS.
    virtual const TlsFiles &tls() const = 0;
    /// "https" or "http"
    const char *scheme() const { return tls().empty() ? "http" : "https"; }
    /// Serves `prefix` ("/", "/live/cam/"): the longest prefix that matches a path wins. A prefix
    /// that does not end in a slash matches that path alone. nullptr if the same prefix is taken.
    /// The registration keeps the server open.
    virtual std::unique_ptr<HttpRegistration> handle(std::string prefix, HttpHandler handler,
                                                     HttpRouteOptions options) = 0;
    std::unique_ptr<HttpRegistration> handle(std::string prefix, HttpHandler handler) {
        return handle(std::move(prefix), std::move(handler), HttpRouteOptions());
    }
    /// Serves a stream at exactly this path ("/live/cam.flv"). nullptr if it is taken. The
    /// registration does not keep the server open.
    virtual std::unique_ptr<HttpRegistration> handle_stream(std::string path,
                                                            std::shared_ptr<HttpStream> stream) = 0;
    /// The watchers of viewers, HLS included, who are asked before anything is started for one (not
    /// about requests for anything else), and the `play` rules, which a request for a matching path
    /// asks before its handler gets it: "no" is 404. Requests that handle_navigation() answers ask
    /// nobody. Pass the server to PathRules::add(), to keep it open.
    virtual const std::shared_ptr<PathRules> &shared_rules() const = 0;
    PathRules &rules() const { return *shared_rules(); }
    /// Answers browsers that open the address of a path ending in `suffix` themselves, whether or
    /// not anything is served there; players and scripts that fetch it get what `handle` says, with
    /// a Vary that keeps the two apart in caches. nullptr if the suffix is taken.
    virtual std::unique_ptr<HttpRegistration> handle_navigation(std::string suffix,
                                                                HttpHandler handler) = 0;
};

} // namespace penstock::net
