// SPDX-License-Identifier: LGPL-2.1-or-later
// RTSP: publishers and players at this process's listener, and elements that connect to other
// servers.
#include "core/net/rtsp/server.h"

#include "core/net/tls/files.h"
#include "protocols/mount_listener.h"
#include "protocols/probe.h"
#include "protocols/table.h"

#include <cstdlib>

namespace penstock::protocols {
namespace {

class RtspListener final : public MountListener {
public:
    explicit RtspListener(const std::shared_ptr<net::RtspServer> &server)
        : MountListener({.server = server,
                         .address = server->address(),
                         .scheme = server->scheme(),
                         .rules = server->rules(),
                         .protocols = {"rtsp"}}),
          server_(server) {}
    bool parks_viewers() const override { return true; }
    void refuse(const std::string &path, const std::string &reason) override {
        server_->refuse(path, reason);
    }
    void refuse_busy(const std::string &path) override { server_->refuse_busy(path); }

private:
    const std::shared_ptr<net::RtspServer> server_;
};

/// rtsp:// matches both; rtsps:// needs a certificate, which only a pipeline's location provides.
std::shared_ptr<net::RtspServer> find_open(const Opening &opening, std::string *error) {
    auto server = net::RtspServer::find(opening.address);
    if (opening.scheme != "rtsps" || (server && !server->options().tls.empty())) return server;
    if (error)
        *error = "a match begins with rtsps://" + opening.address.to_string() +
                 ", where no pipeline of this description serves rtsps://: write rtsp://, or give "
                 "its location a certificate";
    return nullptr;
}

net::RtspOptions options_of(const Opening &opening) {
    net::RtspOptions options;
    options.tls = opening.tls;
    options.tls_only = net::is_tls_only(opening.scheme);
    if (!opening.property) return options;
    if (const auto udp = opening.property("udp")) options.udp = *udp != "false" && *udp != "0";
    if (const auto port = opening.property("udp-port"))
        options.udp_port = static_cast<uint16_t>(std::strtoul(port->c_str(), nullptr, 10));
    return options;
}

std::shared_ptr<Listener> open(const Opening &opening, std::string *error) {
    std::string reason;
    auto server = opening.shares ? find_open(opening, &reason) : nullptr;
    if (!server && reason.empty())
        server = net::RtspServer::open(opening.address, options_of(opening), &reason);
    if (server) return std::make_shared<RtspListener>(server);
    if (error) *error = reason;
    return nullptr;
}

std::string scheme_at(const net::Address &address) {
    const auto server = net::RtspServer::find(address);
    return server ? server->scheme() : "rtsp";
}

std::vector<Port> publish_ports() {
    std::vector<Port> out;
    for (const auto &server : net::RtspServer::all())
        out.push_back({"rtsp", server->address(), server->rules().needs_key()});
    return out;
}

std::vector<UrlLine> urls(const Place &place) {
    const std::string &url = place.url, key = place.needs_key ? "?key=KEY" : "";
    const bool is_publish = place.use != Use::play;
    std::vector<UrlLine> out;
    if (is_publish)
        out.push_back({"Publish", url + key, "publish"});
    else
        out.push_back({"VLC, NVR", url, "play"});
    // The same port takes TLS.
    constexpr std::string_view plain = "rtsp://";
    if (place.takes_tls && url.starts_with(plain))
        out.push_back({"over TLS", "rtsps://" + url.substr(plain.size()) + (is_publish ? key : ""),
                       is_publish ? "publish-tls" : "play-tls"});
    if (!is_publish) return out;
    out.push_back({"ffmpeg",
                   "ffmpeg -re -i FILE -c copy -f rtsp -rtsp_transport tcp " +
                       (place.needs_key ? "'" + url + key + "'" : url),
                   "ffmpeg"});
    return out;
}

/// Asks for the methods; an RTSP server answers with a status line of RTSP.
std::string judge_answer(const ProbedConnection &connection) {
    const std::string request =
        "OPTIONS rtsp://" + connection.server.authority + "/ RTSP/1.0\r\nCSeq: 1\r\n\r\n";
    const auto answer = answer_to(connection, request, 0);
    if (!answer) return silent_server(connection, "RTSP");
    if (answer->starts_with("RTSP/")) return "";
    return "what answers on " + connection.server.place() +
           " is no RTSP server: is that its port? 554 and 8554 are the usual ones";
}

std::string explain_failure(const std::string &url, const Failure &failure, const Asking &asking) {
    const Probe probe{
        .title = "RTSP", .plain = "rtsp://", .port = 554, .secure_port = 322, .ask = judge_answer};
    if (std::string reason = probe_server(probe, url, asking); !reason.empty()) return reason;
    // A failing element posts "Internal data stream error" after the error that has the cause.
    if (!failure.message.empty() && !failure.message.starts_with("Internal data"))
        return "the server does not play it (" + failure.message +
               "): is the stream published, under that name, and does it want a password?";
    return asking.nothing_came() + ": is the stream published, under that name?";
}

} // namespace

std::vector<Protocol> rtsp_protocols() {
    Protocol rtsp;
    rtsp.name = "rtsp";
    rtsp.title = "RTSP";
    rtsp.schemes = {{"rtsp", 8554, true, true}, {"rtsps", 8554, true, true}};
    rtsp.elements = {
        {.factory = "rtspserversrc", .role = Role::receive, .key_property = "publish-key"},
        {.factory = "rtspserversink", .role = Role::serve},
        {.factory = "rtsppullsrc", .role = Role::pull, .receives_udp = true},
        {.factory = "rtspclientsink", .role = Role::push, .package = "gstreamer1.0-rtsp"},
        {.factory = "rtspsrc",
         .role = Role::pull,
         .needs_gio_tls = true,
         .receives_udp = true,
         .package = plugins_good},
    };
    rtsp.has_tls = true;
    rtsp.has_players = true;
    rtsp.ffmpeg_format = "rtsp";
    rtsp.publish_example = "rtsp://${rtsp}/live/{name}";
    rtsp.play_example = "rtsp://${rtsp}/live/{name}_480p";
    rtsp.sample_url = "rtsp://127.0.0.1:8554/live/test";
    rtsp.url_hint = "rtsp://HOST/live/NAME";
    rtsp.open = open;
    rtsp.scheme_at = scheme_at;
    rtsp.urls = urls;
    rtsp.publish_ports = publish_ports;
    rtsp.readers = {
        {.name = "RTSP",
         .suffix = "",
         .receive = "rtsppullsrc name=src ! flvlivedemux name=demux",
         // The sender is a camera, which the server pulls.
         .rows = {{.name = "RTSP to RTSP",
                   .send = "flvlivemux ! rtspserversink location=rtsp://{rtsp}/camera "
                           "sync={sync}",
                   .url = "rtsp://{rtsp}/live/latency",
                   .serve = "rtsppullsrc location=rtsp://{rtsp}/camera "
                            "reconnect-delay=200000000 ! latencysei hop=server ! goptee "
                            "name=gop gop. ! rtspserversink "
                            "location=rtsp://{rtsp}/live/latency"}}}};
    rtsp.accept = "rtspserversrc name=src ! flvlivedemux name=demux";
    rtsp.explain_failure = explain_failure;
    return {rtsp};
}

} // namespace penstock::protocols
