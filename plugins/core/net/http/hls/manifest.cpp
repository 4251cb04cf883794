// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/manifest.h"

#include "core/net/http/gzip.h"

#include <algorithm>
#include <utility>

namespace penstock::net {

std::optional<dash::Piece> dash_piece(const hls::Stream &stream, const std::string &rendition,
                                      const hls::Segment &segment) {
    if (segment.about && segment.about->is_text) return std::nullopt; // DASH has other forms
    const auto newest = stream.newest();
    // Where one of several renditions has nothing, its segment is a gap.
    const bool has_media =
        !segment.data.empty() || std::any_of(segment.parts.begin(), segment.parts.end(),
                                             [](const auto &part) { return !part.data.empty(); });
    if (!newest || newest->is_gap || (!has_media && !segment.complete)) return std::nullopt;
    dash::Piece piece;
    piece.rendition = rendition;
    piece.number = newest->number;
    piece.init = newest->init;
    piece.codecs = segment.codecs;
    piece.width = segment.width;
    piece.height = segment.height;
    piece.begin = segment.place.segment + newest->skipped + segment.place.offset;
    piece.end = segment.place.end + segment.place.offset;
    piece.is_complete = segment.complete;
    piece.discontinuity = newest->discontinuity;
    piece.independent = newest->independent;
    piece.date = newest->date;
    return piece;
}

void DashManifest::add(const dash::Piece &piece) {
    std::lock_guard lock(mutex_);
    timeline_.add(piece);
    is_known_ = false;
}

void DashManifest::interrupt() {
    std::lock_guard lock(mutex_);
    timeline_.interrupt();
}

void DashManifest::remove_before(uint64_t number) {
    std::lock_guard lock(mutex_);
    timeline_.remove_before(number);
    is_known_ = false;
}

void DashManifest::touch() {
    std::lock_guard lock(mutex_);
    is_known_ = false;
}

DashManifest::Text DashManifest::text(const std::vector<dash::Offer> &offers,
                                      const dash::Shape &shape, int64_t now_ms,
                                      const std::string &query) {
    std::lock_guard lock(mutex_);
    if (!std::exchange(is_known_, true)) {
        dash::Mpd mpd = dash::describe(timeline_, offers, shape);
        mpd.published = mpd_.published;
        std::string text = mpd.periods.empty() ? std::string() : dash::write(mpd);
        if (text != written_) {
            // publishTime is that of the last change.
            mpd.published = now_ms;
            written_ = mpd.periods.empty() ? std::string() : dash::write(mpd);
            text_.plain = Bytes::copy_of(written_);
            text_.packed = written_.empty() ? Bytes() : gzip(text_.plain);
        }
        mpd_ = std::move(mpd);
        text_.update_period = mpd_.update_period;
    }
    if (query.empty() || written_.empty()) return text_;
    dash::Mpd own = mpd_;
    own.query = query;
    return {Bytes::copy_of(dash::write(own)), {}, mpd_.update_period};
}

} // namespace penstock::net
