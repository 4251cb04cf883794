// SPDX-License-Identifier: LGPL-2.1-or-later
// The UDP port of an SRT listener: answers handshakes, takes callers over, and tells them what
// happens to their sockets. One thread.
#pragma once

#include "core/net/srt/library.h"
#include "core/net/srt/state.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

namespace penstock::net {

class SrtPort {
public:
    /// Binds and listens; sets `state->address`. nullptr on failure, and `error` says what is wrong
    /// and how to mend it.
    static std::unique_ptr<SrtPort> open(const Address &address, std::shared_ptr<SrtState> state,
                                         std::string *error);
    /// Answers no more handshakes from now on.
    void close_listener();
    ~SrtPort();

private:
    SrtPort(SrtSocket &&listener, std::shared_ptr<SrtState> state);
    bool listen(std::string *error);
    void run();
    /// False if there was none, or none could be accepted.
    bool take_callers();

    const std::shared_ptr<SrtState> state_;
    const SRTSOCKET listener_;
    std::atomic<bool> is_closing_{false};
    std::thread thread_;
};

} // namespace penstock::net
