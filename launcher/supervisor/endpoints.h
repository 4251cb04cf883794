// SPDX-License-Identifier: LGPL-2.1-or-later
// Where a description serves something: found in its text, for listeners and for people.
#pragma once

#include "core/net/tls/files.h"
#include "description/binding.h"

#include <string>
#include <vector>

namespace penstock::supervisor {

struct Endpoint {
    enum class Kind {
        publish, ///< a publish rule's `match`, or an rtmpserversrc of a `start` pipeline
        play,    ///< rtmpserversink
        http,    ///< httpserversink
        hls,     ///< hlssegmenter over HTTP or HTTPS
        page,    ///< the viewers' page
        udp,     ///< udpsink: nobody listens here, it sends there
        rtp,     ///< the same, in RTP
    };
    Kind kind = Kind::publish;
    description::Pieces pieces;                  ///< of the location, or the page's address
    const description::Parameter *key = nullptr; ///< the publish key's parameter, if it has one
    bool has_key = false;
    description::Pieces tls_certificate, tls_key; ///< of http and hls; empty: none is said
    /// Whether something listens there.
    bool is_served() const { return kind != Kind::udp && kind != Kind::rtp; }
    bool is_http() const { return kind == Kind::http || kind == Kind::hls || kind == Kind::page; }
};

std::vector<Endpoint> find_endpoints(const description::Binding &binding);

/// The files that make the endpoint one of https://, which has to have them; empty for any other.
/// nullopt and the reason if they do not suit its location.
std::optional<net::TlsFiles> tls_of(const Endpoint &endpoint, const description::Binding &binding,
                                    std::string *error);

/// The address an endpoint listens on, captures aside. nullopt and the reason if it has none.
std::optional<net::Address> address_of(const Endpoint &endpoint,
                                       const description::Binding &binding, std::string *error);

} // namespace penstock::supervisor
