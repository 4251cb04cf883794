// SPDX-License-Identifier: LGPL-2.1-or-later
// The HLS mounts of the process, and the grace period in which each waits for its next producer.
// Lock order: HlsMounts::open_mutex_, HlsMounts::mutex_.
#include "core/net/http/hls/mount.h"

#include "core/net/http/hls/stream.h"
#include "core/net/http/server.h"
#include "core/net/loop/log.h"
#include "core/net/stream/mounts.h"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <condition_variable>
#include <map>

namespace penstock::net {
namespace {

/// "live/cam/index.m3u8" → "live/cam/index"
std::string without_extension(const std::string &path) {
    return path.substr(0, path.size() - std::string_view(".m3u8").size());
}

/// Never destroyed: a mount may outlive everything else in the process.
class HlsMounts {
public:
    using Key = std::pair<Address, std::string>;

    static HlsMounts &instance() {
        static HlsMounts *mounts = new HlsMounts;
        return *mounts;
    }
    std::unique_ptr<HlsFeed> open(const Address &address, const std::string &path,
                                  const HlsMountOptions &options, std::string *error);
    void detach(const Key &key, std::chrono::nanoseconds grace);

private:
    struct Entry {
        std::shared_ptr<HlsMount> mount;
        std::vector<std::unique_ptr<HttpRegistration>> registrations;
        std::unique_ptr<boost::asio::steady_timer> timer; ///< set while it has no producer
        bool attached = true;
        bool closing = false; ///< its paths are being released
        uint64_t turn = 0;    ///< identifies the producer; timers of earlier ones are ignored
    };
    void close(const Key &key, uint64_t turn);

    std::mutex open_mutex_; ///< serializes open()
    std::mutex mutex_;      ///< guards entries_
    std::condition_variable closed_;
    std::map<Key, Entry> entries_;
};

class Feed final : public HlsFeed {
public:
    Feed(HlsMounts::Key key, const char *scheme, std::shared_ptr<HlsMount> mount,
         std::chrono::nanoseconds grace)
        : key_(std::move(key)), scheme_(scheme), mount_(std::move(mount)), grace_(grace) {}
    ~Feed() override {
        mount_->detach();
        HlsMounts::instance().detach(key_, grace_);
    }
    void publish(const hls::Segment &segment) override { mount_->publish(segment); }
    void interrupt() override { mount_->stream().interrupt(); }
    Stats stats() const override { return mount_->stats(); }
    std::string url() const override {
        Address shown = key_.first;
        if (shown.host.empty() || shown.host == "0.0.0.0" || shown.host == "::")
            shown.host = "127.0.0.1";
        return std::string(scheme_) + "://" + shown.to_string() + "/" + key_.second;
    }

private:
    const HlsMounts::Key key_;
    const char *const scheme_;
    const std::shared_ptr<HlsMount> mount_;
    const std::chrono::nanoseconds grace_;
};

std::unique_ptr<HlsFeed> HlsMounts::open(const Address &address, const std::string &path,
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
    std::lock_guard open_lock(open_mutex_);
    auto server = HttpServer::open(address, options.tls, error);
    if (!server) return nullptr;
    const Key key{server->address(), path};
    const auto feed = [&](const std::shared_ptr<HlsMount> &mount) {
        mount->attach(options);
        return std::make_unique<Feed>(key, options.tls.empty() ? "http" : "https", mount,
                                      options.grace);
    };
    {
        std::unique_lock lock(mutex_);
        closed_.wait(lock, [&] {
            const auto found = entries_.find(key);
            return found == entries_.end() || !found->second.closing;
        });
        if (const auto found = entries_.find(key); found != entries_.end()) {
            Entry &entry = found->second;
            if (!entry.mount->suits(options))
                return fail(path + " on " + key.first.to_string() +
                            " goes on with segments of another container: choose another path, or "
                            "wait until its grace ends");
            if (std::exchange(entry.attached, true))
                return fail("another hlssegmenter serves " + path + " on " + key.first.to_string() +
                            " already: choose another path or port");
            entry.timer.reset();
            ++entry.turn;
            return feed(entry.mount);
        }
    }
    auto mount = std::make_shared<HlsMount>(MountKey{"hls", key.first, path}, options,
                                            server->shared_rules(), Loops::shared());
    std::vector<std::unique_ptr<HttpRegistration>> registrations;
    registrations.push_back(
        server->handle("/" + path, [mount](const HttpRequest &request, HttpReply reply) {
            mount->request_playlist(request, std::move(reply));
        }));
    const std::string folder = "/" + without_extension(path) + "/";
    registrations.push_back(
        server->handle(folder, [mount, folder](const HttpRequest &request, HttpReply reply) {
            const size_t begin = std::min(folder.size(), request.path.size());
            mount->request_segment(request, request.path.substr(begin), std::move(reply));
        }));
    for (const auto &registration : registrations)
        if (!registration)
            return fail("something else serves /" + path + " on " + key.first.to_string() +
                        " already: choose another path");
    Mounts::instance().add(mount);
    log(LogLevel::info, "hls", "serving " + path + " on " + key.first.to_string());
    std::lock_guard lock(mutex_);
    entries_[key] = Entry{mount, std::move(registrations), nullptr};
    return feed(mount);
}

/// Starts the mount's grace period, or closes it at once if it never had a segment.
void HlsMounts::detach(const Key &key, std::chrono::nanoseconds grace) {
    std::unique_lock lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    Entry &entry = found->second;
    entry.attached = false;
    const uint64_t turn = ++entry.turn;
    if (grace.count() <= 0 || entry.mount->stream().info().segments == 0) {
        lock.unlock();
        return close(key, turn);
    }
    // Bounded, so that the addition does not overflow the clock's range.
    const auto longest = std::chrono::hours(24 * 365);
    entry.timer = std::make_unique<boost::asio::steady_timer>(
        Loops::shared()->at(0), std::min<std::chrono::nanoseconds>(grace, longest));
    entry.timer->async_wait([this, key, turn](boost::system::error_code ec) {
        if (!ec) close(key, turn);
    });
}

void HlsMounts::close(const Key &key, uint64_t turn) {
    std::vector<std::unique_ptr<HttpRegistration>> registrations;
    std::shared_ptr<HlsMount> mount;
    {
        std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        if (found == entries_.end() || found->second.turn != turn || found->second.closing) return;
        found->second.closing = true;
        mount = found->second.mount;
        registrations = std::move(found->second.registrations);
    }
    mount->end();
    registrations.clear(); // may close the server
    // Destroyed without the lock: its loops may end with it.
    std::unique_ptr<boost::asio::steady_timer> timer;
    std::lock_guard lock(mutex_);
    if (const auto found = entries_.find(key); found != entries_.end()) {
        timer = std::move(found->second.timer);
        entries_.erase(found);
    }
    closed_.notify_all();
}

} // namespace

std::unique_ptr<HlsFeed> open_hls_feed(const Address &address, const std::string &path,
                                       const HlsMountOptions &options, std::string *error) {
    return HlsMounts::instance().open(address, path, options, error);
}

} // namespace penstock::net
