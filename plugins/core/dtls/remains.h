// SPDX-License-Identifier: LGPL-2.1-or-later
// A session of DTLS once its handshake is done and no messages follow: without OpenSSL's 65 kB it
// repeats its last flight, and hears of the peer's end. This header does not need OpenSSL.
#pragma once

#include "core/bytes/bytes.h"
#include "core/srtp/keys.h"

#include <cstdint>
#include <memory>
#include <vector>

struct ssl_st;

namespace penstock::dtls {

/// Not thread-safe.
class Remains {
public:
    /// Takes what is needed out of a connection whose handshake is done, with an AEAD cipher; the
    /// connection can be freed then. nullptr if OpenSSL can't. Throws std::bad_alloc.
    static std::unique_ptr<Remains> of(ssl_st *ssl, bool is_client);

    enum class Heard : uint8_t {
        nothing,
        finished, ///< the end of the peer's last flight: it has not got this side's
        closes,   ///< the peer ends the session
        fails     ///< the peer can't go on
    };
    /// Reads whole records of the peer, of which only authentic ones count, to the first that
    /// matters.
    Heard hear(ByteView records) const;

    /// Datagrams of this side: its last flight, and what tells the peer of the end.
    std::vector<std::vector<uint8_t>> flight, goodbye;

private:
    static constexpr size_t max_key = 32, max_iv = 12;

    Remains() = default;
    bool open(ByteView record, std::vector<uint8_t> &content) const;

    int cipher_ = 0; ///< OpenSSL's number
    srtp::Secret<max_key> key_;
    srtp::Secret<max_iv>
        iv_; ///< RFC 5288, section 3: its beginning; RFC 7905, section 2: all of it
};

} // namespace penstock::dtls
