// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes cues, and makes cue text of other text.
#include "core/webvtt/cue.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <set>
#include <utility>

namespace penstock::webvtt {
namespace {

constexpr int64_t millisecond = 1'000'000;
constexpr size_t longest_entity = 12;

/// Appends lines, without empty ones.
class Lines {
public:
    void add(char c) {
        if (c == '\n' || c == '\r') {
            ends_ = true;
        } else if (c != '\0' && text_.size() < longest_text) {
            if (std::exchange(ends_, false) && !text_.empty()) text_ += '\n';
            text_ += c;
        }
    }
    void add(std::string_view text) {
        for (const char c : text)
            add(c);
    }
    void add_escaped(char c) {
        switch (c) {
        case '&':
            return add("&amp;");
        case '<':
            return add("&lt;");
        case '>':
            return add("&gt;");
        default:
            add(c);
        }
    }
    std::string take() {
        // Not in the middle of a character or of an escape.
        if (text_.size() >= longest_text) {
            while (!text_.empty() && (static_cast<uint8_t>(text_.back()) & 0xC0) == 0x80)
                text_.pop_back();
            if (!text_.empty() && static_cast<uint8_t>(text_.back()) >= 0xC0) text_.pop_back();
            const size_t escape = text_.rfind('&');
            if (escape != text_.npos && text_.find(';', escape) == text_.npos) text_.resize(escape);
        }
        return std::move(text_);
    }

private:
    std::string text_;
    bool ends_ = false; ///< the line
};

void add_character(Lines &out, uint32_t code) {
    const auto put = [&](uint32_t byte) { out.add(static_cast<char>(byte)); };
    if (code == 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return;
    if (code < 0x80) return out.add_escaped(static_cast<char>(code));
    if (code < 0x800) {
        put(0xC0 | code >> 6);
    } else {
        if (code < 0x10000) {
            put(0xE0 | code >> 12);
        } else {
            put(0xF0 | code >> 18);
            put(0x80 | (code >> 12 & 0x3F));
        }
        put(0x80 | (code >> 6 & 0x3F));
    }
    put(0x80 | (code & 0x3F));
}

/// An entity, without & and ;. False if there is no such.
bool add_entity(Lines &out, std::string_view name) {
    constexpr std::pair<std::string_view, char> names[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (const auto &[entity, character] : names)
        if (name == entity) {
            out.add_escaped(character);
            return true;
        }
    if (!name.starts_with('#')) return false;
    name.remove_prefix(1);
    const bool is_hex = name.starts_with('x') || name.starts_with('X');
    if (is_hex) name.remove_prefix(1);
    uint32_t code = 0;
    const auto [end, error] =
        std::from_chars(name.data(), name.data() + name.size(), code, is_hex ? 16 : 10);
    if (error != std::errc{} || end != name.data() + name.size()) return false;
    add_character(out, code);
    return true;
}

/// "01:02:03.456"
std::string format_time(int64_t ns) {
    const int64_t ms = std::max<int64_t>(ns, 0) / millisecond;
    char text[48];
    std::snprintf(text, sizeof text, "%02lld:%02d:%02d.%03d",
                  static_cast<long long>(ms / 3'600'000), int(ms / 60'000 % 60),
                  int(ms / 1000 % 60), int(ms % 1000));
    return text;
}

} // namespace

std::string from_plain(std::string_view text) {
    Lines out;
    for (const char c : text)
        out.add_escaped(c);
    return out.take();
}

std::string from_markup(std::string_view markup) {
    Lines out;
    const size_t last = markup.rfind('>');
    const size_t closed = last == markup.npos ? 0 : last; // no tag ends after it
    for (size_t i = 0; i < markup.size(); ++i) {
        const char c = markup[i];
        const size_t end = c == '<'   ? i < closed ? markup.find('>', i) : markup.npos
                           : c == '&' ? markup.substr(0, i + longest_entity).find(';', i)
                                      : markup.npos;
        if (end == markup.npos) {
            out.add_escaped(c);
            continue;
        }
        const std::string_view inner = markup.substr(i + 1, end - i - 1);
        if (c == '<') {
            for (const char *tag : {"b", "i", "u", "/b", "/i", "/u"})
                if (inner == tag) out.add("<" + std::string(tag) + ">");
        } else if (!add_entity(out, inner)) {
            out.add_escaped(c);
            continue;
        }
        i = end;
    }
    return out.take();
}

Bytes write(std::span<const Cue> cues, int64_t local, uint64_t ticks) {
    std::string text = "WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:" + std::to_string(ticks) +
                       ",LOCAL:" + format_time(local) + "\n";
    for (const Cue &cue : cues) {
        text += '\n';
        if (!cue.id.empty()) text += cue.id + "\n";
        text += format_time(cue.begin) + " --> " + format_time(cue.end);
        if (!cue.settings.empty()) text += " " + cue.settings;
        text += "\n" + cue.text + "\n";
    }
    return Bytes::copy_of(text);
}

Bytes merge(std::span<const Bytes> segments) {
    constexpr std::string_view separator = "\n\n";
    std::string text;
    std::set<std::string_view> blocks; // a cue's text has no empty line
    for (const Bytes &segment : segments) {
        std::string_view rest(reinterpret_cast<const char *>(segment.data()), segment.size());
        for (bool is_header = true; !rest.empty(); is_header = false) {
            const size_t end = std::min(rest.find(separator), rest.size());
            std::string_view block = rest.substr(0, end);
            rest.remove_prefix(std::min(end + separator.size(), rest.size()));
            if (block.ends_with('\n')) block.remove_suffix(1);
            const bool is_new = is_header ? text.empty() : blocks.insert(block).second;
            if (!is_new) continue;
            if (!text.empty()) text += '\n';
            text.append(block) += '\n';
        }
    }
    return Bytes::copy_of(text);
}

} // namespace penstock::webvtt
