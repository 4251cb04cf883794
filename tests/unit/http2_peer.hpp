// SPDX-License-Identifier: LGPL-2.1-or-later
// A client of HTTP/2 over TLS on a real socket. Include it before check.hpp.
#pragma once

#include "unit/http2_rig.hpp"
#include "unit/tls_rig.hpp"

#include <chrono>

namespace http2_test {

/// Trusts the certificate `trusted`.
class Peer {
public:
    Peer(uint16_t port, const std::string &trusted,
         std::vector<nghttp2_settings_entry> settings = {}, bool reads = true,
         int receive_buffer = 0)
        : tls(port, trusted, receive_buffer, 0, "\x02h2"), client(std::move(settings), reads) {}

    /// Sends what the client has to say, and reads what there is, waiting up to `wait_ms` for some.
    void turn(int wait_ms = 10) {
        if (const std::string out = client.output(); !out.empty()) tls.send(out);
        if (SSL_pending(tls.ssl.get()) == 0) {
            pollfd wanted{tls.raw(), POLLIN, 0};
            if (closed || ::poll(&wanted, 1, wait_ms) <= 0) return;
        }
        char buffer[1 << 14];
        ERR_clear_error();
        const int got = SSL_read(tls.ssl.get(), buffer, sizeof buffer);
        if (got > 0)
            client.input({buffer, size_t(got)});
        else
            closed |= SSL_get_error(tls.ssl.get(), got) != SSL_ERROR_WANT_READ;
    }
    template <class Condition>
    bool until(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!condition()) {
            if (closed || std::chrono::steady_clock::now() > deadline) return false;
            turn();
        }
        return true;
    }
    /// The complete answer, or what there is of it.
    Answer &wait(int32_t stream) {
        until([&] { return client.answers[stream].closed; });
        return client.answers[stream];
    }
    Answer &fetch(const std::string &path, Headers headers = {}, const std::string &method = "GET",
                  std::string body = {}) {
        return wait(client.request(method, path, std::move(headers), std::move(body)));
    }
    bool until_closed() {
        until([&] { return closed; });
        return closed;
    }

    tls_test::TlsViewer tls;
    Client client;
    bool closed = false;
};

} // namespace http2_test
