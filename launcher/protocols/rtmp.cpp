// SPDX-License-Identifier: LGPL-2.1-or-later
// RTMP: publishers and players at this process's listener, and elements that connect to other
// servers.
#include "core/net/rtmp/server.h"
#include "protocols/mount_listener.h"
#include "protocols/probe.h"
#include "protocols/refusal.h"
#include "protocols/table.h"

namespace penstock::protocols {
namespace {

class RtmpListener final : public MountListener {
public:
    explicit RtmpListener(const std::shared_ptr<net::RtmpServer> &server)
        : MountListener({.server = server,
                         .address = server->address(),
                         .scheme = server->scheme(),
                         .rules = server->rules(),
                         .protocols = {"rtmp"}}),
          server_(server) {}
    bool parks_viewers() const override { return true; }
    void refuse(const std::string &path, const std::string &reason) override {
        server_->refuse(path, reason);
    }
    void refuse_busy(const std::string &path) override { server_->refuse_busy(path); }

private:
    const std::shared_ptr<net::RtmpServer> server_;
};

/// rtmp:// matches both; rtmps:// needs a certificate, which only a pipeline's location provides.
std::shared_ptr<net::RtmpServer> find_open(const Opening &opening, std::string *error) {
    auto server = net::RtmpServer::find(opening.address);
    if (opening.scheme != "rtmps" || (server && !server->tls().files.empty())) return server;
    if (error)
        *error = "a match begins with rtmps://" + opening.address.to_string() +
                 ", where no pipeline of this description serves rtmps://: write rtmp://, or give "
                 "its location a certificate";
    return nullptr;
}

std::shared_ptr<Listener> open(const Opening &opening, std::string *error) {
    std::string reason;
    auto server = opening.shares ? find_open(opening, &reason) : nullptr;
    if (!server && reason.empty())
        server = net::RtmpServer::open(opening.address,
                                       {opening.tls, net::is_tls_only(opening.scheme)}, &reason);
    if (server) return std::make_shared<RtmpListener>(server);
    if (error) *error = reason;
    return nullptr;
}

std::string scheme_at(const net::Address &address) {
    const auto server = net::RtmpServer::find(address);
    return server ? server->scheme() : "rtmp";
}

std::vector<Port> publish_ports() {
    std::vector<Port> out;
    for (const auto &server : net::RtmpServer::all())
        if (takes_publishers(server->rules(), server->mounts()))
            out.push_back({"rtmp", server->address(), server->rules().needs_key()});
    return out;
}

std::vector<UrlLine> urls(const Place &place) {
    const std::string &url = place.url, key = place.needs_key ? "?key=KEY" : "";
    const bool is_publish = place.use != Use::play;
    std::vector<UrlLine> out;
    if (is_publish)
        out.push_back({"Publish", url + key, "publish"});
    else
        out.push_back({"mpv, VLC", url, "play"});
    // The same port takes TLS.
    constexpr std::string_view plain = "rtmp://";
    if (place.takes_tls && url.starts_with(plain))
        out.push_back({"over TLS", "rtmps://" + url.substr(plain.size()) + (is_publish ? key : ""),
                       is_publish ? "publish-tls" : "play-tls"});
    if (!is_publish) return out;
    const size_t slash = url.rfind('/');
    out.push_back({"OBS",
                   "server " + url.substr(0, slash) + "  stream key " + url.substr(slash + 1) + key,
                   "obs"});
    out.push_back(
        {"ffmpeg",
         "ffmpeg -re -i FILE -c copy -f flv " + (place.needs_key ? "'" + url + key + "'" : url),
         "ffmpeg"});
    return out;
}

/// Sends C0 and C1; an RTMP server answers with its version and as many bytes.
std::string judge_answer(const ProbedConnection &connection) {
    constexpr size_t handshake = 1536;
    constexpr char version = 3;
    std::string request(1 + handshake, '\0');
    request.front() = version;
    const auto answer = answer_to(connection, request, 1);
    if (!answer) return silent_server(connection, "RTMP");
    if (!answer->empty() && answer->front() == version) return "";
    return "what answers on " + connection.server.place() +
           " is no RTMP server: is that its port? 1935 is the usual one";
}

std::string explain_failure(const std::string &url, const Failure &failure, const Asking &asking) {
    const Probe probe{.title = "RTMP", .plain = "rtmp://", .port = 1935, .ask = judge_answer};
    if (std::string reason = probe_server(probe, url, asking); !reason.empty()) return reason;
    // A failing element posts "Internal data stream error" after the error that has the cause.
    if (!failure.message.empty() && !failure.message.starts_with("Internal data"))
        return "the server does not play it (" + failure.message +
               "): is the stream published, under that name, and does the URL want a key?";
    return asking.nothing_came() + ": is the stream published, under that name?";
}

} // namespace

std::optional<std::string> refusal_in(std::string_view error) {
    // { "level": "error", "code": "NetStream.Publish.Denied", "description": "…" }
    const size_t object = error.find("{ \"level\": \"error\"");
    if (object == error.npos) return std::nullopt;
    const auto field = [&](std::string_view name) -> std::string {
        const size_t at = error.find(name, object);
        if (at == error.npos) return {};
        const std::string_view rest = error.substr(at + name.size());
        return std::string(rest.substr(0, rest.find('"')));
    };
    const std::string description = field("\"description\": \"");
    return description.empty() ? field("\"code\": \"") : description;
}

std::vector<Protocol> rtmp_protocols() {
    Protocol rtmp;
    rtmp.name = "rtmp";
    rtmp.title = "RTMP";
    rtmp.schemes = {{"rtmp", 1935, true, true}, {"rtmps", 443, true, true}};
    rtmp.elements = {
        {.factory = "rtmpserversrc", .role = Role::receive, .key_property = "publish-key"},
        {.factory = "rtmpserversink", .role = Role::serve},
        {.factory = "rtmppushsink", .role = Role::push},
        {.factory = "rtmp2sink", .role = Role::push, .needs_gio_tls = true, .package = plugins_bad},
        {.factory = "rtmpsink", .role = Role::push, .package = plugins_bad},
        {.factory = "rtmp2src", .role = Role::pull, .needs_gio_tls = true, .package = plugins_bad},
        {.factory = "rtmppullsrc", .role = Role::pull},
        {.factory = "rtmpsrc", .role = Role::pull, .package = plugins_bad},
    };
    rtmp.has_tls = true;
    rtmp.has_players = true;
    rtmp.ffmpeg_format = "flv";
    rtmp.publish_example = "rtmp://${rtmp}/live/{name}";
    rtmp.play_example = "rtmp://${rtmp}/live/{name}_480p";
    rtmp.sample_url = "rtmp://127.0.0.1:1935/live/test";
    rtmp.url_hint = "rtmp://HOST/live/NAME";
    rtmp.open = open;
    rtmp.scheme_at = scheme_at;
    rtmp.urls = urls;
    rtmp.publish_ports = publish_ports;
    rtmp.readers = {
        {.name = "RTMP",
         .suffix = "",
         .receive = "rtmp2src name=src ! flvlivedemux name=demux",
         .rows = {{.name = "RTMP",
                   .send = "flvlivemux ! rtmp2sink location=rtmp://{rtmp}/live/latency "
                           "sync={sync}",
                   .url = "rtmp://{rtmp}/live/latency",
                   .serve = "rtmpserversrc location=rtmp://{rtmp}/live/latency ! latencysei "
                            "hop=server ! goptee name=gop gop. ! rtmpserversink "
                            "location=rtmp://{rtmp}/live/latency",
                   .relay = "nginx-rtmp"},
                  {.name = "SRT to RTMP",
                   .send = "tslivemux ! srtpushsink location=srt://{srt}/live/latency "
                           "latency={srt-latency} sync={sync}",
                   .url = "rtmp://{rtmp}/live/latency",
                   .serve =
                       "srtliveserversrc location=srt://{srt}/live/latency "
                       "latency={srt-latency} ! tslivedemux ! latencysei hop=server ! goptee "
                       "name=gop gop. ! rtmpserversink location=rtmp://{rtmp}/live/latency"}}}};
    rtmp.accept = "rtmpserversrc name=src ! flvlivedemux name=demux";
    rtmp.explain_failure = explain_failure;
    return {rtmp};
}

} // namespace penstock::protocols
