// SPDX-License-Identifier: LGPL-2.1-or-later
// FLV streams cut anywhere: tags without copies, headers kept, hostile input refused.
#include "core/flv/normalizer.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace penstock::flv;
using namespace samples;

namespace {

const std::vector<Tag> some_tags() {
    return {metadata(),
            video_config(),
            audio_config(),
            video_frame(0, true),
            audio_frame(0),
            video_frame(40, false),
            audio_frame(23),
            video_frame(80, true),
            video_config(90, other_sps),
            audio_frame(0x1000046)};
}

std::vector<uint8_t> stream_of(const std::vector<Tag> &tags, bool with_headers) {
    std::vector<uint8_t> bytes;
    auto append = [&](ByteView view) { bytes.insert(bytes.end(), view.begin(), view.end()); };
    if (with_headers) append(file_header(true, true));
    for (size_t i = 0; i < tags.size(); ++i) {
        // A second file header, as from flvmux when a viewer joins a server behind it.
        if (with_headers && i == 5) append(file_header(true, true));
        append(tags[i].bytes);
    }
    return bytes;
}

bool same(const Tag &a, const Tag &b) {
    return a.type == b.type && a.kind == b.kind && a.timestamp == b.timestamp &&
           std::equal(a.bytes.begin(), a.bytes.end(), b.bytes.begin(), b.bytes.end());
}

void check_tags(const std::vector<Tag> &got, const std::vector<Tag> &wanted, const char *where,
                size_t at) {
    fail_unless(got.size() == wanted.size(), "%s %zu: %zu tags, not %zu", where, at, got.size(),
                wanted.size());
    for (size_t i = 0; i < got.size(); ++i)
        fail_unless(same(got[i], wanted[i]), "%s %zu: tag %zu differs", where, at, i);
}

} // namespace

GST_START_TEST(test_any_split) {
    const auto tags = some_tags();
    for (bool with_headers : {true, false}) {
        const auto stream = stream_of(tags, with_headers);
        for (size_t cut = 0; cut <= stream.size(); ++cut) {
            Normalizer normalizer;
            std::vector<Tag> out;
            const Bytes all = Bytes::copy_of(stream);
            fail_unless(normalizer.push(all.sub(0, cut), out).is_ok());
            fail_unless(normalizer.push(all.sub(cut), out).is_ok());
            check_tags(out, tags, "cut", cut);
        }
        for (size_t piece = 1; piece <= 40; ++piece) {
            Normalizer normalizer;
            std::vector<Tag> out;
            for (size_t at = 0; at < stream.size(); at += piece)
                fail_unless(normalizer.push(Bytes::copy_of(stream).sub(at, piece), out).is_ok());
            check_tags(out, tags, "pieces of", piece);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_no_copy) {
    Normalizer normalizer;
    std::vector<Tag> out;
    const Tag tag = video_frame(0, true);
    fail_unless(normalizer.push(tag.bytes, out).is_ok());
    fail_unless(out.size() == 1 && out[0].bytes.data() == tag.bytes.data(), "a tag was copied");
}
GST_END_TEST

GST_START_TEST(test_headers) {
    Normalizer normalizer;
    std::vector<Tag> out;
    auto push = [&](const Tag &tag) { fail_unless(normalizer.push(tag.bytes, out).is_ok()); };
    push(video_config());
    push(audio_config());
    const unsigned version = normalizer.headers().version;
    push(video_config(5000)); // the same, later
    fail_unless_equals_int(normalizer.headers().version, version);
    push(metadata());
    fail_unless_equals_int(normalizer.headers().version, version + 1);
    const auto list = normalizer.headers().list();
    fail_unless(list.size() == 3 && list[0].kind == TagKind::metadata &&
                list[1].type == TagType::video && list[2].type == TagType::audio);

    push(audio_config(0, 0x1190));
    fail_unless_equals_int(normalizer.headers().version, version + 2);
    fail_unless_equals_int(normalizer.headers().audio_config->body()[2], 0x11);
    // MP3 needs no configuration, and AAC's would mislead viewers that join.
    push(make_tag(TagType::audio, 0, from_hex("2fff")));
    fail_if(normalizer.headers().audio_config);

    // The configuration of a second track does not replace the first track's.
    push(make_tag(TagType::video, 0, from_hex("96 00 61766331 01 0164")));
    fail_unless(normalizer.headers().video_config && normalizer.headers().more.size() == 1);

    normalizer.flush();
    fail_unless(normalizer.headers().video_config);
    normalizer.reset();
    fail_if(normalizer.headers().video_config);
    fail_if(normalizer.started());
}
GST_END_TEST

GST_START_TEST(test_flush) {
    Normalizer normalizer;
    std::vector<Tag> out;
    const Tag tag = video_frame(0, true);
    fail_unless(normalizer.push(tag.bytes.sub(0, 13), out).is_ok());
    normalizer.flush();
    fail_unless(normalizer.push(tag.bytes, out).is_ok());
    fail_unless_equals_int(out.size(), 1);
}
GST_END_TEST

GST_START_TEST(test_bad_trailer) {
    const Tag tag = audio_frame(5);
    for (uint32_t wrong : {0u, 1u, 0xFFFFFFFFu}) {
        std::vector<uint8_t> bytes(tag.bytes.begin(), tag.bytes.end());
        for (int i = 0; i < 4; ++i)
            bytes[bytes.size() - 4 + i] = uint8_t(wrong >> (24 - 8 * i));
        Normalizer normalizer;
        std::vector<Tag> out;
        fail_unless(normalizer.push(Bytes::adopt(std::move(bytes)), out).is_ok());
        fail_unless(out.size() == 1 && same(out[0], tag), "the trailer was not mended");
    }
}
GST_END_TEST

GST_START_TEST(test_hostile) {
    auto pushed = [](const char *hex, size_t max = 16 << 20) {
        Normalizer normalizer;
        normalizer.max_tag_size = max;
        std::vector<Tag> out;
        const auto bytes = from_hex(hex);
        // Input byte by byte: the error is reported with the first byte that makes it certain.
        for (uint8_t byte : bytes) {
            const Result result = normalizer.push(Bytes::copy_of(ByteView(&byte, 1)), out);
            if (!result.is_ok()) return result;
        }
        return Result::ok();
    };
    for (const char *bad : {"00", "ff", "28", "49", "0a", "46ff", "464c56 01050000 0003",
                            "464c56 0105ffff ffff", "474554202f"}) {
        const Result result = pushed(bad);
        fail_unless(result.is_error() && !result.reason().empty(), "%s was taken", bad);
    }
    fail_unless(pushed("28").reason().find("encrypted") != std::string::npos);
    fail_unless(pushed("09 000100 000000 00 000000", 100).is_error());
    fail_unless(pushed("09 000010 000000 00 000000", 100).is_ok());
    // A length that a header only claims costs no memory yet.
    fail_unless(pushed("09 7fffff 000000 00 000000").is_ok());

    // Tags before the error are kept, and a flush is enough to continue after it.
    Normalizer normalizer;
    std::vector<Tag> out;
    const Tag tag = audio_frame(0);
    std::vector<uint8_t> bytes(tag.bytes.begin(), tag.bytes.end());
    bytes.push_back(0xEE);
    fail_unless(normalizer.push(Bytes::adopt(std::move(bytes)), out).is_error());
    fail_unless(out.size() == 1 && normalizer.started());
    normalizer.flush();
    fail_unless(normalizer.push(tag.bytes, out).is_ok());
    fail_unless_equals_int(out.size(), 2);
}
GST_END_TEST

static Suite *flv_normalizer_suite() {
    Suite *s = suite_create("flv_normalizer");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_any_split);
    tcase_add_test(tc, test_no_copy);
    tcase_add_test(tc, test_headers);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_bad_trailer);
    tcase_add_test(tc, test_hostile);
    return s;
}
GST_CHECK_MAIN(flv_normalizer)
