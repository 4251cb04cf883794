// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtsp/client_link.h"

#include "core/net/tls/hash.h"
#include "core/net/tls/random.h"

#include <boost/asio/post.hpp>

#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

constexpr auto tick_interval = std::chrono::milliseconds(250);
/// Redirects in a row that are obeyed at once; a server that goes on is obeyed later.
constexpr unsigned max_redirects = 3;
/// Bytes of requests and reports that may wait for a camera that takes nothing.
constexpr size_t max_unsent = 256 << 10;
/// Reads in a row: others of this loop have their turn too.
constexpr int max_rounds = 4;

std::array<uint8_t, 64 << 10> &scratch() {
    thread_local std::array<uint8_t, 64 << 10> buffer;
    return buffer;
}

void fill_random(std::span<uint8_t> bytes) {
    secure_random(bytes);
}

int64_t now_ns() {
    return static_cast<int64_t>(steady_ns());
}
int64_t now_ms() {
    return static_cast<int64_t>(steady_ms());
}

} // namespace

RtspClientLink::RtspClientLink(std::shared_ptr<Loops> loops, RtspClientOptions options,
                               std::shared_ptr<TlsClient> tls, RtspClientEvents &events)
    : loops_(std::move(loops)), loop_(loops_->next()), options_(std::move(options)),
      ssrc_(static_cast<uint32_t>(secure_random())), url_(options_.url), tls_(std::move(tls)),
      events_(&events), retry_(context()), tick_(context()), media_timer_(context()),
      backoff_(options_.backoff), random_(std::random_device()()),
      dialer_(loops_, loop_, socket_, socket_mutex_, *this) {
}

void RtspClientLink::say(LogLevel level, const std::string &text) const {
    log(level, "rtsp", "[pull " + options_.url.shown() + "] " + text);
}

void RtspClientLink::change(ClientChange::State state, const std::string &reason, bool refused,
                            uint64_t retry_ms) {
    if (events_) events_->on_change({state, reason, refused, retry_ms, backoff_.failures() + 1});
}

// --- attempts -----------------------------------------------------------------------------

void RtspClientLink::start() {
    attempt();
    tick();
}

void RtspClientLink::attempt() {
    attempting_ = true;
    deadline_ms_ = steady_ms() + options_.connect_ms;
    change(ClientChange::connecting);
    std::string error;
    // Loaded here only if a server has sent this client from rtsp:// to rtsps://.
    if (url_.is_secure && !tls_ && !(tls_ = TlsClient::make(options_.trust, &error)))
        return lost(error, false);
    Dialer::Target target{url_.host, url_.port, url_.is_secure ? tls_.get() : nullptr,
                          is_redirected_ ? reach_ : Reach::machine};
    dialer_.start(weak_from_this(), std::move(target), deadline_ms_,
                  [this](const std::string &failed) {
                      failed.empty() ? begin_session() : lost(failed, false);
                  });
}

void RtspClientLink::begin_session() {
    if (!is_redirected_) reach_ = dialer_.reach();
    rtsp::ClientSessionOptions options;
    options.url = url_;
    options.protocols = options_.protocols;
    options.first_protocol = protocol_;
    options.hashes = {md5_hex, sha256_hex};
    options.random = fill_random;
    session_.emplace(std::move(options), static_cast<rtsp::ClientSession::Handler &>(*this));
    session_->start(now_ms());
    pump();
    read();
}

void RtspClientLink::on_ready(uint32_t) {
    const auto self = shared_from_this();
    if (!socket_.is_connected()) return dialer_.go_on();
    read();
    pump();
}

// --- reading ------------------------------------------------------------------------------

bool RtspClientLink::is_interleaved() const {
    return session_ && session_->lower() == rtsp::Lower::tcp;
}

void RtspClientLink::read() {
    for (int round = 0; session_ && socket_.is_connected() && (!paused_ || !is_interleaved());
         ++round) {
        if (round == max_rounds) {
            if (std::exchange(reading_, true)) break;
            asio::post(context(), [self = shared_from_this()] {
                self->reading_ = false;
                self->read();
                self->pump();
            });
            break;
        }
        auto &buffer = scratch();
        const ssize_t size = socket_.read(buffer.data(), buffer.size());
        if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) break;
        if (size < 0)
            return lost("the connection is lost: " + std::generic_category().message(errno), false);
        if (size == 0)
            return lost(is_live_ ? "the server has closed the connection"
                                 : "the server has closed the connection while it owed " +
                                       session_->waits_for(),
                        false);
        bytes_in_ += static_cast<uint64_t>(size);
        const Result result =
            session_->feed(ByteView(buffer.data(), static_cast<size_t>(size)), now_ms());
        if (result.is_error()) return ended(result.reason());
        pump(); // which ends it if the server takes none of what it asks for
    }
    wait_for_media();
}

void RtspClientLink::ended(const std::string &reason) {
    switch (session_->end()) {
    case rtsp::ClientEnd::refused:
        return lost(reason, !is_redirected_);
    case rtsp::ClientEnd::redirected:
        next_ = session_->next_url();
        if (next_->user.empty() && next_->host == url_.host) {
            next_->user = url_.user;
            next_->password = url_.password;
        }
        if (url_.is_secure && !next_->is_secure) {
            next_.reset();
            return lost(reason + ", which is not encrypted", false);
        }
        return lost(reason, false, ++redirects_ <= max_redirects);
    case rtsp::ClientEnd::unsupported:
        protocol_ = 0;
        silent_protocols_ = 0;
        return lost(reason, false);
    case rtsp::ClientEnd::failed:
        break;
    }
    lost(reason, false);
}

void RtspClientLink::resume() {
    if (!std::exchange(paused_, false)) return;
    heard_ms_ = steady_ms();
    read();
    if (session_) pump();
}

// --- the session --------------------------------------------------------------------------

void RtspClientLink::on_tracks(const std::vector<rtsp::ClientTrack> &tracks) {
    rtsp::ClientMedia::Options options;
    options.ssrc = ssrc_;
    // Within TCP nothing overtakes: what is missing was never sent.
    options.delay = session_->lower() == rtsp::Lower::tcp ? 0 : options_.latency;
    media_.emplace(tracks, options, static_cast<rtsp::ClientMedia::Handler &>(*this));
    if (events_) events_->on_tracks(tracks);
}

ClientPorts &RtspClientLink::ports(size_t track) {
    while (ports_.size() <= track) {
        const size_t index = ports_.size();
        ports_.push_back(
            std::make_unique<ClientPorts>(loops_, loop_, [this, index](bool is_rtcp, ByteView one) {
                bytes_in_ += one.size();
                if (paused_ && !is_rtcp)
                    ++dropped_;
                else
                    on_packet(index, is_rtcp, one);
                wait_for_media();
            }));
    }
    return *ports_[track];
}

std::optional<rtsp::PortPair> RtspClientLink::open_ports(size_t track) {
    media_->set_delay(options_.latency);
    return ports(track).open();
}

void RtspClientLink::on_server_ports(size_t track, const std::string &source,
                                     rtsp::PortPair server) {
    ports(track).set_camera(dialer_.address(), source, server);
}

bool RtspClientLink::join(size_t track, const sdp::MulticastGroup &group) {
    media_->set_delay(options_.latency);
    std::string error;
    if (ports(track).join(group, dialer_.address(), &error)) return true;
    on_oddity(error);
    return false;
}

void RtspClientLink::on_playing() {
    playing_ = true;
    playing_since_ms_ = heard_ms_ = steady_ms();
    if (!is_interleaved()) return;
    ports_.clear(); // of a protocol that the server has refused
    media_->set_delay(0);
}

void RtspClientLink::on_packet(size_t track, bool is_rtcp, ByteView packet) {
    if (!media_) return;
    if (is_rtcp) return media_->on_rtcp(track, packet, now_ns());
    heard_ms_ = steady_ms();
    if (!is_live_) {
        is_live_ = true;
        live_since_ms_ = heard_ms_;
        protocol_ = session_->protocol();
        silent_protocols_ = 0;
        ++connections_;
        {
            std::lock_guard lock(stats_mutex_);
            shown_protocol_ = to_string(session_->lower());
        }
        live_ = true;
        say(LogLevel::info, "live over " + std::string(to_string(session_->lower())));
        change(ClientChange::live);
    }
    media_->on_rtp(track, packet, now_ns());
}

void RtspClientLink::on_tag(flv::Tag &&tag, std::optional<int64_t> sender_time) {
    if (events_ && !events_->on_tag(std::move(tag), sender_time)) paused_ = true;
}

void RtspClientLink::on_frame(size_t track, const rtsp::TrackCodec &codec,
                              rtsp::ElementaryFrame &&frame) {
    if (events_) events_->on_frame(track, codec, std::move(frame));
}

void RtspClientLink::on_report(size_t track, ByteView compound) {
    if (!is_interleaved() && track < ports_.size())
        ports_[track]->send_report(compound);
    else if (session_)
        session_->send_report(track, compound);
}

void RtspClientLink::on_oddity(const std::string &text) {
    say(LogLevel::warning, text);
    if (events_) events_->on_warning(text);
}

void RtspClientLink::pump() {
    if (!session_ || !socket_.is_connected()) return;
    if (auto output = session_->take_output(); !output.empty())
        socket_.push(fanout::private_packet(std::move(output)));
    if (!socket_.has_unsent()) return;
    const uint64_t before = socket_.written();
    const bool good = socket_.write();
    bytes_out_ += socket_.written() - before;
    if (!good) return lost("the connection is lost: " + socket_.reason(), false);
    if (socket_.pending() > max_unsent) lost("the server takes nothing", false);
}

/// Datagrams that wait for missing ones before them need a timer; within TCP nothing does.
void RtspClientLink::wait_for_media() {
    if (is_interleaved() || !media_ || media_timer_set_) return;
    const auto due = media_->deadline();
    if (!due) return;
    media_timer_set_ = true;
    media_timer_.expires_after(std::chrono::nanoseconds(std::max<int64_t>(*due - now_ns(), 0)));
    media_timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        const auto self = weak.lock();
        if (!self) return;
        self->media_timer_set_ = false;
        if (ec || !self->media_) return;
        self->media_->check(now_ns());
        self->pump();
        self->wait_for_media();
    });
}

// --- ends ---------------------------------------------------------------------------------

void RtspClientLink::close() {
    attempting_ = playing_ = is_live_ = paused_ = false;
    live_ = false;
    dialer_.cancel();
    ports_.clear();
    media_.reset();
    session_.reset();
    {
        std::lock_guard lock(socket_mutex_);
        socket_.close();
    }
    std::lock_guard lock(stats_mutex_);
    shown_protocol_.clear();
    shown_tracks_.clear();
}

void RtspClientLink::lost(const std::string &reason, bool refused, bool at_once) {
    const uint64_t lived = is_live_ ? steady_ms() - live_since_ms_ : 0;
    backoff_.lived(lived);
    if (lived >= options_.backoff.stable) redirects_ = 0;
    if (next_) {
        url_ = *std::exchange(next_, std::nullopt);
        is_redirected_ = true;
    } else if (is_redirected_) {
        // Where the server has sent this client, nobody is: the next attempt is where it began.
        url_ = options_.url;
        is_redirected_ = false;
    }
    close();
    if (!events_) return;
    const double random = std::uniform_real_distribution<double>(0, 1)(random_);
    const uint64_t delay = at_once ? 0 : backoff_.next(refused, random);
    say(LogLevel::info, reason + "; tried again in " + time_text(delay));
    change(ClientChange::waiting, reason, refused, delay);
    retry_in(delay);
}

/// At once and without a word, unless all have been tried.
void RtspClientLink::try_next_protocol() {
    const size_t count = options_.protocols.size(), tried = session_->protocol();
    protocol_ = (tried + 1) % count;
    const std::string silence = " for " + time_text(options_.first_packet_ms);
    if (++silent_protocols_ < count) {
        say(LogLevel::info,
            "nothing has come over " + std::string(to_string(options_.protocols[tried])) + silence);
        close();
        return attempt();
    }
    silent_protocols_ = 0;
    std::string names;
    for (const rtsp::Lower one : options_.protocols)
        names += (names.empty() ? "" : ", ") + std::string(to_string(one));
    lost("the server plays, but nothing has come over " + names + silence, false);
}

void RtspClientLink::retry_in(uint64_t ms) {
    retry_.expires_after(std::chrono::milliseconds(ms));
    retry_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        const auto self = ec ? nullptr : weak.lock();
        if (self && self->events_ && !self->attempting_) self->attempt();
    });
}

void RtspClientLink::tick() {
    tick_.expires_after(tick_interval);
    tick_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
        const auto self = ec ? nullptr : weak.lock();
        if (!self || !self->events_) return;
        self->check();
        self->tick();
    });
}

void RtspClientLink::check() {
    const uint64_t now = steady_ms();
    if (!attempting_) return;
    dialer_.check(now);
    if (!attempting_) return;
    if (!playing_ && now > deadline_ms_) {
        const std::string what = dialer_.is_resolving() ? "the address of '" + url_.host + "'"
                                 : session_             ? session_->waits_for()
                                                        : "the connection";
        return lost("gave up after waiting " + time_text(options_.connect_ms) + " for " + what,
                    false);
    }
    if (!playing_ || !session_ || !media_) return;
    media_->check(now_ns());
    session_->check(static_cast<int64_t>(now));
    pump();
    if (!session_) return;
    remember_stats();
    if (media_->has_ended()) return lost("the server has ended the stream", false);
    if (paused_) return;
    const uint64_t silence = now - heard_ms_;
    if (!is_live_ && silence > options_.first_packet_ms) return try_next_protocol();
    if (is_live_ && options_.silence_ms > 0 && silence > options_.silence_ms)
        lost("the server has sent nothing for " + time_text(options_.silence_ms), false);
}

void RtspClientLink::finish() {
    events_ = nullptr;
    if (session_) {
        session_->finish();
        pump();
        socket_.shut();
    }
    close();
    retry_.cancel();
    tick_.cancel();
    media_timer_.cancel();
}

void RtspClientLink::remember_stats() {
    auto tracks = media_->stats();
    std::lock_guard lock(stats_mutex_);
    shown_tracks_ = std::move(tracks);
}

RtspClientTotals RtspClientLink::totals() const {
    std::lock_guard lock(stats_mutex_);
    return {bytes_in_, bytes_out_, connections_, dropped_, live_, shown_protocol_, shown_tracks_};
}

} // namespace penstock::net
