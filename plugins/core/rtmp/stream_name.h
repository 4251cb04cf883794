// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds a stream's path and query in the three places where RTMP clients put them.
#pragma once

#include <string>
#include <string_view>

namespace penstock::rtmp {

struct StreamName {
    std::string path;  ///< "live/cam", without outer slashes; else raw
    std::string query; ///< "key=…": the name's own first, then the app's or else tcUrl's
};

/// `app` and `tc_url` as in connect, `name` as in publish or play. Any of them may be empty, the
/// app may have several segments, slashes around it and a query; media prefixes that ffmpeg and
/// Flash put before a name ("mp4:", "flv:", "mp3:") are taken off.
StreamName stream_name(std::string_view app, std::string_view tc_url, std::string_view name);

} // namespace penstock::rtmp
