// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/server_session.h"

#include "core/bytes/printable.h"
#include "core/rtsp/play/description.h"
#include "core/rtsp/url.h"

#include <algorithm>

namespace penstock::rtsp {
namespace {

constexpr const char *methods = "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, TEARDOWN, GET_PARAMETER, "
                                "SET_PARAMETER, ANNOUNCE, RECORD";
constexpr size_t max_client_name = 80;
constexpr size_t session_bytes = 8; ///< of its id

std::string_view without_slashes(std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of('/'), text.size()));
    return text.substr(0, text.find_last_not_of('/') + 1);
}

/// Takes "/trackID=1" from the end.
std::optional<size_t> take_track(std::string &text) {
    while (text.ends_with('/'))
        text.pop_back();
    const size_t slash = text.rfind('/');
    if (slash == text.npos) return std::nullopt;
    const auto track = parse_track_control(std::string_view(text).substr(slash + 1));
    if (track) text.resize(slash);
    return track;
}

} // namespace

Target parse_target(std::string_view uri) {
    Target out;
    std::string text(uri);
    // Clients append the track to the URL, behind a query as well.
    out.track = take_track(text);
    const size_t question = text.find('?');
    if (question != text.npos) {
        out.query = text.substr(question + 1);
        text.resize(question);
        if (!out.track) out.track = take_track(text);
    }
    while (text.ends_with('/'))
        text.pop_back();
    out.base = text;
    auto url = parse_url(text);
    if (!url) url = parse_url("rtsp://host/" + std::string(without_slashes(text)));
    if (url) out.path = without_slashes(url->path());
    return out;
}

ServerSession::ServerSession(Handler &handler, std::string server, Random random)
    : handler_(handler), server_(std::move(server)), random_(random), reader_(*this) {
}

Result ServerSession::feed(ByteView bytes) {
    return reader_.feed(bytes);
}

Result ServerSession::resume() {
    return is_pending() ? Result::need_more() : reader_.resume();
}

Response ServerSession::response() const {
    Response out;
    if (pending_) out.headers.add("CSeq", *pending_);
    out.headers.add("Server", server_);
    return out;
}

void ServerSession::send(Response &&response) {
    pending_.reset();
    const std::string text = write(response);
    output_.insert(output_.end(), text.begin(), text.end());
}

void ServerSession::answer(unsigned status) {
    Response out = response();
    out.status = status;
    if (has_session()) out.headers.add("Session", write(SessionField{session_, timeout_s}));
    send(std::move(out));
}

bool ServerSession::on_request(Request &&request) {
    if (request.version.starts_with("HTTP/")) {
        handler_.on_http(request);
        return false;
    }
    if (const std::string_view client = request.headers.get("User-Agent");
        client_.empty() && !client.empty())
        client_ = printable(client, max_client_name);
    const auto cseq = request.cseq();
    pending_ = cseq ? std::to_string(*cseq) : std::string("0");
    handler_.on_keepalive();
    dispatch(request);
    return !is_pending();
}

void ServerSession::dispatch(const Request &request) {
    if (!request.version.starts_with("RTSP/1.")) return answer(505);
    if (!request.cseq()) return answer(400);
    if (const std::string *const required = request.headers.find("Require")) {
        Headers headers;
        headers.add("Unsupported", *required);
        return refuse(551, std::move(headers));
    }
    const std::string_view named = request.headers.get("Session");
    if (!named.empty()) {
        const auto session = parse_session(named);
        if (!has_session() || !session || session->id != session_) return answer(454);
    }
    switch (request.method) {
    case Method::options: {
        Response out = response();
        out.headers.add("Public", methods);
        if (has_session()) out.headers.add("Session", write(SessionField{session_, timeout_s}));
        return send(std::move(out));
    }
    case Method::describe:
        return handler_.on_describe(request, parse_target(request.uri));
    case Method::announce: {
        if (has_session() || is_announced()) return answer(455);
        const std::string_view type = request.headers.get("Content-Type");
        if (!type.empty() && !sdp::lower(type).starts_with("application/sdp")) return answer(415);
        announced_ = request.uri;
        return handler_.on_announce(request, parse_target(request.uri));
    }
    case Method::setup:
        return setup(request);
    case Method::play:
        if (!has_session()) return answer(454);
        if (is_announced()) return answer(455);
        return handler_.on_play(request);
    case Method::record:
        if (!has_session()) return answer(454);
        if (!is_announced()) return answer(455);
        if (state_ == State::recording) return answer(200);
        return handler_.on_record(request);
    case Method::pause:
        if (!has_session()) return answer(454);
        if (state_ == State::ready) return answer(200);
        return handler_.on_pause();
    case Method::teardown:
        if (!has_session() && !is_announced()) return answer(454);
        answer(200);
        reset();
        return handler_.on_teardown();
    case Method::get_parameter:
        return answer(200);
    case Method::set_parameter:
        return answer(request.body.empty() ? 200 : 451);
    default: {
        Headers headers;
        headers.add("Allow", methods);
        return refuse(request.method == Method::other ? 501 : 405, std::move(headers));
    }
    }
}

void ServerSession::setup(const Request &request) {
    // The transport of a track may be changed before it is played, and a track be added.
    if (state_ == State::playing || state_ == State::recording) return answer(455);
    const auto transports = parse_transports(request.headers.get("Transport"));
    if (transports.empty()) return answer(461);
    const Target target = parse_target(request.uri);
    if (!is_announced()) {
        if (std::any_of(transports.begin(), transports.end(),
                        [](const Transport &one) { return one.is_record(); }))
            return answer(455);
        // A URL without a track is that of a stream with one.
        return handler_.on_setup(request, target, target.track.value_or(0), transports);
    }
    const auto track = announced_track(request.uri);
    if (!track) return answer(404);
    handler_.on_setup(request, target, *track, transports);
}

/// Which of the announced streams a URL means.
std::optional<size_t> ServerSession::announced_track(const std::string &uri) const {
    const std::string_view wanted = without_slashes(uri);
    for (size_t i = 0; i < controls_.size(); ++i) {
        const std::string url = control_url(announced_, controls_[i]);
        if (without_slashes(url) == wanted) return i;
        if (!controls_[i].empty() && controls_[i] != "*" && wanted.ends_with("/" + controls_[i]))
            return i;
    }
    // A single stream may have no URL of its own.
    return controls_.size() == 1 ? std::optional<size_t>(0) : std::nullopt;
}

void ServerSession::accept_describe(const std::string &sdp, const std::string &content_base) {
    Response out = response();
    out.headers.add("Content-Base", content_base);
    out.headers.add("Content-Type", "application/sdp");
    out.headers.add("Cache-Control", "no-cache");
    out.body = sdp;
    send(std::move(out));
}

void ServerSession::accept_announce(std::vector<std::string> controls) {
    controls_ = std::move(controls);
    answer(200);
}

void ServerSession::accept_setup(const Transport &transport) {
    if (session_.empty()) session_ = random_text(random_, session_bytes);
    state_ = State::ready;
    Response out = response();
    out.headers.add("Session", write(SessionField{session_, timeout_s}));
    out.headers.add("Transport", write(transport));
    out.headers.add("Cache-Control", "no-cache");
    send(std::move(out));
}

void ServerSession::accept_play(const std::vector<RtpInfo> &streams) {
    state_ = State::playing;
    Response out = response();
    out.headers.add("Session", write(SessionField{session_, timeout_s}));
    out.headers.add("Range", "npt=now-");
    if (!streams.empty()) out.headers.add("RTP-Info", write(streams));
    send(std::move(out));
}

void ServerSession::accept_pause() {
    state_ = State::ready;
    answer(200);
}

void ServerSession::accept_record() {
    state_ = State::recording;
    answer(200);
}

void ServerSession::refuse(unsigned status, Headers headers, std::string_view reason) {
    Response out = response();
    out.status = status;
    out.reason = reason;
    for (auto &[name, value] : headers)
        out.headers.add(name, std::move(value));
    send(std::move(out));
}

void ServerSession::reset() {
    state_ = State::init;
    session_.clear();
    announced_.clear();
    controls_.clear();
}

} // namespace penstock::rtsp
