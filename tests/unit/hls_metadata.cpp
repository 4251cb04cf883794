// SPDX-License-Identifier: LGPL-2.1-or-later
// Timed ID3 metadata: event messages of CMAF, a stream of MPEG-TS, in the segment or part of their
// time.
#include "core/hls/presentation.h"
#include "core/id3/tag.h"

#include "unit/hls_renditions_rig.hpp"

using namespace rig;

namespace {

Bytes title(const std::string &text) {
    const id3::Text frame{"TIT2", text};
    return id3::make_tag(std::span(&frame, 1));
}

struct Event {
    std::string scheme;
    uint64_t time = 0; ///< ms
    uint32_t duration = 0;
    std::string message;
};
Event read_event(const mp4::Box &box) {
    Reader r(box.content);
    fail_unless_equals_int(r.u32(), 1u << 24);
    Event event;
    const uint32_t timescale = r.u32();
    event.time = r.u64() * 1000 / timescale;
    event.duration = r.u32();
    r.skip(4);
    const auto text = [&] {
        std::string value;
        while (const uint8_t c = r.u8())
            value += static_cast<char>(c);
        return value;
    };
    event.scheme = text();
    text();
    event.message.assign(r.rest().begin(), r.rest().end());
    return event;
}

constexpr uint64_t origin_ms = 10'000; // the stream begins there

} // namespace

GST_START_TEST(test_tags) {
    const Bytes tag = title("caf\xC3\xA9");
    const std::string expected = std::string("ID3\x04\0\0\0\0\0\x10", 10) +
                                 std::string("TIT2\0\0\0\x06\0\0\x03", 11) + "caf\xC3\xA9";
    fail_unless(text_of(tag) == expected);
    fail_unless(id3::is_tag(tag));
    const Bytes longer = title(std::string(100'000, 'x'));
    fail_unless(id3::is_tag(longer) && longer.size() < 5000);
    std::vector<uint8_t> two(tag.begin(), tag.end());
    two.insert(two.end(), longer.begin(), longer.end());
    fail_unless(id3::is_tag(two));
    for (size_t size = 0; size < tag.size(); ++size)
        fail_unless(!id3::is_tag(tag.sub(0, size)));
    two.push_back(0);
    fail_unless(!id3::is_tag(two));
}
GST_END_TEST

GST_START_TEST(test_cmaf) {
    for (const int64_t part : {int64_t(0), 200 * ms})
        for (const Layout layout : {Layout::separate, Layout::muxed}) {
            Renditions r(layout, part);
            Lane video{.track = r.track(Kind::video, "video_0", cmaf_video())};
            Lane audio{.track = r.track(Kind::audio, "audio_0", cmaf_audio()), .kind = Kind::audio};
            run(r, {&video, &audio}, 0, 1500 * ms);
            r.presentation->add_metadata({1700 * ms, title("now")});
            r.presentation->add_metadata({4100 * ms, title("ahead")});
            run(r, {&video, &audio}, 1500 * ms, 4500 * ms);
            r.presentation->add_metadata({2000 * ms, title("late")});
            run(r, {&video, &audio}, 4500 * ms, 6 * sec);
            r.finish();
            std::vector<Event> events;
            for (const mp4::Fragment &fragment : r.at("video_0").fragments) {
                const mp4::Sample &first = fragment.tracks.at(video_id).front();
                const mp4::Sample &last = fragment.tracks.at(video_id).back();
                for (const mp4::Box &box : fragment.events) {
                    events.push_back(read_event(box));
                    const uint64_t ticks = events.back().time * 90;
                    fail_unless(ticks <= last.dts + last.duration);
                    fail_unless(ticks >= first.dts || events.back().time == origin_ms + 2000);
                }
            }
            fail_unless_equals_int(events.size(), 3);
            std::sort(events.begin(), events.end(),
                      [](const Event &a, const Event &b) { return a.time < b.time; });
            fail_unless(events[0].time == origin_ms + 1700 && events[1].time == origin_ms + 2000 &&
                        events[2].time == origin_ms + 4100);
            fail_unless(events[2].message == text_of(title("ahead")));
            for (const Event &event : events)
                fail_unless(event.scheme == "https://aomedia.org/emsg/ID3" &&
                            event.duration == 0xFFFFFFFF);
            if (layout == Layout::separate)
                for (const mp4::Fragment &fragment : r.at("audio_0").fragments)
                    fail_unless(fragment.events.empty()); // video has them
        }
}
GST_END_TEST

GST_START_TEST(test_mpegts) {
    for (const bool has_video : {true, false}) {
        Rig rig;
        if (has_video) rig.segmenter->set_format(video_format());
        rig.segmenter->set_format(audio_format());
        rig.feed({.to = 5 * sec, .video = has_video});
        rig.segmenter->add_metadata({5500 * ms, title("one")});
        // Only video's packets may be without a length.
        rig.segmenter->add_metadata({6000 * ms, Bytes::adopt(std::vector<uint8_t>(65'528))});
        rig.segmenter->add_metadata({6500 * ms, title("two")});
        rig.segmenter->add_metadata({7000 * ms, Bytes::adopt(std::vector<uint8_t>(65'527))});
        rig.feed({.from = 5 * sec, .to = 12 * sec, .video = has_video});
        constexpr uint16_t pid = 0x102;
        const auto units = rig.all(pid);
        fail_unless_equals_int(units.size(), 3);
        fail_unless_equals_int(units[2].payload.size(), 65'527);
        fail_unless_equals_uint64(units[0].pts, uint64_t(tick_origin) + 5500 * 90);
        fail_unless(units[0].stream_id == 0xBD);
        const std::vector<uint8_t> &payload = units[1].payload;
        fail_unless(std::string(payload.begin(), payload.end()) == text_of(title("two")));
        // The stream is in the program from then on.
        bool was_there = false;
        for (const ts::Stream &stream : rig.streams) {
            const bool is_there = stream.types.count(pid) > 0;
            fail_unless(is_there || !was_there);
            fail_unless(!is_there || stream.types.at(pid) == 0x15);
            was_there = is_there;
        }
        fail_unless(was_there);
    }
}
GST_END_TEST

GST_START_TEST(test_bounds) {
    MetadataQueue queue;
    for (int i = 0; i < 1000; ++i)
        queue.add({i * ms, title("x")});
    for (int i = 0; i < 100; ++i)
        queue.add({i * ms, Bytes::adopt(std::vector<uint8_t>(200'000))});
    size_t bytes = 0;
    struct Counter final : SegmentWriter {
        size_t &bytes;
        explicit Counter(size_t &b) : bytes(b) {}
        const Container &container() const override { return cmaf_container; }
        Bytes write(TrackSamples &, const TrackSamples &, const SegmentTimes &) override {
            return {};
        }
        void add_metadata(Metadata metadata) override { bytes += metadata.tag.size(); }
    } counter(bytes);
    queue.move_to(counter, 10 * sec);
    fail_unless(bytes > 0 && bytes <= MetadataQueue::max_bytes);
    // A file's come all at once, ahead of the media.
    for (int i = 0; i < 5000; ++i)
        fail_unless_equals_int(queue.add({i * ms, title("x")}, false), 0);
    bytes = 0;
    queue.move_to(counter, 10 * sec);
    fail_unless_equals_int(bytes, 5000 * title("x").size());
    size_t dropped = 0;
    for (int i = 0; i < 100; ++i)
        dropped += queue.add({i * ms, Bytes::adopt(std::vector<uint8_t>(1 << 20))}, false);
    fail_unless_equals_int(dropped, 36);
}
GST_END_TEST

static Suite *hls_metadata_suite() {
    Suite *s = suite_create("hls_metadata");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_tags);
    tcase_add_test(tc, test_cmaf);
    tcase_add_test(tc, test_mpegts);
    tcase_add_test(tc, test_bounds);
    return s;
}
GST_CHECK_MAIN(hls_metadata)
