// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/checks.hpp"

#include "rtc/crypto.hpp"

#include <algorithm>

namespace rtc_test {
namespace {

constexpr size_t most_sent = 64, most_addresses = 32;
/// Of a peer-reflexive candidate (RFC 8445, section 5.1.2.2).
constexpr uint32_t check_priority = (110u << 24) | (65'535u << 8) | 255;

} // namespace

Checks::Checks(const Settings &settings, stun::Credentials own, stun::Credentials remote,
               std::vector<stun::TransportAddress> addresses, uint64_t now_ms)
    : settings_(settings), own_(std::move(own)), remote_(std::move(remote)),
      tie_breaker_(random_number<uint64_t>()), addresses_(std::move(addresses)),
      wait_ms_(settings.first_wait_ms), next_ms_(now_ms), heard_ms_(now_ms) {
    if (addresses_.size() > most_addresses) addresses_.resize(most_addresses);
}

void Checks::send_check(const stun::TransportAddress &to) {
    stun::TransactionId transaction;
    random_bytes(transaction);
    if (sent_.size() >= most_sent) sent_.pop_front();
    sent_.push_back({transaction, to});
    out_.push_back({to, stun::MessageWriter(stun::Class::request, transaction)
                            .username(remote_.ufrag + ":" + own_.ufrag)
                            .priority(check_priority)
                            .controlling(tie_breaker_)
                            .use_candidate()
                            .finish(remote_.password, hmac_sha1)});
}

void Checks::advance(uint64_t now_ms) {
    if (state_ == State::failed || now_ms < next_ms_) return;
    if (state_ == State::connected) {
        if (now_ms - heard_ms_ >= settings_.silent_ms)
            return fail("the peer has not answered checks for long");
        send_check(selected_);
        next_ms_ = now_ms + settings_.consent_ms;
        return;
    }
    if (now_ms - heard_ms_ >= settings_.patience_ms)
        return fail("no address of the peer answers checks");
    for (const stun::TransportAddress &to : addresses_)
        send_check(to);
    next_ms_ = now_ms + wait_ms_;
    wait_ms_ = std::min(2 * wait_ms_, settings_.longest_wait_ms);
}

void Checks::receive(ByteView datagram, const stun::TransportAddress &from, uint64_t now_ms) {
    stun::Message message;
    if (!stun::parse(datagram, message).is_ok() || message.method != stun::method_binding) {
        ++refused_;
        return;
    }
    switch (message.kind) {
    case stun::Class::request:
        return answer(datagram, message, from);
    case stun::Class::success:
    case stun::Class::error:
        return take_response(datagram, message, from, now_ms);
    case stun::Class::indication:
        return;
    }
}

void Checks::answer(ByteView datagram, const stun::Message &message,
                    const stun::TransportAddress &from) {
    if (!message.username || stun::receiver_ufrag(*message.username) != own_.ufrag ||
        !stun::has_integrity(datagram, message, own_.password, hmac_sha1)) {
        ++refused_;
        return;
    }
    out_.push_back({from, stun::MessageWriter(stun::Class::success, message.transaction)
                              .mapped(from)
                              .finish(own_.password, hmac_sha1)});
    // An address that the answer does not have, perhaps behind a name of mDNS.
    if (state_ != State::checking || addresses_.size() >= most_addresses ||
        std::find(addresses_.begin(), addresses_.end(), from) != addresses_.end())
        return;
    addresses_.push_back(from);
    send_check(from);
}

void Checks::take_response(ByteView datagram, const stun::Message &message,
                           const stun::TransportAddress &from, uint64_t now_ms) {
    const auto sent = std::find_if(sent_.begin(), sent_.end(), [&](const Sent &one) {
        return one.transaction == message.transaction && one.to == from;
    });
    if (sent == sent_.end()) {
        ++refused_;
        return;
    }
    if (message.kind == stun::Class::error) {
        ++refused_;
        // It may come before the server knows of the session, so that it is not the end.
        reason_ = message.error ? std::to_string(message.error->code) + " " +
                                      std::string(message.error->reason)
                                : "an error without a code";
        return;
    }
    if (!stun::has_integrity(datagram, message, remote_.password, hmac_sha1) || !message.mapped) {
        ++refused_;
        return;
    }
    sent_.erase(sent);
    ++answers_;
    heard_ms_ = now_ms;
    if (state_ != State::checking) return;
    state_ = State::connected;
    selected_ = from;
    next_ms_ = now_ms + settings_.consent_ms;
}

void Checks::fail(std::string reason) {
    reason_ = std::move(reason) + (reason_.empty() ? "" : "; it said: " + reason_);
    state_ = State::failed;
    next_ms_ = UINT64_MAX;
}

} // namespace rtc_test
