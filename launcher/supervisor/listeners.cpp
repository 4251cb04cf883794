// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/listeners.h"

#include "core/net/tls/context.h"
#include "supervisor/endpoints.h"

#include <algorithm>

namespace penstock::supervisor {
namespace {

using namespace description;

/// The parameter that supplies the endpoint's whole address; nullptr if there is none.
const Parameter *address_parameter(const Endpoint &endpoint, const Description &description) {
    for (const Piece &piece : endpoint.pieces) {
        if (!piece.placeholder) continue;
        const Parameter *parameter = description.find_parameter(piece.placeholder->name);
        if (parameter && parameter->type == Type::choice) continue; // the scheme
        return parameter && parameter->type == Type::address ? parameter : nullptr;
    }
    return nullptr;
}

} // namespace

bool open_listeners(Binding &binding, Listeners &out, std::string *error) {
    std::vector<Endpoint> endpoints = find_endpoints(binding);
    // Streams come first: the page uses TLS if the streams at its address do.
    std::stable_partition(endpoints.begin(), endpoints.end(), [](const Endpoint &endpoint) {
        return endpoint.kind != Endpoint::Kind::page;
    });
    for (const Endpoint &endpoint : endpoints) {
        if (!endpoint.is_served() || !endpoint.protocol->open) continue;
        const auto wanted = address_of(endpoint, binding, error);
        if (!wanted) return false;
        const Parameter *parameter = address_parameter(endpoint, binding.description());
        const auto fail = [&] {
            if (!error || !parameter) return false;
            // No port is suggested: the user knows which ports are free and allowed.
            std::string at = net::Address{wanted->host, 0}.to_string();
            at.replace(at.size() - 1, 1, "PORT");
            *error += ": --set " + parameter->name + "=" + at;
            return false;
        };
        const auto tls = tls_of(endpoint, binding, error);
        // Choosing another port would not fix a bad certificate.
        if (!tls || (!tls->empty() && !net::TlsContext::load(*tls, error))) return false;
        std::string reason;
        auto listener = endpoint.protocol->open(
            {.address = *wanted, .tls = *tls, .shares = endpoint.kind == Endpoint::Kind::page},
            &reason);
        if (!listener) {
            if (error) *error = reason;
            return fail();
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
