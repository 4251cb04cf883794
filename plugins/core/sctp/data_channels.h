// SPDX-License-Identifier: LGPL-2.1-or-later
// The data channels of a WebRTC peer: one SCTP association over DTLS (RFC 8831, RFC 8261), in which
// the peer opens channels by DCEP (RFC 8832). This header does not need usrsctp.
#pragma once

#include "core/bytes/bytes.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::sctp {

/// Bytes of a message, in either direction; a peer that sends a longer one loses its association.
/// It is for SDP, too: sdp::AnswerPolicy::max_message_size.
inline constexpr uint32_t max_message = 64 << 10;
/// Open at a time, including those that are being closed; further ones are closed at once.
inline constexpr size_t max_channels = 16;
/// Bytes, and messages, that wait to be sent or acknowledged.
inline constexpr size_t max_queued = 1 << 20, max_queued_messages = 1024;
/// Bytes of a channel's label and protocol; a channel with a longer one is closed at once.
inline constexpr size_t max_label = 256;

/// Not thread-safe, but independent of others: any number of them on any threads. Times are of a
/// steady clock, the same for all of the process, in ms.
class DataChannels {
public:
    /// Called by the methods below, never from another thread, and not after the destructor has
    /// begun. Except for on_packet(), a call may use the object, but not destroy it.
    class Handler {
    public:
        virtual ~Handler() = default;
        /// To be sent by DTLS, as one message of at most Options::max_packet bytes. May lose it.
        virtual void on_packet(ByteView packet) noexcept = 0;
        /// The peer has opened a channel, or accepts the one that open() began.
        virtual void on_open(uint16_t id, const std::string &label) = 0;
        /// Whether it is UTF-8 is not checked.
        virtual void on_text(uint16_t id, std::string_view text) = 0;
        virtual void on_binary(uint16_t id, ByteView bytes) = 0;
        /// The peer has closed a channel that was open. Each open channel is closed before
        /// on_closed(), too. The same id may be opened again later.
        virtual void on_channel_closed(uint16_t id) = 0;
        /// The association has ended, by the peer or by an error; not by close().
        virtual void on_closed(const std::string &reason) = 0;
    };
    struct Options {
        uint16_t port = 5000, remote_port = 5000; ///< a=sctp-port of both sides
        /// Decides which ids open() takes (RFC 8832, section 6): the client's are even.
        bool is_dtls_client = false;
        size_t max_packet = 1150; ///< bytes; at least 600
        /// a=max-message-size of the peer; 0: any.
        uint64_t remote_max_message = 0;
    };

    /// Begins an association, when DTLS is connected; the peer does the same. nullptr, and why in
    /// `error`, if usrsctp can't.
    static std::unique_ptr<DataChannels> make(Handler &handler, const Options &options,
                                              uint64_t now_ms, std::string *error);
    virtual ~DataChannels() = default;
    DataChannels(const DataChannels &) = delete;
    DataChannels &operator=(const DataChannels &) = delete;

    /// What came by DTLS. What is no SCTP, or more than a peer needs to send in a second, is
    /// dropped.
    virtual void receive(ByteView packet, uint64_t now_ms) = 0;
    /// False if the channel is not open, the message is longer than the peer takes, or what is
    /// queued is as much as may be: then nothing was sent.
    virtual bool send_text(uint16_t id, std::string_view text, uint64_t now_ms) = 0;
    virtual bool send_binary(uint16_t id, ByteView bytes, uint64_t now_ms) = 0;
    /// Opens a channel, which is reliable and ordered; on_open() follows. nullopt: not now.
    virtual std::optional<uint16_t> open(const std::string &label, uint64_t now_ms) = 0;
    /// Closes a channel in order: what was sent before still arrives. on_channel_closed() is not
    /// called.
    virtual void close_channel(uint16_t id, uint64_t now_ms) = 0;
    /// Ends the association at once, and tells the peer.
    virtual void close(uint64_t now_ms) = 0;

    /// Sends again what was lost, and acknowledges what came. Returns whether it wants to be called
    /// again in about 10 ms; otherwise once in a second or after another call here is enough.
    virtual bool check(uint64_t now_ms) = 0;

protected:
    DataChannels() = default;
};

} // namespace penstock::sctp
