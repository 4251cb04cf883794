// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/protocols.h"

#include <filesystem>
#include <string_view>

namespace penstock::delay {
namespace {

#define RELAY                                                                                      \
    "rtmpserversrc location=rtmp://{rtmp}/live/latency ! latencysei hop=server ! "                 \
    "goptee name=gop gop. ! "
constexpr const char *publish =
    "flvlivemux ! rtmp2sink location=rtmp://{rtmp}/live/latency sync={sync}";

constexpr Protocol table[] = {
    {"pipe", "fd", "", "fdsrc name=src ! flvlivedemux name=demux", false,
     "flvlivemux ! fdsink name=out sync={sync}", nullptr, "fd://{fd}"},
    {"RTMP", "rtmp", "", "rtmp2src name=src ! flvlivedemux name=demux", false, publish,
     RELAY "rtmpserversink location=rtmp://{rtmp}/live/latency", "rtmp://{rtmp}/live/latency"},
    {"HTTP-FLV", "http", ".flv", "souphttpsrc name=src is-live=true ! flvlivedemux name=demux",
     false, publish, RELAY "httpserversink location=http://{http}/live/latency.flv",
     "http://{http}/live/latency.flv"},
    {"HLS", "http", ".m3u8", "souphttpsrc name=src ! hlsdemux ! tsdemux name=demux", true, publish,
     RELAY "flvlivedemux name=in in.video ! hls.video_0 hlssegmenter name=hls "
           "target-duration={segment} location=http://{http}/live/latency/index.m3u8",
     "http://{http}/live/latency/index.m3u8"},
    {"UDP", "udp", "", "udpsrc name=src ! tsdemux name=demux", false,
     "tslivemux ! udpsink clients={udp} sync={sync}", nullptr, "udp://{udp}"},
    {"RTP", "rtp", "", "udpsrc name=src ! rtpmp2tdepay ! tsdemux name=demux", false,
     "tslivemux ! rtpmp2tpay ! udpsink clients={udp} sync={sync}", nullptr, "rtp://{udp}"},
    {"SRT", "srt", "", "srtsrc name=src ! tsdemux name=demux", false,
     "tslivemux ! srtsink uri=srt://{udp}?mode=listener latency={srt} wait-for-connection=false "
     "sync={sync}",
     nullptr, "srt://{udp}?mode=caller&latency={srt}"},
    {"HTTP-TS", "http", ".ts", "souphttpsrc name=src is-live=true ! tsdemux name=demux", false,
     nullptr, nullptr, nullptr},
};

bool is_file(const std::string &url) {
    std::error_code ignored;
    return url.starts_with("file:") ||
           (url.find("://") == std::string::npos && (url.starts_with('/') || url.starts_with('.') ||
                                                     std::filesystem::exists(url, ignored)));
}

} // namespace

std::span<const Protocol> protocols() {
    return table;
}

const Protocol &direct() {
    return table[0];
}

const Protocol *protocol_of(const std::string &url, std::string *error) {
    const size_t colon = url.find("://");
    if (is_file(url)) {
        *error =
            "'" + url +
            "' is a file, and nothing in it is late: latency is measured of a stream that is "
            "live (`penstock run live test-publisher --set stamp=true`, then `penstock latency "
            "rtmp://127.0.0.1:1935/live/test`)";
        return nullptr;
    }
    if (colon == std::string::npos || colon == 0) {
        *error = "'" + url +
                 "' is no URL: say rtmp://HOST/live/NAME, http://HOST:8080/live/NAME.flv, "
                 "http://…/index.m3u8, udp://0.0.0.0:PORT, rtp://… or srt://…";
        return nullptr;
    }
    std::string scheme = url.substr(0, colon);
    if (scheme == "rtmps" || scheme == "https") scheme.pop_back();
    const std::string path = url.substr(0, url.find_first_of("?#"));
    bool known = false;
    for (const Protocol &protocol : table) {
        if (scheme != protocol.scheme) continue;
        known = true;
        if (path.ends_with(protocol.suffix)) return &protocol;
    }
    if (known)
        *error = "'" + url +
                 "' ends in nothing that is known: http(s)://…/live/NAME.flv, "
                 "…/live/NAME/index.m3u8 and ….ts are";
    else if (scheme == "ws" || scheme == "wss")
        *error = "over a WebSocket there is the same stream as over HTTP: http" +
                 std::string(scheme == "wss" ? "s" : "") + url.substr(colon);
    else
        *error = "'" + scheme +
                 "' is no protocol that latency can be measured over: "
                 "rtmp, rtmps, http, https, udp, rtp and srt are";
    return nullptr;
}

net::Address address_of(const std::string &url) {
    const std::string rest = url.substr(url.find("://") + 3);
    return net::parse_address(rest.substr(0, rest.find_first_of("/?"))).value_or(net::Address{});
}

} // namespace penstock::delay
