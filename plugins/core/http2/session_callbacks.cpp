// SPDX-License-Identifier: LGPL-2.1-or-later
// What libnghttp2 tells the session, and asks of it.
#include "core/http2/session.h"

#include <algorithm>
#include <new>

#include <nghttp2/nghttp2.h>

namespace penstock::http2 {
namespace {

/// A DATA frame with its head fills one TLS record.
constexpr size_t frame_head_size = 9;
constexpr ssize_t max_payload = (16 << 10) - frame_head_size;
/// Unread answers to PING and SETTINGS.
constexpr size_t max_acknowledgements = 100;
/// What a header may have beyond its limit, times that, before the connection ends: until then only
/// its stream is refused.
constexpr size_t patience = 4;
/// RFC 9113, section 6.5.2: what a field costs besides its name and value.
constexpr size_t field_overhead = 32;

} // namespace

struct ServerSession::Callbacks {
    static ServerSession &of(void *user) { return *static_cast<ServerSession *>(user); }

    static int begin_headers(nghttp2_session *, const nghttp2_frame *frame, void *user) {
        ServerSession &self = of(user);
        self.header_ms_ = self.now_ms_;
        if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
        self.streams_.emplace(uint32_t(frame->hd.stream_id), Stream());
        return 0;
    }
    static int header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name,
                      size_t name_size, const uint8_t *value, size_t value_size, uint8_t,
                      void *user) {
        ServerSession &self = of(user);
        Stream *stream = self.find(uint32_t(frame->hd.stream_id));
        if (!stream) return 0;
        stream->header_size += name_size + value_size + field_overhead;
        if (stream->header_size > patience * self.limits_.header) {
            self.flooded("header fields");
            return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        }
        if (stream->header_size > self.limits_.header) {
            stream->header_too_large = true;
            stream->fields.clear();
        }
        // Trailers are of no use here.
        if (stream->header_too_large || frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
        const auto text = [](const uint8_t *data, size_t size) {
            return std::string_view(reinterpret_cast<const char *>(data), size);
        };
        stream->fields.add(text(name, name_size), text(value, value_size));
        return 0;
    }
    static int frame_received(nghttp2_session *, const nghttp2_frame *frame, void *user) {
        ServerSession &self = of(user);
        const bool is_header = frame->hd.type == NGHTTP2_HEADERS;
        if (is_header) self.header_ms_ = 0;
        if (!is_header && frame->hd.type != NGHTTP2_DATA) return 0;
        const uint32_t id = uint32_t(frame->hd.stream_id);
        Stream *stream = self.find(id);
        if (!stream || !self.error_.empty()) return 0;
        const bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
        if (is_header && frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
            stream->is_requested = true;
            stream->body_ended = ends;
            self.handler_.on_request(id, std::move(stream->fields), stream->header_too_large,
                                     !ends);
        } else if (ends) {
            stream->body_ended = true;
            self.handler_.on_body_end(id);
        }
        return 0;
    }
    static int frame_invalid(nghttp2_session *, const nghttp2_frame *frame, int, void *user) {
        ServerSession &self = of(user);
        if (frame->hd.type == NGHTTP2_HEADERS) self.header_ms_ = 0;
        // The answer to one is a reset as well.
        if (!self.resets_.take(self.now_ms_)) self.flooded("illegal frames");
        return 0;
    }
    static int data_received(nghttp2_session *, uint8_t, int32_t id, const uint8_t *data,
                             size_t size, void *user) {
        ServerSession &self = of(user);
        Stream *stream = self.find(uint32_t(id));
        if (!stream) {
            nghttp2_session_consume(self.session_.get(), id, size);
            return 0;
        }
        if (stream->wants_body)
            self.consume(uint32_t(id), *stream, size);
        else
            stream->unconsumed += size;
        if (self.error_.empty()) self.handler_.on_body(uint32_t(id), ByteView(data, size));
        return 0;
    }
    static int stream_closed(nghttp2_session *, int32_t id, uint32_t error, void *user) {
        ServerSession &self = of(user);
        const auto found = self.streams_.find(uint32_t(id));
        if (found == self.streams_.end()) return 0;
        Stream stream = std::move(found->second);
        self.streams_.erase(found);
        if (self.streams_.empty()) self.idle_ms_ = self.now_ms_;
        nghttp2_session_consume_connection(self.session_.get(), stream.unconsumed);
        const bool answered = error == NGHTTP2_NO_ERROR && stream.ended && stream.queued == 0;
        if (stream.is_requested && self.error_.empty())
            self.handler_.on_closed(uint32_t(id), answered);
        return 0;
    }
    static int frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user) {
        const uint8_t type = frame->hd.type;
        if (type != NGHTTP2_DATA && type != NGHTTP2_HEADERS) return 0;
        if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
        // A body that nobody reads any more: RFC 9113, section 8.1.
        if (nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0)
            nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                      NGHTTP2_NO_ERROR);
        return 0;
    }
    static ssize_t payload_size(nghttp2_session *, uint8_t, int32_t, int32_t, int32_t, uint32_t,
                                void *) {
        return max_payload; // libnghttp2 makes it less where a window is smaller
    }
    static int send_data(nghttp2_session *, nghttp2_frame *frame, const uint8_t *head, size_t size,
                         nghttp2_data_source *, void *user) {
        ServerSession &self = of(user);
        const uint32_t id = uint32_t(frame->hd.stream_id);
        Stream *stream = self.find(id);
        if (!stream || stream->queued < size) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
        self.add_control(head, frame_head_size);
        self.add_body(*stream, size);
        // A client tells of what it has read: as often as it likes, within reason.
        self.others_.give(4);
        if (stream->is_produced) {
            if (stream->unreported == 0) self.roomy_.push_back(id);
            stream->unreported += size;
        }
        return self.out_size_ < batch_size ? 0 : NGHTTP2_ERR_PAUSE;
    }
    static int complain(nghttp2_session *, int, const char *text, size_t size, void *user) {
        of(user).details_.assign(text, std::min<size_t>(size, 200));
        return 0;
    }

    static const nghttp2_session_callbacks *get() {
        static const nghttp2_session_callbacks *made = [] {
            nghttp2_session_callbacks *all = nullptr;
            if (nghttp2_session_callbacks_new(&all) != 0) throw std::bad_alloc();
            nghttp2_session_callbacks_set_on_begin_headers_callback(all, begin_headers);
            nghttp2_session_callbacks_set_on_header_callback(all, header);
            nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame_received);
            nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(all, frame_invalid);
            nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data_received);
            nghttp2_session_callbacks_set_on_stream_close_callback(all, stream_closed);
            nghttp2_session_callbacks_set_on_frame_send_callback(all, frame_sent);
            nghttp2_session_callbacks_set_data_source_read_length_callback(all, payload_size);
            nghttp2_session_callbacks_set_send_data_callback(all, send_data);
            nghttp2_session_callbacks_set_error_callback2(all, complain);
            return all;
        }();
        return made;
    }
    static const nghttp2_option *options() {
        static const nghttp2_option *made = [] {
            nghttp2_option *all = nullptr;
            if (nghttp2_option_new(&all) != 0) throw std::bad_alloc();
            nghttp2_option_set_no_auto_window_update(all, 1);
            nghttp2_option_set_max_outbound_ack(all, max_acknowledgements);
            return all;
        }();
        return made;
    }
};

ServerSession::ServerSession(Handler &handler, const Limits &limits, uint64_t now_ms)
    : handler_(handler), limits_(limits), now_ms_(now_ms), born_ms_(now_ms), idle_ms_(now_ms) {
    nghttp2_session *made = nullptr;
    if (nghttp2_session_server_new2(&made, Callbacks::get(), this, Callbacks::options()) != 0)
        throw std::bad_alloc();
    session_.reset(made);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, limits.streams},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, uint32_t(limits.header)},
        // Urgencies instead of a tree of streams (RFC 9218, section 2.1).
        {NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1}};
    if (nghttp2_submit_settings(made, NGHTTP2_FLAG_NONE, settings, std::size(settings)) != 0)
        throw std::bad_alloc();
}

} // namespace penstock::http2
