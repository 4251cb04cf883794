// SPDX-License-Identifier: LGPL-2.1-or-later
// What a client may cost: floods of frames, and time in which nothing gets on.
#include "core/http2/session.h"

#include <algorithm>

#include <nghttp2/nghttp2.h>

namespace penstock::http2 {

/// How much of the input is of one frame: its head, or what has come of its payload. Frames are
/// counted here, before they have any effect, since libnghttp2 tells of some only.
size_t ServerSession::frame_part(ByteView input) {
    if (greeting_left_ > 0) {
        const size_t size = std::min(greeting_left_, input.size());
        greeting_left_ -= size;
        return size;
    }
    if (payload_left_ > 0) {
        const size_t size = std::min(payload_left_, input.size());
        payload_left_ -= size;
        return size;
    }
    const size_t size = std::min(head_.size() - head_size_, input.size());
    std::copy_n(input.begin(), size, head_.begin() + ptrdiff_t(head_size_));
    head_size_ += size;
    if (head_size_ < head_.size()) return size;
    head_size_ = 0;
    payload_left_ = size_t(head_[0]) << 16 | size_t(head_[1]) << 8 | head_[2];
    count_frame();
    return size;
}

void ServerSession::count_frame() {
    const size_t length = payload_left_;
    const uint8_t type = head_[3], flags = head_[4];
    const auto count = [this](Allowance &allowance, const char *what) {
        if (!allowance.take(now_ms_)) flooded(what);
    };
    switch (type) {
    case NGHTTP2_PING:
        return count(pings_, "PING frames");
    case NGHTTP2_SETTINGS:
        return count(settings_, "SETTINGS frames");
    case NGHTTP2_PRIORITY:
    case NGHTTP2_PRIORITY_UPDATE:
        return count(priorities_, "PRIORITY frames");
    case NGHTTP2_RST_STREAM: // CVE-2023-44487
        return count(resets_, "RST_STREAM frames");
    case NGHTTP2_DATA:
        // Padding is as good as nothing, and nobody here needs it.
        if ((length == 0 || (flags & NGHTTP2_FLAG_PADDED)) && !(flags & NGHTTP2_FLAG_END_STREAM))
            count(empty_, "empty DATA frames");
        return;
    case NGHTTP2_CONTINUATION:
        if (length == 0) count(empty_, "empty CONTINUATION frames");
        return;
    case NGHTTP2_HEADERS:
        return;
    default:
        return count(others_, "frames without a request");
    }
}

void ServerSession::flooded(const char *what) {
    if (!error_.empty()) return;
    error_ = std::string("HTTP/2: too many ") + what;
    nghttp2_session_terminate_session(session_.get(), NGHTTP2_ENHANCE_YOUR_CALM);
}

Result ServerSession::check(uint64_t now_ms, bool blocked) {
    now_ms_ = std::max(now_ms_, now_ms);
    if (!error_.empty()) return Result::error(error_);
    if (header_ms_ != 0 && now_ms_ - header_ms_ >= limits_.header_ms)
        return fail("HTTP/2: a header did not arrive in time");
    if (streams_.empty() && now_ms_ - idle_ms_ >= limits_.idle_ms) shutdown();
    if (goodbye_ == Goodbye::announced) {
        shutdown();
    } else if (goodbye_ == Goodbye::no && now_ms_ - born_ms_ >= limits_.age_ms) {
        goodbye_ = Goodbye::announced; // and said when requests on their way have arrived
        nghttp2_submit_shutdown_notice(session_.get());
    }
    check_streams(now_ms_);
    const bool pending = blocked || out_size_ > 0 ||
                         std::any_of(streams_.begin(), streams_.end(), [](const auto &each) {
                             return each.second.queued > 0 && !each.second.is_reset;
                         });
    if (!pending) {
        mark_ms_ = 0;
    } else if (mark_ms_ == 0 || sent_ - mark_ >= limits_.stall_bytes) {
        mark_ms_ = now_ms_;
        mark_ = sent_;
    } else if (now_ms_ - mark_ms_ >= limits_.stall_ms) {
        return fail("HTTP/2: the client reads too slowly");
    }
    return Result::ok();
}

/// Resets streams whose windows the client opens too slowly, or not at all: what they have to send
/// is kept in memory.
void ServerSession::check_streams(uint64_t now_ms) {
    for (auto &[id, stream] : streams_) {
        if (stream.queued == 0 || stream.is_reset) {
            stream.mark_ms = 0;
            continue;
        }
        if (stream.mark_ms == 0 || stream.written - stream.mark >= limits_.stall_stream_bytes) {
            stream.mark_ms = now_ms;
            stream.mark = stream.written;
            continue;
        }
        if (now_ms - stream.mark_ms < limits_.stall_ms) continue;
        const int32_t window =
            nghttp2_session_get_stream_remote_window_size(session_.get(), int32_t(id));
        // Else the stream only waits for others of the connection.
        if (window >= 0 && size_t(window) >= std::min(stream.queued, limits_.stall_stream_bytes))
            continue;
        reset(id, Error::cancel);
    }
}

} // namespace penstock::http2
