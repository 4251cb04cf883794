// SPDX-License-Identifier: LGPL-2.1-or-later
// Descriptors, non-blocking TCP connections and errors that end the program.
#pragma once

#include "wire.h"

#include <netinet/in.h>
#include <stdexcept>
#include <unistd.h>
#include <utility>

namespace load {

class Tls;

/// What went wrong with the run as a whole; main() prints it.
struct Failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// With what errno says.
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
/// Begins to connect.
Descriptor connect_to(const sockaddr_in &address);
/// Sends what can be sent, over TLS if there is some, and removes it from `out`; false if the
/// connection is gone.
bool flush(int fd, Buffer &out, Tls *tls = nullptr);
/// Lets this process have as many descriptors; Failure if it may not.
void allow_descriptors(uint64_t wanted);

} // namespace load
