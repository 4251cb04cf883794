// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/response_writer.h"

#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <utility>

namespace penstock::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

/// Timeout of each part of a response.
constexpr auto part_timeout = std::chrono::seconds(30);
constexpr size_t part_size = 256 << 10; ///< bytes
/// Bytes of a file per call. They are not copied, so that more of them take no longer.
constexpr size_t most_of_file = 1 << 20;
/// Pieces per write: with a chunk's framing, as many as the socket accepts in one call.
constexpr size_t part_pieces = 6;

asio::const_buffer buffer_of(const Bytes &bytes, size_t from = 0, size_t size = SIZE_MAX) {
    return {bytes.data() + from, std::min(size, bytes.size() - from)};
}

} // namespace

void HttpResponseWriter::send(std::string head, Bytes body, Done done) {
    head_ = std::move(head);
    bytes_ = std::move(body);
    sent_ = deadline_at_ = 0;
    done_ = std::move(done);
    send_more();
}

void HttpResponseWriter::send_more() {
    if (const auto file = FileMemory::range_of(bytes_); file && socket_.sends_files())
        return send_file(*file);
    const std::array<asio::const_buffer, 2> part{asio::buffer(head_),
                                                 buffer_of(bytes_, sent_, part_size)};
    const size_t size = part[1].size();
    socket_.expires_after(part_timeout);
    asio::async_write(socket_, part, [self = shared_from_this(), size](error_code ec, size_t) {
        self->head_.clear();
        self->sent_ += size;
        if (!ec && self->sent_ < self->bytes_.size()) return self->send_more();
        self->finish(ec, ec.message());
    });
}

void HttpResponseWriter::send_file(FileRange file) {
    if (sent_ >= deadline_at_) {
        deadline_at_ = sent_ + part_size;
        socket_.expires_after(part_timeout);
    }
    file.offset += sent_;
    socket_.async_send_file(head_, file, std::min(most_of_file, bytes_.size() - sent_),
                            [self = shared_from_this()](error_code ec, size_t sent) {
                                self->head_.clear();
                                self->sent_ += sent;
                                if (!ec && self->sent_ < self->bytes_.size())
                                    return self->send_more();
                                self->finish(ec, ec.message());
                            });
}

void HttpResponseWriter::stream(std::string head, std::shared_ptr<HttpBody> body, bool chunked,
                                Done done) {
    head_ = std::move(head);
    body_ = std::move(body);
    chunked_ = chunked;
    last_ = false;
    done_ = std::move(done);
    body_->attach([weak = weak_from_this(), executor = socket_.get_executor()] {
        asio::post(executor, [weak] {
            if (const auto self = weak.lock()) self->stream_more();
        });
    });
    stream_more();
}

void HttpResponseWriter::stream_more() {
    if (!body_ || writing_) return;
    if (last_) return finish({}, {});
    taken_ = body_->take(part_pieces, part_size);
    if (taken_.aborted) return finish(asio::error::connection_aborted, "the producer gave up");
    if (taken_.size == 0 && !taken_.ended && head_.empty()) return socket_.expires_never();
    std::vector<asio::const_buffer> part{asio::buffer(head_)};
    const auto text = [](std::string_view constant) {
        return asio::buffer(constant.data(), constant.size());
    };
    if (chunked_ && taken_.size > 0) {
        std::array<char, 20> line{};
        const int length = std::snprintf(line.data(), line.size(), "%zx\r\n", taken_.size);
        framing_.assign(line.data(), size_t(length));
        part.push_back(asio::buffer(framing_));
    }
    for (const Bytes &piece : taken_.pieces)
        part.push_back(buffer_of(piece));
    last_ = taken_.ended;
    if (chunked_ && taken_.size > 0) part.push_back(text("\r\n"));
    if (chunked_ && last_) part.push_back(text("0\r\n\r\n"));
    writing_ = true;
    socket_.expires_after(part_timeout);
    asio::async_write(socket_, part, [self = shared_from_this()](error_code ec, size_t) {
        self->writing_ = false;
        self->head_.clear();
        if (!self->body_) { // the client has left in the meantime
            self->taken_ = {};
            return;
        }
        if (ec)
            return self->finish(ec, ec == boost::beast::error::timeout
                                        ? "the client reads too slowly"
                                        : "the client has left");
        const size_t size = std::exchange(self->taken_, {}).size;
        self->body_->sent(size); // may write or close
        self->stream_more();
    });
}

void HttpResponseWriter::close(const std::string &reason) {
    if (body_) finish(asio::error::operation_aborted, reason);
}

void HttpResponseWriter::finish(error_code error, const std::string &reason) {
    bytes_ = {};
    if (!writing_) { // else the socket may still be reading from them
        head_ = {};
        taken_ = {};
    }
    if (const auto body = std::exchange(body_, nullptr)) body->close(reason);
    if (const Done done = std::exchange(done_, nullptr)) done(error);
}

} // namespace penstock::net
