// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes responses to a connection: complete bodies, and bodies that are produced while they are
// sent.
#pragma once

#include "core/net/http/body.h"
#include "core/net/http/socket.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

/// Belongs to its connection and that connection's loop; handles one response at a time. `done`
/// keeps the connection alive. Clients that read less than about 8 kB/s are disconnected.
class HttpResponseWriter : public std::enable_shared_from_this<HttpResponseWriter> {
public:
    using Done = std::function<void(boost::system::error_code)>;

    explicit HttpResponseWriter(const HttpSocket &socket) : socket_(socket) {}

    /// Sends a head and a body, which may be empty.
    void send(std::string head, Bytes body, Done done);
    /// Sends a head, then data from `body` until it ends. With `chunked`, uses chunked transfer
    /// coding; otherwise the end of the connection ends the body. An aborted body completes with
    /// connection_aborted.
    void stream(std::string head, std::shared_ptr<HttpBody> body, bool chunked, Done done);
    /// Ends stream(): `done` is called with operation_aborted. No effect if it has ended.
    void close(const std::string &reason);

private:
    void send_more();
    void send_file(FileRange file);
    void stream_more();
    void finish(boost::system::error_code error, const std::string &reason);

    HttpSocket socket_; ///< shares the connection's state
    std::string head_;
    Bytes bytes_; ///< the body, if it is complete
    size_t sent_ = 0;
    size_t deadline_at_ = 0;         ///< bytes that have to be sent before the deadline; of a file
    std::shared_ptr<HttpBody> body_; ///< the body, if it is being produced
    HttpBody::Taken taken_;
    std::string framing_; ///< of the chunk being sent
    bool chunked_ = false, writing_ = false, last_ = false;
    Done done_;
};

} // namespace penstock::net
