// SPDX-License-Identifier: LGPL-2.1-or-later
// The controlling side of ICE without a socket (RFC 8445): connectivity checks until an address
// answers, then checks that ask for consent (RFC 7675).
#pragma once

#include "core/stun/credentials.h"
#include "core/stun/message.h"

#include <deque>
#include <optional>
#include <vector>

namespace rtc_test {

using namespace penstock;

/// Not thread-safe. Times are of a steady clock, in ms.
class Checks {
public:
    struct Settings {
        uint64_t first_wait_ms = 100; ///< before a check is sent again; then twice that
        uint64_t longest_wait_ms = 1'600;
        uint64_t patience_ms = 10'000; ///< until a first answer
        uint64_t consent_ms = 5'000;   ///< between checks once an address has answered
        uint64_t silent_ms = 30'000;   ///< without an answer; then the peer has gone
    };
    struct Datagram {
        stun::TransportAddress to;
        std::vector<uint8_t> bytes;
    };
    enum class State : uint8_t { checking, connected, failed };

    Checks(const Settings &settings, stun::Credentials own, stun::Credentials remote,
           std::vector<stun::TransportAddress> addresses, uint64_t now_ms);

    /// Takes a STUN message, and replies to a request of a peer that is no lite agent.
    void receive(ByteView datagram, const stun::TransportAddress &from, uint64_t now_ms);
    /// Sends what is due.
    void advance(uint64_t now_ms);
    uint64_t next_ms() const { return next_ms_; }

    State state() const { return state_; }
    /// Where to send, once it is connected.
    const stun::TransportAddress &selected() const { return selected_; }
    /// What is to be sent.
    std::vector<Datagram> take() { return std::exchange(out_, {}); }
    const std::string &reason() const { return reason_; }
    /// Answers that were taken, and messages that were not.
    unsigned answers() const { return answers_; }
    unsigned refused() const { return refused_; }

private:
    struct Sent {
        stun::TransactionId transaction;
        stun::TransportAddress to;
    };
    void send_check(const stun::TransportAddress &to);
    void answer(ByteView datagram, const stun::Message &message,
                const stun::TransportAddress &from);
    void take_response(ByteView datagram, const stun::Message &message,
                       const stun::TransportAddress &from, uint64_t now_ms);
    void fail(std::string reason);

    const Settings settings_;
    const stun::Credentials own_, remote_;
    const uint64_t tie_breaker_;
    std::vector<stun::TransportAddress> addresses_;
    std::deque<Sent> sent_; ///< the newest ones
    std::vector<Datagram> out_;
    stun::TransportAddress selected_;
    uint64_t wait_ms_, next_ms_, heard_ms_;
    State state_ = State::checking;
    std::string reason_;
    unsigned answers_ = 0, refused_ = 0;
};

} // namespace rtc_test
