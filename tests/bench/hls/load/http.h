// SPDX-License-Identifier: LGPL-2.1-or-later
// The requests of an HLS player without I/O: HTTP/1.1 on a connection that stays open, or HTTP/2.
#pragma once

#include "../../fanout/load/wire.h"

#include <functional>
#include <memory>

namespace load {

class HttpClient {
public:
    /// Called when the whole answer is there. `body` is empty unless it was asked for; `status` is
    /// 0 if there is no answer.
    using Done = std::function<void(int status, std::string_view body)>;

    virtual ~HttpClient() = default;
    /// Sends the request when its turn comes: HTTP/1.1 has one at a time.
    virtual void get(std::string path, bool wants_body, Done done) = 0;
    /// Takes what the server sent. Returns false, with `error` set, if it broke the protocol.
    virtual bool feed(const uint8_t *data, size_t size) = 0;
    /// How many of the next bytes belong to a body that nobody wants; they may be skipped.
    virtual size_t unwanted() const { return 0; }
    virtual void skip(size_t) {}

    Buffer out; ///< to be sent
    std::string error;
};

std::unique_ptr<HttpClient> make_http1(std::string host);
std::unique_ptr<HttpClient> make_http2(std::string host);

} // namespace load
