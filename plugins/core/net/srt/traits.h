// SPDX-License-Identifier: LGPL-2.1-or-later
// What the two ends of an SRT connection have to agree on. This header needs no libsrt.
#pragma once

#include <string>

namespace penstock::net {

struct SrtTraits {
    static constexpr size_t min_passphrase = 10, max_passphrase = 79; ///< bytes
    std::string passphrase{};                                         ///< empty: not encrypted
    unsigned key_length = 0; ///< bytes of the AES key: 16, 24, 32; 0: that of the other end, or 16
    /// ms; how long a packet is held back, so that a lost one can come again. The longer one of the
    /// two ends' counts.
    unsigned latency_ms = 120;
    bool operator==(const SrtTraits &) const = default;

    /// What is wrong with them; empty if nothing is.
    std::string check() const {
        if (!passphrase.empty() &&
            (passphrase.size() < min_passphrase || passphrase.size() > max_passphrase))
            return "a passphrase of SRT has " + std::to_string(min_passphrase) + " to " +
                   std::to_string(max_passphrase) + " bytes";
        if (key_length != 0 && key_length != 16 && key_length != 24 && key_length != 32)
            return "pbkeylen is 16, 24 or 32, or 0 for what the other end has";
        return {};
    }
};

} // namespace penstock::net
