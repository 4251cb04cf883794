// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/client.h"

#include "core/fanout/outlet.h"
#include "core/fanout/ts_feed.h"
#include "core/mpegts/aligner.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/thread.h"
#include "core/net/srt/dial.h"
#include "core/net/srt/wire.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

namespace penstock::net {
namespace {

constexpr uint64_t linger_ms = 1'000, measure_ms = 1'000;
/// ms between two looks at a connection that takes nothing more, and at one without media.
constexpr int blocked_ms = 10, idle_ms = 50, nap_ms = 2;
/// There is one at a time.
constexpr char connection_name[] = "";
constexpr size_t batch = 48 * 1456;

class Client final : public SrtClient {
public:
    Client(SrtClientOptions options, SrtClientEvents &events)
        : options_(std::move(options)), events_(events), backoff_(options_.backoff),
          random_(std::random_device{}()), feed_(ring_, srt_message) {
        feed_.restart(options_.queue);
    }
    ~Client() override {
        is_stopping_ = true;
        wake();
        if (thread_.joinable()) thread_.join();
    }
    bool start(std::string *error) {
        thread_ = start_thread([this] { run(); }, error);
        return thread_.joinable();
    }

    void push(const flv::Tag &tag) override {
        if (feed_.append(tag, steady_ns())) wake();
    }
    void push(ByteView bytes) override {
        if (feed_.append(bytes, steady_ns())) wake();
    }
    void discontinuity() override { feed_.discontinuity(); }
    std::string take_complaint() override { return feed_.take_complaint(); }
    bool has_begun() const override { return feed_.has_begun(); }
    void resume() override {
        is_paused_ = false;
        wake();
    }
    SrtClientTotals totals() const override {
        return {bytes_in_, bytes_out_, skips_, connections_, is_live_};
    }
    SrtNetwork network() const override { return networks_.sum(); }

private:
    void wake() {
        std::lock_guard lock(mutex_);
        is_woken_ = true;
        woken_.notify_one();
    }
    void wait(uint64_t ms) {
        std::unique_lock lock(mutex_);
        woken_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return is_woken_; });
        is_woken_ = false;
    }
    void run();
    void rest(const std::string &reason, bool refused);
    std::string serve();
    bool send(fanout::BatchCache &cache);
    std::string receive();
    void measure();
    bool is_broken() const { return srt_getsockstate(socket_.get()) > SRTS_CONNECTED; }
    void change(ClientChange::State state, const std::string &reason = {}, bool refused = false,
                uint64_t retry_ms = 0) {
        events_.on_change({state, reason, refused, retry_ms, backoff_.failures()});
    }

    const SrtClientOptions options_;
    SrtClientEvents &events_;
    // On the client's thread.
    rtmp::Backoff backoff_;
    std::minstd_rand random_;
    SrtSocket socket_;
    fanout::Outlet outlet_;
    mpegts::Aligner aligner_;
    uint64_t measured_ms_ = 0, heard_ms_ = 0;
    size_t window_ = srt_first_window;
    bool has_warned_ = false; ///< of this connection's latency
    SrtNetwork network_;      ///< of this connection

    fanout::Ring ring_;
    fanout::TsFeed feed_;  ///< its pushers' thread
    SrtNetworks networks_; ///< of this connection, and of those before
    std::mutex mutex_;     ///< guards is_woken_
    std::condition_variable woken_;
    bool is_woken_ = false;
    std::atomic<bool> is_stopping_{false}, is_paused_{false}, is_live_{false};
    std::atomic<uint64_t> bytes_in_{0}, bytes_out_{0}, skips_{0}, connections_{0};
    std::thread thread_;
};

void Client::run() {
    while (!is_stopping_) {
        change(ClientChange::connecting);
        SrtDialed dialed = dial_srt(options_, is_stopping_);
        if (is_stopping_) return;
        if (!dialed.socket) {
            rest(dialed.reason, dialed.refused);
            continue;
        }
        socket_ = std::move(dialed.socket);
        const uint64_t begin = measured_ms_ = heard_ms_ = steady_ms();
        has_warned_ = false;
        network_ = {};
        is_live_ = true;
        ++connections_;
        change(ClientChange::live);
        const std::string reason = options_.sends ? serve() : receive();
        is_live_ = false;
        networks_.remove(connection_name);
        socket_.close();
        backoff_.lived(steady_ms() - begin);
        if (!is_stopping_) rest(reason, false);
    }
}

void Client::rest(const std::string &reason, bool refused) {
    const double random = std::uniform_real_distribution<double>(0, 1)(random_);
    const uint64_t delay = backoff_.next(refused, random), begin = steady_ms();
    change(ClientChange::waiting, reason, refused, delay);
    for (uint64_t waited = 0; !is_stopping_ && waited < delay; waited = steady_ms() - begin)
        wait(std::min<uint64_t>(delay - waited, 1'000));
}

// --- sending ------------------------------------------------------------------------------

/// Sends what there is. False once there is nothing more.
bool Client::send(fanout::BatchCache &cache) {
    SrtWire wire(socket_.get(), window_);
    uint64_t sent = 0;
    int error = 0;
    const auto status = outlet_.send(wire, {.ring = &ring_}, cache, sent, error);
    cache.clear();
    bytes_out_ += sent;
    skips_ = outlet_.cursor().skipped;
    if (status == fanout::Outlet::Status::blocked) wait(blocked_ms);
    return status != fanout::Outlet::Status::idle;
}

/// Begins with the newest GOP that is held, or the next keyframe.
std::string Client::serve() {
    outlet_ = {};
    fanout::BatchCache cache;
    uint64_t stopping_ms = 0;
    while (!is_broken()) {
        const bool is_stopping = is_stopping_;
        const bool has_more = send(cache);
        measure();
        if (!is_stopping) {
            if (!has_more) wait(idle_ms);
            continue;
        }
        if (stopping_ms == 0) stopping_ms = steady_ms();
        const bool is_done = !has_more && srt_unacknowledged(socket_.get()) == 0;
        if (is_done || steady_ms() - stopping_ms > linger_ms) break;
        if (!has_more) std::this_thread::sleep_for(std::chrono::milliseconds(blocked_ms));
    }
    return "the other end has closed the connection";
}

// --- receiving ----------------------------------------------------------------------------

std::string Client::receive() {
    aligner_.reset();
    is_paused_ = false;
    std::vector<uint8_t> buffer(batch);
    std::string reason;
    while (!is_stopping_ && reason.empty()) {
        measure();
        if (is_paused_) {
            wait(idle_ms);
            heard_ms_ = steady_ms(); // it is not listened to
            if (is_broken()) reason = "the other end has closed the connection";
            continue;
        }
        size_t filled = 0;
        int size = 1;
        while (size > 0 && buffer.size() - filled >= 1456) {
            size = srt_recvmsg(socket_.get(), reinterpret_cast<char *>(buffer.data() + filled),
                               static_cast<int>(buffer.size() - filled));
            if (size > 0) filled += static_cast<size_t>(size);
        }
        // libsrt's own wait is woken by every acknowledgement of every connection of the process.
        if (filled == 0) std::this_thread::sleep_for(std::chrono::milliseconds(nap_ms));
        const bool is_over = size <= 0 && srt_getlasterror(nullptr) != SRT_EASYNCRCV;
        if (filled > 0) {
            heard_ms_ = steady_ms();
            bytes_in_ += filled;
            std::vector<uint8_t> packets;
            packets.reserve(filled);
            aligner_.push(ByteView(buffer).first(filled), packets);
            // Set before, since resume() may be called before on_packets() returns.
            is_paused_ = !packets.empty();
            if (!packets.empty() && events_.on_packets(Bytes::adopt(std::move(packets))))
                is_paused_ = false;
        }
        if (is_over)
            reason = "the other end has closed the connection";
        else if (options_.silence_ms > 0 && steady_ms() - heard_ms_ > options_.silence_ms)
            reason = "nothing came for " + time_text(options_.silence_ms);
    }
    return reason;
}

// --- each second --------------------------------------------------------------------------

void Client::measure() {
    const uint64_t now = steady_ms();
    if (now - measured_ms_ < measure_ms) return;
    measured_ms_ = now;
    read_srt_network(socket_.get(), options_.sends, network_);
    networks_.set(connection_name, network_);
    window_ = srt_window(network_);
    if (!std::exchange(has_warned_, true)) {
        const std::string warning = srt_latency_warning(socket_.get(), options_.sends, network_);
        if (!warning.empty()) events_.on_warning(warning);
        has_warned_ = !warning.empty();
    }
}

} // namespace

std::unique_ptr<SrtClient> SrtClient::open(SrtClientOptions options, SrtClientEvents &events,
                                           std::string *error) {
    std::string reason = options.traits.check();
    if (reason.empty() && start_srt(&reason)) {
        auto client = std::make_unique<Client>(std::move(options), events);
        if (client->start(&reason)) return client;
    }
    if (error) *error = reason;
    return nullptr;
}

} // namespace penstock::net
