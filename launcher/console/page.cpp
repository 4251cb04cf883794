// SPDX-License-Identifier: LGPL-2.1-or-later
#include "console/page.h"

#include "console/streams.h"
#include "core/net/http/not_found.h"
#include "core/net/http/server.h"
#include "protocols/table.h"

#include <gio/gio.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <utility>
#include <vector>

extern "C" GResource *penstock_page_get_resource();

namespace penstock::console {
namespace {

using net::HttpRequest;
using net::HttpResponse;

constexpr std::string_view resource_prefix = "/penstock/page/";
// All resources come from this server; nothing is inline. MSE uses blob: URLs.
constexpr const char *content_security_policy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "connect-src 'self'; media-src 'self' blob:; worker-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors ";

/// Only the pages that send something capture anything.
const char *permissions_of(const std::string &page) {
    return page == "publish.html" || page == "room.html"
               ? "camera=(self), microphone=(self), display-capture=(self)"
               : "camera=(), microphone=(), display-capture=()";
}

constexpr std::array<std::pair<std::string_view, const char *>, 6> content_types{{
    {".html", "text/html; charset=utf-8"},
    {".css", "text/css; charset=utf-8"},
    {".js", "text/javascript; charset=utf-8"},
    {".mjs", "text/javascript; charset=utf-8"},
    {".svg", "image/svg+xml"},
    {".txt", "text/plain; charset=utf-8"},
}};

const char *content_type_of(std::string_view name) {
    for (const auto &[suffix, type] : content_types)
        if (name.ends_with(suffix)) return type;
    return "application/octet-stream";
}

/// The page of "/room/NAME", or of "/room/", which asks for a name; empty if no rule takes
/// participants there.
const char *page_of_room(const HttpRequest &request, const net::HttpServer *server) {
    const std::string path = request.path.substr(1);
    const bool has_rule =
        server &&
        (path == "room/" ? has_rooms(*server) : bool(server->rules().lease_for(path + "/join")));
    return has_rule ? "room.html" : "";
}

/// Redirects to the page and selects the stream of this playlist.
HttpResponse go_to_page(const HttpRequest &request) {
    const std::string_view path = std::string_view(request.path).substr(1);
    std::string stream(path);
    for (const auto &protocol : protocols::all())
        if (!protocol->page_kinds.empty() && stream == path)
            stream = protocols::stream_name(*protocol, path);
    char *name = g_uri_escape_string(stream.c_str(), "/", FALSE);
    HttpResponse response;
    response.status = 303;
    response.cache_control = "no-store";
    response.headers = {{"Location", std::string("/#") + name}, {"Referrer-Policy", "no-referrer"}};
    g_free(name);
    return response;
}

/// A file of the page with its response headers. The bytes are part of the binary.
struct Asset {
    std::string name;
    Bytes content;
    std::string etag;
};

std::vector<Asset> load_assets() {
    std::vector<Asset> assets;
    GResource *resource = penstock_page_get_resource();
    char **names = g_resource_enumerate_children(resource, resource_prefix.data(),
                                                 G_RESOURCE_LOOKUP_FLAGS_NONE, nullptr);
    for (char **name = names; name && *name; name++) {
        const std::string path = std::string(resource_prefix) + *name;
        GBytes *bytes =
            g_resource_lookup_data(resource, path.c_str(), G_RESOURCE_LOOKUP_FLAGS_NONE, nullptr);
        if (!bytes) continue;
        std::shared_ptr<const void> owner(bytes, [](GBytes *b) { g_bytes_unref(b); });
        gsize size = 0;
        auto data = static_cast<const uint8_t *>(g_bytes_get_data(bytes, &size));
        char *sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, bytes);
        assets.push_back(
            {*name, Bytes(std::move(owner), data, size), '"' + std::string(sum, 16) + '"'});
        g_free(sum);
    }
    g_strfreev(names);
    return assets;
}

/// `frames`: the sources of frame-ancestors.
HttpResponse respond(const HttpRequest &request, const Asset &asset, const std::string &frames) {
    HttpResponse response;
    response.content_type = content_type_of(asset.name);
    response.headers = {{"ETag", asset.etag},
                        {"X-Content-Type-Options", "nosniff"},
                        {"Referrer-Policy", "no-referrer"}};
    if (asset.name.ends_with(".html")) {
        response.headers.emplace_back("Content-Security-Policy", content_security_policy + frames);
        response.headers.emplace_back("Permissions-Policy", permissions_of(asset.name));
    }
    if (request.header && request.header("If-None-Match") == asset.etag)
        response.status = 304;
    else
        response.body = asset.content;
    return response;
}

/// Sends a request on to the same path of the page's server.
HttpResponse redirect(const HttpRequest &request, const net::HttpServer &to) {
    const std::string host = net::host_of(request);
    if (host.empty()) return net::http_error(400, "The request has no valid Host header.");
    const bool is_https = !to.tls().empty();
    const uint16_t port = to.address().port;
    const std::string at = port == (is_https ? 443 : 80) ? "" : ":" + std::to_string(port);
    char *path = g_uri_escape_string(request.path.c_str(), "/:@!$&'()*+,;=", FALSE);
    HttpResponse response;
    response.status = 307;
    response.headers = {{"Location", std::string(to.scheme()) + "://" + host + at + path +
                                         (request.query.empty() ? "" : "?" + request.query)}};
    g_free(path);
    return response;
}

class ServedPage final : public Page {
public:
    bool start(const net::Address &http, const PageOptions &options, std::string *error) {
        // The page uses TLS if the streams at its address do.
        auto server = net::HttpServer::find(http);
        if (!server) server = net::HttpServer::open(http, error);
        if (!server) return false;
        auto assets = std::make_shared<const std::vector<Asset>>(load_assets());
        std::string frames;
        for (const std::string &origin : options.embed)
            frames += (frames.empty() ? "" : " ") + origin;
        if (frames.empty()) frames = "'none'";
        const std::weak_ptr to(server); // which owns its handlers
        auto asset = [assets, frames, to](const HttpRequest &request, std::string_view name) {
            for (const Asset &a : *assets)
                if (a.name == name)
                    return respond(request, a, name == "embed.html" ? frames : "'none'");
            const auto at = to.lock();
            return at ? at->nothing_at(request) : net::http_error(404, "Nothing is here.");
        };
        const bool taken = !serve(*server, "/", [asset](const HttpRequest &request) {
            return asset(request, request.path == "/" ? "index.html" : "");
        }) || !serve(*server, "/assets/", [asset](const HttpRequest &request) {
            return asset(request, std::string_view(request.path).substr(strlen("/assets/")));
        }) || !serve(*server, "/publish", [asset](const HttpRequest &request) {
            return asset(request, "publish.html");
        }) || !serve(*server, "/embed/", [asset](const HttpRequest &request) {
            // Without a stream's name there is nothing to play.
            return asset(request, request.path == "/embed/" ? "" : "embed.html");
        }) || !serve(*server, "/room/", [asset, to](const HttpRequest &request) {
            return asset(request, page_of_room(request, to.lock().get()));
        }) || !serve_streams(*server);
        // A browser that opens a playlist's URL is redirected to the page.
        auto navigation = server->handle_navigation(
            ".m3u8",
            [](const HttpRequest &request, net::HttpReply reply) { reply(go_to_page(request)); });
        if (navigation) registrations_.push_back(std::move(navigation));
        if (taken)
            *error = std::string("another page is served at ") + server->scheme() + "://" +
                     server->address().to_string() +
                     "/ by this process: choose another port for one of them";
        return !taken && std::all_of(options.redirect_from.begin(), options.redirect_from.end(),
                                     [&](const net::Address &from) {
                                         return redirect_from(from, server, error);
                                     });
    }

private:
    bool redirect_from(const net::Address &from, const std::shared_ptr<net::HttpServer> &to,
                       std::string *error) {
        auto server = net::HttpServer::open(from, error);
        if (!server) return false;
        const bool done =
            serve(*server, "/", [weak = std::weak_ptr(to)](const HttpRequest &request) {
                const auto page = weak.lock();
                return page ? redirect(request, *page) : net::http_error(503, "The page is gone.");
            });
        if (!done)
            *error = "something is served at " + from.to_string() +
                     " already: choose another `redirect-from`";
        return done;
    }
    bool serve_streams(net::HttpServer &server) {
        auto list = std::make_shared<StreamList>(server.address(), state::collect_mounts,
                                                 [] { return g_get_monotonic_time(); });
        auto registration =
            server.handle("/streams.json", [list](const HttpRequest &, net::HttpReply reply) {
                list->ask([reply = std::move(reply)](const std::string &json) {
                    HttpResponse response;
                    response.content_type = "application/json";
                    response.cache_control = "no-store";
                    response.headers = {{"X-Content-Type-Options", "nosniff"}};
                    response.body = Bytes::copy_of(json);
                    reply(std::move(response));
                });
            });
        if (!registration) return false;
        registrations_.push_back(std::move(registration));
        return true;
    }
    template <class Fn>
    bool serve(net::HttpServer &server, std::string prefix, Fn answer) {
        auto registration = server.handle(
            std::move(prefix),
            [answer](const HttpRequest &request, net::HttpReply reply) { reply(answer(request)); });
        if (!registration) return false;
        registrations_.push_back(std::move(registration));
        return true;
    }

    std::vector<std::unique_ptr<net::HttpRegistration>> registrations_;
};

} // namespace

std::unique_ptr<Page> Page::serve(const net::Address &http, const PageOptions &options,
                                  std::string *error) {
    auto page = std::make_unique<ServedPage>();
    if (!page->start(http, options, error)) return nullptr;
    return page;
}

} // namespace penstock::console
