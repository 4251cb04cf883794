// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sctp/channels.h"

#include <algorithm>
#include <utility>

namespace penstock::sctp {
namespace {

/// How long after the last packet an acknowledgement of it may be due.
constexpr uint64_t busy_ms = 100;
constexpr uint64_t minute_ms = 60'000;
constexpr size_t min_packet = 600;
constexpr Reliability in_order{};

ByteView bytes_of(std::string_view text) {
    return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
}

std::string_view text_of(ByteView bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

} // namespace

std::unique_ptr<DataChannels> DataChannels::make(Handler &handler, const Options &options,
                                                 uint64_t now_ms, std::string *error) {
    Options used = options;
    used.max_packet = std::max(used.max_packet, min_packet);
    auto association = Association::make(used, now_ms, error);
    if (!association) return nullptr;
    auto out = std::make_unique<Channels>(handler, used, std::move(association));
    out->flush();
    return out;
}

Channels::Channel *Channels::find(uint16_t id) {
    const auto found = std::find_if(channels_.begin(), channels_.end(),
                                    [&](const Channel &one) { return one.id == id; });
    return found == channels_.end() ? nullptr : &*found;
}

void Channels::forget(uint16_t id) {
    std::erase_if(channels_, [&](const Channel &one) { return one.id == id; });
}

/// Hands over what there is to send.
void Channels::flush() {
    if (!association_) return;
    association_->take_output().each([&](ByteView packet) { handler_.on_packet(packet); });
}

// --- what comes ---------------------------------------------------------------------------

void Channels::receive(ByteView packet, uint64_t now_ms) {
    if (!association_ || !association_->input(packet, now_ms)) return;
    busy_until_ms_ = now_ms + busy_ms;
    drain(now_ms);
    flush();
}

bool Channels::check(uint64_t now_ms) {
    ended_.reset();
    if (!association_) return false;
    association_->advance(now_ms);
    drain(now_ms);
    flush();
    return association_ && is_busy(now_ms);
}

bool Channels::is_busy(uint64_t now_ms) const {
    return !is_established_ || !association_->is_idle() || now_ms < busy_until_ms_;
}

void Channels::drain(uint64_t now_ms) {
    Event event;
    while (association_ && association_->next(event))
        take(event, now_ms);
    // An acknowledgement makes room for what is queued.
    if (association_ && !association_->is_idle()) association_->advance(now_ms);
}

void Channels::take(const Event &event, uint64_t now_ms) {
    switch (event.kind) {
    case Event::Kind::established:
        is_established_ = true;
        return;
    case Event::Kind::message:
        return take_message(event, now_ms);
    case Event::Kind::too_long:
        return end("the peer has sent a message of more than " + std::to_string(max_message) +
                       " bytes",
                   now_ms);
    case Event::Kind::incoming_reset:
        for (const uint16_t id : event.streams)
            if (association_) take_incoming_reset(id, now_ms);
        return;
    case Event::Kind::outgoing_reset:
        for (const uint16_t id : event.streams)
            take_outgoing_reset(id);
        return;
    case Event::Kind::ended:
        return end(event.reason, now_ms);
    }
}

void Channels::take_message(const Event &event, uint64_t now_ms) {
    if (event.ppid == Ppid::control) return take_control(event.stream, event.bytes, now_ms);
    const Channel *channel = find(event.stream);
    // What the peer has sent before it knew that its channel is closed is of no use any more.
    if (!channel || channel->state != Channel::State::open) return;
    switch (event.ppid) {
    case Ppid::text:
        return handler_.on_text(event.stream, text_of(event.bytes));
    case Ppid::empty_text:
        return handler_.on_text(event.stream, {});
    case Ppid::binary:
        return handler_.on_binary(event.stream, event.bytes);
    case Ppid::empty_binary:
        return handler_.on_binary(event.stream, {});
    default:
        return;
    }
}

void Channels::take_control(uint16_t id, ByteView message, uint64_t now_ms) {
    Control control;
    const bool is_sound = parse(message, control).is_ok();
    Channel *channel = find(id);
    if (is_sound && control.is_open) return take_open(id, control.open, now_ms);
    if (is_sound && channel && channel->state == Channel::State::opening) {
        channel->state = Channel::State::open;
        return handler_.on_open(id, std::exchange(channel->label, {}));
    }
    // An acknowledgement that nobody waits for means nothing; RFC 8832, section 6: a faulty opening
    // closes its channel.
    if (!is_sound) reset(id, true, now_ms);
}

void Channels::take_open(uint16_t id, const Open &open, uint64_t now_ms) {
    if (!may_open(now_ms))
        return end("the peer opens more than " + std::to_string(max_openings) +
                       " data channels in a minute",
                   now_ms);
    Channel *channel = find(id);
    // The peer knows that both directions are closed as soon as this side's reset has reached it.
    if (channel && channel->state == Channel::State::closing && channel->is_theirs_reset) {
        forget(id);
        channel = nullptr;
    }
    if (channel || channels_.size() >= max_channels) return reset(id, true, now_ms);
    // It waits in the queue if the stream is still being reset.
    if (!association_->send(id, Ppid::control, write_ack(), in_order, now_ms))
        return reset(id, true, now_ms);
    channels_.push_back({.id = id, .reliability = open.reliability});
    handler_.on_open(id, open.label);
}

bool Channels::may_open(uint64_t now_ms) {
    if (now_ms - openings_since_ms_ >= minute_ms) {
        openings_since_ms_ = now_ms;
        openings_ = 0;
    }
    return ++openings_ <= max_openings;
}

void Channels::reset(uint16_t id, bool at_once, uint64_t now_ms) {
    association_->reset(id, at_once, now_ms);
    busy_until_ms_ = now_ms + busy_ms;
}

/// Both directions of a channel are closed by the reset of their streams (RFC 8831, section 6.7).
void Channels::take_incoming_reset(uint16_t id, uint64_t now_ms) {
    Channel *const channel = find(id);
    if (!channel) return;
    channel->is_theirs_reset = true;
    if (channel->state == Channel::State::closing) {
        if (channel->is_ours_reset) forget(id);
        return;
    }
    const bool was_open =
        std::exchange(channel->state, Channel::State::closing) == Channel::State::open;
    reset(id, true, now_ms);
    if (was_open) handler_.on_channel_closed(id);
}

void Channels::take_outgoing_reset(uint16_t id) {
    Channel *const channel = find(id);
    if (!channel || channel->state != Channel::State::closing) return;
    channel->is_ours_reset = true;
    if (channel->is_theirs_reset) forget(id);
}

// --- what goes ----------------------------------------------------------------------------

bool Channels::send(uint16_t id, Ppid ppid, Ppid empty, ByteView bytes, uint64_t now_ms) {
    const Channel *const channel = find(id);
    if (!association_ || !channel || channel->state != Channel::State::open) return false;
    if (bytes.size() > max_message) return false;
    if (options_.remote_max_message != 0 && bytes.size() > options_.remote_max_message)
        return false;
    static constexpr uint8_t nothing[1] = {0};
    const bool is_empty = bytes.empty();
    if (!association_->send(id, is_empty ? empty : ppid, is_empty ? nothing : bytes,
                            channel->reliability, now_ms))
        return false;
    flush();
    return true;
}

bool Channels::send_text(uint16_t id, std::string_view text, uint64_t now_ms) {
    return send(id, Ppid::text, Ppid::empty_text, bytes_of(text), now_ms);
}

bool Channels::send_binary(uint16_t id, ByteView bytes, uint64_t now_ms) {
    return send(id, Ppid::binary, Ppid::empty_binary, bytes, now_ms);
}

std::optional<uint16_t> Channels::open(const std::string &label, uint64_t now_ms) {
    if (!association_ || !is_established_ || channels_.size() >= max_channels ||
        label.size() > max_label)
        return std::nullopt;
    uint16_t id = options_.is_dtls_client ? 0 : 1;
    while (id < max_streams && find(id))
        id = uint16_t(id + 2);
    if (id >= max_streams) return std::nullopt;
    Open open;
    open.label = label;
    if (!association_->send(id, Ppid::control, write(open), in_order, now_ms)) return std::nullopt;
    channels_.push_back({.id = id, .state = Channel::State::opening, .label = label});
    flush();
    return id;
}

void Channels::close_channel(uint16_t id, uint64_t now_ms) {
    Channel *const channel = find(id);
    if (!association_ || !channel || channel->state == Channel::State::closing) return;
    channel->state = Channel::State::closing;
    reset(id, false, now_ms);
    flush();
}

void Channels::close(uint64_t now_ms) {
    if (!association_) return;
    association_->abort(now_ms);
    flush();
    ended_ = std::move(association_); // the handler may have a message of it at hand
    channels_ = {};
}

/// Tells the handler that it is over.
void Channels::end(const std::string &reason, uint64_t now_ms) {
    const auto open = std::move(channels_);
    close(now_ms);
    for (const Channel &one : open)
        if (one.state == Channel::State::open) handler_.on_channel_closed(one.id);
    handler_.on_closed(reason);
}

} // namespace penstock::sctp
