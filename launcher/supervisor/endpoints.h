// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a description serves, takes or sends something: found in its text, for listeners and for
// people.
#pragma once

#include "core/net/tls/files.h"
#include "description/binding.h"

#include <string>
#include <vector>

namespace penstock::supervisor {

struct Endpoint {
    enum class Kind {
        publish, ///< a publish rule's `match`, or a receiving element of a `start` pipeline
        play,    ///< an element that serves viewers
        page,    ///< the viewers' page
        send,    ///< an element that sends to an address, where nothing of this process listens
    };
    Kind kind = Kind::publish;
    const protocols::Protocol *protocol = nullptr; ///< never nullptr
    description::Pieces pieces;                    ///< of the location, or the page's address
    const description::Parameter *key = nullptr;   ///< the publish key's parameter, if it has one
    bool has_key = false;
    description::Pieces tls_certificate, tls_key; ///< of Kind::play; empty: none is given
    /// Whether this process listens there.
    bool is_served() const { return kind != Kind::send; }
};

std::vector<Endpoint> find_endpoints(const description::Binding &binding);

/// The files that make the endpoint one of TLS, if its scheme needs them; empty otherwise. nullopt
/// and the reason if they do not suit its location.
std::optional<net::TlsFiles> tls_of(const Endpoint &endpoint, const description::Binding &binding,
                                    std::string *error);

/// The address of an endpoint, whatever its captures are. nullopt and the reason if it has none.
std::optional<net::Address> address_of(const Endpoint &endpoint,
                                       const description::Binding &binding, std::string *error);

} // namespace penstock::supervisor
