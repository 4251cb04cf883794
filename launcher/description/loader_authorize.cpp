// SPDX-License-Identifier: LGPL-2.1-or-later
// Loads `authorize` and `notify`.
#include "authorize/callback.h"
#include "authorize/networks.h"
#include "authorize/url.h"
#include "description/loader.h"
#include "description/placeholders.h"

#include <algorithm>
#include <set>

namespace penstock::description {
namespace {

constexpr size_t max_networks = 1'000;

/// The whole text if it has no placeholders.
std::optional<std::string> literal(const std::optional<Template> &text) {
    if (!text) return std::nullopt;
    std::string out;
    for (const Piece &piece : text->pieces) {
        if (piece.placeholder) return std::nullopt;
        out += piece.literal;
    }
    return out;
}

} // namespace

std::string Loader::load_word(const Node::Entry &entry, const std::vector<std::string> &words) {
    const std::string word = read_text(entry);
    if (!entry.value.is_scalar() || std::find(words.begin(), words.end(), word) != words.end())
        return word;
    problem(entry.value.mark, "'" + entry.key + "' can't be '" + word + "'",
            did_you_mean(word, words, "take one of " + enumerate(words)));
    return {};
}

void Loader::load_url(const Node::Entry &entry, Callback &out) {
    out.url = load_template(entry, false);
    const auto url = literal(out.url);
    if (url && !authorize::Url::parse(*url))
        problem(entry.value.mark, "'" + entry.key + "' has to be an http:// or https:// address",
                "write http://127.0.0.1:8000/peers; for credentials, take `secret`");
}

/// The keys that `authorize` and `notify` share.
void Loader::load_callback(const Node::Entry &entry, Callback &out) {
    if (entry.key == "url") {
        load_url(entry, out);
    } else if (entry.key == "style") {
        out.style = load_word(entry, authorize::style_names());
    } else if (entry.key == "secret") {
        out.secret = load_template(entry, false);
    } else if (entry.key == "timeout") {
        out.timeout = load_duration(entry);
        const auto text = literal(out.timeout);
        const auto timeout = text ? parse_duration(*text) : std::nullopt;
        if (timeout && (*timeout <= 0 || *timeout > max_ask_timeout))
            problem(entry.value.mark, "'timeout' has to be above 0 and at most 5s",
                    "no peer waits longer for a decision");
    }
}

std::vector<Template> Loader::load_networks(const Node::Entry &entry) {
    std::vector<Template> out;
    const auto add = [&](const Node &node) {
        auto text = load_template({entry.key, entry.key_mark, node}, false);
        const auto network = literal(text);
        if (network && !authorize::Network::parse(*network))
            problem(node.mark, "'" + *network + "' is no IP address or network",
                    "write 192.0.2.7, 10.0.0.0/8 or 2001:db8::/32, without bits set beyond the "
                    "prefix");
        if (text) out.push_back(std::move(*text));
    };
    if (!entry.value.is_sequence()) {
        add(entry.value);
        return out;
    }
    if (entry.value.items.empty() || entry.value.items.size() > max_networks)
        problem(entry.key_mark, "'" + entry.key + "' has to hold 1 to 1000 networks",
                "write [10.0.0.0/8], or leave it out");
    for (const Node &node : entry.value.items)
        add(node);
    return out;
}

void Loader::load_jwt(const Node::Entry &entry, Authorize &out) {
    if (entry.value.is_scalar()) {
        out.jwks = load_template(entry, false);
        return;
    }
    if (!entry.value.is_map())
        return problem(entry.key_mark, "'jwt' has to name a key set",
                       "write jwt: {keys: FILE or URL}");
    for (const Node::Entry &key : known_entries(entry.value, Place::jwt, " of 'jwt'")) {
        if (key.key == "keys")
            out.jwks = load_template(key, false);
        else if (key.key == "issuer")
            out.issuer = load_template(key, false);
        else if (key.key == "audience")
            out.audience = load_template(key, false);
        else if (key.key == "claim")
            out.claim = read_text(key);
    }
    if (!out.jwks)
        missing(entry.key_mark, "'jwt' has no 'keys'",
                "add `keys: ` and the file or URL of a JSON Web Key Set");
}

std::optional<Authorize> Loader::load_authorize(const Node::Entry &entry, Peers peers) {
    Authorize out{.mark = entry.key_mark};
    if (entry.value.is_scalar()) {
        load_url(entry, out.callback);
        return out;
    }
    if (!entry.value.is_map()) {
        problem(entry.key_mark, "'authorize' has to be a URL or hold keys",
                "write authorize: {url: http://127.0.0.1:8000/}");
        return std::nullopt;
    }
    const Node::Entry *of_url = nullptr;
    bool decides = false;
    for (const Node::Entry &key : known_entries(entry.value, Place::authorize, " of 'authorize'")) {
        static const std::set<std::string> deciding = {"allow", "deny", "keys",
                                                       "sign",  "jwt",  "url"};
        decides = decides || deciding.count(key.key) != 0;
        if (key.key == "only") {
            if (peers != Peers::all)
                problem(key.key_mark, "'only' stands in a rule",
                        "leave it out: a rule concerns its publishers, or its viewers, alone");
            out.only = load_word(key, {"publish", "play"});
        } else if (key.key == "allow") {
            out.allow = load_networks(key);
        } else if (key.key == "deny") {
            out.deny = load_networks(key);
        } else if (key.key == "keys") {
            if (peers == Peers::viewers)
                problem(key.key_mark, "'keys' are for publishers",
                        "for viewers, take `sign`, `jwt` or `url`");
            out.keys = load_template(key, false);
        } else if (key.key == "sign") {
            out.sign = load_template(key, false);
        } else if (key.key == "jwt") {
            load_jwt(key, out);
        } else if (key.key == "cache") {
            out.cache = load_duration(key);
        } else {
            load_callback(key, out.callback);
        }
    }
    for (const Node::Entry &key : entry.value.entries)
        if (key.key == "style" || key.key == "secret" || key.key == "timeout" || key.key == "cache")
            of_url = &key;
    if (of_url && !out.callback.url)
        problem(of_url->key_mark, "'" + of_url->key + "' without 'url' has no effect",
                "add `url: `, or leave it out");
    if (out.only == "play" && out.keys)
        problem(entry.key_mark, "'keys' are for publishers, and 'only' says play",
                "leave one of them out");
    if (!decides)
        missing(entry.key_mark, "'authorize' says nothing that decides",
                "add `url`, `keys`, `sign`, `jwt`, `allow` or `deny`");
    return out;
}

std::optional<Notify> Loader::load_notify(const Node::Entry &entry) {
    Notify out{.mark = entry.key_mark};
    if (entry.value.is_scalar()) {
        load_url(entry, out.callback);
        return out;
    }
    if (!entry.value.is_map()) {
        problem(entry.key_mark, "'notify' has to be a URL or hold keys",
                "write notify: http://127.0.0.1:8000/");
        return std::nullopt;
    }
    for (const Node::Entry &key : known_entries(entry.value, Place::notify, " of 'notify'"))
        load_callback(key, out.callback);
    if (!out.callback.url)
        missing(entry.key_mark, "'notify' has no 'url'", "add `url: http://127.0.0.1:8000/`");
    return out;
}

} // namespace penstock::description
