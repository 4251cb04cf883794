// SPDX-License-Identifier: LGPL-2.1-or-later
// A server session and libnghttp2's client, joined without a socket. Include it before check.hpp.
#pragma once

#include "core/http2/session.h"
#include "unit/http2_rig.hpp"

#include <algorithm>
#include <set>

namespace http2_session_test {

using namespace penstock;

/// Digits that show where a piece is missing or doubled.
inline std::string numbered(size_t size) {
    std::string text;
    for (int i = 0; text.size() < size; ++i)
        text += std::to_string(i) + ",";
    return text.substr(0, size);
}

struct Server final : http2::ServerSession::Handler {
    explicit Server(const http2::Limits &limits = {}) : session(*this, limits, 1000) {}

    void answer(uint32_t stream, const http2::Head &head, const std::string &body) {
        session.answer(stream, head, body.empty() ? Bytes() : Bytes::copy_of(body));
    }
    void on_request(uint32_t stream, http2::Fields fields, bool too_large, bool body) override {
        ++requests;
        header_too_large |= too_large;
        if (on_request_do) on_request_do(stream, fields, body);
    }
    void on_body(uint32_t stream, ByteView data) override {
        bodies[stream].append(data.begin(), data.end());
    }
    void on_body_end(uint32_t stream) override {
        ended.insert(stream);
        if (on_end) on_end(stream);
    }
    void on_closed(uint32_t stream, bool answered) override {
        closed.emplace_back(stream, answered);
    }
    void on_room(uint32_t stream, size_t size) override { written[stream] += size; }

    std::function<void(uint32_t, const http2::Fields &, bool)> on_request_do;
    std::function<void(uint32_t)> on_end;
    size_t requests = 0;
    bool header_too_large = false;
    std::map<uint32_t, std::string> bodies;
    std::set<uint32_t> ended;
    std::vector<std::pair<uint32_t, bool>> closed;
    std::map<uint32_t, size_t> written;
    http2::ServerSession session;
};

struct Pair {
    explicit Pair(std::vector<nghttp2_settings_entry> settings = {}, bool reads = true,
                  const http2::Limits &limits = {})
        : server(limits), client(std::move(settings), reads) {}

    void in(const std::string &bytes) {
        for (size_t at = 0; at < bytes.size() && result.is_ok(); at += std::min(step, bytes.size()))
            result = server.session.receive(
                view(bytes).subspan(at).first(std::min(step, bytes.size() - at)), now);
    }
    std::string out() {
        std::string bytes;
        for (const iovec &part : server.session.produce())
            bytes.append(static_cast<const char *>(part.iov_base), part.iov_len);
        server.session.sent(bytes.size());
        return bytes;
    }
    /// Until neither has anything to say.
    void run() {
        for (;;) {
            const std::string to_server = client.output();
            in(to_server);
            std::string to_client, more;
            while (!(more = out()).empty())
                to_client += more;
            client.input(to_client);
            if (to_server.empty() && to_client.empty()) return;
        }
    }
    static ByteView view(const std::string &text) {
        return {reinterpret_cast<const uint8_t *>(text.data()), text.size()};
    }

    Server server;
    http2_test::Client client;
    size_t step = SIZE_MAX; ///< bytes that are fed at once
    uint64_t now = 1000;
    Result result = Result::ok();
};

} // namespace http2_session_test
