// SPDX-License-Identifier: LGPL-2.1-or-later
// A request and its answer on a stream of an HTTP/2 connection.
#pragma once

#include "core/http2/fields.h"
#include "core/net/http/exchange.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace penstock::net {

class Http2Connection;

/// Everything runs on the connection's loop.
class Http2Stream final : public HttpExchange {
public:
    /// `place`: among its host's requests; nullptr where none is needed.
    Http2Stream(std::shared_ptr<Http2Connection> connection, std::shared_ptr<const HttpSide> side,
                bool refused, uint32_t id, http2::Fields fields, bool has_body,
                std::unique_ptr<WaitingRoom::Seat> place);
    ~Http2Stream() override;

    /// Answers the request.
    void start();
    /// Answers it so, without looking at it.
    void start(HttpResponse refusal);
    void on_body(ByteView data);
    void on_body_end();
    void on_room(size_t written);
    /// The stream has ended. `answered`: all of the answer is sent.
    void on_closed(bool answered);
    void check(uint64_t now_ms);
    /// The server ends: there is nothing to wait for.
    void on_server_end();

private:
    std::string method() const override { return std::string(fields_.method()); }
    std::string_view target() const override { return fields_.path(); }
    std::string header(std::string_view name) const override { return fields_.get(name); }
    /// A body that has come is read, too: its limit is not known before.
    bool has_body() const override { return is_complete_ && body_.empty(); }
    void read_body(size_t limit, std::function<void(std::optional<HttpResponse>)> done) override;
    Bytes take_body() override;
    void watch(std::function<void()> gone) override;
    void send(HttpResponse response, bool endless) override;
    bool sends_streams_elsewhere() override;
    void play(std::shared_ptr<HttpStream> stream, HttpPlayRequest request) override;

    void end_body(std::optional<HttpResponse> refusal);
    void pull();
    void give_up(const std::string &reason);

    const std::shared_ptr<Http2Connection> connection_;
    const uint32_t id_;
    http2::Fields fields_;
    const std::unique_ptr<WaitingRoom::Seat> place_;
    // The request's body:
    std::vector<uint8_t> body_;
    std::function<void(std::optional<HttpResponse>)> body_done_;
    size_t limit_ = 0;              ///< bytes; of a body that is being read
    size_t held_ = 0;               ///< bytes taken from the budget of all bodies
    uint64_t body_deadline_ms_ = 0; ///< steady clock; 0: none
    bool is_complete_;              ///< all of it has come
    // The answer:
    std::function<void()> gone_;         ///< called when the client leaves before it
    std::shared_ptr<HttpBody> streamed_; ///< its body, if that is being produced
    size_t pulled_ = 0;                  ///< bytes of it that are not in the output yet
    bool answered_ = false, closed_ = false;
};

} // namespace penstock::net
