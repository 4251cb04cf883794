// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of the RTMP server session: a connected client, and the error that a client's
// bytes end with.
#pragma once

#include "unit/rtmp_client.hpp"

#include "check.hpp"

namespace rtmp_test {

/// The error that a session reports for these bytes; empty if none.
inline std::string error_of(const Client &client, rtmp::Limits limits = {}) {
    Recorder recorder(Recorder::Answer::accept, limits);
    recorder.feed(client.out.view());
    return recorder.error;
}

inline void fail_unless_error(const Client &client, const char *text) {
    const std::string error = error_of(client);
    fail_unless(error.find(text) != std::string::npos, "'%s' instead of '%s'", error.c_str(), text);
}

inline Client connected(std::string_view app = "live") {
    Client client;
    client.handshake().connect(app);
    return client;
}

inline const std::string keyframe = std::string("\x17\x01\x00\x00\x00", 5) + std::string(300, 'k');
inline const std::string audio_config("\xaf\x00\x12\x10", 4);

} // namespace rtmp_test
