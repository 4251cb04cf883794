// SPDX-License-Identifier: LGPL-2.1-or-later
// Applies the policies of a description to the peers of one listener.
#pragma once

#include "authorize/authorizer.h"
#include "authorize/notifier.h"
#include "core/net/stream/peer.h"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::authorize {

/// Thread-safe, because it is immutable.
class Gate final : public net::PeerWatch {
public:
    struct Part {
        std::shared_ptr<Authorizer> authorizer; ///< nullptr: the description's
        std::shared_ptr<Notifier> notifier;     ///< nullptr: the description's
    };
    /// A `publish` or `play` rule with its own policy.
    struct Rule {
        bool publish = false;
        std::function<bool(std::string_view path)> matches;
        Part part;
    };
    Gate(std::vector<Rule> rules, Part description, std::vector<std::string> suffixes);

    bool authorize(const net::PeerInfo &peer, net::Answer answer) override;
    void connected(const net::PeerInfo &peer) override;
    void disconnected(const net::PeerInfo &peer, const std::string &reason) override;

private:
    Part part_for(const net::PeerInfo &peer) const;
    Request request_of(const net::PeerInfo &peer) const;

    const std::vector<Rule> rules_;
    const Part description_;
    const std::vector<std::string> suffixes_;
};

} // namespace penstock::authorize
