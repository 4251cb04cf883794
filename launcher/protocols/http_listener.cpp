// SPDX-License-Identifier: LGPL-2.1-or-later
#include "protocols/http_listener.h"

#include "core/net/http/server.h"
#include "protocols/mount_listener.h"
#include "protocols/probe.h"

namespace penstock::protocols {
namespace {

class HttpListener final : public MountListener {
public:
    explicit HttpListener(const std::shared_ptr<net::HttpServer> &server)
        : MountListener({.server = server,
                         .address = server->address(),
                         .scheme = server->scheme(),
                         .rules = server->rules(),
                         .protocols = {"http", "hls"}}) {}
    Lease lease_publish(PublishLease) override { return nullptr; }
};

std::string judge_answer(const ProbedConnection &connection) {
    return judge_http_answer(connection, "GET");
}

} // namespace

std::shared_ptr<Listener> open_http(const Opening &opening, std::string *error) {
    const bool wants_tls = opening.scheme == "https";
    std::shared_ptr<net::HttpServer> server;
    if (opening.shares) {
        server = net::HttpServer::find(opening.address);
        // http:// matches both; https:// needs a certificate, which only a pipeline's location
        // provides.
        if (wants_tls && (!server || server->tls().empty())) {
            if (error)
                *error = "a match begins with https://" + opening.address.to_string() +
                         ", where no pipeline of this description serves https://: write http://, "
                         "or give its location a certificate";
            return nullptr;
        }
    }
    if (!server) server = net::HttpServer::open(opening.address, opening.tls, error);
    return server ? std::make_shared<HttpListener>(server) : nullptr;
}

std::string judge_http_answer(const ProbedConnection &connection, const char *method) {
    const ProbedServer &server = connection.server;
    constexpr size_t longest_line = 4096;
    const auto status = answer_to(connection,
                                  std::string(method) + " " + server.path + " HTTP/1.1\r\nHost: " +
                                      server.authority + "\r\nConnection: close\r\n\r\n",
                                  longest_line);
    if (!status) return silent_server(connection, "HTTP");
    const size_t code = status->find(' ');
    if (!status->starts_with("HTTP/") || code == std::string::npos || code + 1 == status->size())
        return "what answers on " + server.place() + " is no web server" +
               (server.is_secure ? ": is that its port?" : ", or one that wants https://");
    const char kind = (*status)[code + 1];
    if (kind == '2' || kind == '3') return "";
    return "the server answers " + status->substr(code + 1) +
           (kind == '4' ? ": is that stream published, under that name?"
                        : ": its own log says why");
}

std::string explain_http_failure(const std::string &url, const Failure &failure,
                                 const Asking &asking) {
    const Probe probe{.title = "HTTP", .plain = "http://", .port = 80, .ask = judge_answer};
    if (std::string reason = probe_server(probe, url, asking); !reason.empty()) return reason;
    // A failing element posts "Internal data stream error" after the error that has the cause.
    if (!failure.message.empty() && !failure.message.starts_with("Internal data"))
        return "the server answers, but not with a readable stream (" + failure.message +
               "): is that the URL of a live stream?";
    return "the server answers, but " + asking.nothing_came() +
           ": is the stream published, and does it have "
           "H.264, H.265, AV1, VP8 or VP9?";
}

std::string http_scheme_at(const net::Address &address) {
    const auto server = net::HttpServer::find(address);
    return server ? server->scheme() : "http";
}

std::vector<Scheme> http_schemes() {
    return {{.name = "http", .port = 80, .play_match = true},
            {.name = "https", .port = 443, .play_match = true}};
}

} // namespace penstock::protocols
