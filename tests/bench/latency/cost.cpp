// SPDX-License-Identifier: LGPL-2.1-or-later
// Measures the CPU time of latencystamp and latencyread per 1080p frame, and of latencysei per
// encoded frame in FLV; each runs in a single thread.
#include "core/latency/sei.h"
#include "gst/ptr.h"

#include <gst/video/video.h>

#include <cstdio>
#include <ctime>

#include "check.hpp"

using penstock::GstPtr;

namespace {

constexpr int repeats = 300;

/// Microseconds.
double cpu_time() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return double(t.tv_sec) * 1e6 + double(t.tv_nsec) / 1e3;
}

struct Frames {
    GstPtr<GstCaps> caps;
    GstVideoInfo info;

    explicit Frames(const char *format)
        : caps(GstPtr<GstCaps>::adopt(gst_caps_new_simple(
              "video/x-raw", "format", G_TYPE_STRING, format, "width", G_TYPE_INT, 1920, "height",
              G_TYPE_INT, 1080, "framerate", GST_TYPE_FRACTION, 30, 1, nullptr))) {
        gst_video_info_from_caps(&info, caps.get());
    }
    /// Noise, which has more edges than any real frame.
    GstPtr<GstBuffer> frame() const {
        auto buffer = GstPtr<GstBuffer>::adopt(
            gst_buffer_new_allocate(nullptr, GST_VIDEO_INFO_SIZE(&info), nullptr));
        GstMapInfo map;
        gst_buffer_map(buffer.get(), &map, GST_MAP_WRITE);
        std::mt19937 random(1);
        for (gsize i = 0; i < map.size; ++i)
            map.data[i] = guint8(random());
        gst_buffer_unmap(buffer.get(), &map);
        return buffer;
    }
};

/// Median CPU time of a frame through the elements of `line`.
double cost(const std::string &line, const Frames &frames, GstPtr<GstBuffer> &buffer) {
    GstHarness *h = gst_harness_new_parse(line.c_str());
    gst_harness_set_src_caps(h, gst_caps_copy(frames.caps.get()));
    std::vector<double> times;
    for (int i = 0; i < repeats; ++i) {
        const double before = cpu_time();
        buffer = GstPtr<GstBuffer>::adopt(gst_harness_push_and_pull(h, buffer.release()));
        times.push_back(cpu_time() - before);
    }
    gst_harness_teardown(h);
    std::nth_element(times.begin(), times.begin() + repeats / 2, times.end());
    return times[repeats / 2];
}

/// An FLV tag with an AVC body: 17 for a keyframe, 27 for any other; 0 configures, 1 is a frame.
GstPtr<GstBuffer> tag(uint8_t kind, uint8_t packet, const std::vector<uint8_t> &payload) {
    const size_t size = 5 + payload.size();
    std::vector<uint8_t> out{9,
                             uint8_t(size >> 16),
                             uint8_t(size >> 8),
                             uint8_t(size),
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             0,
                             kind,
                             packet,
                             0,
                             0,
                             0};
    out.insert(out.end(), payload.begin(), payload.end());
    const size_t whole = 11 + size;
    for (int i = 3; i >= 0; --i)
        out.push_back(uint8_t(whole >> (8 * i)));
    return GstPtr<GstBuffer>::adopt(gst_buffer_new_memdup(out.data(), out.size()));
}

/// Mean CPU time of a picture of 8 kB through `line`, in microseconds; a keyframe each second.
double relay_cost(const std::string &line, bool is_stamped) {
    GstHarness *h = gst_harness_new_parse(line.c_str());
    gst_harness_set_src_caps_str(h, "video/x-flv");
    const auto config = tag(0x17, 0, {1, 0x64, 0, 0x0C, 0xFF, 0xE0, 0});
    std::vector<uint8_t> unit{0, 0, 0, 2, 9, 0xF0, 0, 0, 0x20, 0, 0x65, 0x88};
    unit.resize(8 + 2 + 0x2000, 0xA5);
    if (is_stamped) {
        using namespace penstock::latency;
        const Framing framing{penstock::latency::Codec::h264, 4};
        const auto stamps =
            build_stamps(framing, *find_stamps(framing, unit),
                         {7, 1, {{Hop::capture, 5}, {Hop::encode, 5}, {Hop::mux, 5}}});
        unit.insert(unit.begin() + 6, stamps.begin(), stamps.end());
    }
    const auto keyframe = tag(0x17, 1, unit), other = tag(0x27, 1, unit);
    gst_buffer_unref(gst_harness_push_and_pull(h, gst_buffer_ref(config.get())));
    constexpr int pictures = 20'000;
    double before = 0;
    for (int i = -300; i < pictures; ++i) {
        if (i == 0) before = cpu_time();
        GstBuffer *buffer = i % 30 == 0 ? keyframe.get() : other.get();
        gst_buffer_unref(gst_harness_push_and_pull(h, gst_buffer_ref(buffer)));
    }
    const double time = (cpu_time() - before) / pictures;
    gst_harness_teardown(h);
    return time;
}

} // namespace

int main(int argc, char **argv) {
    gst_init(&argc, &argv);
    std::printf("CPU time of a 1080p frame, median of %d; microseconds\n", repeats);
    std::printf("%-8s %10s %10s %10s %12s %10s %12s\n", "format", "nothing", "stamp", "stamp 50 %",
                "stamp x2", "read", "no stamp");
    for (const char *format : {"I420", "NV12", "YUY2", "RGB", "RGBx", "BGRx", "RGBA", "ARGB"}) {
        const Frames frames(format);
        auto buffer = frames.frame();
        const double nothing = cost("identity", frames, buffer);
        const double search = cost("latencyread", frames, buffer);
        const double stamp = cost("latencystamp text=camera", frames, buffer);
        const double read = cost("latencyread", frames, buffer);
        const double half = cost("latencystamp text=camera opacity=0.5", frames, buffer);
        const double large = cost("latencystamp text=camera size=0.4", frames, buffer);
        std::printf("%-8s %10.0f %10.0f %10.0f %12.0f %10.0f %12.0f\n", format, nothing, stamp,
                    half, large, read, search);
        std::fflush(stdout);
    }
    const double nothing = relay_cost("identity", false);
    std::printf(
        "\nlatencysei hop=server only-stamped=true of FLV, a picture of 8 kB; microseconds\n"
        "%-24s %6.2f\n%-24s %6.2f\n",
        "without stamps",
        relay_cost("latencysei hop=server only-stamped=true ! identity", false) - nothing,
        "with stamps",
        relay_cost("latencysei hop=server only-stamped=true ! identity", true) - nothing);
    return 0;
}
