// SPDX-License-Identifier: LGPL-2.1-or-later
// What latencystamp and latencyread cost a frame of 1080p: CPU time of the one thread they run in.
#include "gst/ptr.h"

#include <gst/video/video.h>

#include <cstdio>
#include <ctime>

#include "check.hpp"

using penstock::GstPtr;

namespace {

constexpr int rounds = 300;

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
    /// Grain, which has more edges than any picture.
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
    for (int i = 0; i < rounds; ++i) {
        const double before = cpu_time();
        buffer = GstPtr<GstBuffer>::adopt(gst_harness_push_and_pull(h, buffer.release()));
        times.push_back(cpu_time() - before);
    }
    gst_harness_teardown(h);
    std::nth_element(times.begin(), times.begin() + rounds / 2, times.end());
    return times[rounds / 2];
}

} // namespace

int main(int argc, char **argv) {
    gst_init(&argc, &argv);
    std::printf("CPU time of a 1080p frame, median of %d; microseconds\n", rounds);
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
    return 0;
}
