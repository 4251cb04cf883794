// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/session.h"

#include "core/net/loop/clock.h"
#include "core/net/rtc/candidates.h"
#include "core/net/rtc/rooms.h"
#include "core/net/tls/hmac.h"
#include "core/sdp/fragment.h"
#include "core/stun/classify.h"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

/// Letters of an id: 120 bits.
constexpr size_t id_characters = 24;
/// How long a peer that moves gets media at its new address unproven.
constexpr uint64_t trial_ms = 3'000, trial_pause_ms = 30'000;
/// Connections that a session may have at a time: one for each candidate.
constexpr size_t max_connections = 4;

std::vector<dtls::Fingerprint> usable(const std::vector<sdp::Fingerprint> &offered) {
    std::vector<dtls::Fingerprint> out;
    for (const sdp::Fingerprint &each : offered)
        if (auto known = dtls::Fingerprint::parse(each.hash, sdp::to_string(each)))
            out.push_back(std::move(*known));
    return out;
}

} // namespace

RtcSession::RtcSession(std::shared_ptr<RtcState> state, size_t loop, PeerInfo peer, Seats seats)
    : state_(std::move(state)), home_(loop), peer_(std::move(peer)), endpoint_(peer_.path),
      seats_(std::move(seats)), id_(random_name(id_characters)) {
    static std::atomic<uint64_t> next{1};
    const char *const kind = is_room_path(endpoint_) ? "rtc-join-"
                             : peer_.publish         ? "rtc-publish-"
                                                     : "rtc-play-";
    peer_.id = kind + std::to_string(next++);
    peer_.protocol = "rtc";
}

RtcSession::~RtcSession() = default;

void RtcSession::say(LogLevel level, const std::string &text) const {
    log(level, "rtc", "[" + peer_.id + " " + peer_.address + " " + peer_.path + "] " + text);
}

// --- offer and answer ---------------------------------------------------------------------

void RtcSession::open(sdp::Offer offer, RtcPeers::Created done) {
    asio::post(context(), [self = shared_from_this(), offer = std::move(offer),
                           done = std::move(done)]() mutable {
        self->offer_ = std::move(offer);
        self->done_ = std::move(done);
        self->begin();
    });
}

void RtcSession::begin() {
    state_->roster->add(shared_from_this());
    if (ended_) return; // the server ends
    deadline_ms_ = steady_ms() + authorization_timeout_ms;
    admit();
}

void RtcSession::say_created(RtcCreated created) {
    if (const auto done = std::exchange(done_, nullptr)) done(std::move(created));
}

void RtcSession::refuse(unsigned status, const std::string &reason, unsigned retry_after) {
    say_created({.status = status, .text = reason, .retry_after = retry_after});
    const char *const what = is_room_path(endpoint_) ? "join: "
                             : peer_.publish         ? "publish: "
                                                     : "play: ";
    close_now(LogLevel::warning, std::string("refused to ") + what + reason);
}

std::string RtcSession::etag() const {
    const stun::Credentials &ice = ice_->pending() ? *ice_->pending() : ice_->own();
    return '"' + ice.ufrag + '"';
}

sdp::LocalTransport RtcSession::local_transport(const stun::Credentials &ice) const {
    const dtls::Fingerprint &own = state_->port->dtls()->fingerprint();
    return {.ice = ice,
            .fingerprint = {"sha-256", own.digest},
            .candidates = state_->port->candidates(
                is_loopback_address(peer_.address.substr(0, peer_.address.rfind(':'))) ||
                peer_.address.starts_with("[::1]")),
            .session_id = session_id_,
            .trickle = true};
}

Result RtcSession::negotiate(const sdp::AnswerPolicy &policy) {
    session_id_ = secure_random() >> 1;
    const stun::Credentials own = stun::make_credentials(secure_random);
    if (Result result = sdp::make_answer(offer_, policy, local_transport(own), answer_);
        !result.is_ok())
        return result;
    restart_ = sdp::restart_form(offer_, answer_);
    fingerprints_ = usable(answer_.remote.fingerprints);
    if (fingerprints_.empty())
        return Result::error("its certificate has no fingerprint of SHA-256 or longer");
    expect_channels();
    const uint64_t now_ms = steady_ms();
    ice_.emplace(own, answer_.remote.ice, hmac_sha1, now_ms);
    if (!state_->port->add(own.ufrag, shared_from_this()))
        return Result::error("try again"); // one of 2^48
    ufrags_.push_back(own.ufrag);
    return Result::ok();
}

/// Prepares for data channels if the answer has them.
void RtcSession::expect_channels() {
    for (size_t i = 0; i < answer_.sections.size(); ++i) {
        const sdp::AnsweredSection &section = answer_.sections[i];
        if (!section.is_accepted || section.kind != sdp::Kind::application) continue;
        const sdp::MediaSection &offered = offer_.media[i];
        sctp::DataChannels::Options options;
        options.port = sdp::local_sctp_port;
        options.remote_port = offered.sctp_port.value_or(options.remote_port);
        options.is_dtls_client = answer_.is_dtls_client;
        options.remote_max_message = offered.max_message_size.value_or(64 << 10); // RFC 8841
        if (options.remote_max_message != 0)
            max_channel_text_ = static_cast<size_t>(
                std::min<uint64_t>(options.remote_max_message, sctp::max_message));
        RtcChannels::Owner &owner = *this;
        channels_ = std::make_unique<RtcChannels>(owner, options);
    }
}

/// They are long, and a restart of ICE does not need them.
void RtcSession::forget_details() {
    std::exchange(offer_, {});
    std::exchange(answer_, {});
    std::exchange(fingerprints_, {});
}

bool RtcSession::prepare_answer(const sdp::AnswerPolicy &policy) {
    const Result result = negotiate(policy);
    if (!result.is_ok()) refuse(406, result.reason());
    return result.is_ok();
}

void RtcSession::send_answer() {
    deadline_ms_ = steady_ms() + state_->limits.connect_ms;
    state_->add(id_, shared_from_this());
    say_created({.text = answer_.text, .id = id_, .etag = etag()});
}

void RtcSession::patch(std::string if_match, sdp::Fragment fragment, RtcPeers::Patched done) {
    asio::post(context(), [self = shared_from_this(), if_match = std::move(if_match),
                           fragment = std::move(fragment),
                           done = std::move(done)] { self->patch_now(if_match, fragment, done); });
}

/// Candidates are of no interest to ICE-lite, which answers where checks come from.
void RtcSession::patch_now(const std::string &if_match, const sdp::Fragment &fragment,
                           const RtcPeers::Patched &done) {
    if (ended_ || !ice_) return done({404, "The session has ended.", {}});
    const bool is_any = if_match == "*" || if_match == "\"*\"";
    if (!is_any && if_match != etag())
        return done({412, "The ETag is not that of the session's ICE credentials.", {}});
    if (!sdp::is_restart(fragment, ice_->remote())) {
        if (is_any && !fragment.ice.ufrag.empty())
            return done({400, "A restart needs new ICE credentials.", {}});
        return done({});
    }
    const stun::Credentials own = stun::make_credentials(secure_random);
    // An earlier restart that was never used is void.
    while (ufrags_.size() > 1) {
        state_->port->remove(ufrags_.back());
        ufrags_.pop_back();
    }
    if (!state_->port->add(own.ufrag, shared_from_this())) return done({503, "Try again.", {}});
    ufrags_.push_back(own.ufrag);
    ice_->restart(own, fragment.ice);
    say(LogLevel::debug, "restarts ICE");
    done({200, sdp::write_restart(restart_, local_transport(own)), etag()});
}

// --- transport ----------------------------------------------------------------------------

void RtcSession::learn(const stun::Path &path, const RtcWay &way) {
    size_t connections = 0, oldest = SIZE_MAX, oldest_connection = SIZE_MAX;
    for (size_t i = ways_.size(); i-- > 0;) {
        if (ways_[i].path == path) {
            if (ways_[i].way.arrived != way.arrived) forget(ways_[i]);
            ways_[i].way.arrived = way.arrived;
            return;
        }
        connections += ways_[i].way.connection != nullptr;
        if (i == selected_) continue;
        oldest = i;
        if (ways_[i].way.connection) oldest_connection = i;
    }
    // IceLite forgets the oldest likewise.
    if (way.connection && connections >= max_connections)
        forget_way(oldest_connection);
    else if (ways_.size() >= stun::IceLite::max_paths)
        forget_way(oldest);
    ways_.push_back({path, way, way.connection != nullptr}); // whose address nobody forges
}

/// The port knows an address once, whatever local addresses it is used with.
void RtcSession::forget(const Known &known) {
    const auto shares = [&](const Known &other) {
        return &other != &known && !other.way.connection && !known.way.connection &&
               other.way.remote == known.way.remote && other.way.arrived == known.way.arrived;
    };
    if (std::none_of(ways_.begin(), ways_.end(), shares))
        state_->port->forget(known.way, shared_from_this());
}

void RtcSession::forget_way(size_t index) {
    forget(ways_[index]);
    ways_.erase(ways_.begin() + ptrdiff_t(index));
    if (selected_ != SIZE_MAX && selected_ > index) --selected_;
}

/// Something authentic and encrypted came by this path.
void RtcSession::prove(const stun::Path &path, uint64_t now_ms) {
    note_heard(now_ms);
    const auto known = std::find_if(ways_.begin(), ways_.end(),
                                    [&](const Known &way) { return way.path == path; });
    if (known == ways_.end() || std::exchange(known->is_proven, true)) return;
    if (size_t(known - ways_.begin()) != selected_) return;
    is_on_trial_ = false;
    on_way();
}

void RtcSession::on_datagram(ByteView bytes, const RtcWay &from) {
    if (ended_ || !ice_) return;
    const auto keep = shared_from_this();
    const uint64_t now = steady_ns(), now_ms = now / 1'000'000;
    switch (stun::classify(bytes)) {
    case stun::Protocol::stun:
        return on_check(bytes, from, now_ms);
    case stun::Protocol::dtls:
        return on_handshake(bytes, from, now_ms);
    case stun::Protocol::rtp:
        return on_media(bytes, from, false, now);
    case stun::Protocol::rtcp:
        return on_media(bytes, from, true, now);
    case stun::Protocol::unknown:
        return;
    }
}

void RtcSession::on_check(ByteView bytes, const RtcWay &from, uint64_t now_ms) {
    constexpr unsigned max_false_replies = 50; // a second
    stun::Message message;
    if (!stun::parse(bytes, message).is_ok()) return;
    if (now_ms - false_since_ms_ >= 1000) {
        false_since_ms_ = now_ms;
        false_checks_ = 0;
    }
    const stun::Path path = from.path();
    const stun::CheckResult result = ice_->on_message(bytes, message, path, now_ms);
    if (!result.is_valid && ++false_checks_ > max_false_replies) return;
    // Its address is learnt before it gets the reply, behind which its handshake follows at once.
    if (result.is_valid) {
        learn(path, from);
        // An address that is another session's gets no media of this one by checks alone.
        if (!state_->port->learn(from, shared_from_this())) return;
    }
    if (!result.reply.empty()) from.send(socket(), result.reply);
    if (!result.is_valid) return;
    if (result.restarted)
        while (ufrags_.size() > 1) {
            state_->port->remove(ufrags_.front());
            ufrags_.erase(ufrags_.begin());
        }
    for (size_t i = 0; ice_->selected() && i < ways_.size(); ++i)
        if (ways_[i].path == *ice_->selected()) selected_ = i;
    if (result.moved && had_keys_ && !ways_[selected_].is_proven) {
        is_on_trial_ = trial_ends_ms_ == 0 || now_ms >= trial_ends_ms_ + trial_pause_ms;
        if (is_on_trial_) trial_ends_ms_ = now_ms + trial_ms;
    }
    if (!dtls_ && !had_keys_ && answer_.is_dtls_client) start_dtls(now_ms);
    // The way before may be one that is full, and stays so.
    if (result.moved && had_keys_ && !ended_) on_writable();
}

bool RtcSession::start_dtls(uint64_t now_ms) {
    dtls::Options options;
    options.role = answer_.is_dtls_client ? dtls::Role::client : dtls::Role::server;
    options.peer = fingerprints_;
    options.handshake_ms = state_->limits.connect_ms;
    options.linger_ms = state_->limits.linger_ms;
    options.keep = channels_ != nullptr;
    dtls_ = dtls::Session::make(state_->port->dtls(), output_, std::move(options), now_ms);
    if (!dtls_) return false; // too many handshakes: the peer sends again
    take_dtls(dtls_->start(now_ms));
    if (!ended_) state_->port->tick(shared_from_this());
    return !ended_;
}

void RtcSession::on_handshake(ByteView bytes, const RtcWay &from, uint64_t now_ms) {
    if (!ice_->is_known(from.path())) return;
    if (!dtls_ && (had_keys_ || !start_dtls(now_ms))) return;
    handshake_path_ = from.path();
    take_dtls(dtls_->receive(bytes, now_ms));
    if (ended_ || !channels_ || !channels_->has_received()) return;
    prove(handshake_path_, now_ms);
    channels_->take_received(now_ms);
    if (!ended_) state_->port->tick(shared_from_this());
}

void RtcSession::take_dtls(const Result &result) {
    switch (dtls_->state()) {
    case dtls::Session::State::handshaking:
        return;
    case dtls::Session::State::connected:
        if (had_keys_) return;
        return connected(steady_ms());
    case dtls::Session::State::closed:
        return close_now(LogLevel::info, "disconnected: " + dtls_->reason());
    case dtls::Session::State::failed:
        return close_now(LogLevel::warning,
                         "its handshake failed: " +
                             (result.reason().empty() ? dtls_->reason() : result.reason()));
    }
}

void RtcSession::connected(uint64_t now_ms) {
    const auto &keys = dtls_->keys();
    const auto has_media = [](const sdp::AnsweredSection &section) {
        return section.is_accepted && section.kind != sdp::Kind::application;
    };
    if (!keys && std::any_of(answer_.sections.begin(), answer_.sections.end(), has_media))
        return close_now(LogLevel::warning, "its DTLS has no SRTP, but its offer has media");
    had_keys_ = true;
    deadline_ms_ = 0;
    seats_.unfinished.reset();
    if (keys) {
        sender_.emplace(keys->profile, keys->ours, max_sent_streams());
        receiver_.emplace(keys->profile, keys->theirs);
    }
    prove(handshake_path_, now_ms); // by which its last message came
    on_connected();
    forget_details();
    if (ended_ || !channels_) return;
    channels_->start(dtls_->max_data(), now_ms);
    state_->port->tick(shared_from_this());
}

void RtcSession::on_media(ByteView bytes, const RtcWay &from, bool rtcp, uint64_t now) {
    if (!receiver_) return;
    thread_local std::array<uint8_t, UdpSocket::max_datagram> scratch;
    if (bytes.size() > scratch.size()) return;
    std::copy(bytes.begin(), bytes.end(), scratch.begin());
    const std::span<uint8_t> packet(scratch.data(), bytes.size());
    const srtp::Outcome outcome =
        rtcp ? receiver_->unprotect_rtcp(packet) : receiver_->unprotect(packet);
    if (!outcome.ok()) return;
    const stun::Path path = from.path();
    prove(path, now / 1'000'000);
    if (sends_media()) ice_->on_media(path, now / 1'000'000);
    if (rtcp)
        on_rtcp(packet.first(outcome.size), now);
    else
        on_rtp(packet.first(outcome.size), now);
}

void RtcSession::send(ByteView datagram) {
    if (const RtcWay *to = way()) to->send(socket(), datagram);
}

void RtcSession::send_data(ByteView packet) noexcept {
    if (dtls_) dtls_->send(packet); // what is lost here, SCTP sends again
}

bool RtcSession::send_channel_text(uint16_t id, std::string_view text) {
    if (ended_ || !channels_ || !channels_->send_text(id, text, steady_ms())) return false;
    state_->port->tick(shared_from_this());
    return true;
}

void RtcSession::on_channels_ended(const std::string &reason) {
    say(LogLevel::debug, "has no data channels any more: " + reason);
}

void RtcSession::send_rtcp(ByteView compound) {
    if (!sender_ || !way()) return;
    thread_local std::array<uint8_t, UdpSocket::max_datagram> scratch;
    const srtp::Outcome outcome = sender_->protect_rtcp(compound, scratch);
    if (outcome.ok()) send(ByteView(scratch.data(), outcome.size));
}

// --- time and end -------------------------------------------------------------------------

bool RtcSession::on_tick(uint64_t now) {
    if (ended_) return false;
    const uint64_t now_ms = now / 1'000'000;
    bool goes_on = false;
    if (dtls_ && dtls_->state() == dtls::Session::State::handshaking) {
        const auto due = dtls_->next_check_ms(now_ms);
        if (due && *due <= now_ms) take_dtls(dtls_->check(now_ms));
        goes_on = !ended_ && dtls_ && dtls_->state() == dtls::Session::State::handshaking;
    }
    if (!ended_ && tick_media(now)) goes_on = true;
    if (!ended_ && channels_ && channels_->is_busy()) channels_->check(now_ms);
    return !ended_ && (goes_on || (channels_ && channels_->is_busy()));
}

void RtcSession::check(uint64_t now_ms) {
    if (ended_) return;
    if (deadline_ms_ != 0 && now_ms >= deadline_ms_) {
        if (!is_answered()) return refuse(503, late_, 1);
        return close_now(LogLevel::warning,
                         way() ? "its handshake did not finish in time"
                               : "no check of ICE came: is UDP port " +
                                     std::to_string(state_->port->address().port) +
                                     " reachable, and the right address announced?");
    }
    if (!ice_) return;
    if (is_on_trial_ && now_ms >= trial_ends_ms_) is_on_trial_ = false;
    if (had_keys_ && ice_->has_expired(now_ms))
        return close_now(LogLevel::info, "disconnected: nothing came from it for 30 s");
    if (dtls_ && had_keys_) take_dtls(dtls_->check(now_ms));
    state_->port->tidy(now_ms);
    if (ended_ || !channels_) return;
    channels_->check(now_ms);
    if (!ended_ && channels_->is_busy()) state_->port->tick(shared_from_this());
}

void RtcSession::close(const std::string &reason) {
    asio::post(context(), [self = shared_from_this(), reason] {
        self->close_now(LogLevel::info, "closed: " + reason);
    });
}

void RtcSession::close_now(LogLevel level, const std::string &reason) {
    if (std::exchange(ended_, true)) return;
    const auto keep = shared_from_this();
    state_->remove(id_); // before anybody sees that it has ended
    say_created({.status = 503, .text = "The server ends the session: " + reason});
    say(level, reason);
    on_closed(reason);
    seats_.unfinished.reset();
    admission_.cancel();
    admission_.leave(peer_, reason);
    if (channels_) channels_->close(steady_ms());
    if (dtls_) dtls_->close();
    for (const std::string &ufrag : ufrags_)
        state_->port->remove(ufrag);
    for (const Known &each : std::exchange(ways_, {}))
        state_->port->forget(each.way, keep);
    state_->roster->remove(keep);
    // It may be in a pass of its stream, which holds no reference and goes on with it.
    asio::post(context(), [keep] {});
}

} // namespace penstock::net
