// SPDX-License-Identifier: LGPL-2.1-or-later
// The publishing side of a mount: its publishers' connections (one, or one and its backup), one
// receiver, and how publishers that came first wait for a receiver. The same for every protocol.
#pragma once

#include "core/net/stream/mount.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

namespace penstock::net {

class Publisher;

/// The receiver of a publisher's stream: a server source. Called on a network loop, one call at a
/// time; must not block. The form of media depends on the protocol, whose receivers derive from
/// this.
class PublishReceiver {
public:
    virtual ~PublishReceiver() = default;
    /// With Republish::takeover a publisher may follow another one without on_unpublished() in
    /// between. `publisher` is valid during the call.
    virtual void on_published(const Publisher &publisher) = 0;
    virtual void on_unpublished(const std::string &reason) = 0;
    /// Takes a second publisher of the name while this one has the first; it must live as long as
    /// this one. nullptr: Republish::backup is Republish::reject.
    virtual PublishReceiver *second() { return nullptr; }
    /// Whether of two publishers that of second() is on air. Any thread; must not block.
    virtual bool is_second_on_air() const { return false; }
};

/// The fate of a publisher whose name another one has.
enum class Republish {
    reject,   ///< it is refused
    takeover, ///< it gets the name, and the other one is ended
    backup,   ///< both publish; the receiver decides between them. A third one is refused
};

/// A receiver's requirements on its publishers.
struct ClaimOptions {
    std::string key{}; ///< not empty: required as `?key=…`; compared in constant time
    /// Nanoseconds. A publisher that sends no media for this long is closed; checked once a second.
    /// Time in which it is not read from does not count. 0: never.
    uint64_t silence_timeout = 30'000'000'000;
    Republish republish = Republish::reject;
    /// Nanoseconds. Where the protocol can ask a publisher for keyframes, it is asked for one when
    /// none has come for this long. 0: never.
    uint64_t keyframe_interval = 2'000'000'000;
    std::shared_ptr<PeerWatch> watch{}; ///< asked about each publisher; may be nullptr
};

/// A connection that publishes, or waits to. Any thread.
class Publisher {
public:
    virtual ~Publisher() = default;
    /// "rtmp-publish-3 127.0.0.1:53412"
    virtual const std::string &name() const = 0;
    virtual bool has_key(std::string_view key) const = 0;
    /// Whether it has said that it is a backup (`?backup=1`).
    virtual bool is_backup() const { return false; }
    /// Whether it was asked to connect again. Its next connection may come before this one's end is
    /// noticed, and has the name then.
    virtual bool is_leaving() const { return false; }
    virtual void accept_publish() = 0;                          ///< a receiver takes the stream
    virtual void ask_receiver() = 0;                            ///< one will, if its watcher agrees
    virtual void refuse_publish(const std::string &reason) = 0; ///< none will
    virtual void resume() = 0;                                  ///< the receiver has room again
    /// Somebody needs a keyframe. False if the protocol has no way to ask for one.
    virtual bool want_keyframe() { return false; }
    virtual void close(const std::string &reason) = 0;
    /// Another publisher has the name, or has taken it over.
    virtual void give_way(const std::string &reason) { close(reason); }
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
        busy,            ///< another publisher has the name, or two have it
        wrong_key,       ///< the receiver demands another key
    };
    /// A publisher comes, which was admitted in the epoch `admitted` of authority().
    Verdict publish(const std::shared_ptr<Publisher> &publisher, uint64_t admitted);
    /// Tells the receiver of a publisher that waits. False if one of them has gone.
    bool announce(const Publisher *publisher);
    /// The publisher has gone, or was never accepted. Tells the receiver.
    void unpublish(const Publisher *publisher, const std::string &reason);
    /// Calls `use` with the receiver, and returns what it returns; true if the receiver knows
    /// nothing of this publisher: its own has just ended.
    template <class Use>
    bool deliver(const Publisher &publisher, Use use) {
        std::lock_guard call(call_mutex_);
        PublishReceiver *receiver = nullptr;
        {
            std::lock_guard lock(mutex_);
            const Seat *seat = seat_of(&publisher);
            if (seat && seat->announced) receiver = receiver_of(*seat);
        }
        return !receiver || use(*receiver);
    }
    /// True while this publisher has the name, alone or beside another one.
    bool has(const Publisher *publisher) const;
    /// True if a receiver also knows of it.
    bool is_announced(const Publisher *publisher) const;

    /// False if another receiver has the path. A publisher that waits without the key is closed.
    /// Of two that wait, `options.republish` says what becomes of the second.
    bool claim(PublishReceiver &receiver, const ClaimOptions &options);
    /// The receiver ends; publishers that it had are closed.
    void release();
    bool is_claimed() const;
    /// Whether publish() would say `busy` to a publisher that comes now.
    bool is_taken() const;
    /// Turns away the publishers that wait for a receiver.
    void refuse(const std::string &reason);
    /// The same, because the name belongs to a publisher elsewhere.
    void refuse_busy();
    /// Lets publishers send again, after their receiver was full.
    void resume();
    /// Asks publishers for a keyframe. False if none can be asked.
    bool want_keyframe();

    /// The key that the receiver asks for; empty if none.
    std::string key() const;
    /// How long the receiver lets a publisher send no media; ns, 0: for ever.
    uint64_t silence_timeout() const { return silence_timeout_; }
    /// Of ClaimOptions; ns, 0: no keyframes are asked for.
    uint64_t keyframe_interval() const { return keyframe_interval_; }
    /// The one who decides about publishers.
    Authority authority() const;
    /// True if there is a publisher or a receiver.
    bool in_use() const;
    /// Fills in `publishing`, `pending`, `claimed`, `publisher`, `standby` and `vacant_since`.
    void describe(MountInfo &info) const;

private:
    /// A publisher, and whether its receiver knows of it. The first seat has the receiver, the
    /// second one its second().
    struct Seat {
        std::shared_ptr<Publisher> publisher;
        bool announced = false;
    };
    std::array<std::shared_ptr<Publisher>, 2> publishers() const;
    /// Takes those from their seats that wait for a receiver.
    std::array<std::shared_ptr<Publisher>, 2> take_waiting();
    // With mutex_ held.
    Seat *seat_of(const Publisher *publisher);
    const Seat *seat_of(const Publisher *publisher) const;
    Seat *free_seat();
    /// The seat of a publisher that was asked to connect again; nullptr if none was.
    Seat *leaving_seat();
    PublishReceiver *receiver_of(const Seat &seat) const;
    /// The seat becomes announced; in a takeover it is the first one then, and the publisher that
    /// was there is returned.
    std::shared_ptr<Publisher> announce_locked(Seat *&seat);
    // With call_mutex_ held, mutex_ not.
    void tell_published(PublishReceiver *receiver, const Publisher &publisher);

    const Mount &mount_;
    mutable std::mutex mutex_; ///< guards what follows
    /// Held while the receiver is called, so that release() can wait for the call's end. Order:
    /// call_mutex_ before mutex_.
    mutable std::mutex call_mutex_;
    std::array<Seat, 2> seats_;
    PublishReceiver *receiver_ = nullptr;
    std::string key_;
    std::atomic<uint64_t> silence_timeout_{0}, keyframe_interval_{0};
    Authority authority_;
    Republish republish_ = Republish::reject; ///< the receiver's
    uint64_t vacant_ms_ = 0; ///< steady_ms() when it was claimed, or its last publisher went
};

} // namespace penstock::net
