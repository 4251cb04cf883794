// SPDX-License-Identifier: LGPL-2.1-or-later
// HLS in a directory: its window of files, an earlier run's files, and errors of the disk.
#include "core/net/http/hls/directory.h"

#include "core/hls/cmaf_writer.h"
#include "core/net/http/hls/rendition_files.h"

#include "check.hpp"

#include <sys/resource.h>

using namespace penstock;
using namespace penstock::net;
namespace fs = std::filesystem;

/// A directory that is removed with the test.
struct Place {
    fs::path path;
    Place() {
        std::string name = (fs::temp_directory_path() / "penstock-hls-XXXXXX").string();
        fail_unless(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Place() { fs::remove_all(path); }
    std::string playlist() const { return (path / "index.m3u8").string(); }
    std::set<std::string> files() const {
        std::set<std::string> names;
        for (const auto &entry : fs::directory_iterator(path))
            names.insert(entry.path().filename().string());
        return names;
    }
    void put(const std::string &name, const std::string &content) const {
        std::ofstream(path / name) << content;
    }
    playlist::MediaPlaylist read() const {
        std::ifstream in(playlist());
        std::ostringstream text;
        text << in.rdbuf();
        playlist::MediaPlaylist list;
        const Result result = playlist::parse(text.str(), list);
        fail_unless(result.is_ok(), "%s", result.reason().c_str());
        for (const playlist::Segment &segment : list.segments)
            fail_unless(fs::exists(path / segment.uri), "%s is not there", segment.uri.c_str());
        return list;
    }
};

static hls::Segment segment(size_t size = 1880) {
    hls::Segment segment;
    segment.data = Bytes::adopt(std::vector<uint8_t>(size, 0x47));
    segment.duration = 2'000'000'000;
    segment.program_date_time = 1'700'000'000'000;
    return segment;
}

static std::unique_ptr<HlsDirectory> open_at(const Place &place, uint64_t epoch,
                                             unsigned length = 3) {
    std::string error;
    auto store =
        HlsDirectory::open(place.playlist(), {.playlist_length = length, .epoch = epoch}, &error);
    fail_unless(store != nullptr, "%s", error.c_str());
    return store;
}

GST_START_TEST(test_window_of_files) {
    Place place;
    place.put("seg-holiday.ts", "mine");
    place.put("seg-99-0.ts", "of nobody we know");
    auto store = open_at(place, 1);
    for (int i = 0; i < 12; ++i) {
        fail_unless(store->publish(segment()).is_ok());
        place.read();
    }
    fail_unless(place.files() ==
                std::set<std::string>({"index.m3u8", "seg-holiday.ts", "seg-99-0.ts", "seg-1-5.ts",
                                       "seg-1-6.ts", "seg-1-7.ts", "seg-1-8.ts", "seg-1-9.ts",
                                       "seg-1-10.ts", "seg-1-11.ts"}));
    fail_unless(place.read().media_sequence == 9 && !place.read().ended);
    fail_unless(store->end().is_ok());
    fail_unless(place.read().ended);
}
GST_END_TEST

GST_START_TEST(test_next_run) {
    Place place;
    place.put("keep.txt", "mine");
    place.put("seg-99-0.ts", "mine too");
    open_at(place, 1)->end(); // nothing came: nothing is written
    fail_unless_equals_int(place.files().size(), 2);
    {
        auto store = open_at(place, 1);
        for (int i = 0; i < 9; ++i)
            fail_unless(store->publish(segment()).is_ok());
        place.put("seg-1-9.ts.part", "half, as after a crash");
        fail_unless(store->end().is_ok());
    }
    auto store = open_at(place, 2);
    fail_unless(store->publish(segment()).is_ok());
    auto list = place.read();
    fail_unless(list.media_sequence == 7 && !list.ended && list.segments.size() == 3);
    fail_unless(list.segments[2].uri == "seg-2-9.ts" && list.segments[2].discontinuity);
    fail_unless(!list.segments[0].discontinuity && list.discontinuity_sequence == 0);
    for (int i = 0; i < 12; ++i)
        fail_unless(store->publish(segment()).is_ok());
    list = place.read();
    fail_unless(list.discontinuity_sequence == 1 && list.media_sequence == 19);
    const auto files = place.files();
    fail_unless_equals_int(files.size(), 2 + 1 + 7);
    fail_unless(files.count("keep.txt") && files.count("seg-99-0.ts"));
    for (const std::string &name : files)
        fail_if(name.starts_with("seg-1-"), "%s was left", name.c_str());
}
GST_END_TEST

GST_START_TEST(test_foreign_leftovers) {
    Place place;
    place.put("index.m3u8", "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:2,\nsegment7.ts\n"
                            "#EXTINF:2,\nsegment8.ts\n");
    place.put("segment7.ts", "x");
    place.put("segment8.ts", "x");
    {
        auto store = open_at(place, 1);
        fail_unless(store->publish(segment()).is_ok());
        const auto list = place.read();
        fail_unless(list.media_sequence == 9 && list.segments.size() == 1 &&
                    list.segments[0].discontinuity);
        fail_unless(place.files().count("segment7.ts"));
    }
    // A file that is no playlist at all is replaced.
    place.put("index.m3u8", "hello");
    auto store = open_at(place, 2);
    fail_unless(store->publish(segment()).is_ok());
    fail_unless(place.read().segments.size() == 1);
}
GST_END_TEST

// A full disk, simulated by a limit on the size of files: this segment is lost and reported, the
// next one is written.
GST_START_TEST(test_no_space) {
    Place place;
    auto store = open_at(place, 1);
    fail_unless(store->publish(segment()).is_ok());
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit, before;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 4096;
    fail_unless(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    const Result result = store->publish(segment(100'000));
    setrlimit(RLIMIT_FSIZE, &before);
    fail_unless(result.is_error() && result.reason().find("seg-1-1.ts") != std::string::npos);
    fail_unless(place.files() == std::set<std::string>({"index.m3u8", "seg-1-0.ts"}));
    fail_unless(store->publish(segment(100'000)).is_ok());
    const auto list = place.read();
    fail_unless(list.segments.size() == 2 && list.segments[1].discontinuity);
}
GST_END_TEST

// A symbolic link in the place of a new file is not followed.
GST_START_TEST(test_planted_link) {
    Place place;
    auto store = open_at(place, 2);
    place.put("precious", "untouched");
    for (const char *name : {"seg-2-0.ts.part", "index.m3u8.part"})
        fs::create_symlink(place.path / "precious", place.path / name);
    fail_unless(store->publish(segment()).is_ok());
    std::string text;
    std::getline(std::ifstream(place.path / "precious"), text);
    fail_unless_equals_string(text.c_str(), "untouched");
    fail_unless(place.read().segments.size() == 1);
}
GST_END_TEST

GST_START_TEST(test_bad_places) {
    std::string error;
    for (const char *bad :
         {"", "index.m3u8", "/tmp/x.mp4", "/proc/no/such/index.m3u8", "/dev/null/index.m3u8"}) {
        error.clear();
        fail_if(HlsDirectory::open(bad, {}, &error), "%s was opened", bad);
        fail_if(error.empty());
    }
}
GST_END_TEST

// A package replaces nothing: neither what is there at its beginning nor what has come meanwhile.
GST_START_TEST(test_package_keeps) {
    for (const bool is_single : {false, true}) {
        const HlsDirectory::Options options{.playlist_length = 0,
                                            .container = hls::cmaf_container,
                                            .is_vod = true,
                                            .is_single_file = is_single};
        std::set<std::string> kept{"index.m3u8", "index.m3u8.part"};
        kept.merge(is_single ? std::set<std::string>{"index.mp4", "index.mp4.part"}
                             : std::set<std::string>{"index.mpd", "index.mpd.part"});
        for (const std::string &name : kept) {
            Place place;
            place.put(name, "mine");
            std::string error;
            fail_if(HlsDirectory::open(place.playlist(), options, &error), "%s", name.c_str());
            fail_unless(error.find(name + " exists") != error.npos, "%s", error.c_str());
            if (!is_single) {
                fail_if(HlsRenditionFiles::open(place.playlist(), options, &error));
                fail_unless(error.find(name + " exists") != error.npos, "%s", error.c_str());
            }
            fail_unless(place.files() == std::set<std::string>({name}));
        }
        for (const std::string &name : kept) {
            if (name.ends_with(".part")) continue;
            Place place;
            std::string error;
            auto store = HlsDirectory::open(place.playlist(), options, &error);
            fail_unless(store != nullptr, "%s", error.c_str());
            hls::Segment made = segment();
            made.codecs = "avc1.64001f";
            made.has_video = true;
            made.place = {0, 0, made.duration};
            fail_unless(store->publish(made).is_ok());
            place.put(name, "mine");
            const Result result = store->end();
            fail_unless(result.is_error() &&
                            result.reason().find(name + " exists") != std::string::npos,
                        "%s: %s", name.c_str(), result.is_ok() ? "" : result.reason().c_str());
            std::string text;
            std::getline(std::ifstream(place.path / name), text);
            fail_unless_equals_string(text.c_str(), "mine");
            store.reset();
            fail_if(place.files().count(name + ".part"));
        }
    }
}
GST_END_TEST

// A second packager finds the first one's file, and leaves it.
GST_START_TEST(test_two_packagers) {
    Place place;
    const HlsDirectory::Options options{
        .playlist_length = 0, .is_vod = true, .is_single_file = true};
    std::string error;
    auto first = HlsDirectory::open(place.playlist(), options, &error);
    fail_unless(first && first->publish(segment()).is_ok());
    fail_if(HlsDirectory::open(place.playlist(), options, &error));
    fail_unless(error.find("index.ts.part exists") != error.npos, "%s", error.c_str());
    fail_unless(first->publish(segment()).is_ok() && first->end().is_ok());
    fail_unless(place.files() == std::set<std::string>({"index.m3u8", "index.ts"}));
    fail_unless_equals_uint64(fs::file_size(place.path / "index.ts"), 2 * 1880);
}
GST_END_TEST

// A package in one file: it appears with its playlist, whole, and ranges have all of it in order.
GST_START_TEST(test_single_file) {
    Place place;
    const auto open = [&](std::string &error) {
        return HlsDirectory::open(place.playlist(),
                                  {.playlist_length = 0,
                                   .container = hls::cmaf_container,
                                   .is_vod = true,
                                   .is_single_file = true},
                                  &error);
    };
    std::string error;
    const auto made = [](size_t size, uint8_t value, size_t init) {
        hls::Segment made = segment();
        made.data = size ? Bytes::adopt(std::vector<uint8_t>(size, value)) : Bytes();
        made.init = init ? Bytes::adopt(std::vector<uint8_t>(init, uint8_t('i'))) : Bytes();
        made.about = std::make_shared<hls::About>();
        return made;
    };
    std::string expected;
    {
        auto store = open(error);
        fail_unless(store != nullptr, "%s", error.c_str());
        // A new init segment after the second, and one without media at the end.
        for (const auto &one :
             {made(1000, 'a', 30), made(500, 'b', 30), made(700, 'c', 31), made(0, 0, 0)})
            fail_unless(store->publish(one).is_ok());
        fail_unless(place.files() == std::set<std::string>({"index.mp4.part"}));
        fail_unless(store->end().is_ok());
        fail_unless_equals_uint64(store->bytes_written(),
                                  1000 + 500 + 700 + 30 + 31 + 8 + fs::file_size(place.playlist()));
    }
    fail_unless(place.files() == std::set<std::string>({"index.m3u8", "index.mp4"}));
    std::ostringstream content;
    content << std::ifstream(place.path / "index.mp4", std::ios::binary).rdbuf();
    const std::string text = content.str();
    fail_unless_equals_uint64(text.size(), 2269);
    const auto list = place.read();
    fail_unless(list.type == playlist::Type::vod && list.ended && list.segments.size() == 4);
    const auto bytes = [&](const std::optional<playlist::ByteRange> &range) {
        fail_unless(range && range->offset + range->length <= text.size());
        return text.substr(range->offset, range->length);
    };
    fail_unless(bytes(list.segments[0].range) == std::string(1000, 'a'));
    fail_unless(bytes(list.segments[1].range) == std::string(500, 'b'));
    fail_unless(bytes(list.segments[2].range) == std::string(700, 'c'));
    fail_unless(bytes(list.segments[3].range).substr(4) == "free" && list.segments[3].gap);
    fail_unless(list.segments[0].map_range == list.segments[1].map_range);
    fail_unless(bytes(list.segments[1].map_range) == std::string(30, 'i'));
    fail_unless(bytes(list.segments[2].map_range) == std::string(31, 'i'));

    // Neither the playlist nor the file is replaced.
    fs::remove(place.playlist());
    fail_if(open(error));
    fail_unless(error.find("index.mp4 exists") != error.npos, "%s", error.c_str());
    // Nothing came: nothing is left.
    fs::remove(place.path / "index.mp4");
    fail_unless(open(error)->end().is_ok());
    fail_unless(place.files().empty());
}
GST_END_TEST

// A package in one file that could not be written is none.
GST_START_TEST(test_single_file_no_space) {
    Place place;
    std::string error;
    auto store = HlsDirectory::open(
        place.playlist(), {.playlist_length = 0, .is_vod = true, .is_single_file = true}, &error);
    fail_unless(store && store->publish(segment()).is_ok());
    signal(SIGXFSZ, SIG_IGN);
    rlimit limit, before;
    getrlimit(RLIMIT_FSIZE, &before);
    limit = before;
    limit.rlim_cur = 4096;
    fail_unless(setrlimit(RLIMIT_FSIZE, &limit) == 0);
    fail_unless(store->publish(segment(100'000)).is_error());
    setrlimit(RLIMIT_FSIZE, &before);
    fail_unless(store->publish(segment()).is_error());
    fail_unless(store->end().is_error());
    store.reset();
    fail_unless(place.files().empty());
}
GST_END_TEST

static Suite *hls_directory_suite() {
    Suite *s = suite_create("hls_directory");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_window_of_files);
    tcase_add_test(tc, test_next_run);
    tcase_add_test(tc, test_foreign_leftovers);
    tcase_add_test(tc, test_no_space);
    tcase_add_test(tc, test_planted_link);
    tcase_add_test(tc, test_bad_places);
    tcase_add_test(tc, test_package_keeps);
    tcase_add_test(tc, test_two_packagers);
    tcase_add_test(tc, test_single_file);
    tcase_add_test(tc, test_single_file_no_space);
    return s;
}
GST_CHECK_MAIN(hls_directory)
