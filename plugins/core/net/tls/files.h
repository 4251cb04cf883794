// SPDX-License-Identifier: LGPL-2.1-or-later
// The certificate and key files of a TLS listener.
#pragma once

#include <string>

namespace penstock::net {

/// A listener's certificate and key. Both empty: no TLS.
struct TlsFiles {
    std::string certificate; ///< PEM: the certificate, followed by intermediate certificates
    std::string key;         ///< PEM, without a passphrase
    bool empty() const { return certificate.empty() && key.empty(); }
    bool operator==(const TlsFiles &) const = default;
};

/// Whether a location with this scheme may have these files: https requires both, http allows none.
/// If not, sets `error`, which refers to the properties tls-certificate and tls-key.
bool tls_suits(const std::string &scheme, const TlsFiles &files, std::string *error);

} // namespace penstock::net
