// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/rtc/endpoint.h"

#include "core/bytes/printable.h"
#include "core/net/http/not_found.h"
#include "core/net/rtc/bearer.h"
#include "core/net/rtc/offer_reply.h"
#include "core/net/rtc/rooms.h"
#include "core/net/stream/refusal_log.h"
#include "core/sdp/text.h"

#include <atomic>
#include <optional>
#include <string_view>

namespace penstock::net {
namespace {

constexpr std::string_view sdp_type = "application/sdp";
constexpr std::string_view fragment_type = "application/trickle-ice-sdpfrag";
constexpr size_t max_etag = 256; ///< bytes; a longer one is none of ours

/// What the requests of one server have in common. Thread-safe.
struct Service {
    std::weak_ptr<HttpServer> server;
    std::weak_ptr<RtcPeers> peers;
    const std::shared_ptr<WaitingRoom> room =
        std::make_shared<WaitingRoom>(RtcEndpoint::max_pending, RtcEndpoint::max_pending_per_host);
    RefusalLog refusals{"rtc"};
};

/// Whether a Content-Type, or another header with parameters, has this value.
bool is_value(std::string_view header, std::string_view value) {
    return sdp::same_word(sdp::trimmed(header.substr(0, header.find(';'))), value);
}

/// The refusal of a body that is not of this type (415) or empty (400). `hint` is the header that
/// names the type.
std::optional<HttpResponse> refuse_body(const HttpRequest &request, std::string_view type,
                                        const char *hint) {
    const std::string coding = request.header("Content-Encoding");
    if (!is_value(request.header("Content-Type"), type) ||
        !(coding.empty() || is_value(coding, "identity"))) {
        HttpResponse refusal = http_error(415, "The body has to be " + std::string(type) +
                                                   ", without a Content-Encoding.");
        refusal.headers = {{hint, std::string(type)}};
        return refusal;
    }
    if (request.body.empty()) return http_error(400, "The body is empty.");
    return std::nullopt;
}

std::string_view text_of(const Bytes &bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

HttpResponse closing() {
    return http_retry(rtc_closing_text, rtc_closing_retry);
}

/// Sends a 503 if nobody else has answered when it is destroyed.
class SureReply {
public:
    explicit SureReply(HttpReply reply) : reply_(std::move(reply)) {}
    ~SureReply() { send(closing()); }
    SureReply(const SureReply &) = delete;
    SureReply &operator=(const SureReply &) = delete;
    void send(HttpResponse response) {
        if (!is_sent_.exchange(true)) reply_(std::move(response));
    }

private:
    const HttpReply reply_;
    std::atomic<bool> is_sent_{false};
};

/// The 404 of a path where nobody may publish or join: it says where they may.
HttpResponse nothing_to_publish(const HttpServer &server, const HttpRequest &request) {
    const bool is_room = is_room_path(request.path);
    std::string text = (is_room ? "There is no room at " : "No publisher is expected at ") +
                       request.path.substr(0, 200) + ".";
    const std::string origin = origin_of(request, server.scheme());
    std::string known;
    for (const std::string &example : server.rules().publish_examples())
        if (is_room ? is_room_path(example) : example.ends_with("/whip"))
            known += "\n  " + origin + "/" + example;
    if (!known.empty()) text += (is_room ? "\nJoin" : "\nPublish to") + known;
    return http_error(404, text);
}

HttpResponse nothing_at(const Service &service, const HttpRequest &request, bool publish) {
    const auto server = service.server.lock();
    if (!server) return http_error(404, "Nothing is here.");
    return publish ? nothing_to_publish(*server, request) : server->nothing_at(request);
}

PeerInfo peer_info(const HttpRequest &request, const std::string &path, bool publish) {
    PeerInfo peer;
    peer.address = request.peer;
    peer.path = path;
    peer.query = request.query;
    peer.key = query_value(peer.query, "key");
    peer.client = printable(request.header("User-Agent"), 100);
    peer.publish = publish;
    peer.protocol = "rtc";
    peer.is_encrypted = request.is_encrypted;
    return peer;
}

/// POST to an endpoint (RFC 9725, section 4.2).
void take_offer(Service &service, bool publish, const HttpRequest &request, HttpReply reply) {
    const auto refuse = [&](HttpResponse refusal, const std::string &why) {
        service.refusals.refused(request.peer, why);
        reply(std::move(refusal));
    };
    const auto peers = service.peers.lock();
    if (!peers) return reply(closing());
    const std::string path = request.path.substr(1);
    // The name of the endpoint alone has no stream.
    const bool is_known =
        is_safe_path(path) && path.find('/') != path.npos && peers->takes(path, publish);
    if (!is_known) return reply(nothing_at(service, request, publish));
    if (auto refusal = refuse_body(request, sdp_type, "Accept-Post"))
        return reply(std::move(*refusal));
    sdp::Offer offer;
    if (const Result result = sdp::read_offer(text_of(request.body), offer); !result.is_ok()) {
        const std::string reason = printable(result.reason(), 200);
        return refuse(http_error(400, "The offer can't be read: " + reason),
                      "its offer can't be read: " + reason);
    }
    PeerInfo peer = peer_info(request, path, publish);
    if (!take_bearer_token(request.header("Authorization"), peer))
        return reply(http_error(400, "The bearer token is too long, or no visible ASCII."));
    auto seat = service.room->enter(request.peer);
    if (!seat)
        return refuse(http_retry("Too many offers are being answered; try again.", 2),
                      "too many offers are being answered");
    const auto offered =
        std::make_shared<OfferReply>(peers, path, std::move(reply), std::move(seat));
    offered->on_give_up(
        peers->create(std::move(peer), std::move(offer), OfferReply::done(offered)));
    request.on_leave([offered] { offered->leave(); });
}

/// A session's endpoint and id: "live/cam/whip" and "4Fx2". nullopt: the path is not safe.
std::optional<std::pair<std::string, std::string>> session_of(const HttpRequest &request) {
    const size_t slash = request.path.rfind('/');
    const std::string path = request.path.substr(1, slash - 1);
    if (!is_safe_path(path)) return std::nullopt;
    return std::pair(path, request.path.substr(slash + 1));
}

HttpResponse no_session() {
    return http_error(404, "There is no such session; it may have ended.");
}

HttpResponse patch_response(RtcPatched patched) {
    if (patched.status >= 300) return http_error(patched.status, patched.text);
    HttpResponse response;
    response.status = patched.status;
    response.cache_control = "no-store";
    if (patched.status != 200) return response;
    response.content_type = fragment_type;
    response.body = Bytes::copy_of(patched.text);
    response.headers = {{"ETag", std::move(patched.etag)}};
    return response;
}

/// PATCH of a session: candidates, or an ICE restart (RFC 9725, section 4.3).
void take_patch(Service &service, const HttpRequest &request, const HttpReply &reply) {
    const auto peers = service.peers.lock();
    if (!peers) return reply(closing());
    const auto session = session_of(request);
    if (!session) return reply(no_session());
    if (auto refusal = refuse_body(request, fragment_type, "Accept-Patch"))
        return reply(std::move(*refusal));
    const std::string header = request.header("If-Match");
    std::string_view etag = sdp::trimmed(header);
    if (etag.empty())
        return reply(http_error(428, "If-Match is missing: the ETag of the session, or \"*\" to "
                                     "restart ICE."));
    // RFC 9725 writes it with quotes, RFC 9110 without.
    if (etag == "\"*\"") etag = "*";
    if (etag.size() > max_etag) return reply(http_error(412, "The ETag is not the session's."));
    sdp::Fragment fragment;
    const Result result = sdp::read_fragment(text_of(request.body), fragment);
    if (!result.is_ok())
        return reply(
            http_error(400, "The fragment can't be read: " + printable(result.reason(), 200)));
    peers->patch(session->first, session->second, std::string(etag), std::move(fragment),
                 [sure = std::make_shared<SureReply>(reply)](RtcPatched patched) {
                     sure->send(patch_response(std::move(patched)));
                 });
}

/// DELETE of a session. It ignores ETags; OBS takes no other success than 200.
void take_delete(Service &service, const HttpRequest &request, const HttpReply &reply) {
    const auto peers = service.peers.lock();
    if (!peers) return reply(closing());
    const auto session = session_of(request);
    if (!session || !peers->remove(session->first, session->second)) return reply(no_session());
    HttpResponse response;
    response.cache_control = "no-store";
    reply(std::move(response));
}

HttpRouteOptions options_of(std::vector<std::string> methods, const char *accept,
                            std::string_view type, size_t max_body = RtcEndpoint::max_body) {
    HttpRouteOptions options;
    options.methods = std::move(methods);
    options.max_body = max_body;
    options.cors.request_headers = {"Authorization", "Content-Type", "If-Match"};
    options.cors.exposed_headers = {"Location",     "ETag",        "Link",
                                    "Accept-Patch", "Accept-Post", "Retry-After"};
    options.options_headers = {{accept, std::string(type)}};
    return options;
}

std::unique_ptr<HttpRegistration> serve(HttpServer &server, const std::shared_ptr<Service> &service,
                                        const std::string &name, bool publish,
                                        size_t max_body = RtcEndpoint::max_body) {
    return server.handle_endpoint(name,
                                  {[service, publish](const HttpRequest &request, HttpReply reply) {
                                       take_offer(*service, publish, request, std::move(reply));
                                   },
                                   options_of({"POST"}, "Accept-Post", sdp_type, max_body)},
                                  {[service](const HttpRequest &request, const HttpReply &reply) {
                                       if (request.method == "DELETE")
                                           take_delete(*service, request, reply);
                                       else
                                           take_patch(*service, request, reply);
                                   },
                                   options_of({"PATCH", "DELETE"}, "Accept-Patch", fragment_type)});
}

} // namespace

std::unique_ptr<RtcEndpoint> RtcEndpoint::open(const std::shared_ptr<HttpServer> &server,
                                               const std::shared_ptr<RtcPeers> &peers,
                                               std::string *error) {
    const auto service = std::make_shared<Service>();
    service->server = server;
    service->peers = peers;
    auto whip = serve(*server, service, "whip", true);
    auto whep = whip ? serve(*server, service, "whep", false) : nullptr;
    auto join = whep ? serve(*server, service, "join", true, max_join_body) : nullptr;
    if (join)
        return std::unique_ptr<RtcEndpoint>(
            new RtcEndpoint(std::move(whip), std::move(whep), std::move(join)));
    if (error) *error = server->address().to_string() + " serves WHIP and WHEP already";
    return nullptr;
}

} // namespace penstock::net
