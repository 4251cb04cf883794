// SPDX-License-Identifier: LGPL-2.1-or-later
// An ICE-lite agent without a socket (RFC 8445, sections 2.5, 7.3 and 8.2; RFC 7675): answers the
// checks of a full agent and says where to send. It sends no checks itself and is always
// controlled.
#pragma once

#include "core/stun/credentials.h"
#include "core/stun/message.h"

#include <optional>
#include <vector>

namespace penstock::stun {

/// The way between two peers: a socket, local address or connection of the caller's, and the
/// remote address.
struct Path {
    uint64_t local = 0; ///< a number that the caller gives to its side
    TransportAddress remote;
    auto operator<=>(const Path &) const = default;
};

/// What a check has led to.
struct CheckResult {
    std::vector<uint8_t> reply; ///< to be sent back on the path of the check; empty: nothing
    bool is_valid = false;      ///< it came from the peer: it has the password
    bool moved = false;         ///< its path is the selected one now, and was not before
    bool restarted = false;     ///< the first check after a restart: the old credentials are void
    const char *complaint = ""; ///< why it is not valid, for the log
};

/// One component, since RTP and RTCP share one (rtcp-mux). Not thread-safe. Times are of a steady
/// clock, in ms.
class IceLite {
public:
    /// From the last check on; then the peer has gone (RFC 7675, section 5.1).
    static constexpr uint64_t consent_ms = 30'000;
    /// Without a check on the selected path; then any valid one moves it, nominated or not.
    static constexpr uint64_t silent_ms = 10'000;
    /// Paths with a valid check that are remembered; the one that was silent for longest is
    /// forgotten.
    static constexpr size_t max_paths = 8;

    /// `own` has to be valid; `remote` is what the offer says.
    IceLite(Credentials own, Credentials remote, Hmac hmac, uint64_t now_ms);

    /// Handles a message that `parse()` has read from the datagram. What is not a Binding request
    /// gets no reply. A check is valid if it has this agent's fragment and the right digest. The
    /// path of the first valid one is selected at once, because some peers nominate none; one with
    /// USE-CANDIDATE is from then on selected whenever it comes. Errors are answered with 400, 401,
    /// 420 or 487.
    CheckResult on_message(ByteView datagram, const Message &message, const Path &from,
                           uint64_t now_ms);

    /// Authentic media came from the selected path. Publishers that send no checks once they are
    /// connected stay alive by it. Not to be called for those that only receive: their consent is
    /// given by checks alone.
    void on_media(const Path &from, uint64_t now_ms);

    /// Where to send. Empty before the first valid check: nothing may be sent.
    const std::optional<Path> &selected() const { return selected_; }
    /// Whether the selected path was nominated by the peer.
    bool is_nominated() const { return is_nominated_; }
    /// Whether a valid check came from this path.
    bool is_known(const Path &path) const;

    /// When the peer is to be given up, unless it is heard before.
    uint64_t expires_ms() const { return heard_ms_ + consent_ms; }
    bool has_expired(uint64_t now_ms) const { return now_ms >= expires_ms(); }

    /// An ICE restart (RFC 8445, section 9). The old credentials are good until the first valid
    /// check with the new ones, and the selected path stays until then. A second restart in between
    /// replaces the first.
    void restart(Credentials own, Credentials remote);

    const Credentials &own() const { return own_; }
    /// What the peer's description says; to be compared when a restart is asked for.
    const Credentials &remote() const { return remote_; }
    /// The new credentials of a restart whose first check has not come.
    const std::optional<Credentials> &pending() const { return next_own_; }

private:
    struct KnownPath {
        Path path;
        uint64_t checked_ms = 0;
    };

    void remember(const Path &path, uint64_t now_ms);
    bool select(const Path &path, bool nominated, uint64_t now_ms);
    void finish_restart();

    Credentials own_, remote_;
    std::optional<Credentials> next_own_, next_remote_;
    const Hmac hmac_;
    std::vector<KnownPath> paths_;
    std::optional<Path> selected_;
    bool is_nominated_ = false;
    bool is_stale_ = false;    ///< selected before a restart: the next valid check replaces it
    uint64_t selected_ms_ = 0; ///< when the selected path was heard last
    uint64_t heard_ms_;        ///< when any path was
};

} // namespace penstock::stun
