// SPDX-License-Identifier: LGPL-2.1-or-later
// Reads an MPD, and says what is wrong with it: XML that is not well-formed, and rules of ISO/IEC
// 23009-1 for the attributes that are used here.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace mpd {

struct Element {
    std::string name, text;
    std::map<std::string, std::string> attributes;
    std::vector<Element> children;

    bool has(const std::string &key) const { return attributes.count(key) > 0; }
    std::string at(const std::string &key) const {
        const auto found = attributes.find(key);
        return found == attributes.end() ? std::string() : found->second;
    }
    int64_t number(const std::string &key, int64_t otherwise = 0) const {
        return has(key) ? std::strtoll(at(key).c_str(), nullptr, 10) : otherwise;
    }
    std::vector<const Element *> all(const std::string &wanted) const {
        std::vector<const Element *> list;
        for (const Element &child : children)
            if (child.name == wanted) list.push_back(&child);
        return list;
    }
    /// The first in document order, at any depth; null if there is none.
    const Element *find(const std::string &wanted) const {
        for (const Element &child : children) {
            if (child.name == wanted) return &child;
            if (const Element *below = child.find(wanted)) return below;
        }
        return nullptr;
    }
};

/// Seconds of "PT1.5S"; NaN for other forms, of which the writer has none.
inline double seconds(const std::string &text) {
    if (text.size() < 4 || text.compare(0, 2, "PT") != 0 || text.back() != 'S') return NAN;
    return std::strtod(text.c_str() + 2, nullptr);
}

class Reader {
public:
    explicit Reader(std::string_view text) : text_(text) {
        take("<?xml version=\"1.0\" encoding=\"UTF-8\"?>");
        skip();
        read(root);
        skip();
        if (at_ != text_.size()) fail("something follows the root element");
    }
    Element root;
    std::string problem; ///< empty: well-formed

private:
    void fail(const std::string &reason) {
        if (problem.empty()) problem = reason + " at " + std::to_string(at_);
        at_ = text_.size();
    }
    bool is_next(std::string_view wanted) const {
        return text_.substr(at_, wanted.size()) == wanted;
    }
    void take(std::string_view wanted) {
        if (!is_next(wanted)) return fail("no " + std::string(wanted));
        at_ += wanted.size();
    }
    void skip() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n'))
            ++at_;
    }
    std::string name() {
        const size_t begin = at_;
        while (at_ < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[at_])) ||
                                      text_[at_] == ':' || text_[at_] == '-'))
            ++at_;
        if (at_ == begin) fail("no name");
        return std::string(text_.substr(begin, at_ - begin));
    }
    /// Up to `end`, with entities resolved.
    std::string content(char end) {
        static const std::map<std::string, char> entities{
            {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}};
        std::string out;
        while (at_ < text_.size() && text_[at_] != end) {
            const char c = text_[at_++];
            if (c == '<' || (static_cast<unsigned char>(c) < ' ' && c != '\n')) fail("a character");
            if (c != '&') {
                out += c;
                continue;
            }
            const size_t semicolon = text_.find(';', at_);
            const auto entity =
                semicolon == text_.npos
                    ? entities.end()
                    : entities.find(std::string(text_.substr(at_, semicolon - at_)));
            if (entity == entities.end()) {
                fail("an unknown entity");
                break;
            }
            out += entity->second;
            at_ = semicolon + 1;
        }
        return out;
    }
    void read(Element &element) {
        take("<");
        element.name = name();
        for (skip(); at_ < text_.size() && !is_next(">") && !is_next("/>"); skip()) {
            const std::string key = name();
            take("=\"");
            const std::string value = content('"');
            take("\"");
            if (!element.attributes.emplace(key, value).second) fail(key + " twice");
        }
        if (is_next("/>")) return take("/>");
        take(">");
        for (;;) {
            element.text += content('<');
            if (at_ >= text_.size()) return fail(element.name + " has no end");
            if (is_next("</")) break;
            element.children.emplace_back();
            read(element.children.back());
        }
        take("</" + element.name + ">");
    }
    std::string_view text_;
    size_t at_ = 0;
};

/// What is wrong with an MPD; empty: nothing is.
class Checker {
public:
    explicit Checker(const Element &root) {
        require(root.name == "MPD", "the root is no MPD");
        require(root.at("xmlns") == "urn:mpeg:dash:schema:mpd:2011", "namespace");
        require(root.has("profiles") && root.has("minBufferTime"), "profiles, minBufferTime");
        const bool is_static = root.at("type") == "static";
        const bool changes = root.has("minimumUpdatePeriod");
        if (is_static) {
            require(root.has("mediaPresentationDuration") && !changes, "of a static MPD");
        } else {
            require(root.has("availabilityStartTime") && root.has("publishTime"),
                    "availabilityStartTime and publishTime");
            require(changes != root.has("mediaPresentationDuration"),
                    "a dynamic MPD either changes or has a duration");
        }
        const double longest = seconds(root.at("maxSegmentDuration"));
        std::set<std::string> ids;
        double end = 0;
        const auto periods = root.all("Period");
        require(!periods.empty(), "no Period");
        for (const Element *period : periods) {
            const double start = seconds(period->at("start"));
            require(ids.insert(period->at("id")).second, "Period ids differ");
            require(start >= end - 1e-5, "Periods overlap");
            const bool is_last = period == periods.back();
            require(is_last || period->has("duration"), "only the last Period is open");
            end = start + (period->has("duration") ? seconds(period->at("duration")) : 0);
            std::set<std::string> sets;
            require(!period->all("AdaptationSet").empty(), "an empty Period");
            for (const Element *set : period->all("AdaptationSet")) {
                require(sets.insert(set->at("id")).second, "AdaptationSet ids differ");
                require(!set->at("mimeType").empty(), "mimeType");
                for (const Element *one : set->all("Representation"))
                    check(*one, longest);
                require(!set->all("Representation").empty(), "an empty AdaptationSet");
            }
        }
    }
    std::vector<std::string> problems;
    std::string text() const {
        std::string all;
        for (const std::string &problem : problems)
            all += problem + "\n";
        return all;
    }

private:
    void require(bool holds, const std::string &what) {
        if (!holds) problems.push_back(what);
    }
    void check(const Element &one, double longest) {
        require(!one.at("id").empty() && one.number("bandwidth") > 0, "id and bandwidth");
        const Element *list = one.find("SegmentTemplate");
        if (!list) return require(false, "no SegmentTemplate");
        const auto scale = static_cast<double>(list->number("timescale", 1));
        require(list->at("media").find("$Number$") != std::string::npos, "$Number$");
        const Element *timeline = list->find("SegmentTimeline");
        require((timeline != nullptr) != list->has("duration"), "a duration or a SegmentTimeline");
        if (!timeline) {
            const double ato = std::strtod(list->at("availabilityTimeOffset").c_str(), nullptr);
            require(ato < static_cast<double>(list->number("duration")) / scale,
                    "availabilityTimeOffset");
            return;
        }
        int64_t at = -1;
        require(!timeline->children.empty(), "an empty SegmentTimeline");
        for (const Element *s : timeline->all("S")) {
            require(s->number("d") > 0, "S@d");
            require(static_cast<double>(s->number("d")) / scale < longest + 0.5, "S@d is too long");
            require(at < 0 || s->number("t") == at, "S@t continues");
            at = s->number("t") + s->number("d") * (1 + s->number("r"));
        }
    }
};

} // namespace mpd
