// SPDX-License-Identifier: LGPL-2.1-or-later
// Runs nginx with its RTMP module as a relay for comparison: a child process on a free port.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <sys/types.h>

namespace penstock::delay {

/// A free port of 127.0.0.1; `kind` is SOCK_STREAM or SOCK_DGRAM.
std::optional<uint16_t> free_port(int kind, std::string *error);

class Nginx {
public:
    static bool is_installed();
    Nginx() = default;
    /// Stops the process and waits for it.
    ~Nginx();
    Nginx(const Nginx &) = delete;
    Nginx &operator=(const Nginx &) = delete;

    /// Starts nginx and waits until it listens.
    bool start(std::string *error);
    /// "127.0.0.1:41935"
    const std::string &address() const { return address_; }

private:
    bool write_configuration(uint16_t port, std::string *error);

    std::string folder_, address_;
    pid_t process_ = -1;
};

} // namespace penstock::delay
