// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/urls.h"

#include "multitrack/routes.h"
#include "protocols/table.h"
#include "supervisor/endpoints.h"

#include <algorithm>

namespace penstock::cli {
namespace {

using supervisor::Endpoint;

/// scheme://host:port/path with a reachable address.
std::string url_of(const Endpoint &endpoint, const description::Binding &binding,
                   const net::Address &address, const std::string &here) {
    const std::string text = binding.expand_for_people(endpoint.pieces);
    const size_t host = text.find("://") + 3;
    const size_t slash = text.find('/', host);
    return text.substr(0, host) + reachable(address, here) +
           (slash == text.npos ? "" : text.substr(slash, text.find('?') - slash));
}

/// The scheme of URLs of what is served beside streams: that of the streams at the address.
std::string page_scheme(const description::Binding &binding, const net::Address &address) {
    const auto &schemes = protocols::page_protocol().schemes;
    for (const Endpoint &endpoint : supervisor::find_endpoints(binding)) {
        // Without its certificate, too, which `show` does not ask for.
        const auto location = supervisor::pattern_of(endpoint, binding);
        if (location && location->address == address && location->scheme == schemes.back().name)
            return location->scheme;
    }
    return schemes.front().name;
}

bool needs_key(const Endpoint &endpoint, const description::Binding &binding) {
    const description::Value *value = endpoint.key ? binding.find(endpoint.key->name) : nullptr;
    return endpoint.has_key && !(value && value->text.empty());
}

/// "rtmp://host/app/…": the last part of a path and a query may be a key.
std::string without_name(const std::string &url) {
    const size_t host = url.find("://");
    const std::string place = url.substr(0, url.find('?'));
    const size_t slash = place.rfind('/');
    return host == url.npos || slash <= host + 2 ? place : place.substr(0, slash) + "/…";
}

/// Adds the servers elsewhere that elements publish to.
void add_destinations(const description::Binding &binding, std::vector<Url> &out) {
    binding.description().each_pipeline([&](const description::PipelineText &pipeline) {
        if (!binding.holds(pipeline.when)) return;
        for (const description::Fragment &fragment : pipeline.fragments) {
            if (!binding.holds(fragment.when)) continue;
            for (const description::Item &item : fragment.launch.items) {
                const auto known = protocols::find_element(item.text);
                if (!known || known.use->role != protocols::Role::push) continue;
                for (const description::Property &property : item.properties)
                    if (known.use->property && property.name == known.use->property)
                        out.push_back({"Sends to",
                                       without_name(binding.expand_for_people(property.pieces)),
                                       "push"});
            }
        }
    });
}

} // namespace

std::string reachable(net::Address address, const std::string &here) {
    if (address.host.empty() || address.host == "0.0.0.0" || address.host == "::")
        address.host = here;
    return address.to_string();
}

std::vector<Url> urls_of(const description::Binding &binding, const std::string &here) {
    std::vector<Url> out;
    for (const Endpoint &endpoint : supervisor::find_endpoints(binding)) {
        const auto address = supervisor::address_of(endpoint, binding, nullptr);
        if (!address || endpoint.kind == Endpoint::Kind::media) continue;
        if (endpoint.kind == Endpoint::Kind::page) {
            const std::string scheme = page_scheme(binding, *address);
            out.push_back({"Page", scheme + "://" + reachable(*address, here) + "/", "page"});
            continue;
        }
        protocols::Place place{.address = *address, .needs_key = needs_key(endpoint, binding)};
        if (endpoint.kind == Endpoint::Kind::send) {
            place.use = protocols::Use::send;
            place.url = binding.expand_for_people(endpoint.pieces);
        } else {
            place.use = endpoint.kind == Endpoint::Kind::publish ? protocols::Use::publish
                                                                 : protocols::Use::play;
            place.url = url_of(endpoint, binding, *address, here);
            const auto tls = supervisor::tls_of(endpoint, binding, nullptr);
            place.takes_tls = tls && !tls->empty();
        }
        if (endpoint.element)
            place.property = [&](const char *name) -> std::optional<std::string> {
                // A secret is not shown, but whether there is one.
                if (supervisor::property_of(endpoint, binding, name) == std::string()) return "";
                for (const description::Property &property : endpoint.element->properties)
                    if (property.name == name) return binding.expand_for_people(property.pieces);
                return std::nullopt;
            };
        for (protocols::UrlLine &line : protocols::url_lines(*endpoint.protocol, place)) {
            // Rules for several protocols may have the same outputs.
            const bool is_known = std::any_of(out.begin(), out.end(), [&](const Url &other) {
                return other.kind == line.kind && other.text == line.text;
            });
            if (!is_known)
                out.push_back({std::move(line.label), std::move(line.text), std::move(line.kind),
                               endpoint.protocol->ffmpeg_format});
        }
        if (!endpoint.rule || !endpoint.rule->multitrack) continue;
        if (const auto at = multitrack::place_of(*endpoint.rule, binding, nullptr))
            out.push_back({"Tracks",
                           "obs --config-url " + page_scheme(binding, at->http) + "://" +
                               reachable(at->http, here) + at->path,
                           "obs-multitrack"});
    }
    add_destinations(binding, out);
    return out;
}

} // namespace penstock::cli
