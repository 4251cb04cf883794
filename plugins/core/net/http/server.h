// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP listeners of the process: handlers at paths, answers now or later. No GStreamer, and no
// Boost in this header.
#pragma once

#include "core/bytes/bytes.h"
#include "core/net/loop/address.h"
#include "core/net/stream/path_rules.h"
#include "core/net/tls/files.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::net {

class Admission;

struct HttpRequest {
    std::string method; ///< GET or HEAD; anything else was answered with 405 already
    std::string path;   ///< percent-decoded, with its leading slash, without the query
    std::string query;
    std::string peer; ///< "127.0.0.1:53412"
    /// The listener's watchers have allowed it already, because it had to wait for its stream to
    /// begin; nullptr otherwise.
    std::shared_ptr<Admission> admission;
    /// A header's value by case-insensitive name; empty if absent.
    std::function<std::string(std::string_view)> header;
};

struct HttpResponse {
    unsigned status = 200;
    std::string content_type = "text/plain; charset=utf-8";
    Bytes body; ///< sent without a copy; left out for HEAD
    std::string cache_control = "no-cache";
    std::vector<std::pair<std::string, std::string>> headers; ///< further ones
};

HttpResponse http_error(unsigned status, std::string_view text);

/// Answers a request exactly once, from any thread.
using HttpReply = std::function<void(HttpResponse)>;
/// Called on a network loop: must return at once, may keep `reply`.
using HttpHandler = std::function<void(const HttpRequest &, HttpReply reply)>;

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
    virtual std::unique_ptr<HttpRegistration> handle(std::string prefix, HttpHandler handler) = 0;
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
