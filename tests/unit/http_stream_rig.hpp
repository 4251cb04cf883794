// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of streams over HTTP: a feed on a free port of loopback. Includes check.hpp.
#pragma once

#include "core/net/http/live/mount.h"
#include "core/net/http/server.h"
#include "core/net/stream/mounts.h"
#include "unit/http_client.hpp"
#include "unit/net_rig.hpp"

#include "check.hpp"

namespace net_test {

struct Stream {
    explicit Stream(net::HttpMountOptions options = {}, const std::string &path = "live/cam.flv",
                    net::HttpFormat format = {"video/x-flv"}) {
        options.history.keep = std::max<uint64_t>(options.history.keep, 1'000'000'000);
        std::string error;
        feed = net::open_http_feed({"127.0.0.1", 0}, path, options, &error);
        fail_unless(feed, "%s", error.c_str());
        feed->begin(format);
    }
    uint16_t port() const { return feed->address().port; }
    void start() {
        feed->push(samples::metadata());
        feed->push(samples::video_config());
        feed->push(samples::audio_config());
    }
    /// Pushes two video frames and an audio frame.
    void gop(size_t size = 1000) {
        feed->push(big_frame(ms, true, size));
        feed->push(samples::audio_frame(ms + 10));
        feed->push(big_frame(ms + 40, false, size));
        ms += 80;
    }
    std::unique_ptr<net::HttpFeed> feed;
    uint32_t ms = 0;
};

} // namespace net_test
