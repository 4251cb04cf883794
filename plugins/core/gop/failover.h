// SPDX-License-Identifier: LGPL-2.1-or-later
// Which of several inputs of one stream is on air: the best that sends. The decision alone, with
// the time given from outside; media stay with the caller.
#pragma once

#include "core/gop/history.h"
#include "core/gop/tracks.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace penstock::gop {

/// How long `then` has been past at `now`; 0 if it has yet to come. Threads read their clock before
/// they wait for a lock, so that the times of two inputs may come in the wrong order.
inline uint64_t elapsed(uint64_t then, uint64_t now) {
    return now > then ? now - then : 0;
}

/// Changes are made on keyframes only: at one that arrives, or at the beginning of the GOP that was
/// held back, in the place of an input that has failed. Of a GOP that began before the last media
/// on air the beginning must not be shown again: it is folded, if its caller can do that. Times are
/// ns on any steady clock that never goes back. Not thread-safe.
class Failover {
public:
    struct Settings {
        /// An input that sends no media for this long has failed. One that has video fails if that
        /// is missing, whatever its audio does.
        uint64_t timeout = 2'000'000'000;
        /// For how long a better input has to send media until it takes over from one that has not
        /// failed; 0: until its next keyframe.
        uint64_t return_after = 0;
    };
    /// The treatment of a unit of media.
    enum class Action {
        pass,         ///< it is on air
        hold,         ///< it is not: keep it, from each keyframe on
        begin,        ///< its input is on air from this unit on
        begin_held,   ///< the same, with what was held back of it first
        begin_folded, ///< the same, but that is folded into the last milliseconds before this unit
    };
    struct Media {
        bool key = false;   ///< a decoder can start here; of audio beside video: ignored
        bool audio = false; ///< of a stream that may also have video
    };

    void set_settings(const Settings &settings) { settings_ = settings; }

    /// An input comes; inputs have small numbers of the caller's choice. A lower rank is better;
    /// among equals the one on air stays. Before anything was on air, the worse ones wait for the
    /// better ones, up to the timeout.
    void join(size_t input, unsigned rank, uint64_t now);
    /// An input goes. Its successor begins with its own next media.
    void leave(size_t input);
    /// An input whose tracks are not those of the stream does not fit: players can't follow. It
    /// goes on air only in place of a worse one, or if none that fits has joined. To be told after
    /// join(), and whenever they change; those of the input on air are those of the stream.
    void set_tracks(size_t input, const Tracks &tracks);
    bool is_fit(size_t input) const { return input < inputs_.size() && inputs_[input].fit; }
    /// To be asked at each keyframe that is held back: whether it is time to say that the input
    /// does not fit. Once since it joined, and not while its tracks may only have begun.
    bool warns_of_misfit(size_t input);
    /// Of what is or was last on air.
    const Tracks &stream_tracks() const { return stream_; }
    /// The stream has ended: the next one may have any tracks.
    void forget_stream();
    /// Whether the GOP that is held back of an input can be folded; false when it joins.
    void set_folding(size_t input, bool folds) { at(input).folds = folds; }
    /// While it is set no input begins.
    void set_blocked(bool blocked) { is_blocked_ = blocked; }
    /// The input has reported that it sends nothing for now.
    void mark_failed(size_t input) { at(input).last.reset(); }
    /// While it is busy (the reader of what it sends makes it wait) it does not fail.
    void set_busy(size_t input, bool busy, uint64_t now);
    /// The GOP that was held back of an input is lost.
    void forget_held(size_t input) { at(input).held_since.reset(); }

    /// Media of an input; of one that has not joined they are held back.
    Action media(size_t input, const Media &media, uint64_t now);
    /// Whether a keyframe of this input would bring it on air.
    bool wants_key(size_t input, uint64_t now) const;

    /// The input on air; nullopt if there is none, or the last one has left and no other begun.
    std::optional<size_t> active() const { return active_; }
    bool has_inputs() const;
    unsigned switches() const { return switches_; }

private:
    struct Input {
        bool joined = false, has_video = false, busy = false, fit = true, folds = false;
        unsigned rank = 0;
        Tracks tracks;
        unsigned misfit_keys = 0;             ///< keyframes for which it did not fit
        uint64_t came = 0;                    ///< when it joined
        std::optional<uint64_t> first;        ///< when its first media came
        std::optional<uint64_t> last;         ///< … its last that counts
        std::optional<uint64_t> steady_since; ///< … the first after which none was missing
        std::optional<uint64_t> held_since;   ///< … the keyframe of what is held back
    };
    /// Grows to hold it.
    Input &at(size_t input);
    bool has_failed(const Input &input, uint64_t now) const;
    bool is_alone(size_t input) const;
    bool has_fit() const;
    bool may_begin(size_t input, uint64_t now) const;
    bool is_held_new(const Input &input) const;
    void begin(size_t input, uint64_t now);
    void refit();

    Settings settings_;
    std::vector<Input> inputs_;
    std::optional<size_t> active_;
    std::optional<uint64_t> on_air_; ///< when the last media on air came
    unsigned switches_ = 0;
    bool is_blocked_ = false;
    Tracks stream_;
    bool has_stream_ = false; ///< something has been on air, and stream_ is what it had
};

/// The running GOP of an input that is not on air, within limits.
template <class Item>
class HeldGop {
public:
    HeldGop() = default;
    explicit HeldGop(const Limits &limits) : limits_(limits) {}

    /// Returns false if nothing is held any more: the GOP exceeds the limits.
    bool push(Item item, size_t bytes, bool key, uint64_t now) {
        if (key) clear();
        if (!key && items_.empty()) return true;
        if (items_.empty()) since_ = now;
        items_.push_back(std::move(item));
        bytes_ += bytes;
        if (bytes_ <= limits_.bytes && items_.size() <= limits_.items &&
            elapsed(since_, now) <= limits_.duration)
            return true;
        clear();
        return false;
    }
    /// Empties it.
    std::vector<Item> take() {
        bytes_ = 0;
        return std::exchange(items_, {});
    }
    void clear() { take(); }
    size_t bytes() const { return bytes_; }

private:
    Limits limits_;
    std::vector<Item> items_;
    size_t bytes_ = 0;
    uint64_t since_ = 0;
};

} // namespace penstock::gop
