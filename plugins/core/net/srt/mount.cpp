// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/mount.h"

#include "core/net/loop/clock.h"
#include "core/net/srt/wire.h"

#include <utility>

namespace penstock::net {

SrtMount::SrtMount(MountKey key, std::shared_ptr<Loops> loops)
    : LiveMount(std::move(key), std::move(loops)), slot(*this),
      feed_(audience().ring(), srt_message) {
}

bool SrtMount::deliver(const Publisher &publisher, Bytes &&packets) {
    bytes_in.fetch_add(packets.size(), std::memory_order_relaxed);
    return slot.deliver(publisher, [&packets](PublishReceiver &receiver) {
        return static_cast<TsReceiver &>(receiver).on_packets(std::move(packets));
    });
}

/// The traits come first: publishers that wait are judged by them.
bool SrtMount::claim(TsReceiver &receiver, const ClaimOptions &options, const SrtTraits &traits) {
    std::lock_guard lock(claim_mutex_);
    if (slot.is_claimed()) return false;
    set_traits(true, traits);
    return slot.claim(receiver, options);
}

/// They go last: until then nobody without them gets in.
void SrtMount::release() {
    std::lock_guard lock(claim_mutex_);
    slot.release();
    set_traits(true, std::nullopt);
}

/// The ring's epoch changes behind the traits: a viewer that has not looked at them since gets
/// nothing of this producer.
void SrtMount::attach_feed(const PlayFeedOptions &options, const SrtTraits &traits) {
    set_traits(false, traits);
    feeds_.fetch_add(1, std::memory_order_acq_rel);
    has_feed_ = true;
    set_authority(options.watch);
    audience().set_policy(options.policy);
    feed_.restart(options.history);
    since_ = unix_ms();
    tell(MountEvent::live);
}

void SrtMount::detach_feed() {
    has_feed_ = false;
    since_ = 0;
    tell(MountEvent::gone);
}

std::optional<SrtTraits> SrtMount::traits(bool publish) const {
    std::lock_guard lock(traits_mutex_);
    return traits_[publish];
}

void SrtMount::set_traits(bool publish, std::optional<SrtTraits> traits) {
    std::lock_guard lock(traits_mutex_);
    traits_[publish] = std::move(traits);
}

bool SrtMount::in_use() const {
    return slot.in_use() || has_feed_ || viewers() > 0;
}

MountInfo SrtMount::info() const {
    MountInfo info{key()};
    info.live = has_feed_;
    info.since = since_;
    info.last_media = last_media();
    info.viewers = viewers();
    info.bytes_in = bytes_in;
    info.bytes_out = audience().bytes_out;
    info.media.content_type = "video/mp2t";
    slot.describe(info);
    return info;
}

} // namespace penstock::net
