// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/endpoints.h"

#include <algorithm>

namespace penstock::supervisor {
namespace {

using namespace description;

void add_served(const Fragment &fragment, bool of_rule, std::vector<Endpoint> &out) {
    for (const Item &item : fragment.launch.items) {
        for (const Property &property : item.properties) {
            if (item.text == "udpsink" && property.name == "clients")
                out.push_back({Endpoint::Kind::udp, property.pieces});
            if (property.name != "location" || property.pieces.empty()) continue;
            const std::string &scheme = property.pieces[0].literal;
            if (item.text == "rtmpserversink")
                out.push_back({Endpoint::Kind::play, property.pieces});
            else if (item.text == "rtmpserversrc" && !of_rule)
                out.push_back({Endpoint::Kind::publish, property.pieces});
            else if (item.text == "httpserversink")
                out.push_back({Endpoint::Kind::http, property.pieces});
            else if (item.text == "hlssegmenter" && scheme.starts_with("http://"))
                out.push_back({Endpoint::Kind::hls, property.pieces});
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
            add_served(fragment, of_rule, out);
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

std::optional<net::Address> address_of(const Endpoint &endpoint, const Binding &binding,
                                       std::string *error) {
    std::string text;
    for (const Piece &piece : endpoint.pieces) {
        // A capture is part of the path, so any word will do for it.
        if (piece.placeholder && !binding.description().find_parameter(piece.placeholder->name)) {
            text += "x";
            continue;
        }
        const auto part = binding.expand({piece}, {}, error);
        if (!part) return std::nullopt;
        text += *part;
    }
    if (endpoint.kind == Endpoint::Kind::page || !endpoint.is_served()) {
        const auto address = net::parse_address(text);
        if (!address && error) *error = "'" + text + "' is no address: write host:port or :port";
        return address;
    }
    const auto location = net::parse_location(text, endpoint.is_http() ? 80 : 1935, error);
    return location ? std::optional(location->address) : std::nullopt;
}

} // namespace penstock::supervisor
