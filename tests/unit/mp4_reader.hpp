// SPDX-License-Identifier: LGPL-2.1-or-later
// A small reader of fragmented MP4, independent of the writer under test. Throws where a player
// would refuse the file.
#pragma once

#include "core/bytes/reader.h"

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace mp4 {

using penstock::ByteView;
using penstock::Reader;

inline void require(bool condition, const std::string &what) {
    if (!condition) throw std::runtime_error(what);
}

struct Box {
    std::string type;
    ByteView content; ///< without the header
    size_t offset = 0;
};

inline std::vector<Box> boxes(ByteView bytes) {
    std::vector<Box> list;
    size_t at = 0;
    while (at < bytes.size()) {
        require(bytes.size() - at >= 8, "a box is cut short");
        Reader r(bytes.subspan(at));
        const size_t size = r.u32();
        const ByteView type = r.take(4);
        require(size >= 8 && size <= bytes.size() - at, "a box has a wrong size");
        list.push_back(
            {std::string(type.begin(), type.end()), bytes.subspan(at + 8, size - 8), at});
        at += size;
    }
    return list;
}

inline std::vector<Box> all(ByteView bytes, const std::string &type) {
    std::vector<Box> list = boxes(bytes);
    std::erase_if(list, [&](const Box &box) { return box.type != type; });
    return list;
}

/// The only box of that type.
inline Box one(ByteView bytes, const std::string &type) {
    const std::vector<Box> list = all(bytes, type);
    require(list.size() == 1, std::to_string(list.size()) + " boxes " + type);
    return list.front();
}

inline ByteView in(ByteView bytes, std::initializer_list<const char *> path) {
    for (const char *type : path)
        bytes = one(bytes, type).content;
    return bytes;
}

struct Track {
    uint32_t id = 0, timescale = 0;
    std::string handler, entry, language;
    ByteView entry_content;
    unsigned width = 0, height = 0, channels = 0, rate = 0;

    /// The box with the codec's configuration.
    ByteView config(const char *type) const {
        const size_t fields = handler == "vide" ? 78 : 28;
        return one(entry_content.subspan(fields), type).content;
    }
};

struct Init {
    std::vector<Track> tracks;
    const Track &track(uint32_t id) const {
        for (const Track &t : tracks)
            if (t.id == id) return t;
        throw std::runtime_error("no such track");
    }
};

inline Track read_track(ByteView trak) {
    Track track;
    Reader header(in(trak, {"tkhd"}));
    require(header.u8() == 0, "tkhd's version");
    header.skip(11);
    track.id = header.u32();
    header.skip(4);
    require(header.u32() == 0, "tkhd has a duration");
    const ByteView media = in(trak, {"mdia"});
    Reader times(in(media, {"mdhd"}));
    times.skip(12);
    track.timescale = times.u32();
    require(times.u32() == 0, "mdhd has a duration");
    uint16_t language = times.u16();
    for (int shift = 10; shift >= 0; shift -= 5)
        track.language += static_cast<char>((language >> shift & 31) + 0x60);
    Reader handler(in(media, {"hdlr"}));
    handler.skip(8);
    const ByteView name = handler.take(4);
    track.handler.assign(name.begin(), name.end());
    const ByteView table = in(media, {"minf", "stbl"});
    require(!one(in(media, {"minf"}), track.handler == "vide" ? "vmhd" : "smhd").content.empty(),
            "media header");
    for (const char *type : {"stts", "stsc", "stco"})
        require(one(table, type).content.size() == 8, std::string(type) + " has entries");
    require(one(table, "stsz").content.size() == 12, "stsz has entries");
    Reader descriptions(in(table, {"stsd"}));
    descriptions.skip(4);
    require(descriptions.u32() == 1, "one sample description");
    const std::vector<Box> entries = boxes(descriptions.rest());
    require(entries.size() == 1, "one sample entry");
    track.entry = entries[0].type;
    track.entry_content = entries[0].content;
    Reader e(track.entry_content);
    e.skip(6);
    require(e.u16() == 1, "data reference");
    if (track.handler == "vide") {
        e.skip(16);
        track.width = e.u16();
        track.height = e.u16();
    } else {
        e.skip(8);
        track.channels = e.u16();
        e.skip(6);
        track.rate = e.u32() >> 16;
    }
    require(!e.failed(), "a sample entry is cut short");
    return track;
}

inline Init read_init(ByteView bytes) {
    const std::vector<Box> top = boxes(bytes);
    require(top.size() == 2 && top[0].type == "ftyp" && top[1].type == "moov", "ftyp and moov");
    Init init;
    for (const Box &box : all(top[1].content, "trak")) {
        require(all(box.content, "edts").empty(), "an edit list");
        init.tracks.push_back(read_track(box.content));
    }
    const std::vector<Box> defaults = all(in(top[1].content, {"mvex"}), "trex");
    require(defaults.size() == init.tracks.size() && !defaults.empty(), "a trex for each track");
    for (size_t i = 0; i < defaults.size(); ++i) {
        Reader r(defaults[i].content);
        r.skip(4);
        require(r.u32() == init.tracks[i].id && r.u32() == 1, "trex");
    }
    return init;
}

struct Sample {
    uint64_t dts = 0;
    int64_t pts = 0;
    uint32_t duration = 0, flags = 0;
    ByteView data;
    bool sync() const { return !(flags & 0x10000); }
};

struct Fragment {
    uint32_t sequence = 0;
    bool styp = false;
    std::optional<uint64_t> ntp;
    std::vector<Box> events;
    std::map<uint32_t, std::vector<Sample>> tracks;
};

inline std::vector<Sample> read_traf(ByteView traf, ByteView bytes, size_t moof, uint32_t &id) {
    Reader header(in(traf, {"tfhd"}));
    const uint32_t flags = header.u32();
    require((flags & 0x20000) && !(flags & 1), "default-base-is-moof, no base-data-offset");
    id = header.u32();
    const uint32_t duration = flags & 8 ? header.u32() : 0;
    const uint32_t size = flags & 0x10 ? header.u32() : 0;
    const uint32_t default_flags = flags & 0x20 ? header.u32() : 0;
    require(!header.failed() && header.remaining() == 0, "tfhd");
    Reader time(in(traf, {"tfdt"}));
    require(time.u32() == 1u << 24, "tfdt's version");
    uint64_t dts = time.u64();
    Reader run(in(traf, {"trun"}));
    const uint32_t run_flags = run.u32();
    require(run_flags >> 24 == 1 && run_flags & 1, "trun's version and data offset");
    const uint32_t count = run.u32();
    size_t at = moof + run.u32();
    const bool first = run_flags & 4;
    const uint32_t first_flags = first ? run.u32() : 0;
    require(!first || !(run_flags & 0x400), "first flags beside flags");
    std::vector<Sample> samples;
    for (uint32_t i = 0; i < count && !run.failed(); ++i) {
        Sample s;
        s.duration = run_flags & 0x100 ? run.u32() : duration;
        const size_t bytes_of = run_flags & 0x200 ? run.u32() : size;
        s.flags = run_flags & 0x400 ? run.u32() : i == 0 && first ? first_flags : default_flags;
        s.dts = dts;
        s.pts = int64_t(dts) + (run_flags & 0x800 ? static_cast<int32_t>(run.u32()) : 0);
        require(at <= bytes.size() && bytes_of <= bytes.size() - at,
                "a sample is outside the file");
        s.data = bytes.subspan(at, bytes_of);
        at += bytes_of;
        dts += s.duration;
        samples.push_back(s);
    }
    require(!run.failed() && run.remaining() == 0 && !samples.empty(), "trun");
    return samples;
}

inline std::vector<Fragment> read_segment(ByteView bytes) {
    std::vector<Fragment> fragments;
    Fragment fragment;
    bool open = false;
    for (const Box &box : boxes(bytes)) {
        if (box.type == "styp") {
            fragment.styp = true;
        } else if (box.type == "prft") {
            Reader r(box.content);
            r.skip(8);
            fragment.ntp = r.u64();
        } else if (box.type == "emsg") {
            fragment.events.push_back(box);
        } else if (box.type == "moof") {
            require(!open, "two moof without mdat");
            Reader header(in(box.content, {"mfhd"}));
            header.skip(4);
            fragment.sequence = header.u32();
            for (const Box &traf : all(box.content, "traf")) {
                uint32_t id = 0;
                auto samples = read_traf(traf.content, bytes, box.offset, id);
                require(fragment.tracks.emplace(id, std::move(samples)).second, "two trafs");
            }
            open = true;
        } else {
            require(box.type == "mdat" && open, "unexpected " + box.type);
            size_t size = 0;
            const uint8_t *end = box.content.data();
            for (const auto &[id, samples] : fragment.tracks)
                for (const Sample &s : samples) {
                    require(s.data.empty() || (s.data.data() >= box.content.data() &&
                                               s.data.data() + s.data.size() <=
                                                   box.content.data() + box.content.size()),
                            "a sample outside mdat");
                    size += s.data.size();
                    end = std::max(end, s.data.data() + s.data.size());
                }
            require(size == box.content.size() && end == box.content.data() + size,
                    "mdat has exactly the samples");
            fragments.push_back(std::exchange(fragment, {}));
            open = false;
        }
    }
    require(!open && !fragments.empty(), "no mdat");
    return fragments;
}

} // namespace mp4
