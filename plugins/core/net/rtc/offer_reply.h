// SPDX-License-Identifier: LGPL-2.1-or-later
// The answer to an offer while its session is made: it is sent once, and a session whose client
// has left before it is given up.
#pragma once

#include "core/net/http/response.h"
#include "core/net/rtc/peers.h"
#include "core/net/stream/waiting_room.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace penstock::net {

/// Of the 503 when the peers are gone, or drop a question.
inline constexpr const char *rtc_closing_text = "The WebRTC server is closing; try again.";
inline constexpr unsigned rtc_closing_retry = 5; ///< seconds

/// Thread-safe. Neither `reply` nor anything of the peers is called with mutex_ held.
class OfferReply {
public:
    /// `path` is that of the endpoint, without leading slash; `seat` is the client's among those
    /// that wait, released when the peers are done with its offer.
    OfferReply(std::weak_ptr<RtcPeers> peers, std::string path, HttpReply reply,
               std::unique_ptr<WaitingRoom::Seat> seat)
        : peers_(std::move(peers)), path_(std::move(path)), reply_(std::move(reply)),
          seat_(std::move(seat)) {}

    /// For RtcPeers::create() of this offer. If all copies of it are destroyed without a call, the
    /// answer is a 503.
    static RtcPeers::Created done(const std::shared_ptr<OfferReply> &offer);
    /// Takes what gives up the session that is being made.
    void on_give_up(std::function<void()> give_up);
    /// The client has left before it had the answer.
    void leave();

private:
    void answer(RtcCreated created);
    HttpResponse response(RtcCreated created, const RtcPeers *peers) const;

    const std::weak_ptr<RtcPeers> peers_;
    const std::string path_;
    std::mutex mutex_; ///< guards the following
    HttpReply reply_;
    std::unique_ptr<WaitingRoom::Seat> seat_;
    std::function<void()> give_up_;
    std::string id_; ///< of the session that was made
    bool is_answered_ = false, has_left_ = false;
};

} // namespace penstock::net
