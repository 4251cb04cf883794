// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/offer_reply.h"

#include <utility>

namespace penstock::net {
namespace {

RtcCreated closing() {
    RtcCreated out;
    out.status = 503;
    out.text = rtc_closing_text;
    out.retry_after = rtc_closing_retry;
    return out;
}

} // namespace

RtcPeers::Created OfferReply::done(const std::shared_ptr<OfferReply> &offer) {
    class Last {
    public:
        explicit Last(std::shared_ptr<OfferReply> offer) : offer_(std::move(offer)) {}
        ~Last() { offer_->answer(closing()); }
        Last(const Last &) = delete;
        Last &operator=(const Last &) = delete;

    private:
        const std::shared_ptr<OfferReply> offer_;
    };
    return [offer, last = std::make_shared<const Last>(offer)](RtcCreated created) {
        offer->answer(std::move(created));
    };
}

void OfferReply::on_give_up(std::function<void()> give_up) {
    std::lock_guard lock(mutex_);
    if (!is_answered_) give_up_ = std::move(give_up);
}

void OfferReply::leave() {
    std::function<void()> give_up;
    HttpReply reply; // destroyed without mutex_
    std::string id;
    {
        std::lock_guard lock(mutex_);
        has_left_ = true;
        give_up = std::exchange(give_up_, nullptr);
        reply = std::exchange(reply_, nullptr);
        id = std::exchange(id_, {});
    }
    if (give_up) give_up();
    // The session was made, but its client does not know it.
    const auto peers = peers_.lock();
    if (!id.empty() && peers) peers->remove(path_, id);
}

void OfferReply::answer(RtcCreated created) {
    HttpReply reply;
    std::function<void()> give_up;
    std::unique_ptr<WaitingRoom::Seat> seat;
    bool has_left = false;
    {
        std::lock_guard lock(mutex_);
        if (std::exchange(is_answered_, true)) return;
        has_left = has_left_;
        reply = std::exchange(reply_, nullptr);
        give_up = std::exchange(give_up_, nullptr);
        seat = std::move(seat_);
        if (created.status == 201) id_ = created.id;
    }
    const auto peers = peers_.lock();
    if (!has_left) return reply(response(std::move(created), peers.get()));
    if (created.status == 201 && peers) peers->remove(path_, created.id);
}

HttpResponse OfferReply::response(RtcCreated created, const RtcPeers *peers) const {
    if (created.status != 201) {
        HttpResponse refusal = http_error(created.status, created.text);
        if (created.retry_after > 0)
            refusal.headers.emplace_back("Retry-After", std::to_string(created.retry_after));
        if (created.status == 401) refusal.headers.emplace_back("WWW-Authenticate", "Bearer");
        return refusal;
    }
    HttpResponse answer;
    answer.status = 201;
    answer.content_type = "application/sdp";
    answer.cache_control = "no-store";
    answer.body = Bytes::copy_of(created.text);
    // Some clients resolve no other form of relative URLs; OBS is one.
    answer.headers = {{"Location", "/" + path_ + "/" + created.id},
                      {"ETag", std::move(created.etag)},
                      {"Accept-Patch", "application/trickle-ice-sdpfrag"}};
    if (peers)
        for (std::string &link : peers->links())
            answer.headers.emplace_back("Link", std::move(link));
    return answer;
}

} // namespace penstock::net
