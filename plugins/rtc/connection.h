// SPDX-License-Identifier: LGPL-2.1-or-later
// One attempt to connect to a WebRTC peer: a webrtcbin in a pipeline of its own, which nobody but
// its owner's thread controls.
#pragma once

#include "core/net/rtc/server.h"
#include "core/sdp/offer.h"
#include "gst/ptr.h"
#include "rtc/http_call.h"

#include <gst/gst.h>

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::rtc {

/// Used by one thread; functions of it that wait return at once after interrupt(). The destructor
/// takes the pipeline apart, and returns when none of its threads runs any more.
class Connection {
public:
    struct Options {
        std::vector<net::IceServer> ice_servers;
        bool relay_only = false;
        bool has_loopback = false; ///< the server is on this machine, perhaps on loopback only
        uint64_t latency_ms = 200; ///< of what comes in
    };

    Connection() = default;
    ~Connection();
    Connection(const Connection &) = delete;
    Connection &operator=(const Connection &) = delete;

    /// Makes pipeline and webrtcbin. False if an element is missing: see reason().
    bool open(const Options &options);
    GstElement *pipeline() const { return pipeline_.get(); }
    GstElement *webrtc() const { return webrtc_.get(); }
    GstBin *bin() const { return GST_BIN(pipeline_.get()); }

    /// Starts the pipeline and makes an offer with the candidates that are found in `gather_ms`.
    std::optional<std::string> offer(uint64_t gather_ms);
    /// Takes the answer to it. Names in candidates are not looked up. `out` is what it says.
    bool accept(const std::string &answer, sdp::Offer &out);
    /// Waits for the keys of SRTP.
    bool connect(uint64_t timeout_ms);
    /// Waits until the connection ends: reason() says why. `silence_ms`: it ends when nothing has
    /// come for so long; 0: no limit.
    void run(uint64_t silence_ms);

    /// Any thread: ends what waits, for a reason that is for people.
    void interrupt(const std::string &why);
    const std::string &reason() const { return reason_; }

private:
    enum class Wait { message, timeout, ended };
    bool fail(std::string reason);
    /// Handles messages until `wanted`, or any, has come.
    Wait wait(uint64_t deadline_ms, const char *wanted);
    bool handle(GstMessage *message, const char *wanted, bool &found);
    bool is_relay_usable(const Options &options);
    void set_servers(const Options &options);
    void set_agent(const Options &options);
    void tell(const char *name);

    static void on_notify(GObject *object, GParamSpec *spec, gpointer self);
    static void on_added(GstBin *bin, GstBin *sub, GstElement *element, gpointer self);
    static GstPadProbeReturn on_received(GstPad *pad, GstPadProbeInfo *info, gpointer self);

    GstPtr<GstElement> pipeline_, webrtc_;
    GstPtr<GstBus> bus_;
    std::vector<gulong> signals_; ///< of webrtc_
    std::string reason_;
    std::string offer_;
    std::atomic<uint64_t> received_ms_ = 0; ///< when something has come last

    std::mutex mutex_; ///< guards interrupted_
    std::string interrupted_;
};

} // namespace penstock::rtc
