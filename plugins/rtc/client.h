// SPDX-License-Identifier: LGPL-2.1-or-later
// A connection to a server of WHIP or WHEP that is made again and again. The owner brings what is
// before or behind webrtcbin.
#pragma once

#include "core/net/rtc/server.h"
#include "core/rtmp/backoff.h"
#include "rtc/connection.h"
#include "rtc/whip_client.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <thread>

namespace penstock::rtc {

struct ClientOptions {
    http::Url url;
    std::string token;
    net::TlsTrust trust;
    Connection::Options connection;
    rtmp::BackoffLimits backoff;
    uint64_t gather_ms = 3'000;   ///< that candidates are gathered for, at most
    uint64_t connect_ms = 15'000; ///< from the answer to the keys
    uint64_t silence_ms = 0;      ///< a server that sends nothing for so long is left; 0: never
};

/// A change of the connection.
struct ClientChange {
    enum State {
        connecting, ///< an attempt begins
        live,       ///< media can flow
        waiting,    ///< the connection has ended, or the attempt has failed: see `reason`
    };
    State state = connecting;
    std::string reason;    ///< waiting only
    bool refused = false;  ///< the server does not accept the token; waiting only
    uint64_t retry_ms = 0; ///< until the next attempt; waiting only
    unsigned attempt = 0;  ///< attempts since the last connection that lasted
};

/// Called on the client's thread.
class ClientEvents {
public:
    /// Whether an attempt makes sense; asked again after Client::wake().
    virtual bool is_ready() { return true; }
    /// Adds to a connection that is open what is around webrtcbin. False: `reason` says why.
    virtual bool build(Connection &connection, std::string &reason) = 0;
    /// Looks at the answer. False: `reason` says why it is of no use.
    virtual bool on_answer(const sdp::Offer &, std::string &) { return true; }
    virtual void on_live(Connection &connection) = 0;
    /// The connection of the attempt is gone, and none of its threads runs any more.
    virtual void on_gone() = 0;
    virtual void on_change(const ClientChange &change) = 0;

protected:
    ~ClientEvents() = default;
};

/// Connects from start() to stop(), which waits until no call to the events is running, and must
/// not be called by one.
class Client {
public:
    Client(ClientOptions options, ClientEvents &events);
    ~Client() { stop(); }

    /// On failure false, and sets `error`: no thread, no such file.
    bool start(std::string *error);
    void stop();
    /// Any thread: is_ready() may be true now.
    void wake();
    /// Any thread: ends the connection, and begins the next at once.
    void reconnect(const std::string &why);

    bool is_live() const { return live_; }
    uint64_t connections() const { return connections_; }

private:
    void run();
    bool wait_until_ready();
    void wait_for(uint64_t ms);
    Failure attempt(Connection &connection, WhipClient &whip);
    void change(ClientChange::State state, const Failure &failure = {}, uint64_t retry_ms = 0);

    const ClientOptions options_;
    ClientEvents &events_;
    std::shared_ptr<net::TlsClient> tls_;
    const GObjectPtr<GCancellable> cancel_{g_cancellable_new()};
    std::thread thread_;
    rtmp::Backoff backoff_;
    std::minstd_rand random_;
    uint64_t lived_ms_ = 0; ///< of the attempt at hand: how long it was live

    std::mutex mutex_; ///< guards what follows; held while connection_ is told something
    std::condition_variable changed_;
    Connection *connection_ = nullptr;
    bool stopping_ = false, woken_ = false, at_once_ = false;

    std::atomic<bool> live_ = false;
    std::atomic<uint64_t> connections_ = 0;
};

} // namespace penstock::rtc
