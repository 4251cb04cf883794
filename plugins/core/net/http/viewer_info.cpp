// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/viewer_info.h"

#include "core/bytes/printable.h"

#include <boost/beast/http/rfc7230.hpp>

namespace penstock::net {

namespace http = boost::beast::http;

bool is_websocket(const HttpRequestReader::Message &request) {
    return http::token_list(request[http::field::upgrade]).exists("websocket") &&
           http::token_list(request[http::field::connection]).exists("upgrade");
}

PeerInfo viewer_info(std::string_view target, size_t mark, std::string_view user_agent,
                     bool websocket) {
    PeerInfo peer;
    if (mark != target.npos) peer.query = target.substr(mark + 1);
    peer.key = query_value(peer.query, "key");
    peer.client = printable(user_agent, 100);
    peer.protocol = websocket ? "websocket" : "http";
    peer.id = websocket ? "ws-play" : "http-play";
    return peer;
}

} // namespace penstock::net
