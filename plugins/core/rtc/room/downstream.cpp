// SPDX-License-Identifier: LGPL-2.1-or-later
// Which tracks and layers a receiver gets.
#include "core/rtc/room/downstream.h"

#include <algorithm>
#include <utility>

namespace penstock::rtc::room {
namespace {

constexpr int64_t choose_interval = 200'000'000; ///< ns
constexpr uint16_t least_sequence = 1024;        ///< see srtp::Sender
constexpr uint64_t audio_bitrate = 48'000;       ///< of a slot, with headers; bit/s
constexpr uint64_t blind_bitrate = 2'500'000;    ///< of a receiver that tells nothing
/// Of what the network carries, the share that media uses: repeated packets need some.
constexpr double media_share = 0.95;
/// The size of a slot about which the receiver has said nothing.
constexpr message::Size default_size{1280, 720};

rtp::BandwidthEstimator::Settings estimator_settings(const Downstream::Options &options) {
    rtp::BandwidthEstimator::Settings out;
    out.start = options.start_bitrate;
    out.maximum = options.max_bitrate;
    return out;
}

} // namespace

Downstream::Downstream(std::vector<SlotAgreement> slots, Options options, Handler &handler,
                       const std::function<uint64_t()> &random, int64_t now)
    : options_(std::move(options)), handler_(handler), estimator_(estimator_settings(options_)),
      chosen_(now), reported_(now), probed_(now), checked_(now), repeat_since_(now) {
    size_t videos = 0;
    for (SlotAgreement &agreed : slots) {
        if (agreed.is_video && videos++ >= options_.last_n) continue;
        const uint64_t numbers = random();
        has_feedback_ = has_feedback_ || (agreed.has_feedback && agreed.transport_sequence != 0);
        const auto first = static_cast<uint16_t>(least_sequence + (numbers & 0x3FFF));
        slots_.push_back(
            Slot{agreed,
                 Forwarder(agreed.rate, first, uint32_t(numbers >> 32), agreed.is_video),
                 {},
                 0,
                 default_size,
                 static_cast<uint16_t>(least_sequence + (numbers >> 16 & 0x3FFF)),
                 0,
                 0,
                 nullptr,
                 rtp::SentHistory<uint8_t>(agreed.is_video ? 256 : 1)});
    }
}

Downstream::Slot *Downstream::slot_of(uint64_t track) {
    for (Slot &slot : slots_)
        if (slot.track == track) return &slot;
    return nullptr;
}

Downstream::Slot *Downstream::slot_with(uint32_t ssrc) {
    for (Slot &slot : slots_)
        if (slot.agreed.ssrc == ssrc) return &slot;
    return nullptr;
}

// --- what is shown ------------------------------------------------------------------------

bool Downstream::set_scene(const Scene &scene, uint32_t self) {
    scene_ = scene;
    self_ = self;
    return assign_slots();
}

bool Downstream::set_view(const message::View &view, std::vector<uint32_t> pinned) {
    pinned_ = std::move(pinned);
    for (Slot &slot : slots_) {
        const auto found = view.slots.find(slot.agreed.mid);
        // What is not named goes on as it was.
        if (found != view.slots.end()) slot.size = found->second;
    }
    chosen_ = 0; // at once
    return assign_slots();
}

bool Downstream::assign_slots() {
    bool is_changed = false;
    for (const bool video : {true, false}) {
        std::vector<Slot *> slots;
        std::vector<std::optional<uint64_t>> tracks;
        for (Slot &slot : slots_)
            if (slot.agreed.is_video == video) {
                slots.push_back(&slot);
                tracks.push_back(slot.track);
            }
        const auto wanted =
            video ? wanted_video(scene_, self_, pinned_) : wanted_audio(scene_, self_);
        assign(wanted, tracks);
        for (size_t i = 0; i < slots.size(); ++i) {
            if (slots[i]->track == tracks[i]) continue;
            is_changed = true;
            aim(*slots[i], std::nullopt);
            slots[i]->track = tracks[i];
            if (!video && tracks[i]) aim(*slots[i], uint8_t(0));
        }
    }
    if (is_changed) chosen_ = 0;
    return is_changed;
}

std::map<std::string, SceneTrack> Downstream::shown() const {
    std::map<std::string, SceneTrack> out;
    for (const Slot &slot : slots_)
        for (const SceneTrack &track : scene_)
            if (slot.track == track.track) out[slot.agreed.mid] = track;
    return out;
}

void Downstream::aim(Slot &slot, std::optional<uint8_t> layer) {
    if (layer && slot.track)
        slot.forwarder.aim(Target{*slot.track, *layer});
    else
        slot.forwarder.aim(std::nullopt);
    tell_interest(slot);
}

/// What is forwarded now, and what it changes to, is needed.
void Downstream::tell_interest(Slot &slot) {
    uint8_t wanted = 0;
    for (const auto &target : {slot.forwarder.target(), slot.forwarder.current()})
        if (target && target->track == slot.track) wanted |= uint8_t(1) << target->layer;
    for (uint8_t layer = 0; layer < most_layers && wanted != slot.wanted; ++layer) {
        const auto bit = uint8_t(1 << layer);
        if ((wanted ^ slot.wanted) & bit)
            handler_.on_interest({*slot.track, layer}, (wanted & bit) != 0);
    }
    slot.wanted = wanted;
}

void Downstream::release() {
    for (Slot &slot : slots_) {
        aim(slot, std::nullopt);
        slot.track.reset();
    }
    scene_.clear();
}

// --- layers -------------------------------------------------------------------------------

uint64_t Downstream::budget() const {
    uint64_t carried = estimator_.target();
    if (!has_feedback_)
        carried = static_cast<uint64_t>(double(remote_limit_ ? remote_limit_ : blind_bitrate) *
                                        loss_factor_);
    uint64_t audio = 0;
    for (const Slot &slot : slots_)
        if (!slot.agreed.is_video && slot.track) audio += audio_bitrate;
    const auto media = static_cast<uint64_t>(double(carried) * media_share);
    return media > audio ? media - audio : 0;
}

void Downstream::choose(int64_t now) {
    chosen_ = now;
    // The most important ones first, as the slots were assigned.
    std::vector<Slot *> slots;
    for (const SceneTrack &track : wanted_video(scene_, self_, pinned_))
        if (Slot *const slot = slot_of(track.track); slot && slot->agreed.is_video)
            slots.push_back(slot);
    std::vector<std::vector<LayerFacts>> facts;
    for (const Slot *slot : slots)
        facts.push_back(handler_.layers_of(*slot->track));
    std::vector<LayerDemand> demands;
    for (size_t i = 0; i < slots.size(); ++i) {
        const auto &target = slots[i]->forwarder.target();
        demands.push_back({facts[i], slots[i]->size.width, slots[i]->size.height,
                           target ? std::optional(target->layer) : std::nullopt});
    }
    const auto layers = choose_layers(demands, budget());
    uint64_t chosen = 0;
    for (size_t i = 0; i < slots.size(); ++i) {
        aim(*slots[i], layers[i]);
        if (layers[i]) chosen += facts[i][*layers[i]].bitrate;
    }
    lacks_bitrate_ = chosen < wanted_bitrate(demands);
}

void Downstream::on_lost(uint64_t track) {
    if (Slot *const slot = slot_of(track)) {
        slot->forwarder.lose();
        tell_interest(*slot);
    }
}

void Downstream::check(int64_t now, int64_t unix_ns) {
    if (now - chosen_ >= choose_interval) {
        estimator_.check(now);
        choose(now);
    }
    for (Slot &slot : slots_)
        if (slot.forwarder.wants_keyframe()) handler_.want_keyframe(*slot.forwarder.target());
    probe(now);
    send_reports(now, unix_ns);
    stats_.target = has_feedback_ ? estimator_.target() : budget();
}

} // namespace penstock::rtc::room
