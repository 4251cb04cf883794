// SPDX-License-Identifier: LGPL-2.1-or-later
// TLS for a viewer: OpenSSL on its socket, without verifying the certificate.
#pragma once

#include "wire.h"

#include <memory>
#include <sys/types.h>

namespace load {

class Tls {
public:
    /// `fd` may still be connecting. `protocol` is offered in ALPN; empty: none.
    explicit Tls(int fd, const std::string &protocol = {});
    ~Tls();
    Tls(Tls &&) noexcept;
    Tls &operator=(Tls &&) noexcept;

    /// Whether the program was built with OpenSSL.
    static bool available();

    /// Like recv() and send(): -1 with EAGAIN if nothing can be done now.
    ssize_t receive(uint8_t *data, size_t size);
    ssize_t send(const char *data, size_t size);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace load
