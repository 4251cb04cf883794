// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's side of RTMP's handshake, simple or complex. Adobe RTMP specification 1.0, section
// 5.2.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"
#include "core/rtmp/handshake_digest.h"

#include <vector>

namespace penstock::rtmp {

/// Answers C0 and C1 with S0, S1 and S2 at once. C2 is consumed unchecked, because peers put
/// different data there. The answer has digests if C1 has one that is right (Flash Player, ffmpeg,
/// librtmp with a SWF); otherwise S2 is C1, which some clients insist on, and the version bytes of
/// S1 are zero, so that clients expect no digest.
class Handshake {
public:
    static constexpr size_t block_size = 1536; ///< C1, C2, S1, S2
    static constexpr uint8_t version = 3;

    /// Without `hmac` the answer has no digests.
    explicit Handshake(Hmac hmac = nullptr) : hmac_(hmac) {}

    bool done() const { return done_; }
    /// Consumes the handshake at the front of `input` and appends answers to `output`. Returns
    /// need_more until C2 is complete. A first byte other than 3 is an error that names the
    /// protocol that the peer seems to use.
    Result feed(ByteView &input, std::vector<uint8_t> &output);

private:
    void answer(std::vector<uint8_t> &output) const;

    const Hmac hmac_;
    std::vector<uint8_t> c1_; ///< C0 and C1 received so far
    size_t c2_received_ = 0;
    bool answered_ = false;
    bool done_ = false;
};

} // namespace penstock::rtmp
