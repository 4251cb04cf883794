// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/http_client.h"

#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"
#include "core/net/loop/thread.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <deque>
#include <exception>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>
#include <utility>

namespace penstock::authorize {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr size_t max_header = 16 << 10; ///< bytes of an answer
constexpr size_t block_size = 16 << 10; ///< bytes read at a time

/// Never destroyed, because a name lookup can't be interrupted and must not delay the process's
/// end. Its work stops before OpenSSL's clean-up, since it uses OpenSSL.
struct Thread {
    Thread() {
        OPENSSL_init_ssl(0, nullptr); // what is registered later runs earlier
        std::atexit([] { thread().stop(); });
    }
    static Thread &thread() {
        static auto *const only = new Thread;
        return *only;
    }
    /// Starts the thread unless it runs. Returns false and sets the reason if that fails.
    bool start(std::string *reason) {
        std::lock_guard lock(starting);
        if (!runner.joinable() && !is_ending) runner = net::start_thread([this] { run(); }, reason);
        return runner.joinable();
    }
    void run() {
        while (!is_ending) {
            try {
                context.run();
            } catch (const std::exception &failure) {
                net::log(net::LogLevel::error, "authorize", failure.what());
            }
        }
    }
    void stop() {
        std::thread ended;
        {
            std::lock_guard lock(starting);
            is_ending = true;
            ended = std::exchange(runner, {});
        }
        context.stop();
        if (ended.joinable()) ended.join();
    }
    std::mutex starting; ///< guards `runner`
    std::thread runner;
    std::atomic<bool> is_ending{false};
    asio::io_context context{1};
    asio::executor_work_guard<asio::io_context::executor_type> keep{context.get_executor()};
    std::atomic<size_t> waiting{0};
    // Accessed on the thread only.
    size_t calls = 0;
    std::deque<std::function<void()>> queue;
    asio::ssl::context &tls() {
        static asio::ssl::context *const shared = [] {
            auto *made = new asio::ssl::context(asio::ssl::context::tls_client);
            made->set_default_verify_paths();
            made->set_verify_mode(asio::ssl::verify_peer);
            return made;
        }();
        return *shared;
    }
};

Thread &thread() {
    return Thread::thread();
}

std::string formatted(const Call &call) {
    http::request<http::string_body> request;
    request.method_string(call.method);
    request.target(call.url.target);
    request.version(11);
    request.set(http::field::host, call.url.authority());
    request.set(http::field::user_agent, "Penstock");
    request.set(http::field::connection, "close");
    for (const auto &[name, value] : call.headers)
        request.set(name, value);
    if (!call.body.content_type.empty()) {
        request.set(http::field::content_type, call.body.content_type);
        request.body() = call.body.text;
    }
    request.prepare_payload();
    std::ostringstream text;
    text << request;
    return text.str();
}

/// One request on a new connection.
class Exchange : public std::enable_shared_from_this<Exchange> {
public:
    Exchange(Call call, Replied done, uint64_t deadline_ms)
        : call_(std::move(call)), done_(std::move(done)), deadline_ms_(deadline_ms),
          resolver_(thread().context), timer_(thread().context) {
        if (call_.url.is_secure)
            secure_.emplace(thread().context, thread().tls());
        else
            plain_.emplace(thread().context);
        request_ = formatted(call_);
        parser_.eager(true);
        parser_.body_limit(call_.max_reply);
        parser_.header_limit(max_header);
    }

    void start() {
        const uint64_t now = net::steady_ms();
        if (now >= deadline_ms_) return end("no answer in time");
        timer_.expires_after(std::chrono::milliseconds(deadline_ms_ - now));
        timer_.async_wait([self = shared_from_this()](error_code ec) {
            if (!ec) self->end("no answer in time");
        });
        resolver_.async_resolve(call_.url.host, call_.url.port,
                                [self = shared_from_this()](error_code ec, auto found) {
                                    if (self->failed(ec)) return;
                                    asio::async_connect(self->socket(), found,
                                                        [self](error_code failure, const auto &) {
                                                            if (!self->failed(failure))
                                                                self->greet();
                                                        });
                                });
    }

    void abort(const std::string &error) { end(error); }

private:
    tcp::socket &socket() { return secure_ ? secure_->next_layer() : *plain_; }
    void greet() {
        if (!secure_) return send(*plain_);
        const std::string &host = call_.url.host;
        secure_->set_verify_callback(asio::ssl::host_name_verification(host));
        // Names only: an address has no place there (RFC 6066).
        error_code no_address;
        asio::ip::make_address(host, no_address);
        if (no_address) SSL_set_tlsext_host_name(secure_->native_handle(), host.c_str());
        secure_->async_handshake(asio::ssl::stream_base::client,
                                 [self = shared_from_this()](error_code ec) {
                                     if (!self->failed(ec)) self->send(*self->secure_);
                                 });
    }
    // Beast parses and Asio moves the bytes: Beast's own asynchronous operations over TLS take the
    // compiler half a minute.
    template <class Stream>
    void send(Stream &stream) {
        asio::async_write(stream, asio::buffer(request_),
                          [self = shared_from_this(), &stream](error_code ec, size_t) {
                              if (!self->failed(ec)) self->receive(stream);
                          });
    }
    template <class Stream>
    void receive(Stream &stream) {
        stream.async_read_some(unparsed_.prepare(block_size),
                               [self = shared_from_this(), &stream](error_code ec, size_t size) {
                                   if (self->take(ec, size)) self->receive(stream);
                               });
    }
    /// Whether the answer goes on.
    bool take(error_code ec, size_t size) {
        if (is_end(ec)) {
            ec = {};
            parser_.put_eof(ec);
        }
        if (failed(ec)) return false;
        unparsed_.commit(size);
        while (unparsed_.size() > 0 && !parser_.is_done()) {
            unparsed_.consume(parser_.put(unparsed_.data(), ec));
            if (ec == http::error::need_more) break;
            if (failed(ec)) return false;
        }
        if (!parser_.is_done()) return true;
        finish();
        return false;
    }
    bool failed(error_code ec) {
        if (ec && done_) end(ec.message());
        return !done_;
    }
    /// Many servers end a body of unknown length without a TLS close alert. A truncated answer
    /// never grants permission: the status is known, and half a JSON text does not parse.
    static bool is_end(error_code ec) {
        return ec == asio::error::eof || ec == asio::ssl::error::stream_truncated;
    }
    void finish() {
        const auto &message = parser_.get();
        const auto location = message[http::field::location];
        Reply reply{message.result_int(), {location.data(), location.size()}, message.body(), {}};
        const auto [first, last] = message.equal_range(http::field::www_authenticate);
        for (auto one = first; one != last; ++one)
            reply.challenges.emplace_back(one->value().data(), one->value().size());
        end({}, std::move(reply));
    }
    void end(const std::string &error, std::optional<Reply> reply = std::nullopt) {
        if (!done_) return;
        const auto self = shared_from_this();
        timer_.cancel();
        resolver_.cancel();
        error_code ec;
        socket().close(ec);
        std::exchange(done_, nullptr)(std::move(reply), error);
    }

    const Call call_;
    Replied done_; ///< empty after it was called
    const uint64_t deadline_ms_;
    tcp::resolver resolver_;
    asio::steady_timer timer_;
    std::optional<tcp::socket> plain_;
    std::optional<asio::ssl::stream<tcp::socket>> secure_;
    std::string request_;
    http::response_parser<http::string_body> parser_;
    beast::flat_buffer unparsed_{max_header + 2 * block_size};
};

/// Runs on the thread: makes the next call if another one is allowed.
void make_next() {
    Thread &all = thread();
    while (all.calls < worker::max_calls && !all.queue.empty()) {
        const auto start = std::move(all.queue.front());
        all.queue.pop_front();
        ++all.calls;
        start();
    }
}

} // namespace

namespace worker {

bool post(std::function<void()> work, std::string *reason) {
    Thread &all = thread();
    if (!all.start(reason)) return false;
    if (++all.waiting > max_work) {
        --all.waiting;
        *reason = "too many peers and events wait";
        return false;
    }
    asio::post(all.context, [&all, work = std::move(work)] {
        --all.waiting;
        work();
    });
    return true;
}

void post_after(uint64_t delay_ms, std::function<void()> work) {
    asio::post(thread().context, [delay_ms, work = std::move(work)] {
        const auto timer = std::make_shared<asio::steady_timer>(
            thread().context, std::chrono::milliseconds(delay_ms));
        timer->async_wait([timer, work](error_code) { work(); });
    });
}

void request(Call call, Replied done) {
    const uint64_t deadline = net::steady_ms() + call.timeout_ms;
    std::string reason;
    if (!thread().start(&reason)) return done(std::nullopt, reason);
    asio::post(thread().context, [call = std::move(call), done = std::move(done), deadline] {
        Thread &all = thread();
        if (all.queue.size() >= max_queued) return done(std::nullopt, "too many callbacks wait");
        all.queue.push_back([call, done, deadline] {
            const auto finish = [done](std::optional<Reply> reply, const std::string &error) {
                --thread().calls;
                // Posted, so that a series of failures does not recurse.
                asio::post(thread().context, make_next);
                done(std::move(reply), error);
            };
            const auto exchange = std::make_shared<Exchange>(call, finish, deadline);
            try {
                exchange->start();
            } catch (const std::exception &failure) { // no thread for Asio's name look-ups
                exchange->abort(failure.what());
            }
        });
        make_next();
    });
}

} // namespace worker

} // namespace penstock::authorize
