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
    std::string patterns, urls;
    const std::vector<std::string> prefixes = match_prefixes(use);
    for (size_t i = 0; i < prefixes.size(); ++i) {
        const std::string &prefix = prefixes[i];
        const std::string suffix = match_suffix(prefix, use);
        patterns += (i == 0 ? "" : "|") + prefix + "[^/]+/[^?]+" + suffix;
        urls += (i == 0 ? "" : i + 1 == prefixes.size() ? " or " : ", ");
        urls += "`" + prefix + "ADDRESS/PATH" + suffix + "`";
    }
    replace_all(text, "@" + name + "_MATCH@", patterns);
    replace_all(text, "@" + name + "_URLS@", urls);
}

} // namespace

std::string complete_schema(std::string text) {
    fill_in(text, "PUBLISH", Use::publish);
    fill_in(text, "PLAY", Use::play);
    return text;
}

} // namespace penstock::protocols
