// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests to ONVIF devices and their answers: WS-Discovery 1.0, ONVIF Core 21.12 and Media 2.6.
// Texts only; thread-safe.
#pragma once

#include "onvif/xml.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::onvif {

inline constexpr size_t max_profiles = 32; ///< more are left out
inline constexpr size_t max_name = 128;    ///< bytes of a text that is shown

/// A device, as its answer to a probe describes it.
struct Found {
    std::string id;                     ///< the device's, for ever
    std::string name, hardware;         ///< of its scopes; empty: not told
    std::vector<std::string> addresses; ///< http:// and https:// URLs of its device service
    bool is_named = false;              ///< by the user, instead of by what answered a probe
};
/// A probe for cameras. `id`: another UUID for each.
std::string probe(std::string_view id);
/// Reads an answer to the probe `id`; empty if it is none. Only addresses at `sender`, the IP
/// address it came from, count: anybody may answer a probe, and must not send the
/// client, and what it proves of the password, to others.
std::vector<Found> read_probe_matches(std::string_view text, std::string_view id,
                                      std::string_view sender);

struct Credentials {
    std::string user, password;
};
/// A request to a device. `header`: of the envelope, as security_header() makes it; may be empty.
std::string envelope(std::string_view header, std::string_view body);
/// WS-UsernameToken with a digest of the password (Web Services Security UsernameToken Profile
/// 1.0). `created`: s since 1970 by the device's clock. `nonce`: 16 bytes that are used once.
std::string security_header(const Credentials &credentials, int64_t created,
                            std::string_view nonce);

std::string get_time();
std::string get_capabilities();
std::string get_profiles();
std::string get_stream_uri(std::string_view profile_token);

struct Profile {
    std::string token, name;
    std::string codec; ///< "H264"; empty: not told
    unsigned width = 0, height = 0;
    double fps = 0;
    std::string url; ///< rtsp://…, once it is known
};

/// The content of an answer's body. nullopt, and `error`: it is a fault, or no answer.
std::optional<Element> read_answer(std::string_view text, std::string *error);
/// Whether that error is about the password.
bool is_refusal(std::string_view error);
/// s since 1970 (UTC); nullopt: it is not told.
std::optional<int64_t> read_time(const Element &answer);
/// The URL of the media service; empty: there is none.
std::string read_media_address(const Element &answer);
std::vector<Profile> read_profiles(const Element &answer);
/// The URL; empty: it has none that is rtsp:// or rtsps://.
std::string read_stream_uri(const Element &answer);

} // namespace penstock::onvif
