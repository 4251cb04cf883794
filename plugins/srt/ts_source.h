// SPDX-License-Identifier: LGPL-2.1-or-later
// The common part of sources of MPEG transport streams: packets from the network become
// `video/mpegts` buffers, cut where viewers may join.
#pragma once

#include "core/mpegts/joins.h"
#include "gst/queued_source.h"

#include <string>

namespace penstock::srt {

inline constexpr char ts_caps[] = "video/mpegts, systemstream=(boolean)true, packetsize=(int)188";

class TsSource : public QueuedSource<Bytes> {
protected:
    using QueuedSource::QueuedSource;
    ~TsSource() = default;

    /// On a network thread, whole packets of 188 bytes. Returns false if the queue is full: the
    /// sender has to wait for on_room().
    bool put_packets(Bytes &&packets) {
        const size_t size = packets.size();
        return put_media(std::move(packets), size);
    }
    /// On the thread that has the queue's turn: a sender begins.
    virtual void on_began(const std::string &who) = 0;

private:
    void on_open() override;
    void begin(const std::string &who) override;
    GstFlowReturn take_media(Bytes &&packets) override;
    GstFlowReturn push_packets(const Bytes &packets, bool joinable);
    void push_caps();

    // Belongs to the thread that has the queue's turn.
    mpegts::JoinFinder joins_;
    unsigned tables_version_ = 0;
    gint64 next_caps_ = 0; ///< µs, monotonic: new tables are told from then on
    bool discont_ = true;
};

} // namespace penstock::srt
