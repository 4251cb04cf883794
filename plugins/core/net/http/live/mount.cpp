// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/live/mount.h"

#include "core/net/http/live/stream.h"
#include "core/net/http/server.h"
#include "core/net/loop/log.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/stream/mount_keeper.h"
#include "core/net/stream/mounts.h"

#include <utility>

namespace penstock::net {
namespace {

class Feed final : public HttpFeed {
public:
    Feed(std::shared_ptr<HttpServer> server, std::shared_ptr<HttpStream> stream,
         const Ending &ending)
        : server_(std::move(server)), stream_(std::move(stream)), ending_(ending) {}
    ~Feed() override {
        stream_->detach();
        MountKeeper::instance().detach(stream_, ending_);
    }
    void begin(const HttpFormat &format) override { stream_->begin(format); }
    void push(const flv::Tag &tag) override { stream_->push(tag); }
    void discontinuity() override { stream_->discontinuity(); }
    void set_headers(std::vector<Bytes> headers) override {
        stream_->set_headers(std::move(headers));
    }
    void push(Bytes bytes, bool joinable, bool awaited) override {
        stream_->push(std::move(bytes), joinable, awaited);
    }
    void set_title(const std::string &title) override { stream_->set_title(title); }
    ViewerTotals stats() const override { return stream_->totals(); }
    Address address() const override { return stream_->key().address; }
    const char *scheme() const override { return server_->scheme(); }

private:
    const std::shared_ptr<HttpServer> server_;
    const std::shared_ptr<HttpStream> stream_;
    const Ending ending_;
};

} // namespace

std::unique_ptr<HttpFeed> open_http_feed(const Address &address, const std::string &path,
                                         const HttpMountOptions &options, std::string *error) {
    const auto fail = [&](std::string text) {
        if (error) *error = std::move(text);
        return nullptr;
    };
    if (!is_safe_path(path))
        return fail("'" + path +
                    "' can't be the path of a stream: write http://host:port/live/NAME.flv, in "
                    "letters, digits and . _ ~ -");
    auto server = HttpServer::open(address, options.tls, error);
    if (!server) return nullptr;
    const MountKey key{"http", server->address(), path};
    bool busy = false, is_new = false;
    const auto make = [&]() -> MountKeeper::Made {
        auto stream = std::make_shared<HttpStream>(key, Loops::shared());
        std::shared_ptr<void> route = server->handle_stream("/" + path, stream);
        if (!route) return {};
        Mounts::instance().add(stream);
        is_new = true;
        return {std::move(stream), std::move(route)};
    };
    auto stream =
        std::static_pointer_cast<HttpStream>(MountKeeper::instance().attach(key, make, &busy));
    if (busy)
        return fail("another httpserversink serves " + path + " on " + key.address.to_string() +
                    " already: choose another path or port");
    if (!stream)
        return fail("something else serves /" + path + " on " + key.address.to_string() +
                    " already: choose another path");
    stream->attach(options);
    if (is_new) log(LogLevel::info, "http", "serving " + path + " on " + key.address.to_string());
    return std::make_unique<Feed>(std::move(server), std::move(stream), options.ending);
}

} // namespace penstock::net
