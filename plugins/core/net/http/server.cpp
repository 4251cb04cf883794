// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/server.h"

#include "core/net/http/connection.h"
#include "core/net/http/process_end.h"
#include "core/net/stream/mount_keeper.h"
#include "core/net/stream/registry.h"

#include <algorithm>
#include <cctype>

namespace penstock::net {

std::shared_ptr<const HttpRoute> HttpRoutes::find(const std::string &path) const {
    std::lock_guard lock(mutex_);
    // From the longest prefix to the shortest: "/live/cam/", "/live/", "/".
    if (const auto exact = handlers_.find(path); exact != handlers_.end()) return exact->second;
    for (size_t slash = path.rfind('/'); slash != path.npos;
         slash = slash == 0 ? path.npos : path.rfind('/', slash - 1))
        if (const auto found = handlers_.find(std::string_view(path).substr(0, slash + 1));
            found != handlers_.end())
            return found->second;
    return nullptr;
}

bool HttpRoutes::has(const std::string &path) const {
    std::lock_guard lock(mutex_);
    return handlers_.contains(path) || streams_.contains(path);
}

NotFound HttpRoutes::like(const std::string &path) const {
    NotFound out{.scheme = tls ? "https" : "http"};
    std::vector<std::shared_ptr<const HttpRoute>> routes;
    bool has_stream = false;
    {
        std::lock_guard lock(mutex_);
        out.has_page = handlers_.contains("/");
        const auto look = [&](const auto &served, std::string_view stem, auto &&note) {
            for (auto each = served.lower_bound(std::string(stem));
                 each != served.end() && each->first.starts_with(stem); ++each)
                if (!each->first.ends_with('/') && stream_path(each->first) == stem) {
                    out.instead.push_back(each->first);
                    note(each->second);
                }
        };
        // A stream's own name may end in what looks like an extension.
        for (const std::string_view stem : {std::string_view(path), stream_path(path)}) {
            if (!out.instead.empty()) break;
            look(streams_, stem, [&](const auto &) { has_stream = true; });
            look(handlers_, stem, [&](const auto &route) { routes.push_back(route); });
        }
    }
    // Not under the lock: mounts have locks of their own.
    out.is_live = has_stream || routes.empty() ||
                  std::any_of(routes.begin(), routes.end(), [](const auto &route) {
                      return !route->options.is_live || route->options.is_live();
                  });
    return out;
}

bool HttpRoutes::add(const std::string &prefix, HttpRoute route) {
    std::lock_guard lock(mutex_);
    return !streams_.contains(prefix) &&
           handlers_.emplace(prefix, std::make_shared<const HttpRoute>(std::move(route))).second;
}

void HttpRoutes::remove(const std::string &prefix) {
    std::lock_guard lock(mutex_);
    handlers_.erase(prefix);
}

std::shared_ptr<HttpStream> HttpRoutes::stream(const std::string &path) const {
    std::lock_guard lock(mutex_);
    const auto found = streams_.find(path);
    return found == streams_.end() ? nullptr : found->second;
}

bool HttpRoutes::add_stream(const std::string &path, std::shared_ptr<HttpStream> stream) {
    std::lock_guard lock(mutex_);
    return !handlers_.contains(path) && streams_.emplace(path, std::move(stream)).second;
}

void HttpRoutes::remove_stream(const std::string &path) {
    std::lock_guard lock(mutex_);
    streams_.erase(path);
}

std::shared_ptr<const HttpRoute> HttpRoutes::endpoint(const std::string &path) const {
    const std::string_view view = path;
    const size_t slash = view.rfind('/');
    const std::string_view last = view.substr(slash + 1), parent = view.substr(0, slash);
    // With a dot, it is a file of a stream that has the endpoint's name: "/live/whip/index.m3u8".
    const bool is_name = !last.empty() && std::all_of(last.begin(), last.end(), [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_';
    });
    if (!is_name) return nullptr;
    std::lock_guard lock(mutex_);
    if (const auto found = endpoints_.find(last); found != endpoints_.end())
        return found->second.at;
    const size_t start = parent.rfind('/');
    if (start == parent.npos) return nullptr;
    const auto found = endpoints_.find(parent.substr(start + 1));
    return found == endpoints_.end() ? nullptr : found->second.below;
}

bool HttpRoutes::add_endpoint(const std::string &name, HttpRoute at, HttpRoute below) {
    std::lock_guard lock(mutex_);
    return endpoints_
        .emplace(name, Endpoint{std::make_shared<const HttpRoute>(std::move(at)),
                                std::make_shared<const HttpRoute>(std::move(below))})
        .second;
}

void HttpRoutes::remove_endpoint(const std::string &name) {
    std::lock_guard lock(mutex_);
    endpoints_.erase(name);
}

HttpHandler HttpRoutes::navigation(const std::string &path) const {
    std::lock_guard lock(mutex_);
    for (const auto &[suffix, handler] : navigations_)
        if (path.ends_with(suffix)) return handler;
    return nullptr;
}

bool HttpRoutes::add_navigation(const std::string &suffix, HttpHandler handler) {
    std::lock_guard lock(mutex_);
    return navigations_.emplace(suffix, std::move(handler)).second;
}

void HttpRoutes::remove_navigation(const std::string &suffix) {
    std::lock_guard lock(mutex_);
    navigations_.erase(suffix);
}

void HttpRoutes::on_close(const void *connection, std::function<void()> tell) {
    std::lock_guard lock(mutex_);
    open_[connection] = std::move(tell);
}

void HttpRoutes::forget(const void *connection) {
    std::lock_guard lock(mutex_);
    open_.erase(connection);
}

void HttpRoutes::close() {
    closing_ = true;
    std::unique_lock lock(mutex_);
    const auto open = open_;
    lock.unlock(); // a connection that ends here calls forget()
    for (const auto &[connection, tell] : open)
        tell();
}

namespace {

class Registration final : public HttpRegistration {
public:
    using Remove = void (HttpRoutes::*)(const std::string &);

    Registration(std::shared_ptr<HttpServer> server, std::shared_ptr<HttpRoutes> routes,
                 Remove remove, std::string what)
        : server_(std::move(server)), routes_(std::move(routes)), remove_(remove),
          what_(std::move(what)) {}
    ~Registration() override { (routes_.get()->*remove_)(what_); }

private:
    std::shared_ptr<HttpServer> server_;
    std::shared_ptr<HttpRoutes> routes_;
    const Remove remove_;
    const std::string what_; ///< prefix, suffix or name
};

class Server final : public HttpServer, public std::enable_shared_from_this<Server> {
public:
    ~Server() override {
        end();
        if (listener_) MountKeeper::instance().forget("http", listener_->address());
    }
    void end() {
        if (ended_.exchange(true)) return;
        if (listener_) listener_->close();
        routes_->close();
        if (routes_->viewers) routes_->viewers->shutdown();
        if (routes_->http2) routes_->http2->shutdown();
    }
    explicit Server(TlsFiles tls) : tls_(std::move(tls)) {}
    bool start(const Address &address, std::string *error) {
        if (!tls_.empty() &&
            !(routes_->tls = TlsContext::load(tls_, error, TlsContext::Offer::http_2_and_1_1)))
            return false;
        auto loops = Loops::shared(error);
        if (!loops) return false;
        routes_->viewers = std::make_shared<Roster>(loops, HttpRoutes::max_viewers);
        routes_->http2 = std::make_shared<Roster>(loops, HttpRoutes::max_connections);
        listener_ = Listener::open(
            loops, address, tls_.empty() ? "http" : "https",
            [routes = routes_, loops](tcp::socket &&socket, size_t loop) {
                HttpConnection::start(std::move(socket), loop, routes, loops);
            },
            error);
        return listener_ != nullptr;
    }
    bool suits(const TlsFiles &wanted, std::string *error) const {
        if (wanted == tls_) return true;
        if (error)
            *error = "port " + std::to_string(address().port) + " serves " + scheme() + "://" +
                     (tls_.empty() ? std::string(", without TLS,")
                                   : " with the certificate '" + tls_.certificate + "'") +
                     " in this process: a port has one certificate, or none; choose another port";
        return false;
    }
    Address address() const override { return listener_->address(); }
    const TlsFiles &tls() const override { return tls_; }
    std::unique_ptr<HttpRegistration> handle(std::string prefix, HttpHandler handler,
                                             HttpRouteOptions options) override {
        if (!routes_->add(prefix, {std::move(handler), std::move(options)})) return nullptr;
        return std::make_unique<Registration>(shared_from_this(), routes_, &HttpRoutes::remove,
                                              std::move(prefix));
    }
    std::unique_ptr<HttpRegistration> handle_navigation(std::string suffix,
                                                        HttpHandler handler) override {
        if (!routes_->add_navigation(suffix, std::move(handler))) return nullptr;
        return std::make_unique<Registration>(shared_from_this(), routes_,
                                              &HttpRoutes::remove_navigation, std::move(suffix));
    }

    std::unique_ptr<HttpRegistration> handle_stream(std::string path,
                                                    std::shared_ptr<HttpStream> stream) override {
        if (!routes_->add_stream(path, std::move(stream))) return nullptr;
        return std::make_unique<Registration>(nullptr, routes_, &HttpRoutes::remove_stream,
                                              std::move(path));
    }
    std::unique_ptr<HttpRegistration> handle_endpoint(std::string name, HttpRoute at,
                                                      HttpRoute below) override {
        if (!routes_->add_endpoint(name, std::move(at), std::move(below))) return nullptr;
        return std::make_unique<Registration>(shared_from_this(), routes_,
                                              &HttpRoutes::remove_endpoint, std::move(name));
    }
    const std::shared_ptr<PathRules> &shared_rules() const override { return routes_->rules; }
    bool serves(const std::string &path) const override { return routes_->has(path); }
    HttpResponse nothing_at(const HttpRequest &request) const override {
        return not_found(request, routes_->like(request.path));
    }

private:
    const TlsFiles tls_;
    std::atomic<bool> ended_ = false;
    std::shared_ptr<Listener> listener_;
    std::shared_ptr<HttpRoutes> routes_ = std::make_shared<HttpRoutes>();
};

Registry<Server> &registry() {
    // Never destroyed: a server may close after main().
    static auto *instance = new Registry<Server>;
    return *instance;
}

} // namespace

std::shared_ptr<HttpServer> HttpServer::open(const Address &address, const TlsFiles &tls,
                                             std::string *error) {
    return registry().open(address, error, tls);
}

std::shared_ptr<HttpServer> HttpServer::find(const Address &address) {
    return registry().find(address);
}

std::vector<std::shared_ptr<HttpServer>> HttpServer::all() {
    return registry().all<HttpServer>();
}

void end_http_servers() {
    for (const auto &server : registry().all<Server>())
        server->end();
}

} // namespace penstock::net
