// SPDX-License-Identifier: LGPL-2.1-or-later
// Conversion between GstBuffer and Bytes: what is shared, copied and kept alive.
#include "gst/bytes.h"

#include <numeric>

#include "check.hpp"

using namespace penstock;

namespace {

Bytes numbers(size_t count) {
    std::vector<uint8_t> out(count);
    std::iota(out.begin(), out.end(), uint8_t(0));
    return Bytes::adopt(std::move(out));
}

void set_true(gpointer flag, GstMiniObject *) {
    *static_cast<bool *>(flag) = true;
}

GST_START_TEST(test_there_and_back) {
    const Bytes bytes = numbers(100);
    const auto buffer = buffer_of(bytes);
    fail_unless_equals_uint64(gst_buffer_get_size(buffer.get()), 100);
    const Bytes back = bytes_of(buffer.get());
    fail_unless(back.data() == bytes.data() && back.size() == 100);
    // A part of a part, as demuxers produce them.
    auto part = GstPtr<GstBuffer>::adopt(
        gst_buffer_copy_region(buffer.get(), GST_BUFFER_COPY_MEMORY, 10, 50));
    part = GstPtr<GstBuffer>::adopt(
        gst_buffer_copy_region(part.get(), GST_BUFFER_COPY_MEMORY, 5, gsize(-1)));
    const Bytes cut = bytes_of(part.get());
    fail_unless(cut.data() == bytes.data() + 15);
    fail_unless_equals_uint64(cut.size(), 45);
    gst_buffer_resize(part.get(), 1, 2);
    fail_unless(bytes_of(part.get()).data() == bytes.data() + 16);
    const Bytes none;
    fail_unless_equals_uint64(bytes_of(buffer_of(none).get()).size(), 0);
}
GST_END_TEST

// Access by code that does not know Bytes.
GST_START_TEST(test_others_read_it) {
    const Bytes bytes = numbers(100);
    const auto whole = buffer_of(bytes);
    auto buffer = GstPtr<GstBuffer>::adopt(
        gst_buffer_copy_region(whole.get(), GST_BUFFER_COPY_MEMORY, 20, 30));
    GstMapInfo map;
    fail_unless(gst_buffer_map(buffer.get(), &map, GST_MAP_READ));
    fail_unless(map.data == bytes.data() + 20 && map.size == 30);
    gst_buffer_unmap(buffer.get(), &map);
    // Mapping it for writing makes a copy.
    fail_unless(gst_buffer_map(buffer.get(), &map, GST_MAP_READWRITE));
    fail_unless_equals_int(map.data[0], 20);
    map.data[0] = 99;
    gst_buffer_unmap(buffer.get(), &map);
    fail_unless_equals_int(bytes[20], 20);
    fail_unless_equals_int(bytes_of(buffer.get())[0], 99);
    // Two parts are merged into one block.
    auto joined = GstPtr<GstBuffer>::adopt(
        gst_buffer_append(gst_buffer_copy_region(whole.get(), GST_BUFFER_COPY_MEMORY, 0, 10),
                          buffer_of(bytes.sub(10)).release()));
    fail_unless_equals_int(gst_buffer_memcmp(joined.get(), 0, bytes.data(), 100), 0);
    fail_unless_equals_uint64(bytes_of(joined.get()).size(), 100);
}
GST_END_TEST

GST_START_TEST(test_who_keeps_what) {
    const auto alive = std::make_shared<int>(0);
    const uint8_t data[4] = {1, 2, 3, 4};
    auto buffer = buffer_of(Bytes(alive, data, 4));
    fail_unless_equals_int(alive.use_count(), 2);
    bool gone = false;
    gst_mini_object_weak_ref(GST_MINI_OBJECT_CAST(buffer.get()), set_true, &gone);
    Bytes kept = bytes_of(buffer.get());
    buffer.reset();
    fail_unless(gone); // a viewer that is slow holds bytes, no buffers
    fail_unless_equals_int(alive.use_count(), 2);
    kept = {};
    fail_unless_equals_int(alive.use_count(), 1);

    // Memory of another allocator is held mapped, together with its buffer.
    buffer = GstPtr<GstBuffer>::adopt(gst_buffer_new_memdup(data, 4));
    gone = false;
    gst_mini_object_weak_ref(GST_MINI_OBJECT_CAST(buffer.get()), set_true, &gone);
    kept = bytes_of(buffer.get());
    buffer.reset();
    fail_if(gone);
    fail_unless_equals_int(kept[3], 4);
    kept = {};
    fail_unless(gone);
}
GST_END_TEST

// A pool would run dry if its buffers were kept.
GST_START_TEST(test_pools_get_theirs_back) {
    GstBufferPool *pool = gst_buffer_pool_new();
    GstStructure *config = gst_buffer_pool_get_config(pool);
    gst_buffer_pool_config_set_params(config, nullptr, 16, 1, 1);
    fail_unless(gst_buffer_pool_set_config(pool, config));
    fail_unless(gst_buffer_pool_set_active(pool, TRUE));
    GstBuffer *buffer = nullptr;
    fail_unless_equals_int(gst_buffer_pool_acquire_buffer(pool, &buffer, nullptr), GST_FLOW_OK);
    gst_buffer_memset(buffer, 0, 7, 16);
    const Bytes kept = bytes_of(buffer);
    gst_buffer_unref(buffer);
    GstBufferPoolAcquireParams now{};
    now.flags = GST_BUFFER_POOL_ACQUIRE_FLAG_DONTWAIT;
    fail_unless_equals_int(gst_buffer_pool_acquire_buffer(pool, &buffer, &now), GST_FLOW_OK);
    gst_buffer_memset(buffer, 0, 8, 16);
    fail_unless_equals_int(kept[15], 7);
    gst_buffer_unref(buffer);
    gst_buffer_pool_set_active(pool, FALSE);
    gst_object_unref(pool);
}
GST_END_TEST

// The normalizer's result stays attached to whole tags, and only to these.
GST_START_TEST(test_known_tag) {
    const uint8_t body[] = {0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65};
    const flv::Tag tag = flv::make_tag(flv::TagType::video, 1234, body);
    const auto original = buffer_of(tag, 7);
    const auto is_known = [&](GstBuffer *buffer) {
        const KnownTag *known = known_tag(buffer);
        if (!known) return false;
        fail_unless(known->tag.bytes.data() == tag.bytes.data());
        fail_unless(known->tag.bytes.size() == tag.bytes.size());
        fail_unless(known->tag.kind == flv::TagKind::keyframe);
        fail_unless(known->tag.type == flv::TagType::video);
        fail_unless_equals_int(known->tag.timestamp, 1234);
        fail_unless_equals_int(known->config, 7);
        return true;
    };
    const auto copy = [&](GstBufferCopyFlags flags, gsize offset, gssize size) {
        return GstPtr<GstBuffer>::adopt(
            gst_buffer_copy_region(original.get(), flags, offset, gsize(size)));
    };
    const auto all = static_cast<gssize>(tag.bytes.size());
    fail_unless(is_known(original.get()));
    // Changes to timestamps, flags and other metas keep it.
    auto buffer = GstPtr<GstBuffer>::adopt(gst_buffer_copy(original.get()));
    GST_BUFFER_PTS(buffer.get()) = 5 * GST_SECOND;
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DISCONT);
    const auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple("timestamp/x-unix"));
    gst_buffer_add_reference_timestamp_meta(buffer.get(), caps.get(), 1, GST_CLOCK_TIME_NONE);
    fail_unless(is_known(buffer.get()));
    fail_unless(is_known(copy(GST_BUFFER_COPY_MEMORY, 0, all).get()));
    fail_unless(is_known(copy(GST_BUFFER_COPY_ALL, 0, -1).get()));
    // Partial copies of every kind lose it.
    fail_if(is_known(copy(GST_BUFFER_COPY_ALL, 0, all - 1).get()));
    fail_if(is_known(copy(GST_BUFFER_COPY_ALL, 1, -1).get()));
    buffer = GstPtr<GstBuffer>::adopt(gst_buffer_copy(original.get()));
    gst_buffer_resize(buffer.get(), 0, all - 4);
    fail_if(is_known(buffer.get()));
    gst_buffer_append(buffer.get(), gst_buffer_ref(original.get()));
    fail_if(is_known(buffer.get()));
    // Other memory loses it, because its bytes may differ by now.
    fail_if(is_known(GstPtr<GstBuffer>::adopt(gst_buffer_copy_deep(original.get())).get()));
    buffer = GstPtr<GstBuffer>::adopt(gst_buffer_copy(original.get()));
    GstMapInfo map;
    fail_unless(gst_buffer_map(buffer.get(), &map, GST_MAP_READWRITE));
    gst_buffer_unmap(buffer.get(), &map);
    fail_if(is_known(buffer.get()));
    fail_unless(is_known(original.get()));
    fail_if(is_known(buffer_of(tag.bytes).get()));
    fail_if(is_known(GstPtr<GstBuffer>::adopt(gst_buffer_new()).get()));
}
GST_END_TEST

} // namespace

static Suite *bytes_suite() {
    Suite *s = suite_create("bytes");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_there_and_back);
    tcase_add_test(tc, test_others_read_it);
    tcase_add_test(tc, test_who_keeps_what);
    tcase_add_test(tc, test_pools_get_theirs_back);
    tcase_add_test(tc, test_known_tag);
    return s;
}
GST_CHECK_MAIN(bytes)
