// SPDX-License-Identifier: LGPL-2.1-or-later
// The JSON texts that participants and their room exchange over the data channel `room`.
#pragma once

#include "core/rtc/room/upstream.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock::rtc::room {

/// Bytes of a client's message; longer ones are refused.
inline constexpr size_t max_message = 4096;
/// Bytes of a text to a client that has named no limit of its own (RFC 8841, 6.1).
inline constexpr size_t max_text = 64 << 10;
inline constexpr size_t max_name = 64;       ///< bytes of UTF-8
inline constexpr size_t max_chat = 1000;     ///< bytes of UTF-8
inline constexpr size_t max_pinned = 16;     ///< participants that a client pins
inline constexpr unsigned max_side = 16'384; ///< pixels

enum class Role : uint8_t { host, speaker, listener };
std::string_view to_string(Role role);
std::optional<Role> role_of(std::string_view text);

/// Which media a host asks somebody to mute.
enum class MediaKind : uint8_t { audio, video };
std::string_view to_string(MediaKind kind);

/// A text that others see: cut at `most` bytes between characters, without control characters, and
/// trimmed. `text` is UTF-8, of which what is malformed is replaced.
std::string clean_text(std::string_view text, size_t most, bool keeps_lines);

// --- what clients say ---------------------------------------------------------------------
namespace message {
struct State {
    std::optional<bool> audio, video, screen; ///< false: muted
};
struct Size {
    unsigned width = 0, height = 0; ///< pixels; 0: nothing
    bool operator==(const Size &) const = default;
};
struct View {
    std::map<std::string, Size> slots; ///< by mid
    std::vector<std::string> pinned;   ///< ids
};
struct Chat {
    std::string text;
};
struct Name {
    std::string name;
};
struct Mute {
    std::string id;
    MediaKind kind = MediaKind::audio;
};
struct SetRole {
    std::string id;
    Role role = Role::speaker;
};
struct Remove {
    std::string id;
};
} // namespace message
using ClientMessage = std::variant<message::State, message::View, message::Chat, message::Name,
                                   message::Mute, message::SetRole, message::Remove>;

/// Empty: it is no such message. Unknown members are ignored; sizes beyond max_side count as that.
std::optional<ClientMessage> read_message(std::string_view text);

// --- what the room says -------------------------------------------------------------------
struct Who {
    std::string id, name;
    Role role = Role::speaker;
    bool audio = false, video = false, screen = false;
    bool operator==(const Who &) const = default;
};
struct ChatLine {
    std::string from, name, text;
    int64_t at = 0; ///< ms since 1970
};
struct SlotShows {
    std::string id;
    SourceKind source = SourceKind::camera;
    bool operator==(const SlotShows &) const = default;
};

/// `is_tapped`: as in write_tapped().
std::string write_welcome(std::string_view you, Role role, std::string_view room, bool is_tapped,
                          const std::vector<Who> &roster, const std::vector<ChatLine> &chat);
/// Whether somebody besides the participants gets what they send: a mix, or a recording.
std::string write_tapped(bool is_tapped);
std::string write_joined(const Who &who);
std::string write_changed(const Who &who);
std::string write_left(std::string_view id);
/// `slots` by mid; those that are empty are not in it.
std::string write_slots(const std::map<std::string, SlotShows> &slots);
std::string write_speakers(const std::vector<std::string> &ids);
std::string write_chat(const ChatLine &line);
std::string write_mute(std::string_view by, MediaKind kind);
std::string write_error(std::string_view text);
std::string write_removed(std::string_view by);

} // namespace penstock::rtc::room
