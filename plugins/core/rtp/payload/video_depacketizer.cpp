// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the ends of frames and tells what gaps did to them.
#include "core/rtp/payload/video_depacketizer.h"

namespace penstock::rtp::payload {

bool VideoDepacketizer::append(ByteView bytes) {
    if (bytes_.size() + bytes.size() > max_frame) {
        damaged_ = true;
        return false;
    }
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return true;
}

Result VideoDepacketizer::push(const Packet &packet, std::vector<Frame> &out) {
    const bool lost = packet.lost_before || lost_;
    // A packet of nothing but padding probes the bandwidth, and belongs to no frame.
    lost_ = lost && packet.payload.empty();
    if (packet.payload.empty()) return Result::ok();
    if (lost) lose();
    const bool same_time = any_ && packet.timestamp == timestamp_;
    // A frame that is still open had no marker: its end may be among the missing packets.
    if (open_ && lost) damaged_ = true;
    if (open_ && (!same_time || begins_another(packet.payload))) end(out);
    if (!open_) {
        open_ = any_ = true;
        timestamp_ = packet.timestamp;
        after_gap_ = after_gap_ || lost;
        begin_seen_ = !lost;
        same_time_again_ = same_time;
    }
    Result result = add(packet.payload);
    if (result.is_error()) damaged_ = true;
    if (packet.marker && ends_with_marker()) end(out);
    return result;
}

void VideoDepacketizer::flush(std::vector<Frame> &out) {
    if (open_) end(out);
}

void VideoDepacketizer::end(std::vector<Frame> &out) {
    Frame frame;
    frame.timestamp = timestamp_;
    frame.after_gap = after_gap_;
    frame.damaged = damaged_ || !begin_seen_;
    if (finish(frame)) {
        // A copy holds no more memory than the frame needs, however long it is kept.
        frame.bytes = Bytes::copy_of(bytes_);
        after_gap_ = false;
        out.push_back(std::move(frame));
    }
    bytes_.clear();
    if (bytes_.capacity() > largest_kept) bytes_.shrink_to_fit();
    open_ = damaged_ = false;
    begin_seen_ = true;
}

} // namespace penstock::rtp::payload
