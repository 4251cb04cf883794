// SPDX-License-Identifier: LGPL-2.1-or-later
// One association of usrsctp: packets and messages go in, packets and events come out, on whatever
// thread calls. This header does not need usrsctp. Not thread-safe, but independent of others.
#pragma once

#include "core/sctp/data_channels.h"
#include "core/sctp/dcep.h"
#include "core/sctp/guard.h"
#include "core/sctp/stack.h"

#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

struct socket;

namespace penstock::sctp {

/// Streams in each direction. Peers take every other one for channels, and one that is being closed
/// is not free yet.
inline constexpr uint16_t max_streams = 48;

struct Event {
    enum class Kind : uint8_t {
        established,
        message,
        too_long,       ///< a message of more than max_message bytes
        incoming_reset, ///< the peer has closed these streams
        outgoing_reset, ///< these streams of this side are closed, or can't be
        ended
    };
    Kind kind = Kind::ended;
    uint16_t stream = 0;           ///< of a message
    Ppid ppid{};                   ///< of a message
    ByteView bytes;                ///< of a message; valid until the next call of next()
    std::vector<uint16_t> streams; ///< that are reset
    const char *reason = "";       ///< of the end
};

class Association {
public:
    /// Begins at once. nullptr, and why in `error`, if usrsctp can't.
    static std::unique_ptr<Association> make(const DataChannels::Options &options, uint64_t now_ms,
                                             std::string *error);
    ~Association();
    Association(const Association &) = delete;
    Association &operator=(const Association &) = delete;

    /// Whether usrsctp has seen it.
    bool input(ByteView packet, uint64_t now_ms);
    /// Sends a message, which is not empty, or puts it into a queue. False: as much waits as may.
    bool send(uint16_t stream, Ppid ppid, ByteView message, const Reliability &how,
              uint64_t now_ms);
    /// Closes a stream of this side, when everything in it has been sent; `at_once`: what is only
    /// queued is not sent any more.
    void reset(uint16_t stream, bool at_once, uint64_t now_ms);
    /// Lets time pass, and sends what is queued as far as there is room.
    void advance(uint64_t now_ms);
    /// Whether everything was acknowledged.
    bool is_idle() const { return messages_ == 0 && queue_.empty(); }
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
    struct Item {
        uint16_t stream = 0;
        Ppid ppid{};
        Reliability how;
        std::vector<uint8_t> message; ///< empty: the stream is reset
    };
    bool pass_on(uint16_t stream, Ppid ppid, ByteView message, const Reliability &how);
    void pass_on_reset(uint16_t stream);
    void pump();
    bool take_notification(ByteView bytes, Event &event);
    bool take_end(Event &event, const char *reason);

    Stack &stack_;
    const uint16_t port_, remote_port_;
    uint16_t inner_port_ = 0; ///< 0: none
    struct ::socket *socket_ = nullptr;
    Guard guard_;
    Outbox outbox_;                ///< guarded by the stack's mutex
    std::vector<uint8_t> message_; ///< what is there of one
    std::list<Item> queue_;        ///< that usrsctp does not have yet
    size_t queued_ = 0;            ///< bytes
    /// That usrsctp has got since it had none. It does not tell how many of them are left, and
    /// needs half a kilobyte for the smallest.
    size_t messages_ = 0;
    bool is_delivered_ = false; ///< message_ is complete
    bool has_ended_ = false;
};

} // namespace penstock::sctp
