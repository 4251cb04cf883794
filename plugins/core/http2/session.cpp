// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/http2/session.h"

#include <algorithm>

#include <nghttp2/nghttp2.h>

namespace penstock::http2 {
namespace {

/// Memory that an idle connection keeps for its output; bytes.
constexpr size_t max_kept = 1 << 10;

nghttp2_nv field(std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view text) {
        return reinterpret_cast<uint8_t *>(const_cast<char *>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

template <class Vector>
void empty(Vector &vector) {
    if (vector.capacity() * sizeof(vector[0]) > max_kept)
        Vector().swap(vector);
    else
        vector.clear();
}

} // namespace

void ServerSession::Free::operator()(nghttp2_session *session) const {
    nghttp2_session_del(session);
}

ServerSession::~ServerSession() = default;

ServerSession::Stream *ServerSession::find(uint32_t stream) {
    const auto found = streams_.find(stream);
    return found == streams_.end() ? nullptr : &found->second;
}

// --- in -----------------------------------------------------------------------------------

Result ServerSession::fail(std::string reason) {
    if (error_.empty()) error_ = std::move(reason);
    return Result::error(error_);
}

Result ServerSession::receive(ByteView input, uint64_t now_ms) {
    now_ms_ = std::max(now_ms_, now_ms);
    if (!error_.empty()) return Result::error(error_);
    while (!input.empty() && error_.empty()) {
        const ByteView some = input.first(frame_part(input));
        if (!error_.empty()) break;
        const ssize_t used = nghttp2_session_mem_recv(session_.get(), some.data(), some.size());
        if (used == NGHTTP2_ERR_BAD_CLIENT_MAGIC) return fail("this is no HTTP/2");
        if (used < 0) return fail(std::string("HTTP/2: ") + nghttp2_strerror(int(used)));
        input = input.subspan(some.size());
    }
    return error_.empty() ? Result::ok() : Result::error(error_);
}

void ServerSession::want_body(uint32_t stream) {
    Stream *found = find(stream);
    if (!found || std::exchange(found->wants_body, true)) return;
    consume(stream, *found, std::exchange(found->unconsumed, 0));
}

/// Lets the client send as much again.
void ServerSession::consume(uint32_t id, Stream &stream, size_t size) {
    if (stream.body_ended) {
        nghttp2_session_consume_connection(session_.get(), size);
        return;
    }
    nghttp2_session_consume(session_.get(), int32_t(id), size);
}

// --- answers ------------------------------------------------------------------------------

void ServerSession::submit(uint32_t id, Stream &stream, const Head &head, bool has_body) {
    const std::string status = std::to_string(head.status);
    const std::string priority = "u=" + std::to_string(head.urgency);
    std::vector<nghttp2_nv> fields{field(":status", status)};
    fields.reserve(head.headers.size() + 2);
    for (const auto &[name, value] : head.headers)
        fields.push_back(field(name, value));
    if (head.urgency >= 0) {
        fields.push_back(field("priority", priority));
        const nghttp2_extpri urgency{uint32_t(head.urgency), 0};
        nghttp2_session_change_extpri_stream_priority(session_.get(), int32_t(id), &urgency, 1);
    }
    nghttp2_data_provider source{};
    source.read_callback = [](nghttp2_session *, int32_t at, uint8_t *, size_t room,
                              uint32_t *flags, nghttp2_data_source *, void *user) -> ssize_t {
        Stream *of = static_cast<ServerSession *>(user)->find(uint32_t(at));
        if (!of) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        const size_t size = of->is_reset ? 0 : std::min(room, of->queued);
        if (size == of->queued && of->ended && !of->is_reset) *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (size > 0) {
            *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
            return ssize_t(size);
        }
        if (of->ended && !of->is_reset) return 0;
        of->deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    };
    const int failed = nghttp2_submit_response(session_.get(), int32_t(id), fields.data(),
                                               fields.size(), has_body ? &source : nullptr);
    // Without memory, or behind a connection error.
    if (failed) reset(id, Error::internal);
    stream.fields.clear();
}

void ServerSession::answer(uint32_t stream, const Head &head, Bytes body) {
    Stream *found = find(stream);
    if (!found || found->ended || found->is_produced || found->is_reset) return;
    const bool has_body = !body.empty();
    found->ended = true;
    found->queued = body.size();
    if (has_body) found->queue.push_back(std::move(body));
    submit(stream, *found, head, has_body);
}

void ServerSession::begin_answer(uint32_t stream, const Head &head) {
    Stream *found = find(stream);
    if (!found || found->ended || found->is_produced || found->is_reset) return;
    found->is_produced = true;
    submit(stream, *found, head, true);
}

void ServerSession::write(uint32_t stream, Bytes bytes) {
    Stream *found = find(stream);
    if (!found || found->ended || !found->is_produced || bytes.empty()) return;
    found->queued += bytes.size();
    found->queue.push_back(std::move(bytes));
    resume(stream, *found);
}

void ServerSession::end(uint32_t stream) {
    Stream *found = find(stream);
    if (!found || found->ended || !found->is_produced) return;
    found->ended = true;
    resume(stream, *found);
}

void ServerSession::resume(uint32_t id, Stream &stream) {
    if (std::exchange(stream.deferred, false))
        nghttp2_session_resume_data(session_.get(), int32_t(id));
}

void ServerSession::reset(uint32_t stream, Error error) {
    Stream *found = find(stream);
    if (found && !std::exchange(found->is_reset, true))
        nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, int32_t(stream),
                                  uint32_t(error));
}

void ServerSession::shutdown() {
    if (std::exchange(goodbye_, Goodbye::said) == Goodbye::said) return;
    nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(session_.get()), NGHTTP2_NO_ERROR,
                          nullptr, 0);
}

bool ServerSession::is_over() const {
    if (nghttp2_session_want_write(session_.get())) return false;
    return !error_.empty() || !nghttp2_session_want_read(session_.get()) ||
           (goodbye_ == Goodbye::said && streams_.empty());
}

// --- out ----------------------------------------------------------------------------------

const std::vector<iovec> &ServerSession::produce() {
    // What libnghttp2 gives is bounded only if nothing is asked of it while the client does not
    // read: it would answer every PING and SETTINGS into memory (CVE-2019-9517).
    if (out_size_ == 0) fill();
    parts_.clear();
    const uint8_t *control = control_.data();
    for (const Piece &piece : pieces_) {
        const uint8_t *data = piece.body.empty() ? control : piece.body.data();
        if (piece.body.empty()) control += piece.size;
        parts_.push_back({const_cast<uint8_t *>(data), piece.size});
    }
    // The first bytes of the list may have been sent.
    size_t all = 0;
    for (const iovec &part : parts_)
        all += part.iov_len;
    size_t skip = all - out_size_, gone = 0;
    while (gone < parts_.size() && skip >= parts_[gone].iov_len)
        skip -= parts_[gone++].iov_len;
    if (gone < parts_.size()) {
        parts_[gone].iov_base = static_cast<uint8_t *>(parts_[gone].iov_base) + skip;
        parts_[gone].iov_len -= skip;
    }
    parts_.erase(parts_.begin(), parts_.begin() + ptrdiff_t(gone));
    return parts_;
}

void ServerSession::fill() {
    while (out_size_ < batch_size) {
        const uint8_t *data = nullptr;
        const ssize_t size = nghttp2_session_mem_send(session_.get(), &data);
        if (size < 0) fail(std::string("HTTP/2: ") + nghttp2_strerror(int(size)));
        if (size <= 0) break;
        add_control(data, size_t(size));
    }
    for (const uint32_t id : std::exchange(roomy_, {}))
        if (Stream *stream = find(id)) handler_.on_room(id, std::exchange(stream->unreported, 0));
}

void ServerSession::add_control(const uint8_t *data, size_t size) {
    control_.insert(control_.end(), data, data + size);
    out_size_ += size;
    if (!pieces_.empty() && pieces_.back().body.empty())
        pieces_.back().size += size;
    else
        pieces_.push_back({{}, size});
}

/// Moves so many bytes of the stream's body to the output.
void ServerSession::add_body(Stream &stream, size_t size) {
    out_size_ += size;
    stream.queued -= size;
    stream.written += size;
    while (size > 0) {
        const Bytes &from = stream.queue[stream.first];
        const size_t taken = std::min(size, from.size() - stream.offset);
        pieces_.push_back({from.sub(stream.offset, taken), taken});
        size -= taken;
        stream.offset += taken;
        if (stream.offset < from.size()) break;
        stream.queue[stream.first++] = {};
        stream.offset = 0;
    }
    if (stream.queued > 0) return;
    stream.queue.clear();
    stream.first = 0;
}

void ServerSession::sent(size_t size) {
    out_size_ -= std::min(size, out_size_);
    sent_ += size;
    if (out_size_ > 0) return;
    empty(control_);
    empty(pieces_);
    empty(parts_);
}

} // namespace penstock::http2
