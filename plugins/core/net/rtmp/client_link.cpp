// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtmp/client_link.h"

#include "core/net/loop/clock.h"

#include <boost/asio/post.hpp>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

constexpr auto tick_interval = std::chrono::milliseconds(250);
constexpr size_t batch = 128 << 10; ///< bytes of media that are serialized ahead of the socket
constexpr uint64_t linger_ms = 1'000;
/// How long a publisher that is asked to connect again waits for a keyframe, so that nothing of the
/// stream is lost.
constexpr uint64_t change_ms = 5'000;
/// Requests in a row that are obeyed at once; a server that goes on asking is obeyed later.
constexpr unsigned max_redirects = 3;

std::array<uint8_t, 64 << 10> &scratch() {
    thread_local std::array<uint8_t, 64 << 10> buffer;
    return buffer;
}

} // namespace

ClientLink::ClientLink(std::shared_ptr<Loops> loops, RtmpClientOptions options,
                       std::shared_ptr<TlsClient> tls, RtmpClientEvents &events)
    : loops_(std::move(loops)), loop_(loops_->next()), options_(std::move(options)),
      url_(options_.url), tls_(std::move(tls)), events_(&events), media_(options_.queue),
      retry_(context()), tick_(context()), backoff_(options_.backoff),
      random_(std::random_device()()), dialer_(loops_, loop_, socket_, socket_mutex_, *this) {
}

void ClientLink::say(LogLevel level, const std::string &text) const {
    log(level, "rtmp",
        std::string(url_.request.publish ? "[push " : "[pull ") + url_.shown + "] " + text);
}

void ClientLink::change(RtmpClientChange::State state, const std::string &reason, bool refused,
                        uint64_t retry_ms) {
    if (events_) events_->on_change({state, reason, refused, retry_ms, backoff_.failures() + 1});
}

// --- attempts -----------------------------------------------------------------------------

void ClientLink::start() {
    attempt();
    tick();
}

void ClientLink::attempt() {
    attempting_ = true;
    deadline_ms_ = steady_ms() + options_.connect_ms;
    change(RtmpClientChange::connecting);
    // Loaded here only if a server has sent this client from rtmp:// to rtmps://.
    std::string error;
    if (url_.tls && !tls_ && !(tls_ = TlsClient::make(options_.trust, &error)))
        return lost(error, false);
    // A server elsewhere must not send this client to what only this machine, or its network,
    // reaches.
    const Reach nearest = is_redirected_ ? reach_ : Reach::machine;
    dialer_.start(weak_from_this(),
                  {url_.host, url_.port, url_.tls ? tls_.get() : nullptr, nearest}, deadline_ms_,
                  [this](const std::string &failed) {
                      failed.empty() ? begin_session() : lost(failed, false);
                  });
}

void ClientLink::begin_session() {
    reach_ = dialer_.reach();
    session_.emplace(static_cast<rtmp::ClientSession::Handler &>(*this), url_.request);
    media_base_ = commands_ = counted_ = 0;
    told_refused_redirect_ = false;
    media_written_ = 0;
    progress_ms_ = heard_ms_ = steady_ms();
    pump();
    read();
}

void ClientLink::on_ready(uint32_t) {
    const auto self = shared_from_this();
    if (!socket_.is_connected()) return dialer_.go_on();
    read();
    pump();
}

// --- reading ------------------------------------------------------------------------------

void ClientLink::read() {
    while (!paused_ && session_ && socket_.is_connected()) {
        auto &buffer = scratch();
        const ssize_t size = socket_.read(buffer.data(), buffer.size());
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return;
        if (size < 0)
            return lost("the connection is lost: " + std::generic_category().message(errno), false);
        if (size == 0) return left_by_server();
        bytes_in_ += static_cast<uint64_t>(size);
        heard_ms_ = steady_ms();
        feed(ByteView(buffer.data(), static_cast<size_t>(size)));
    }
}

/// Some servers close the connection instead of refusing the key.
void ClientLink::left_by_server() {
    if (session_->is_asking())
        return lost(std::string("the server has closed the connection instead of answering ") +
                        (url_.request.publish ? "publish: is the key right?"
                                              : "play: is the stream published?"),
                    url_.request.publish);
    lost(session_->has_started() ? "the server has closed the connection"
                                 : "the server has closed the connection while it owed " +
                                       std::string(session_->waits_for()),
         false);
}

void ClientLink::feed(ByteView input) {
    const Result result = session_->feed(input);
    if (!session_) return;
    if (!result.is_error()) {
        if (next_ && leaves_at_once_) return leave();
        return pump();
    }
    const rtmp::ClientEnd end = session_->end();
    // After a connection that was live, the server may take a while to notice that it has ended.
    const bool refused =
        end == rtmp::ClientEnd::refused || (end == rtmp::ClientEnd::in_use && !was_live_);
    lost(result.reason(), refused);
}

void ClientLink::on_started() {
    live_ = was_live_ = true;
    live_since_ms_ = progress_ms_ = steady_ms();
    ++connections_;
    if (url_.request.publish) media_.flow(session_->stream_id());
    say(LogLevel::info, "live");
    change(RtmpClientChange::live);
}

void ClientLink::on_tag(flv::Tag &&tag) {
    if (events_ && !events_->on_tag(std::move(tag))) paused_ = true;
}

void ClientLink::on_warning(const std::string &text) {
    if (events_) events_->on_warning(text);
}

/// A publisher goes on to the end of a GOP.
void ClientLink::on_reconnect(const rtmp::ReconnectRequest &request) {
    std::string wrong;
    auto url = rtmp::redirect_client(url_, request.tc_url, &wrong);
    if (!url) {
        // Once per connection: a server may ask in a loop.
        if (!std::exchange(told_refused_redirect_, true))
            on_warning("the server asks to connect again, which is not done: " + wrong);
        return;
    }
    if (next_) return;
    next_ = std::move(url);
    leave_reason_ = "the server asks to connect again to " + next_->shown +
                    (request.said.empty() ? "" : ": " + request.said);
    leave_ms_ = steady_ms() + change_ms;
    leaves_at_once_ = !live_ || !url_.request.publish;
    if (!leaves_at_once_) media_.stop_at_keyframe();
}

void ClientLink::leave() {
    session_->finish();
    pump();
    if (!session_) return; // the connection was lost meanwhile
    socket_.shut();
    lost(leave_reason_, false);
}

void ClientLink::resume() {
    if (!std::exchange(paused_, false)) return;
    heard_ms_ = steady_ms();
    read();
    if (session_) pump();
}

// --- writing ------------------------------------------------------------------------------

void ClientLink::wake() {
    if (session_ && session_->has_started()) pump();
}

/// Commands go between media messages, never into one.
void ClientLink::pump() {
    while (session_ && socket_.is_connected()) {
        if (auto output = session_->take_output(); !output.empty()) {
            (live_ ? commands_ : media_base_) += output.size();
            socket_.push(fanout::private_packet(std::move(output)));
        }
        if (live_ && socket_.pending() < batch) {
            packets_.clear();
            media_.take(batch - socket_.pending(), packets_);
            for (fanout::PacketPtr &packet : packets_)
                socket_.push(std::move(packet));
            packets_.clear();
        }
        if (!socket_.has_unsent()) break;
        const uint64_t before = socket_.written();
        const bool good = socket_.write();
        const uint64_t written = socket_.written();
        if (written > before) progress_ms_ = steady_ms();
        bytes_out_ += written - std::exchange(counted_, written);
        if (!good) return lost("the connection is lost: " + socket_.reason(), false);
        if (socket_.has_unsent()) break; // the socket's edge comes through on_ready()
    }
    tell_sent();
    if (next_ && session_ && !leaves_at_once_ && !socket_.has_unsent() && media_.is_stopped()) {
        leaves_at_once_ = true; // leave() comes here again
        leave();
    }
}

/// Of the written bytes, only media count.
void ClientLink::tell_sent() {
    if (!live_) return;
    const uint64_t others = media_base_ + commands_, written = socket_.written();
    media_written_ = written > others ? written - others : 0;
}

RtmpClientBacklog ClientLink::backlog() {
    {
        std::lock_guard lock(socket_mutex_);
        const uint64_t written = media_written_, unsent = socket_.unsent();
        media_.sent(written > unsent ? written - unsent : 0);
    }
    return media_.backlog();
}

// --- ends ---------------------------------------------------------------------------------

void ClientLink::lost(const std::string &reason, bool refused) {
    attempting_ = false;
    const uint64_t lived = live_ ? steady_ms() - live_since_ms_ : 0;
    backoff_.lived(lived);
    if (lived >= options_.backoff.stable) redirects_ = 0;
    // A server that asks for it again and again is not obeyed at once.
    const bool at_once = next_ && ++redirects_ <= max_redirects;
    const std::string why = next_ ? leave_reason_ : reason;
    // After a reconnect request a refusal says nothing about the key: a server that is going down,
    // or the one that it named, may refuse everybody.
    const bool key_refused = refused && !is_redirected_;
    if (next_) {
        url_ = *std::exchange(next_, std::nullopt);
        is_redirected_ = true;
    } else if (!live_ && is_redirected_) {
        go_home();
    }
    live_ = paused_ = false;
    media_.hold();
    {
        std::lock_guard lock(socket_mutex_);
        socket_.close();
    }
    session_.reset();
    dialer_.cancel();
    if (done_) return stop_now();
    if (!events_) return;
    const double random = std::uniform_real_distribution<double>(0, 1)(random_);
    const uint64_t delay = at_once ? 0 : backoff_.next(key_refused, random);
    say(LogLevel::info, why + "; tried again in " + time_text(delay));
    change(RtmpClientChange::waiting, why, key_refused, delay);
    retry_in(delay);
}

/// Where the server has sent this client, nobody is: the next attempt is where it began.
void ClientLink::go_home() {
    url_ = options_.url;
    is_redirected_ = false;
}

void ClientLink::retry_in(uint64_t ms) {
    retry_.expires_after(std::chrono::milliseconds(ms));
    retry_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        const auto self = ec ? nullptr : weak.lock();
        if (self && self->events_ && !self->attempting_) self->attempt();
    });
}

void ClientLink::tick() {
    tick_.expires_after(tick_interval);
    tick_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        const auto self = ec ? nullptr : weak.lock();
        if (!self || !self->events_) return;
        self->check();
        self->tick();
    });
}

void ClientLink::check() {
    const uint64_t now = steady_ms();
    if (done_ && (now >= finish_ms_ || (!socket_.has_unsent() && media_.empty())))
        return stop_now();
    if (!attempting_) return;
    dialer_.check(now);
    if (!attempting_) return;
    if (!live_ && now > deadline_ms_) {
        const std::string what = dialer_.is_resolving() ? "the address of '" + url_.host + "'"
                                 : !session_            ? "the connection"
                                                        : std::string(session_->waits_for());
        return lost("gave up after waiting " + time_text(options_.connect_ms) + " for " + what,
                    false);
    }
    if (!live_) return;
    if (next_ && now >= leave_ms_) {
        leaves_at_once_ = true;
        return leave();
    }
    tell_sent();
    if (url_.request.publish) backlog(); // forgets what has left, even if nobody asks
    if (!socket_.has_unsent()) progress_ms_ = now;
    if (now - progress_ms_ > options_.stall_ms)
        return lost("the server has taken nothing for " + time_text(options_.stall_ms), false);
    const bool is_player = !url_.request.publish;
    if (is_player && options_.silence_ms > 0 && !paused_ && now - heard_ms_ > options_.silence_ms)
        lost("the server has sent nothing for " + time_text(options_.silence_ms), false);
}

void ClientLink::finish(std::function<void()> done) {
    done_ = std::move(done);
    finish_ms_ = steady_ms() + linger_ms;
    if (!live_ || (!socket_.has_unsent() && media_.empty())) stop_now();
}

void ClientLink::stop_now() {
    if (live_ && session_) {
        session_->finish();
        pump();
        socket_.shut();
    }
    live_ = attempting_ = false;
    events_ = nullptr;
    {
        std::lock_guard lock(socket_mutex_);
        socket_.close();
    }
    session_.reset();
    dialer_.cancel();
    retry_.cancel();
    tick_.cancel();
    if (const auto done = std::exchange(done_, nullptr)) done();
}

RtmpClientTotals ClientLink::totals() const {
    return {bytes_in_, bytes_out_, media_.frames(), media_.dropped(), connections_, live_};
}

} // namespace penstock::net
