// SPDX-License-Identifier: LGPL-2.1-or-later
// An hlssegmenter with harnesses on its pads, and its output directory.
#pragma once

#include "core/net/http/hls/mount.h"
#include "core/playlist/playlist.h"
#include "gst/nonblocking.h"
#include "unit/hls_rig.hpp"

#include "check.hpp"
#include "elements/stats.hpp"
#include "eventually.hpp"

using namespace penstock;
using rig::ms;
using rig::sec;
namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A temporary directory, removed with the test.
struct Place {
    fs::path path;
    Place() {
        std::string name = (fs::temp_directory_path() / "penstock-hlsel-XXXXXX").string();
        fail_unless(mkdtemp(name.data()) != nullptr);
        path = name;
    }
    ~Place() { fs::remove_all(path); }
    std::string location() const { return "file://" + (path / "index.m3u8").string(); }
    playlist::MediaPlaylist read() const {
        std::ifstream in(path / "index.m3u8");
        std::ostringstream text;
        text << in.rdbuf();
        playlist::MediaPlaylist list;
        if (!playlist::parse(text.str(), list).is_ok()) return {};
        return list;
    }
    std::vector<ts::Stream> streams() const {
        std::vector<ts::Stream> list;
        for (const auto &segment : read().segments) {
            std::ifstream in(path / segment.uri, std::ios::binary);
            std::ostringstream text;
            text << in.rdbuf();
            const std::string bytes = text.str();
            list.push_back(
                ts::read({reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size()}));
        }
        return list;
    }
};

inline GstCaps *caps_with(const char *text, const std::vector<uint8_t> &codec_data) {
    GstCaps *caps = gst_caps_from_string(text);
    GstBuffer *buffer = gst_buffer_new_memdup(codec_data.data(), codec_data.size());
    gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, buffer, nullptr);
    gst_buffer_unref(buffer);
    return caps;
}
inline GstCaps *video_caps(uint8_t level = 0x0D) {
    return caps_with("video/x-h264, stream-format=avc, alignment=au", rig::avc_record(level));
}
inline GstCaps *audio_caps() {
    return caps_with("audio/mpeg, mpegversion=4, stream-format=raw",
                     codec::build_aac_config(2, 48000, 2));
}

inline GstBuffer *buffer_of_sample(const hls::Sample &sample) {
    GstBuffer *buffer = gst_buffer_new_memdup(sample.data.data(), sample.data.size());
    GST_BUFFER_PTS(buffer) = GstClockTime(sample.pts);
    GST_BUFFER_DTS(buffer) = GstClockTime(sample.dts.value_or(sample.pts));
    GST_BUFFER_DURATION(buffer) = GstClockTime(sample.duration);
    if (!sample.keyframe) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    return buffer;
}

/// One element with up to two harnesses on its pads, and its bus.
struct Bench {
    GstElement *element;
    GstBus *bus = gst_bus_new();
    GstHarness *video = nullptr, *audio = nullptr;

    explicit Bench(const std::string &location, const char *sync_ = "false") : sync(sync_) {
        element = gst_element_factory_make("hlssegmenter", nullptr);
        fail_unless(element != nullptr);
        gst_object_ref_sink(element);
        gst_element_set_bus(element, bus);
        g_object_set(element, "location", location.c_str(), nullptr);
        gst_util_set_object_arg(G_OBJECT(element), "sync", sync.c_str());
    }
    ~Bench() {
        gst_element_set_state(element, GST_STATE_NULL);
        for (GstHarness *harness : {video, audio})
            if (harness) gst_harness_teardown(harness);
        gst_element_set_bus(element, nullptr);
        gst_object_unref(bus);
        ASSERT_OBJECT_REFCOUNT(element, "hlssegmenter", 1);
        gst_object_unref(element);
    }
    std::string sync;
    /// The harness sets sync=false and starts the element; this undoes both.
    void restore() {
        state(GST_STATE_NULL);
        gst_util_set_object_arg(G_OBJECT(element), "sync", sync.c_str());
    }
    void add_video(GstCaps *caps = video_caps()) {
        video = gst_harness_new_with_element(element, "video_0", nullptr);
        restore();
        state(GST_STATE_PAUSED);
        gst_harness_set_src_caps(video, caps);
    }
    void add_audio(GstCaps *caps = audio_caps()) {
        audio = gst_harness_new_with_element(element, "audio_0", nullptr);
        restore();
        state(GST_STATE_PAUSED);
        gst_harness_set_src_caps(audio, caps);
    }
    void state(GstState to) {
        fail_unless_equals_int(gst_element_set_state(element, to), GST_STATE_CHANGE_SUCCESS);
    }
    /// Pushes video and audio of [from, to) ms.
    GstFlowReturn push(int from, int to, bool discont = false) {
        GstFlowReturn flow = GST_FLOW_OK;
        for (int t = from; t < to && flow == GST_FLOW_OK; t += 40) {
            if (video) {
                GstBuffer *buffer = buffer_of_sample(rig::video_sample(
                    t * ms, t * ms, t % 2000 == 0, static_cast<uint32_t>(t / 40)));
                if (discont && t == from) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
                flow = gst_harness_push(video, buffer);
            }
            for (int a = 0; audio && a < 40 && flow == GST_FLOW_OK; a += 20)
                flow = gst_harness_push(audio,
                                        buffer_of_sample(rig::audio_sample((t + a) * ms, 20 * ms)));
        }
        return flow;
    }
    /// Waits until a counter in the statistics reaches `value`; files are written on another
    /// thread.
    void await(const char *name, guint64 value) const {
        penstock_test::eventually([&] { return stat(name) >= value; });
        fail_unless_equals_uint64(stat(name), value);
    }
    bool has_message(GstMessageType type) {
        GstMessage *message = gst_bus_pop_filtered(bus, type);
        if (message) gst_message_unref(message);
        return message != nullptr;
    }
    guint64 stat(const char *name) const { return penstock_test::stat(element, name); }
    std::string url() const {
        GstStructure *stats = nullptr;
        g_object_get(element, "stats", &stats, nullptr);
        const std::string url = gst_structure_get_string(stats, "url");
        gst_structure_free(stats);
        return url;
    }
};

inline constexpr const char *any_port = "http://127.0.0.1:0/live/x/index.m3u8";
