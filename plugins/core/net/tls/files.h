// SPDX-License-Identifier: LGPL-2.1-or-later
// The certificate and key files of a TLS listener.
#pragma once

#include <optional>
#include <string>

namespace penstock::net {

/// A listener's certificate and key. Both empty: no TLS.
struct TlsFiles {
    std::string certificate; ///< PEM: the certificate, followed by intermediate certificates
    std::string key;         ///< PEM, without a passphrase
    bool empty() const { return certificate.empty() && key.empty(); }
    bool operator==(const TlsFiles &) const = default;
};

/// Whether the scheme of a location admits TLS only: https, rtmps.
bool is_tls_only(const std::string &scheme);
/// Whether it admits TLS: https, rtmps, and rtmp, with which a port takes both.
bool can_use_tls(const std::string &scheme);
/// Returns the files that a location with this scheme uses, out of those that were given: https and
/// rtmps require both, rtmp uses both or none, http none. nullopt if one is missing; sets `error`,
/// which refers to the properties tls-certificate and tls-key.
std::optional<TlsFiles> tls_for(const std::string &scheme, const TlsFiles &given,
                                std::string *error);

} // namespace penstock::net
