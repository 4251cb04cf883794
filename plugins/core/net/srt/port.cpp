// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/port.h"

#include "core/net/loop/log.h"
#include "core/net/loop/thread.h"
#include "core/net/srt/peer.h"

#include <cerrno>
#include <chrono>
#include <utility>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <srt/access_control.h>

namespace penstock::net {
namespace {

/// Between two looks at the sockets: while there are publishers, and else.
constexpr auto short_nap = std::chrono::milliseconds(2), long_nap = std::chrono::milliseconds(10);
/// Packets in flight at most, and received ones that wait: for 90 Mbit/s a second. libsrt allocates
/// tables of this size for each connection.
constexpr int flight = 8192;
/// Bytes that a connection may hold back, which nobody may have admitted yet: for 30 Mbit/s a
/// second of latency, for 8 Mbit/s four.
constexpr int held_back = 4 << 20;

/// Answers a handshake, on libsrt's thread: must return at once.
int on_caller(void *opaque, SRTSOCKET socket, int version, const sockaddr *address,
              const char *text) {
    auto &state = *static_cast<SrtState *>(opaque);
    const std::string endpoint = endpoint_text(address);
    const auto refuse = [&](int code, const std::string &reason) {
        srt_setrejectreason(socket, code);
        state.refusals.refused(endpoint, reason);
        return -1;
    };
    if (version < 5) // that of UDT has no stream id
        return refuse(SRT_REJX_VERSION, "it speaks a version of SRT without stream ids (1.2)");
    srt::ParsedId parsed = srt::parse_stream_id(text ? text : "");
    if (parsed.wrong != srt::Wrong::nothing)
        return refuse(parsed.wrong == srt::Wrong::mode   ? SRT_REJX_BAD_MODE
                      : parsed.wrong == srt::Wrong::type ? SRT_REJX_NOTSUP_MEDIA
                                                         : SRT_REJX_BAD_REQUEST,
                      parsed.reason);
    const bool is_publisher = parsed.id.mode == srt::Mode::publish;
    if (const SrtRefusal refusal = state.judge(parsed.id, endpoint); refusal.code != 0)
        return refuse(refusal.code, std::string(is_publisher ? "to publish " : "to play ") +
                                        parsed.id.path + ": " + refusal.reason);
    const SrtTraits traits = state.traits(parsed.id.path, is_publisher);
    const bool good =
        (traits.passphrase.empty() || set_srt(socket, SRTO_PASSPHRASE, traits.passphrase)) &&
        (traits.key_length == 0 ||
         set_srt(socket, SRTO_PBKEYLEN, static_cast<int32_t>(traits.key_length))) &&
        set_srt(socket, SRTO_LATENCY, static_cast<int32_t>(traits.latency_ms));
    if (!good) return refuse(SRT_REJX_ISE, "its options can't be set: " + srt_error_text());
    state.note_handshake(socket, traits.passphrase);
    return 0;
}

/// Sets what connections inherit from the listener.
bool prepare(SRTSOCKET socket, bool is_dual, const SrtLimits &limits) {
    const int32_t no = 0;
    return set_srt(socket, SRTO_RCVSYN, no) && set_srt(socket, SRTO_SNDSYN, no) &&
           set_srt(socket, SRTO_TRANSTYPE, static_cast<int32_t>(SRTT_LIVE)) &&
           set_srt(socket, SRTO_FC, static_cast<int32_t>(flight)) &&
           set_srt(socket, SRTO_RCVBUF, static_cast<int32_t>(held_back)) &&
           // What is too old is skipped by keyframes, before libsrt has it.
           set_srt(socket, SRTO_SNDDROPDELAY, static_cast<int32_t>(-1)) &&
           set_srt(socket, SRTO_IPV6ONLY, static_cast<int32_t>(is_dual ? 0 : 1)) &&
           limits.handshakes > 0;
}

std::string bind_error(const Address &address, int system_error) {
    const std::string port = std::to_string(address.port);
    if (system_error == EADDRINUSE)
        return "UDP port " + port + " is in use: end what uses it (`ss -lunp sport = :" + port +
               "` names it) or choose another port";
    return "cannot receive SRT at '" + address.to_string() + "': " + srt_error_text() +
           "; use an address of this machine, or ':" + port + "' for every interface";
}

} // namespace

SrtPort::SrtPort(SrtSocket &&listener, std::shared_ptr<SrtState> state)
    : state_(std::move(state)), listener_(listener.release()) {
}

std::unique_ptr<SrtPort> SrtPort::open(const Address &address, std::shared_ptr<SrtState> state,
                                       std::string *error) {
    const auto fail = [error](std::string text) {
        if (error) *error = std::move(text);
        return nullptr;
    };
    int reason = 0;
    SrtSocket socket;
    std::string unknown;
    const auto candidates = own_addresses(address.host, address.port, &unknown);
    if (candidates.empty()) return fail(unknown);
    bool is_bound = false;
    for (const SocketAddress &candidate : candidates) {
        socket = SrtSocket(srt_create_socket());
        if (!socket || !prepare(socket.get(), address.host.empty(), state->limits)) continue;
        is_bound = srt_bind(socket.get(), reinterpret_cast<const sockaddr *>(&candidate.storage),
                            static_cast<int>(candidate.size)) == 0;
        if (is_bound) break;
        srt_getlasterror(&reason);
        if (reason == EADDRINUSE) break;
    }
    if (!is_bound) return fail(bind_error(address, reason));
    sockaddr_storage bound{};
    int size = sizeof bound;
    srt_getsockname(socket.get(), reinterpret_cast<sockaddr *>(&bound), &size);
    const uint16_t port =
        ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6 &>(bound).sin6_port
                                          : reinterpret_cast<sockaddr_in &>(bound).sin_port);
    state->address = {address.host, port};
    std::unique_ptr<SrtPort> opened(new SrtPort(std::move(socket), std::move(state)));
    return opened->listen(error) ? std::move(opened) : nullptr;
}

bool SrtPort::listen(std::string *error) {
    const int backlog = static_cast<int>(state_->limits.handshakes);
    std::string reason;
    if (!state_->sockets.is_open() ||
        srt_listen_callback(listener_, on_caller, state_.get()) != 0 ||
        srt_listen(listener_, backlog) != 0) {
        reason = srt_error_text();
    } else {
        state_->sockets.set_listener(listener_);
        thread_ = start_thread([this] { run(); }, &reason);
    }
    if (error && !reason.empty())
        *error = "SRT can't be served at '" + state_->address.to_string() + "': " + reason;
    return reason.empty();
}

void SrtPort::close_listener() {
    if (!is_closing_.exchange(true)) srt_close(listener_);
}

SrtPort::~SrtPort() {
    close_listener();
    if (thread_.joinable()) thread_.join();
}

void SrtPort::run() {
    while (!is_closing_) {
        const auto found = state_->sockets.poll();
        const bool has_taken = found.has_callers && take_callers();
        // A listener that is broken, or whose callers can't be accepted, says so without end.
        if (!found.has_woken && !has_taken)
            std::this_thread::sleep_for(state_->sockets.has_senders() ? short_nap : long_nap);
    }
}

bool SrtPort::take_callers() {
    bool has_taken = false;
    for (; !is_closing_; has_taken = true) {
        sockaddr_storage address{};
        int size = sizeof address;
        SrtCaller caller;
        caller.socket =
            SrtSocket(srt_accept(listener_, reinterpret_cast<sockaddr *>(&address), &size));
        if (!caller.socket) break;
        caller.endpoint = endpoint_text(reinterpret_cast<sockaddr *>(&address));
        char id[srt::max_stream_id + 1];
        int length = sizeof id;
        if (srt_getsockflag(caller.socket.get(), SRTO_STREAMID, id, &length) != 0) continue;
        srt::ParsedId parsed = srt::parse_stream_id({id, static_cast<size_t>(length)});
        // The handshake has found them good.
        if (parsed.wrong != srt::Wrong::nothing) continue;
        caller.id = std::move(parsed.id);
        auto passphrase = state_->take_handshake(caller.socket.get());
        if (!passphrase) {
            state_->refusals.refused(caller.endpoint, "too many connect at once");
            continue;
        }
        caller.passphrase = std::move(*passphrase);
        caller.place = state_->hosts->enter(caller.endpoint);
        if (!caller.place || state_->roster->is_full()) {
            state_->refusals.refused(caller.endpoint, "too many connections are open already");
            continue;
        }
        const int socket = caller.socket.get();
        const bool sends = caller.id.mode == srt::Mode::publish;
        const auto peer = SrtPeer::make(std::move(caller), state_->shared_loops()->next(), state_);
        state_->sockets.add(socket, peer, sends); // fails if it is gone already, which is noticed
        peer->begin();
    }
    return has_taken;
}

} // namespace penstock::net
