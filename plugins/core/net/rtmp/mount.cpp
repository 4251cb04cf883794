// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtmp/mount.h"

#include "core/net/loop/clock.h"
#include "core/rtmp/packet.h"
#include "core/rtmp/server_session.h"

#include <utility>

namespace penstock::net {

RtmpMount::RtmpMount(MountKey key, std::shared_ptr<Loops> loops)
    : LiveMount(std::move(key), std::move(loops)), slot(*this),
      feed_(audience().ring(), {[](const flv::Tag &tag, uint32_t timestamp) {
                return rtmp::make_packet(tag, timestamp, rtmp::ServerSession::out_chunk_size);
            }}) {
}

bool RtmpMount::deliver(const Publisher &publisher, flv::Tag &&tag) {
    bytes_in.fetch_add(tag.bytes.size(), std::memory_order_relaxed);
    return slot.deliver(publisher, [&tag](PublishReceiver &receiver) {
        return static_cast<TagReceiver &>(receiver).on_tag(std::move(tag));
    });
}

void RtmpMount::attach_feed(const PlayFeedOptions &options) {
    has_feed_ = true;
    set_authority(options.watch);
    audience().set_policy(options.policy);
    feed_.restart(options.history);
    since_ = unix_ms();
    tell(MountEvent::live);
}

void RtmpMount::detach_feed() {
    has_feed_ = false;
    since_ = 0;
    tell(MountEvent::gone);
}

bool RtmpMount::in_use() const {
    return slot.in_use() || has_feed_ || viewers() > 0;
}

MountInfo RtmpMount::info() const {
    MountInfo info{key()};
    info.live = has_feed_;
    info.since = since_;
    info.last_media = last_media();
    info.viewers = viewers();
    info.bytes_in = bytes_in;
    info.bytes_out = audience().bytes_out;
    info.media.content_type = "video/x-flv";
    slot.describe(info);
    return info;
}

} // namespace penstock::net
