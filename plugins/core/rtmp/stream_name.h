// SPDX-License-Identifier: LGPL-2.1-or-later
// Extracts a stream's path and query from the three places where RTMP clients put them.
#pragma once

#include <string>
#include <string_view>

namespace penstock::rtmp {

struct StreamName {
    std::string path;  ///< "live/cam", without outer slashes; otherwise unchecked
    std::string query; ///< "key=…": that of the name, else of the app, else of tcUrl
};

/// `app` and `tc_url` come from connect, `name` from publish or play. Any may be empty; `app` may
/// have several segments, extra slashes and a query. Media prefixes of ffmpeg and Flash before a
/// name ("mp4:", "flv:", "mp3:") are removed.
StreamName stream_name(std::string_view app, std::string_view tc_url, std::string_view name);

} // namespace penstock::rtmp
