// SPDX-License-Identifier: LGPL-2.1-or-later
#include "protocols/schema.h"

#include "protocols/table.h"

namespace penstock::protocols {
namespace {

void replace_all(std::string &text, const std::string &word, const std::string &value) {
    for (size_t at = text.find(word); at != text.npos; at = text.find(word, at + value.size()))
        text.replace(at, word.size(), value);
}

void fill_in(std::string &text, const std::string &name, Use use) {
    std::vector<std::string> urls;
    std::string patterns, list;
    for (const std::string &prefix : match_prefixes(use))
        for (const std::string &suffix : match_suffixes(prefix, use)) {
            patterns += (patterns.empty() ? "" : "|") + prefix + "[^/]+/[^?]+" + suffix;
            urls.push_back("`" + prefix + "ADDRESS/PATH" + suffix + "`");
        }
    for (size_t i = 0; i < urls.size(); ++i)
        list += (i == 0 ? "" : i + 1 == urls.size() ? " or " : ", ") + urls[i];
    replace_all(text, "@" + name + "_MATCH@", patterns);
    replace_all(text, "@" + name + "_URLS@", list);
}

} // namespace

std::string complete_schema(std::string text) {
    fill_in(text, "PUBLISH", Use::publish);
    fill_in(text, "PLAY", Use::play);
    return text;
}

} // namespace penstock::protocols
