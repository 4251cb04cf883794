// SPDX-License-Identifier: LGPL-2.1-or-later
// A server of data channels that sends each text back, for clients that are other programs. It
// prints the port of its HTTP server, then what happens, and ends with its input.
#include "rtc/channel_server.hpp"

#include <cstdio>
#include <string>

int main() {
    std::string error;
    const auto server = rtc_test::ChannelServer::open({"127.0.0.1", 0}, {"127.0.0.1", 0}, &error);
    if (!server) {
        std::fprintf(stderr, "%s\n", error.c_str());
        return 1;
    }
    std::printf("port %d\n", int(server->port()));
    std::fflush(stdout);
    while (std::getchar() != EOF) {
        rtc_test::ChannelEvents &events = server->events();
        std::printf("opened %u texts %u closed %u ended %u refused %u\n", events.opened.load(),
                    events.texts.load(), events.closed.load(), events.ended.load(),
                    events.refused.load());
        std::fflush(stdout);
    }
    return 0;
}
