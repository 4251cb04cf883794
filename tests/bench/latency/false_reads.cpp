// SPDX-License-Identifier: LGPL-2.1-or-later
// Searches for codes in frames without stamps and with damaged ones: nothing, or what was stamped,
// may be read.
//   latency-false-reads LIMIT [FILE…]
// Without a file, uses PENSTOCK_MEDIA; if that is not set either, exits with 77, which skips a
// test. Takes each frame of all files as a whole, then in a second round windows of it, each also
// mirrored both ways: up to LIMIT different pictures (compared by hash), from as many frames as
// needed, evenly from all files. Searches each picture unchanged, and again with a stamp damaged in
// one of several ways. Prints JSON.
#include "core/latency/reader.h"
#include "gst/ptr.h"
#include "latency_pictures.hpp"

#include <gst/video/video.h>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <unordered_set>

using namespace penstock;
using namespace penstock::latency;

namespace {

constexpr int64_t some_time = 1'764'000'000'123'456;

struct Count {
    uint64_t pictures = 0, read = 0, wrong = 0;
};

/// Ways to damage a stamp: an overlay, blur, a mixture with another frame.
enum Damage { bar, blots, grain, fade, torn, flattened, shifted, damages };
const char *const damage_names[] = {
    "a bar across", "blots", "grain", "a fade", "torn frames", "flattened", "rows out of place"};

struct Run {
    uint64_t limit = 0;
    bool is_second = false; ///< round
    double share = 1;       ///< of the frames, in the second round
    uint64_t turned = 0;    ///< frames, in the second round
    uint64_t frames = 0, same = 0;
    std::unordered_set<uint64_t> seen; ///< hashes of pictures
    Count plain, damaged[damages];
    std::mt19937 random{1};

    uint64_t pictures() const { return plain.pictures; }
    bool is_done() const { return pictures() >= limit; }
    void frame(const Luma &luma);
    bool picture(const Luma &luma);
};

/// The code's pixels, without the text.
Rectangle code_area(const test::Picture &picture) {
    return Panel({.content = Content::code}, picture.width, picture.height).area();
}

void damage(test::Picture &p, const test::Picture &next, Damage kind, std::mt19937 &random) {
    const Rectangle area = code_area(p);
    const auto any = [&](int below) { return int(random() % unsigned(std::max(below, 1))); };
    switch (kind) {
    case bar: {
        const int from = area.y + any(area.height), rows = 4 + any(area.height / 2);
        const auto value = uint8_t(random());
        for (int y = from; y < std::min(from + rows, p.height); ++y)
            for (int x = area.x; x < area.x + area.width; ++x)
                p.at(x, y) = value;
        break;
    }
    case blots:
        for (int i = 1 + any(12); i > 0; --i) {
            const int w = area.width / 10, h = area.height / 6;
            const int x = area.x + any(area.width - w), y = area.y + any(area.height - h);
            const auto value = uint8_t(random());
            for (int v = y; v < y + h; ++v)
                for (int u = x; u < x + w; ++u)
                    p.at(u, v) = value;
        }
        break;
    case grain: {
        const int most = 50 + any(400);
        for (int y = area.y; y < area.y + area.height; ++y)
            for (int x = area.x; x < area.x + area.width; ++x)
                p.at(x, y) = uint8_t(std::clamp(p.at(x, y) + any(most) - most / 2, 0, 255));
        break;
    }
    case fade: {
        const int part = 30 + any(41);
        for (size_t i = 0; i < p.pixels.size(); ++i)
            p.pixels[i] = uint8_t((p.pixels[i] * part + next.pixels[i] * (100 - part)) / 100);
        break;
    }
    case torn:
        for (int y = area.y + any(area.height); y < p.height; ++y)
            for (int x = 0; x < p.width; ++x)
                p.at(x, y) = next.at(x, y);
        break;
    case flattened: { // each block to its mean, as a starved encoder does
        const int size = 4 + any(area.height / 8);
        for (int y = area.y; y < area.y + area.height; y += size)
            for (int x = area.x; x < area.x + area.width; x += size) {
                int sum = 0, count = 0;
                for (int v = y; v < std::min(y + size, p.height); ++v)
                    for (int u = x; u < std::min(x + size, p.width); ++u, ++count)
                        sum += p.at(u, v);
                for (int v = y; v < std::min(y + size, p.height); ++v)
                    for (int u = x; u < std::min(x + size, p.width); ++u)
                        p.at(u, v) = uint8_t(sum / count);
            }
        break;
    }
    default: // shifted
        for (int y = area.y; y < area.y + area.height; ++y) {
            const int by = any(area.width / 12);
            for (int x = area.x + area.width - 1; x >= area.x + by; --x)
                p.at(x, y) = p.at(x - by, y);
        }
    }
}

/// FNV-1a of the size and all pixels.
uint64_t hash(const Luma &luma) {
    uint64_t value = 0xCBF29CE484222325;
    const auto add = [&](uint64_t byte) { value = (value ^ byte) * 0x100000001B3; };
    add(static_cast<uint64_t>(luma.width));
    add(static_cast<uint64_t>(luma.height));
    for (int y = 0; y < luma.height; ++y)
        for (int x = 0; x < luma.width; ++x)
            add(luma.at(x, y));
    return value;
}

/// False if it has been seen before.
bool Run::picture(const Luma &luma) {
    if (is_done()) return false;
    if (!seen.insert(hash(luma)).second) {
        ++same;
        return false;
    }
    ++plain.pictures;
    if (Reader().read(luma)) ++plain.wrong;

    test::Picture copy(luma.width, luma.height);
    for (int y = 0; y < luma.height; ++y)
        for (int x = 0; x < luma.width; ++x)
            copy.at(x, y) = luma.at(x, y);
    const auto number = static_cast<uint32_t>(pictures());
    const Stamp stamp{some_time + number * 33'367LL, number, uint16_t(number * 31)};
    const Stamp next_stamp{stamp.time + 33'367, number + 1, stamp.source};
    const Appearance appearance{.content = Content::code};
    test::Picture next = copy;
    test::draw(copy, stamp, appearance);
    test::draw(next, next_stamp, appearance);
    const auto kind = Damage(number % damages);
    damage(copy, next, kind, random);
    Count &count = damaged[kind];
    ++count.pictures;
    const auto reading = Reader().read(copy.luma());
    if (!reading) return true;
    const bool mixed = kind == fade || kind == torn;
    ++(reading->stamp == stamp || (mixed && reading->stamp == next_stamp) ? count.read
                                                                          : count.wrong);
    return true;
}

/// The whole frame, and windows of 0.62 of its width and height at 5 by 5 places; 3 views of each.
void Run::frame(const Luma &luma) {
    if (!is_second) {
        if (picture(luma)) ++frames;
        return;
    }
    const auto taken = static_cast<uint64_t>(double(turned++) * share);
    if (static_cast<uint64_t>(double(turned) * share) == taken) return;
    const auto views = [&](int x, int y, int width, int height) {
        Luma view = luma;
        view.data += y * luma.stride + x * luma.step;
        view.width = width;
        view.height = height;
        if (view.width != luma.width) picture(view);
        Luma mirrored = view;
        mirrored.data += (width - 1) * luma.step;
        mirrored.step = -luma.step;
        picture(mirrored);
        Luma upside_down = view;
        upside_down.data += (height - 1) * luma.stride;
        upside_down.stride = -luma.stride;
        picture(upside_down);
    };
    views(0, 0, luma.width, luma.height);
    const int width = luma.width * 62 / 100, height = luma.height * 62 / 100;
    for (int i = 0; i < 25; ++i)
        views((luma.width - width) * (i % 5) / 4, (luma.height - height) * (i / 5) / 4, width,
              height);
}

GstPadProbeReturn each_frame(GstPad *pad, GstPadProbeInfo *info, gpointer data) {
    auto &run = *static_cast<Run *>(data);
    auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    GstVideoInfo video;
    GstVideoFrame frame;
    if (!caps || !gst_video_info_from_caps(&video, caps.get()) ||
        !gst_video_frame_map(&frame, &video, GST_PAD_PROBE_INFO_BUFFER(info), GST_MAP_READ))
        return GST_PAD_PROBE_OK;
    run.frame({static_cast<const uint8_t *>(GST_VIDEO_FRAME_COMP_DATA(&frame, 0)),
               GST_VIDEO_FRAME_WIDTH(&frame), GST_VIDEO_FRAME_HEIGHT(&frame),
               GST_VIDEO_FRAME_COMP_STRIDE(&frame, 0), GST_VIDEO_FRAME_COMP_PSTRIDE(&frame, 0)});
    gst_video_frame_unmap(&frame);
    return GST_PAD_PROBE_OK;
}

void read_file(const std::string &path, Run &run) {
    GError *error = nullptr;
    const std::string line = "filesrc location=\"" + path +
                             "\" ! decodebin ! videoconvert ! video/x-raw,format=I420 ! "
                             "fakesink name=end sync=false";
    auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
    if (error) throw std::runtime_error(error->message);
    auto end = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "end"));
    auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(end.get(), "sink"));
    gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, each_frame, &run, nullptr);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), GST_CLOCK_TIME_NONE, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_ERROR)
        throw std::runtime_error(path + " can't be decoded");
}

} // namespace

int main(int argc, char **argv) {
    gst_init(&argc, &argv);
    if (argc < 2) {
        std::fprintf(stderr, "usage: latency-false-reads LIMIT [FILE...]\n");
        return 2;
    }
    std::vector<std::string> files(argv + 2, argv + argc);
    if (const char *media = g_getenv("PENSTOCK_MEDIA"); files.empty() && media)
        files.emplace_back(media);
    if (files.empty()) {
        std::fprintf(stderr, "no footage: PENSTOCK_MEDIA names none\n");
        return 77;
    }
    try {
        Run run;
        run.limit = std::strtoull(argv[1], nullptr, 10);
        nlohmann::json out = {{"files", nlohmann::json::array()}};
        for (size_t i = 0; i < 2 * files.size() && !run.is_done(); ++i) {
            const std::string &file = files[i % files.size()];
            if (i == files.size()) {
                // 2 views of the whole and 3 of each of 25 windows; some are the same as others.
                run.is_second = true;
                const double wanted = 1.05 * double(run.limit - run.pictures());
                run.share = std::min(1.0, wanted / (77.0 * double(run.frames)));
            }
            const uint64_t frames = run.frames, pictures = run.pictures();
            read_file(file, run);
            if (!run.is_second) {
                out["files"].push_back({{"path", file}, {"frames", run.frames - frames}});
                out["files"].back()["pictures"] = 0;
            }
            auto &count = out["files"][i % files.size()]["pictures"];
            count = count.get<uint64_t>() + run.pictures() - pictures;
        }
        out["frames"] = run.frames;
        uint64_t wrong = run.plain.wrong;
        out["same"] = run.same;
        out["plain"] = {{"pictures", run.plain.pictures}, {"wrong", run.plain.wrong}};
        for (int kind = 0; kind < damages; ++kind) {
            const Count &count = run.damaged[kind];
            wrong += count.wrong;
            out["damaged"].push_back({{"damage", damage_names[kind]},
                                      {"pictures", count.pictures},
                                      {"read", count.read},
                                      {"wrong", count.wrong}});
        }
        std::printf("%s\n", out.dump(2).c_str());
        return wrong ? 1 : 0;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "latency-false-reads: %s\n", error.what());
        return 3;
    }
}
