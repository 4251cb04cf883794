// SPDX-License-Identifier: LGPL-2.1-or-later
#include "protocols/http_listener.h"

#include "core/net/http/server.h"
#include "protocols/mounts.h"
#include "protocols/probe.h"

namespace penstock::protocols {
namespace {

class HttpListener final : public Listener {
public:
    explicit HttpListener(std::shared_ptr<net::HttpServer> server)
        : server_(std::move(server)), mounts_(server_->address(), {"http", "hls"}) {}

    net::Address address() const override { return server_->address(); }
    std::string scheme() const override { return server_->scheme(); }
    std::shared_ptr<const void> server() const override { return server_; }
    void add_watch(const std::shared_ptr<net::PeerWatch> &watch) override {
        server_->rules().add_watch(watch);
    }
    Lease lease_publish(PublishLease) override { return nullptr; }
    Lease lease_play(PlayLease lease) override {
        return server_->rules().add(net::DemandOptions{.matches = std::move(lease.matches),
                                                       .is_ready = std::move(lease.is_ready),
                                                       .on_demand = std::move(lease.on_demand)},
                                    server_);
    }
    bool parks_viewers() const override { return false; }
    bool is_publishing(const std::string &) const override { return false; }
    bool is_live(const std::string &path) const override { return mounts_.is_live(path); }
    unsigned viewers(const std::string &path) const override { return mounts_.viewers(path); }
    Lease watch(std::function<void(const std::string &)> changed) override {
        return mounts_.watch(std::move(changed));
    }
    void refuse(const std::string &, const std::string &) override {}
    void end_viewers(const std::string &path, const std::string &reason) override {
        mounts_.close_viewers(path, reason);
    }

private:
    const std::shared_ptr<net::HttpServer> server_;
    const MountsAt mounts_;
};

/// Sends a GET request and judges the status line of the response.
std::string judge_answer(GSocketConnection *connection, const ProbedServer &server) {
    constexpr size_t longest_line = 4096;
    const auto status = answer_to(connection,
                                  "GET " + server.path + " HTTP/1.1\r\nHost: " + server.authority +
                                      "\r\nConnection: close\r\n\r\n",
                                  longest_line);
    if (!status) return silent_server(server, "HTTP");
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
    return server ? std::make_shared<HttpListener>(std::move(server)) : nullptr;
}

std::string explain_http_failure(const std::string &url, const Failure &failure) {
    const Probe probe{.title = "HTTP", .plain = "http://", .port = 80, .ask = judge_answer};
    if (std::string reason = probe_server(probe, url); !reason.empty()) return reason;
    // A failing element posts "Internal data stream error" after the error that has the cause.
    if (!failure.message.empty() && !failure.message.starts_with("Internal data"))
        return "the server answers, but not with a readable stream (" + failure.message +
               "): is that the URL of a live stream?";
    return "the server answers, but no frame came: is the stream published, and does it have "
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
