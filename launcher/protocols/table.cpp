// SPDX-License-Identifier: LGPL-2.1-or-later
#include "protocols/table.h"

#include "protocols/builtin.h"

#include <algorithm>
#include <mutex>

namespace penstock::protocols {

// Each protocol file of this folder defines one such function.
#define DECLARE(name) std::vector<Protocol> name##_protocols();
PENSTOCK_BUILTIN_PROTOCOLS(DECLARE)
#undef DECLARE

namespace {

using List = std::vector<std::shared_ptr<const Protocol>>;

List builtin() {
    List out;
    const auto add = [&](std::vector<Protocol> protocols) {
        for (Protocol &protocol : protocols)
            out.push_back(std::make_shared<const Protocol>(std::move(protocol)));
    };
#define ADD(name) add(name##_protocols());
    PENSTOCK_BUILTIN_PROTOCOLS(ADD)
#undef ADD
    return out;
}

struct Table {
    std::mutex mutex; ///< guards list
    List list = builtin();
};

Table &table() {
    static Table the_table;
    return the_table;
}

std::string_view scheme_of(std::string_view url) {
    const size_t end = url.find("://");
    return end == url.npos ? std::string_view() : url.substr(0, end);
}

const Scheme *scheme_in(const Protocol &protocol, std::string_view name) {
    const auto found = std::find_if(protocol.schemes.begin(), protocol.schemes.end(),
                                    [&](const Scheme &scheme) { return scheme.name == name; });
    return found == protocol.schemes.end() ? nullptr : &*found;
}

const std::string &suffix_of(const Protocol &protocol, Use use) {
    return use == Use::publish ? protocol.publish_suffix : protocol.play_suffix;
}

bool is_matched(const Scheme &scheme, Use use) {
    return use == Use::publish ? scheme.publish_match : scheme.play_match;
}

} // namespace

List all() {
    std::lock_guard lock(table().mutex);
    return table().list;
}

Registration::Registration(Protocol protocol)
    : protocol_(std::make_shared<const Protocol>(std::move(protocol))) {
    std::lock_guard lock(table().mutex);
    table().list.push_back(protocol_);
}

Registration::~Registration() {
    std::lock_guard lock(table().mutex);
    std::erase(table().list, protocol_);
}

const Protocol *find_protocol(std::string_view name) {
    for (const auto &protocol : all())
        if (protocol->name == name) return protocol.get();
    return nullptr;
}

const Protocol *find_scheme(std::string_view scheme) {
    for (const auto &protocol : all())
        if (scheme_in(*protocol, scheme)) return protocol.get();
    return nullptr;
}

const Protocol *find_url(std::string_view url) {
    const std::string_view path = url.substr(0, url.find_first_of("?#"));
    const Protocol *found = nullptr;
    size_t longest = 0;
    for (const auto &protocol : all()) {
        if (!scheme_in(*protocol, scheme_of(url))) continue;
        if (!found) found = protocol.get();
        for (const std::string &suffix : protocol->path_suffixes) {
            if (suffix.size() <= longest || !path.ends_with(suffix)) continue;
            found = protocol.get();
            longest = suffix.size();
        }
    }
    return found;
}

const Protocol &page_protocol() {
    const List list = all();
    return **std::find_if(list.begin(), list.end(),
                          [](const auto &protocol) { return protocol->serves_pages; });
}

FoundElement find_element(std::string_view factory,
                          const std::function<bool(std::string_view)> &has) {
    FoundElement found;
    for (const auto &protocol : all()) {
        const bool is_marked = protocol->marker != nullptr;
        if (is_marked ? !has(protocol->marker) : bool(found)) continue;
        for (const ElementUse &use : protocol->elements)
            if (use.factory == factory) found = {protocol.get(), &use};
    }
    return found;
}

FoundElement find_element(std::string_view factory) {
    return find_element(factory, [](std::string_view) { return false; });
}

std::vector<std::string> factories(const std::function<bool(const ElementUse &)> &wanted) {
    std::vector<std::string> out;
    for (const auto &protocol : all())
        for (const ElementUse &use : protocol->elements)
            if (wanted(use) && std::find(out.begin(), out.end(), use.factory) == out.end())
                out.emplace_back(use.factory);
    return out;
}

std::vector<std::string> match_prefixes(Use use) {
    std::vector<std::string> out;
    for (const auto &protocol : all())
        for (const Scheme &scheme : protocol->schemes) {
            const std::string prefix = scheme.name + "://";
            if (is_matched(scheme, use) && std::find(out.begin(), out.end(), prefix) == out.end())
                out.push_back(prefix);
        }
    return out;
}

std::vector<std::string> match_suffixes(std::string_view prefix, Use use) {
    std::vector<std::string> out;
    for (const auto &protocol : all()) {
        const Scheme *scheme = scheme_in(*protocol, scheme_of(prefix));
        if (!scheme || !is_matched(*scheme, use)) continue;
        const std::string &suffix = suffix_of(*protocol, use);
        if (suffix.empty()) return {suffix};
        if (std::find(out.begin(), out.end(), suffix) == out.end()) out.push_back(suffix);
    }
    return out;
}

std::string misfit_of_match(std::string_view match, Use use) {
    const Protocol *protocol = find_url(match);
    const Scheme *scheme = protocol ? scheme_in(*protocol, scheme_of(match)) : nullptr;
    if (!scheme) return {};
    if (is_matched(*scheme, use) && match.ends_with(suffix_of(*protocol, use))) return {};
    // Another protocol with this scheme may be meant.
    std::string suffixes;
    for (const auto &other : all()) {
        const Scheme *same = scheme_in(*other, scheme->name);
        const std::string &its = suffix_of(*other, use);
        if (same && is_matched(*same, use) && !its.empty())
            suffixes += (suffixes.empty() ? "" : " or ") + its;
    }
    if (suffixes.empty()) return {};
    return std::string(use == Use::publish ? "publishers" : "viewers") + " of " + scheme->name +
           ":// come to a path that ends in " + suffixes;
}

std::string example_match(Use use, std::string_view scheme) {
    std::string first;
    for (const auto &protocol : all()) {
        const std::string &example =
            use == Use::publish ? protocol->publish_example : protocol->play_example;
        if (example.empty()) continue;
        if (first.empty()) first = example;
        if (scheme_in(*protocol, scheme)) return example;
    }
    return first;
}

std::string sample_url() {
    for (const auto &protocol : all())
        if (!protocol->sample_url.empty()) return protocol->sample_url;
    return {};
}

uint16_t default_port(const Protocol &protocol, std::string_view url) {
    const Scheme *scheme = scheme_in(protocol, scheme_of(url));
    if (!scheme && !protocol.schemes.empty()) scheme = &protocol.schemes.front();
    return scheme ? scheme->port : 0;
}

uint16_t default_port(std::string_view url) {
    const Protocol *protocol = find_url(url);
    return protocol ? default_port(*protocol, url) : 0;
}

bool has_scheme(const Protocol &protocol, std::string_view url) {
    return scheme_in(protocol, scheme_of(url)) != nullptr;
}

std::string stream_name(const Protocol &protocol, std::string_view path) {
    for (const std::string &suffix : protocol.path_suffixes)
        if (path.ends_with(suffix)) return std::string(path.substr(0, path.size() - suffix.size()));
    return std::string(path);
}

std::vector<FoundReader> all_readers() {
    std::vector<FoundReader> out;
    for (const auto &protocol : all())
        for (const Reader &reader : protocol->readers)
            out.push_back({protocol, &reader});
    return out;
}

const Protocol &owner_of(const Reader &reader) {
    const auto readers = all_readers();
    return *std::find_if(readers.begin(), readers.end(), [&](const FoundReader &each) {
                return each.reader == &reader;
            })->protocol;
}

const Reader *find_reader(const Protocol &protocol, std::string_view url) {
    const std::string_view path = url.substr(0, url.find_first_of("?#"));
    for (const Reader &reader : protocol.readers)
        if (path.ends_with(reader.suffix)) return &reader;
    return nullptr;
}

bool set_url(const Protocol &protocol, GstElement *source, const std::string &url,
             std::string *error) {
    if (protocol.set_url) return protocol.set_url(source, url, error);
    g_object_set(source, "location", url.c_str(), nullptr);
    return true;
}

std::vector<UrlLine> url_lines(const Protocol &protocol, const Place &place) {
    if (protocol.urls) return protocol.urls(place);
    switch (place.use) {
    case Use::publish:
        return {{"Publish", place.url + (place.needs_key ? "?key=KEY" : ""), "publish"}};
    case Use::play:
        return {{protocol.title, place.url, "play"}};
    case Use::send:
        return {{protocol.title, place.url, "receive"}};
    }
    return {};
}

} // namespace penstock::protocols
