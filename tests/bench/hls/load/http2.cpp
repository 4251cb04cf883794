// SPDX-License-Identifier: LGPL-2.1-or-later
// HTTP/2 by libnghttp2: all requests of a player at once, on one connection.
#include "http.h"

#ifdef HAVE_NGHTTP2
#include <nghttp2/nghttp2.h>

#include <map>

namespace load {
namespace {

constexpr int32_t window = 1 << 20; // of a stream and of the connection, in bytes

nghttp2_nv field(std::string_view name, std::string_view value) {
    const auto bytes = [](std::string_view text) {
        return reinterpret_cast<uint8_t *>(const_cast<char *>(text.data()));
    };
    return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

class Http2 final : public HttpClient {
public:
    explicit Http2(std::string host) : host_(std::move(host)) {
        nghttp2_session_callbacks *callbacks = nullptr;
        nghttp2_session_callbacks_new(&callbacks);
        nghttp2_session_callbacks_set_send_callback(callbacks, on_send);
        nghttp2_session_callbacks_set_on_header_callback(callbacks, on_header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data);
        nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_close);
        nghttp2_session_client_new(&session_, callbacks, this);
        nghttp2_session_callbacks_del(callbacks);
        const nghttp2_settings_entry settings[] = {
            {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
            {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, uint32_t(window)}};
        nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 2);
        nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, window);
        nghttp2_session_send(session_);
    }
    ~Http2() override { nghttp2_session_del(session_); }
    Http2(const Http2 &) = delete;
    Http2 &operator=(const Http2 &) = delete;

    void get(std::string path, bool wants_body, Done done) override {
        const nghttp2_nv fields[] = {field(":method", "GET"), field(":scheme", "https"),
                                     field(":authority", host_), field(":path", path)};
        const int32_t id = nghttp2_submit_request(session_, nullptr, fields, 4, nullptr, nullptr);
        if (id < 0) return done(0, {});
        requests_[id] = {wants_body, 0, {}, std::move(done)};
        if (!is_feeding_) nghttp2_session_send(session_);
    }
    bool feed(const uint8_t *data, size_t size) override {
        is_feeding_ = true;
        const ssize_t taken = nghttp2_session_mem_recv(session_, data, size);
        is_feeding_ = false;
        if (taken < 0) error = nghttp2_strerror(int(taken));
        nghttp2_session_send(session_);
        return taken >= 0;
    }

private:
    struct Request {
        bool wants_body;
        int status;
        std::string body;
        Done done;
    };

    static Request *find(void *self, int32_t id) {
        auto &all = static_cast<Http2 *>(self)->requests_;
        const auto found = all.find(id);
        return found == all.end() ? nullptr : &found->second;
    }
    static ssize_t on_send(nghttp2_session *, const uint8_t *data, size_t size, int, void *self) {
        static_cast<Http2 *>(self)->out.append(reinterpret_cast<const char *>(data), size);
        return ssize_t(size);
    }
    static int on_header(nghttp2_session *, const nghttp2_frame *frame, const uint8_t *name,
                         size_t name_size, const uint8_t *value, size_t, uint8_t, void *self) {
        if (std::string_view(reinterpret_cast<const char *>(name), name_size) == ":status")
            if (Request *request = find(self, frame->hd.stream_id))
                request->status = std::atoi(reinterpret_cast<const char *>(value));
        return 0;
    }
    static int on_data(nghttp2_session *, uint8_t, int32_t id, const uint8_t *data, size_t size,
                       void *self) {
        Request *request = find(self, id);
        if (request && request->wants_body)
            request->body.append(reinterpret_cast<const char *>(data), size);
        return 0;
    }
    static int on_close(nghttp2_session *, int32_t id, uint32_t, void *self) {
        auto ended = static_cast<Http2 *>(self)->requests_.extract(id);
        if (ended) ended.mapped().done(ended.mapped().status, ended.mapped().body);
        return 0;
    }

    const std::string host_;
    nghttp2_session *session_ = nullptr;
    bool is_feeding_ = false; ///< in callbacks of mem_recv(), which must not send
    std::map<int32_t, Request> requests_;
};

} // namespace

std::unique_ptr<HttpClient> make_http2(std::string host) {
    return std::make_unique<Http2>(std::move(host));
}

} // namespace load

#else

#include "../../fanout/load/socket.h"

std::unique_ptr<load::HttpClient> load::make_http2(std::string) {
    throw Failure("this was built without libnghttp2: no --http2");
}

#endif
