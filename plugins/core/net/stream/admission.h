// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks those who may decide about a peer, one after the other.
#pragma once

#include "core/net/stream/peer.h"

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <vector>

namespace penstock::net {

inline constexpr unsigned authorize_ms = 5'000; ///< from a question to its answer

/// `done` is called once, on the executor's thread, which is the caller's: before this returns if
/// nobody needs time. `watches` may hold nullptr. The first who refuses has decided.
void ask_watches(const boost::asio::any_io_executor &executor,
                 std::vector<std::shared_ptr<PeerWatch>> watches, PeerInfo peer,
                 std::function<void(bool allowed, const std::string &reason)> done);

} // namespace penstock::net
