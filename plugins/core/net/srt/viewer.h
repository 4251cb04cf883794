// SPDX-License-Identifier: LGPL-2.1-or-later
// A caller that watches: what it may watch, how it waits for a stream that is not there yet, and
// how much is sent to it.
#pragma once

#include "core/net/srt/peer.h"
#include "core/net/stream/viewer.h"

#include <memory>
#include <string>

namespace penstock::net {

class SrtViewer final : public SrtPeer, public Viewer {
public:
    SrtViewer(SrtCaller &&caller, size_t loop, std::shared_ptr<SrtState> state);

    void check(uint64_t now_ms) override;
    void close(const std::string &reason) override { SrtPeer::close(reason); }
    /// It was blocked: sends what the network takes now.
    void go_on();

private:
    void start() override;
    void on_ready() override;
    void on_closed(const std::string &reason) override;

    PeerInfo peer_info() const override { return peer_; }
    bool is_admitted() override;
    bool prepare(fanout::Outlet::Source &, bool) override { return true; }
    fanout::Outlet::Status write(const fanout::Outlet::Source &source, fanout::BatchCache &cache,
                                 uint64_t &sent, int &error) override;
    void wait_writable(fanout::Outlet::Status why) override;
    void close_now(LogLevel level, const std::string &reason) override {
        end_watching(level, reason);
    }
    void say_ended() override {}
    void finish() override { is_done_ = true; }

    void admit();
    void ask_to_play(const DemandOptions &demand);
    void play();
    void end_watching(LogLevel level, const std::string &reason);
    void measure();

    std::unique_ptr<WaitingRoom::Seat> seat_; ///< of one that waits for a producer
    size_t window_;                           ///< messages that libsrt may hold
    uint64_t unasked_ = 0;                    ///< bytes that it sent though it watches
    uint64_t skips_seen_ = 0;
    unsigned feeds_seen_ = 0;  ///< SrtMount::feeds() when its passphrase was compared
    unsigned slow_checks_ = 0; ///< for which it still counts as slow
    bool is_asking_ = false;   ///< a stream is made for it
    bool is_done_ = false;     ///< the stream has ended, and all of it is with libsrt
};

} // namespace penstock::net
