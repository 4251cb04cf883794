// SPDX-License-Identifier: LGPL-2.1-or-later
// The MPD of a stream as it is served: its Periods, and its text.
#pragma once

#include "core/bytes/bytes.h"
#include "core/dash/describe.h"

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace penstock::net {

/// What an MPD is told of a piece that a rendition's playlist has just received; nullopt: nothing.
std::optional<dash::Piece> dash_piece(const hls::Stream &stream, const std::string &rendition,
                                      const hls::Segment &segment);

/// Thread-safe.
class DashManifest {
public:
    explicit DashManifest(bool has_parts) : timeline_({.has_parts = has_parts}) {}

    void add(const dash::Piece &piece);
    /// The next piece does not continue the last one.
    void interrupt();
    void remove_before(uint64_t number);
    /// The offers may have changed: the text is made anew.
    void touch();

    struct Text {
        Bytes plain, packed;       ///< `packed`: in gzip
        int64_t update_period = 0; ///< ns; 0: it will not change any more
    };
    /// The text, made once for all who ask; empty if there is nothing to tell of. `now_ms`: ms
    /// since 1970. `query` is put to all URLs ("session=1f…"); such a text is the client's own.
    Text text(const std::vector<dash::Offer> &offers, const dash::Shape &shape, int64_t now_ms,
              const std::string &query);

private:
    std::mutex mutex_; ///< guards the following, and is held during the work
    dash::Timeline timeline_;
    bool is_known_ = false;
    dash::Mpd mpd_;
    std::string written_;
    Text text_;
};

} // namespace penstock::net
