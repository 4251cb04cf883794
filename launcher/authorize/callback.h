// SPDX-License-Identifier: LGPL-2.1-or-later
// The texts of HTTP callbacks in the styles of other servers, and what their answers mean.
#pragma once

#include "authorize/request.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::authorize {

enum class Style {
    nginx,    ///< a form; 2xx allows, 3xx with `Location` renames (nginx-rtmp)
    srs,      ///< JSON; 200 or 201 with the body 0 or {"code": 0} allows
    mediamtx, ///< JSON; 2xx allows
};

/// The names of the styles, in order.
const std::vector<std::string> &style_names();
std::optional<Style> style_of(std::string_view name);

/// The event that a callback asks or tells about.
enum class Event {
    publish,   ///< may it publish? Or: it does now
    play,      ///< may it play? Or: it does now
    unpublish, ///< it does no longer
    stop,      ///< it plays no longer
};

struct Body {
    std::string content_type;
    std::string text;
};
Body body_of(Style style, Event event, const Request &request);

/// The header with which the receiver verifies that a body comes from this server, and when it was
/// sent: "t=UNIXTIME,v1=HEX", where HEX is the HMAC-SHA256 of "UNIXTIME.BODY".
std::string signature_of(std::string_view secret, std::string_view body, int64_t now);

struct Reply {
    unsigned status = 0;
    std::string location; ///< of the header `Location`
    std::string body;
    std::vector<std::string> challenges; ///< of the headers `WWW-Authenticate`
};

struct Judgement {
    bool allowed = false;
    std::string path;   ///< not empty: what the publisher's path is instead
    std::string reason; ///< why it is not allowed
};
Judgement judge(Style style, const Request &request, const Reply &reply);

} // namespace penstock::authorize
