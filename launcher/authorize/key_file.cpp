// SPDX-License-Identifier: LGPL-2.1-or-later
#include "authorize/key_file.h"

#include "authorize/digest.h"
#include "authorize/request.h"

#include <algorithm>

namespace penstock::authorize {
namespace {

constexpr std::string_view blanks = " \t\r";
constexpr std::string_view letters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr size_t max_key = 256, max_word = 256, max_patterns = 100;

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> out;
    for (size_t at = line.find_first_not_of(blanks); at != line.npos;
         at = line.find_first_not_of(blanks, at)) {
        const size_t end = std::min(line.find_first_of(blanks, at), line.size());
        out.push_back(line.substr(at, end - at));
        at = end;
    }
    return out;
}

bool consists_of(std::string_view word, std::string_view others) {
    return std::all_of(word.begin(), word.end(), [&](char c) {
        return letters.find(c) != letters.npos || others.find(c) != others.npos;
    });
}

} // namespace

std::optional<KeyFile> KeyFile::parse(std::string_view text, std::string *error) {
    KeyFile out;
    size_t number = 0;
    const auto fail = [&](const std::string &what) {
        if (error) *error = "line " + std::to_string(number) + ": " + what;
        return std::nullopt;
    };
    if (text.size() > max_size) return fail("the file is larger than 4 MiB");
    while (!text.empty()) {
        ++number;
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        const auto words = words_of(line);
        if (words.empty() || words[0].starts_with('#')) continue;
        if (words[0].size() > max_key || !consists_of(words[0], "._~-"))
            return fail("a key has up to 256 letters, digits and ._~-");
        Owner owner;
        if (words.size() > 1) owner.name = words[1];
        if (owner.name.size() > max_word || !consists_of(owner.name, "._~-@"))
            return fail("a name has up to 256 letters, digits and ._~-@");
        if (words.size() > 2 + max_patterns) return fail("more than 100 patterns");
        for (size_t i = 2; i < words.size(); ++i) {
            if (words[i].size() > max_word || !consists_of(words[i], "._~-/*"))
                return fail("a pattern is a stream such as live/anna or live/anna-*");
            owner.patterns.emplace_back(words[i]);
        }
        if (out.owners_.size() >= max_keys) return fail("more than 50,000 keys");
        if (!out.owners_.emplace(sha256(words[0]), std::move(owner)).second)
            return fail("an earlier line has the same key");
    }
    return out;
}

bool KeyFile::Owner::may_publish(std::string_view stream) const {
    return patterns.empty() ||
           std::any_of(patterns.begin(), patterns.end(),
                       [&](const std::string &pattern) { return matches(pattern, stream); });
}

const KeyFile::Owner *KeyFile::find(std::string_view key) const {
    if (key.empty() || key.size() > max_key) return nullptr;
    const auto found = owners_.find(sha256(key));
    return found == owners_.end() ? nullptr : &found->second;
}

} // namespace penstock::authorize
