// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/dial.h"

#include "core/net/loop/clock.h"

#include <chrono>
#include <future>
#include <memory>
#include <utility>

namespace penstock::net {
namespace {

constexpr int turn_ms = 20;

const sockaddr *raw(const SocketAddress &address) {
    return reinterpret_cast<const sockaddr *>(&address.storage);
}

SrtDialed failed(std::string reason, bool refused = false) {
    SrtDialed out;
    out.reason = std::move(reason);
    out.refused = refused;
    return out;
}

/// A socket with the options of the client.
SrtSocket make_socket(const SrtClientOptions &options, std::string &error) {
    SrtSocket socket(srt_create_socket());
    const int32_t no = 0;
    const SrtTraits &traits = options.traits;
    const bool good =
        socket && set_srt(socket.get(), SRTO_RCVSYN, no) &&
        set_srt(socket.get(), SRTO_SNDSYN, no) &&
        set_srt(socket.get(), SRTO_TRANSTYPE, static_cast<int32_t>(SRTT_LIVE)) &&
        set_srt(socket.get(), SRTO_LATENCY, static_cast<int32_t>(traits.latency_ms)) &&
        set_srt(socket.get(), SRTO_SNDDROPDELAY, static_cast<int32_t>(-1)) &&
        set_srt(socket.get(), SRTO_CONNTIMEO, static_cast<int32_t>(options.connect_ms)) &&
        (traits.key_length == 0 ||
         set_srt(socket.get(), SRTO_PBKEYLEN, static_cast<int32_t>(traits.key_length))) &&
        (traits.passphrase.empty() || set_srt(socket.get(), SRTO_PASSPHRASE, traits.passphrase)) &&
        (options.stream_id.empty() || options.mode == srt::LinkMode::listener ||
         set_srt(socket.get(), SRTO_STREAMID, options.stream_id));
    if (!good) {
        error = srt_error_text();
        socket.close();
    }
    return socket;
}

/// Waits until the socket has one of the events, or has ended. False if `stop` was set, or it takes
/// longer than `limit_ms` (0: no limit).
bool wait_for(SRTSOCKET socket, int events, const std::atomic<bool> &stop, uint64_t limit_ms) {
    const int epoll = srt_epoll_create();
    events |= SRT_EPOLL_ERR;
    srt_epoll_add_usock(epoll, socket, &events);
    const uint64_t begin = steady_ms();
    bool has_happened = false;
    while (!stop && !has_happened && (limit_ms == 0 || steady_ms() - begin < limit_ms)) {
        SRT_EPOLL_EVENT event;
        has_happened = srt_epoll_uwait(epoll, &event, 1, turn_ms) > 0;
    }
    srt_epoll_release(epoll);
    return has_happened;
}

/// The addresses of the other end; a name server that does not answer does not hold up `stop`.
Resolved look_up(const SrtClientOptions &options, const std::atomic<bool> &stop) {
    Resolved none;
    auto loops = Loops::shared(&none.error);
    if (!loops) return none;
    auto found = std::make_shared<std::promise<Resolved>>();
    auto result = found->get_future();
    resolve(loops, loops->next(), options.host, options.port,
            [found](Resolved resolved) { found->set_value(std::move(resolved)); });
    while (result.wait_for(std::chrono::milliseconds(turn_ms)) != std::future_status::ready)
        if (stop) return none;
    return result.get();
}

/// Binds to the local address, of the same family as the other end's; a rendezvous also to the port
/// that is called. Returns what is wrong.
std::string bind_local(SRTSOCKET socket, const SrtClientOptions &options,
                       const SocketAddress &other) {
    const bool is_rendezvous = options.mode == srt::LinkMode::rendezvous;
    if (!is_rendezvous && options.local_host.empty()) return {};
    set_srt(socket, SRTO_RENDEZVOUS, static_cast<int32_t>(is_rendezvous));
    set_srt(socket, SRTO_IPV6ONLY, static_cast<int32_t>(1));
    const uint16_t port = is_rendezvous ? options.port : 0;
    std::string error;
    for (const SocketAddress &own : own_addresses(options.local_host, port, &error)) {
        if (own.family() != other.family()) continue;
        if (srt_bind(socket, raw(own), static_cast<int>(own.size)) == 0) return {};
        error = srt_error_text();
    }
    return "this end can't use UDP port " + std::to_string(port) + " of '" + options.local_host +
           "': " + error;
}

SrtDialed call(const SrtClientOptions &options, const SocketAddress &address,
               const std::atomic<bool> &stop) {
    SrtDialed out;
    out.socket = make_socket(options, out.reason);
    if (!out.socket) return out;
    const SRTSOCKET socket = out.socket.get();
    if (std::string wrong = bind_local(socket, options, address); !wrong.empty())
        return failed(std::move(wrong));
    if (srt_connect(socket, raw(address), static_cast<int>(address.size)) < 0)
        return failed(srt_error_text());
    wait_for(socket, SRT_EPOLL_OUT, stop, 2 * options.connect_ms);
    if (srt_getsockstate(socket) == SRTS_CONNECTED) return out;
    const int reason = srt_getrejectreason(socket);
    return failed(srt_refusal_text(reason), is_lasting_refusal(reason));
}

SrtDialed listen(const SrtClientOptions &options, const std::atomic<bool> &stop) {
    std::string reason;
    const auto addresses = own_addresses(options.host, options.port, &reason);
    for (const SocketAddress &address : addresses) {
        SrtSocket listener = make_socket(options, reason);
        if (!listener) break;
        const bool is_dual = options.host.empty();
        set_srt(listener.get(), SRTO_IPV6ONLY, static_cast<int32_t>(is_dual ? 0 : 1));
        if (srt_bind(listener.get(), raw(address), static_cast<int>(address.size)) != 0 ||
            srt_listen(listener.get(), 1) != 0) {
            reason = "UDP port " + std::to_string(options.port) +
                     " can't be listened on: " + srt_error_text();
            continue;
        }
        if (!wait_for(listener.get(), SRT_EPOLL_IN, stop, 0)) return failed("");
        SrtDialed out;
        out.socket = SrtSocket(srt_accept(listener.get(), nullptr, nullptr));
        if (!out.socket) out.reason = srt_error_text();
        return out;
    }
    return failed(reason);
}

} // namespace

SrtDialed dial_srt(const SrtClientOptions &options, const std::atomic<bool> &stop) {
    if (options.mode == srt::LinkMode::listener) return listen(options, stop);
    const Resolved found = look_up(options, stop);
    if (found.addresses.empty()) return failed(found.error);
    SrtDialed last;
    for (const SocketAddress &address : found.addresses) {
        last = call(options, address, stop);
        if (last.socket || last.refused || stop) return last;
    }
    last.reason = "no connection to " + options.host + " port " + std::to_string(options.port) +
                  ": " + last.reason;
    return last;
}

} // namespace penstock::net
