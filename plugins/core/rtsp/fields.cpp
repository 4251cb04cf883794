// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtsp/fields.h"

#include "core/sdp/text.h"

#include <algorithm>
#include <cmath>

namespace penstock::rtsp {
namespace {

constexpr size_t max_id = 256;
constexpr unsigned max_timeout = 86'400;
constexpr size_t max_names = 64;

/// Seconds, or hours, minutes and seconds with colons between them.
std::optional<double> parse_npt(std::string_view text) {
    double total = 0;
    unsigned parts = 0;
    while (!text.empty()) {
        const std::string_view part = sdp::take_until(text, ':');
        double value = 0;
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value,
                                                  std::chars_format::fixed);
        if (error != std::errc{} || end != part.data() + part.size() || !std::isfinite(value) ||
            value < 0 || ++parts > 3)
            return std::nullopt;
        total = total * 60 + value;
    }
    return parts == 0 ? std::nullopt : std::optional<double>(total);
}

RangeField::Unit unit_of(std::string_view name) {
    if (sdp::same_word(name, "npt")) return RangeField::Unit::npt;
    if (sdp::same_word(name, "clock")) return RangeField::Unit::clock;
    return sdp::lower(name).starts_with("smpte") ? RangeField::Unit::smpte
                                                 : RangeField::Unit::other;
}

} // namespace

std::optional<SessionField> parse_session(std::string_view value) {
    SessionField out;
    const std::string_view id = sdp::take_until(value, ';');
    const bool is_printable =
        std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; });
    if (id.empty() || id.size() > max_id || !is_printable) return std::nullopt;
    out.id = id;
    while (!value.empty()) {
        std::string_view parameter = sdp::take_until(value, ';');
        if (!sdp::same_word(sdp::take_until(parameter, '='), "timeout")) continue;
        const auto seconds = sdp::number<unsigned>(sdp::trimmed(parameter), max_timeout);
        if (seconds && *seconds > 0) out.timeout = seconds;
    }
    return out;
}

std::string write(const SessionField &session) {
    return session.timeout ? session.id + ";timeout=" + std::to_string(*session.timeout)
                           : session.id;
}

std::vector<RtpInfo> parse_rtp_info(std::string_view value) {
    std::vector<RtpInfo> out;
    while (!value.empty() && out.size() < max_rtp_infos) {
        // A URL may have a comma in it: a stream begins with "url=".
        size_t end = value.find(',');
        while (end != value.npos &&
               !sdp::lower(sdp::trimmed(value.substr(end + 1))).starts_with("url="))
            end = value.find(',', end + 1);
        std::string_view one = value.substr(0, end);
        value = end == value.npos ? std::string_view() : value.substr(end + 1);
        RtpInfo info;
        while (!one.empty()) {
            std::string_view text = sdp::take_until(one, ';');
            const std::string_view name = sdp::take_until(text, '=');
            text = sdp::trimmed(text);
            if (sdp::same_word(name, "url"))
                info.url = text;
            else if (sdp::same_word(name, "seq"))
                info.sequence = sdp::number<uint16_t>(text, 65535);
            else if (sdp::same_word(name, "rtptime"))
                info.timestamp = sdp::number<uint32_t>(text, UINT32_MAX);
        }
        if (!info.url.empty()) out.push_back(std::move(info));
    }
    return out;
}

std::string write(const std::vector<RtpInfo> &streams) {
    std::string out;
    for (const RtpInfo &one : streams) {
        if (!out.empty()) out += ',';
        out += "url=" + one.url;
        if (one.sequence) out += ";seq=" + std::to_string(*one.sequence);
        if (one.timestamp) out += ";rtptime=" + std::to_string(*one.timestamp);
    }
    return out;
}

std::optional<RangeField> parse_range(std::string_view value) {
    value = sdp::take_until(value, ';');
    if (value.find('=') == value.npos) return std::nullopt;
    RangeField out;
    out.unit = unit_of(sdp::take_until(value, '='));
    if (out.unit != RangeField::Unit::npt) return out;
    const size_t dash = value.find('-');
    const std::string_view start = sdp::trimmed(value.substr(0, dash));
    const std::string_view end =
        dash == value.npos ? std::string_view() : sdp::trimmed(value.substr(dash + 1));
    out.is_now = sdp::same_word(start, "now");
    if (!out.is_now && !start.empty() && !(out.start = parse_npt(start))) return std::nullopt;
    if (!end.empty() && !(out.end = parse_npt(end))) return std::nullopt;
    return out;
}

std::vector<std::string_view> parse_list(std::string_view value) {
    std::vector<std::string_view> out;
    while (!value.empty() && out.size() < max_names)
        if (const std::string_view name = sdp::take_until(value, ','); !name.empty())
            out.push_back(name);
    return out;
}

} // namespace penstock::rtsp
