// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/room_state.h"

#include "core/net/loop/clock.h"

#include <algorithm>
#include <utility>

namespace penstock::net {
namespace {

using rtc::room::SourceKind;

/// The scene is told so often at most; ns.
constexpr uint64_t scene_interval = 50'000'000;

/// "room/standup/join" is the room "standup".
std::string name_of_path(const std::string &path) {
    const size_t end = path.rfind('/');
    const size_t begin = end == path.npos ? path.npos : path.rfind('/', end - 1);
    return begin == path.npos ? path.substr(0, end) : path.substr(begin + 1, end - begin - 1);
}

rtc::room::Room::Options room_options(const std::string &path, const RoomOptions &options) {
    rtc::room::Room::Options out;
    out.name = name_of_path(path);
    out.default_role = options.may_speak ? rtc::room::Role::speaker : rtc::room::Role::listener;
    out.max_participants = options.max_participants;
    out.first_is_host = options.host_key.empty();
    return out;
}

uint64_t next_track() {
    static std::atomic<uint64_t> last{0};
    return ++last;
}

} // namespace

RtcRoom::RtcRoom(std::string path, const RoomOptions &options, std::shared_ptr<Loops> loops)
    : path_(std::move(path)), options_(options), loops_(std::move(loops)),
      room_(room_options(path_, options_)) {
    for (size_t loop = 0; loop < loops_->size(); ++loop)
        sides_.push_back(std::make_shared<RoomSide>(loops_, loop, [this](uint32_t participant) {
            welcome(participant); // called by members, which hold the room
        }));
}

RtcRoom::~RtcRoom() = default;

bool RtcRoom::is_full() const {
    std::lock_guard lock(mutex_);
    return room_.is_full();
}

bool RtcRoom::is_occupied() const {
    std::lock_guard lock(mutex_);
    return room_.size() > 0;
}

bool RtcRoom::is_readable() const {
    std::lock_guard lock(mutex_);
    return room_.size() > sealed_.size();
}

// --- participants -------------------------------------------------------------------------

RtcRoom::Joined RtcRoom::join(const Joining &who) {
    const auto &layers = who.layers;
    Joined out;
    std::unique_lock lock(mutex_);
    if (is_closed_) return out;
    std::array<bool, rtc::room::source_kinds> sends{};
    for (size_t i = 0; i < layers.size(); ++i)
        sends[i] = layers[i] > 0;
    out.number = room_.join(who.name, who.is_host, sends);
    if (out.number == 0) return out;
    ++joined_;
    loops_of_[out.number] = who.loop;
    if (who.is_sealed) sealed_.insert(out.number);
    for (size_t i = 0; i < layers.size(); ++i) {
        if (layers[i] == 0) continue;
        out.tracks[i] = std::make_shared<RoomTrack>(next_track(), out.number, SourceKind(i),
                                                    layers[i], loops_->size());
        tracks_[out.tracks[i]->number] = out.tracks[i];
    }
    act();
    const bool is_first = room_.size() == 1;
    lock.unlock();
    if (is_first) tell_occupied();
    return out;
}

void RtcRoom::tell_occupied() {
    std::unique_lock lock(mutex_);
    const RoomTaps taps = taps_;
    lock.unlock();
    for (const auto &tap : taps)
        tap->call([](RoomReceiver &receiver) { receiver.on_occupied(); });
}

void RtcRoom::leave(uint32_t participant) {
    std::unique_lock lock(mutex_);
    std::erase_if(tracks_, [&](const auto &one) { return one.second->participant == participant; });
    loops_of_.erase(participant);
    sealed_.erase(participant);
    room_.leave(participant);
    act();
    const bool is_empty = room_.size() == 0;
    lock.unlock();
    if (is_empty) tell_occupied();
}

void RtcRoom::welcome(uint32_t participant, size_t most_text) {
    std::lock_guard lock(mutex_);
    room_.welcome(participant, most_text);
    act();
}

std::optional<rtc::room::message::View> RtcRoom::take_text(uint32_t participant,
                                                           std::string_view text) {
    counters.messages.fetch_add(1, std::memory_order_relaxed);
    std::lock_guard lock(mutex_);
    auto view = room_.take_text(participant, text, static_cast<int64_t>(steady_ns()), unix_ms());
    act();
    return view;
}

void RtcRoom::set_flowing(uint32_t participant, SourceKind kind, bool flows) {
    std::lock_guard lock(mutex_);
    room_.set_flowing(participant, kind, flows);
    act();
}

std::vector<uint32_t> RtcRoom::numbers_of(const std::vector<std::string> &ids) const {
    std::vector<uint32_t> out;
    std::lock_guard lock(mutex_);
    for (const std::string &id : ids)
        if (const uint32_t number = room_.number_of(id)) out.push_back(number);
    return out;
}

void RtcRoom::describe(uint32_t participant, RoomStream &out) const {
    std::lock_guard lock(mutex_);
    out.name = room_.name_of(participant);
    out.is_muted = !room_.forwards(participant, SourceKind::microphone);
}

/// With mutex_ held, so that texts come in the order in which things have happened.
void RtcRoom::act() {
    rtc::room::Room::Actions actions = room_.take();
    for (const auto &text : actions.texts) {
        std::map<size_t, rtc::room::Room::Text> by_loop;
        for (const uint32_t number : text.to)
            if (const auto found = loops_of_.find(number); found != loops_of_.end())
                by_loop[found->second].to.push_back(number);
        for (auto &[loop, part] : by_loop) {
            part.text = text.text;
            sides_[loop]->put(part);
        }
    }
    for (auto &[number, reason] : actions.removed)
        if (const auto found = loops_of_.find(number); found != loops_of_.end())
            sides_[found->second]->put_removal(number, std::move(reason));
    is_scene_due_ = is_scene_due_ || actions.scene_changed;
    if (is_scene_due_) tell_scene(steady_ns());
}

/// With mutex_ held.
void RtcRoom::tell_scene(uint64_t now) {
    if (now - scene_told_ < scene_interval) return; // with the next tick
    scene_told_ = now;
    is_scene_due_ = false;
    auto scene = std::make_shared<RoomScene>();
    for (const auto &[number, track] : tracks_) {
        if (!room_.forwards(track->participant, track->kind)) continue;
        scene->tracks.push_back(
            {number, track->participant, track->kind, room_.turn_of(track->participant)});
        scene->handles[number] = track;
    }
    for (const auto &side : sides_)
        side->put(std::shared_ptr<const RoomScene>(scene));
}

void RtcRoom::tick(uint64_t now) {
    uint64_t due = next_tick_.load(std::memory_order_relaxed);
    if (now < due || !next_tick_.compare_exchange_strong(due, now + tick_ns)) return;
    std::lock_guard lock(mutex_);
    for (const auto &[number, track] : tracks_)
        if (track->kind == SourceKind::microphone)
            room_.hear(track->participant, track->take_heard(), static_cast<int64_t>(now));
    room_.tick();
    act();
}

void RtcRoom::publish(const RoomTrackPtr &track, size_t from,
                      const rtc::room::MediaPacketPtr &packet, int64_t now) {
    for (size_t loop = 0; loop < sides_.size(); ++loop) {
        if (!track->is_wanted(loop, packet->layer)) continue;
        if (loop == from)
            sides_[loop]->deliver(*track, packet, now);
        else
            sides_[loop]->put(track, packet);
    }
}

// --- taps ---------------------------------------------------------------------------------

bool RtcRoom::add_tap(const std::shared_ptr<RoomTap> &tap) {
    std::lock_guard lock(mutex_);
    if (is_closed_) return false;
    taps_.push_back(tap);
    taps_changed();
    return true;
}

/// With mutex_ held.
void RtcRoom::taps_changed() {
    ++tap_turn_;
    room_.set_tapped(std::any_of(taps_.begin(), taps_.end(),
                                 [](const auto &tap) { return tap->takes_media(); }));
    act();
}

void RtcRoom::remove_tap(const std::shared_ptr<RoomTap> &tap) {
    tap->close();
    std::lock_guard lock(mutex_);
    std::erase(taps_, tap);
    taps_changed();
    if (taps_.empty()) close("the room has closed");
}

RoomTaps RtcRoom::media_taps() const {
    RoomTaps out;
    std::lock_guard lock(mutex_);
    for (const auto &tap : taps_)
        if (tap->takes_media()) out.push_back(tap);
    return out;
}

bool RtcRoom::is_tapped() const {
    return !media_taps().empty();
}

uint64_t RtcRoom::open_stream() {
    std::lock_guard lock(mutex_);
    streams_[++last_stream_] = false;
    return last_stream_;
}

void RtcRoom::close_stream(uint64_t stream) {
    std::lock_guard lock(mutex_);
    const auto found = streams_.find(stream);
    if (found == streams_.end()) return;
    if (found->second) --requests_;
    streams_.erase(found);
}

void RtcRoom::want_keyframe(uint64_t stream) {
    std::lock_guard lock(mutex_);
    const auto found = streams_.find(stream);
    if (found != streams_.end() && !std::exchange(found->second, true)) ++requests_;
}

bool RtcRoom::take_keyframe_request(uint64_t stream) {
    if (requests_ == 0) return false;
    std::lock_guard lock(mutex_);
    const auto found = streams_.find(stream);
    if (found == streams_.end() || !std::exchange(found->second, false)) return false;
    --requests_;
    return true;
}

/// With mutex_ held, so that no tap comes into a room that closes.
void RtcRoom::close(const std::string &reason) {
    if (is_closed_.exchange(true)) return;
    for (const auto &[number, loop] : loops_of_)
        sides_[loop]->put_removal(number, reason);
}

RoomStats RtcRoom::stats() const {
    RoomStats out;
    out.bytes_in = counters.bytes_in;
    out.packets_in = counters.packets_in;
    out.bytes_out = counters.bytes_out;
    out.packets_out = counters.packets_out;
    out.repeated = counters.repeated;
    out.messages = counters.messages;
    out.dropped = counters.dropped;
    for (const auto &side : sides_)
        out.dropped += side->dropped();
    std::lock_guard lock(mutex_);
    out.participants = static_cast<unsigned>(room_.size());
    out.speakers = static_cast<unsigned>(room_.speaking());
    out.joined = joined_;
    return out;
}

} // namespace penstock::net
