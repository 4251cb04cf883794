// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/live/mount.h"

#include "core/net/http/live/stream.h"
#include "core/net/http/server.h"
#include "core/net/loop/log.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/stream/mounts.h"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <map>

namespace penstock::net {
namespace {

/// All of the process. Lives for ever: a mount may outlive everything else.
class HttpMounts {
public:
    using Key = std::pair<Address, std::string>;

    static HttpMounts &instance() {
        static HttpMounts *mounts = new HttpMounts;
        return *mounts;
    }
    std::unique_ptr<HttpFeed> open(const Address &address, const std::string &path,
                                   const HttpMountOptions &options, std::string *error);
    void detach(const Key &key, std::chrono::nanoseconds grace);
    void forget_closed();

private:
    struct Entry {
        std::shared_ptr<HttpStream> stream;
        std::unique_ptr<HttpRegistration> registration;
        std::weak_ptr<HttpServer> server;
        std::unique_ptr<boost::asio::steady_timer> timer; ///< set while nobody feeds it
        uint64_t turn = 0; ///< of the feed that is there; an older one's timer is not heard
    };
    void expire(const Key &key, uint64_t turn);

    std::mutex open_mutex_; ///< one open() at a time
    std::mutex mutex_;
    std::map<Key, Entry> entries_;
};

class Feed final : public HttpFeed {
public:
    Feed(HttpMounts::Key key, std::shared_ptr<HttpServer> server,
         std::shared_ptr<HttpStream> stream, std::chrono::nanoseconds grace)
        : key_(std::move(key)), server_(std::move(server)), stream_(std::move(stream)),
          grace_(grace) {}
    ~Feed() override { HttpMounts::instance().detach(key_, grace_); }
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
    Address address() const override { return key_.first; }
    const char *scheme() const override { return server_->scheme(); }

private:
    const HttpMounts::Key key_;
    const std::shared_ptr<HttpServer> server_;
    const std::shared_ptr<HttpStream> stream_;
    const std::chrono::nanoseconds grace_;
};

std::unique_ptr<HttpFeed> HttpMounts::open(const Address &address, const std::string &path,
                                           const HttpMountOptions &options, std::string *error) {
    const auto fail = [&](std::string text) {
        if (error) *error = std::move(text);
        return nullptr;
    };
    if (!is_safe_path(path))
        return fail("'" + path +
                    "' can't be the path of a stream: write http://host:port/live/NAME.flv, in "
                    "letters, digits and . _ ~ -");
    std::lock_guard open_lock(open_mutex_);
    auto server = HttpServer::open(address, options.tls, error);
    if (!server) return nullptr;
    const Key key{server->address(), path};
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found != entries_.end()) {
        Entry &entry = found->second;
        if (!entry.stream->attach(options))
            return fail("another httpserversink serves " + path + " on " + key.first.to_string() +
                        " already: choose another path or port");
        entry.timer.reset();
        ++entry.turn;
        return std::make_unique<Feed>(key, std::move(server), entry.stream, options.grace);
    }
    auto stream = std::make_shared<HttpStream>(MountKey{"http", key.first, path}, Loops::shared());
    auto registration = server->handle_stream("/" + path, stream);
    if (!registration)
        return fail("something else serves /" + path + " on " + key.first.to_string() +
                    " already: choose another path");
    stream->attach(options);
    log(LogLevel::info, "http", "serving " + path + " on " + key.first.to_string());
    Mounts::instance().add(stream);
    entries_[key] = Entry{stream, std::move(registration), server, nullptr};
    return std::make_unique<Feed>(key, std::move(server), std::move(stream), options.grace);
}

/// Without viewers there is nobody to wait with.
void HttpMounts::detach(const Key &key, std::chrono::nanoseconds grace) {
    std::unique_ptr<HttpRegistration> registration; // the listener may close with it: unlocked
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    Entry &entry = found->second;
    entry.stream->detach();
    if (entry.stream->viewers() == 0 || grace.count() <= 0) {
        entry.stream->close_viewers("the stream has ended");
        registration = std::move(entry.registration);
        entries_.erase(found);
        return;
    }
    entry.timer = std::make_unique<boost::asio::steady_timer>(
        Loops::shared()->at(0), std::min<std::chrono::nanoseconds>(grace, std::chrono::hours(24)));
    entry.timer->async_wait([this, key, turn = entry.turn](boost::system::error_code ec) {
        if (!ec) expire(key, turn);
    });
}

void HttpMounts::expire(const Key &key, uint64_t turn) {
    Entry gone;
    {
        std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        if (found == entries_.end() || found->second.turn != turn ||
            found->second.stream->has_feed())
            return;
        gone = std::move(found->second);
        entries_.erase(found);
    }
    gone.stream->close_viewers("the stream has ended");
}

void HttpMounts::forget_closed() {
    std::vector<Entry> closed; // the loops may end with them: unlocked
    std::lock_guard lock(mutex_);
    for (auto it = entries_.begin(); it != entries_.end();) {
        if (!it->second.server.expired()) {
            ++it;
            continue;
        }
        closed.push_back(std::move(it->second));
        it = entries_.erase(it);
    }
}

} // namespace

void forget_closed_http_mounts() {
    HttpMounts::instance().forget_closed();
}

std::unique_ptr<HttpFeed> open_http_feed(const Address &address, const std::string &path,
                                         const HttpMountOptions &options, std::string *error) {
    return HttpMounts::instance().open(address, path, options, error);
}

} // namespace penstock::net
