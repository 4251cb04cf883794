// SPDX-License-Identifier: LGPL-2.1-or-later
#include "expect/outputs.h"

#include "supervisor/endpoints.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace penstock::expect {
namespace {

using namespace description;
using supervisor::Endpoint;

constexpr const char *here = "127.0.0.1";

/// A UDP port that is free now.
std::optional<uint16_t> free_udp_port(std::string *error) {
    const int descriptor = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, here, &address.sin_addr);
    socklen_t size = sizeof address;
    const bool good =
        descriptor >= 0 &&
        bind(descriptor, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0 &&
        getsockname(descriptor, reinterpret_cast<sockaddr *>(&address), &size) == 0;
    if (!good && error) *error = std::string("no free UDP port: ") + std::strerror(errno);
    if (descriptor >= 0) close(descriptor);
    return good ? std::optional(ntohs(address.sin_port)) : std::nullopt;
}

const Parameter *parameter_of(const Pieces &pieces, Type type, const Description &description) {
    for (const Piece &piece : pieces) {
        if (!piece.placeholder) continue;
        const Parameter *parameter = description.find_parameter(piece.placeholder->name);
        if (parameter && parameter->type == Type::choice) continue; // of the scheme
        return parameter && parameter->type == type ? parameter : nullptr;
    }
    return nullptr;
}

/// The addresses that elements publish to.
std::vector<const Pieces *> push_locations(const Binding &binding) {
    std::vector<const Pieces *> out;
    binding.description().each_pipeline([&](const PipelineText &pipeline) {
        if (!binding.holds(pipeline.when)) return;
        for (const Fragment &fragment : pipeline.fragments) {
            if (!binding.holds(fragment.when)) continue;
            for (const Item &item : fragment.launch.items)
                for (const Property &property : item.properties)
                    if ((item.text == "rtmp2sink" || item.text == "rtmppushsink" ||
                         item.text == "rtmpsink") &&
                        property.name == "location")
                        out.push_back(&property.pieces);
        }
    });
    return out;
}

Captures captures_of(const Description &description) {
    Captures out;
    for (const PublishRule &rule : description.publish)
        for (const std::string &name : rule.captures)
            out[name] = "test";
    for (const PlayRule &rule : description.play)
        for (const std::string &name : rule.captures)
            out[name] = "test";
    return out;
}

/// The URL with a host that this machine can connect to.
std::optional<net::Location> reachable(const std::string &url, uint16_t port) {
    auto location = net::parse_location(url, port, nullptr);
    if (location && (location->address.host.empty() || location->address.host == "0.0.0.0" ||
                     location->address.host == "::"))
        location->address.host = here;
    return location;
}

std::string url_of(const net::Location &location) {
    return location.scheme + "://" + location.address.to_string() + "/" + location.path;
}

} // namespace

const Parameter *push_parameter(const Binding &binding) {
    for (const Pieces *pieces : push_locations(binding))
        if (pieces->size() == 1)
            if (const Parameter *found = parameter_of(*pieces, Type::url, binding.description()))
                return found;
    return nullptr;
}

bool Bench::choose_addresses(const std::set<std::string> &fixed, std::string *error) {
    const Description &description = binding_.description();
    for (const Endpoint &endpoint : supervisor::find_endpoints(binding_)) {
        const Parameter *parameter = parameter_of(endpoint.pieces, Type::address, description);
        if (!parameter || fixed.contains(parameter->name)) continue;
        uint16_t port = 0; // the listener's own choice
        if (!endpoint.is_served()) {
            const auto found = free_udp_port(error);
            if (!found) return false;
            port = *found;
        }
        binding_.set(parameter->name,
                     Value{.type = Type::address, .text = net::Address{here, port}.to_string()});
    }
    const Parameter *push = push_parameter(binding_);
    if (!push || fixed.contains(push->name)) return true;
    auto server = net::RtmpServer::open({here, 0}, error);
    if (!server) return false;
    binding_.set(
        push->name,
        Value{.type = Type::url, .text = "rtmp://" + server->address().to_string() + "/live/test"});
    listeners_.push_back(std::move(server));
    return true;
}

std::vector<Output> Bench::outputs() const {
    const Captures captures = captures_of(binding_.description());
    std::vector<Output> out;
    const auto add = [&](Output output) {
        for (const Output &other : out)
            if (other.kind == output.kind && other.address == output.address) return;
        out.push_back(std::move(output));
    };
    for (const Endpoint &endpoint : supervisor::find_endpoints(binding_)) {
        const auto text = binding_.expand(endpoint.pieces, captures, nullptr);
        if (!text) continue;
        if (endpoint.kind == Endpoint::Kind::play) {
            if (const auto location = reachable(*text, 1935))
                add({Output::Kind::rtmp, "rtmp " + location->path, url_of(*location)});
        } else if (endpoint.kind == Endpoint::Kind::hls) {
            if (const auto location = reachable(*text, 80))
                add({Output::Kind::hls, "hls " + location->path, url_of(*location)});
        } else if (endpoint.kind == Endpoint::Kind::http) {
            const auto location = reachable(*text, 80);
            if (location && location->path.ends_with(".flv"))
                add({Output::Kind::http, "http " + location->path, url_of(*location)});
        } else if (!endpoint.is_served()) {
            const bool in_rtp = endpoint.kind == Endpoint::Kind::rtp;
            add({in_rtp ? Output::Kind::rtp : Output::Kind::udp, (in_rtp ? "rtp " : "udp ") + *text,
                 *text});
        }
    }
    for (const Pieces *pieces : push_locations(binding_)) {
        const auto text = binding_.expand(*pieces, captures, nullptr);
        const auto location = text ? reachable(*text, 1935) : std::nullopt;
        if (!location) continue;
        // What goes to a server of the user's is played from there.
        const bool ours = std::any_of(listeners_.begin(), listeners_.end(), [&](const auto &l) {
            return l->address() == location->address;
        });
        add({ours ? Output::Kind::taken : Output::Kind::rtmp, "rtmp " + location->path,
             url_of(*location)});
    }
    return out;
}

std::vector<std::string> Bench::publish_urls() const {
    const Captures captures = captures_of(binding_.description());
    std::vector<std::string> out;
    for (const PublishRule &rule : binding_.description().publish) {
        const auto text = binding_.expand(rule.match.pieces, captures, nullptr);
        const auto location = text ? reachable(*text, 1935) : std::nullopt;
        if (!location) continue;
        std::string key;
        if (rule.publish_key)
            key = binding_.expand(rule.publish_key->pieces, captures, nullptr).value_or("");
        const GOwned<> escaped(g_uri_escape_string(key.c_str(), nullptr, FALSE));
        out.push_back(url_of(*location) +
                      (key.empty() ? "" : std::string("?key=") + escaped.get()));
    }
    return out;
}

} // namespace penstock::expect
