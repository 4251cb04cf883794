// SPDX-License-Identifier: LGPL-2.1-or-later
// Appends an MPEG transport stream to a ring, cut into messages, with the program tables that
// joining viewers need and the positions where they may join. Its input is one, or FLV tags.
#pragma once

#include "core/fanout/ring.h"
#include "core/mpegts/aligner.h"
#include "core/mpegts/flv_muxer.h"
#include "core/mpegts/joins.h"
#include "core/rtmp/timeline.h"

#include <string>
#include <vector>

namespace penstock::fanout {

/// Used by one producer at a time. Not thread-safe; the ring is.
class TsFeed {
public:
    /// `message`: bytes of the largest piece of a packet, a multiple of 188.
    TsFeed(Ring &ring, size_t message) : ring_(ring), message_(message) {}

    /// Starts a new producer: viewers rejoin at its first join position.
    void restart(gop::Limits limits);
    /// The producer's timestamps start anew (another publisher); viewers stay joined.
    void discontinuity();

    /// The following return whether viewers wait for what was appended; false if nothing was.
    /// `now_ns`: arrival time on any steady clock.
    bool append(const flv::Tag &tag, uint64_t now_ns);
    /// Bytes of a transport stream, cut anywhere. A single packet waits until a message is full.
    bool append(ByteView bytes, uint64_t now_ns);

    /// See mpegts::FlvMuxer::take_complaint().
    std::string take_complaint() { return muxer_.take_complaint(); }
    /// Whether any transport stream packet was appended since restart().
    bool has_begun() const { return has_begun_; }

private:
    void put(std::vector<uint8_t> &&packets, uint64_t now_ns, bool joinable, bool awaited);
    std::shared_ptr<Packet> cut(std::vector<uint8_t> &&packets) const;

    Ring &ring_;
    const size_t message_;
    rtmp::Timeline timeline_;
    mpegts::FlvMuxer muxer_;
    mpegts::Aligner aligner_;
    mpegts::JoinFinder joins_;
    unsigned tables_version_ = 0;
    std::vector<uint8_t> pending_;  ///< packets that wait for a message to be full
    std::vector<uint8_t> incoming_; ///< empty between calls; keeps its memory
    bool pending_joinable_ = false, pending_awaited_ = false;
    bool had_video_ = false, has_begun_ = false;
};

} // namespace penstock::fanout
