// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/publisher.h"

#include "core/net/loop/clock.h"
#include "core/net/stream/same_key.h"

#include <boost/asio/post.hpp>

#include <array>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

/// Bytes of the longest message of a live stream (SRT, SRTO_PAYLOADSIZE).
constexpr size_t max_message = 1456;
/// Bytes that are read at a time, and rounds before others have their turn.
constexpr size_t batch = 48 * max_message;
constexpr int max_rounds = 4;
/// Bytes without any packet after which it is clear that this is no transport stream.
constexpr uint64_t max_garbage = 64 << 10;

/// One buffer per thread, since publishers have none of their own.
std::array<uint8_t, batch> &scratch() {
    thread_local std::array<uint8_t, batch> buffer;
    return buffer;
}

} // namespace

SrtPublisher::SrtPublisher(SrtCaller &&caller, size_t loop, std::shared_ptr<SrtState> state)
    : SrtPeer(std::move(caller), loop, std::move(state), "srt-publish") {
}

// --- admission ----------------------------------------------------------------------------

/// Asked when the name or a receiver is taken: the passphrase is judged with the key. Any thread,
/// with the slot's lock.
bool SrtPublisher::has_key(std::string_view key) const {
    const auto traits = mount_->traits(true);
    return (!traits || traits->passphrase == passphrase_) &&
           (key.empty() || same_key(peer_.key, key));
}

void SrtPublisher::close(const std::string &reason) {
    asio::post(context(), [self = self<SrtPublisher>(), reason] {
        if (self->ended_) return;
        if (!self->entered_ && !self->has_passphrase()) return self->refuse(srt_passphrase_text);
        self->leave(LogLevel::info, "closed: " + reason);
    });
}

/// The handshake has looked at the path already, but that may have changed.
void SrtPublisher::start() {
    std::shared_ptr<const LeaseOptions> lease;
    if (const auto refusal = state_->judge_publisher(id_, lease); refusal.code != 0)
        return refuse(refusal.reason);
    const auto mount = state_->mount(peer_.path, false);
    ask(mount && mount->slot.is_claimed() ? mount->slot.authority() : Authority(), [this, lease] {
        const std::string given = admission_.new_path();
        if (given.empty() || given == peer_.path) return admit(lease);
        publish_as(given);
    });
}

/// Publishes under the new path; the requested one may be a stream key and appears nowhere.
void SrtPublisher::publish_as(const std::string &path) {
    peer_.path = is_safe_path(path) ? path : "a path given by its authorizer";
    if (!is_safe_path(path)) return refuse("that path is not legal: use letters, digits and ._~-");
    srt::StreamId id = id_;
    id.path = path;
    std::shared_ptr<const LeaseOptions> lease;
    if (const auto refusal = state_->judge_publisher(id, lease); refusal.code != 0)
        return refuse(refusal.reason);
    admit(lease);
}

void SrtPublisher::admit(std::shared_ptr<const LeaseOptions> lease) {
    if (!has_passphrase()) return refuse(srt_passphrase_text);
    mount_ = state_->mount(peer_.path, true);
    deadline_ms_ = steady_ms() + state_->limits.claim_ms;
    switch (mount_->slot.publish(self<SrtPublisher>(), admission_.epoch())) {
    case PublishSlot::Verdict::busy:
        return refuse("this name is being published already");
    case PublishSlot::Verdict::wrong_key:
        return refuse(has_passphrase() ? "wrong or missing key" : srt_passphrase_text);
    case PublishSlot::Verdict::accepted:
        return accept_publish();
    case PublishSlot::Verdict::ask:
        return ask_receiver();
    case PublishSlot::Verdict::waits_for_claim:
        if (!lease) return refuse("its receiver is gone");
        say(LogLevel::debug, "waits for a pipeline");
        lease->on_publish({mount_->path(), name_});
        return;
    }
}

void SrtPublisher::accept_publish() {
    asio::post(context(), [self = self<SrtPublisher>()] {
        if (self->ended_ || self->entered_ || !self->mount_->slot.is_announced(self.get())) return;
        self->entered_ = true;
        self->deadline_ms_ = 0;
        self->is_paused_ = false;
        self->heard_ms_ = steady_ms();
        self->say(LogLevel::info, "publishes (" + self->peer_.client + ")");
        self->admission_.enter(self->peer_);
        self->read();
    });
}

void SrtPublisher::ask_receiver() {
    asio::post(context(), [self = self<SrtPublisher>()] {
        if (self->ended_ || self->entered_ || self->admission_.is_open()) return;
        self->ask_again(self->mount_->slot.authority(), [publisher = self.get()] {
            if (publisher->mount_->slot.announce(publisher)) publisher->accept_publish();
        });
    });
}

void SrtPublisher::refuse_publish(const std::string &reason) {
    asio::post(context(), [self = self<SrtPublisher>(), reason] {
        if (self->ended_ || self->entered_ || self->mount_->slot.has(self.get())) return;
        self->refuse(reason);
    });
}

void SrtPublisher::give_way(const std::string &reason) {
    asio::post(context(), [self = self<SrtPublisher>(), reason] {
        if (!self->ended_ && !self->mount_->slot.has(self.get()))
            self->leave(LogLevel::info, "closed: " + reason);
    });
}

// --- media --------------------------------------------------------------------------------

/// libsrt tells once of what has come: this reads all there is.
void SrtPublisher::read() {
    for (int round = 0; round < max_rounds; ++round) {
        if (ended_ || is_paused_) return;
        auto &buffer = scratch();
        size_t filled = 0;
        bool is_empty = false;
        while (!is_empty && buffer.size() - filled >= max_message) {
            const int size =
                srt_recvmsg(socket_.get(), reinterpret_cast<char *>(buffer.data() + filled),
                            static_cast<int>(max_message));
            if (size > 0)
                filled += static_cast<size_t>(size);
            else
                is_empty = true;
        }
        const bool is_over = is_empty && srt_getlasterror(nullptr) != SRT_EASYNCRCV;
        if (filled > 0 && !take(ByteView(buffer).first(filled))) is_paused_ = true;
        if (ended_) return;
        if (is_over) return leave(LogLevel::info, "disconnected");
        if (is_empty) return;
    }
    wake();
}

bool SrtPublisher::take(ByteView messages) {
    std::vector<uint8_t> packets;
    packets.reserve(messages.size());
    aligner_.push(messages, packets);
    if (packets.empty()) {
        if (!has_packets_ && aligner_.skipped() > max_garbage)
            leave(LogLevel::warning, "closed: what it sends is not MPEG-TS (ffmpeg: -f mpegts)");
        return true;
    }
    has_packets_ = true;
    heard_ms_ = steady_ms(); // garbage does not keep the name
    return mount_->deliver(*this, Bytes::adopt(std::move(packets)));
}

void SrtPublisher::resume() {
    asio::post(context(), [self = self<SrtPublisher>()] {
        if (self->ended_ || !self->entered_) return;
        self->is_paused_ = false;
        self->heard_ms_ = steady_ms(); // it was not listened to
        self->read();
    });
}

void SrtPublisher::check(uint64_t now_ms) {
    if (ended_) return;
    if (is_broken()) {
        read(); // what it sent before its end
        return leave(LogLevel::info, "disconnected");
    }
    if (admission_.is_open()) return; // which has a time limit of its own
    if (!entered_) {
        if (deadline_ms_ != 0 && now_ms > deadline_ms_)
            refuse("no pipeline took the stream within " + time_text(state_->limits.claim_ms));
        return;
    }
    if (admission_.is_over(now_ms))
        return leave(LogLevel::info, "closed: its authorization has expired");
    measure_network(false);
    mount_->publishers.set(peer_.id, network_);
    const uint64_t silence_ms = ms_of(mount_->slot.silence_timeout());
    if (!is_paused_ && silence_ms != 0 && now_ms - heard_ms_ > silence_ms)
        leave(LogLevel::warning, "closed: sent no media for " + time_text(silence_ms));
}

void SrtPublisher::on_closed(const std::string &reason) {
    if (!mount_) return;
    mount_->slot.unpublish(this, reason);
    mount_->publishers.remove(peer_.id);
}

} // namespace penstock::net
