// SPDX-License-Identifier: LGPL-2.1-or-later
// RTSP within HTTP: a client sends requests as base64 in the body of an endless POST, and gets the
// answers in that of a GET. Not thread-safe.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"
#include "core/rtsp/message.h"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::rtsp {

/// Decodes base64 that comes in pieces, with padding and line breaks anywhere, as clients make it
/// when they encode each request by itself.
class TunnelDecoder {
public:
    /// Appends what `text` decodes to. Errors: a character that is neither of base64 nor a space.
    Result decode(ByteView text, std::vector<uint8_t> &out);

private:
    uint32_t bits_ = 0;
    unsigned count_ = 0;
};

/// The cookie that ties the two connections together: 1 to 128 printable characters; empty: the
/// request has none that is legal.
std::string tunnel_cookie(const Request &request);
/// The head of the answer to the GET.
std::string tunnel_answer();

} // namespace penstock::rtsp
