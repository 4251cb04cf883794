// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/http2_stream.h"

#include "core/net/http/http2_connection.h"
#include "core/net/http/response_head.h"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;

/// Timeout of a body, extended by a second per `slowest_body` bytes of its limit.
constexpr uint64_t body_timeout_ms = 30'000;
constexpr size_t slowest_body = 16 << 10; ///< bytes per second
/// Of a body that is being produced, what is taken at once.
constexpr size_t max_pieces = 16, max_pulled = 64 << 10;

bool is_of_connection(std::string_view name) {
    return name == "connection" || name == "keep-alive" || name == "proxy-connection" ||
           name == "transfer-encoding" || name == "upgrade";
}

/// RFC 9218: a player needs a playlist before the media that it lists. -1: as the client says.
int urgency_of(const std::string &content_type) {
    if (content_type == "application/vnd.apple.mpegurl" || content_type == "application/dash+xml")
        return 1;
    return content_type.starts_with("video/") || content_type.starts_with("audio/") ? 3 : -1;
}

http2::Head head_of(const HttpResponse &response, const HttpHeadOptions &options) {
    http2::Head head;
    head.status = response.status;
    if (response.status < 300) head.urgency = urgency_of(response.content_type);
    each_header(response, options, [&head](std::string_view name, std::string_view value) {
        std::string lower(name);
        for (char &c : lower)
            if (c >= 'A' && c <= 'Z') c = static_cast<char>(c | 0x20);
        if (is_of_connection(lower)) return;
        if (lower == "priority") head.urgency = -1;
        head.headers.emplace_back(std::move(lower), value);
    });
    return head;
}

} // namespace

Http2Stream::Http2Stream(std::shared_ptr<Http2Connection> connection,
                         std::shared_ptr<const HttpSide> side, bool refused, uint32_t id,
                         http2::Fields fields, bool has_body,
                         std::unique_ptr<WaitingRoom::Seat> place)
    : HttpExchange(std::move(side), refused), connection_(std::move(connection)), id_(id),
      fields_(std::move(fields)), place_(std::move(place)), is_complete_(!has_body) {
}

Http2Stream::~Http2Stream() {
    side().routes->bodies.give_back(held_);
}

void Http2Stream::start() {
    renew();
    const std::string host = header("Host");
    if (host.empty()) return refuse(http_error(400, "A request needs one Host header."));
    begin();
}

void Http2Stream::start(HttpResponse refusal) {
    renew();
    refuse(std::move(refusal));
}

// --- the request's body -------------------------------------------------------------------

void Http2Stream::read_body(size_t limit, std::function<void(std::optional<HttpResponse>)> done) {
    if (answered_) return;
    limit_ = limit;
    body_done_ = std::move(done);
    const std::string length = header("Content-Length");
    uint64_t announced = 0;
    std::from_chars(length.data(), length.data() + length.size(), announced);
    if (announced > limit || body_.size() > limit)
        return end_body(http_error(413, "The body is too large."));
    if (is_complete_) return end_body(std::nullopt);
    body_deadline_ms_ = steady_ms() + body_timeout_ms + limit / slowest_body * 1000;
    connection_->session().want_body(id_);
    connection_->flush_soon();
}

void Http2Stream::on_body(ByteView data) {
    if (answered_) return;
    if (!side().routes->bodies.take(data.size()))
        return end_body(http_error(503, "Too many bodies are on their way."));
    held_ += data.size();
    body_.insert(body_.end(), data.begin(), data.end());
    if (body_done_ && body_.size() > limit_) end_body(http_error(413, "The body is too large."));
}

void Http2Stream::on_body_end() {
    is_complete_ = true;
    if (body_done_) end_body(std::nullopt);
}

void Http2Stream::end_body(std::optional<HttpResponse> refusal) {
    body_deadline_ms_ = 0;
    const auto done = std::exchange(body_done_, nullptr);
    if (done) return done(std::move(refusal));
    if (refusal) send(std::move(*refusal), false);
}

Bytes Http2Stream::take_body() {
    return body_.empty() ? Bytes() : Bytes::adopt(std::exchange(body_, {}));
}

void Http2Stream::check(uint64_t now_ms) {
    if (body_deadline_ms_ != 0 && now_ms >= body_deadline_ms_)
        end_body(http_error(408, "The body did not arrive in time."));
}

// --- the answer ---------------------------------------------------------------------------

void Http2Stream::watch(std::function<void()> gone) {
    if (closed_) return gone();
    gone_ = std::move(gone);
}

void Http2Stream::send(HttpResponse response, bool endless) {
    using Length = HttpHeadOptions::Length;
    close_question();
    gone_ = nullptr;
    if (std::exchange(answered_, true) || closed_) {
        if (response.streamed) response.streamed->close("the client has left");
        return;
    }
    const bool bodiless = is_head() || response.status == 204 || response.status == 304;
    const http2::Head head = head_of(
        response, {11, true, endless || response.streamed ? Length::unknown : Length::of_body,
                   vary(), cors()});
    fields_.clear();
    http2::ServerSession &session = connection_->session();
    if (response.streamed && !bodiless) {
        streamed_ = std::move(response.streamed);
        session.begin_answer(id_, head);
        streamed_->attach([weak = weak_from_this(), executor = side().executor] {
            asio::post(executor, [weak] {
                if (const auto self = std::static_pointer_cast<Http2Stream>(weak.lock()))
                    self->pull();
            });
        });
        pull();
    } else {
        if (response.streamed) response.streamed->close("the answer has no body");
        session.answer(id_, head, bodiless ? Bytes() : std::move(response.body));
    }
    connection_->flush_soon();
}

/// Takes the next bytes of a body that is being produced, when those before are in the output.
void Http2Stream::pull() {
    if (!streamed_ || closed_ || pulled_ > 0) return;
    const HttpBody::Taken taken = streamed_->take(max_pieces, max_pulled);
    http2::ServerSession &session = connection_->session();
    if (taken.aborted) {
        session.reset(id_, http2::Error::internal);
        give_up("the producer gave up");
    } else {
        pulled_ = taken.size;
        for (const Bytes &piece : taken.pieces)
            session.write(id_, piece);
        if (taken.ended) session.end(id_);
    }
    connection_->flush_soon();
}

void Http2Stream::on_room(size_t written) {
    if (!streamed_) return;
    pulled_ -= std::min(pulled_, written);
    const auto body = streamed_;
    body->sent(written); // may write or close
    pull();
}

void Http2Stream::give_up(const std::string &reason) {
    if (const auto body = std::exchange(streamed_, nullptr)) body->close(reason);
}

void Http2Stream::on_closed(bool answered) {
    if (std::exchange(closed_, true)) return;
    body_done_ = nullptr;
    body_deadline_ms_ = 0;
    give_up(answered ? "the answer is complete" : "the client has left");
    if (const auto gone = std::exchange(gone_, nullptr)) gone();
}

void Http2Stream::on_server_end() {
    if (gone_ || streamed_) connection_->session().reset(id_, http2::Error::cancel);
    give_up("the server ends");
    if (const auto gone = std::exchange(gone_, nullptr)) gone();
}

/// A viewer of a stream has a connection of its own: clients ask again over HTTP/1.1 (RFC 9113,
/// section 7).
bool Http2Stream::sends_streams_elsewhere() {
    answered_ = true;
    connection_->session().reset(id_, http2::Error::http_1_1_required);
    connection_->flush_soon();
    return true;
}

/// A stream that has come while the request waited.
void Http2Stream::play(std::shared_ptr<HttpStream>, HttpPlayRequest) {
    if (!answered_) sends_streams_elsewhere();
}

} // namespace penstock::net
