// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/http/hls/manifest_file.h"

#include "core/net/http/hls/directory.h"
#include "core/net/loop/clock.h"

namespace penstock::net {

DashFile::DashFile(const std::string &playlist_path, bool is_vod, unsigned segments)
    : path_(playlist_path.substr(0, playlist_path.rfind('.')) + ".mpd"), is_vod_(is_vod),
      segments_(segments) {
}

void DashFile::add(const hls::Stream &stream, const std::string &rendition,
                   const hls::Segment &segment) {
    const auto piece = dash_piece(stream, rendition, segment);
    if (!piece) return;
    manifest_.add(*piece);
    if (segments_ > 0) manifest_.remove_before(stream.info().media_sequence);
}

Result DashFile::write(const std::vector<dash::Offer> &offers, int64_t target_duration,
                       bool has_ended) {
    if (is_vod_ && !has_ended) return Result::ok();
    dash::Shape shape;
    shape.is_static = is_vod_;
    shape.has_ended = has_ended;
    shape.target_duration = target_duration;
    shape.segments = segments_;
    // Any web server tells its time.
    shape.clock = path_.substr(path_.rfind('/') + 1);
    shape.clock_is_date = true;
    manifest_.touch();
    const Bytes text = manifest_.text(offers, shape, unix_ms(), "").plain;
    if (text.empty() || text.data() == written_.data()) return Result::ok();
    const Result result =
        HlsDirectory::write_file(path_, text, is_vod_ ? Existing::keep : Existing::replace);
    if (result.is_ok()) written_ = text;
    return result;
}

} // namespace penstock::net
