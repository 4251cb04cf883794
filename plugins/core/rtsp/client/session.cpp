// SPDX-License-Identifier: LGPL-2.1-or-later
// Sends one request after another, and mends what cameras answer.
#include "core/rtsp/client/session.h"

#include "core/bytes/printable.h"
#include "core/rtsp/fields.h"

#include <algorithm>
#include <utility>

namespace penstock::rtsp {
namespace {

constexpr std::string_view agent = "Penstock";
constexpr unsigned default_timeout = 60;                                  // s, RFC 2326 12.37
constexpr int64_t shortest_keepalive = 2'000, longest_keepalive = 30'000; // ms
constexpr size_t max_shown = 100; // bytes of a text of the server
constexpr unsigned unauthorized = 401, unsupported_transport = 461, invalid_range = 457,
                   no_session = 454;

bool is_redirect(unsigned status) {
    return status >= 301 && status <= 308 && status != 304 && status != 306;
}
bool is_good(unsigned status) {
    return status >= 200 && status < 300;
}

std::string_view word_of(Method method) {
    return to_string(method);
}

} // namespace

std::string_view to_string(Lower lower) {
    switch (lower) {
    case Lower::tcp:
        return "tcp";
    case Lower::udp:
        return "udp";
    case Lower::multicast:
        break;
    }
    return "multicast";
}

ClientSession::ClientSession(ClientSessionOptions options, Handler &handler)
    : options_(std::move(options)), handler_(handler),
      authentication_(options_.url.user, options_.url.password, options_.hashes, options_.random),
      reader_(static_cast<MessageReader::Handler &>(*this)),
      protocol_(std::min(options_.first_protocol, options_.protocols.size() - 1)) {
    base_ = aggregate_ = options_.url.without_user();
}

// --- requests -----------------------------------------------------------------------------

Request ClientSession::request(Method method, const std::string &uri) const {
    Request out;
    out.method = method;
    out.uri = uri;
    if (!session_.empty()) out.headers.add("Session", session_);
    return out;
}

void ClientSession::send(Request request) {
    pending_cseq_ = ++cseq_;
    request.headers.set("CSeq", std::to_string(cseq_));
    request.headers.set("User-Agent", std::string(agent));
    authentication_.authorize(request);
    const std::string text = write(request);
    output_.insert(output_.end(), text.begin(), text.end());
    pending_ = std::move(request);
    sent_ms_ = now_ms_;
}

void ClientSession::start(int64_t now_ms) {
    now_ms_ = now_ms;
    send(request(Method::options, base_));
}

void ClientSession::send_describe() {
    step_ = Step::describe;
    Request out = request(Method::describe, options_.url.without_user());
    out.headers.add("Accept", "application/sdp");
    send(std::move(out));
}

void ClientSession::send_setup() {
    step_ = Step::setup;
    const ClientTrack &track = tracks_[setup_];
    Transport transport;
    switch (lower()) {
    case Lower::tcp:
        transport.is_tcp = true;
        transport.interleaved = PortPair{channels_[setup_].rtp, channels_[setup_].rtcp};
        break;
    case Lower::udp:
        ports_ = handler_.open_ports(setup_);
        if (!ports_) return next_protocol("no free UDP ports");
        transport.client_port = ports_;
        break;
    case Lower::multicast:
        transport.is_multicast = true;
        break;
    }
    Request out = request(Method::setup, track.url);
    out.headers.add("Transport", write(transport));
    send(std::move(out));
}

void ClientSession::send_play(bool with_range) {
    step_ = Step::play;
    ranged_ = with_range;
    Request out = request(Method::play, aggregate_);
    if (with_range) out.headers.add("Range", "npt=0.000-");
    send(std::move(out));
}

void ClientSession::send_keepalive() {
    send(request(has_get_parameter_ ? Method::get_parameter : Method::options, aggregate_));
}

void ClientSession::send_report(size_t track, ByteView datagram) {
    if (lower() != Lower::tcp || track >= channels_.size() || datagram.size() > UINT16_MAX) return;
    const auto head = frame_head(static_cast<uint8_t>(channels_[track].rtcp),
                                 static_cast<uint16_t>(datagram.size()));
    output_.insert(output_.end(), head.begin(), head.end());
    output_.insert(output_.end(), datagram.begin(), datagram.end());
}

void ClientSession::finish() {
    if (session_.empty() && step_ != Step::playing) return;
    send(request(Method::teardown, aggregate_));
}

void ClientSession::check(int64_t now_ms) {
    now_ms_ = now_ms;
    if (stopped_ || step_ != Step::playing || now_ms - sent_ms_ < keepalive_ms_) return;
    // Some cameras never answer; what they send tells that they are there.
    send_keepalive();
}

std::string ClientSession::waits_for() const {
    return pending_ ? "the answer to " + std::string(word_of(pending_->method)) : "nothing";
}

// --- ends ---------------------------------------------------------------------------------

void ClientSession::stop(ClientEnd end, const std::string &reason) {
    if (stopped_) return;
    stopped_ = true;
    end_ = end;
    reason_ = reason;
}

void ClientSession::redirect(const std::string &location) {
    next_ = parse_url(location);
    if (!next_)
        return stop(ClientEnd::failed, "the server redirects to '" +
                                           printable(location, max_shown) +
                                           "', which is no RTSP address");
    stop(ClientEnd::redirected, "the server redirects to " + next_->shown());
}

/// For the whole session: a server that refuses one track's would refuse the others'.
void ClientSession::next_protocol(const std::string &why) {
    if (setup_ == 0 && protocol_ + 1 < options_.protocols.size()) {
        ++protocol_;
        return send_setup();
    }
    stop(
        ClientEnd::unsupported, "the server accepts no protocol of '" + [this] {
            std::string list;
            for (const Lower one : options_.protocols)
                list += (list.empty() ? "" : "+") + std::string(to_string(one));
            return list;
        }() + "': " + why);
}

std::string ClientSession::refusal(const Response &response) const {
    std::string out = "the server answers " + std::string(word_of(pending_->method)) + " with " +
                      std::to_string(response.status);
    const std::string said =
        response.reason.empty() ? std::string(reason_of(response.status)) : response.reason;
    return out + " " + printable(said, max_shown);
}

Result ClientSession::feed(ByteView bytes, int64_t now_ms) {
    now_ms_ = now_ms;
    if (!stopped_) {
        Result result = reader_.feed(bytes);
        if (result.is_error()) stop(ClientEnd::failed, result.reason());
    }
    return stopped_ ? Result::error(reason_) : Result::ok();
}

// --- answers ------------------------------------------------------------------------------

bool ClientSession::on_response(Response &&response) {
    // A late answer to a request before: some keep-alives are answered only after the next one.
    const auto cseq = response.cseq();
    if (!pending_ || stopped_ || (cseq && *cseq < pending_cseq_)) return !stopped_;
    if (response.status < 200) return true;
    if (response.status == unauthorized) {
        if (authentication_.on_unauthorized(response)) {
            Request again = std::move(*pending_);
            send(std::move(again));
            return true;
        }
        if (step_ == Step::playing) return true; // of a keep-alive: what matters is the media
        stop(ClientEnd::refused,
             options_.url.user.empty()
                 ? "the server asks for a user and a password: set them in the location"
                 : "the server refuses the user '" + printable(options_.url.user, max_shown) +
                       "' or the password");
        return false;
    }
    authentication_.on_accepted(response);
    if (is_redirect(response.status) && step_ != Step::playing) {
        redirect(std::string(response.headers.get("Location")));
        return false;
    }
    switch (step_) {
    case Step::options:
        take_options(response);
        break;
    case Step::describe:
        take_description(response);
        break;
    case Step::setup:
        take_setup(response);
        break;
    case Step::play:
        if (response.status == invalid_range && ranged_) {
            send_play(false);
        } else if (!is_good(response.status)) {
            stop(ClientEnd::failed, refusal(response));
        } else {
            pending_.reset();
            step_ = Step::playing;
            handler_.on_playing();
        }
        break;
    case Step::playing:
        take_keepalive(response);
        break;
    }
    return !stopped_;
}

/// Servers that do not know OPTIONS know DESCRIBE.
void ClientSession::take_options(const Response &response) {
    const std::string *list = response.headers.find("Public");
    if (list) {
        const auto methods = parse_list(*list);
        has_get_parameter_ = std::ranges::any_of(
            methods, [](std::string_view one) { return sdp::same_word(one, "GET_PARAMETER"); });
    }
    send_describe();
}

void ClientSession::take_description(const Response &response) {
    if (!is_good(response.status)) return stop(ClientEnd::failed, refusal(response));
    sdp::Presentation presentation;
    const Result result = sdp::read_presentation(response.body, presentation);
    if (result.is_error())
        return stop(ClientEnd::failed, "the server's description is unusable: " + result.reason());
    for (const char *name : {"Content-Location", "Content-Base"})
        if (const std::string *base = response.headers.find(name); base && parse_url(*base))
            base_ = parse_url(*base)->without_user();
    aggregate_ = control_url(base_, presentation.control);
    const std::string base = parse_url(presentation.control) ? aggregate_ : base_;
    bool has_video = false, has_audio = false;
    std::string others;
    for (sdp::PresentedStream &stream : presentation.streams) {
        if (stream.is_back) continue;
        bool &has = stream.kind == sdp::Kind::video ? has_video : has_audio;
        if (stream.kind != sdp::Kind::video && stream.kind != sdp::Kind::audio) continue;
        for (const sdp::Codec &format : stream.codecs) {
            const auto codec = has ? std::nullopt : track_codec(format, stream);
            if (!codec) {
                others += (others.empty() ? "" : ", ") + printable(format.name, max_shown);
                continue;
            }
            has = true;
            tracks_.push_back({stream, *codec, control_url(base, stream.control)});
            break;
        }
    }
    if (tracks_.empty())
        return stop(ClientEnd::failed,
                    "the server has no stream that can be received: " +
                        (others.empty() ? std::string("it offers no video or sound") : others));
    for (size_t i = 0; i < tracks_.size(); ++i)
        channels_.push_back({static_cast<uint16_t>(2 * i), static_cast<uint16_t>(2 * i + 1)});
    handler_.on_tracks(tracks_);
    send_setup();
}

void ClientSession::take_session(const Response &response) {
    const std::string *value = response.headers.find("Session");
    const auto field = value ? parse_session(*value) : std::nullopt;
    if (!field) return;
    session_ = field->id;
    const int64_t half = int64_t(field->timeout.value_or(default_timeout)) * 1000 / 2;
    keepalive_ms_ = std::clamp(half, shortest_keepalive, longest_keepalive);
}

/// The answer's group, or that of the description.
bool ClientSession::take_multicast(const Transport &transport) {
    sdp::MulticastGroup group = tracks_[setup_].stream.multicast.value_or(sdp::MulticastGroup());
    if (!transport.destination.empty()) group.address = transport.destination;
    const auto &port = transport.port ? transport.port : transport.client_port;
    if (port) group.port = port->rtp;
    if (transport.ttl) group.ttl = *transport.ttl;
    return !group.address.empty() && group.port != 0 && handler_.join(setup_, group);
}

void ClientSession::take_setup(const Response &response) {
    if (response.status == unsupported_transport) return next_protocol(refusal(response));
    if (!is_good(response.status)) {
        // Of several tracks one may be out of order.
        if (setup_ == 0) return stop(ClientEnd::failed, refusal(response));
        handler_.on_oddity(refusal(response) + " for " + tracks_[setup_].stream.kind_name +
                           ", which is left out");
    } else {
        take_session(response);
        const auto ways = parse_transports(response.headers.get("Transport"));
        const Transport way = ways.empty() ? Transport() : ways.front();
        if (lower() == Lower::tcp && !ways.empty() && !way.is_tcp)
            return next_protocol("it answers TCP with UDP");
        if (lower() == Lower::tcp && way.interleaved)
            channels_[setup_] = {way.interleaved->rtp, way.interleaved->rtcp};
        if (lower() == Lower::udp)
            handler_.on_server_ports(setup_, way.source, way.server_port.value_or(PortPair()));
        if (lower() == Lower::multicast && !take_multicast(way))
            return next_protocol("no usable multicast group");
    }
    if (++setup_ < tracks_.size()) return send_setup();
    send_play(true);
}

void ClientSession::take_keepalive(const Response &response) {
    const bool asked_parameter = pending_->method == Method::get_parameter;
    pending_.reset();
    if (response.status == no_session)
        return stop(ClientEnd::failed, "the server has ended the session");
    if (!is_good(response.status) && asked_parameter) has_get_parameter_ = false;
}

// --- from the server ----------------------------------------------------------------------

bool ClientSession::on_request(Request &&request) {
    Response answer;
    if (const std::string *cseq = request.headers.find("CSeq")) answer.headers.add("CSeq", *cseq);
    const bool known = request.method == Method::options ||
                       request.method == Method::get_parameter ||
                       request.method == Method::set_parameter ||
                       request.method == Method::redirect || request.method == Method::teardown;
    if (!known) answer.status = 501;
    const std::string text = write(answer);
    output_.insert(output_.end(), text.begin(), text.end());
    if (request.method == Method::redirect)
        redirect(std::string(request.headers.get("Location")));
    else if (request.method == Method::teardown)
        stop(ClientEnd::failed, "the server has ended the session");
    return !stopped_;
}

bool ClientSession::on_interleaved(uint8_t channel, ByteView payload) {
    for (size_t i = 0; i < channels_.size(); ++i) {
        if (channel != channels_[i].rtp && channel != channels_[i].rtcp) continue;
        handler_.on_packet(i, channel == channels_[i].rtcp, payload);
        break;
    }
    return !stopped_;
}

} // namespace penstock::rtsp
