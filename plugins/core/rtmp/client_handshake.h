// SPDX-License-Identifier: LGPL-2.1-or-later
// The client's side of RTMP's simple handshake. Adobe RTMP specification 1.0, section 5.2.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <vector>

namespace penstock::rtmp {

/// Sends C0 and C1, and C2 as soon as S1 is complete. S2 is consumed unchecked, because servers put
/// different data there. The version bytes of C1 are zero: the simple handshake.
class ClientHandshake {
public:
    bool done() const { return done_; }
    /// Appends C0 and C1 to `output`. Call once, first.
    void begin(std::vector<uint8_t> &output);
    /// Consumes the handshake at the front of `input` and appends C2 to `output`. Returns need_more
    /// until S2 is complete. A first byte other than 3 is an error that names the protocol that
    /// the server seems to use.
    Result feed(ByteView &input, std::vector<uint8_t> &output);

private:
    std::vector<uint8_t> s1_; ///< S0 and S1 received so far
    size_t s2_received_ = 0;
    bool answered_ = false;
    bool done_ = false;
};

} // namespace penstock::rtmp
