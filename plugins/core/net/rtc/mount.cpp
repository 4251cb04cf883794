// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/mount.h"

#include "core/flv/enhanced.h"
#include "core/net/loop/clock.h"
#include "core/net/loop/log.h"
#include "core/net/rtc/state.h"

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

/// A second track that has not shown itself by then does not exist, for those who join; ns.
constexpr uint64_t track_wait = 1'000'000'000;
constexpr uint64_t keyframe_interval = 1'000'000'000; ///< ns
/// Video packets that are kept for retransmissions: about two seconds of 4 Mbit/s.
constexpr size_t max_sent_packets = 1024;
constexpr size_t max_waiting = 2000;

rtc::StreamIds random_ids() {
    const uint64_t number = secure_random();
    // Below 2^31 and not 0: some peers take SSRCs for signed numbers.
    const auto base = static_cast<uint32_t>(number & 0x3FFF'FFFC) + 4;
    return {base, base + 1, base + 2, random_name(16)};
}

} // namespace

RtcMount::RtcMount(MountKey key, std::shared_ptr<Loops> loops)
    : LiveMount(std::move(key), std::move(loops)), slot(*this), ids_(random_ids()),
      feed_(audience().ring(), {[this](const flv::Tag &tag, uint32_t timestamp) {
                return maker_.make(tag, timestamp);
            }}) {
    audience().ring().set_fold(rtc::fold);
}

bool RtcMount::deliver(const Publisher &publisher, flv::Tag &&tag) {
    bytes_in.fetch_add(tag.bytes.size(), std::memory_order_relaxed);
    note_media();
    return slot.deliver(publisher, [&tag](PublishReceiver &receiver) {
        return static_cast<TagReceiver &>(receiver).on_tag(std::move(tag));
    });
}

void RtcMount::attach_feed(const PlayFeedOptions &options) {
    set_authority(options.watch);
    audience().set_policy(options.policy);
    maker_.restart();
    edge_.restart();
    feed_.restart(options.history);
    began_ns_ = 0;
    meter_ = {};
    {
        std::lock_guard lock(mutex_);
        facts_ = {};
        rates_ = {};
        is_ready_ = false;
        on_keyframe_wanted_ = options.on_keyframe_wanted;
    }
    has_feed_ = had_feed_ = true;
}

void RtcMount::detach_feed() {
    has_feed_ = false;
    since_ = 0;
    std::vector<Waiting> waiting;
    {
        std::lock_guard lock(mutex_);
        is_ready_ = false;
        on_keyframe_wanted_ = nullptr;
        waiting = std::exchange(waiting_, {});
        sent_ = {};
    }
    call(waiting);
    tell(MountEvent::gone);
}

void RtcMount::discontinuity() {
    feed_.discontinuity();
}

void RtcMount::push(const flv::Tag &tag) {
    const uint64_t now = steady_ns();
    note_media();
    if (tag.type != flv::TagType::script) {
        const auto header = flv::parse_body(tag.type, tag.body_view());
        if (header && header->mod_ex) return push(flv::without_mod_ex(tag));
    }
    const auto packet = feed_.append(tag, now);
    if (maker_.complaint() != complaint_) {
        complaint_ = maker_.complaint();
        if (!complaint_.empty()) log(LogLevel::warning, "rtc", path() + ": " + complaint_);
    }
    if (!packet) return publish_facts(now);
    const rtc::RtpFrame &frame = rtc::frame_of(packet);
    measure_rates(frame, now);
    if (began_ns_ == 0 && (tag.kind == flv::TagKind::audio || tag.kind == flv::TagKind::frame ||
                           tag.kind == flv::TagKind::keyframe))
        began_ns_ = now;
    if (frame.count() > 0) edge_.add(frame.is_video ? 0 : 1, frame.time, now);
    publish_facts(now);
    if (frame.is_video && frame.count() > 0) {
        std::lock_guard lock(mutex_);
        Sent &sent = sent_[frame.rung];
        sent.frames.push_back(packet);
        sent.packets += frame.count();
        while (sent.packets > max_sent_packets && sent.frames.size() > 1) {
            sent.packets -= rtc::frame_of(sent.frames.front()).count();
            sent.frames.pop_front();
        }
    }
    if (frame.count() > 0) audience().wake(packet->awaited);
}

/// The tracks are known when there are both, or one for a second.
void RtcMount::publish_facts(uint64_t now) {
    const rtc::StreamFacts &known = maker_.facts();
    const bool video = known.is_video_ready();
    const bool ready =
        began_ns_ != 0 && ((video && known.audio != 0) ||
                           ((video || known.audio != 0) && now - began_ns_ >= track_wait));
    std::vector<Waiting> waiting;
    bool became_ready = false;
    {
        std::lock_guard lock(mutex_);
        if (facts_ == known && is_ready_ == ready) return;
        facts_ = known;
        became_ready = ready && !std::exchange(is_ready_, ready);
        is_ready_ = ready;
        if (became_ready) waiting = std::exchange(waiting_, {});
    }
    if (!became_ready) return;
    since_ = unix_ms();
    tell(MountEvent::live);
    call(waiting);
}

void RtcMount::measure_rates(const rtc::RtpFrame &frame, uint64_t now) {
    if (!meter_.add(frame, now)) return;
    packet_rate_ = meter_.packet_rate();
    std::lock_guard lock(mutex_);
    rates_ = meter_.rates();
}

rtc::StreamRates RtcMount::rates() const {
    std::lock_guard lock(mutex_);
    return rates_;
}

rtc::StreamFacts RtcMount::facts(bool *ready) const {
    std::lock_guard lock(mutex_);
    *ready = is_ready_;
    return facts_;
}

void RtcMount::call(const std::vector<Waiting> &waiting) {
    for (const Waiting &each : waiting)
        if (!each.who.expired()) each.then();
}

void RtcMount::when_ready(std::weak_ptr<void> who, std::function<void()> then) {
    {
        std::lock_guard lock(mutex_);
        if (waiting_.size() >= max_waiting)
            std::erase_if(waiting_, [](const Waiting &each) { return each.who.expired(); });
        if (!is_ready_ && waiting_.size() < max_waiting)
            return waiting_.push_back({std::move(who), std::move(then)});
    }
    then();
}

fanout::PacketPtr RtcMount::sent_video(uint8_t rung, uint64_t number) const {
    std::lock_guard lock(mutex_);
    const auto &sent = sent_[rung].frames;
    const auto after = std::upper_bound(sent.begin(), sent.end(), number,
                                        [](uint64_t wanted, const fanout::PacketPtr &packet) {
                                            return wanted < rtc::frame_of(packet).number;
                                        });
    if (after == sent.begin()) return nullptr;
    const auto &packet = *std::prev(after);
    return number < rtc::frame_of(packet).end_number() ? packet : nullptr;
}

void RtcMount::want_keyframe() {
    const uint64_t now = steady_ns();
    uint64_t before = keyframe_wanted_ns_;
    if (before != 0 && now - before < keyframe_interval) return;
    if (!keyframe_wanted_ns_.compare_exchange_strong(before, now)) return;
    std::function<void()> ask;
    {
        std::lock_guard lock(mutex_);
        ask = on_keyframe_wanted_;
    }
    if (ask) ask();
}

bool RtcMount::in_use() const {
    return slot.in_use() || has_feed_ || viewers() > 0;
}

MountInfo RtcMount::info() const {
    MountInfo info{key()};
    info.live = since_ != 0;
    info.since = since_;
    info.last_media = last_media();
    info.viewers = viewers();
    info.bytes_in = bytes_in;
    info.bytes_out = audience().bytes_out;
    if (had_feed_) info.media.content_type = "application/sdp"; // it is played, or was
    bool ready = false;
    const rtc::StreamFacts known = facts(&ready);
    info.media.has_video = known.video != 0;
    info.media.has_audio = known.audio != 0;
    slot.describe(info);
    return info;
}

} // namespace penstock::net
