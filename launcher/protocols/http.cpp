// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams over HTTP and WebSocket, one request each: FLV, MPEG-TS and audio.
#include "protocols/http_listener.h"

namespace penstock::protocols {

std::vector<Protocol> http_protocols() {
    Protocol http;
    http.name = "http";
    http.title = "HTTP";
    http.schemes = http_schemes();
    http.elements = {
        {.factory = "httpserversink", .role = Role::serve},
        {.factory = "souphttpsrc",
         .role = Role::pull,
         .needs_gio_tls = true,
         .package = plugins_good},
    };
    http.has_tls = true;
    http.serves_pages = true;
    http.path_suffixes = {".flv"};
    http.page_kinds = {{"video/x-flv", "flv"},
                       {"video/mp2t", "ts"},
                       {"audio/", "plain"},
                       {"video/ogg", "plain"},
                       {"application/ogg", "plain"}};
    http.url_hint = "http://HOST:8080/live/NAME.flv";
    http.open = open_http;
    http.scheme_at = http_scheme_at;
    http.urls = [](const Place &place) {
        return std::vector<UrlLine>{{"mpv, VLC", place.url, "http"}};
    };
    http.readers = {
        {.name = "HTTP-FLV",
         .suffix = ".flv",
         .receive = "souphttpsrc name=src is-live=true ! flvlivedemux name=demux",
         .rows = {{.name = "HTTP-FLV",
                   .send = "flvlivemux ! rtmp2sink location=rtmp://{rtmp}/live/latency "
                           "sync={sync}",
                   .url = "http://{http}/live/latency.flv",
                   .serve = "rtmpserversrc location=rtmp://{rtmp}/live/latency ! latencysei "
                            "hop=server ! goptee name=gop gop. ! httpserversink "
                            "location=http://{http}/live/latency.flv"}}},
        {.name = "HTTP-TS",
         .suffix = ".ts",
         .receive = "souphttpsrc name=src is-live=true ! tsdemux name=demux"},
    };
    http.receive_any = "souphttpsrc name=src is-live=true ! parsebin name=demux";
    http.explain_failure = explain_http_failure;
    return {http};
}

} // namespace penstock::protocols
