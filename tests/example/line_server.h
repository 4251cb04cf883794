// SPDX-License-Identifier: LGPL-2.1-or-later
// A server for the smallest streaming protocol there is: lines of text over TCP. A client says
// "PUBLISH live/cam" or "PLAY live/cam", perhaps with ?key=…, and gets "OK" or "ERROR why". Then it
// sends lines, or receives those that another sends, and "END" behind the last of a stream.
#pragma once

#include "core/bytes/bytes.h"
#include "core/fanout/policy.h"
#include "core/gop/history.h"
#include "core/net/loop/address.h"
#include "core/net/stream/ending.h"
#include "core/net/stream/live_mount.h"
#include "core/net/stream/path_rules.h"
#include "core/net/stream/publish_slot.h"

#include <memory>
#include <string>

namespace penstock::example {

/// Receives a publisher's lines.
class LineReceiver : public net::PublishReceiver {
public:
    /// `line` ends with '\n'. Returns false if there is no room; reading continues after
    /// LineClaim::resume().
    virtual bool on_line(Bytes line) = 0;
};

/// The right to a path's publisher; ends when destroyed, and no call to the receiver is then
/// running.
class LineClaim {
public:
    virtual ~LineClaim() = default;
    virtual void resume() = 0;
};

/// The producer's side of a stream, which ends when this is destroyed.
class LineFeed {
public:
    virtual ~LineFeed() = default;
    virtual void push(Bytes line) = 0; ///< never blocks
    virtual net::ViewerTotals totals() const = 0;
};

struct LineFeedOptions {
    gop::Limits history;
    fanout::Policy policy;
    net::Ending ending;
    std::shared_ptr<net::PeerWatch> watch;
};

/// A listener. Any thread, except open(), which must not be called on a network loop.
class LineServer {
public:
    virtual ~LineServer() = default;
    /// The server of this address; nullptr and the reason if it can't be opened.
    static std::shared_ptr<LineServer> open(const net::Address &address, std::string *error);
    static std::vector<std::shared_ptr<LineServer>> all();

    virtual net::Address address() const = 0;
    virtual net::PathRules &rules() = 0;
    /// nullptr and the reason if another receiver, or another producer, has the path.
    virtual std::unique_ptr<LineClaim> claim(const std::string &path, LineReceiver &receiver,
                                             const net::ClaimOptions &options,
                                             std::string *error) = 0;
    virtual std::unique_ptr<LineFeed> feed(const std::string &path, const LineFeedOptions &options,
                                           std::string *error) = 0;
    /// Turns away the publisher that waits on `path` for a receiver.
    virtual void refuse(const std::string &path, const std::string &reason) = 0;
};

} // namespace penstock::example
