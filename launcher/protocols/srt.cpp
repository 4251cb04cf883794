// SPDX-License-Identifier: LGPL-2.1-or-later
// SRT: callers at this process's listener, told apart by their stream ids, and elements that
// connect to one other end.
#include "core/net/srt/server.h"
#include "protocols/mount_listener.h"
#include "protocols/probe.h"
#include "protocols/table.h"

#include <charconv>

namespace penstock::protocols {
namespace {

constexpr uint16_t usual_port = 8890;
constexpr std::string_view scheme = "srt://";

class SrtListener final : public MountListener {
public:
    /// `expected`: keeps what connections to paths without a pipeline have to have.
    SrtListener(const std::shared_ptr<net::SrtServer> &server, std::shared_ptr<void> expected)
        : MountListener({.server = server,
                         .address = server->address(),
                         .scheme = server->scheme(),
                         .rules = server->rules(),
                         .protocols = {"srt"}}),
          server_(server), expected_(std::move(expected)) {}
    bool parks_viewers() const override { return true; }
    void refuse(const std::string &path, const std::string &reason) override {
        server_->refuse(path, reason);
    }
    void refuse_busy(const std::string &path) override { server_->refuse_busy(path); }

private:
    const std::shared_ptr<net::SrtServer> server_;
    const std::shared_ptr<void> expected_;
};

unsigned number_of(const std::optional<std::string> &text, unsigned otherwise) {
    unsigned value = otherwise;
    if (text) std::from_chars(text->data(), text->data() + text->size(), value);
    return value;
}

/// Reads the traits of the element that will take the connections; nullopt if there is none.
std::optional<net::SrtTraits> traits_of(const Opening &opening) {
    if (!opening.property) return std::nullopt;
    net::SrtTraits traits;
    traits.passphrase = opening.property("passphrase").value_or("");
    traits.key_length = number_of(opening.property("pbkeylen"), traits.key_length);
    traits.latency_ms = number_of(opening.property("latency"), traits.latency_ms);
    return traits;
}

std::shared_ptr<Listener> open(const Opening &opening, std::string *error) {
    std::string reason;
    const auto traits = traits_of(opening);
    if (traits) reason = traits->check();
    auto server = reason.empty() ? net::SrtServer::open(opening.address, &reason) : nullptr;
    if (server) {
        auto expected =
            traits ? server->expect({opening.receives, *traits, opening.matches}) : nullptr;
        return std::make_shared<SrtListener>(server, std::move(expected));
    }
    if (error) *error = reason;
    return nullptr;
}

std::vector<Port> publish_ports() {
    std::vector<Port> out;
    for (const auto &server : net::SrtServer::all())
        out.push_back({"srt", server->address(), server->rules().needs_key()});
    return out;
}

/// "srt://host:port" and "live/NAME".
struct Parts {
    std::string server, path;
};
Parts parts_of(const std::string &url) {
    const size_t slash = url.find('/', scheme.size());
    return {url.substr(0, slash), slash == url.npos ? "" : url.substr(slash + 1)};
}

std::vector<UrlLine> urls(const Place &place) {
    const Parts parts = parts_of(place.url);
    const bool is_publish = place.use != Use::play;
    const std::string key = place.needs_key && is_publish ? ":key=KEY" : "";
    const std::string id = (is_publish ? "publish:" : "read:") + parts.path + key;
    const bool is_encrypted = place.property && !place.property("passphrase").value_or("").empty();
    const std::string secret = is_encrypted ? "&passphrase=PASSPHRASE&pbkeylen=16" : "";
    const std::string url = parts.server + "?streamid=" + id + secret;
    const std::string keyed = parts.server + "?streamid=#!::r=" + parts.path +
                              (is_publish ? ",m=publish" : "") + (key.empty() ? "" : ",s=KEY") +
                              secret;
    if (!is_publish)
        return {{"ffplay", url, "play"},
                {"transmit", "srt-live-transmit '" + keyed + "' file://con", "srt"}};
    // OBS sends nothing of its server address that stands behind an ampersand.
    const std::string for_obs = parts.server + "?streamid=" + id;
    return {{"Publish", url, "publish"},
            {"OBS", "server " + for_obs + (is_encrypted ? "  with its encryption passphrase" : ""),
             "obs"},
            {"ffmpeg", "ffmpeg -re -i FILE -c copy -f mpegts '" + url + "'", "ffmpeg"},
            {"transmit", "srt-live-transmit file://con '" + keyed + "'", "srt"}};
}

std::string note(std::string_view factory, const Protocol::Value &value) {
    if (!value("latency")) return {}; // of a stock element, which has it in its URL
    const bool is_encrypted =
        !value("passphrase").value_or("").empty() ||
        value("location").value_or("").find("passphrase=") != std::string::npos;
    const bool has_peers = factory.find("server") != factory.npos;
    return *value("latency") + " ms latency" + (has_peers ? " or what callers have" : "") +
           (is_encrypted ? "; encrypted" : "; not encrypted");
}

bool has(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

/// A URL with its port.
std::string with_port(const std::string &url) {
    const size_t end = std::min(url.find_first_of("/?", scheme.size()), url.size());
    const std::string place = url.substr(scheme.size(), end - scheme.size());
    if (net::parse_address(place) || net::parse_address(place + ":1") == std::nullopt) return url;
    return url.substr(0, end) + ":" + std::to_string(usual_port) + url.substr(end);
}

/// Makes a stock element's URL of a stream's URL: the path becomes the stream id.
std::string caller_url(const std::string &given) {
    const std::string url = with_port(given);
    const size_t mark = url.find('?');
    const Parts parts = parts_of(url.substr(0, mark));
    if (parts.path.empty() || has(url, "streamid=")) return url;
    return parts.server + "?streamid=read:" + parts.path +
           (mark == url.npos ? "" : "&" + url.substr(mark + 1));
}

std::string explain_failure(const std::string &url, const Failure &failure, const Asking &asking) {
    const std::string rest = with_port(url).substr(scheme.size());
    const net::Address address =
        net::parse_address(rest.substr(0, rest.find_first_of("/?"))).value_or(net::Address{});
    const std::string port = "UDP port " + std::to_string(address.port);
    const bool waits = address.host.empty() || has(url, "mode=listener");
    if (has(failure.detail, "authenticate"))
        return "the other end wants another passphrase: ?passphrase=WORDS&pbkeylen=16 must be as "
               "it is there";
    if (has(failure.detail, "passphrase"))
        return "a passphrase of SRT has 10 to 79 characters, and its pbkeylen is 16, 24 or 32";
    if (waits && has(failure.detail, "bind"))
        return port +
               " can't be listened on: is another program there, or is that address not this "
               "machine's?";
    if (waits)
        return "no sender has connected to " + port + asking.within() +
               ": does a sender connect to this machine (mode=caller), and does a firewall let it "
               "in?";
    if (std::string reason = probe_name(address.host, asking.cancel); !reason.empty())
        return reason;
    if (has(failure.detail, "1404") || has(failure.detail, "rejected"))
        return "the server refuses the stream id: is the stream published, under that name?";
    if (failure.message.empty() || has(failure.detail, "imeout") || has(failure.detail, "time out"))
        return "nothing answers SRT on " + port + " of " + address.host +
               ": does a sender listen there (mode=listener), and does a firewall let it through? "
               "srt://:PORT?mode=listener waits for a sender to connect";
    return failure.message + (failure.detail.empty() ? "" : " (" + failure.detail + ")");
}

} // namespace

std::vector<Protocol> srt_protocols() {
    Protocol srt;
    srt.name = "srt";
    srt.title = "SRT";
    srt.schemes = {{.name = "srt", .port = usual_port, .publish_match = true, .play_match = true}};
    srt.elements = {
        {.factory = "srtliveserversrc",
         .role = Role::receive,
         .key_property = "publish-key",
         .receives_udp = true},
        {.factory = "srtliveserversink", .role = Role::serve},
        {.factory = "srtpushsink", .role = Role::push},
        {.factory = "srtpullsrc", .role = Role::pull, .receives_udp = true},
        {.factory = "srtsrc",
         .role = Role::pull,
         .property = "uri",
         .receives_udp = true,
         .package = plugins_bad},
        {.factory = "srtsink", .role = Role::push, .property = "uri", .package = plugins_bad},
        // A deprecated name of srtsrc.
        {.factory = "srtserversrc", .role = Role::pull, .property = "uri", .receives_udp = true},
    };
    srt.is_udp = true;
    srt.has_players = true;
    srt.ffmpeg_format = "mpegts";
    srt.publish_example = "srt://${srt}/live/{name}";
    srt.play_example = "srt://${srt}/live/{name}_480p";
    srt.sample_url = "srt://127.0.0.1:8890/live/test";
    srt.url_hint = "srt://HOST:PORT";
    srt.open = open;
    srt.urls = urls;
    srt.publish_ports = publish_ports;
    srt.note = note;
    srt.readers = {
        {.name = "SRT",
         .suffix = "",
         .receive = "srtsrc name=src ! tsdemux name=demux",
         .rows = {{.name = "SRT",
                   .send = "tslivemux ! srtsink uri=srt://{to}?mode=listener "
                           "latency={srt-latency} wait-for-connection=false sync={sync}",
                   .url = "srt://{to}?mode=caller&latency={srt-latency}"},
                  {.name = "SRT to SRT",
                   .send = "tslivemux ! srtpushsink location=srt://{srt}/live/latency "
                           "latency={srt-latency} sync={sync}",
                   .url = "srt://{srt}/live/latency?latency={srt-latency}",
                   .serve = "srtliveserversrc location=srt://{srt}/live/latency "
                            "latency={srt-latency} ! tslivedemux ! latencysei hop=server "
                            "! goptee name=gop gop. ! srtliveserversink "
                            "location=srt://{srt}/live/latency latency={srt-latency}"}},
         .delivery_advice = "SRT holds every packet back for its `latency` so that lost ones can "
                            "come again; three to four times the round trip is enough "
                            "(srt://…?latency=20 on a local network, at both ends)"}};
    srt.set_url = [](GstElement *source, const std::string &url, std::string *) {
        // With auto-reconnect it would retry an absent sender forever.
        g_object_set(source, "uri", caller_url(url).c_str(), "auto-reconnect", FALSE, nullptr);
        return true;
    };
    srt.explain_failure = explain_failure;
    return {srt};
}

} // namespace penstock::protocols
