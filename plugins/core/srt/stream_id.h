// SPDX-License-Identifier: LGPL-2.1-or-later
// The stream id that an SRT caller sends in its handshake: which stream it wants, and what for.
// SRT Access Control Guidelines, and the forms that MediaMTX, SRS and OBS have made usual.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace penstock::srt {

/// Bytes of the longest id (SRT, SRTO_STREAMID).
inline constexpr size_t max_stream_id = 512;

enum class Mode : uint8_t { request, publish };

/// A parsed id. Everything but the path is unchecked input of the network.
struct StreamId {
    Mode mode = Mode::request;
    std::string path;  ///< "live/cam", safe segments only
    std::string key;   ///< the query's `key`, or else the password or session id; may be empty
    std::string query; ///< "key=…&x=…": the id's own, and its unknown keys
    std::string host;  ///< `h`: the name by which the caller knows the server
};

/// The causes of a refusal, each of which has a code of its own in the handshake.
enum class Wrong : uint8_t {
    nothing,
    syntax, ///< malformed, without a path, or with one that is not safe
    mode,   ///< neither publishes nor reads
    type,   ///< no stream (`t`)
};

struct ParsedId {
    Wrong wrong = Wrong::nothing;
    std::string reason; ///< for the log, printable; empty if nothing is wrong
    StreamId id;        ///< valid if nothing is wrong
};

/// Parses an id of any length. The forms:
///
/// | form | example |
/// |---|---|
/// | keys u, r, h, s, t, m; others are kept | `#!::r=live/cam,m=publish,s=KEY` |
/// | of SRS, old: the path in `h` | `#!::h=live/cam,m=publish` |
/// | of MediaMTX: MODE:PATH[:USER:PASS][:QUERY] | `publish:live/cam:key=KEY` |
/// | a path alone, to read it | `live/cam?key=KEY` |
///
/// MODE is publish, read or play; `m` is publish or request (the default).
ParsedId parse_stream_id(std::string_view id);

} // namespace penstock::srt
