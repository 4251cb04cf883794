// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/uses.h"

#include <algorithm>

namespace penstock::description {
namespace {

bool names(const Pieces &pieces, const std::string &parameter) {
    return std::any_of(pieces.begin(), pieces.end(), [&](const Piece &piece) {
        return piece.placeholder && piece.placeholder->name == parameter;
    });
}

bool names(const Template &text, const std::string &parameter) {
    return names(text.pieces, parameter);
}

bool names(const std::optional<Template> &text, const std::string &parameter) {
    return text && names(text->pieces, parameter);
}

bool names(const std::vector<Template> &texts, const std::string &parameter) {
    return std::any_of(texts.begin(), texts.end(),
                       [&](const Template &text) { return names(text, parameter); });
}

bool names(const std::vector<Condition> &when, const std::string &parameter) {
    return std::any_of(when.begin(), when.end(), [&](const Condition &condition) {
        return condition.parameter == parameter;
    });
}

bool names(const Callback &callback, const std::string &parameter) {
    return names(callback.url, parameter) || names(callback.secret, parameter) ||
           names(callback.timeout, parameter);
}

bool names(const std::optional<Authorize> &authorize, const std::optional<Notify> &notify,
           const std::string &parameter) {
    if (notify && names(notify->callback, parameter)) return true;
    if (!authorize) return false;
    const Authorize &a = *authorize;
    return names(a.allow, parameter) || names(a.deny, parameter) || names(a.keys, parameter) ||
           names(a.sign, parameter) || names(a.jwks, parameter) || names(a.issuer, parameter) ||
           names(a.audience, parameter) || names(a.callback, parameter) ||
           names(a.cache, parameter);
}

bool names(const Fragment &fragment, const std::string &parameter) {
    return std::any_of(
        fragment.launch.items.begin(), fragment.launch.items.end(), [&](const Item &item) {
            return names(item.pieces, parameter) ||
                   std::any_of(item.properties.begin(), item.properties.end(),
                               [&](const Property &p) { return names(p.pieces, parameter); });
        });
}

/// Whether something other than the launch text uses it.
bool is_used_outside(const Description &description, const std::string &parameter) {
    for (const PublishRule &rule : description.publish)
        if (names(rule.match, parameter) || names(rule.publish_key, parameter) ||
            names(rule.grace, parameter) || names(rule.authorize, rule.notify, parameter))
            return true;
    for (const PlayRule &rule : description.play)
        if (names(rule.matches, parameter) || names(rule.idle, parameter) ||
            names(rule.authorize, rule.notify, parameter))
            return true;
    for (const Parameter &other : description.parameters)
        if (names(other.required_when, parameter)) return true;
    const auto &page = description.page;
    return (page && (names(page->address, parameter) || names(page->embed, parameter) ||
                     names(page->redirect_from, parameter))) ||
           names(description.authorize, description.notify, parameter);
}

} // namespace

std::vector<Condition> unused_because(const Binding &binding, const std::string &parameter) {
    const Description &description = binding.description();
    if (is_used_outside(description, parameter)) return {};
    std::vector<Condition> least;
    bool is_used = false;
    description.each_pipeline([&](const PipelineText &pipeline) {
        is_used |= names(pipeline.when, parameter);
        for (const Fragment &fragment : pipeline.fragments) {
            is_used |= names(fragment.when, parameter);
            if (is_used || !names(fragment, parameter)) continue;
            std::vector<Condition> lacking;
            for (const auto *when : {&pipeline.when, &fragment.when})
                for (const Condition &condition : *when)
                    if (!binding.holds({condition})) lacking.push_back(condition);
            is_used |= lacking.empty();
            if (least.empty() || lacking.size() < least.size()) least = std::move(lacking);
        }
    });
    return is_used ? std::vector<Condition>() : least;
}

} // namespace penstock::description
