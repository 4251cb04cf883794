// SPDX-License-Identifier: LGPL-2.1-or-later
// A request on its way to its answer, in any version of HTTP: finds the route, asks whoever decides
// about it, has the body read and calls the handler.
#pragma once

#include "core/net/http/routes.h"
#include "core/net/loop/clock.h"
#include "core/net/stream/admission.h"

#include <boost/asio/any_io_executor.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::net {

/// What the requests of a connection have in common.
struct HttpSide {
    std::shared_ptr<Loops> loops;
    size_t loop = 0;
    boost::asio::any_io_executor executor; ///< of that loop
    std::shared_ptr<HttpRoutes> routes;
    std::string peer; ///< "127.0.0.1:53412"
};

/// Everything runs on the connection's loop. A derived class is a version of HTTP: it has read the
/// header, reads the body, and sends the answer. One object may serve several requests, one after
/// the other.
class HttpExchange : public std::enable_shared_from_this<HttpExchange> {
public:
    virtual ~HttpExchange() = default;
    HttpExchange(const HttpExchange &) = delete;
    HttpExchange &operator=(const HttpExchange &) = delete;

protected:
    /// `refused`: too many are connected; every request gets a 503 response.
    HttpExchange(std::shared_ptr<const HttpSide> side, bool refused)
        : side_(std::move(side)), refused_(refused) {}

    // --- the request and its connection ------------------------------------------------------
    virtual std::string method() const = 0;
    virtual std::string_view target() const = 0;
    /// The value of a header, by case-insensitive name; empty if absent.
    virtual std::string header(std::string_view name) const = 0;
    virtual bool is_websocket() const { return false; }
    /// Whether all of the body has arrived.
    virtual bool has_body() const = 0;
    /// Reads the body. `done` gets a refusal if it is larger than `limit` bytes, invalid or late,
    /// after which the connection is not used again. Not called if the client has left.
    virtual void read_body(size_t limit,
                           std::function<void(std::optional<HttpResponse> refusal)> done) = 0;
    virtual Bytes take_body() = 0;
    /// No deadline of the connection applies until the answer: others decide how long it takes.
    virtual void hold() {}
    /// Has `gone` called if the client leaves before the answer.
    virtual void watch(std::function<void()> gone) = 0;
    /// The next answer is the last of its connection, since the request was not read to its end.
    virtual void end_with_answer() {}
    /// Sends the answer. `endless`: the headers of an answer of unknown length.
    virtual void send(HttpResponse response, bool endless = false) = 0;
    /// The connection becomes a viewer's. `request` lacks what only the connection knows.
    virtual void play(std::shared_ptr<HttpStream> stream, HttpPlayRequest request) = 0;
    /// Whether viewers of streams have to use another version of HTTP; if so, they were told.
    virtual bool sends_streams_elsewhere() { return false; }
    /// Checks what a viewer of a stream asks of the connection itself: the refusal, or nullopt.
    virtual std::optional<HttpResponse> refuse_viewer() const { return std::nullopt; }

    // --- for the derived class ---------------------------------------------------------------
    /// A request has come. Call it before send() and begin().
    void renew();
    /// Answers it.
    void begin();
    /// Sends a response and reads nothing more.
    void refuse(HttpResponse response);
    /// Marks the request as answered.
    void close_question();

    const HttpSide &side() const { return *side_; }
    const std::shared_ptr<const HttpSide> &shared_side() const { return side_; }
    bool is_head() const { return head_; }
    bool is_refused() const { return refused_; }
    /// The value of Vary by which answers at this path differ; empty: they do not.
    const char *vary() const { return navigation_ ? "Accept, Sec-Fetch-Dest" : ""; }
    const HttpHeaders &cors() const { return cors_; }

private:
    using Route = std::shared_ptr<const HttpRoute>;

    HttpRoutes &routes() const { return *side_->routes; }
    void answer_unread(HttpResponse response);
    template <class GoOn>
    void ask_access(const Route &route, const std::string &path, GoOn go_on);
    void receive_body(const Route &route, const std::string &path);
    void answer(const std::string &path);
    bool is_navigation() const;
    bool is_stream(const std::string &path) const;
    bool starts_something(const std::string &path) const;
    void ask_watches(const std::string &path);
    void ask_demand(const std::string &path);
    void reach(const std::string &path);
    void handle(const Route &route, const std::string &path);
    void show(std::shared_ptr<HttpStream> stream, const std::string &path);
    PeerInfo peer_info(const std::string &path) const;
    HttpRequest request(const std::string &path) const;

    const std::shared_ptr<const HttpSide> side_;
    const bool refused_;
    // State of the current request:
    bool head_ = false;
    bool is_endpoint_ = false; ///< no stream and no rule is looked for at the path
    bool was_asked_ = false;   ///< the admission has asked watchers
    unsigned question_ = 0;    ///< changes with each call of an access hook and each verdict
    unsigned turn_ = 0;        ///< changes with each request and each answer
    size_t mark_ = 0;          ///< offset of the query in the target; npos: none
    Route route_;              ///< the route whose hook has allowed it
    HttpHandler navigation_;
    HttpHeaders cors_;
    Admission admission_;
    std::optional<Timer> access_timer_;
};

} // namespace penstock::net
