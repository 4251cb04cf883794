// SPDX-License-Identifier: LGPL-2.1-or-later
#include "expect/outputs.h"

#include "expect/files.h"
#include "protocols/table.h"
#include "supervisor/endpoints.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

namespace penstock::expect {
namespace {

using namespace description;
using supervisor::Endpoint;
using supervisor::parameter_of;

constexpr const char *here = "127.0.0.1";

/// A free UDP port.
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

/// A destination of a publishing element.
struct Push {
    const protocols::Protocol *protocol;
    const Pieces *location;
};
std::vector<Push> pushes_of(const Binding &binding) {
    std::vector<Push> out;
    binding.description().each_pipeline([&](const PipelineText &pipeline) {
        if (!binding.holds(pipeline.when)) return;
        for (const Fragment &fragment : pipeline.fragments) {
            if (!binding.holds(fragment.when)) continue;
            for (const Item &item : fragment.launch.items) {
                const auto known = protocols::find_element(item.text);
                if (!known || known.use->role != protocols::Role::push || !known.protocol->accept)
                    continue;
                for (const Property &property : item.properties)
                    if (property.name == known.use->property)
                        out.push_back({known.protocol, &property.pieces});
            }
        }
    });
    return out;
}

/// Replaces the host by one that this machine can connect to.
std::optional<net::Location> reachable(const std::string &url) {
    auto location = net::parse_location(url, protocols::default_port(url), nullptr);
    if (location && (location->address.host.empty() || location->address.host == "0.0.0.0" ||
                     location->address.host == "::"))
        location->address.host = here;
    return location;
}

std::string url_of(const net::Location &location) {
    return location.scheme + "://" + location.address.to_string() + "/" + location.path;
}

/// Whether there are elements that publish to such a URL.
bool can_publish(const std::string &url) {
    const protocols::Protocol *protocol = protocols::find_url(url);
    return protocol && std::any_of(protocol->elements.begin(), protocol->elements.end(),
                                   [](const protocols::ElementUse &use) {
                                       return use.role == protocols::Role::push;
                                   });
}

/// Whether a property says where the stream goes.
bool is_place(std::string_view property) {
    constexpr std::string_view places[] = {"location", "uri", "host", "clients", "device"};
    return std::find(std::begin(places), std::end(places), property) != std::end(places);
}

/// The first destination whose whole location is a parameter.
std::optional<std::pair<const protocols::Protocol *, const Parameter *>>
find_push(const Binding &binding) {
    for (const Push &push : pushes_of(binding))
        if (push.location->size() == 1)
            if (const Parameter *found =
                    parameter_of(*push.location, Type::url, binding.description()))
                return std::pair(push.protocol, found);
    return std::nullopt;
}

} // namespace

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

bool puts_out(const std::string &factory) {
    constexpr std::string_view nowhere[] = {"fakesink", "fakevideosink", "fakeaudiosink"};
    if (std::find(std::begin(nowhere), std::end(nowhere), factory) != std::end(nowhere))
        return false;
    // It calls itself a muxer.
    if (factory == "splitmuxsink") return true;
    const auto found = GstPtr<GstElementFactory>::adopt(gst_element_factory_find(factory.c_str()));
    const gchar *klass =
        found ? gst_element_factory_get_metadata(found.get(), GST_ELEMENT_METADATA_KLASS) : nullptr;
    return klass && std::string_view(klass).find("Sink") != std::string_view::npos;
}

const Parameter *push_parameter(const Binding &binding) {
    const auto found = find_push(binding);
    return found ? found->second : nullptr;
}

bool Bench::choose_addresses(const std::set<std::string> &fixed, std::string *error) {
    const Description &description = binding_.description();
    for (const Endpoint &endpoint : supervisor::find_endpoints(binding_)) {
        const Parameter *parameter = parameter_of(endpoint.pieces, Type::address, description);
        if (!parameter || fixed.contains(parameter->name)) continue;
        uint16_t port = 0; // chosen by the system
        if (!endpoint.is_served()) {
            const auto found = free_udp_port(error);
            if (!found) return false;
            port = *found;
        }
        binding_.set(parameter->name,
                     Value{.type = Type::address, .text = net::Address{here, port}.to_string()});
    }
    const auto push = find_push(binding_);
    if (!push || fixed.contains(push->second->name)) return true;
    auto listener = push->first->open({.address = {here, 0}}, error);
    if (!listener) return false;
    binding_.set(push->second->name, Value{.type = Type::url,
                                           .text = listener->scheme() + "://" +
                                                   listener->address().to_string() + "/live/test"});
    listeners_.push_back(std::move(listener));
    return true;
}

std::vector<Output> Bench::outputs() const {
    const Captures captures = captures_of(binding_.description());
    std::vector<Output> out;
    const auto add = [&](Output output) {
        for (const Output &other : out)
            if (other.protocol == output.protocol && other.address == output.address) return;
        out.push_back(std::move(output));
    };
    for (const Endpoint &endpoint : supervisor::find_endpoints(binding_)) {
        const auto text = binding_.expand(endpoint.pieces, captures, nullptr);
        if (!text) continue;
        const protocols::Protocol &protocol = *endpoint.protocol;
        std::string address = *text, shown = *text;
        if (endpoint.kind == Endpoint::Kind::play) {
            const auto location = reachable(*text);
            if (!location) continue;
            address = url_of(*location);
            shown = location->path;
        } else if (endpoint.kind != Endpoint::Kind::send) {
            continue;
        }
        const protocols::Reader *reader = protocols::find_reader(protocol, address);
        if (!reader && !protocol.receive_any) continue;
        add({.protocol = &protocol,
             .receive = reader ? reader->receive : protocol.receive_any,
             .label = protocol.name + " " + shown,
             .address = address,
             .written = *text});
    }
    for (const Push &push : pushes_of(binding_)) {
        const auto text = binding_.expand(*push.location, captures, nullptr);
        const auto location = text ? reachable(*text) : std::nullopt;
        if (!location) continue;
        const std::string url = url_of(*location);
        const bool ours = std::any_of(listeners_.begin(), listeners_.end(), [&](const auto &l) {
            return l->address() == location->address;
        });
        // A stream pushed to the user's server is received from there.
        const protocols::Reader *reader = protocols::find_reader(*push.protocol, url);
        if (!ours && !reader) continue;
        add({.protocol = push.protocol,
             .receive = ours ? push.protocol->accept : reader->receive,
             .is_taken = ours,
             .label = push.protocol->name + " " + location->path,
             .address = url,
             .written = *text});
    }
    return out;
}

std::vector<Unmeasured> Bench::unmeasured(const std::vector<Output> &measured) const {
    const Captures captures = captures_of(binding_.description());
    std::vector<Unmeasured> out;
    const auto look = [&](const Item &item) {
        if (item.kind != Item::Kind::element || !puts_out(item.text)) return;
        std::string place;
        bool is_file = false;
        for (const Property &property : item.properties) {
            const auto text = binding_.expand(property.pieces, captures, nullptr);
            if (!text || text->empty()) continue;
            if (std::any_of(measured.begin(), measured.end(),
                            [&](const Output &each) { return each.written == *text; }))
                return;
            if (is_place(property.name)) place = " " + *text;
            is_file |= is_written(item.text, property.name, *text);
        }
        const std::string label = item.text + place;
        const protocols::FoundElement found = protocols::find_element(item.text);
        const bool has_receiver = !found || found.use->role != protocols::Role::serve ||
                                  found.protocol->receive_any || !found.protocol->readers.empty();
        if (std::none_of(out.begin(), out.end(),
                         [&](const Unmeasured &each) { return each.label == label; }))
            out.push_back({label,
                           is_file         ? "a file; `penstock test` writes none that stays"
                           : !has_receiver ? "nothing here receives " + found.protocol->title
                           : found         ? "what is sent there can't be received here"
                                           : "`penstock test` receives what is served or sent",
                           has_receiver});
    };
    binding_.description().each_pipeline([&](const PipelineText &pipeline) {
        if (!binding_.holds(pipeline.when)) return;
        for (const Fragment &fragment : pipeline.fragments)
            if (binding_.holds(fragment.when))
                for (const Item &item : fragment.launch.items)
                    look(item);
    });
    return out;
}

std::vector<std::string> Bench::publish_urls() const {
    const Captures captures = captures_of(binding_.description());
    std::vector<std::string> out;
    for (const PublishRule &rule : binding_.description().publish) {
        if (!binding_.is_there(rule)) continue;
        const auto text = binding_.expand(rule.match.pieces, captures, nullptr);
        const auto location = text ? reachable(*text) : std::nullopt;
        if (!location || !can_publish(*text)) continue;
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
