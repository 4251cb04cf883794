// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/endpoints.h"

#include <algorithm>

namespace penstock::supervisor {
namespace {

using namespace description;

/// The text with any word for what a stream's path is taken from.
std::optional<std::string> text_of(const Pieces &pieces, const Binding &binding,
                                   std::string *error) {
    std::string text;
    for (const Piece &piece : pieces) {
        if (piece.placeholder && !binding.description().find_parameter(piece.placeholder->name)) {
            text += "x";
            continue;
        }
        const auto part = binding.expand({piece}, {}, error);
        if (!part) return std::nullopt;
        text += *part;
    }
    return text;
}

/// Whether an hlssegmenter serves this itself.
bool is_web(const Pieces &location, const Binding &binding) {
    const auto text = text_of(location, binding, nullptr);
    return text && (text->starts_with("http://") || text->starts_with("https://"));
}

Pieces property_of(const Item &item, const char *name) {
    for (const Property &property : item.properties)
        if (property.name == name) return property.pieces;
    return {};
}

void add_served(const Fragment &fragment, bool of_rule, const Binding &binding,
                std::vector<Endpoint> &out) {
    for (const Item &item : fragment.launch.items) {
        for (const Property &property : item.properties) {
            if (item.text == "udpsink" && property.name == "clients")
                out.push_back({Endpoint::Kind::udp, property.pieces});
            if (property.name != "location" || property.pieces.empty()) continue;
            if (item.text == "rtmpserversink")
                out.push_back({Endpoint::Kind::play, property.pieces});
            else if (item.text == "rtmpserversrc" && !of_rule)
                out.push_back({Endpoint::Kind::publish, property.pieces});
            else if (item.text == "httpserversink")
                out.push_back({Endpoint::Kind::http, property.pieces});
            else if (item.text == "hlssegmenter" && is_web(property.pieces, binding))
                out.push_back({Endpoint::Kind::hls, property.pieces});
            else
                continue;
            out.back().tls_certificate = property_of(item, "tls-certificate");
            out.back().tls_key = property_of(item, "tls-key");
        }
    }
}

} // namespace

std::vector<Endpoint> find_endpoints(const Binding &binding) {
    const Description &description = binding.description();
    std::vector<Endpoint> out;
    const auto add_pipeline = [&](const PipelineText &pipeline, bool of_rule) {
        if (!binding.holds(pipeline.when)) return;
        const size_t first = out.size();
        bool in_rtp = false;
        for (const Fragment &fragment : pipeline.fragments) {
            if (!binding.holds(fragment.when)) continue;
            add_served(fragment, of_rule, binding, out);
            for (const Item &item : fragment.launch.items)
                in_rtp |= item.text == "rtpmp2tpay";
        }
        for (size_t i = first; in_rtp && i < out.size(); ++i)
            if (out[i].kind == Endpoint::Kind::udp) out[i].kind = Endpoint::Kind::rtp;
    };
    if (description.page) out.push_back({Endpoint::Kind::page, description.page->pieces});
    for (const PublishRule &rule : description.publish) {
        Endpoint endpoint{Endpoint::Kind::publish, rule.match.pieces};
        if (rule.publish_key) {
            endpoint.has_key = true;
            for (const Piece &piece : rule.publish_key->pieces)
                if (piece.placeholder)
                    endpoint.key = description.find_parameter(piece.placeholder->name);
        }
        out.push_back(std::move(endpoint));
        add_pipeline(rule.pipeline, true);
    }
    for (const PlayRule &rule : description.play)
        add_pipeline(rule.pipeline, true);
    for (const PipelineText &pipeline : description.start)
        add_pipeline(pipeline, false);
    return out;
}

std::optional<net::TlsFiles> tls_of(const Endpoint &endpoint, const Binding &binding,
                                    std::string *error) {
    if (endpoint.kind != Endpoint::Kind::http && endpoint.kind != Endpoint::Kind::hls)
        return net::TlsFiles{};
    const auto location = text_of(endpoint.pieces, binding, error);
    // A listener has one certificate, so no stream's name can be part of it.
    const auto certificate = binding.expand(endpoint.tls_certificate, {}, error);
    const auto key = binding.expand(endpoint.tls_key, {}, error);
    if (!location || !certificate || !key) return std::nullopt;
    net::TlsFiles files{*certificate, *key};
    if (!net::tls_suits(location->substr(0, location->find("://")), files, error))
        return std::nullopt;
    return files;
}

std::optional<net::Address> address_of(const Endpoint &endpoint, const Binding &binding,
                                       std::string *error) {
    const auto found = text_of(endpoint.pieces, binding, error);
    if (!found) return std::nullopt;
    const std::string &text = *found;
    if (endpoint.kind == Endpoint::Kind::page || !endpoint.is_served()) {
        const auto address = net::parse_address(text);
        if (!address && error) *error = "'" + text + "' is no address: write host:port or :port";
        return address;
    }
    const auto location = net::parse_location(text, endpoint.is_http() ? 80 : 1935, error);
    return location ? std::optional(location->address) : std::nullopt;
}

} // namespace penstock::supervisor
