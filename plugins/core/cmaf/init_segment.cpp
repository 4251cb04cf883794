// SPDX-License-Identifier: LGPL-2.1-or-later
// Writes ftyp and moov. Durations are 0 and there are no edit lists: the presentation is live, and
// its times are in the fragments.
#include "core/cmaf/box.h"
#include "core/cmaf/track.h"

#include <algorithm>

namespace penstock::cmaf {
namespace {

void zeros(Writer &w, size_t count) {
    w.vector().insert(w.vector().end(), count, 0);
}

void write_matrix(Writer &w) {
    for (const uint32_t value : {0x10000u, 0u, 0u, 0u, 0x10000u, 0u, 0u, 0u, 0x40000000u})
        w.u32(value);
}

void write_file_type(Writer &w) {
    Box box(w, "ftyp");
    w.text("cmfc").u32(0);
    for (const char *brand : {"cmfc", "iso6", "isom", "mp41"})
        w.text(brand);
}

void write_movie_header(Writer &w, uint32_t next_track) {
    Box box(w, "mvhd", 0, 0);
    w.u32(0).u32(0).u32(1000).u32(0); // creation, modification, timescale, duration
    w.u32(0x10000).u16(0x100).u16(0); // rate 1, volume 1
    zeros(w, 8);
    write_matrix(w);
    zeros(w, 24);
    w.u32(next_track);
}

void write_track_header(Writer &w, const Track &track) {
    const bool video = is_video(track.codec);
    Box box(w, "tkhd", 0, 7); // enabled, in the movie, in the preview
    w.u32(0).u32(0).u32(track.id).u32(0).u32(0);
    zeros(w, 8);
    w.u16(0).u16(video ? 0 : 1).u16(video ? 0 : 0x100).u16(0); // layer, group, volume
    write_matrix(w);
    // The width is that of square pixels.
    uint64_t width = track.width;
    if (track.par_num > 0 && track.par_den > 0)
        width = std::min<uint64_t>(width * track.par_num / track.par_den, 0xFFFF);
    w.u32(video ? width << 16 : 0).u32(video ? uint64_t(track.height) << 16 : 0);
}

void write_media_header(Writer &w, const Track &track) {
    Box box(w, "mdhd", 0, 0);
    w.u32(0).u32(0).u32(track.timescale).u32(0);
    uint32_t language = 0;
    for (size_t i = 0; i < 3; ++i) {
        const char c = i < track.language.size() ? track.language[i] : 'a';
        language = language << 5 | ((c >= 'a' && c <= 'z' ? c - 0x60 : 1) & 0x1F);
    }
    w.u16(language).u16(0);
}

void write_handler(Writer &w, bool video) {
    Box box(w, "hdlr", 0, 0);
    w.u32(0).text(video ? "vide" : "soun");
    zeros(w, 12);
    w.text(video ? "VideoHandler" : "SoundHandler").u8(0);
}

void write_sample_table(Writer &w, const Track &track) {
    Box table(w, "stbl");
    {
        Box box(w, "stsd", 0, 0);
        w.u32(1);
        write_sample_entry(track, w);
    }
    if (track.codec == Codec::opus) {
        // A decoder that starts in mid-stream needs 80 ms of earlier packets (Opus in ISOBMFF,
        // 4.3.6.2): four of the usual 20 ms.
        Box box(w, "sgpd", 1, 0);
        w.text("roll").u32(2).u32(1).u16(static_cast<uint16_t>(-4));
    }
    for (const char *type : {"stts", "stsc", "stco"}) {
        Box box(w, type, 0, 0);
        w.u32(0);
    }
    Box box(w, "stsz", 0, 0);
    w.u32(0).u32(0);
}

void write_media_information(Writer &w, const Track &track) {
    Box information(w, "minf");
    if (is_video(track.codec)) {
        Box box(w, "vmhd", 0, 1);
        zeros(w, 8);
    } else {
        Box box(w, "smhd", 0, 0);
        zeros(w, 4);
    }
    {
        Box box(w, "dinf");
        Box references(w, "dref", 0, 0);
        w.u32(1);
        Box url(w, "url ", 0, 1); // the data are in this file
    }
    write_sample_table(w, track);
}

void write_track(Writer &w, const Track &track) {
    Box box(w, "trak");
    write_track_header(w, track);
    Box media(w, "mdia");
    write_media_header(w, track);
    write_handler(w, is_video(track.codec));
    write_media_information(w, track);
}

} // namespace

std::vector<uint8_t> write_init_segment(std::span<const Track> tracks) {
    Writer w;
    write_file_type(w);
    {
        Box movie(w, "moov");
        uint32_t next = 1;
        for (const Track &track : tracks)
            next = std::max(next, track.id + 1);
        write_movie_header(w, next);
        for (const Track &track : tracks)
            write_track(w, track);
        Box extends(w, "mvex");
        for (const Track &track : tracks) {
            Box box(w, "trex", 0, 0);
            w.u32(track.id).u32(1).u32(0).u32(0).u32(0);
        }
    }
    return w.take();
}

} // namespace penstock::cmaf
