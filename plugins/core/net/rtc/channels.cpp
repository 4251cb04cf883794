// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/channels.h"

#include <algorithm>
#include <utility>

namespace penstock::net {

void RtcChannels::start(size_t max_packet, uint64_t now_ms) {
    options_.max_packet = std::min(options_.max_packet, max_packet);
    std::string error;
    channels_ = sctp::DataChannels::make(*this, options_, now_ms, &error);
    if (!channels_) return owner_.on_channels_ended(error);
    is_busy_ = true;
}

void RtcChannels::take_received(uint64_t now_ms) {
    is_busy_ = channels_ != nullptr;
    for (const auto &packet : std::exchange(received_, {}))
        if (channels_) channels_->receive(packet, now_ms);
}

bool RtcChannels::send_text(uint16_t id, std::string_view text, uint64_t now_ms) {
    is_busy_ = channels_ != nullptr;
    return channels_ && channels_->send_text(id, text, now_ms);
}

void RtcChannels::close(uint64_t now_ms) {
    if (channels_) channels_->close(now_ms);
}

} // namespace penstock::net
