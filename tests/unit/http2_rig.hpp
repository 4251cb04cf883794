// SPDX-License-Identifier: LGPL-2.1-or-later
// An HTTP/2 client made of libnghttp2, and frames made by hand. Include it before check.hpp.
#pragma once

#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nghttp2/nghttp2.h>

namespace http2_test {

using Headers = std::vector<std::pair<std::string, std::string>>;

struct Answer {
    int status = 0;
    std::map<std::string, std::string> headers;
    std::string body;
    bool complete = false; ///< END_STREAM was received
    bool closed = false;
    uint32_t error = 0; ///< why it was closed
};

inline std::string frame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
    std::string out;
    for (const int shift : {16, 8, 0})
        out += char(payload.size() >> shift);
    out += char(type);
    out += char(flags);
    for (const int shift : {24, 16, 8, 0})
        out += char(stream >> shift);
    return out.append(payload);
}

/// What every client begins with.
inline std::string greeting() {
    return NGHTTP2_CLIENT_MAGIC + frame(NGHTTP2_SETTINGS, 0, 0, {});
}

/// A header block for GET, with static entries and literals without indexing only.
inline std::string get_block(const std::string &path) {
    const auto literal = [](char index, const std::string &value) {
        return std::string(1, index) + char(value.size()) + value;
    };
    return "\x82\x87" + literal('\x04', path) + literal('\x01', "test");
}

/// A complete request, made by hand.
inline std::string get(uint32_t stream, const std::string &path = "/") {
    return frame(NGHTTP2_HEADERS, NGHTTP2_FLAG_END_HEADERS | NGHTTP2_FLAG_END_STREAM, stream,
                 get_block(path));
}

/// Bytes of the server in, bytes for it out.
class Client {
public:
    /// `settings`: further ones, sent first.
    explicit Client(std::vector<nghttp2_settings_entry> settings = {}, bool reads = true) {
        nghttp2_session_callbacks *all = nullptr;
        nghttp2_session_callbacks_new(&all);
        nghttp2_session_callbacks_set_on_header_callback(all, header);
        nghttp2_session_callbacks_set_on_data_chunk_recv_callback(all, data);
        nghttp2_session_callbacks_set_on_frame_recv_callback(all, frame_received);
        nghttp2_session_callbacks_set_on_stream_close_callback(all, stream_closed);
        nghttp2_option *options = nullptr;
        nghttp2_option_new(&options);
        nghttp2_option_set_no_auto_window_update(options, reads ? 0 : 1);
        nghttp2_session *made = nullptr;
        nghttp2_session_client_new2(&made, all, this, options);
        session.reset(made);
        nghttp2_option_del(options);
        nghttp2_session_callbacks_del(all);
        nghttp2_submit_settings(made, 0, settings.data(), settings.size());
    }

    /// Asks for something; `body` is sent by the client at once, as far as windows allow.
    int32_t request(const std::string &method, const std::string &path, Headers headers = {},
                    std::string body = {}) {
        headers.insert(
            headers.begin(),
            {{":method", method}, {":scheme", "https"}, {":authority", "test"}, {":path", path}});
        std::vector<nghttp2_nv> fields;
        for (auto &[name, value] : headers)
            fields.push_back({reinterpret_cast<uint8_t *>(name.data()),
                              reinterpret_cast<uint8_t *>(value.data()), name.size(), value.size(),
                              NGHTTP2_NV_FLAG_NONE});
        nghttp2_data_provider source{};
        source.source.ptr = this;
        source.read_callback = read_body;
        const int32_t id =
            nghttp2_submit_request(session.get(), nullptr, fields.data(), fields.size(),
                                   body.empty() ? nullptr : &source, nullptr);
        bodies_[id] = std::move(body);
        answers[id];
        return id;
    }
    int32_t get(const std::string &path, Headers headers = {}) {
        return request("GET", path, std::move(headers));
    }

    std::string output() {
        std::string out;
        const uint8_t *bytes = nullptr;
        for (ssize_t size; (size = nghttp2_session_mem_send(session.get(), &bytes)) > 0;)
            out.append(reinterpret_cast<const char *>(bytes), size_t(size));
        return out;
    }
    void input(std::string_view bytes) {
        const ssize_t used = nghttp2_session_mem_recv(
            session.get(), reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
        failed |= used != ssize_t(bytes.size());
    }

    struct Free {
        void operator()(nghttp2_session *one) const { nghttp2_session_del(one); }
    };
    std::unique_ptr<nghttp2_session, Free> session;
    std::map<int32_t, Answer> answers;
    std::vector<int32_t> order; ///< of the DATA frames received: their streams
    std::vector<size_t> sizes;  ///< and the bytes of each
    bool goodbye = false;       ///< a GOAWAY was received, …
    uint32_t goodbye_error = 0; ///< … with this error
    int32_t goodbye_last = 0;   ///< … and this stream
    bool holds_bodies = false;  ///< never sends the body of a request
    bool failed = false;        ///< the server has broken the protocol

private:
    static Client &of(void *user) { return *static_cast<Client *>(user); }
    static int header(nghttp2_session *, const nghttp2_frame *frame, const uint8_t *name,
                      size_t name_size, const uint8_t *value, size_t value_size, uint8_t,
                      void *user) {
        const std::string field(reinterpret_cast<const char *>(name), name_size);
        Answer &answer = of(user).answers[frame->hd.stream_id];
        answer.headers[field].assign(reinterpret_cast<const char *>(value), value_size);
        if (field == ":status") answer.status = std::stoi(answer.headers[field]);
        return 0;
    }
    static int data(nghttp2_session *, uint8_t, int32_t stream, const uint8_t *bytes, size_t size,
                    void *user) {
        of(user).answers[stream].body.append(reinterpret_cast<const char *>(bytes), size);
        return 0;
    }
    static int frame_received(nghttp2_session *, const nghttp2_frame *frame, void *user) {
        Client &self = of(user);
        if (frame->hd.type == NGHTTP2_GOAWAY) {
            self.goodbye = true;
            self.goodbye_error = frame->goaway.error_code;
            self.goodbye_last = frame->goaway.last_stream_id;
        }
        if (frame->hd.type == NGHTTP2_DATA) {
            self.order.push_back(frame->hd.stream_id);
            self.sizes.push_back(frame->hd.length);
        }
        if ((frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS) &&
            (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
            self.answers[frame->hd.stream_id].complete = true;
        return 0;
    }
    static int stream_closed(nghttp2_session *, int32_t stream, uint32_t error, void *user) {
        Answer &answer = of(user).answers[stream];
        answer.closed = true;
        answer.error = error;
        return 0;
    }
    static ssize_t read_body(nghttp2_session *, int32_t stream, uint8_t *buffer, size_t room,
                             uint32_t *flags, nghttp2_data_source *, void *user) {
        if (of(user).holds_bodies) return NGHTTP2_ERR_DEFERRED;
        std::string &rest = of(user).bodies_[stream];
        const size_t size = std::min(room, rest.size());
        std::memcpy(buffer, rest.data(), size);
        rest.erase(0, size);
        if (rest.empty()) *flags |= NGHTTP2_DATA_FLAG_EOF;
        return ssize_t(size);
    }
    std::map<int32_t, std::string> bodies_; ///< what is left of them
};

} // namespace http2_test
