// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as either side of an RTSP connection, as headers, URLs, credentials and a tunnel. Laws:
// cutting the input changes neither events nor the result; what is written parses to the same;
// lists are bounded.
#include "core/rtsp/authentication.h"
#include "core/rtsp/challenge.h"
#include "core/rtsp/fields.h"
#include "core/rtsp/reader.h"
#include "core/rtsp/transport.h"
#include "core/rtsp/tunnel.h"
#include "core/rtsp/url.h"

#include "fuzz/law.h"

#include <algorithm>
#include <string>

using namespace penstock;
using namespace penstock::rtsp;

namespace {

struct Log final : MessageReader::Handler {
    void note(const Message &message) {
        fuzz::law(message.headers.size() <= max_fields && message.body.size() <= max_body,
                  "messages are bounded");
        for (const auto &[name, value] : message.headers)
            text += name + '=' + value + ';';
        text += message.body + '\n';
    }
    bool on_request(Request &&request) override {
        text += "Q" + request.method_name + ' ' + request.uri + ' ';
        note(request);
        Request again;
        Response other;
        bool is_request = false;
        request.body.clear();
        const Result parsed = parse_head(write(request), again, other, is_request);
        fuzz::law(parsed.is_ok() && is_request && again.uri == request.uri &&
                      again.method_name == request.method_name,
                  "a request that is written is the same");
        return true;
    }
    bool on_response(Response &&response) override {
        text += "R" + std::to_string(response.status) + ' ' + response.reason + ' ';
        note(response);
        return true;
    }
    bool on_interleaved(uint8_t channel, ByteView payload) override {
        text += "F" + std::to_string(channel) + ':';
        text.append(payload.begin(), payload.end());
        return true;
    }
    std::string text;
};

void read(ByteView input, size_t step, std::string &events, std::string &error) {
    Log log;
    MessageReader reader(log);
    while (!input.empty() && error.empty()) {
        const ByteView part = input.first(std::min(step, input.size()));
        error = reader.feed(part).reason();
        input = input.subspan(part.size());
    }
    events = std::move(log.text);
}

void check_values(std::string_view text) {
    const auto transports = parse_transports(text);
    fuzz::law(transports.size() <= max_transports, "transports are bounded");
    for (const Transport &one : transports) {
        const auto again = parse_transports(write(one));
        fuzz::law(again.size() == 1 && again.front() == one, "a transport is written as it is");
    }
    if (const auto session = parse_session(text)) {
        const auto again = parse_session(write(*session));
        fuzz::law(again && *again == *session, "so is a session");
    }
    fuzz::law(parse_rtp_info(text).size() <= max_rtp_infos, "streams are bounded");
    (void)parse_range(text);
    (void)parse_list(text);
    fuzz::law(parse_challenges(text).size() <= max_challenges, "challenges are bounded");
    Credentials given = parse_credentials(text);
    if (given.kind == Credentials::Kind::digest && given.algorithm) {
        const Credentials again = parse_credentials(write(given));
        const auto clean = [](const std::string &value) {
            return std::none_of(value.begin(), value.end(),
                                [](unsigned char c) { return c < ' ' || c == 0x7F; });
        };
        fuzz::law(again.kind == given.kind && (!clean(given.user) || again.user == given.user),
                  "and credentials");
    }
    if (const auto url = parse_url(text)) {
        const auto again = parse_url(url->without_user());
        fuzz::law(again && again->host == url->host && again->target == url->target &&
                      again->port == url->port,
                  "and a URL");
        (void)url->path();
        (void)control_url(url->without_user(), text);
    }
    TunnelDecoder decoder;
    std::vector<uint8_t> out;
    (void)decoder.decode({reinterpret_cast<const uint8_t *>(text.data()), text.size()}, out);
    fuzz::law(out.size() <= text.size(), "base64 grows");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size < 1) return 0;
    const ByteView input(data + 1, size - 1);
    std::string whole, cut, whole_error, cut_error;
    read(input, input.size(), whole, whole_error);
    read(input, size_t(data[0] % 61) + 1, cut, cut_error);
    fuzz::law(whole == cut && whole_error == cut_error, "cuts change nothing");
    check_values({reinterpret_cast<const char *>(input.data()), input.size()});
    return 0;
}
