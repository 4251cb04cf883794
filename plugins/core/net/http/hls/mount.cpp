// SPDX-License-Identifier: LGPL-2.1-or-later
// Lock order: Mounts::open_mutex_, Mounts::mutex_, Mount::mutex_. Replies are given with no lock.
#include "core/net/http/hls/mount.h"

#include "core/net/http/server.h"
#include "core/net/loop/log.h"

#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <map>
#include <thread>
#include <unordered_map>

namespace penstock::net {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t max_waiting = 10'000;
constexpr size_t max_viewers = 20'000;

int64_t unix_ms() {
    return std::chrono::duration_cast<std::chrono::milliseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// "live/cam/index.m3u8" → "live/cam/index"
std::string without_extension(const std::string &path) {
    return path.substr(0, path.size() - std::string_view(".m3u8").size());
}

std::string file_name(const std::string &path) {
    const size_t slash = path.rfind('/');
    return slash == path.npos ? path : path.substr(slash + 1);
}

hls::Stream::Options stream_options(const std::string &path, const HlsMountOptions &options) {
    hls::Stream::Options o;
    o.playlist_length = options.playlist_length;
    o.extra = options.playlist_length + 1;
    o.target_duration = options.target_duration;
    o.uri_prefix = file_name(without_extension(path)) + "/";
    o.epoch = static_cast<uint64_t>(unix_ms());
    return o;
}

HttpResponse not_found() {
    return http_error(404, "No such stream or segment.");
}

/// One stream: answers requests, as long as anybody holds it.
class Mount {
public:
    Mount(std::string path, const HlsMountOptions &options)
        : path_(std::move(path)), stream_(stream_options(path_, options)),
          wait_(options.first_segment_wait) {}

    hls::Stream &stream() { return stream_; }
    const std::string &path() const { return path_; }

    void publish(const hls::Segment &segment) {
        stream_.publish(segment);
        std::vector<HttpReply> ready;
        {
            std::lock_guard lock(mutex_);
            if (since_ == 0) since_ = unix_ms();
            for (Waiting &waiting : waiting_)
                ready.push_back(std::move(waiting.reply));
            waiting_.clear();
        }
        for (const HttpReply &reply : ready)
            answer(reply, playlist_response());
    }

    /// True if the reply has to wait for the first segment, at most until `deadline`.
    bool request_playlist(const HttpRequest &request, HttpReply reply) {
        note(request);
        HttpResponse response = playlist_response();
        {
            std::lock_guard lock(mutex_);
            // The first segment may have come in between.
            if (response.body.empty()) response = playlist_response();
            if (response.body.empty()) {
                if (gone_) {
                    response = not_found();
                } else if (waiting_.size() >= max_waiting) {
                    response = too_early();
                } else {
                    waiting_.push_back({std::move(reply), Clock::now() + wait_});
                    return true;
                }
            }
        }
        answer(reply, std::move(response));
        return false;
    }

    void request_segment(const HttpRequest &request, std::string_view name,
                         const HttpReply &reply) {
        note(request);
        HttpResponse response;
        if (!stream_.segment(name, response.body)) return answer(reply, not_found());
        response.content_type = "video/mp2t";
        response.cache_control = "public, max-age=31536000, immutable";
        answer(reply, std::move(response));
    }

    /// Takes the replies whose time is up, or all of them if the mount goes.
    std::vector<HttpReply> expired(Clock::time_point now, bool all) {
        std::vector<HttpReply> replies;
        std::lock_guard lock(mutex_);
        gone_ = gone_ || all;
        std::erase_if(waiting_, [&](Waiting &waiting) {
            if (!all && waiting.deadline > now) return false;
            replies.push_back(std::move(waiting.reply));
            return true;
        });
        return replies;
    }
    Clock::time_point next_deadline() const {
        std::lock_guard lock(mutex_);
        Clock::time_point next = Clock::time_point::max();
        for (const Waiting &waiting : waiting_)
            next = std::min(next, waiting.deadline);
        return next;
    }

    static HttpResponse too_early() {
        HttpResponse response = http_error(503, "The stream has no segment yet; try again.");
        response.headers.emplace_back("Retry-After", "1");
        return response;
    }
    void answer(const HttpReply &reply, HttpResponse response) {
        if (response.status == 200) bytes_out_ += response.body.size();
        reply(std::move(response));
    }

    void detach() {
        std::lock_guard lock(mutex_);
        since_ = 0;
    }
    HlsFeed::Stats stats() {
        HlsFeed::Stats stats;
        stats.stream = stream_.info();
        stats.bytes_out = bytes_out_;
        const auto session = std::chrono::nanoseconds(3 * stream_.target_duration());
        std::lock_guard lock(mutex_);
        stats.requests = requests_;
        forget_viewers(Clock::now() - session);
        stats.viewers = static_cast<unsigned>(viewers_.size());
        return stats;
    }
    int64_t since() const {
        std::lock_guard lock(mutex_);
        return since_;
    }

private:
    struct Waiting {
        HttpReply reply;
        Clock::time_point deadline;
    };

    HttpResponse playlist_response() const {
        HttpResponse response;
        response.content_type = "application/vnd.apple.mpegurl";
        response.cache_control = "max-age=1";
        response.body = stream_.playlist();
        return response;
    }
    /// An HLS viewer has no connection of its own: it is who asks from one address with one
    /// program.
    void note(const HttpRequest &request) {
        std::string who = request.peer.substr(0, request.peer.rfind(':'));
        if (request.header) who += " " + request.header("User-Agent");
        const size_t viewer = std::hash<std::string>()(who); // whatever its length
        const auto now = Clock::now();
        const auto session = std::chrono::nanoseconds(3 * stream_.target_duration());
        std::lock_guard lock(mutex_);
        ++requests_;
        if (viewers_.size() >= max_viewers && now - pruned_ > std::chrono::seconds(1)) {
            pruned_ = now;
            forget_viewers(now - session);
        }
        if (viewers_.size() < max_viewers || viewers_.contains(viewer)) viewers_[viewer] = now;
    }
    void forget_viewers(Clock::time_point before) {
        std::erase_if(viewers_, [&](const auto &entry) { return entry.second < before; });
    }

    const std::string path_;
    hls::Stream stream_;
    const std::chrono::nanoseconds wait_;
    std::atomic<uint64_t> bytes_out_{0};
    mutable std::mutex mutex_;
    std::vector<Waiting> waiting_;
    std::unordered_map<size_t, Clock::time_point> viewers_; ///< by hash, when last seen
    Clock::time_point pruned_{};
    uint64_t requests_ = 0;
    int64_t since_ = 0;
    bool gone_ = false;
};

/// All mounts. Lives for ever: a mount may outlive everything else in the process.
class Mounts {
public:
    using Key = std::pair<Address, std::string>;

    static Mounts &instance() {
        static Mounts *mounts = new Mounts;
        return *mounts;
    }
    std::unique_ptr<HlsFeed> open(const Address &address, const std::string &path,
                                  const HlsMountOptions &options, std::string *error);
    void detach(const Key &key, std::chrono::nanoseconds grace);
    /// The timer thread has something new to wait for.
    void wake() {
        std::lock_guard lock(mutex_);
        changed_ = true;
        condition_.notify_all();
    }
    std::vector<HlsMountInfo> list();

private:
    struct Entry {
        std::shared_ptr<Mount> mount;
        std::vector<std::unique_ptr<HttpRegistration>> registrations;
        bool attached = true;
        bool closing = false;
        Clock::time_point expiry = Clock::time_point::max();
    };

    Mounts() {
        // No timer runs while the process takes down what it logs with.
        std::atexit([] { instance().stop_timer(); });
    }
    std::unique_ptr<HlsFeed> feed(const Key &key, const std::shared_ptr<Mount> &mount,
                                  const HlsMountOptions &options);
    void run_timer();
    void stop_timer();

    std::mutex open_mutex_; ///< one open() at a time
    std::mutex mutex_;
    std::condition_variable condition_;
    std::map<Key, Entry> entries_;
    bool changed_ = false;
    bool timer_running_ = false, stopping_ = false;
    std::thread timer_;
};

class Feed final : public HlsFeed {
public:
    Feed(Mounts::Key key, const char *scheme, std::shared_ptr<Mount> mount,
         std::chrono::nanoseconds grace)
        : key_(std::move(key)), scheme_(scheme), mount_(std::move(mount)), grace_(grace) {}
    ~Feed() override {
        mount_->detach();
        Mounts::instance().detach(key_, grace_);
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
    const Mounts::Key key_;
    const char *const scheme_;
    const std::shared_ptr<Mount> mount_;
    const std::chrono::nanoseconds grace_;
};

std::unique_ptr<HlsFeed> Mounts::feed(const Key &key, const std::shared_ptr<Mount> &mount,
                                      const HlsMountOptions &options) {
    mount->stream().interrupt();
    mount->stream().set_target_duration(options.target_duration);
    mount->stream().set_playlist_length(options.playlist_length, options.playlist_length + 1);
    return std::make_unique<Feed>(key, options.tls.empty() ? "http" : "https", mount,
                                  options.grace);
}

std::unique_ptr<HlsFeed> Mounts::open(const Address &address, const std::string &path,
                                      const HlsMountOptions &options, std::string *error) {
    const auto fail = [&](std::string text) {
        if (error) *error = std::move(text);
        return nullptr;
    };
    if (!is_safe_path(path) || !path.ends_with(".m3u8") || file_name(path) == ".m3u8")
        return fail("'" + path +
                    "' can't be the path of a playlist: write http://host:port/NAME/index.m3u8, "
                    "in letters, digits and . _ ~ -");
    std::lock_guard open_lock(open_mutex_);
    auto server = HttpServer::open(address, options.tls, error);
    if (!server) return nullptr;
    const Key key{server->address(), path};
    {
        std::unique_lock lock(mutex_);
        auto found = entries_.find(key);
        while (found != entries_.end() && found->second.closing) {
            condition_.wait(lock);
            found = entries_.find(key);
        }
        if (found != entries_.end()) {
            Entry &entry = found->second;
            if (entry.attached)
                return fail("another hlssegmenter serves " + path + " on " + key.first.to_string() +
                            " already: choose another path or port");
            entry.attached = true;
            entry.expiry = Clock::time_point::max();
            return feed(key, entry.mount, options);
        }
    }
    auto mount = std::make_shared<Mount>(path, options);
    std::vector<std::unique_ptr<HttpRegistration>> registrations;
    registrations.push_back(
        server->handle("/" + path, [mount](const HttpRequest &request, HttpReply reply) {
            if (mount->request_playlist(request, std::move(reply))) Mounts::instance().wake();
        }));
    const std::string folder = "/" + without_extension(path) + "/";
    registrations.push_back(
        server->handle(folder, [mount, folder](const HttpRequest &request, HttpReply reply) {
            const std::string_view name =
                std::string_view(request.path).substr(std::min(folder.size(), request.path.size()));
            mount->request_segment(request, name, reply);
        }));
    for (const auto &registration : registrations)
        if (!registration)
            return fail("something else serves /" + path + " on " + key.first.to_string() +
                        " already: choose another path");
    log(LogLevel::info, "hls", "serving " + path + " on " + key.first.to_string());
    std::lock_guard lock(mutex_);
    entries_[key] = Entry{mount, std::move(registrations)};
    if (!std::exchange(timer_running_, true)) {
        if (timer_.joinable()) timer_.join(); // it has ended
        timer_ = std::thread([this] { run_timer(); });
    }
    return feed(key, mount, options);
}

void Mounts::detach(const Key &key, std::chrono::nanoseconds grace) {
    std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    if (found == entries_.end()) return;
    found->second.attached = false;
    // A mount that never had a segment has nothing to keep.
    const bool empty = found->second.mount->stream().info().segments == 0;
    const auto now = Clock::now();
    // Far from the clock's end, which adding to would overflow.
    const auto longest = std::chrono::hours(24 * 365);
    found->second.expiry = empty ? now : now + std::min<std::chrono::nanoseconds>(grace, longest);
    changed_ = true;
    condition_.notify_all();
}

void Mounts::run_timer() {
    std::unique_lock lock(mutex_);
    while (!entries_.empty() && !stopping_) {
        changed_ = false;
        const auto now = Clock::now();
        auto next = Clock::time_point::max();
        std::vector<std::pair<std::shared_ptr<Mount>, std::vector<HttpReply>>> late;
        std::vector<Key> closing;
        for (auto &[key, entry] : entries_) {
            const bool close = !entry.attached && entry.expiry <= now;
            if (close) {
                entry.closing = true;
                closing.push_back(key);
            }
            late.emplace_back(entry.mount, entry.mount->expired(now, close));
            next = std::min({next, entry.expiry, entry.mount->next_deadline()});
        }
        std::vector<std::unique_ptr<HttpRegistration>> registrations;
        for (const Key &key : closing)
            for (auto &registration : entries_[key].registrations)
                registrations.push_back(std::move(registration));

        lock.unlock();
        for (auto &[mount, replies] : late)
            for (const HttpReply &reply : replies)
                mount->answer(reply, Mount::too_early());
        registrations.clear(); // may close the server
        late.clear();
        lock.lock();

        // No log here: this thread may be the last one of a process that takes its log down.
        for (const Key &key : closing)
            entries_.erase(key);
        condition_.notify_all();
        if (!closing.empty() || changed_) continue;
        if (next == Clock::time_point::max())
            condition_.wait(lock, [&] { return changed_; });
        else
            condition_.wait_until(lock, next, [&] { return changed_; });
    }
    timer_running_ = false;
}

void Mounts::stop_timer() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = changed_ = true;
        condition_.notify_all();
    }
    if (timer_.joinable()) timer_.join();
}

std::vector<HlsMountInfo> Mounts::list() {
    std::vector<std::pair<Key, std::shared_ptr<Mount>>> mounts;
    {
        std::lock_guard lock(mutex_);
        for (const auto &[key, entry] : entries_)
            if (!entry.closing) mounts.emplace_back(key, entry.mount);
    }
    std::vector<HlsMountInfo> list;
    for (const auto &[key, mount] : mounts) {
        const HlsFeed::Stats stats = mount->stats();
        HlsMountInfo info;
        info.address = key.first;
        info.path = key.second;
        info.since = mount->since();
        info.live = info.since != 0;
        info.segments = stats.stream.segments;
        info.bitrate = stats.stream.bitrate;
        info.codecs = stats.stream.codecs;
        info.width = stats.stream.width;
        info.height = stats.stream.height;
        info.has_video = stats.stream.has_video;
        info.has_audio = stats.stream.has_audio;
        info.viewers = stats.viewers;
        list.push_back(std::move(info));
    }
    return list;
}

} // namespace

std::unique_ptr<HlsFeed> open_hls_feed(const Address &address, const std::string &path,
                                       const HlsMountOptions &options, std::string *error) {
    return Mounts::instance().open(address, path, options, error);
}

std::vector<HlsMountInfo> hls_mounts() {
    return Mounts::instance().list();
}

} // namespace penstock::net
