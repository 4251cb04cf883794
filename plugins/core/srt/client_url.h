// SPDX-License-Identifier: LGPL-2.1-or-later
// The URL by which a program connects over SRT, as ffmpeg, VLC, srt-live-transmit and GStreamer
// write it: srt://host:port?streamid=…&passphrase=….
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::srt {

/// How two ends find each other.
enum class LinkMode : uint8_t {
    caller,     ///< connects to the other end
    listener,   ///< the other end connects
    rendezvous, ///< both connect, from the same port
};

struct ClientUrl {
    LinkMode mode = LinkMode::caller;
    std::string host; ///< empty: every interface (listener)
    uint16_t port = 0;
    std::optional<std::string> stream_id, passphrase, local_host;
    std::optional<unsigned> key_length, latency_ms;
    std::string shown; ///< without the query, for messages
};

/// Parses a URL; values are percent-decoded, unknown parameters ignored. Without a host it is a
/// listener's, unless `mode` is given. A path behind the port is the stream id's: "live/cam" as
/// publish:live/cam with `publish`, else read:live/cam. On failure nullopt, and `error` says what
/// is wrong.
std::optional<ClientUrl> parse_client_url(std::string_view url, bool publish, std::string *error);

/// The same URL with its passphrase, its stream id, which may have a key, and all that is not known
/// replaced: for logs and properties that can be read.
std::string without_secrets(std::string_view url);

} // namespace penstock::srt
