// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtc/whip_client.h"

#include "core/bytes/printable.h"
#include "core/net/rtc/ice_links.h"
#include "core/sdp/description.h"

#include <charconv>
#include <utility>

namespace penstock::rtc {
namespace {

constexpr uint64_t options_ms = 3'000, offer_ms = 10'000, leave_ms = 2'000;
constexpr int max_redirects = 5;
constexpr uint64_t max_retry_ms = 600'000;

std::string words_of(unsigned status, bool has_token) {
    switch (status) {
    case 400:
        return "the server does not understand the offer";
    case 401:
        return has_token ? "the server refuses the token" : "the server wants a token";
    case 403:
        return has_token ? "the token does not allow this" : "the server does not allow this";
    case 404:
        return "the server knows no such stream";
    case 405:
    case 415:
        return "this is no address of WHIP or WHEP";
    case 406:
        return "the server can't use what is offered: its codecs are others";
    case 409:
        return "the server has another publisher for this stream, or no stream yet";
    case 429:
        return "the server asks for fewer requests";
    case 503:
        return "the server has no room, or no stream";
    default:
        return "the server's answer is no success";
    }
}

/// The first line of a text for people.
std::string said(const HttpReply &reply) {
    if (!reply.content_type.starts_with("text/plain")) return {};
    const std::string line = reply.body.substr(0, reply.body.find_first_of("\r\n"));
    return line.empty() ? "" : ": " + printable(line, 200);
}

/// Seconds; the form of a date is not read.
uint64_t retry_ms_of(const std::string &text) {
    uint64_t seconds = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (failed != std::errc() || end != text.data() + text.size()) return 0;
    return std::min(seconds, max_retry_ms / 1000) * 1000;
}

} // namespace

Failure failure_of(const HttpReply &reply, bool has_token) {
    return {words_of(reply.status, has_token) + " (HTTP " + std::to_string(reply.status) +
                said(reply) + ")",
            reply.status == 401 || reply.status == 403,
            reply.status == 503 || reply.status == 429 ? retry_ms_of(reply.retry_after) : 0};
}

WhipClient::WhipClient(http::Url endpoint, std::string token, std::shared_ptr<net::TlsClient> tls,
                       GCancellable *cancel)
    : endpoint_(std::move(endpoint)), token_(std::move(token)), tls_(std::move(tls)),
      cancel_(cancel) {
}

/// Follows redirects by 307 and 308, which keep the method. A server may send its clients
/// elsewhere, but never from https to http, nor from the world into a private network.
std::optional<HttpReply> WhipClient::follow(HttpCall call, uint64_t timeout_ms, http::Url &at,
                                            Failure &failure) {
    for (int redirects = 0;; ++redirects) {
        std::string error;
        auto reply = make_call(call, tls_.get(), timeout_ms, cancel_, &error);
        if (!reply) {
            failure = {error};
            return std::nullopt;
        }
        at = call.url;
        call.nearest = reply->reach;
        if (reply->status != 307 && reply->status != 308) return reply;
        const auto next = http::resolve_url(call.url, reply->location);
        if (!next || (call.url.is_secure && !next->is_secure) || (next->is_secure && !tls_) ||
            redirects == max_redirects) {
            failure = {
                redirects == max_redirects
                    ? "the server redirects without end"
                    : "the server redirects to an address that is not gone to: '" +
                          printable(reply->location.substr(0, reply->location.find('?')), 200) +
                          "'"};
            return std::nullopt;
        }
        call.url = *next;
    }
}

std::vector<net::IceServer> WhipClient::ask_ice_servers() {
    std::vector<net::IceServer> out;
    Failure ignored;
    http::Url at;
    HttpCall call{.url = endpoint_, .method = "OPTIONS", .token = token_};
    const auto reply = follow(std::move(call), options_ms, at, ignored);
    if (reply) reach_ = reply->reach;
    if (!reply || reply->status / 100 != 2) return out;
    for (const std::string &link : reply->links)
        net::read_ice_links(link, out);
    return out;
}

std::optional<std::string> WhipClient::offer(const std::string &sdp, Failure &failure) {
    http::Url at;
    HttpCall call{.url = endpoint_,
                  .method = "POST",
                  .token = token_,
                  .content_type = "application/sdp",
                  .body = sdp};
    auto reply = follow(std::move(call), offer_ms, at, failure);
    if (!reply) return std::nullopt;
    if (reply->status != 201 && reply->status != 200) {
        failure = failure_of(*reply, !token_.empty());
        return std::nullopt;
    }
    // Without a place for the session it can't be ended, but media can flow.
    session_ = http::resolve_url(at, reply->location);
    if (session_ && ((at.is_secure && !session_->is_secure) || (session_->is_secure && !tls_)))
        session_.reset();
    reach_ = reply->reach;
    if (reply->body.size() > sdp::max_size || !reply->body.starts_with("v=0")) {
        failure = {"the server's answer is no session description"};
        return std::nullopt;
    }
    return std::move(reply->body);
}

void WhipClient::leave() {
    const auto session = std::exchange(session_, std::nullopt);
    if (!session) return;
    // The attempt may have been cancelled; this call has its own end.
    const GObjectPtr<GCancellable> own(g_cancellable_new());
    std::string error;
    HttpCall call{.url = *session, .method = "DELETE", .token = token_, .nearest = reach_};
    make_call(call, tls_.get(), leave_ms, own.get(), &error);
}

} // namespace penstock::rtc
