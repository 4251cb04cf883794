// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/playlist.h"

#include "core/net/http/gzip.h"

#include <vector>

namespace penstock::net {
namespace {

/// Smaller playlists are not worth it.
constexpr size_t min_gzipped = 400;

} // namespace

Bytes HlsPlaylist::text(bool delta, const std::string &reports, Bytes *packed) {
    const Bytes plain = stream.playlist(delta);
    std::lock_guard lock(mutex_);
    Known &known = known_[delta];
    if (known.of.data() != plain.data() || known.of.size() != plain.size() ||
        known.reports != reports) {
        known = {plain, reports, plain, {}};
        if (!reports.empty() && !plain.empty()) {
            std::vector<uint8_t> whole(plain.begin(), plain.end());
            whole.insert(whole.end(), reports.begin(), reports.end());
            known.whole = Bytes::adopt(std::move(whole));
        }
    }
    if (packed && known.packed.empty() && known.whole.size() >= min_gzipped)
        known.packed = gzip(known.whole);
    if (packed) *packed = known.packed;
    return known.whole;
}

} // namespace penstock::net
