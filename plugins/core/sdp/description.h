// SPDX-License-Identifier: LGPL-2.1-or-later
// Session descriptions as lines (RFC 8866): a tolerant parser, and a writer. What the attributes
// mean is read by offer.h. Thread-safe.
#pragma once

#include "core/bytes/result.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sdp {

/// Bytes of a description. Chromium's offers have about 6 kB for each section of video.
inline constexpr size_t max_size = 256 << 10;
inline constexpr size_t max_lines = 8192;  ///< Chromium's offers have about 150 for each section
inline constexpr size_t max_line = 4096;   ///< bytes of a line
inline constexpr size_t max_media = 32;    ///< media sections
inline constexpr size_t max_formats = 256; ///< of a media section

/// a=name or a=name:value
struct Attribute {
    std::string name;
    std::string value; ///< without spaces around it; empty if there is none
    size_t line = 0;   ///< counted from 1; 0: was not parsed

    bool operator==(const Attribute &other) const {
        return name == other.name && value == other.value;
    }
};

class Attributes : public std::vector<Attribute> {
public:
    using vector::vector;
    /// The first of this name; nullptr: there is none.
    const Attribute *find(std::string_view name) const;
    bool has(std::string_view name) const { return find(name) != nullptr; }
    void add(std::string name, std::string value = {}) {
        push_back({std::move(name), std::move(value), 0});
    }
};

/// A media section.
struct Media {
    std::string kind; ///< "audio", "video", "application", …
    uint16_t port = 9;
    std::string protocol;                  ///< "UDP/TLS/RTP/SAVPF"
    std::vector<std::string> formats;      ///< payload types, mostly
    std::optional<std::string> connection; ///< c= as it is: "IN IP4 0.0.0.0"
    std::vector<std::string> bandwidths;   ///< b= as they are: "AS:500"
    Attributes attributes;
    size_t line = 0; ///< of m=; 0: was not parsed

    bool operator==(const Media &other) const {
        return kind == other.kind && port == other.port && protocol == other.protocol &&
               formats == other.formats && connection == other.connection &&
               bandwidths == other.bandwidths && attributes == other.attributes;
    }
};

struct Description {
    std::string origin = "- 0 0 IN IP4 127.0.0.1"; ///< o= as it is; cameras have odd ones
    std::string name = "-";                        ///< s=
    std::optional<std::string> connection;         ///< c= as it is, which may be "IN " alone
    std::vector<std::string> bandwidths;
    Attributes attributes;
    std::vector<Media> media;

    bool operator==(const Description &) const = default;
};

/// Parses a description. Lines end with CRLF or LF, the last one perhaps with neither; empty lines,
/// lines of unknown types and spaces around a line are ignored, and so are t=, r=, z=, k=, i=, u=,
/// e= and p=. Errors, which name the line: longer than a limit above, no v=0 first, a control
/// character, a line that is no `x=…`, an m= line that is not kind, port, protocol and formats. On
/// error `out` is unchanged.
Result parse(std::string_view text, Description &out);

/// Parses an SDP fragment (RFC 8840, section 9): the same, but it begins with any line. What is
/// before the first m= line is in the session's attributes.
Result parse_fragment(std::string_view text, Description &out);

/// Writes a description, with CRLF. Its strings have to be without control characters; parse() of
/// it gives the same again.
std::string write(const Description &description);

/// Writes attributes and media sections only, as a fragment has them; without c= and b=.
std::string write_fragment(const Description &description);

} // namespace penstock::sdp
