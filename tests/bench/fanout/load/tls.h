// SPDX-License-Identifier: LGPL-2.1-or-later
// TLS of a viewer: OpenSSL on its socket, without looking at the certificate.
#pragma once

#include "wire.h"

#include <memory>
#include <sys/types.h>

namespace load {

class Tls {
public:
    /// On a socket that is connected or about to be.
    explicit Tls(int fd);
    ~Tls();
    Tls(Tls &&) noexcept;
    Tls &operator=(Tls &&) noexcept;

    /// Whether this program was built with OpenSSL.
    static bool available();

    /// As recv() and send(): -1 with EAGAIN if there is nothing to be done now.
    ssize_t receive(uint8_t *data, size_t size);
    ssize_t send(const char *data, size_t size);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

} // namespace load
