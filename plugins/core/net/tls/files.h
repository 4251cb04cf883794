// SPDX-License-Identifier: LGPL-2.1-or-later
// The files that make a listener one of TLS.
#pragma once

#include <string>

namespace penstock::net {

/// What a listener shows its clients. Both empty: it speaks no TLS.
struct TlsFiles {
    std::string certificate; ///< PEM: the certificate, then those between it and the root
    std::string key;         ///< PEM, without a passphrase
    bool empty() const { return certificate.empty() && key.empty(); }
    bool operator==(const TlsFiles &) const = default;
};

/// Whether a location of this scheme may have these: https needs both, http takes none. If not,
/// `error` says so in the words of the properties tls-certificate and tls-key.
bool tls_suits(const std::string &scheme, const TlsFiles &files, std::string *error);

} // namespace penstock::net
