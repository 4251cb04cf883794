// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/segments.h"

#include <memory>

namespace penstock::net {

Segments::Buffer &Segments::buffer() {
    thread_local const auto the = std::make_unique<Buffer>();
    return *the;
}

bool Segments::add(ByteView header, std::span<const ByteView> payload) {
    if (end_ + UdpSocket::max_datagram > buffer_.size() || end_ - begin_ >= most_bytes) flush();
    const srtp::Outcome outcome =
        sender_.protect(header, payload, std::span(buffer_).subspan(end_, UdpSocket::max_datagram));
    if (!outcome.ok()) return false;
    // A larger one begins the next call, in the place where it is.
    if (segment_ != 0 && outcome.size > segment_) {
        const size_t at = end_;
        flush();
        begin_ = end_ = at;
    }
    if (segment_ == 0) segment_ = outcome.size;
    end_ += outcome.size;
    bytes_ += outcome.size;
    if (outcome.size < segment_) flush(); // behind a smaller one there is no other
    return true;
}

void Segments::flush() {
    if (end_ > begin_) {
        bool is_full = false;
        sent_ += way_.send_segments(socket_, ByteView(buffer_).subspan(begin_, end_ - begin_),
                                    segment_, is_full);
        is_full_ = is_full_ || is_full;
    }
    begin_ = end_ = segment_ = 0;
}

} // namespace penstock::net
