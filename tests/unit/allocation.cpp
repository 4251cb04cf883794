// SPDX-License-Identifier: LGPL-2.1-or-later
// Parsers of network data when memory runs out: each allocation in turn fails. The parser throws
// only std::bad_alloc, can then be destroyed, and leaks nothing.
#include "core/fanout/flv_feed.h"
#include "core/flv/normalizer.h"
#include "core/rtmp/packet.h"
#include "unit/rtmp_client.hpp"

#include "flv_samples.hpp"

#include <cstdlib>
#include <functional>
#include <new>

#include "check.hpp"

namespace {

// Set on one thread only, so that no other allocation interferes.
thread_local bool counting = false;
thread_local long until_failure = -1; ///< allocations that succeed before one fails; negative: all
thread_local long blocks = 0;         ///< allocated and not freed while counting

void *allocate(std::size_t size) noexcept {
    if (counting && until_failure >= 0 && until_failure-- == 0) return nullptr;
    // A header in front of each block tells whether it is counted.
    auto *memory = static_cast<std::max_align_t *>(std::malloc(size + sizeof(std::max_align_t)));
    if (!memory) return nullptr;
    *reinterpret_cast<bool *>(memory) = counting;
    blocks += counting;
    return memory + 1;
}

void release(void *memory) noexcept {
    if (!memory) return;
    auto *block = static_cast<std::max_align_t *>(memory) - 1;
    blocks -= *reinterpret_cast<bool *>(block);
    std::free(block);
}

} // namespace

void *operator new(std::size_t size) {
    if (void *memory = allocate(size)) return memory;
    throw std::bad_alloc();
}
void *operator new[](std::size_t size) {
    return operator new(size);
}
void *operator new(std::size_t size, const std::nothrow_t &) noexcept {
    return allocate(size);
}
void *operator new[](std::size_t size, const std::nothrow_t &) noexcept {
    return allocate(size);
}
void operator delete(void *memory) noexcept {
    release(memory);
}
void operator delete[](void *memory) noexcept {
    release(memory);
}
void operator delete(void *memory, std::size_t) noexcept {
    release(memory);
}
void operator delete[](void *memory, std::size_t) noexcept {
    release(memory);
}

namespace {

using namespace penstock;

/// Runs `work` repeatedly, each time with another allocation that fails, until none does. Returns
/// the number of failures.
long fail_each(const std::function<void()> &work) {
    work(); // what is allocated once in a process
    for (long n = 0; n < 20'000; ++n) {
        bool failed = false;
        blocks = 0;
        until_failure = n;
        counting = true;
        try {
            work();
        } catch (const std::bad_alloc &) {
            failed = true;
        }
        counting = false;
        const bool reached = until_failure < 0;
        fail_unless(blocks == 0, "%ld blocks are left after failure %ld", blocks, n);
        if (!reached) {
            fail_if(failed);
            return n;
        }
    }
    fail("there is no end of allocations");
    return 0;
}

GST_START_TEST(test_rtmp_publisher) {
    rtmp_test::Client client;
    client.handshake().connect("live").publish("cam?key=x");
    const std::string frame = std::string("\x17\x01\x00\x00\x00", 5) + std::string(3000, 'k');
    client.message(rtmp_test::type::audio, 0, 1,
                   rtmp_test::view(std::string("\xaf\x00\x12\x10", 4)));
    client.message(rtmp_test::type::video, 40, 1, rtmp_test::view(frame));
    client.call(1, "deleteStream", 6);
    const std::vector<uint8_t> bytes = client.out.vector();
    const long failures = fail_each([&] {
        rtmp_test::Recorder recorder;
        for (size_t at = 0; at < bytes.size(); at += 700)
            recorder.feed(ByteView(bytes).subspan(at, std::min<size_t>(700, bytes.size() - at)));
        for (const flv::Tag &tag : recorder.tags)
            rtmp::make_packet(tag, tag.timestamp, rtmp::ServerSession::out_chunk_size);
        // Reached only without a failed allocation, which throws.
        if (recorder.tags.size() != 2) std::abort();
    });
    fail_unless(failures > 50, "only %ld allocations", failures);
}
GST_END_TEST

GST_START_TEST(test_flv_stream) {
    std::vector<uint8_t> bytes;
    for (const Bytes &part : {flv::file_header(true, true), samples::video_config().bytes,
                              samples::audio_config().bytes, samples::video_frame(0, true).bytes,
                              samples::audio_frame(0).bytes, samples::video_frame(40, false).bytes})
        bytes.insert(bytes.end(), part.begin(), part.end());
    const Bytes stream = Bytes::copy_of(bytes);
    const long failures = fail_each([&] {
        flv::Normalizer normalizer;
        std::vector<flv::Tag> tags;
        for (size_t at = 0; at < stream.size(); at += 17)
            (void)normalizer.push(stream.sub(at, 17), tags);
        fanout::Ring ring;
        fanout::FlvFeed feed(ring, {[](const flv::Tag &tag, uint32_t time) {
                                 return rtmp::make_packet(tag, time, 4096);
                             }});
        for (const flv::Tag &tag : tags)
            feed.append(tag, 1);
        fanout::Cursor cursor;
        std::vector<fanout::PacketPtr> first;
        ring.settle(cursor, fanout::Join::fast_forward, fanout::Slow::skip, first);
        if (tags.size() != 5 || first.empty()) std::abort();
    });
    fail_unless(failures > 20, "only %ld allocations", failures);
}
GST_END_TEST

Suite *allocation_suite() {
    Suite *suite = suite_create("allocation");
    TCase *tc = tcase_create("all");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_rtmp_publisher);
    tcase_add_test(tc, test_flv_stream);
    return suite;
}

} // namespace

GST_CHECK_MAIN(allocation)
