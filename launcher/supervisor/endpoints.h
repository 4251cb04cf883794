// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the addresses that a description serves, receives from or sends to, for opening listeners
// and for display.
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
        send,    ///< an element that sends to an address outside this process
        media,   ///< the UDP port of an element whose peers come to another address first
    };
    Kind kind = Kind::publish;
    const protocols::Protocol *protocol = nullptr; ///< never nullptr
    description::Pieces pieces;                    ///< the location, or the page's address
    const description::Parameter *key = nullptr;   ///< the publish key's parameter, if it has one
    bool has_key = false;
    bool is_on_demand = false;                      ///< of the pipeline of a `play` rule
    const description::PublishRule *rule = nullptr; ///< that the endpoint is the match of
    description::Pieces tls_certificate, tls_key;   ///< empty: not given
    const description::Item *element =
        nullptr; ///< has the other properties; nullptr: there is none
    /// True if this process listens at the address.
    bool is_served() const { return kind != Kind::send; }
    /// True if `pieces` are a URL, false if they are an address.
    bool has_location() const { return kind == Kind::publish || kind == Kind::play; }
};

std::vector<Endpoint> find_endpoints(const description::Binding &binding);

/// Returns the certificate and key files that an endpoint uses, or no files if it has no TLS.
/// nullopt and the reason if the files do not match the location.
std::optional<net::TlsFiles> tls_of(const Endpoint &endpoint, const description::Binding &binding,
                                    std::string *error);

/// The value of a property of the endpoint's element; nullopt if it is not given or depends on
/// captures.
std::optional<std::string> property_of(const Endpoint &endpoint,
                                       const description::Binding &binding, const char *property);

/// The scheme of the endpoint's location: "rtmp"; empty: it is an address only.
std::string scheme_of(const Endpoint &endpoint, const description::Binding &binding);

/// The endpoint's address, which may not depend on captures. nullopt and the reason if it has none.
std::optional<net::Address> address_of(const Endpoint &endpoint,
                                       const description::Binding &binding, std::string *error);

/// The parameter of this type that a location begins with, apart from its scheme; nullptr if there
/// is none.
const description::Parameter *parameter_of(const description::Pieces &pieces,
                                           description::Type type,
                                           const description::Description &description);

/// Expands text with `capture` in the place of each capture.
std::optional<std::string> text_of(const description::Pieces &pieces,
                                   const description::Binding &binding, std::string *error,
                                   const char *capture = "x");

/// A served location with `*` in the place of each capture; nullopt if it is none.
std::optional<net::Location> pattern_of(const Endpoint &endpoint,
                                        const description::Binding &binding);

} // namespace penstock::supervisor
