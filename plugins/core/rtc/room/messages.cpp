// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtc/room/messages.h"

#include <algorithm>

#include <nlohmann/json.hpp>

namespace penstock::rtc::room {
namespace {

using nlohmann::json;

/// The member as a text; empty if it is none.
std::string text_at(const json &object, const char *name) {
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::optional<bool> flag_at(const json &object, const char *name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_boolean()) return std::nullopt;
    return found->get<bool>();
}

unsigned side_at(const json &object, const char *name) {
    const auto found = object.find(name);
    if (found == object.end() || !found->is_number()) return 0;
    const double side = found->get<double>();
    return side >= 1 ? static_cast<unsigned>(std::min(side, double(max_side))) : 0;
}

message::View read_view(const json &object) {
    message::View out;
    const auto slots = object.find("slots");
    if (slots != object.end() && slots->is_object())
        for (const auto &[mid, size] : slots->items())
            if (size.is_object())
                out.slots[mid] = {side_at(size, "width"), side_at(size, "height")};
    const auto pinned = object.find("pinned");
    if (pinned != object.end() && pinned->is_array())
        for (const json &id : *pinned)
            if (id.is_string() && out.pinned.size() < max_pinned)
                out.pinned.push_back(id.get<std::string>());
    return out;
}

json as_json(const Who &who) {
    return {{"id", who.id},       {"name", who.name},   {"role", to_string(who.role)},
            {"audio", who.audio}, {"video", who.video}, {"screen", who.screen}};
}

json as_json(const ChatLine &line) {
    return {{"from", line.from}, {"name", line.name}, {"text", line.text}, {"at", line.at}};
}

const char *name_of(SourceKind kind) {
    switch (kind) {
    case SourceKind::microphone:
        return "microphone";
    case SourceKind::camera:
        return "camera";
    case SourceKind::screen:
        return "screen";
    }
    return "";
}

std::string dumped(const json &value) {
    return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

std::string_view to_string(Role role) {
    switch (role) {
    case Role::host:
        return "host";
    case Role::speaker:
        return "speaker";
    case Role::listener:
        return "listener";
    }
    return "";
}

std::optional<Role> role_of(std::string_view text) {
    for (const Role role : {Role::host, Role::speaker, Role::listener})
        if (text == to_string(role)) return role;
    return std::nullopt;
}

std::string_view to_string(MediaKind kind) {
    return kind == MediaKind::audio ? "audio" : "video";
}

std::string clean_text(std::string_view text, size_t most, bool keeps_lines) {
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_kept = (byte >= ' ' && byte != 0x7F) || (keeps_lines && c == '\n');
        out += is_kept ? c : ' ';
    }
    // Replaces what is no UTF-8.
    out = dumped(json(out));
    out = json::parse(out).get<std::string>();
    if (out.size() > most) {
        size_t end = most;
        while (end > 0 && (static_cast<unsigned char>(out[end]) & 0xC0) == 0x80)
            --end; // in the middle of a character
        out.resize(end);
    }
    const auto is_space = [](char c) { return c == ' ' || c == '\n'; };
    while (!out.empty() && is_space(out.back()))
        out.pop_back();
    const auto first = std::find_if_not(out.begin(), out.end(), is_space);
    out.erase(out.begin(), first);
    return out;
}

std::optional<ClientMessage> read_message(std::string_view text) {
    if (text.size() > max_message) return std::nullopt;
    const json object = json::parse(text, nullptr, false);
    if (!object.is_object()) return std::nullopt;
    const std::string type = text_at(object, "type");
    if (type == "state")
        return message::State{flag_at(object, "audio"), flag_at(object, "video"),
                              flag_at(object, "screen")};
    if (type == "view") return read_view(object);
    if (type == "chat") return message::Chat{clean_text(text_at(object, "text"), max_chat, true)};
    if (type == "name") return message::Name{clean_text(text_at(object, "name"), max_name, false)};
    if (type == "remove") return message::Remove{text_at(object, "id")};
    if (type == "mute") {
        const std::string kind = text_at(object, "kind");
        if (kind != "audio" && kind != "video") return std::nullopt;
        return message::Mute{text_at(object, "id"),
                             kind == "audio" ? MediaKind::audio : MediaKind::video};
    }
    if (type == "role")
        if (const auto role = role_of(text_at(object, "role")))
            return message::SetRole{text_at(object, "id"), *role};
    return std::nullopt;
}

std::string write_welcome(std::string_view you, Role role, std::string_view room, bool is_tapped,
                          const std::vector<Who> &roster, const std::vector<ChatLine> &chat) {
    json people = json::array(), lines = json::array();
    for (const Who &who : roster)
        people.push_back(as_json(who));
    for (const ChatLine &line : chat)
        lines.push_back(as_json(line));
    return dumped({{"type", "welcome"},
                   {"you", you},
                   {"role", to_string(role)},
                   {"room", room},
                   {"tapped", is_tapped},
                   {"roster", std::move(people)},
                   {"chat", std::move(lines)}});
}

std::string write_tapped(bool is_tapped) {
    return dumped({{"type", "tapped"}, {"on", is_tapped}});
}

std::string write_joined(const Who &who) {
    return dumped({{"type", "joined"}, {"who", as_json(who)}});
}

std::string write_changed(const Who &who) {
    return dumped({{"type", "changed"}, {"who", as_json(who)}});
}

std::string write_left(std::string_view id) {
    return dumped({{"type", "left"}, {"id", id}});
}

std::string write_slots(const std::map<std::string, SlotShows> &slots) {
    json map = json::object();
    for (const auto &[mid, shows] : slots)
        map[mid] = {{"id", shows.id}, {"source", name_of(shows.source)}};
    return dumped({{"type", "slots"}, {"slots", std::move(map)}});
}

std::string write_speakers(const std::vector<std::string> &ids) {
    return dumped({{"type", "speakers"}, {"ids", ids}});
}

std::string write_chat(const ChatLine &line) {
    json out = as_json(line);
    out["type"] = "chat";
    return dumped(out);
}

std::string write_mute(std::string_view by, MediaKind kind) {
    return dumped({{"type", "mute"}, {"by", by}, {"kind", to_string(kind)}});
}

std::string write_error(std::string_view text) {
    return dumped({{"type", "error"}, {"text", text}});
}

std::string write_removed(std::string_view by) {
    return dumped({{"type", "removed"}, {"by", by}});
}

} // namespace penstock::rtc::room
