// SPDX-License-Identifier: LGPL-2.1-or-later
// A room as its participants know it: who is there, as what, what they send, who speaks, and the
// chat. Texts of participants in, texts for participants out. No sockets, no clock.
#pragma once

#include "core/rtc/room/messages.h"
#include "core/rtc/room/slots.h"
#include "core/rtc/room/speakers.h"

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace penstock::rtc::room {

/// Times are ns of any steady clock; `unix_ms`: ms since 1970. Not thread-safe. What is to be done
/// after a call is in take().
class Room {
public:
    static constexpr size_t chat_kept = 50; ///< lines
    static constexpr size_t max_participants = 100;

    struct Options {
        std::string name; ///< for people
        Role default_role = Role::speaker;
        size_t max_participants = Room::max_participants;
        /// There is no host key: who comes into a room without a host is host.
        bool first_is_host = true;
    };
    struct Text {
        std::vector<uint32_t> to;
        std::shared_ptr<const std::string> text;
    };
    struct Actions {
        std::vector<Text> texts;
        /// Those who are to be disconnected, after their texts, and why.
        std::vector<std::pair<uint32_t, std::string>> removed;
        bool scene_changed = false;
    };

    explicit Room(Options options) : options_(std::move(options)) {}

    bool is_full() const { return people_.size() >= options_.max_participants; }
    size_t size() const { return people_.size(); }

    /// A participant has come. `sends`: the kinds of tracks that were agreed. Returns its number,
    /// which no other gets; 0: the room is full.
    uint32_t join(std::string_view name, bool is_host, std::array<bool, source_kinds> sends);
    void leave(uint32_t participant);
    /// Its channel is open, or has lost texts: it gets the welcome, with as much of the chat as
    /// fits `most_text` bytes; 0: what was said last, or max_text.
    void welcome(uint32_t participant, size_t most_text = 0);
    /// Others than the participants get what these send, or do so no more; all are told.
    void set_tapped(bool is_tapped);
    /// What the participant shows is its own affair: that is returned, and of no interest here.
    std::optional<message::View> take_text(uint32_t participant, std::string_view text, int64_t now,
                                           int64_t unix_ms);
    /// Packets of this kind come, or come no more. Counts as long as the participant has not said
    /// itself what it sends.
    void set_flowing(uint32_t participant, SourceKind kind, bool flows);
    /// About ten times in a second: what was heard since.
    void hear(uint32_t participant, const Heard &heard, int64_t now);
    /// After hear() of all: tells of changes that are gathered.
    void tick();

    /// Of a track: whether it is forwarded.
    bool forwards(uint32_t participant, SourceKind kind) const;
    /// The participant of a text that names one; 0: there is none.
    uint32_t number_of(std::string_view id) const;
    static std::string id_of(uint32_t participant) { return "p" + std::to_string(participant); }
    std::string name_of(uint32_t participant) const;
    uint64_t turn_of(uint32_t participant) const { return speakers_.turn_of(participant); }
    size_t speaking() const { return told_speakers_.size(); }
    /// Participants in the order in which they came.
    std::vector<uint32_t> participants() const;

    Actions take() { return std::exchange(actions_, {}); }

private:
    /// Messages of a kind that may come, at once and in a second.
    struct Allowance {
        double left = 0;
        int64_t since = 0;
        bool take(double burst, double rate, int64_t now);
    };
    struct Person {
        Who who;
        std::array<bool, source_kinds> sends{};
        std::array<bool, source_kinds> muted{}; ///< by a host
        bool has_said = false;                  ///< what it sends
        bool listens = false;                   ///< its channel is open
        bool is_changed = false;
        size_t most_text = max_text; ///< bytes of a text that it takes
        Allowance messages, chats, complaints;
        unsigned refused = 0; ///< messages
    };
    Person *find(uint32_t participant);
    Person *person_of(std::string_view id);
    void take(uint32_t from, Person &sender, const message::State &state);
    void take(uint32_t from, Person &sender, message::Chat chat, int64_t now, int64_t unix_ms);
    void take(uint32_t from, Person &sender, message::Name name);
    void take(uint32_t from, Person &sender, const message::Mute &mute);
    void take(uint32_t from, Person &sender, const message::SetRole &change);
    void take(uint32_t from, Person &sender, const message::Remove &removal);
    Person *target_of(uint32_t from, Person &sender, const std::string &id);
    void set_media(Person &person, SourceKind kind, bool sends);
    bool has_host() const;
    void keep_a_host();
    void change(Person &person);
    void complain(uint32_t to, Person &person, std::string_view text, int64_t now);
    void send(uint32_t to, std::string text);
    void send_all(std::string text, uint32_t but = 0);

    const Options options_;
    std::map<uint32_t, Person> people_;
    uint32_t last_ = 0;
    std::deque<ChatLine> chat_;
    bool is_tapped_ = false;
    Speakers speakers_;
    std::vector<uint32_t> told_speakers_;
    Actions actions_;
};

} // namespace penstock::rtc::room
