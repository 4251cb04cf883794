// SPDX-License-Identifier: LGPL-2.1-or-later
// Requests and responses of RTSP 1.0 (RFC 2326, section 4), and the head of a frame that is
// interleaved with them (section 10.12). Thread-safe.
#pragma once

#include "core/bytes/bytes.h"
#include "core/rtsp/headers.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::rtsp {

enum class Method : uint8_t {
    options,
    describe,
    setup,
    play,
    pause,
    teardown,
    get_parameter,
    set_parameter,
    announce,
    record,
    redirect,
    get,  ///< of HTTP: the half of a tunnel that the server answers on
    post, ///< of HTTP: the half that the client sends on
    other,
};
std::string_view to_string(Method method);
/// Method::other for a name that is none of the above. Names are in capitals.
Method parse_method(std::string_view name);

struct Message {
    std::string version = "RTSP/1.0"; ///< "RTSP/1.0", "HTTP/1.1"
    Headers headers;                  ///< without Content-Length, when it is written
    std::string body;

    /// CSeq; nullopt unless it is a number of 0 to 2^32-1.
    std::optional<uint32_t> cseq() const;
};

struct Request : Message {
    Method method = Method::other;
    std::string method_name; ///< as it came; to be set where `method` is `other`
    std::string uri;         ///< absolute, a path, or "*"
};

struct Response : Message {
    unsigned status = 200; ///< 100 to 599
    std::string reason;    ///< empty: the usual one is written
};

/// The phrase that belongs to a status code; "Unknown" for others.
std::string_view reason_of(unsigned status);

/// Serializes a message, with Content-Length if there is a body. Line breaks in values are
/// replaced by spaces, so that no value can add a header.
std::string write(const Request &request);
std::string write(const Response &response);

/// Bytes before each interleaved frame: '$', its channel, its length.
inline constexpr size_t frame_head_size = 4;
inline std::array<uint8_t, frame_head_size> frame_head(uint8_t channel, uint16_t size) {
    return {'$', channel, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
}

} // namespace penstock::rtsp
