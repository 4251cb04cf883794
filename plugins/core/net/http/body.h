// SPDX-License-Identifier: LGPL-2.1-or-later
// A response body that is produced while it is sent: event streams, growing segments.
#pragma once

#include "core/bytes/bytes.h"

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::net {

struct HttpBodyOptions {
    /// Bytes that may be queued for the client. A single write may exceed it if the queue is empty.
    size_t capacity = 64 << 10;
    /// Called when there is space again after a write returned `full`. Called on a network loop:
    /// must return at once.
    std::function<void()> on_room;
    /// Called when the client has left, reads too slowly or sent a HEAD request; further writes are
    /// rejected. Called at most once and not after end() or abort(), on a network loop: must return
    /// at once.
    std::function<void(const std::string &reason)> on_closed;
};

/// The queue between a producer on any thread and the connection on its loop. Uses no thread or
/// timer of its own. Lock order: mutex_ only; no callback is called with it held.
class HttpBody {
public:
    explicit HttpBody(HttpBodyOptions options) : options_(std::move(options)) {}
    HttpBody(const HttpBody &) = delete;
    HttpBody &operator=(const HttpBody &) = delete;

    // --- the producer's; any thread ----------------------------------------------------------
    enum class Written {
        taken, ///< queued, without a copy
        full,  ///< rejected: write it again after on_room
        closed ///< rejected, like all further writes
    };
    /// An empty write is accepted and sends nothing.
    Written write(Bytes bytes);
    /// The body is complete. The connection can then serve another request.
    void end();
    /// The body is incomplete: the connection is closed, so that the client can detect it.
    void abort();
    /// Bytes queued for the client.
    size_t waiting() const;

    // --- the connection's; its loop ----------------------------------------------------------
    /// From now on calls `wake`, on any thread, when take() may return something.
    void attach(std::function<void()> wake);
    struct Taken {
        std::vector<Bytes> pieces;
        size_t size = 0;      ///< sum of the pieces; bytes
        bool ended = false;   ///< end() was called, and these are the last pieces
        bool aborted = false; ///< abort() was called
    };
    /// Takes at most `max_pieces` pieces that begin within the first `max_size` bytes. They count
    /// as queued until sent(). If there is nothing, `wake` is called later.
    Taken take(size_t max_pieces, size_t max_size);
    /// The client has received this many bytes.
    void sent(size_t size);
    /// Rejects further writes and discards the queue.
    void close(const std::string &reason);

private:
    const HttpBodyOptions options_;
    mutable std::mutex mutex_; ///< guards the following
    std::function<void()> wake_;
    std::deque<Bytes> queue_;
    size_t waiting_ = 0;   ///< bytes in queue_, and those taken but not sent
    bool idle_ = true;     ///< take() returned nothing since the last call of wake
    bool refused_ = false; ///< a write returned `full`
    bool ended_ = false, aborted_ = false, closed_ = false;
};

/// A producer's handle of a body: aborts it on destruction, unless it has ended.
class HttpBodyWriter {
public:
    explicit HttpBodyWriter(HttpBodyOptions options = {})
        : body_(std::make_shared<HttpBody>(std::move(options))) {}
    ~HttpBodyWriter() { body_->abort(); }
    HttpBodyWriter(const HttpBodyWriter &) = delete;
    HttpBodyWriter &operator=(const HttpBodyWriter &) = delete;

    /// For HttpResponse::streamed of a single response.
    const std::shared_ptr<HttpBody> &body() const { return body_; }
    HttpBody::Written write(Bytes bytes) { return body_->write(std::move(bytes)); }
    void end() { body_->end(); }

private:
    const std::shared_ptr<HttpBody> body_;
};

} // namespace penstock::net
