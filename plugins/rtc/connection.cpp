// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/connection.h"

#include "core/bytes/printable.h"
#include "core/net/loop/clock.h"
#include "core/net/rtc/ice_links.h"

#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>

#include <algorithm>
#include <string_view>
#include <utility>

GST_DEBUG_CATEGORY_STATIC(penstock_rtc_connection_debug);
#define GST_CAT_DEFAULT penstock_rtc_connection_debug

namespace penstock::rtc {
namespace {

constexpr size_t max_addresses = 16;
constexpr uint64_t sdp_ms = 5'000;           ///< for webrtcbin to make or take a description
constexpr uint64_t disconnected_ms = 10'000; ///< until a connection without checks is given up

struct FreeDescription {
    void operator()(GstWebRTCSessionDescription *p) const {
        gst_webrtc_session_description_free(p);
    }
};
using DescriptionPtr = std::unique_ptr<GstWebRTCSessionDescription, FreeDescription>;

/// A promise whose reply goes to the bus as the application's message `name`.
GstPromise *promise_of(GstBus *bus, const char *name) {
    struct Target {
        GstPtr<GstBus> bus;
        const char *name;
    };
    return gst_promise_new_with_change_func(
        [](GstPromise *promise, gpointer data) {
            const auto *target = static_cast<Target *>(data);
            const GstStructure *reply = gst_promise_wait(promise) == GST_PROMISE_RESULT_REPLIED
                                            ? gst_promise_get_reply(promise)
                                            : nullptr;
            GstStructure *said =
                reply ? gst_structure_copy(reply) : gst_structure_new_empty("none");
            gst_structure_set_name(said, target->name);
            gst_bus_post(target->bus.get(), gst_message_new_application(nullptr, said));
            gst_promise_unref(promise);
        },
        new Target{GstPtr<GstBus>::ref(bus), name},
        [](gpointer data) { delete static_cast<Target *>(data); });
}

/// The address is the fifth word of a candidate (RFC 8839 section 5.1).
bool has_name(const sdp::Attribute &attribute) {
    if (attribute.name != "candidate") return false;
    std::string_view rest = attribute.value;
    for (int word = 0; word < 4; ++word)
        rest.remove_prefix(std::min(rest.find(' ') + 1, rest.size()));
    const std::string address(rest.substr(0, rest.find(' ')));
    in6_addr bytes{};
    return inet_pton(AF_INET, address.c_str(), &bytes) != 1 &&
           inet_pton(AF_INET6, address.c_str(), &bytes) != 1;
}

/// Of interfaces that are up, loopback among them; not those of a link only.
std::vector<std::string> own_addresses() {
    std::vector<std::string> out;
    ifaddrs *list = nullptr;
    if (::getifaddrs(&list) != 0) return out;
    for (const ifaddrs *one = list; one && out.size() < max_addresses; one = one->ifa_next) {
        if (!one->ifa_addr || (one->ifa_flags & IFF_UP) == 0) continue;
        char text[INET6_ADDRSTRLEN];
        const void *bytes = nullptr;
        if (one->ifa_addr->sa_family == AF_INET)
            bytes = &reinterpret_cast<const sockaddr_in *>(one->ifa_addr)->sin_addr;
        if (one->ifa_addr->sa_family == AF_INET6) {
            const auto *v6 = reinterpret_cast<const sockaddr_in6 *>(one->ifa_addr);
            if (!IN6_IS_ADDR_LINKLOCAL(&v6->sin6_addr)) bytes = &v6->sin6_addr;
        }
        if (bytes && inet_ntop(one->ifa_addr->sa_family, bytes, text, sizeof text))
            out.emplace_back(text);
    }
    ::freeifaddrs(list);
    return out;
}

GstWebRTCPeerConnectionState state_of(GstElement *webrtc) {
    GstWebRTCPeerConnectionState state = GST_WEBRTC_PEER_CONNECTION_STATE_NEW;
    g_object_get(webrtc, "connection-state", &state, nullptr);
    return state;
}

} // namespace

// --- set-up -------------------------------------------------------------------------------

bool Connection::fail(std::string reason) {
    if (reason_.empty()) reason_ = std::move(reason);
    return false;
}

bool Connection::open(const Options &options) {
    static const bool registered = [] {
        GST_DEBUG_CATEGORY_INIT(penstock_rtc_connection_debug, "penstock-rtc-connection", 0,
                                "WebRTC connections to other servers");
        return true;
    }();
    (void)registered;
    const auto nice = GstPtr<GstElementFactory>::adopt(gst_element_factory_find("nicesrc"));
    GstElement *webrtc = nice ? gst_element_factory_make("webrtcbin", "peer") : nullptr;
    if (!webrtc)
        return fail(nice ? "there is no webrtcbin: install gstreamer1.0-plugins-bad"
                         : "there is no ICE for webrtcbin: install gstreamer1.0-nice");
    webrtc_ = GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(webrtc)));
    pipeline_ =
        GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
    bus_ = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
    g_signal_connect(pipeline_.get(), "deep-element-added", G_CALLBACK(on_added), this);
    g_object_set(webrtc, "bundle-policy", GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, "latency",
                 guint(options.latency_ms), nullptr);
    set_servers(options);
    set_agent(options);
    for (const char *property : {"notify::connection-state", "notify::ice-gathering-state"})
        signals_.push_back(g_signal_connect(webrtc, property, G_CALLBACK(on_notify), this));
    gst_bin_add(bin(), webrtc);
    return is_relay_usable(options);
}

bool Connection::is_relay_usable(const Options &options) {
    const auto is_turn = [](const net::IceServer &server) {
        return server.url.starts_with("turn");
    };
    if (!options.relay_only ||
        std::any_of(options.ice_servers.begin(), options.ice_servers.end(), is_turn))
        return true;
    return fail("ice-transport-policy=relay needs a turn: server in ice-servers");
}

void Connection::set_servers(const Options &options) {
    if (options.relay_only)
        g_object_set(webrtc_.get(), "ice-transport-policy", GST_WEBRTC_ICE_TRANSPORT_POLICY_RELAY,
                     nullptr);
    bool has_stun = false;
    for (const net::IceServer &server : options.ice_servers) {
        const std::string url = net::slashed_url(server);
        if (server.url.starts_with("turn")) {
            gboolean taken = FALSE;
            g_signal_emit_by_name(webrtc_.get(), "add-turn-server", url.c_str(), &taken);
        } else if (server.url.starts_with("stun:") && !std::exchange(has_stun, true)) {
            g_object_set(webrtc_.get(), "stun-server", url.c_str(), nullptr);
        } else {
            GST_INFO("%s is not asked: libnice knows one server of STUN, over UDP", url.c_str());
        }
    }
}

void Connection::set_agent(const Options &options) {
    GstObject *ice = nullptr;
    g_object_get(webrtc_.get(), "ice-agent", &ice, nullptr);
    const auto owned = GstPtr<GstObject>::adopt(ice);
    if (!ice) return;
    if (g_object_class_find_property(G_OBJECT_GET_CLASS(ice), "agent")) {
        GObject *nice = nullptr;
        g_object_get(ice, "agent", &nice, nullptr);
        const GObjectPtr<GObject> agent(nice);
        // It would look for routers on the network, by servers of its own.
        if (nice && g_object_class_find_property(G_OBJECT_GET_CLASS(nice), "upnp"))
            g_object_set(nice, "upnp", FALSE, nullptr);
        // Keepalives that are answered tell whether the server is still there.
        if (nice && g_object_class_find_property(G_OBJECT_GET_CLASS(nice), "keepalive-conncheck"))
            g_object_set(nice, "keepalive-conncheck", TRUE, nullptr);
    }
    if (!options.has_loopback || options.relay_only) return;
    // libnice leaves loopback out, unless it is told all addresses.
    for (const std::string &address : own_addresses()) {
        gboolean taken = FALSE;
        g_signal_emit_by_name(ice, "add-local-ip-address", address.c_str(), &taken);
    }
}

Connection::~Connection() {
    if (!pipeline_) return;
    for (const gulong signal : signals_)
        g_signal_handler_disconnect(webrtc_.get(), signal);
    gst_element_set_state(pipeline_.get(), GST_STATE_NULL);
    g_signal_handlers_disconnect_by_data(pipeline_.get(), this);
    // Messages that nobody reads hold their senders, and with these descriptors.
    gst_bus_set_flushing(bus_.get(), TRUE);
}

// --- on threads of the pipeline -------------------------------------------------------------

void Connection::tell(const char *name) {
    gst_bus_post(bus_.get(), gst_message_new_application(nullptr, gst_structure_new_empty(name)));
}

void Connection::on_notify(GObject *, GParamSpec *, gpointer self) {
    static_cast<Connection *>(self)->tell("changed");
}

void Connection::on_added(GstBin *, GstBin *, GstElement *element, gpointer self) {
    GstElementFactory *factory = gst_element_get_factory(element);
    const std::string_view name =
        factory ? gst_plugin_feature_get_name(GST_PLUGIN_FEATURE(factory)) : "";
    // Media are sent when they come; waiting for their time would only delay them.
    if (name == "clocksync") g_object_set(element, "sync", FALSE, nullptr);
    // A packet that no later one has overtaken may simply not be sent yet: of a publisher slower
    // than its timestamps nearly all would be taken for lost, and be too late when they come.
    if (name == "rtpjitterbuffer") g_object_set(element, "rtx-next-seqnum", FALSE, nullptr);
    if (name != "nicesrc") return;
    const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, "src"));
    gst_pad_add_probe(pad.get(),
                      GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST),
                      on_received, self, nullptr);
}

GstPadProbeReturn Connection::on_received(GstPad *, GstPadProbeInfo *, gpointer self) {
    static_cast<Connection *>(self)->received_ms_ = net::steady_ms();
    return GST_PAD_PROBE_OK;
}

void Connection::interrupt(const std::string &why) {
    {
        std::lock_guard lock(mutex_);
        if (interrupted_.empty()) interrupted_ = why;
    }
    if (bus_) tell("interrupted");
}

// --- on the owner's thread ------------------------------------------------------------------

/// False when the connection has ended.
bool Connection::handle(GstMessage *message, const char *wanted, bool &found) {
    switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR: {
        GError *error = nullptr;
        gst_message_parse_error(message, &error, nullptr);
        const std::unique_ptr<GError, decltype(&g_error_free)> owned(error, g_error_free);
        return fail(printable(error->message, 300));
    }
    case GST_MESSAGE_LATENCY:
        gst_bin_recalculate_latency(bin());
        return true;
    case GST_MESSAGE_APPLICATION:
        break;
    default:
        return true;
    }
    const GstStructure *said = gst_message_get_structure(message);
    if (!wanted || !gst_structure_has_name(said, wanted)) return true;
    found = true;
    if (const GValue *value = gst_structure_get_value(said, "error")) {
        const auto *error = static_cast<GError *>(g_value_get_boxed(value));
        return fail("webrtcbin: " + printable(error ? error->message : "unknown", 300));
    }
    if (const GValue *value = gst_structure_get_value(said, "offer")) {
        auto *description = static_cast<GstWebRTCSessionDescription *>(g_value_get_boxed(value));
        g_signal_emit_by_name(webrtc_.get(), "set-local-description", description,
                              promise_of(bus_.get(), "local"));
    }
    return true;
}

Connection::Wait Connection::wait(uint64_t deadline_ms, const char *wanted) {
    for (;;) {
        {
            std::lock_guard lock(mutex_);
            if (!interrupted_.empty()) {
                fail(interrupted_);
                return Wait::ended;
            }
        }
        const uint64_t now = net::steady_ms();
        const uint64_t left = now < deadline_ms ? deadline_ms - now : 0;
        const auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus_.get(), left * GST_MSECOND,
            GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_LATENCY | GST_MESSAGE_APPLICATION)));
        if (!message) return Wait::timeout;
        bool found = false;
        if (!handle(message.get(), wanted, found)) return Wait::ended;
        if (found) return Wait::message;
        if (left == 0) return Wait::timeout;
    }
}

std::optional<std::string> Connection::offer(uint64_t gather_ms) {
    if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE) {
        fail("webrtcbin does not start");
        return std::nullopt;
    }
    g_signal_emit_by_name(webrtc_.get(), "create-offer", nullptr, promise_of(bus_.get(), "offer"));
    for (const char *step : {"offer", "local"}) {
        const Wait result = wait(net::steady_ms() + sdp_ms, step);
        if (result == Wait::message) continue;
        if (result == Wait::timeout) fail("webrtcbin makes no offer");
        return std::nullopt;
    }
    const uint64_t deadline = net::steady_ms() + gather_ms;
    for (;;) {
        GstWebRTCICEGatheringState state = GST_WEBRTC_ICE_GATHERING_STATE_NEW;
        g_object_get(webrtc_.get(), "ice-gathering-state", &state, nullptr);
        if (state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE) break;
        const Wait result = wait(deadline, "changed");
        if (result == Wait::ended) return std::nullopt;
        if (result == Wait::timeout) break; // what was found until now has to do
    }
    GstWebRTCSessionDescription *local = nullptr;
    g_object_get(webrtc_.get(), "local-description", &local, nullptr);
    const DescriptionPtr owned(local);
    if (!local) {
        fail("webrtcbin has no offer");
        return std::nullopt;
    }
    const GOwned<> text(gst_sdp_message_as_text(local->sdp));
    offer_ = text.get();
    GST_DEBUG("offer:\n%s", offer_.c_str());
    return offer_;
}

bool Connection::accept(const std::string &answer, sdp::Offer &out) {
    GST_DEBUG("answer:\n%s", answer.c_str());
    sdp::Description description;
    sdp::Offer offered;
    Result result = sdp::parse(answer, description);
    if (result.is_ok()) result = sdp::read_offer(answer, out);
    if (result.is_error()) return fail("the server's answer is malformed: " + result.reason());
    if (sdp::read_offer(offer_, offered).is_error() || offered.media.size() != out.media.size())
        return fail("the server's answer is not for what was offered");
    // libnice would look up names, and those of browsers' hosts (.local) on the whole network.
    std::erase_if(description.attributes, has_name);
    for (sdp::Media &media : description.media)
        std::erase_if(media.attributes, has_name);
    const std::string text = sdp::write(description);
    GstSDPMessage *message = nullptr;
    if (gst_sdp_message_new_from_text(text.c_str(), &message) != GST_SDP_OK)
        return fail("the server's answer is malformed");
    const DescriptionPtr remote(
        gst_webrtc_session_description_new(GST_WEBRTC_SDP_TYPE_ANSWER, message));
    g_signal_emit_by_name(webrtc_.get(), "set-remote-description", remote.get(),
                          promise_of(bus_.get(), "remote"));
    const Wait set = wait(net::steady_ms() + sdp_ms, "remote");
    return set == Wait::message || (set == Wait::timeout && fail("webrtcbin takes no answer"));
}

bool Connection::connect(uint64_t timeout_ms) {
    const uint64_t deadline = net::steady_ms() + timeout_ms;
    for (;;) {
        switch (state_of(webrtc_.get())) {
        case GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED:
            received_ms_ = net::steady_ms();
            return true;
        case GST_WEBRTC_PEER_CONNECTION_STATE_FAILED:
        case GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED:
            return fail("no way for media was found: neither side reaches the other over UDP");
        default:
            break;
        }
        const Wait result = wait(deadline, "changed");
        if (result == Wait::ended) return false;
        if (result == Wait::timeout)
            return fail("no connection for media within " + net::time_text(timeout_ms) +
                        ": is the server's UDP port open?");
    }
}

void Connection::run(uint64_t silence_ms) {
    uint64_t disconnected = 0; // since when
    for (;;) {
        const uint64_t now = net::steady_ms();
        uint64_t deadline = now + 3'600'000;
        switch (state_of(webrtc_.get())) {
        case GST_WEBRTC_PEER_CONNECTION_STATE_FAILED:
            fail("the connection is lost");
            return;
        case GST_WEBRTC_PEER_CONNECTION_STATE_CLOSED:
            fail("the server has closed the connection");
            return;
        case GST_WEBRTC_PEER_CONNECTION_STATE_DISCONNECTED:
            if (disconnected == 0) disconnected = now;
            deadline = disconnected + disconnected_ms;
            break;
        default:
            disconnected = 0;
        }
        if (silence_ms > 0) deadline = std::min(deadline, received_ms_ + silence_ms);
        if (now >= deadline) {
            fail(disconnected != 0 ? "the server does not answer any more"
                                   : "nothing has come for " + net::time_text(silence_ms));
            return;
        }
        if (wait(deadline, "changed") == Wait::ended) return;
    }
}

} // namespace penstock::rtc
