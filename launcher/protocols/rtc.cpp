// SPDX-License-Identifier: LGPL-2.1-or-later
// WebRTC: publishers (WHIP) and viewers (WHEP) at the HTTP port, whose media have a UDP port.
#include "core/net/http/server.h"
#include "core/net/rtc/options.h"
#include "core/net/rtc/server.h"
#include "protocols/http_listener.h"
#include "protocols/mount_listener.h"
#include "protocols/probe.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <unistd.h>

#include <algorithm>

namespace penstock::protocols {
namespace {

constexpr const char *publish_suffix = "/whip", *play_suffix = "/whep", *room_suffix = "/join";

class RtcListener final : public MountListener {
public:
    explicit RtcListener(const std::shared_ptr<net::RtcServer> &server)
        : MountListener({.server = server,
                         .address = server->address(),
                         .scheme = server->scheme(),
                         .rules = server->rules(),
                         .protocols = {"rtc"}}),
          server_(server), http_(net::HttpServer::find(server->address())) {}
    /// The rules and watchers of the address are those of its HTTP server.
    std::shared_ptr<const void> server() const override {
        return http_ ? std::shared_ptr<const void>(http_) : server_;
    }
    /// A room is its participants' publication.
    bool is_publishing(const std::string &path) const override {
        return MountListener::is_publishing(path) || server_->is_room_wanted(path);
    }
    /// Whoever waits for a room to open has its rule's pipeline open it.
    bool is_shareable(const std::string &path) const override {
        return MountListener::is_publishing(path) || server_->is_room_readable(path);
    }
    void refuse(const std::string &path, const std::string &reason) override {
        server_->refuse(path, reason);
    }
    void refuse_busy(const std::string &path) override { server_->refuse_busy(path); }

private:
    const std::shared_ptr<net::RtcServer> server_;
    const std::shared_ptr<net::HttpServer> http_;
};

std::shared_ptr<net::RtcServer> open_server(const Opening &opening, std::string *error) {
    if (opening.shares)
        if (auto server = net::RtcServer::find(opening.address)) return server;
    if (opening.shares && opening.scheme == "https" && opening.tls.empty()) {
        if (error)
            *error = "a match begins with https://" + opening.address.to_string() +
                     ", where no WebRTC element of this description serves https://: write "
                     "http://, or give its location a certificate";
        return nullptr;
    }
    net::RtcTexts texts;
    if (opening.property) {
        const auto value = [&](const char *property, std::string &text) {
            if (auto given = opening.property(property)) text = std::move(*given);
        };
        value("udp", texts.udp);
        value("announce", texts.announce);
        value("ice-servers", texts.ice_servers);
    }
    const auto options = net::parse_rtc_options(texts, error);
    return options ? net::RtcServer::open(opening.address, opening.tls, *options, error) : nullptr;
}

std::shared_ptr<Listener> open(const Opening &opening, std::string *error) {
    auto server = open_server(opening, error);
    return server ? std::make_shared<RtcListener>(server) : nullptr;
}

std::vector<Port> publish_ports() {
    std::vector<Port> out;
    for (const auto &server : net::RtcServer::all())
        if (takes_publishers(server->rules(), server->mounts(), publish_suffix))
            out.push_back({"rtc", server->address(), server->rules().needs_key()});
    return out;
}

std::vector<UrlLine> urls(const Place &place) {
    if (place.use == Use::play) return {{"WHEP", place.url, "whep"}};
    return {{"OBS WHIP", place.url + (place.needs_key ? "  bearer token KEY" : ""), "whip"}};
}

/// The page of a room is at its endpoint's path without the last part.
std::vector<UrlLine> room_urls(const Place &place) {
    std::string page = place.url;
    if (page.ends_with(room_suffix))
        page.resize(page.size() - std::string_view(room_suffix).size());
    return {{"Room", page, "room"}};
}

/// An address by which peers may reach this machine.
struct Candidate {
    std::string text;
    bool is_loopback = false;
    bool is_private = false; ///< reached from its own network only
};

bool is_private(const in_addr &address) {
    const uint32_t number = ntohl(address.s_addr);
    return number >> 24 == 10 || number >> 20 == 0xac1 || number >> 16 == 0xc0a8 ||
           number >> 22 == 0x191 /* 100.64.0.0/10 */ || number >> 16 == 0xa9fe;
}

bool is_private(const in6_addr &address) {
    return (address.s6_addr[0] & 0xfe) == 0xfc || IN6_IS_ADDR_LINKLOCAL(&address);
}

std::optional<Candidate> candidate_of(const std::string &text) {
    in_addr v4{};
    in6_addr v6{};
    if (inet_pton(AF_INET, text.c_str(), &v4) == 1)
        return Candidate{text, ntohl(v4.s_addr) >> 24 == 127, is_private(v4)};
    if (inet_pton(AF_INET6, text.c_str(), &v6) == 1)
        return Candidate{text, bool(IN6_IS_ADDR_LOOPBACK(&v6)), is_private(v6)};
    return std::nullopt;
}

/// The addresses of the interfaces that are up, without link-local ones of IPv6.
std::vector<Candidate> interface_candidates() {
    std::vector<Candidate> out;
    ifaddrs *list = nullptr;
    if (getifaddrs(&list) != 0) return out;
    for (const ifaddrs *each = list; each; each = each->ifa_next) {
        if (!each->ifa_addr || !(each->ifa_flags & IFF_UP)) continue;
        const int family = each->ifa_addr->sa_family;
        const void *bytes =
            family == AF_INET ? static_cast<const void *>(
                                    &reinterpret_cast<sockaddr_in *>(each->ifa_addr)->sin_addr)
            : family == AF_INET6 ? &reinterpret_cast<sockaddr_in6 *>(each->ifa_addr)->sin6_addr
                                 : nullptr;
        char text[INET6_ADDRSTRLEN];
        if (!bytes || !inet_ntop(family, bytes, text, sizeof text)) continue;
        const auto found = candidate_of(text);
        const bool is_link_local =
            family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(static_cast<const in6_addr *>(bytes));
        if (found && !is_link_local) out.push_back(*found);
    }
    freeifaddrs(list);
    return out;
}

bool is_container() {
    return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

/// States which addresses peers are told of, and who can't reach these.
std::string note(std::string_view, const Protocol::Value &value) {
    std::vector<Candidate> told;
    const auto announced = net::parse_announced(value("announce").value_or(""), nullptr);
    if (!announced) return {}; // the element says what is wrong
    for (const std::string &address : *announced)
        if (auto candidate = candidate_of(address)) told.push_back(std::move(*candidate));
    const auto udp = net::parse_address(value("udp").value_or(""));
    if (told.empty() && udp && !udp->host.empty() && udp->host != "0.0.0.0" && udp->host != "::") {
        if (auto candidate = candidate_of(udp->host)) told.push_back(std::move(*candidate));
    } else if (told.empty()) {
        told = interface_candidates();
    }
    const bool is_local =
        std::all_of(told.begin(), told.end(), [](const auto &each) { return each.is_loopback; });
    std::string list;
    for (const Candidate &each : told)
        if (is_local || !each.is_loopback) list += (list.empty() ? "" : ", ") + each.text;
    if (list.empty()) return "nobody reaches it: set announce";
    const bool is_inside = std::all_of(told.begin(), told.end(), [](const auto &each) {
        return each.is_loopback || each.is_private;
    });
    // The graph cuts long remarks at their end.
    if (is_local) return "this machine alone reaches it: set announce; at " + list;
    if (is_inside && announced->empty() && is_container())
        return "in a container: set announce to the host's address; at " + list;
    if (is_inside) return "this network alone reaches it: set announce for others; at " + list;
    return "peers come to " + list;
}

/// Offers are POST requests; OPTIONS asks whether they are taken.
std::string judge_answer(const ProbedConnection &connection) {
    return judge_http_answer(connection, "OPTIONS");
}

std::string explain_failure(const std::string &url, const Failure &failure, const Asking &asking) {
    const Probe probe{.title = "HTTP", .plain = "http://", .port = 80, .ask = judge_answer};
    if (std::string reason = probe_server(probe, url, asking); !reason.empty()) return reason;
    if (!failure.message.empty())
        return failure.message + (failure.message.find("HTTP 404") != std::string::npos
                                      ? ": is the stream published, under that name?"
                                      : "");
    return "the server answers, but " + asking.nothing_came() +
           ": is the stream published, and does it have H.264, H.265, VP8 or VP9?";
}

} // namespace

std::vector<Protocol> rtc_protocols() {
    Protocol rtc;
    rtc.name = "rtc";
    rtc.title = "WebRTC";
    rtc.schemes = http_schemes();
    for (Scheme &scheme : rtc.schemes)
        scheme.publish_match = true;
    rtc.elements = {{.factory = "rtcserversrc",
                     .role = Role::receive,
                     .key_property = "publish-key",
                     .receives_udp = true,
                     .udp_property = "udp",
                     .udp_default = ":8189"},
                    {.factory = "rtcserversink",
                     .role = Role::serve,
                     .udp_property = "udp",
                     .udp_default = ":8189"},
                    {.factory = "rtcpushsink", .role = Role::push},
                    {.factory = "rtcpullsrc", .role = Role::pull}};
    rtc.has_tls = true;
    rtc.path_suffixes = {publish_suffix, play_suffix};
    rtc.publish_suffix = publish_suffix;
    rtc.play_suffix = play_suffix;
    rtc.page_kinds = {{"application/sdp", "rtc"}};
    rtc.publish_example = "http://${http}/live/{name}/whip";
    rtc.play_example = "http://${http}/live/{name}/whep";
    rtc.open = open;
    rtc.scheme_at = http_scheme_at;
    rtc.urls = urls;
    rtc.publish_ports = publish_ports;
    rtc.note = note;
    rtc.url_hint = "http://HOST:8080/live/NAME/whep";
    rtc.readers = {
        {.name = "WHEP",
         .suffix = play_suffix,
         .receive = "rtcpullsrc name=src interleave=false reconnect-delay=200000000 "
                    "reconnect-max-delay=1000000000 ! flvlivedemux name=demux",
         .rows = {{.name = "WHIP to WHEP",
                   .send = "flvlivemux ! rtcpushsink location=http://{rtc}/live/latency/whip "
                           "sync={sync}",
                   .url = "http://{rtc}/live/latency/whep",
                   .serve = "rtcserversrc location=http://{rtc}/live/latency/whip udp={media} ! "
                            "latencysei hop=server ! goptee name=gop gop. ! rtcserversink "
                            "location=http://{rtc}/live/latency/whep udp={media}",
                   .on_page = "live/latency"},
                  {.name = "RTMP to WHEP",
                   .send = "flvlivemux ! rtmp2sink location=rtmp://{rtmp}/live/latency "
                           "sync={sync}",
                   .url = "http://{rtc}/live/latency/whep",
                   .serve = "rtmpserversrc location=rtmp://{rtmp}/live/latency ! latencysei "
                            "hop=server ! goptee name=gop gop. ! rtcserversink "
                            "location=http://{rtc}/live/latency/whep udp={media}",
                   .on_page = "live/latency"},
                  {.name = "RTSP to WHEP",
                   .send = "flvlivemux ! rtspserversink location=rtsp://{rtsp}/camera sync={sync}",
                   .url = "http://{rtc}/live/latency/whep",
                   .serve = "rtsppullsrc location=rtsp://{rtsp}/camera reconnect-delay=200000000 ! "
                            "latencysei hop=server ! goptee name=gop gop. ! rtcserversink "
                            "location=http://{rtc}/live/latency/whep udp={media}",
                   .on_page = "live/latency"}}}};
    rtc.explain_failure = explain_failure;

    Protocol room;
    room.name = "room";
    room.title = "WebRTC room";
    room.schemes = http_schemes();
    for (Scheme &scheme : room.schemes)
        scheme.publish_match = true;
    room.elements = {{.factory = "rtcroom",
                      .role = Role::receive,
                      .receives_udp = true,
                      .has_page = true,
                      .udp_property = "udp",
                      .udp_default = ":8189"}};
    room.has_tls = true;
    room.path_suffixes = {room_suffix};
    room.publish_suffix = room_suffix;
    room.publish_example = "http://${http}/room/{name}/join";
    room.open = open;
    room.scheme_at = http_scheme_at;
    room.urls = room_urls;
    room.note = note;
    return {rtc, room};
}

} // namespace penstock::protocols
