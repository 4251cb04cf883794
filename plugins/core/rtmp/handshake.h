// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of RTMP's simple handshake. Adobe RTMP specification 1.0, section 5.2.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <vector>

namespace penstock::rtmp {

/// C0 and C1 are answered with S0, S1 and S2 at once; C2 is swallowed unchecked, as servers do:
/// what peers put there varies. S1's version bytes are zero, so that clients which know the
/// digest handshake too keep to the simple one.
class Handshake {
public:
    static constexpr size_t block_size = 1536; ///< C1, C2, S1, S2
    static constexpr uint8_t version = 3;

    bool done() const { return done_; }
    /// Takes the handshake's bytes off the front of `input` and appends answers to `output`.
    /// need_more until C2 is complete. A first byte other than 3 is an error that says what the
    /// peer seems to speak instead.
    Result feed(ByteView &input, std::vector<uint8_t> &output);

private:
    std::vector<uint8_t> c1_; ///< C0 and C1 while they arrive
    size_t c2_received_ = 0;
    bool answered_ = false;
    bool done_ = false;
};

} // namespace penstock::rtmp
