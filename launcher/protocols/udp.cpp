// SPDX-License-Identifier: LGPL-2.1-or-later
// MPEG-TS in UDP datagrams, with and without RTP.
#include "gst/ptr.h"
#include "protocols/probe.h"
#include "protocols/table.h"

#include <cstdlib>

namespace penstock::protocols {
namespace {

constexpr const char *datagram_advice =
    "only the network and the sender's sink add delay; sync=false on the sink sends at once";

/// Parses host and port of a URL. The host is empty if the URL names none; the port is 0 if
/// invalid.
net::Address address_of(const std::string &url) {
    const size_t scheme = url.find("://");
    const std::string rest = scheme == url.npos ? url : url.substr(scheme + 3);
    return net::parse_address(rest.substr(0, rest.find_first_of("/?"))).value_or(net::Address{});
}

/// 224.0.0.0/4 and ff00::/8
bool is_multicast(const std::string &host) {
    const int first = std::atoi(host.c_str());
    return (first >= 224 && first <= 239 && host.find('.') != host.npos) ||
           host.starts_with("ff") || host.starts_with("FF");
}

/// Commands and URLs for players. A player on another machine receives on any of its addresses; a
/// multicast group is joined by its own address.
std::vector<UrlLine> urls_of(const Place &place, const std::string &scheme) {
    const net::Address &address = place.address;
    const bool here = address.host == "127.0.0.1" || address.host == "localhost";
    const bool group = is_multicast(address.host);
    const net::Address at{here || group ? address.host : "0.0.0.0", address.port};
    const std::string where = here || group ? "" : "  (on " + address.host + ")";
    return {{"mpv", "mpv " + scheme + "://" + at.to_string() + where, "receive"},
            {"ffplay", "ffplay " + scheme + "://" + at.to_string() + where, "receive"},
            {"VLC",
             "vlc " + scheme + "://@" + (group ? address.host : "") + ":" +
                 std::to_string(address.port) + where,
             "receive"}};
}

bool set_address(GstElement *source, const std::string &url, const std::string &scheme,
                 std::string *error) {
    const net::Address address = address_of(url);
    if (address.port == 0) {
        if (error) *error = "'" + url + "' has no port: " + scheme + "://0.0.0.0:5000";
        return false;
    }
    const std::string host = address.host.empty() ? "0.0.0.0" : address.host;
    // An unknown name is reported here, because udpsrc would wait without an error.
    if (std::string reason = probe_name(host); !reason.empty()) {
        if (error) *error = url + ": " + reason;
        return false;
    }
    // Without arrival timestamps tsdemux relies on the stream's own clock.
    g_object_set(source, "address", host.c_str(), "port", gint(address.port), "buffer-size",
                 4 * 1024 * 1024, "do-timestamp", FALSE, nullptr);
    return true;
}

std::string explain_failure(const std::string &url, const Failure &failure, const Asking &asking,
                            const std::string &scheme, const std::string &what) {
    const net::Address address = address_of(url);
    const std::string port = "UDP port " + std::to_string(address.port);
    if (!failure.message.empty() && !address.host.empty())
        return address.host + " and " + port + " can't be received on (" +
               (failure.detail.empty() ? failure.message : failure.detail) + "): say " + scheme +
               "://0.0.0.0:PORT, an address of this machine or a multicast group; is another "
               "program on that port?";
    return asking.nothing_came() + ": does somebody send " + what + " to " + port +
           " of this machine, and does a firewall let it in?";
}

Protocol datagrams(const std::string &scheme, const std::string &title, const std::string &what) {
    Protocol out;
    out.name = scheme;
    out.title = title;
    out.schemes = {{.name = scheme}};
    out.is_udp = true;
    out.url_hint = scheme + "://0.0.0.0:PORT";
    out.urls = [scheme](const Place &place) { return urls_of(place, scheme); };
    out.explain_failure = [scheme, what](const std::string &url, const Failure &failure,
                                         const Asking &asking) {
        return explain_failure(url, failure, asking, scheme, what);
    };
    return out;
}

} // namespace

std::vector<Protocol> udp_protocols() {
    Protocol udp = datagrams("udp", "UDP", "MPEG-TS");
    udp.elements = {
        {.factory = "udpsink",
         .role = Role::send,
         .property = "clients",
         .bytes_property = "bytes-served",
         .package = plugins_good},
        {.factory = "multiudpsink",
         .role = Role::send,
         .property = "clients",
         .bytes_property = "bytes-served",
         .package = plugins_good},
        {.factory = "udpsrc",
         .role = Role::pull,
         .property = nullptr,
         .receives_udp = true,
         .package = plugins_good},
    };
    udp.readers = {{.name = "UDP",
                    .suffix = "",
                    .receive = "udpsrc name=src ! tsdemux name=demux",
                    .rows = {{.name = "UDP",
                              .send = "tslivemux ! udpsink clients={to} sync={sync}",
                              .url = "udp://{to}"}},
                    .delivery_advice = datagram_advice}};
    udp.set_url = [](GstElement *source, const std::string &url, std::string *error) {
        return set_address(source, url, "udp", error);
    };

    Protocol rtp = datagrams("rtp", "RTP", "MPEG-TS in RTP");
    rtp.marker = "rtpmp2tpay";
    rtp.elements = {udp.elements[0], udp.elements[1]};
    rtp.readers = {{.name = "RTP",
                    .suffix = "",
                    .receive = "udpsrc name=src ! rtpmp2tdepay ! tsdemux name=demux",
                    .rows = {{.name = "RTP",
                              .send = "tslivemux ! rtpmp2tpay ! udpsink clients={to} "
                                      "sync={sync}",
                              .url = "rtp://{to}"}},
                    .delivery_advice = datagram_advice}};
    rtp.set_url = [](GstElement *source, const std::string &url, std::string *error) {
        const auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string(
            "application/x-rtp,media=video,clock-rate=90000,encoding-name=MP2T"));
        g_object_set(source, "caps", caps.get(), nullptr);
        return set_address(source, url, "rtp", error);
    };
    return {udp, rtp};
}

} // namespace penstock::protocols
