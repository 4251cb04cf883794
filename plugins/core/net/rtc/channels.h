// SPDX-License-Identifier: LGPL-2.1-or-later
// The data channels of a session: between its DTLS, which hands it packets and takes some, and what
// the session does with messages.
#pragma once

#include "core/sctp/data_channels.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::net {

/// Belongs to its session's loop.
class RtcChannels final : private sctp::DataChannels::Handler {
public:
    /// The session. It may end in a call, but is not destroyed.
    class Owner {
    public:
        /// To be sent by DTLS.
        virtual void send_data(ByteView packet) noexcept = 0;
        virtual void on_channel_open(uint16_t id, const std::string &label) = 0;
        virtual void on_channel_text(uint16_t id, std::string_view text) = 0;
        virtual void on_channel_closed(uint16_t id) = 0;
        /// There are no channels any more.
        virtual void on_channels_ended(const std::string &reason) = 0;

    protected:
        ~Owner() = default;
    };

    RtcChannels(Owner &owner, const sctp::DataChannels::Options &options)
        : owner_(owner), options_(options) {}

    /// DTLS is connected.
    void start(size_t max_packet, uint64_t now_ms);
    /// Keeps a packet of DTLS, which must not be called while it hands out one, for
    /// take_received().
    void put(ByteView packet) { received_.emplace_back(packet.begin(), packet.end()); }
    bool has_received() const { return !received_.empty(); }
    void take_received(uint64_t now_ms);
    bool send_text(uint16_t id, std::string_view text, uint64_t now_ms);
    /// Once in a second, and after each call here while is_busy().
    void check(uint64_t now_ms) { is_busy_ = channels_ && channels_->check(now_ms); }
    /// Whether check() wants to be called in a few milliseconds.
    bool is_busy() const { return is_busy_; }
    void close(uint64_t now_ms);

private:
    void on_packet(ByteView packet) noexcept override { owner_.send_data(packet); }
    void on_open(uint16_t id, const std::string &label) override {
        owner_.on_channel_open(id, label);
    }
    void on_text(uint16_t id, std::string_view text) override { owner_.on_channel_text(id, text); }
    void on_binary(uint16_t, ByteView) override {} // nothing that is served has a use for it
    void on_channel_closed(uint16_t id) override { owner_.on_channel_closed(id); }
    void on_closed(const std::string &reason) override { owner_.on_channels_ended(reason); }

    Owner &owner_;
    sctp::DataChannels::Options options_;
    std::unique_ptr<sctp::DataChannels> channels_; ///< nullptr until DTLS is connected
    std::vector<std::vector<uint8_t>> received_;
    bool is_busy_ = false;
};

} // namespace penstock::net
