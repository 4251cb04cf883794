// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/room/room.h"

#include <algorithm>
#include <charconv>

namespace penstock::rtc::room {
namespace {

// At once, and in a second.
constexpr double message_burst = 50, message_rate = 20;
constexpr double chat_burst = 6, chat_rate = 1;
constexpr double complaint_burst = 3, complaint_rate = 0.5;
/// Messages beyond those; who goes on is removed.
constexpr unsigned most_refused = 2'000;
/// Bytes of the chat in a welcome, as JSON.
constexpr size_t most_chat = 24 << 10;
constexpr size_t most_told = 10; ///< who speak

constexpr size_t index_of(SourceKind kind) {
    return static_cast<size_t>(kind);
}

bool &flag_of(Who &who, SourceKind kind) {
    return kind == SourceKind::microphone ? who.audio
           : kind == SourceKind::camera   ? who.video
                                          : who.screen;
}

} // namespace

bool Room::Allowance::take(double burst, double rate, int64_t now) {
    if (since == 0) left = burst;
    left = std::min(burst, left + double(std::max<int64_t>(now - since, 0)) * rate / 1e9);
    since = now;
    if (left < 1) return false;
    --left;
    return true;
}

Room::Person *Room::find(uint32_t participant) {
    const auto found = people_.find(participant);
    return found == people_.end() ? nullptr : &found->second;
}

uint32_t Room::number_of(std::string_view id) const {
    if (!id.starts_with('p')) return 0;
    uint32_t number = 0;
    const char *const end = id.data() + id.size();
    const auto [last, error] = std::from_chars(id.data() + 1, end, number);
    return error == std::errc() && last == end && people_.contains(number) ? number : 0;
}

Room::Person *Room::person_of(std::string_view id) {
    return find(number_of(id));
}

std::string Room::name_of(uint32_t participant) const {
    const auto found = people_.find(participant);
    return found == people_.end() ? std::string() : found->second.who.name;
}

std::vector<uint32_t> Room::participants() const {
    std::vector<uint32_t> out;
    for (const auto &[number, person] : people_)
        out.push_back(number);
    return out;
}

// --- coming and going ---------------------------------------------------------------------

uint32_t Room::join(std::string_view name, bool is_host, std::array<bool, source_kinds> sends) {
    if (is_full()) return 0;
    const bool is_first = options_.first_is_host && !has_host();
    const uint32_t number = ++last_;
    Person person;
    person.who.id = id_of(number);
    person.who.name = clean_text(name, max_name, false);
    if (person.who.name.empty()) person.who.name = "Guest " + std::to_string(number);
    person.who.role = is_host || is_first ? Role::host : options_.default_role;
    person.sends = sends;
    const Person &added = people_.emplace(number, std::move(person)).first->second;
    send_all(write_joined(added.who), number);
    return number;
}

void Room::leave(uint32_t participant) {
    if (people_.erase(participant) == 0) return;
    speakers_.forget(participant);
    actions_.scene_changed = true;
    send_all(write_left(id_of(participant)));
    keep_a_host();
}

bool Room::has_host() const {
    return std::any_of(people_.begin(), people_.end(),
                       [](const auto &one) { return one.second.who.role == Role::host; });
}

/// Without a host key, the host is then who has been there longest and is no listener. With
/// listeners alone there is none until somebody comes, as the host of a talk who was cut off.
void Room::keep_a_host() {
    if (!options_.first_is_host || has_host()) return;
    // Numbers are given in the order of coming.
    const auto heir = std::find_if(people_.begin(), people_.end(), [](const auto &one) {
        return one.second.who.role != Role::listener;
    });
    if (heir == people_.end()) return;
    heir->second.who.role = Role::host;
    change(heir->second);
}

void Room::welcome(uint32_t participant, size_t most_text) {
    Person *const person = find(participant);
    if (!person) return;
    person->listens = true;
    if (most_text != 0) person->most_text = most_text;
    std::vector<Who> roster;
    for (const auto &[number, other] : people_)
        roster.push_back(other.who);
    const auto write = [&](const std::vector<ChatLine> &lines) {
        return write_welcome(person->who.id, person->who.role, options_.name, is_tapped_, roster,
                             lines);
    };
    const size_t without = write({}).size();
    const size_t most = person->most_text;
    size_t left = std::min(most - std::min(most, without), most_chat);
    std::vector<ChatLine> lines;
    for (auto line = chat_.rbegin(); line != chat_.rend(); ++line) {
        const size_t size = write_chat(*line).size(); // a little more than it takes in there
        if (size > left) break;
        left -= size;
        lines.push_back(*line);
    }
    std::reverse(lines.begin(), lines.end());
    send(participant, write(lines));
    std::vector<std::string> ids;
    for (const uint32_t speaker : told_speakers_)
        ids.push_back(id_of(speaker));
    if (!ids.empty()) send(participant, write_speakers(ids));
}

void Room::set_tapped(bool is_tapped) {
    if (std::exchange(is_tapped_, is_tapped) != is_tapped) send_all(write_tapped(is_tapped));
}

// --- what participants say ----------------------------------------------------------------

std::optional<message::View> Room::take_text(uint32_t participant, std::string_view text,
                                             int64_t now, int64_t unix_ms) {
    Person *const person = find(participant);
    if (!person) return std::nullopt;
    if (!person->messages.take(message_burst, message_rate, now)) {
        if (++person->refused == most_refused)
            actions_.removed.emplace_back(participant, "it sends too many messages");
        complain(participant, *person, "You send too many messages; some are ignored.", now);
        return std::nullopt;
    }
    auto message = read_message(text);
    if (!message) return std::nullopt;
    if (auto *view = std::get_if<message::View>(&*message)) return std::move(*view);
    if (const auto *chat = std::get_if<message::Chat>(&*message)) {
        take(participant, *person, *chat, now, unix_ms);
        return std::nullopt;
    }
    std::visit(
        [&](const auto &one) {
            using Message = std::decay_t<decltype(one)>;
            if constexpr (!std::is_same_v<Message, message::View> &&
                          !std::is_same_v<Message, message::Chat>)
                take(participant, *person, one);
        },
        *message);
    return std::nullopt;
}

void Room::set_media(Person &person, SourceKind kind, bool sends) {
    bool &flag = flag_of(person.who, kind);
    sends = sends && person.sends[index_of(kind)];
    if (sends) person.muted[index_of(kind)] = false;
    if (flag == sends) return;
    flag = sends;
    change(person);
}

void Room::take(uint32_t, Person &sender, const message::State &state) {
    sender.has_said = true;
    const std::pair<SourceKind, std::optional<bool>> said[] = {
        {SourceKind::microphone, state.audio},
        {SourceKind::camera, state.video},
        {SourceKind::screen, state.screen}};
    for (const auto &[kind, sends] : said)
        if (sends) set_media(sender, kind, *sends);
}

void Room::set_flowing(uint32_t participant, SourceKind kind, bool flows) {
    Person *const person = find(participant);
    if (person && !person->has_said && !person->muted[index_of(kind)])
        set_media(*person, kind, flows);
}

void Room::take(uint32_t from, Person &sender, message::Chat chat, int64_t now, int64_t unix_ms) {
    if (chat.text.empty()) return;
    if (!sender.chats.take(chat_burst, chat_rate, now))
        return complain(from, sender, "You write too fast; that line was not sent.", now);
    ChatLine line{sender.who.id, sender.who.name, std::move(chat.text), unix_ms};
    send_all(write_chat(line));
    chat_.push_back(std::move(line));
    if (chat_.size() > chat_kept) chat_.pop_front();
}

void Room::take(uint32_t, Person &sender, message::Name name) {
    if (name.name.empty() || name.name == sender.who.name) return;
    sender.who.name = std::move(name.name);
    change(sender);
}

/// Whom a host means; nullptr: the sender is none, or nobody is meant.
Room::Person *Room::target_of(uint32_t from, Person &sender, const std::string &id) {
    if (sender.who.role != Role::host) {
        complain(from, sender, "Only a host may do that.", sender.messages.since);
        return nullptr;
    }
    return person_of(id);
}

void Room::take(uint32_t from, Person &sender, const message::Mute &mute) {
    Person *const target = target_of(from, sender, mute.id);
    if (!target) return;
    const SourceKind kind =
        mute.kind == MediaKind::audio ? SourceKind::microphone : SourceKind::camera;
    set_media(*target, kind, false);
    target->muted[index_of(kind)] = true;
    send(number_of(mute.id), write_mute(sender.who.id, mute.kind));
}

void Room::take(uint32_t from, Person &sender, const message::SetRole &change_of) {
    Person *const target = target_of(from, sender, change_of.id);
    if (!target || target->who.role == change_of.role) return;
    target->who.role = change_of.role;
    change(*target);
}

void Room::take(uint32_t from, Person &sender, const message::Remove &removal) {
    Person *const target = target_of(from, sender, removal.id);
    if (!target) return;
    const uint32_t number = number_of(removal.id);
    send(number, write_removed(sender.who.id));
    actions_.removed.emplace_back(number, "a host has removed it");
}

// --- who speaks ---------------------------------------------------------------------------

void Room::hear(uint32_t participant, const Heard &heard, int64_t now) {
    const Person *const person = find(participant);
    if (!person) return;
    const uint64_t before = speakers_.turn_of(participant);
    speakers_.hear(participant, forwards(participant, SourceKind::microphone) ? heard : Heard(),
                   now);
    if (speakers_.turn_of(participant) != before) actions_.scene_changed = true;
}

void Room::tick() {
    for (auto &[number, person] : people_)
        if (std::exchange(person.is_changed, false)) send_all(write_changed(person.who));
    std::vector<uint32_t> loudest = speakers_.loudest();
    if (loudest.size() > most_told) loudest.resize(most_told);
    if (loudest == told_speakers_) return;
    told_speakers_ = std::move(loudest);
    std::vector<std::string> ids;
    for (const uint32_t speaker : told_speakers_)
        ids.push_back(id_of(speaker));
    send_all(write_speakers(ids));
}

bool Room::forwards(uint32_t participant, SourceKind kind) const {
    const auto found = people_.find(participant);
    if (found == people_.end() || found->second.who.role == Role::listener) return false;
    Who who = found->second.who;
    return flag_of(who, kind);
}

// --- texts --------------------------------------------------------------------------------

void Room::change(Person &person) {
    person.is_changed = true;
    actions_.scene_changed = true;
}

void Room::complain(uint32_t to, Person &person, std::string_view text, int64_t now) {
    if (person.complaints.take(complaint_burst, complaint_rate, now)) send(to, write_error(text));
}

void Room::send(uint32_t to, std::string text) {
    const Person *const person = find(to);
    if (person && person->listens)
        actions_.texts.push_back({{to}, std::make_shared<const std::string>(std::move(text))});
}

void Room::send_all(std::string text, uint32_t but) {
    Text out;
    for (const auto &[number, person] : people_)
        if (person.listens && number != but) out.to.push_back(number);
    if (out.to.empty()) return;
    out.text = std::make_shared<const std::string>(std::move(text));
    actions_.texts.push_back(std::move(out));
}

} // namespace penstock::rtc::room
