// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/listeners.h"

#include "core/net/tls/context.h"
#include "supervisor/endpoints.h"
#include "supervisor/port_owner.h"

#include <algorithm>

namespace penstock::supervisor {
using namespace description;

namespace {

/// The reason why a port is taken, with the name of the program that has it, and how both can run.
std::string name_owner(std::string reason, uint16_t port, const std::string &mend,
                       const std::string &description) {
    constexpr std::string_view unknown = "another program: end it (", tells = " names it)";
    const size_t at = reason.find(unknown), end = reason.find(tells, at);
    const auto owner = at == reason.npos || end == reason.npos ? std::nullopt : owner_of_port(port);
    if (!owner) return reason + mend;
    reason.replace(at, end + tells.size() - at, owner->to_string() + ": end it");
    reason += mend;
    std::vector<std::string> names = owner->descriptions;
    if (names.empty()) return reason;
    if (std::find(names.begin(), names.end(), description) != names.end())
        return reason + "; '" + description + "' runs there already";
    names.push_back(description);
    reason += "; to have both, name both: penstock run";
    for (const std::string &name : names)
        reason += " " + name;
    return reason;
}

/// Whether a path is of the endpoint; empty if that can't be told.
std::function<bool(std::string_view)> matches_of(const Endpoint &endpoint, const Binding &binding) {
    if (!endpoint.has_location()) return nullptr;
    Template location{.node = {}, .pieces = endpoint.pieces};
    // In a pipeline a capture is written as a parameter is.
    for (Piece &piece : location.pieces)
        if (piece.placeholder && !binding.description().find_parameter(piece.placeholder->name))
            piece.placeholder->is_capture = true;
    auto pattern = PathPattern::make(location, binding, nullptr);
    if (!pattern) return nullptr;
    return [pattern = std::move(*pattern)](std::string_view path) {
        return pattern.match(path).has_value();
    };
}

} // namespace

std::string set_port(const Parameter *parameter, const net::Address &address) {
    if (!parameter) return {};
    // No port is suggested: the user knows which ports are free and allowed.
    std::string at = net::Address{address.host, 0}.to_string();
    at.replace(at.size() - 1, 1, "PORT");
    return ": --set " + parameter->name + "=" + at;
}

bool open_listeners(Binding &binding, Listeners &out, std::string *error) {
    std::vector<Endpoint> endpoints = find_endpoints(binding);
    // Streams come first: the page uses TLS if the streams at its address do.
    std::stable_partition(endpoints.begin(), endpoints.end(), [](const Endpoint &endpoint) {
        return endpoint.kind != Endpoint::Kind::page;
    });
    for (const Endpoint &endpoint : endpoints) {
        // The media's port is opened with the address that peers come to.
        if (!endpoint.is_served() || endpoint.kind == Endpoint::Kind::media ||
            !endpoint.protocol->open)
            continue;
        const auto wanted = address_of(endpoint, binding, error);
        if (!wanted) return false;
        const Parameter *parameter =
            parameter_of(endpoint.pieces, Type::address, binding.description());
        const auto tls = tls_of(endpoint, binding, error);
        // Choosing another port would not fix a bad certificate.
        if (!tls || (!tls->empty() && !net::TlsContext::load(*tls, error))) return false;
        std::string reason;
        auto listener = endpoint.protocol->open(
            {.address = *wanted,
             .tls = *tls,
             .scheme = scheme_of(endpoint, binding),
             .shares = endpoint.kind == Endpoint::Kind::page,
             .receives = endpoint.kind == Endpoint::Kind::publish,
             .property =
                 [&](const char *property) { return property_of(endpoint, binding, property); },
             .matches = matches_of(endpoint, binding)},
            &reason);
        if (!listener) {
            if (error)
                *error = name_owner(reason, wanted->port, set_port(parameter, *wanted),
                                    binding.description().name);
            return false;
        }
        const net::Address bound = listener->address();
        out.push_back(std::move(listener));
        if (wanted->port != 0 || !parameter) continue;
        const net::Address chosen{wanted->host, bound.port};
        binding.set(parameter->name, Value{.type = Type::address, .text = chosen.to_string()});
    }
    return true;
}

} // namespace penstock::supervisor
