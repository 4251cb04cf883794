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

PeerInfo viewer_info(const HttpRequestReader::Message &request, size_t mark) {
    const std::string_view target(request.target().data(), request.target().size());
    PeerInfo peer;
    if (mark != target.npos) peer.query = target.substr(mark + 1);
    peer.key = query_value(peer.query, "key");
    const auto agent = request[http::field::user_agent];
    peer.client = printable(std::string_view(agent.data(), agent.size()), 100);
    peer.protocol = is_websocket(request) ? "websocket" : "http";
    peer.id = peer.protocol == "http" ? "http-play" : "ws-play";
    return peer;
}

} // namespace penstock::net
