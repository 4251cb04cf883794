// SPDX-License-Identifier: LGPL-2.1-or-later
// HLS: playlists and segments at the HTTP port, and the MPD for DASH beside them.
#include "protocols/http_listener.h"

#include <cstdlib>

namespace penstock::protocols {
namespace {

/// States how far players lag behind: they start three segments before the live edge.
std::string note(std::string_view factory, const Protocol::Value &value) {
    if (factory != "hlssegmenter") return {};
    const auto text = value("target-duration");
    const uint64_t target = text ? std::strtoull(text->c_str(), nullptr, 10) : 0;
    if (target == 0) return {};
    char seconds[G_ASCII_DTOSTR_BUF_SIZE];
    g_ascii_formatd(seconds, sizeof seconds, "%.3g", static_cast<double>(target) * 3 / 1e9);
    return std::string("players lag about three segments behind: ") + seconds + " s";
}

std::vector<UrlLine> urls(const Place &place) {
    constexpr std::string_view playlist = ".m3u8";
    std::vector<UrlLine> out{{"HLS", place.url, "hls"}};
    // MPEG-TS, which is the default, has no MPD.
    if (place.property && place.property("container") == "cmaf" && place.url.ends_with(playlist))
        out.push_back(
            {"DASH", place.url.substr(0, place.url.size() - playlist.size()) + ".mpd", "dash"});
    return out;
}

} // namespace

std::vector<Protocol> hls_protocols() {
    Protocol hls;
    hls.name = "hls";
    hls.title = "HLS";
    hls.schemes = http_schemes();
    hls.elements = {{.factory = "hlssegmenter", .role = Role::serve, .may_write_files = true}};
    hls.has_tls = true;
    hls.path_suffixes = {"/index.m3u8", ".m3u8"};
    hls.page_kinds = {{"application/vnd.apple.mpegurl", "hls", {"dash", ".m3u8", ".mpd"}}};
    hls.url_hint = "http://…/index.m3u8";
    hls.open = open_http;
    hls.scheme_at = http_scheme_at;
    hls.urls = urls;
    hls.note = note;
    hls.readers = {
        {.name = "HLS",
         .suffix = ".m3u8",
         // Segments are MPEG-TS or fragmented MP4.
         .receive = "souphttpsrc name=src ! hlsdemux ! parsebin name=demux",
         .is_paced = true,
         .rows = {{.name = "HLS",
                   .send = "flvlivemux ! rtmp2sink location=rtmp://{rtmp}/live/latency "
                           "sync={sync}",
                   .url = "http://{hls}/live/latency/index.m3u8",
                   .serve = "rtmpserversrc location=rtmp://{rtmp}/live/latency ! latencysei "
                            "hop=server ! goptee name=gop gop. ! flvlivedemux name=in "
                            "in.video ! hls.video_0 "
                            "hlssegmenter name=hls target-duration={segment} "
                            "location=http://{hls}/live/latency/index.m3u8"}}}};
    hls.explain_failure = explain_http_failure;
    return {hls};
}

} // namespace penstock::protocols
