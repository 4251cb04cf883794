// SPDX-License-Identifier: LGPL-2.1-or-later
// A caller that publishes: its admission, the hand-over to a receiver, and its packets.
#pragma once

#include "core/mpegts/aligner.h"
#include "core/net/srt/peer.h"
#include "core/net/stream/publish_slot.h"

#include <string>
#include <vector>

namespace penstock::net {

class SrtPublisher final : public SrtPeer, public Publisher {
public:
    SrtPublisher(SrtCaller &&caller, size_t loop, std::shared_ptr<SrtState> state);

    void check(uint64_t now_ms) override;
    void close(const std::string &reason) override;

private:
    void start() override;
    void on_ready() override { read(); }
    void on_closed(const std::string &reason) override;

    const std::string &name() const override { return name_; }
    bool has_key(std::string_view key) const override;
    void accept_publish() override;
    void ask_receiver() override;
    void refuse_publish(const std::string &reason) override;
    void resume() override;
    void give_way(const std::string &reason) override;

    void admit(std::shared_ptr<const LeaseOptions> lease);
    void publish_as(const std::string &path);
    void read();
    bool take(ByteView messages);

    mpegts::Aligner aligner_;
    bool is_paused_ = true; ///< nothing is read: the receiver is full, or nobody has claimed
    bool has_packets_ = false;
    uint64_t heard_ms_ = 0; ///< when media last came
};

} // namespace penstock::net
