// SPDX-License-Identifier: LGPL-2.1-or-later
// One association of usrsctp: packets and messages go in, packets and events come out, on whatever
// thread calls. This header does not need usrsctp. Not thread-safe, but independent of others.
#pragma once

#include "core/sctp/data_channels.h"
#include "core/sctp/dcep.h"
#include "core/sctp/guard.h"
#include "core/sctp/stack.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

struct socket;

namespace penstock::sctp {

/// Streams in each direction. Peers take every other one for channels, and one that is being closed
/// is not free yet.
inline constexpr uint16_t max_streams = 64;

struct Event {
    enum class Kind : uint8_t {
        established,
        message,
        too_long,       ///< a message of more than max_message bytes
        incoming_reset, ///< the peer has closed these streams
        outgoing_reset, ///< these streams of this side are closed, or can't be
        dry,            ///< everything was acknowledged
        ended
    };
    Kind kind = Kind::dry;
    uint16_t stream = 0;           ///< of a message
    Ppid ppid{};                   ///< of a message
    ByteView bytes;                ///< of a message; valid until the next call of next()
    std::vector<uint16_t> streams; ///< that are reset
    const char *reason = "";       ///< of the end
};

class Association {
public:
    enum class Sent : uint8_t {
        sent,
        later, ///< the queue is full, or the stream is being reset
        failed ///< never
    };

    /// Begins at once. nullptr, and why in `error`, if usrsctp can't.
    static std::unique_ptr<Association> make(const DataChannels::Options &options, uint64_t now_ms,
                                             std::string *error);
    ~Association();
    Association(const Association &) = delete;
    Association &operator=(const Association &) = delete;

    /// Whether usrsctp has seen it.
    bool input(ByteView packet, uint64_t now_ms);
    Sent send(uint16_t stream, Ppid ppid, ByteView message, const Reliability &how,
              uint64_t now_ms);
    /// Closes a stream of this side, when everything in it has been sent.
    void reset(uint16_t stream, uint64_t now_ms);
    void advance(uint64_t now_ms);
    /// The peer is told that it ends; nothing else may follow but take_output().
    void abort(uint64_t now_ms);

    /// What has happened; false: nothing more.
    bool next(Event &event);
    /// What has to be sent, with the ports of the outside.
    Outbox take_output();

private:
    explicit Association(const DataChannels::Options &options);
    bool open(const DataChannels::Options &options, std::string *error);
    bool set_options(const DataChannels::Options &options);
    bool is_crowded();
    bool take_notification(ByteView bytes, Event &event);
    bool take_end(Event &event, const char *reason);

    Stack &stack_;
    const uint16_t port_, remote_port_;
    uint16_t inner_port_ = 0; ///< 0: none
    struct ::socket *socket_ = nullptr;
    Guard guard_;
    Outbox outbox_;                ///< guarded by the stack's mutex
    std::vector<uint8_t> message_; ///< what is there of one
    size_t messages_ = 0;          ///< that were sent since they were counted
    bool is_delivered_ = false;    ///< message_ is complete
    bool has_ended_ = false;
};

} // namespace penstock::sctp
