// SPDX-License-Identifier: LGPL-2.1-or-later
// Datagrams in a stream of TCP, whatever pieces it comes in.
#include "core/stun/frames.h"

#include <string>

#include "check.hpp"

using namespace penstock;

namespace {

std::vector<uint8_t> stream_of(const std::vector<size_t> &sizes) {
    std::vector<uint8_t> out;
    for (const size_t size : sizes) {
        const auto head = stun::head_of_frame(size);
        out.insert(out.end(), head.begin(), head.end());
        for (size_t i = 0; i < size; ++i)
            out.push_back(static_cast<uint8_t>(size + i));
    }
    return out;
}

} // namespace

GST_START_TEST(test_any_split) {
    const std::vector<size_t> sizes{3, 0, 1, 300, 2048, 5, 0};
    const auto stream = stream_of(sizes);
    for (const size_t piece : {1, 2, 3, 7, 299, 1000, 5000}) {
        stun::FrameReader reader(2048);
        std::vector<std::vector<uint8_t>> frames;
        auto bytes = stream;
        for (size_t at = 0; at < bytes.size(); at += piece)
            fail_unless(
                reader.read(std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)),
                            [&](ByteView frame) {
                                frames.emplace_back(frame.begin(), frame.end());
                                return true;
                            }));
        fail_unless_equals_int(frames.size(), sizes.size());
        for (size_t i = 0; i < sizes.size(); ++i) {
            const auto one = stream_of({sizes[i]});
            fail_unless(std::equal(frames[i].begin(), frames[i].end(), one.begin() + 2, one.end()));
        }
    }
}
GST_END_TEST

GST_START_TEST(test_ends) {
    for (const size_t piece : {1, 5000}) {
        auto bytes = stream_of({4, 2049, 4});
        stun::FrameReader reader(2048);
        unsigned frames = 0;
        bool is_readable = true;
        for (size_t at = 0; is_readable && at < bytes.size(); at += piece)
            is_readable = reader.read(
                std::span(bytes).subspan(at, std::min(piece, bytes.size() - at)), [&](ByteView) {
                    ++frames;
                    return true;
                });
        fail_unless(!is_readable);
        fail_unless_equals_int(frames, 1);
        // Nor does it go on when its taker does not.
        bytes = stream_of({4, 4, 4});
        stun::FrameReader stopped(2048);
        frames = 0;
        fail_unless(!stopped.read(bytes, [&](ByteView) { return ++frames < 2; }));
        fail_unless_equals_int(frames, 2);
    }
}
GST_END_TEST

static Suite *stun_frames_suite() {
    Suite *s = suite_create("stun_frames");
    TCase *tc = tcase_create("all");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_any_split);
    tcase_add_test(tc, test_ends);
    return s;
}
GST_CHECK_MAIN(stun_frames)
