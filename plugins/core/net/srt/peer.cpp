// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/peer.h"

#include "core/net/srt/publisher.h"
#include "core/net/srt/sockets.h"
#include "core/net/srt/viewer.h"

#include <boost/asio/post.hpp>

#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

/// "libsrt 1.5.1", as its handshake says.
std::string version_of(SRTSOCKET socket) {
    int32_t version = 0;
    int size = sizeof version;
    if (srt_getsockflag(socket, SRTO_PEERVERSION, &version, &size) != 0 || version <= 0)
        return "SRT";
    return "SRT " + std::to_string(version >> 16 & 0xFF) + "." +
           std::to_string(version >> 8 & 0xFF) + "." + std::to_string(version & 0xFF);
}

bool is_encrypted(SRTSOCKET socket) {
    int32_t state = 0;
    int size = sizeof state;
    return srt_getsockflag(socket, SRTO_KMSTATE, &state, &size) == 0 && state == SRT_KM_S_SECURED;
}

std::string next_id(const char *kind) {
    static std::atomic<uint64_t> next{1};
    return std::string(kind) + "-" + std::to_string(next++);
}

} // namespace

std::shared_ptr<SrtPeer> SrtPeer::make(SrtCaller &&caller, size_t loop,
                                       std::shared_ptr<SrtState> state) {
    if (caller.id.mode == srt::Mode::publish)
        return std::make_shared<SrtPublisher>(std::move(caller), loop, std::move(state));
    return std::make_shared<SrtViewer>(std::move(caller), loop, std::move(state));
}

SrtPeer::SrtPeer(SrtCaller &&caller, size_t loop, std::shared_ptr<SrtState> state, const char *kind)
    : state_(std::move(state)), peer_loop_(loop), socket_(std::move(caller.socket)),
      id_(std::move(caller.id)),
      passphrase_(std::move(caller.passphrase)), peer_{next_id(kind),
                                                       std::move(caller.endpoint),
                                                       id_.path,
                                                       id_.query,
                                                       id_.key,
                                                       version_of(socket_.get()),
                                                       id_.mode == srt::Mode::publish,
                                                       "srt",
                                                       is_encrypted(socket_.get())},
      name_(peer_.id + " " + peer_.address), place_(std::move(caller.place)) {
}

SrtPeer::~SrtPeer() = default;

void SrtPeer::begin() {
    asio::post(context(), [self = shared_from_this()] {
        if (self->ended_) return;
        self->say(LogLevel::debug, "connected");
        self->state_->roster->add(self);
        if (!self->state_->roster->is_closing()) self->start();
    });
}

void SrtPeer::wake() {
    if (is_woken_.exchange(true)) return;
    asio::post(context(), [self = shared_from_this()] {
        self->is_woken_ = false;
        if (!self->ended_) self->on_ready();
    });
}

void SrtPeer::close(const std::string &reason) {
    asio::post(context(), [self = shared_from_this(), reason] {
        self->leave(LogLevel::info, "closed: " + reason);
    });
}

void SrtPeer::say(LogLevel level, const std::string &text) const {
    log(level, "srt", "[" + name_ + " " + peer_.path + "] " + text);
}

bool SrtPeer::is_broken() const {
    return srt_getsockstate(socket_.get()) > SRTS_CONNECTED;
}

void SrtPeer::measure_network(bool sends) {
    read_srt_network(socket_.get(), sends, network_);
    if (has_warned_) return;
    const std::string warning = srt_latency_warning(socket_.get(), sends, network_);
    has_warned_ = !warning.empty();
    if (has_warned_) say(LogLevel::warning, warning);
}

// --- admission ----------------------------------------------------------------------------

Admission::Done SrtPeer::answer(std::function<void()> admit) {
    return [weak = weak_from_this(), admit = std::move(admit)](bool allowed,
                                                               const std::string &reason) {
        const auto self = weak.lock();
        if (!self || self->ended_) return;
        if (allowed) return admit();
        self->refuse(reason);
    };
}

void SrtPeer::ask(const Authority &path, std::function<void()> admit) {
    if (admission_.ask(context().get_executor(), state_->rules->watches(), path, peer_,
                       answer(admit), state_->limits.authorize_ms))
        admit();
}

void SrtPeer::ask_again(const Authority &path, std::function<void()> admit) {
    if (admission_.ask_again(context().get_executor(), path, peer_, answer(admit),
                             state_->limits.authorize_ms))
        admit();
}

bool SrtPeer::has_passphrase() const {
    return state_->traits(peer_.path, peer_.publish).passphrase == passphrase_;
}

/// After its handshake a caller can't be told why.
void SrtPeer::refuse(const std::string &reason) {
    leave(LogLevel::warning,
          std::string("refused to ") + (peer_.publish ? "publish: " : "play: ") + reason);
}

void SrtPeer::leave(LogLevel level, const std::string &reason) {
    if (std::exchange(ended_, true)) return;
    const auto self = shared_from_this();
    admission_.cancel();
    say(entered_ || level < LogLevel::info ? level : LogLevel::debug, reason);
    on_closed(reason);
    admission_.leave(peer_, reason);
    state_->sockets.remove(socket_.get());
    socket_.close();
    state_->roster->remove(self);
    mount_.reset();
    place_.reset();
}

} // namespace penstock::net
