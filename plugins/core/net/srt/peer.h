// SPDX-License-Identifier: LGPL-2.1-or-later
// A caller on its loop, whatever it wants: its socket, its admission, its end.
#pragma once

#include "core/net/loop/log.h"
#include "core/net/srt/library.h"
#include "core/net/srt/state.h"
#include "core/net/stream/admission.h"
#include "core/net/stream/roster.h"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace penstock::net {

/// A connection whose handshake is done.
struct SrtCaller {
    SrtSocket socket;
    std::string endpoint; ///< "127.0.0.1:53412"
    srt::StreamId id;
    std::string passphrase; ///< that it has proven to know; empty: it is not encrypted
    std::unique_ptr<WaitingRoom::Seat> place; ///< among all connections
};

/// The reason for ending a connection whose passphrase is not its path's.
inline constexpr char srt_passphrase_text[] =
    "its path asks for another passphrase than its handshake did, or for none: connect again";

/// Everything runs on its loop but for the methods marked "any thread".
class SrtPeer : public std::enable_shared_from_this<SrtPeer>, public RosterMember {
public:
    /// The viewer or publisher that the caller is.
    static std::shared_ptr<SrtPeer> make(SrtCaller &&caller, size_t loop,
                                         std::shared_ptr<SrtState> state);
    ~SrtPeer() override;

    /// Any thread: begins, on its loop.
    void begin();
    /// Any thread: the socket is readable, or broken.
    void wake();
    void close(const std::string &reason) override; ///< any thread; not the peer's fault
    size_t loop() const override { return peer_loop_; }

protected:
    SrtPeer(SrtCaller &&caller, size_t loop, std::shared_ptr<SrtState> state, const char *kind);

    virtual void start() = 0;
    /// Reads what there is.
    virtual void on_ready() = 0;
    /// It has ended; told once.
    virtual void on_closed(const std::string &reason) = 0;

    /// Asks the listener's watchers and `path`; `admit` is called when all have allowed it, now or
    /// later.
    void ask(const Authority &path, std::function<void()> admit);
    /// The same for a path whose authority has changed.
    void ask_again(const Authority &path, std::function<void()> admit);
    /// Whether the connection is as encrypted as its path asks for by now: that may have changed
    /// since the handshake, or it may be another path.
    bool has_passphrase() const;
    void refuse(const std::string &reason);
    void leave(LogLevel level, const std::string &reason);
    void say(LogLevel level, const std::string &text) const;
    /// Each second: the figures of its network; warns once of a latency that is too short.
    void measure_network(bool sends);
    /// Whether the connection is over, or is being ended by the other side.
    bool is_broken() const;
    boost::asio::io_context &context() const { return state_->shared_loops()->at(peer_loop_); }
    template <class Kind>
    std::shared_ptr<Kind> self() {
        return std::static_pointer_cast<Kind>(shared_from_this());
    }

    const std::shared_ptr<SrtState> state_;
    const size_t peer_loop_;
    SrtSocket socket_;
    const srt::StreamId id_;
    const std::string passphrase_; ///< of the handshake
    PeerInfo peer_;
    const std::string name_; ///< "srt-publish-3 127.0.0.1:53412"
    Admission admission_;
    std::shared_ptr<SrtMount> mount_; ///< that it publishes or watches
    SrtNetwork network_;
    bool ended_ = false;
    bool entered_ = false;     ///< publishes or watches
    uint64_t deadline_ms_ = 0; ///< 0: none; not looked at while a question is open

private:
    Admission::Done answer(std::function<void()> admit);

    std::unique_ptr<WaitingRoom::Seat> place_;
    std::atomic<bool> is_woken_{false};
    bool has_warned_ = false;
};

} // namespace penstock::net
