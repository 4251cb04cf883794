// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/mount.h"

#include "core/net/http/hls/stream.h"
#include "core/net/http/server.h"
#include "core/net/loop/log.h"
#include "core/net/stream/mount_keeper.h"
#include "core/net/stream/mounts.h"

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

/// "live/cam/index.m3u8" → "live/cam/index"
std::string without_extension(const std::string &path) {
    return path.substr(0, path.size() - std::string_view(".m3u8").size());
}

class Feed final : public HlsFeed {
public:
    Feed(const char *scheme, std::shared_ptr<HlsMount> mount, const Ending &ending)
        : scheme_(scheme), mount_(std::move(mount)), ending_(ending) {}
    ~Feed() override {
        mount_->detach();
        MountKeeper::instance().detach(mount_, ending_);
    }
    void publish(hls::Segment segment) override { mount_->publish(std::move(segment)); }
    void set_renditions(const std::vector<hls::Presentation::Expected> &renditions) override {
        mount_->set_renditions(renditions);
    }
    int64_t part_target(const std::string &rendition) const override {
        return mount_->part_target(rendition);
    }
    void note_media() override { mount_->note_media(); }
    void interrupt() override { mount_->interrupt(); }
    Stats stats() const override { return mount_->stats(); }
    std::string url() const override {
        Address shown = mount_->key().address;
        if (shown.host.empty() || shown.host == "0.0.0.0" || shown.host == "::")
            shown.host = "127.0.0.1";
        return std::string(scheme_) + "://" + shown.to_string() + "/" + mount_->path();
    }

private:
    const char *const scheme_;
    const std::shared_ptr<HlsMount> mount_;
    const Ending ending_;
};

using Registrations = std::vector<std::unique_ptr<HttpRegistration>>;

/// The playlist and the folder of its segments; nullptr if either is taken.
std::shared_ptr<Registrations> serve(HttpServer &server, const std::shared_ptr<HlsMount> &mount) {
    const std::string &path = mount->path();
    const std::string folder = "/" + without_extension(path) + "/";
    auto routes = std::make_shared<Registrations>();
    HttpRouteOptions options;
    // Players on other sites' pages tell by Age how old a cached playlist is.
    options.cors.exposed_headers = {"Age", "Date", "ETag", "Content-Range"};
    const auto serve_at = [&](const std::string &prefix, HttpHandler handler) {
        routes->push_back(server.handle(prefix, std::move(handler), options));
    };
    options.is_live = [mount] { return mount->info().live; };
    serve_at("/" + path, [mount](const HttpRequest &request, HttpReply reply) {
        mount->request_playlist(request, std::move(reply));
    });
    if (mount->has_manifest())
        serve_at("/" + without_extension(path) + ".mpd",
                 [mount](const HttpRequest &request, HttpReply reply) {
                     mount->request_manifest(request, std::move(reply));
                 });
    options.is_live = nullptr;
    serve_at(folder, [mount, folder](const HttpRequest &request, HttpReply reply) {
        const size_t begin = std::min(folder.size(), request.path.size());
        mount->request_segment(request, request.path.substr(begin), std::move(reply));
    });
    const bool is_taken = std::find(routes->begin(), routes->end(), nullptr) != routes->end();
    return is_taken ? nullptr : routes;
}

} // namespace

std::unique_ptr<HlsFeed> open_hls_feed(const Address &address, const std::string &path,
                                       const HlsMountOptions &options, std::string *error) {
    const auto fail = [&](std::string text) {
        if (error) *error = std::move(text);
        return nullptr;
    };
    const std::string file = path.substr(path.rfind('/') + 1);
    if (!is_safe_path(path) || !path.ends_with(".m3u8") || file == ".m3u8")
        return fail("'" + path +
                    "' can't be the path of a playlist: write http://host:port/NAME/index.m3u8, "
                    "in letters, digits and . _ ~ -");
    auto server = HttpServer::open(address, options.tls, error);
    if (!server) return nullptr;
    const MountKey key{"hls", server->address(), path};
    bool busy = false, is_new = false;
    const auto make = [&]() -> MountKeeper::Made {
        auto mount =
            std::make_shared<HlsMount>(key, options, server->shared_rules(), Loops::shared());
        std::shared_ptr<void> routes = serve(*server, mount);
        if (!routes) return {};
        Mounts::instance().add(mount);
        is_new = true;
        return {std::move(mount), std::move(routes)};
    };
    auto mount =
        std::static_pointer_cast<HlsMount>(MountKeeper::instance().attach(key, make, &busy));
    if (busy)
        return fail("another hlssegmenter serves " + path + " on " + key.address.to_string() +
                    " already: choose another path or port");
    if (!mount)
        return fail("something else serves /" + path + " on " + key.address.to_string() +
                    " already: choose another path");
    auto feed = std::make_unique<Feed>(server->scheme(), mount, options.ending);
    if (!mount->suits(options))
        return fail(path + " on " + key.address.to_string() +
                    " goes on with segments of another container, with parts or without them, or "
                    "with one rendition or several: choose another path, or wait until its grace "
                    "ends");
    mount->attach(options);
    if (is_new) log(LogLevel::info, "hls", "serving " + path + " on " + key.address.to_string());
    return feed;
}

} // namespace penstock::net
