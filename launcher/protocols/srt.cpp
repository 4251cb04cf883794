// SPDX-License-Identifier: LGPL-2.1-or-later
// SRT through GStreamer's stock elements: received and sent, not served.
#include "protocols/probe.h"
#include "protocols/table.h"

namespace penstock::protocols {
namespace {

bool has(const std::string &text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string explain_failure(const std::string &url, const Failure &failure, const Asking &asking) {
    const std::string rest = url.substr(url.find("://") + 3);
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
    srt.schemes = {{.name = "srt"}};
    srt.elements = {
        {.factory = "srtsrc",
         .role = Role::pull,
         .property = "uri",
         .receives_udp = true,
         .package = plugins_bad},
        {.factory = "srtsink", .role = Role::push, .property = "uri", .package = plugins_bad},
        {.factory = "srtserversrc", .role = Role::pull, .property = "uri", .receives_udp = true},
    };
    srt.is_udp = true;
    srt.url_hint = "srt://HOST:PORT";
    srt.readers = {{.name = "SRT",
                    .suffix = "",
                    .receive = "srtsrc name=src ! tsdemux name=demux",
                    .rows = {{.name = "SRT",
                              .send = "tslivemux ! srtsink uri=srt://{to}?mode=listener "
                                      "latency={srt-latency} wait-for-connection=false sync={sync}",
                              .url = "srt://{to}?mode=caller&latency={srt-latency}"}},
                    .delivery_advice =
                        "SRT holds every packet back for its `latency` so that lost ones can "
                        "come again; three to four times the round trip is enough "
                        "(srt://…?latency=20 on a local network, at both ends)"}};
    srt.set_url = [](GstElement *source, const std::string &url, std::string *) {
        // With auto-reconnect it would retry an absent sender forever.
        g_object_set(source, "uri", url.c_str(), "auto-reconnect", FALSE, nullptr);
        return true;
    };
    srt.explain_failure = explain_failure;
    return {srt};
}

} // namespace penstock::protocols
