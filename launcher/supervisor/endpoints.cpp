// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/endpoints.h"

#include "protocols/table.h"

#include <algorithm>

namespace penstock::supervisor {
namespace {

using namespace description;

Pieces property_of(const Item &item, const char *name) {
    for (const Property &property : item.properties)
        if (property.name == name) return property.pieces;
    return {};
}

/// Adds the endpoint that an element's property stands for, if any.
void add_endpoint(const Item &item, const Property &property, const protocols::FoundElement &known,
                  bool of_rule, const Binding &binding, std::vector<Endpoint> &out) {
    using protocols::Role;
    Endpoint endpoint{.protocol = known.protocol, .pieces = property.pieces, .element = &item};
    switch (known.use->role) {
    case Role::receive:
        if (of_rule) return; // the rule's `match` gives the address
        endpoint.kind = Endpoint::Kind::publish;
        break;
    case Role::serve:
        endpoint.kind = Endpoint::Kind::play;
        break;
    case Role::send:
        endpoint.kind = Endpoint::Kind::send;
        break;
    case Role::push:
    case Role::pull:
        return;
    }
    if (property.pieces.empty() && endpoint.is_served()) return;
    if (known.use->may_write_files) {
        const auto location = text_of(property.pieces, binding, nullptr);
        if (!location || !protocols::has_scheme(*known.protocol, *location)) return;
    }
    endpoint.tls_certificate = property_of(item, "tls-certificate");
    endpoint.tls_key = property_of(item, "tls-key");
    endpoint.element = &item;
    out.push_back(std::move(endpoint));
}

void add_media(const Item &item, const protocols::FoundElement &known, std::vector<Endpoint> &out) {
    Pieces pieces = property_of(item, known.use->udp_property);
    if (pieces.empty()) pieces.push_back({.literal = known.use->udp_default});
    out.push_back({.kind = Endpoint::Kind::media,
                   .protocol = known.protocol,
                   .pieces = std::move(pieces),
                   .element = &item});
}

std::vector<const Item *> items_of(const PipelineText &pipeline, const Binding &binding) {
    std::vector<const Item *> items;
    if (!binding.holds(pipeline.when)) return items;
    for (const Fragment &fragment : pipeline.fragments)
        if (binding.holds(fragment.when))
            for (const Item &item : fragment.launch.items)
                items.push_back(&item);
    return items;
}

/// A match that begins with rtmp:// is for rtmps:// too: the receiver in the rule's pipeline says
/// which it is, and has the certificate.
void take_receiver(const PublishRule &rule, const Binding &binding, Endpoint &endpoint) {
    for (const Item *item : items_of(rule.pipeline, binding)) {
        const auto known = protocols::find_element(item->text);
        if (!known || known.protocol != endpoint.protocol ||
            known.use->role != protocols::Role::receive)
            continue;
        endpoint.tls_certificate = property_of(*item, "tls-certificate");
        endpoint.tls_key = property_of(*item, "tls-key");
        endpoint.element = item;
        const auto location = text_of(property_of(*item, known.use->property), binding, nullptr);
        std::string &match = endpoint.pieces.at(0).literal;
        if (location && protocols::has_scheme(*known.protocol, *location) &&
            !net::is_tls_only(match.substr(0, match.find("://"))))
            match.replace(0, match.find("://"), *location, 0, location->find("://"));
        return;
    }
}

void add_pipeline(const PipelineText &pipeline, bool of_rule, const Binding &binding,
                  std::vector<Endpoint> &out) {
    const std::vector<const Item *> items = items_of(pipeline, binding);
    const auto has = [&](std::string_view factory) {
        return std::any_of(items.begin(), items.end(),
                           [&](const Item *item) { return item->text == factory; });
    };
    for (const Item *item : items) {
        const auto known = protocols::find_element(item->text, has);
        if (!known || !known.use->property) continue;
        for (const Property &property : item->properties)
            if (property.name == known.use->property)
                add_endpoint(*item, property, known, of_rule, binding, out);
        if (known.use->udp_property) add_media(*item, known, out);
    }
}

} // namespace

std::optional<std::string> text_of(const Pieces &pieces, const Binding &binding, std::string *error,
                                   const char *capture) {
    std::string text;
    for (const Piece &piece : pieces) {
        if (piece.placeholder && !binding.description().find_parameter(piece.placeholder->name)) {
            text += capture;
            continue;
        }
        const auto part = binding.expand({piece}, {}, error);
        if (!part) return std::nullopt;
        text += *part;
    }
    return text;
}

const Parameter *parameter_of(const Pieces &pieces, Type type, const Description &description) {
    for (const Piece &piece : pieces) {
        if (!piece.placeholder) continue;
        const Parameter *parameter = description.find_parameter(piece.placeholder->name);
        if (parameter && parameter->type == Type::choice) continue; // the scheme
        return parameter && parameter->type == type ? parameter : nullptr;
    }
    return nullptr;
}

std::vector<Endpoint> find_endpoints(const Binding &binding) {
    const Description &description = binding.description();
    std::vector<Endpoint> out;
    if (description.page)
        out.push_back({.kind = Endpoint::Kind::page,
                       .protocol = &protocols::page_protocol(),
                       .pieces = description.page->address.pieces});
    for (const PublishRule &rule : description.publish) {
        if (!binding.is_there(rule)) continue;
        // The loader has verified that the match begins with a known scheme.
        const auto match = text_of(rule.match.pieces, binding, nullptr);
        Endpoint endpoint{.kind = Endpoint::Kind::publish,
                          .protocol =
                              protocols::find_url(match ? *match : rule.match.pieces.at(0).literal),
                          .pieces = rule.match.pieces,
                          .rule = &rule};
        if (!endpoint.protocol) continue;
        take_receiver(rule, binding, endpoint);
        if (rule.publish_key) {
            endpoint.has_key = true;
            for (const Piece &piece : rule.publish_key->pieces)
                if (piece.placeholder)
                    endpoint.key = description.find_parameter(piece.placeholder->name);
        }
        const auto &authorize = rule.authorize ? rule.authorize : description.authorize;
        if (authorize && authorize->keys) {
            endpoint.has_key = true;
            endpoint.key = nullptr; // whatever the publish key's value is
        }
        out.push_back(std::move(endpoint));
        add_pipeline(rule.pipeline, true, binding, out);
    }
    const size_t before = out.size();
    for (const PlayRule &rule : description.play)
        if (binding.is_there(rule)) add_pipeline(rule.pipeline, true, binding, out);
    for (size_t i = before; i < out.size(); ++i)
        out[i].is_on_demand = true;
    for (const PipelineText &pipeline : description.start)
        add_pipeline(pipeline, false, binding, out);
    return out;
}

std::optional<net::TlsFiles> tls_of(const Endpoint &endpoint, const Binding &binding,
                                    std::string *error) {
    const bool has_elements =
        endpoint.kind == Endpoint::Kind::play || endpoint.kind == Endpoint::Kind::publish;
    if (!has_elements || !endpoint.protocol->has_tls) return net::TlsFiles{};
    // A listener has a single certificate, so its files can't depend on captures.
    const auto certificate = binding.expand(endpoint.tls_certificate, {}, error);
    const auto key = binding.expand(endpoint.tls_key, {}, error);
    if (!certificate || !key) return std::nullopt;
    return net::tls_for(scheme_of(endpoint, binding), {*certificate, *key}, error);
}

std::optional<std::string> property_of(const Endpoint &endpoint, const Binding &binding,
                                       const char *property) {
    const Pieces pieces = endpoint.element ? property_of(*endpoint.element, property) : Pieces();
    return pieces.empty() ? std::nullopt : binding.expand(pieces, {}, nullptr);
}

std::string scheme_of(const Endpoint &endpoint, const Binding &binding) {
    const auto location = text_of(endpoint.pieces, binding, nullptr);
    const size_t end = location ? location->find("://") : std::string::npos;
    return end == std::string::npos ? "" : location->substr(0, end);
}

std::optional<net::Address> address_of(const Endpoint &endpoint, const Binding &binding,
                                       std::string *error) {
    const auto found = text_of(endpoint.pieces, binding, error);
    if (!found) return std::nullopt;
    const std::string &text = *found;
    if (!endpoint.has_location()) {
        const auto address = net::parse_address(text);
        if (!address && error) *error = "'" + text + "' is no address: write host:port or :port";
        return address;
    }
    const auto location =
        net::parse_location(text, protocols::default_port(*endpoint.protocol, text), error);
    return location ? std::optional(location->address) : std::nullopt;
}

std::optional<net::Location> pattern_of(const Endpoint &endpoint, const Binding &binding) {
    const auto text = text_of(endpoint.pieces, binding, nullptr, "*");
    if (!text || !endpoint.has_location()) return std::nullopt;
    return net::parse_location(*text, protocols::default_port(*endpoint.protocol, *text), nullptr);
}

} // namespace penstock::supervisor
