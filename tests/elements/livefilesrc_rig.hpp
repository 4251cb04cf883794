// SPDX-License-Identifier: LGPL-2.1-or-later
// livefilesrc under test: generated files, and a sink at each pad that records its input.
#pragma once

#include "gst/ptr.h"

#include "check.hpp"
#include "elements/stats.hpp"

#include <sys/stat.h>
#include <unistd.h>

using namespace penstock;
using namespace std::chrono_literals;

inline constexpr auto patience = 30s;

inline std::string directory() {
    static const std::string path = [] {
        gchar *dir = g_dir_make_tmp("penstock-livefilesrc-XXXXXX", nullptr);
        const std::string text = dir;
        g_free(dir);
        return text;
    }();
    return path;
}

inline void run_to_eos(const std::string &launch) {
    GError *error = nullptr;
    GstElement *pipeline = gst_parse_launch(launch.c_str(), &error);
    fail_if(error, "%s", error ? error->message : "");
    gst_element_set_state(pipeline, GST_STATE_PLAYING);
    GstBus *bus = gst_element_get_bus(pipeline);
    auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus, 30 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS, "%s",
                launch.c_str());
    gst_element_set_state(pipeline, GST_STATE_NULL);
    gst_object_unref(bus);
    gst_object_unref(pipeline);
}

inline const std::string picture =
    "videotestsrc num-buffers=50 ! video/x-raw,format=I420,width=160,height=120,framerate=25/1 ! "
    "x264enc bframes=2 b-adapt=false key-int-max=25 ! h264parse ! queue ! mux. ";
/// 2.3 s of audio, longer than the video's 2 s.
inline const std::string sound =
    "audiotestsrc num-buffers=108 samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=1 ! "
    "avenc_aac ! aacparse ! queue ! mux. ";

/// A file with B-frames and audio that is longer than the video; generated once.
inline std::string movie(const std::string &kind) {
    const std::string path = directory() + "/movie." + kind;
    if (std::filesystem::exists(path)) return path;
    const std::string mux = kind == "mp4"   ? "mp4mux"
                            : kind == "mkv" ? "matroskamux"
                            : kind == "ts"  ? "mpegtsmux"
                                            : "flvmux";
    run_to_eos(picture + sound + mux + " name=mux ! filesink location=" + path);
    return path;
}

struct Seen {
    GstClockTime pts, dts; ///< running times
    bool discont, key;
};

/// livefilesrc with a sink at each pad, unsynchronized.
class Player {
public:
    explicit Player(const std::string &location, bool loop, bool audio = true, bool sync = false) {
        pipeline = gst_pipeline_new(nullptr);
        source = gst_element_factory_make("livefilesrc", nullptr);
        fail_unless(source != nullptr);
        g_object_set(source, "location", location.c_str(), "loop", gboolean(loop), nullptr);
        gst_bin_add(GST_BIN(pipeline), source);
        add_sink("video", sync);
        if (audio) add_sink("audio", sync);
        g_signal_connect(source, "pad-added",
                         G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer data) {
                             static_cast<Player *>(data)->link(pad);
                         }),
                         this);
        g_signal_connect(source, "no-more-pads", G_CALLBACK(+[](GstElement *, gpointer data) {
                             auto *self = static_cast<Player *>(data);
                             std::lock_guard lock(self->mutex);
                             self->complete = true;
                         }),
                         this);
        bus = gst_element_get_bus(pipeline);
    }
    ~Player() {
        gst_element_set_state(pipeline, GST_STATE_NULL);
        gst_object_unref(bus);
        // A state change in progress releases its reference on its own.
        const auto end = std::chrono::steady_clock::now() + patience;
        while (GST_OBJECT_REFCOUNT_VALUE(pipeline) > 1 && std::chrono::steady_clock::now() < end)
            std::this_thread::yield();
        ASSERT_OBJECT_REFCOUNT(pipeline, "pipeline", 1);
        gst_object_unref(pipeline);
    }
    void play() { gst_element_set_state(pipeline, GST_STATE_PLAYING); }
    GstPtr<GstMessage> wait_message(GstMessageType types) {
        return GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus, 30 * GST_SECOND, types));
    }
    bool wait_for(const std::string &name, size_t count) {
        std::unique_lock lock(mutex);
        return changed.wait_for(lock, patience, [&] { return seen[name].size() >= count; });
    }
    std::string error_text() {
        auto message = wait_message(GST_MESSAGE_ERROR);
        if (!message) return "no error";
        GError *error = nullptr;
        gst_message_parse_error(message.get(), &error, nullptr);
        const std::string text = error->message;
        g_error_free(error);
        // No other reference may be left.
        gst_element_set_state(pipeline, GST_STATE_NULL);
        fail_if(gst_bus_pop_filtered(bus, GST_MESSAGE_ERROR));
        return text;
    }
    guint64 stat(const char *name) { return penstock_test::stat(source, name); }

    GstElement *pipeline, *source;
    GstBus *bus;
    std::mutex mutex;
    std::condition_variable changed;
    std::map<std::string, std::vector<Seen>> seen;
    std::map<std::string, int> eos, flushes, pads;
    bool complete = false, data_before_complete = false;
    bool hold_gap = false, gap_held = false; ///< while `hold_gap`, GAP events block downstream
    std::map<std::string, size_t> hold_at;   ///< a stream blocks at this buffer, until it is erased

private:
    struct Sink {
        Player *player;
        std::string name;
    };
    void add_sink(const char *name, bool sync) {
        GstElement *sink = gst_element_factory_make("fakesink", name);
        g_object_set(sink, "sync", gboolean(sync), "async", TRUE, nullptr);
        gst_bin_add(GST_BIN(pipeline), sink);
        auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
        gst_pad_add_probe(
            pad.get(),
            GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                            GST_PAD_PROBE_TYPE_EVENT_FLUSH),
            [](GstPad *pad, GstPadProbeInfo *info, gpointer data) {
                auto *s = static_cast<Sink *>(data);
                s->player->on_data(s->name, pad, info);
                return GST_PAD_PROBE_OK;
            },
            new Sink{this, name}, [](gpointer data) { delete static_cast<Sink *>(data); });
    }
    void link(GstPad *pad) {
        const GOwned<> name(gst_pad_get_name(pad));
        {
            std::lock_guard lock(mutex);
            ++pads[name.get()];
        }
        auto *sink = gst_bin_get_by_name(GST_BIN(pipeline), name.get());
        if (!sink) return;
        auto peer = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
        gst_pad_link(pad, peer.get());
        gst_object_unref(sink);
    }
    void on_data(const std::string &name, GstPad *pad, GstPadProbeInfo *info) {
        std::unique_lock lock(mutex);
        if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
            GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
            auto event =
                GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
            const GstSegment *segment;
            gst_event_parse_segment(event.get(), &segment);
            const auto running = [&](GstClockTime time) {
                return GST_CLOCK_TIME_IS_VALID(time)
                           ? gst_segment_to_running_time(segment, GST_FORMAT_TIME, time)
                           : GST_CLOCK_TIME_NONE;
            };
            data_before_complete |= !complete;
            seen[name].push_back({running(GST_BUFFER_PTS(buffer)), running(GST_BUFFER_DTS(buffer)),
                                  bool(GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DISCONT)),
                                  !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)});
            changed.notify_all();
            changed.wait(lock, [&] {
                const auto held = hold_at.find(name);
                return held == hold_at.end() || seen[name].size() < held->second;
            });
        } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_EOS) {
            ++eos[name];
        } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_FLUSH_START) {
            ++flushes[name];
        } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_GAP && hold_gap) {
            gap_held = true;
            changed.notify_all();
            changed.wait(lock, [&] { return !hold_gap; });
        }
        changed.notify_all();
    }
};

/// main() of a program with one suite: creates the directory for its files and removes it.
inline int run_with_files(int argc, char **argv, const char *name, Suite *(*suite)(),
                          const char *file) {
    gst_check_init(&argc, &argv);
    directory(); // before tests are forked, so that all use the same files
    const int failed = gst_check_run_suite(suite(), name, file);
    std::filesystem::remove_all(directory());
    return failed;
}
