// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/client.h"

#include "core/net/loop/clock.h"
#include "core/net/loop/thread.h"
#include "core/net/rtc/options.h"

#include <chrono>
#include <exception>
#include <utility>

namespace penstock::rtc {
namespace {

/// A connection that ends sooner, even if for a good reason, is not made again at once: a stream
/// may change its codecs all the time.
constexpr uint64_t at_once_ms = 2'000;

/// The servers that the user names, then those of the server.
void merge(std::vector<net::IceServer> &servers, const std::vector<net::IceServer> &more) {
    for (const net::IceServer &server : more)
        if (servers.size() < 2 * net::max_ice_servers) servers.push_back(server);
}

} // namespace

Client::Client(ClientOptions options, ClientEvents &events)
    : options_(std::move(options)), events_(events), backoff_(options_.backoff),
      random_(std::random_device()()) {
}

bool Client::start(std::string *error) {
    // A server at http:// may send its clients to https://.
    tls_ = net::TlsClient::make(options_.trust, error);
    if (!tls_) return false;
    thread_ = net::start_thread([this] { run(); }, error);
    return thread_.joinable();
}

void Client::stop() {
    {
        std::lock_guard lock(mutex_);
        stopping_ = true;
        if (connection_) connection_->interrupt("stopped");
        changed_.notify_all();
    }
    g_cancellable_cancel(cancel_.get());
    if (thread_.joinable()) thread_.join();
}

void Client::wake() {
    std::lock_guard lock(mutex_);
    woken_ = true;
    changed_.notify_all();
}

void Client::reconnect(const std::string &why) {
    std::lock_guard lock(mutex_);
    if (!connection_) return;
    at_once_ = true;
    connection_->interrupt(why);
}

// --- the thread ---------------------------------------------------------------------------

bool Client::wait_until_ready() {
    for (;;) {
        {
            std::lock_guard lock(mutex_);
            if (stopping_) return false;
            woken_ = false;
        }
        if (events_.is_ready()) return true;
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || woken_; });
    }
}

void Client::wait_for(uint64_t ms) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(ms), [this] { return stopping_; });
}

void Client::change(ClientChange::State state, const Failure &failure, uint64_t retry_ms) {
    events_.on_change({state, failure.reason, failure.refused, retry_ms, backoff_.failures() + 1});
}

/// Returns when the connection has ended, or could not be made.
Failure Client::attempt(Connection &connection, WhipClient &whip) {
    Failure failure;
    Connection::Options options = options_.connection;
    merge(options.ice_servers, whip.ask_ice_servers());
    options.has_loopback = whip.reach() == net::Reach::machine;
    if (!connection.open(options) || !events_.build(connection, failure.reason))
        return failure.reason.empty() ? Failure{connection.reason()} : failure;
    {
        std::lock_guard lock(mutex_);
        if (stopping_) return failure;
        connection_ = &connection;
        at_once_ = false;
    }
    const auto offer = connection.offer(options_.gather_ms);
    if (!offer) return {connection.reason()};
    const auto answer = whip.offer(*offer, failure);
    if (!answer) return failure;
    sdp::Offer said;
    if (!connection.accept(*answer, said)) return {connection.reason()};
    if (!events_.on_answer(said, failure.reason)) return failure;
    if (!connection.connect(options_.connect_ms)) return {connection.reason()};
    const uint64_t since = net::steady_ms();
    live_ = true;
    ++connections_;
    change(ClientChange::live);
    events_.on_live(connection);
    connection.run(options_.silence_ms);
    live_ = false;
    lived_ms_ = net::steady_ms() - since;
    return {connection.reason()};
}

void Client::run() {
    std::uniform_real_distribution<double> share(0, 1);
    while (wait_until_ready()) {
        change(ClientChange::connecting);
        Failure failure;
        bool at_once;
        lived_ms_ = 0;
        {
            WhipClient whip(options_.url, options_.token, tls_, cancel_.get());
            std::optional<Connection> connection(std::in_place);
            try {
                failure = attempt(*connection, whip);
            } catch (const std::exception &e) {
                live_ = false;
                failure = {std::string("internal error: ") + e.what()};
            }
            {
                std::lock_guard lock(mutex_);
                connection_ = nullptr;
                if (stopping_) at_once_ = false;
                at_once = at_once_ && lived_ms_ >= at_once_ms;
            }
            connection.reset();
            events_.on_gone();
            whip.leave();
        }
        std::unique_lock lock(mutex_);
        if (stopping_) return;
        lock.unlock();
        backoff_.lived(lived_ms_);
        const uint64_t delay =
            at_once ? 0
                    : std::max(backoff_.next(failure.refused, share(random_)), failure.retry_ms);
        change(ClientChange::waiting, failure, delay);
        wait_for(delay);
    }
}

} // namespace penstock::rtc
