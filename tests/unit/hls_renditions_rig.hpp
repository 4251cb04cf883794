// SPDX-License-Identifier: LGPL-2.1-or-later
// A presentation of several renditions, the playlists that it feeds, and players that read each of
// them at every moment.
#pragma once

#include "core/hls/cmaf_writer.h"
#include "core/hls/multivariant.h"
#include "core/hls/presentation.h"
#include "core/hls/stream.h"

#include "unit/hls_cmaf_rig.hpp"
#include "unit/hls_conformance_renditions.hpp"
#include "unit/hls_rig.hpp"
#include "unit/mp4_reader.hpp"

#include "check.hpp"

namespace rig {

inline std::string text_of(const Bytes &bytes) {
    return std::string(bytes.begin(), bytes.end());
}

/// The playlist of a rendition, and what has come of it.
struct Served {
    std::string name;
    Stream stream;
    conformance::Checker whole, delta;
    std::vector<Segment> pieces;
    std::vector<Bytes> bytes;
    std::vector<mp4::Fragment> fragments;
    std::vector<std::string> texts; ///< of subtitles: whole segments
    size_t playlists = 0;

    Served(std::string n, const Stream::Options &options) : name(std::move(n)), stream(options) {}
    std::vector<mp4::Sample> all(uint32_t track) const {
        std::vector<mp4::Sample> list;
        for (const mp4::Fragment &fragment : fragments)
            if (const auto found = fragment.tracks.find(track); found != fragment.tracks.end())
                list.insert(list.end(), found->second.begin(), found->second.end());
        return list;
    }
    size_t gaps() const {
        const conformance::Playlist list = conformance::read(text_of(stream.playlist()));
        return size_t(std::count_if(list.segments.begin(), list.segments.end(),
                                    [](const auto &segment) { return segment.gap; }));
    }
};

struct Renditions {
    Presentation::Options options;
    int64_t wall = 1'700'000'000 * sec;
    bool is_held = false; ///< the clock: what is sent comes at once
    std::unique_ptr<Presentation> presentation;
    std::map<std::string, std::unique_ptr<Served>> served;
    Numbers numbers;
    conformance::RenditionsChecker together;
    std::vector<std::string> warnings;

    explicit Renditions(Layout layout = Layout::separate, int64_t part = 200 * ms,
                        int64_t target = sec) {
        options.layout = layout;
        options.segmenter.target_duration = target;
        options.segmenter.part_duration = part;
        options.segmenter.wall_clock = [this] { return wall; };
        options.segmenter.monotonic_clock = [this] { return wall; };
        options.make_writer = [] { return std::make_unique<CmafWriter>(); };
        options.part_target = [this](const std::string &name) {
            const auto found = served.find(name);
            return found == served.end() ? int64_t(0) : found->second->stream.info().part_target;
        };
        restart();
    }
    bool has_parts() const { return options.segmenter.part_duration > 0; }
    /// A new producer, in the same place.
    void restart() {
        uint64_t next = 0;
        for (const auto &[name, one] : served) {
            next = std::max(next, one->stream.next_number());
            one->stream.interrupt();
            if (one->stream.info().target_duration)
                options.segmenter.announced = one->stream.info().target_duration;
            if (name == "video_0") options.segmenter.part_target = one->stream.info().part_target;
        }
        numbers.restart(next > 0 ? next : has_parts());
        presentation = std::make_unique<Presentation>(options);
    }
    size_t track(Kind kind, const std::string &name, FormatPtr format = nullptr) {
        const auto id = presentation->declare(kind, name);
        fail_unless(id.has_value(), "no place for %s", name.c_str());
        if (format) presentation->set_format(*id, std::move(format));
        return *id;
    }
    Served &at(const std::string &name) {
        const auto found = served.find(name);
        fail_unless(found != served.end(), "nothing came of %s", name.c_str());
        return *found->second;
    }
    void publish(Segment piece) {
        const std::string name = piece.about->name;
        fail_unless(presentation->expected().at(piece.rendition).name == name);
        auto &one = served[name];
        if (!one)
            one = std::make_unique<Served>(
                name, Stream::Options{.playlist_length = 20,
                                      .extra = 21,
                                      .target_duration = options.segmenter.target_duration,
                                      .epoch = 35,
                                      .container = piece.about->is_text ? webvtt_container
                                                                        : cmaf_container});
        if (piece.begins) {
            piece.sequence = numbers.place(piece.number, one->stream.next_number());
            if (one->stream.is_new()) {
                uint64_t discontinuities = 0;
                for (const auto &[other, beside] : served)
                    if (beside && !beside->stream.is_new())
                        discontinuities = std::max(discontinuities,
                                                   beside->stream.discontinuities(*piece.sequence));
                one->stream.begin_at(*piece.sequence - has_parts(), discontinuities);
            }
        }
        one->stream.publish(piece);
        std::vector<Bytes> media;
        if (piece.about->is_text)
            one->texts.push_back(text_of(piece.complete ? piece.data : Bytes()));
        else if (!has_parts() && !piece.data.empty())
            media.push_back(piece.data);
        for (const Part &part : piece.parts)
            if (!part.data.empty() && !piece.about->is_text) media.push_back(part.data);
        for (const Bytes &data : media) {
            mp4::read_init(piece.init);
            one->bytes.push_back(data);
            auto read = mp4::read_segment(one->bytes.back());
            fail_unless_equals_int(read.size(), 1);
            one->fragments.push_back(std::move(read[0]));
        }
        one->pieces.push_back(std::move(piece));
#ifdef PENSTOCK_SANITIZED
        see(name, *one); // take() sees them together
#else
        see_all();
#endif
    }
    std::string reports_for(const std::string &name) const {
        std::string reports;
        for (const auto &[other, one] : served)
            if (other != name && !one->stream.info().ended)
                reports += rendition_report(other, one->stream.edge());
        return reports;
    }
    std::string text(const std::string &name, const Served &one, bool delta = false) const {
        const bool has_reports = has_parts() && !one.stream.info().ended;
        return text_of(one.stream.playlist(delta)) + (has_reports ? reports_for(name) : "");
    }
    /// One rendition's playlist changes.
    void see(const std::string &name, Served &one) {
        one.whole.see(text(name, one));
        one.delta.see(text(name, one, one.playlists++ > 0));
    }
    void see_together() {
        std::map<std::string, std::string> texts;
        for (const auto &[name, one] : served)
            texts[name] = text(name, *one);
        together.see_media(texts);
    }
    void see_all() {
        for (const auto &[name, one] : served)
            see(name, *one);
        see_together();
    }
    std::string multivariant() {
        std::vector<Listed> listed;
        for (const auto &[name, one] : served)
            listed.push_back({name, one->stream.info()});
        const std::string text = penstock::hls::multivariant(listed, "index/");
        together.see(text);
        return text;
    }
    void take() {
        Segment piece;
        [[maybe_unused]] bool has_come = false;
        while (presentation->take(piece)) {
            publish(std::move(piece));
            has_come = true;
        }
#ifdef PENSTOCK_SANITIZED
        if (has_come) see_together();
#endif
        for (std::string &text : presentation->take_warnings())
            warnings.push_back(std::move(text));
    }
    void add(size_t track, Sample sample) {
        presentation->add(track, std::move(sample));
        take();
    }
    void finish(bool for_good = true) {
        presentation->finish();
        take();
        if (!for_good) return;
        for (const auto &[name, one] : served)
            one->stream.end();
        see_all();
    }
    void assert_conforms(const std::string &what) {
        for (const auto &[name, one] : served) {
            fail_unless(one->whole.problems.empty(), "%s, %s: %zu problems: %.600s", what.c_str(),
                        name.c_str(), one->whole.problems.size(), one->whole.text().c_str());
            fail_unless(one->delta.problems.empty(), "%s, %s, delta: %zu problems: %.600s",
                        what.c_str(), name.c_str(), one->delta.problems.size(),
                        one->delta.text().c_str());
        }
        fail_unless(together.problems.empty(), "%s: %zu problems: %.800s", what.c_str(),
                    together.problems.size(), together.text().c_str());
    }
};

/// A track of a live source.
struct Lane {
    size_t track = 0;
    Kind kind = Kind::video;
    double fps = 30;
    int64_t late = 0; ///< ns by which it arrives later
    bool bframes = false;
    size_t size = 40;                 ///< bytes of a frame
    int64_t from = 0, to = INT64_MAX; ///< when it sends anything
    size_t sent = 0;
};

/// Sends all lanes from `from` to `to` in order of arrival, keyframes each `gop`. Timestamps are
/// whole milliseconds, as FLV has them, if `flv`.
inline void run(Renditions &to, std::vector<Lane *> lanes, int64_t from, int64_t until,
                int64_t gop = sec, bool flv = false) {
    struct Next {
        Lane *lane;
        int64_t index = 0;
    };
    std::vector<Next> next;
    const auto step = [](const Lane &lane) {
        return lane.kind == Kind::video ? 1e9 / lane.fps : 1024e9 / 48'000;
    };
    for (Lane *lane : lanes)
        next.push_back({lane, int64_t(std::ceil(double(from) / step(*lane) - 1e-6))});
    const auto time_of = [&](const Lane &lane, int64_t i) {
        return int64_t(std::llround(double(i) * step(lane)));
    };
    const int64_t wall = to.wall;
    for (;;) {
        auto first = std::min_element(next.begin(), next.end(), [&](const Next &a, const Next &b) {
            return time_of(*a.lane, a.index) + a.lane->late <
                   time_of(*b.lane, b.index) + b.lane->late;
        });
        Lane &lane = *first->lane;
        const int64_t i = first->index++;
        const int64_t time = time_of(lane, i);
        if (time >= until) {
            next.erase(first);
            if (next.empty()) break;
            continue;
        }
        if (!to.is_held) to.wall = std::max(to.wall, wall + time + lane.late - from);
        if (time < lane.from || time >= lane.to) continue;
        const auto stamp = [&](int64_t t) { return flv ? t / ms * ms : t; };
        ++lane.sent;
        if (lane.kind == Kind::audio) {
            to.add(lane.track, audio_sample(stamp(time)));
            continue;
        }
        const int64_t frames = std::llround(double(gop) / step(lane));
        const int64_t in_gop = i % frames;
        int64_t pts = time;
        if (lane.bframes) // I P B P B …: B-frames are displayed a frame earlier than decoded
            pts = time_of(lane, in_gop == 0 ? i + 1 : in_gop % 2 ? i + 2 : i);
        if (lane.bframes && in_gop == frames - 1 && in_gop % 2) pts = time_of(lane, i + 1);
        const int64_t dts = lane.bframes ? time_of(lane, i) - 0 : time;
        // Displayed at the same moment as in renditions without B-frames.
        const int64_t early = lane.bframes ? time_of(lane, 1) : 0;
        Sample sample{stamp(pts - early),
                      stamp(dts - early),
                      0,
                      in_gop == 0,
                      picture(in_gop == 0, uint32_t(i), in_gop == 0 ? 3 * lane.size : lane.size),
                      false};
        to.add(lane.track, std::move(sample));
    }
}

} // namespace rig
