// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptors, non-blocking TCP connections, and errors that end the program.
#pragma once

#include "wire.h"

#include <netinet/in.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace load {

class Tls;

/// A failure of the whole run; printed by main().
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Adds the description of errno.
Failure system_failure(const std::string &what);

class Descriptor {
public:
    explicit Descriptor(int fd = -1) : fd_(fd) {}
    Descriptor(Descriptor &&other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Descriptor &operator=(Descriptor &&other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~Descriptor() { reset(); }
    void reset() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    int get() const { return fd_; }
    explicit operator bool() const { return fd_ >= 0; }

private:
    int fd_;
};

/// An IPv4 address and port, as a.b.c.d:port.
sockaddr_in parse_address(const std::string &text);
/// Starts connecting.
Descriptor connect_to(const sockaddr_in &address);
/// Sends as much as possible, over TLS if given, and removes it from `out`. Returns false if the
/// connection is closed.
bool flush(int fd, Buffer &out, Tls *tls = nullptr);
/// Raises the limit of open descriptors; throws Failure if that is not allowed.
void allow_descriptors(uint64_t wanted);

} // namespace load
