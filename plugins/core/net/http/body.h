// SPDX-License-Identifier: LGPL-2.1-or-later
// A response body that is produced while it is sent: event streams, segments that still grow.
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
    /// Bytes that may wait for the client. One write may exceed it if nothing else waits.
    size_t capacity = 64 << 10;
    /// There is room again after a write found none. Called on a network loop: must return at once.
    std::function<void()> on_room;
    /// The client has left, reads too slowly, or asked with HEAD: nothing more is taken. At most
    /// once, and not after end() or abort(). Called on a network loop: must return at once.
    std::function<void(const std::string &reason)> on_closed;
};

/// The queue between a producer on any thread and the connection on its loop. Needs no thread or
/// timer of its own. Lock order: mutex_ alone; no callback is called with it held.
class HttpBody {
public:
    explicit HttpBody(HttpBodyOptions options) : options_(std::move(options)) {}
    HttpBody(const HttpBody &) = delete;
    HttpBody &operator=(const HttpBody &) = delete;

    // --- the producer's; any thread ----------------------------------------------------------
    enum class Written {
        taken, ///< is sent when its turn comes, without a copy
        full,  ///< not taken: write it again once on_room was called
        closed ///< not taken, nor will anything be
    };
    /// An empty write is taken and sends nothing.
    Written write(Bytes bytes);
    /// What was written is all. The connection can then serve another request.
    void end();
    /// What was written is not all: the connection ends, so that the client can tell.
    void abort();
    /// Bytes that wait for the client.
    size_t waiting() const;

    // --- the connection's; its loop ----------------------------------------------------------
    /// From now on `wake` is called whenever there may be something to take(); on any thread.
    void attach(std::function<void()> wake);
    struct Taken {
        std::vector<Bytes> pieces;
        size_t size = 0;      ///< of the pieces together
        bool ended = false;   ///< end() was called, and these are the last
        bool aborted = false; ///< abort() was called
    };
    /// At most `max_pieces` that begin within the first `max_size` bytes. They count as waiting
    /// until sent(). If there is nothing, `wake` is called when there is.
    Taken take(size_t max_pieces, size_t max_size);
    /// The client has taken this many bytes: there may be room again.
    void sent(size_t size);
    /// Takes nothing more and forgets what waits.
    void close(const std::string &reason);

private:
    const HttpBodyOptions options_;
    mutable std::mutex mutex_; ///< what follows
    std::function<void()> wake_;
    std::deque<Bytes> queue_;
    size_t waiting_ = 0;   ///< bytes in queue_, and those taken and not sent
    bool idle_ = true;     ///< take() found nothing since wake was last called
    bool refused_ = false; ///< a write found no room
    bool ended_ = false, aborted_ = false, closed_ = false;
};

/// A producer's end of a body: aborts it when destroyed, unless it has ended.
class HttpBodyWriter {
public:
    explicit HttpBodyWriter(HttpBodyOptions options = {})
        : body_(std::make_shared<HttpBody>(std::move(options))) {}
    ~HttpBodyWriter() { body_->abort(); }
    HttpBodyWriter(const HttpBodyWriter &) = delete;
    HttpBodyWriter &operator=(const HttpBodyWriter &) = delete;

    /// For HttpResponse::streamed, of one response.
    const std::shared_ptr<HttpBody> &body() const { return body_; }
    HttpBody::Written write(Bytes bytes) { return body_->write(std::move(bytes)); }
    void end() { body_->end(); }

private:
    const std::shared_ptr<HttpBody> body_;
};

} // namespace penstock::net
