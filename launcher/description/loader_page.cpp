// SPDX-License-Identifier: LGPL-2.1-or-later
// Loads the key `page`.
#include "core/net/loop/address.h"
#include "description/loader.h"
#include "protocols/table.h"

#include <algorithm>
#include <cctype>

namespace penstock::description {

std::string example_origin() {
    return protocols::page_protocol().schemes.back().name + "://example.org";
}

bool is_origin(std::string_view text) {
    if (text == "*") return true;
    if (!protocols::has_scheme(protocols::page_protocol(), text)) return false;
    text.remove_prefix(text.find("://") + 3);
    if (text.starts_with("*.")) text.remove_prefix(2);
    const size_t bracket = text.starts_with('[') ? text.find(']') : 0;
    if (bracket == text.npos) return false;
    const size_t colon = text.find(':', bracket);
    const std::string_view host = text.substr(0, colon);
    const std::string_view port = colon == text.npos ? "80" : text.substr(colon + 1);
    const auto all = [](std::string_view part, std::string_view others) {
        return !part.empty() && std::all_of(part.begin(), part.end(), [&](unsigned char c) {
            return std::isalnum(c) || others.find(char(c)) != others.npos;
        });
    };
    const bool is_port =
        port == "*" ||
        (!port.empty() && port.size() < 6 &&
         std::all_of(port.begin(), port.end(), [](unsigned char c) { return std::isdigit(c); }));
    return is_port && all(host, bracket > 0 ? "[]:." : "-.");
}

void Loader::check_address(const Template &text, const std::string &key) {
    if (text.pieces.empty()) return;
    const Piece &first = text.pieces.front();
    const Parameter *parameter =
        first.placeholder ? out_.find_parameter(first.placeholder->name) : nullptr;
    if (first.placeholder && !parameter) return;
    if (parameter && !parameter->is_known) return;
    const bool good =
        text.pieces.size() == 1 && (parameter ? parameter->type == Type::address
                                              : net::parse_address(first.literal).has_value());
    // An address made of a name and a number can only be checked by expanding it.
    if (!good && (text.pieces.size() == 1 || !parameter))
        problem(text.node.mark, "'" + key + "' has to be an address",
                "write ${name} of a parameter of type address, or host:port");
}

/// An address, or a map with more.
void Loader::load_page(const Node::Entry &entry) {
    const auto load_address = [this](const Node::Entry &from) {
        auto text = load_template(from, false);
        if (text) check_address(*text, from.key);
        return text;
    };
    PageText page;
    bool has_address = false;
    if (!entry.value.is_map()) {
        auto text = load_address(entry);
        if (text) out_.page = PageText{.address = std::move(*text)};
        return;
    }
    for (const Node::Entry &key : known_entries(entry.value, Place::page, " of page")) {
        if (key.key == "address") {
            has_address = true;
            if (auto text = load_address(key)) page.address = std::move(*text);
        } else if (key.key == "redirect-from") {
            page.redirect_from = load_address(key);
        } else if (key.key == "embed") {
            load_embed(key, page);
        }
    }
    if (!has_address)
        return missing(entry.key_mark, "the page has no 'address'", "add `address: ${http}`");
    out_.page = std::move(page);
}

void Loader::load_embed(const Node::Entry &entry, PageText &page) {
    if (!entry.value.is_sequence() || entry.value.items.empty())
        return problem(entry.key_mark, "'embed' has to be a list of origins",
                       "write `embed: [" + example_origin() + "]`, or `embed: [\"*\"]` for any");
    for (const Node &item : entry.value.items) {
        auto text = load_template({entry.key, entry.key_mark, item}, false);
        if (!text) continue;
        const bool is_literal = text->pieces.size() == 1 && !text->pieces[0].placeholder;
        if (text->pieces.empty() || (is_literal && !is_origin(text->pieces[0].literal)))
            problem(item.mark, "'" + item.text + "' is no origin",
                    "write scheme and host, and the port if it is another: " + example_origin());
        page.embed.push_back(std::move(*text));
    }
}

} // namespace penstock::description
