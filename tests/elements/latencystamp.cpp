// SPDX-License-Identifier: LGPL-2.1-or-later
// latencystamp: the code is drawn in place in every format, and nothing else in the frame changes.
#include "core/latency/panel.h"
#include "core/latency/reader.h"
#include "gst/ptr.h"

#include <gst/video/video.h>

#include "check.hpp"

using namespace penstock;
using namespace penstock::latency;

namespace {

const char *const formats[] = {"I420", "NV12", "YUY2", "RGB",  "BGR",  "RGBx", "BGRx",
                               "xRGB", "xBGR", "RGBA", "BGRA", "ARGB", "ABGR", "YV12",
                               "NV21", "UYVY", "Y42B", "Y444", "GRAY8"};

struct Harness {
    GstHarness *h;
    GstVideoInfo info;

    Harness(const std::string &line, const char *format, int width, int height)
        : h(gst_harness_new_parse(line.c_str())) {
        auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_simple(
            "video/x-raw", "format", G_TYPE_STRING, format, "width", G_TYPE_INT, width, "height",
            G_TYPE_INT, height, "framerate", GST_TYPE_FRACTION, 30, 1, nullptr));
        fail_unless(gst_video_info_from_caps(&info, caps.get()));
        gst_harness_set_src_caps(h, caps.release());
    }
    ~Harness() { gst_harness_teardown(h); }
    Harness(const Harness &) = delete;

    /// A frame whose bytes all differ from what is drawn.
    GstPtr<GstBuffer> frame(uint8_t value = 90) const {
        auto buffer = GstPtr<GstBuffer>::adopt(
            gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr));
        gst_buffer_memset(buffer.get(), 0, value, GST_VIDEO_INFO_SIZE(&info));
        GST_BUFFER_PTS(buffer.get()) = 0;
        return buffer;
    }
    GstPtr<GstBuffer> pass(GstPtr<GstBuffer> in) const {
        auto out = GstPtr<GstBuffer>::adopt(gst_harness_push_and_pull(h, in.release()));
        fail_unless(bool(out));
        return out;
    }
    /// The code in it, read by the bytes' brightness.
    std::optional<Reading> read(GstBuffer *buffer) const {
        GstVideoFrame f;
        fail_unless(gst_video_frame_map(&f, &info, buffer, GST_MAP_READ));
        const guint c = GST_VIDEO_INFO_IS_RGB(&info) ? 1 : 0;
        const Luma luma{static_cast<const uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(&f, c)),
                        GST_VIDEO_FRAME_WIDTH(&f), GST_VIDEO_FRAME_HEIGHT(&f),
                        GST_VIDEO_FRAME_COMP_STRIDE(&f, c), GST_VIDEO_FRAME_COMP_PSTRIDE(&f, c)};
        auto reading = Reader().read(luma);
        gst_video_frame_unmap(&f);
        return reading;
    }
};

/// The rows and columns that differ from `value`, over all components, in full resolution.
Rectangle changed(const GstVideoInfo &info, GstBuffer *buffer, uint8_t value) {
    int left = 1 << 20, top = left, right = 0, bottom = 0;
    GstVideoFrame f;
    fail_unless(gst_video_frame_map(&f, &info, buffer, GST_MAP_READ));
    for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS(&f); ++c) {
        const int w_sub = int(GST_VIDEO_FORMAT_INFO_W_SUB(info.finfo, c));
        const int h_sub = int(GST_VIDEO_FORMAT_INFO_H_SUB(info.finfo, c));
        for (int y = 0; y < GST_VIDEO_FRAME_COMP_HEIGHT(&f, c); ++y)
            for (int x = 0; x < GST_VIDEO_FRAME_COMP_WIDTH(&f, c); ++x) {
                const auto *at = static_cast<const uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(&f, c));
                if (at[y * GST_VIDEO_FRAME_COMP_STRIDE(&f, c) +
                       x * GST_VIDEO_FRAME_COMP_PSTRIDE(&f, c)] == value)
                    continue;
                left = std::min(left, x << w_sub);
                top = std::min(top, y << h_sub);
                right = std::max(right, (x + 1) << w_sub);
                bottom = std::max(bottom, (y + 1) << h_sub);
            }
    }
    gst_video_frame_unmap(&f);
    return right ? Rectangle{left, top, right - left, bottom - top} : Rectangle{};
}

} // namespace

GST_START_TEST(test_formats) {
    const char *format = formats[__i__];
    for (const auto &[width, height] : {std::pair{640, 360}, {1280, 720}, {718, 405}}) {
        Harness harness("latencystamp source-id=513 text=Ab1", format, width, height);
        for (uint32_t number = 0; number < 3; ++number) {
            auto in = harness.frame();
            const GstBuffer *before = in.get();
            const int64_t earliest = g_get_real_time();
            auto out = harness.pass(std::move(in));
            const int64_t latest = g_get_real_time();
            fail_unless(out.get() == before, "not in place");
            const auto reading = harness.read(out.get());
            fail_unless(reading.has_value(), "%s %d", format, width);
            fail_unless_equals_int(reading->stamp.frame, number);
            fail_unless_equals_int(reading->stamp.source, 513);
            fail_unless(reading->stamp.time >= earliest && reading->stamp.time <= latest);
            // Only the panel is drawn; chroma differs at its edges by no more than the subsampling.
            Appearance appearance;
            appearance.text = "Ab1";
            const Rectangle wanted = Panel(appearance, width, height).area();
            const Rectangle got = changed(harness.info, out.get(), 90);
            fail_unless(got.x == wanted.x && got.y == wanted.y && got.width == wanted.width &&
                            got.height == wanted.height,
                        "%s: %d,%d %d×%d", format, got.x, got.y, got.width, got.height);
        }
    }
}
GST_END_TEST

// A frame with other references is not drawn into.
GST_START_TEST(test_shared_frame) {
    Harness harness("latencystamp", "I420", 640, 360);
    auto in = harness.frame();
    auto out = harness.pass(in);
    fail_unless(out.get() != in.get());
    fail_unless(changed(harness.info, in.get(), 90).is_empty());
    fail_unless(harness.read(out.get()).has_value());
}
GST_END_TEST

GST_START_TEST(test_modes_and_places) {
    Harness harness("latencystamp", "I420", 640, 360);
    GstElement *stamp = gst_harness_find_element(harness.h, "latencystamp");
    const auto area = [&](const char *mode, double x, double y, double size) {
        gst_util_set_object_arg(G_OBJECT(stamp), "mode", mode);
        g_object_set(stamp, "x", x, "y", y, "size", size, nullptr);
        auto out = harness.pass(harness.frame());
        fail_unless(harness.read(out.get()).has_value() == (std::string(mode) != "text"));
        return changed(harness.info, out.get(), 90);
    };
    const Rectangle both = area("both", 0, 1, 0.2), text = area("text", 0, 1, 0.2);
    const Rectangle code = area("code", 0, 1, 0.2);
    fail_unless_equals_int(both.height, text.height + code.height);
    fail_unless_equals_int(both.y + both.height, text.y + text.height);
    // The panel keeps the margin of 6 % to the edges.
    fail_unless(code.x >= 38 && 360 - code.y - code.height >= 20);
    const Rectangle corner = area("code", 1, 0, 0.2);
    fail_unless(640 - corner.x - corner.width >= 38 && corner.y >= 22);
    const Rectangle large = area("code", 1, 0, 0.4);
    fail_unless_equals_int(large.width, 2 * code.width);
    // The panel is never larger than the frame.
    const Rectangle largest = area("both", 0.5, 0.5, 1);
    fail_unless(largest.width <= 640 && largest.height <= 360 && largest.height > 250);
    gst_object_unref(stamp);
}
GST_END_TEST

GST_START_TEST(test_opacity) {
    for (const char *format : {"I420", "YUY2", "BGRx", "RGBA"})
        for (const double opacity : {0.3, 0.6, 0.99})
            for (const int behind : {0, 90, 255}) {
                Harness harness("latencystamp mode=code opacity=" + std::to_string(opacity), format,
                                640, 360);
                auto out = harness.pass(harness.frame(uint8_t(behind)));
                fail_unless(harness.read(out.get()).has_value(), "%s %g over %d", format, opacity,
                            behind);
                // The background shows through.
                GstVideoFrame f;
                fail_unless(gst_video_frame_map(&f, &harness.info, out.get(), GST_MAP_READ));
                const guint c = GST_VIDEO_INFO_IS_RGB(&harness.info) ? 1 : 0;
                const Rectangle area = Panel({.content = Content::code}, 640, 360).area();
                const int got = static_cast<const uint8_t *>(
                    GST_VIDEO_FRAME_COMP_DATA(&f, c))[area.y * GST_VIDEO_FRAME_COMP_STRIDE(&f, c) +
                                                      area.x * GST_VIDEO_FRAME_COMP_PSTRIDE(&f, c)];
                const int wanted = int(behind * (1 - opacity) + Panel::light * opacity);
                fail_unless(std::abs(got - wanted) <= 2, "%d, not %d", got, wanted);
                gst_video_frame_unmap(&f);
            }
}
GST_END_TEST

GST_START_TEST(test_too_small) {
    Harness harness("latencystamp", "I420", 64, 16);
    GstElement *stamp = gst_harness_find_element(harness.h, "latencystamp");
    auto bus = GstPtr<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(stamp, bus.get());
    for (int i = 0; i < 3; ++i)
        fail_unless(changed(harness.info, harness.pass(harness.frame()).get(), 90).is_empty());
    auto warning = GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_WARNING));
    fail_unless(bool(warning));
    warning = GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_WARNING));
    fail_if(bool(warning), "one warning is enough");
    gst_element_set_bus(stamp, nullptr);
    gst_object_unref(stamp);
}
GST_END_TEST

GST_START_TEST(test_stats) {
    Harness harness("latencystamp source-id=9", "NV12", 640, 360);
    for (int i = 0; i < 5; ++i)
        harness.pass(harness.frame());
    GstElement *stamp = gst_harness_find_element(harness.h, "latencystamp");
    GstStructure *raw = nullptr;
    g_object_get(stamp, "stats", &raw, nullptr);
    auto stats = GstPtr<GstStructure>::adopt(raw);
    guint64 in = 0, out = 0, bytes = 0;
    guint frame = 0, source = 0;
    gint64 sent = 0;
    fail_unless(gst_structure_get(stats.get(), "buffers-in", G_TYPE_UINT64, &in, "buffers-out",
                                  G_TYPE_UINT64, &out, "bytes-out", G_TYPE_UINT64, &bytes, "frame",
                                  G_TYPE_UINT, &frame, "source-id", G_TYPE_UINT, &source, "sent",
                                  G_TYPE_INT64, &sent, nullptr));
    fail_unless_equals_int(in, 5);
    fail_unless_equals_int(out, 5);
    fail_unless_equals_int(bytes, 5 * 640 * 360 * 3 / 2);
    fail_unless_equals_int(frame, 4);
    fail_unless_equals_int(source, 9);
    fail_unless(sent > earliest_time && sent <= g_get_real_time());
    // Times are those of another clock, from the next frame on.
    g_object_set(stamp, "clock-offset", gint64(7'000'000'000), nullptr);
    const gint64 before = g_get_real_time();
    harness.pass(harness.frame());
    g_object_get(stamp, "stats", &raw, nullptr);
    stats = GstPtr<GstStructure>::adopt(raw);
    fail_unless(gst_structure_get_int64(stats.get(), "sent", &sent));
    fail_unless(sent >= before - 7'000'000 && sent <= g_get_real_time() - 7'000'000);
    gst_object_unref(stamp);
}
GST_END_TEST

// A frame size that changes moves the stamp; the numbers continue.
GST_START_TEST(test_new_caps) {
    Harness harness("latencystamp", "I420", 640, 360);
    harness.pass(harness.frame());
    auto caps = GstPtr<GstCaps>::adopt(
        gst_caps_from_string("video/x-raw,format=YUY2,width=1280,height=720,framerate=30/1"));
    fail_unless(gst_video_info_from_caps(&harness.info, caps.get()));
    gst_harness_set_src_caps(harness.h, caps.release());
    auto out = harness.pass(harness.frame());
    const auto reading = harness.read(out.get());
    fail_unless(reading.has_value());
    fail_unless_equals_int(reading->stamp.frame, 1);
}
GST_END_TEST

static Suite *latencystamp_suite() {
    Suite *s = suite_create("latencystamp");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, test_formats, 0, int(std::size(formats)));
    tcase_add_test(tc, test_shared_frame);
    tcase_add_test(tc, test_modes_and_places);
    tcase_add_test(tc, test_opacity);
    tcase_add_test(tc, test_too_small);
    tcase_add_test(tc, test_stats);
    tcase_add_test(tc, test_new_caps);
    return s;
}
GST_CHECK_MAIN(latencystamp)
