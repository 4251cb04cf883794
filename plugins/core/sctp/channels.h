// SPDX-License-Identifier: LGPL-2.1-or-later
// The data channels of an association: which are open, and how each is opened and closed. Part of
// DataChannels.
#pragma once

#include "core/sctp/association.h"
#include "core/sctp/data_channels.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::sctp {

class Channels final : public DataChannels {
public:
    /// Channels that a peer may open in a minute, and at once; the association ends with more.
    static constexpr unsigned max_openings = 120;

    Channels(Handler &handler, const Options &options, std::unique_ptr<Association> association)
        : handler_(handler), options_(options), association_(std::move(association)) {}

    void receive(ByteView packet, uint64_t now_ms) override;
    bool send_text(uint16_t id, std::string_view text, uint64_t now_ms) override;
    bool send_binary(uint16_t id, ByteView bytes, uint64_t now_ms) override;
    std::optional<uint16_t> open(const std::string &label, uint64_t now_ms) override;
    void close_channel(uint16_t id, uint64_t now_ms) override;
    void close(uint64_t now_ms) override;
    bool check(uint64_t now_ms) override;
    void flush();

private:
    struct Channel {
        enum class State : uint8_t {
            opening, ///< this side has opened it
            open,
            closing ///< one of the two has closed it
        };
        uint16_t id = 0;
        State state = State::open;
        bool is_ours_reset = false, is_theirs_reset = false;
        Reliability reliability;
        std::string label; ///< while it is opening
    };

    Channel *find(uint16_t id);
    void drain(uint64_t now_ms);
    void take(const Event &event, uint64_t now_ms);
    void take_message(const Event &event, uint64_t now_ms);
    void take_control(uint16_t id, ByteView message, uint64_t now_ms);
    void take_open(uint16_t id, const Open &open, uint64_t now_ms);
    void take_incoming_reset(uint16_t id, uint64_t now_ms);
    void take_outgoing_reset(uint16_t id);
    bool may_open(uint64_t now_ms);
    bool send(uint16_t id, Ppid ppid, Ppid empty, ByteView bytes, uint64_t now_ms);
    void reset(uint16_t id, bool at_once, uint64_t now_ms);
    void forget(uint16_t id);
    void end(const std::string &reason, uint64_t now_ms);
    bool is_busy(uint64_t now_ms) const;

    Handler &handler_;
    const Options options_;
    std::unique_ptr<Association> association_; ///< nullptr: it has ended
    std::unique_ptr<Association> ended_;
    std::vector<Channel> channels_;
    bool is_established_ = false;
    uint64_t busy_until_ms_ = 0; ///< an acknowledgement may be due
    unsigned openings_ = 0;
    uint64_t openings_since_ms_ = 0;
};

} // namespace penstock::sctp
