// SPDX-License-Identifier: LGPL-2.1-or-later
#include "multitrack/routes.h"

#include "core/net/http/not_found.h"
#include "multitrack/answer.h"
#include "protocols/table.h"

#include <gst/gst.h>

#include <algorithm>
#include <cctype>
#include <utility>

namespace penstock::multitrack {
namespace {

using net::HttpRequest;
using net::HttpResponse;

constexpr std::string_view stream_key = "{stream_key}"; ///< what OBS puts its key for

/// The description and the addresses that a route answers with.
struct Served {
    description::Multitrack ladder;
    std::vector<std::string> schemes; ///< of the listener's URLs, without TLS first
    uint16_t port = 0;
    std::string app;
};

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return text;
}

std::string new_id() {
    gchar *id = g_uuid_string_random();
    std::string out(id);
    g_free(id);
    return out;
}

HttpResponse respond(const HttpRequest &request, const Served &served) {
    const std::string host = net::host_of(request);
    if (host.empty()) return net::http_error(400, "The request has no valid Host header.");
    std::vector<Ingest> ingest;
    for (const std::string &scheme : served.schemes)
        ingest.push_back({upper(scheme), scheme + "://" + host + ":" + std::to_string(served.port) +
                                             "/" + served.app + "/" + std::string(stream_key)});
    // OBS takes the first. Over https it trusts the certificate already.
    if (request.is_encrypted) std::reverse(ingest.begin(), ingest.end());
    const ByteView body = request.body.view();
    HttpResponse response;
    response.content_type = "application/json";
    response.cache_control = "no-store";
    response.headers = {{"X-Content-Type-Options", "nosniff"}};
    response.body =
        Bytes::copy_of(answer({reinterpret_cast<const char *>(body.data()), body.size()},
                              served.ladder, ingest, new_id()));
    return response;
}

} // namespace

std::optional<Place> place_of(const description::PublishRule &rule,
                              const description::Binding &binding, std::string *error) {
    const auto address = binding.expand(rule.multitrack->address.pieces, {}, error);
    if (!address) return std::nullopt;
    const auto http = net::parse_address(*address);
    const auto pattern = description::PathPattern::make(rule.match, binding, error);
    if (!pattern) return std::nullopt;
    description::Captures captures;
    for (const std::string &capture : rule.captures)
        captures[capture] = stream_key;
    const std::string path = pattern->path_of(captures), end = "/" + std::string(stream_key);
    const std::string app = path.ends_with(end) ? path.substr(0, path.size() - end.size()) : "";
    if (!http || !net::is_safe_path(app)) {
        if (error)
            *error = !http ? "'" + *address + "' is no address: write host:port or :port"
                           : "multitrack: the rule's match has to end in /{name}, with nothing "
                             "captured before it";
        return std::nullopt;
    }
    return Place{*http, "/multitrack/" + app, app};
}

bool Routes::add(const supervisor::Endpoint &endpoint, const description::Binding &binding,
                 std::string *error) {
    const auto place = place_of(*endpoint.rule, binding, error);
    const auto ingest = supervisor::address_of(endpoint, binding, error);
    const auto tls = supervisor::tls_of(endpoint, binding, error);
    if (!place || !ingest || !tls) return false;
    Served served{.ladder = *endpoint.rule->multitrack,
                  .schemes = {supervisor::scheme_of(endpoint, binding)},
                  .port = ingest->port,
                  .app = place->app};
    // With a certificate a listener may take both.
    const std::string &with_tls = endpoint.protocol->schemes.back().name;
    if (!tls->empty() && served.schemes.front() != with_tls) served.schemes.push_back(with_tls);
    auto server = net::HttpServer::find(place->http);
    if (!server) server = net::HttpServer::open(place->http, error);
    if (!server) return false;
    auto route = server->handle(
        place->path,
        [served = std::move(served)](const HttpRequest &request, net::HttpReply reply) {
            reply(respond(request, served));
        },
        {.methods = {"POST"}, .max_body = max_request});
    if (!route) {
        *error = "something is served at " + place->path + " of " + place->http.to_string() +
                 " already: choose another address for one `multitrack`";
        return false;
    }
    routes_.push_back(std::move(route));
    return true;
}

bool Routes::serve(const supervisor::Bindings &bindings, std::string *error) {
    clear();
    for (const auto &binding : bindings)
        for (const auto &endpoint : supervisor::find_endpoints(*binding))
            if (endpoint.rule && endpoint.rule->multitrack && !add(endpoint, *binding, error))
                return false;
    return true;
}

} // namespace penstock::multitrack
