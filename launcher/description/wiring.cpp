// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/wiring.h"

#include <algorithm>
#include <map>
#include <utility>

namespace penstock::description {
namespace {

std::string name_in(const Item &item) {
    for (const Property &property : item.properties)
        if (property.name == "name" && property.pieces.size() == 1 &&
            !property.pieces[0].placeholder)
            return property.pieces[0].literal;
    return {};
}

class Builder {
public:
    explicit Builder(std::vector<Finding> &findings) : findings_(findings) {}
    Wiring run(const std::vector<const Fragment *> &fragments);

private:
    struct Pending {
        TextPlace place;
        std::vector<LinkFilter> filters;
    };
    struct Chain {
        std::optional<LinkEnd> last;
        std::optional<Pending> link;
        std::string next_pad; ///< from `.pad` after a link
    };

    void find(TextPlace place, std::string what, std::string mend) {
        findings_.push_back({place, std::move(what), std::move(mend)});
    }
    void take(const Fragment &fragment, const Item &item, bool link_follows);
    void add_element(TextPlace place, const Item *item, const std::string &name);
    void add_end(LinkEnd end);
    void read_reference(TextPlace place, const Item &item, bool link_follows);
    void resolve();

    std::vector<Finding> &findings_;
    Wiring out_;
    Chain chain_;
    std::vector<Chain> around_; ///< of the open bins
    std::vector<std::string> bin_names_;
};

Wiring Builder::run(const std::vector<const Fragment *> &fragments) {
    std::vector<std::pair<const Fragment *, const Item *>> items;
    for (const Fragment *fragment : fragments)
        for (const Item &item : fragment->launch.items)
            items.emplace_back(fragment, &item);
    for (size_t i = 0; i < items.size(); ++i)
        take(*items[i].first, *items[i].second,
             i + 1 < items.size() && items[i + 1].second->kind == Item::Kind::link);
    if (chain_.link)
        find(chain_.link->place, "nothing follows this link", "write `element ! element`");
    resolve();
    return std::move(out_);
}

void Builder::take(const Fragment &fragment, const Item &item, bool link_follows) {
    const TextPlace place{&fragment, item.offset};
    switch (item.kind) {
    case Item::Kind::element:
        add_element(place, &item, name_in(item));
        break;
    case Item::Kind::url:
        add_element(place, nullptr, "");
        break;
    case Item::Kind::bin_begin:
        out_.has_bins = true;
        around_.push_back(std::exchange(chain_, {}));
        bin_names_.push_back(name_in(item));
        break;
    case Item::Kind::bin_end:
        if (around_.empty()) break;
        chain_ = std::move(around_.back());
        around_.pop_back();
        add_element(place, nullptr, bin_names_.back());
        bin_names_.pop_back();
        break;
    case Item::Kind::reference:
        read_reference(place, item, link_follows);
        break;
    case Item::Kind::comma:
        out_.is_certain = false;
        break;
    case Item::Kind::link:
        if (chain_.link)
            find(place, "a link follows a link", "leave one out");
        else if (!chain_.last)
            find(place, "nothing stands before this link", "write `element ! element`");
        chain_.link = Pending{place, {}};
        break;
    case Item::Kind::caps:
        if (chain_.link) chain_.link->filters.push_back({place, &item});
        break;
    }
}

void Builder::add_element(TextPlace place, const Item *item, const std::string &name) {
    out_.elements.push_back({place, item, name, !around_.empty()});
    add_end({{}, out_.elements.size() - 1, std::exchange(chain_.next_pad, {}), place});
}

void Builder::add_end(LinkEnd end) {
    if (chain_.link && chain_.last)
        out_.links.push_back(
            {chain_.link->place, *chain_.last, end, std::move(chain_.link->filters)});
    chain_.link.reset();
    end.pad.clear(); // the next link comes from another pad
    chain_.last = std::move(end);
}

/// Reads `name.` or `name.pad`; `.pad` is a pad of the adjacent element.
void Builder::read_reference(TextPlace place, const Item &item, bool link_follows) {
    const size_t dot = item.text.find('.');
    const std::string name = item.text.substr(0, dot), pad = item.text.substr(dot + 1);
    if (name.empty()) {
        if (chain_.link)
            chain_.next_pad = pad;
        else if (chain_.last)
            chain_.last->pad = pad;
        return;
    }
    if (!chain_.link && !link_follows)
        find(place, "no link stands next to '" + item.text + "'",
             "write `element ! " + item.text + "` or `" + item.text + " ! element`");
    LinkEnd end{name, std::nullopt, pad, place};
    const bool begins = !chain_.link;
    add_end(end);
    if (begins) chain_.last->pad = pad;
}

void Builder::resolve() {
    std::map<std::string, size_t> names;
    for (size_t i = 0; i < out_.elements.size(); ++i) {
        const WiredElement &element = out_.elements[i];
        if (element.name.empty()) continue;
        const auto [first, is_first] = names.emplace(element.name, i);
        if (is_first || out_.has_bins || !element.item) continue;
        const auto property =
            std::find_if(element.item->properties.begin(), element.item->properties.end(),
                         [](const Property &p) { return p.name == "name"; });
        find({element.place.fragment, property->offset},
             "two elements are named '" + element.name + "'",
             "rename one (the first is in line " +
                 std::to_string(out_.elements[first->second].place.mark().line) + ")");
    }
    std::vector<std::string> known;
    for (const auto &[name, index] : names)
        known.push_back(name);
    const bool has_unknown_name =
        std::any_of(out_.elements.begin(), out_.elements.end(), [](const WiredElement &element) {
            return element.item &&
                   std::any_of(element.item->properties.begin(), element.item->properties.end(),
                               [](const Property &property) {
                                   return property.name == "name" && property.has_placeholder;
                               });
        });
    const auto resolve_end = [&](LinkEnd &end) {
        if (end.reference.empty()) return;
        if (const auto found = names.find(end.reference); found != names.end()) {
            end.element = found->second;
            return;
        }
        // gst_parse generates names such as queue0, which may be referred to.
        if (std::isdigit(static_cast<unsigned char>(end.reference.back()))) return;
        if (has_unknown_name) return; // a placeholder, a mistake of its own
        find(end.place, "no element is named '" + end.reference + "'",
             did_you_mean(end.reference, known, "give one `name=" + end.reference + "`"));
    };
    for (WiredLink &link : out_.links) {
        resolve_end(link.from);
        resolve_end(link.to);
    }
}

} // namespace

bool Wiring::is_linked_from(size_t element) const {
    return std::any_of(links.begin(), links.end(),
                       [&](const WiredLink &link) { return link.from.element == element; });
}

bool Wiring::is_linked_to(size_t element) const {
    return std::any_of(links.begin(), links.end(),
                       [&](const WiredLink &link) { return link.to.element == element; });
}

Wiring wire(const std::vector<const Fragment *> &fragments, std::vector<Finding> &findings) {
    return Builder(findings).run(fragments);
}

void add_findings(const PipelineText &pipeline, const Description &description, Problems &problems,
                  const std::function<std::vector<Finding>(const Alternative &)> &check) {
    struct Found {
        Problem problem;
        std::vector<const Alternative *> in;
    };
    std::vector<Found> all;
    const std::vector<Alternative> alternatives = alternatives_of(pipeline, description);
    for (const Alternative &alternative : alternatives) {
        for (Finding &finding : check(alternative)) {
            const Mark mark = finding.place.mark();
            auto same = std::find_if(all.begin(), all.end(), [&](const Found &found) {
                return found.problem.mark == mark && found.problem.what == finding.what;
            });
            if (same == all.end()) {
                all.push_back(Found{{mark, std::move(finding.what), std::move(finding.mend)}, {}});
                same = all.end() - 1;
            }
            if (same->in.empty() || same->in.back() != &alternative)
                same->in.push_back(&alternative);
        }
    }
    for (Found &found : all) {
        found.problem.what += say_alternatives(found.in, alternatives);
        problems.push_back(std::move(found.problem));
    }
}

} // namespace penstock::description
