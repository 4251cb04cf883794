// SPDX-License-Identifier: LGPL-2.1-or-later
// The publishing side of a mount: one publisher's connection, one receiver, and how a publisher
// that came first waits for a receiver. The same for every protocol.
#pragma once

#include "core/net/stream/mount.h"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace penstock::net {

/// The receiver of a publisher's stream: a server source. Called on a network loop, one call at a
/// time; must not block. The form of media depends on the protocol, whose receivers derive from
/// this.
class PublishReceiver {
public:
    virtual ~PublishReceiver() = default;
    /// `peer`: the name of the publisher's connection.
    virtual void on_published(const std::string &peer) = 0;
    virtual void on_unpublished(const std::string &reason) = 0;
};

/// A receiver's requirements on its publishers.
struct ClaimOptions {
    std::string key{}; ///< not empty: required as `?key=…`; compared in constant time
    /// Nanoseconds. A publisher that sends no media for this long is closed; checked once a second.
    /// Time in which it is not read from does not count. 0: never.
    uint64_t silence_timeout = 30'000'000'000;
    std::shared_ptr<PeerWatch> watch{}; ///< asked about each publisher; may be nullptr
};

/// A connection that publishes, or waits to. Any thread.
class Publisher {
public:
    virtual ~Publisher() = default;
    /// "rtmp-publish-3 127.0.0.1:53412"
    virtual const std::string &name() const = 0;
    virtual bool has_key(std::string_view key) const = 0;
    virtual void accept_publish() = 0;                          ///< a receiver takes the stream
    virtual void ask_receiver() = 0;                            ///< one will, if its watcher agrees
    virtual void refuse_publish(const std::string &reason) = 0; ///< none will
    virtual void resume() = 0;                                  ///< the receiver has room again
    virtual void close(const std::string &reason) = 0;
};

/// Any thread. Calls to the receiver never overlap, and none is running when release() returns.
class PublishSlot {
public:
    /// `mount` owns the slot; it is told of publishers that come and go.
    explicit PublishSlot(const Mount &mount) : mount_(mount) {}

    enum class Verdict {
        accepted,        ///< the receiver has been told of it
        ask,             ///< authority() has to allow it before announce()
        waits_for_claim, ///< it keeps the name until claim() or refuse()
        busy,            ///< another publisher has the name
        wrong_key,       ///< the receiver demands another key
    };
    /// A publisher comes, which was admitted in the epoch `admitted` of authority().
    Verdict publish(const std::shared_ptr<Publisher> &publisher, uint64_t admitted);
    /// Tells the receiver of the publisher that waits. False if one of them has gone.
    bool announce(const Publisher *publisher);
    /// The publisher has gone, or was never accepted. Tells the receiver.
    void unpublish(const Publisher *publisher, const std::string &reason);
    /// Calls `use` with the receiver, and returns what it returns; true if the receiver knows
    /// nothing of this publisher: its own has just ended.
    template <class Use>
    bool deliver(const Publisher &publisher, Use use) {
        std::lock_guard call(call_mutex_);
        {
            std::lock_guard lock(mutex_);
            if (publisher_.get() != &publisher || !announced_) return true;
        }
        return !receiver_ || use(*receiver_);
    }
    /// True while this publisher has the name.
    bool has(const Publisher *publisher) const;
    /// True if the receiver also knows of it.
    bool is_announced(const Publisher *publisher) const;

    /// False if another receiver has the path. A publisher that waits without the key is closed.
    bool claim(PublishReceiver &receiver, const ClaimOptions &options);
    /// The receiver ends; a publisher that it had is closed.
    void release();
    bool is_claimed() const;
    /// Turns away the publisher that waits for a receiver.
    void refuse(const std::string &reason);
    /// Lets the publisher send again, after its receiver was full.
    void resume();

    /// The key that the receiver asks for; empty if none.
    std::string key() const;
    /// How long the receiver lets a publisher send no media; ns, 0: for ever.
    uint64_t silence_timeout() const { return silence_timeout_; }
    /// The one who decides about publishers.
    Authority authority() const;
    /// True if there is a publisher or a receiver.
    bool in_use() const;
    /// Fills in `publishing`, `pending`, `claimed` and `publisher`.
    void describe(MountInfo &info) const;

private:
    const Mount &mount_;
    mutable std::mutex mutex_; ///< guards what follows
    /// Held while the receiver is called, so that release() can wait for the call's end. Order:
    /// call_mutex_ before mutex_.
    mutable std::mutex call_mutex_;
    std::shared_ptr<Publisher> publisher_;
    PublishReceiver *receiver_ = nullptr;
    std::string key_;
    std::atomic<uint64_t> silence_timeout_{0};
    Authority authority_;
    bool announced_ = false; ///< the receiver knows of the publisher
};

} // namespace penstock::net
