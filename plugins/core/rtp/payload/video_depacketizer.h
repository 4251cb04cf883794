// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds where frames of video begin and end in a stream of packets, and marks those that a gap
// damages.
#pragma once

#include "core/rtp/payload/payload.h"

namespace penstock::rtp::payload {

/// Bytes that the buffer in which frames are put together keeps between frames, at most.
inline constexpr size_t largest_kept = 1 << 20;

/// The base of the depacketizers for video. A frame ends with the marker or, if that was lost or
/// the sender sets none, where the timestamp changes.
class VideoDepacketizer : public Depacketizer {
public:
    Result push(const Packet &packet, std::vector<Frame> &out) final;
    void flush(std::vector<Frame> &out) final;

protected:
    /// Takes a payload of the current frame. Errors as those of push(); the frame is then damaged.
    virtual Result add(ByteView payload) = 0;
    /// Packets are missing before the next payload: gives up what is incomplete.
    virtual void lose() = 0;
    /// Whether the marker of the payload just added ends the frame indeed.
    virtual bool ends_with_marker() { return true; }
    /// Whether a payload with the timestamp of the current frame begins another one.
    virtual bool begins_another(ByteView) { return false; }
    /// Completes `bytes_` and `frame`, whose timestamp and gaps are set, and prepares for the next
    /// frame. Returns false if there is nothing to output.
    virtual bool finish(Frame &frame) = 0;

    /// Appends to `bytes_`; returns false, and the frame is damaged, if that would be too long.
    bool append(ByteView bytes);

    std::vector<uint8_t> bytes_; ///< of the current frame
    bool damaged_ = false;       ///< the current frame is
    /// The current frame's first packet came. After a gap add() sets it, if the payload proves it.
    bool begin_seen_ = true;
    /// The current frame has the timestamp of the frame before.
    bool same_time_again_ = false;

private:
    void end(std::vector<Frame> &out);

    bool any_ = false;  ///< there was a packet
    bool open_ = false; ///< there is a current frame
    bool lost_ = false; ///< before the next payload
    bool after_gap_ = false;
    uint32_t timestamp_ = 0;
};

} // namespace penstock::rtp::payload
