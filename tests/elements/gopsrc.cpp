// SPDX-License-Identifier: LGPL-2.1-or-later
// gopsrc: streams from a goptee of another pipeline, in any order of starting and ending.
#include "gst/ptr.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <vector>

#include "check.hpp"
#include "eventually.hpp"

using namespace penstock;

namespace {

constexpr const char *source =
    "videotestsrc is-live=true pattern=ball ! video/x-raw,format=I420,width=64,height=48,"
    "framerate=25/1 ! x264enc tune=zerolatency key-int-max=10 ! h264parse ! ";

/// A pipeline and what its fakesink "out" got.
class Pipeline {
public:
    explicit Pipeline(const std::string &line) {
        GError *error = nullptr;
        pipeline_ = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
        fail_if(error, "%s", error ? error->message : "");
        const auto out =
            GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), "out"));
        if (out) {
            g_object_set(out.get(), "signal-handoffs", TRUE, nullptr);
            g_signal_connect(out.get(), "handoff", G_CALLBACK(on_buffer), this);
        }
    }
    ~Pipeline() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }

    void play() { gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING); }
    void pause() { gst_element_set_state(pipeline_.get(), GST_STATE_PAUSED); }
    void null() { gst_element_set_state(pipeline_.get(), GST_STATE_NULL); }
    GstElement *get() const { return pipeline_.get(); }
    GstPtr<GstElement> child(const char *name) const {
        return GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline_.get()), name));
    }
    size_t count() const {
        std::lock_guard lock(lock_);
        return flags_.size();
    }
    bool is_key(size_t at) const {
        std::lock_guard lock(lock_);
        return !(flags_.at(at) & GST_BUFFER_FLAG_DELTA_UNIT);
    }
    bool is_discont(size_t at) const {
        std::lock_guard lock(lock_);
        return flags_.at(at) & GST_BUFFER_FLAG_DISCONT;
    }
    GstClockTimeDiff running_time(size_t at) const {
        std::lock_guard lock(lock_);
        return times_.at(at);
    }
    void wait_for(size_t buffers) const {
        fail_unless(penstock_test::eventually([&] { return count() >= buffers; }),
                    "%zu of %zu buffers", count(), buffers);
    }
    GstMessageType wait(GstMessageType types, GstClockTime time = 10 * GST_SECOND) const {
        const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
        const auto message =
            GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(bus.get(), time, types));
        return message ? GST_MESSAGE_TYPE(message.get()) : GST_MESSAGE_UNKNOWN;
    }

private:
    static void on_buffer(GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
        auto *self = static_cast<Pipeline *>(data);
        const auto event =
            GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0));
        const GstSegment *segment;
        gst_event_parse_segment(event.get(), &segment);
        guint64 time = 0;
        const int sign = gst_segment_to_running_time_full(segment, GST_FORMAT_TIME,
                                                          GST_BUFFER_PTS(buffer), &time);
        std::lock_guard lock(self->lock_);
        self->flags_.push_back(GST_BUFFER_FLAGS(buffer));
        self->times_.push_back(sign * GstClockTimeDiff(time));
    }

    GstPtr<GstElement> pipeline_;
    mutable std::mutex lock_;
    std::vector<guint> flags_;
    std::vector<GstClockTimeDiff> times_;
};

std::string reader(const std::string &channel, const std::string &rest = "fakesink name=out") {
    return "gopsrc name=src channel=" + channel + " ! " + rest;
}

} // namespace

GST_START_TEST(test_begins_with_a_keyframe) {
    Pipeline producer(std::string(source) + "goptee channel=t/key ! fakesink name=out");
    producer.play();
    producer.wait_for(15); // in the middle of a GOP
    Pipeline consumer(reader("t/key"));
    consumer.play();
    consumer.wait_for(20);
    fail_unless(consumer.is_key(0));
    fail_unless(consumer.is_discont(0));
    for (size_t i = 1; i < 20; ++i)
        fail_if(consumer.is_discont(i), "buffer %zu", i);
    guint64 in = 0;
    guint peers = 0;
    GstStructure *stats = nullptr;
    g_object_get(consumer.child("src").get(), "stats", &stats, nullptr);
    gst_structure_get(stats, "buffers-in", G_TYPE_UINT64, &in, "peers", G_TYPE_UINT, &peers,
                      nullptr);
    gst_structure_free(stats);
    fail_unless(in >= 20);
    fail_unless_equals_int(peers, 1);
}
GST_END_TEST

GST_START_TEST(test_waits_for_its_source) {
    Pipeline consumer(reader("t/wait"));
    consumer.play();
    fail_unless_equals_int(consumer.count(), 0);
    Pipeline producer(std::string(source) + "goptee channel=t/wait");
    producer.play();
    consumer.wait_for(5);
    fail_unless(consumer.is_key(0));
}
GST_END_TEST

// The producer stops and another one starts: the reader survives this with `wait`, not with `eos`.
GST_START_TEST(test_loss) {
    Pipeline waiting(reader("t/loss")),
        ending("gopsrc channel=t/loss on-loss=eos ! fakesink name=out");
    waiting.play();
    ending.play();
    {
        Pipeline producer(std::string(source) + "goptee channel=t/loss");
        producer.play();
        waiting.wait_for(5);
        ending.wait_for(5);
    }
    fail_unless_equals_int(ending.wait(GST_MESSAGE_EOS), GST_MESSAGE_EOS);
    fail_unless_equals_int(
        waiting.wait(GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR), 100 * GST_MSECOND),
        GST_MESSAGE_UNKNOWN);
    const size_t before = waiting.count();
    Pipeline second(std::string(source) + "goptee channel=t/loss");
    second.play();
    waiting.wait_for(before + 5);
    fail_unless(waiting.is_key(before));
    fail_unless(waiting.is_discont(before));
}
GST_END_TEST

GST_START_TEST(test_end_of_stream) {
    Pipeline ending("gopsrc channel=t/end on-loss=eos ! fakesink name=out");
    ending.play();
    Pipeline producer("videotestsrc is-live=true num-buffers=20 ! "
                      "x264enc tune=zerolatency ! goptee channel=t/end");
    producer.play();
    fail_unless_equals_int(ending.wait(GST_MESSAGE_EOS), GST_MESSAGE_EOS);
    fail_unless_equals_int(ending.count(), 20);
}
GST_END_TEST

// The same frame is due at the same moment in both pipelines, though they started a second apart.
GST_START_TEST(test_times) {
    Pipeline producer(std::string(source) + "goptee channel=t/times ! fakesink name=out");
    producer.play();
    producer.wait_for(25);
    Pipeline consumer(reader("t/times"));
    consumer.play();
    consumer.wait_for(20);
    const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(consumer.get()));
    const GstClockTime now = gst_clock_get_time(clock.get());
    const auto due = GstClockTimeDiff(gst_element_get_base_time(consumer.get())) +
                     consumer.running_time(consumer.count() - 1);
    // The delay is a live frame of 40 ms plus a busy machine's; without the shift it would be a
    // second.
    fail_unless(std::abs(GST_CLOCK_DIFF(due, now)) < GstClockTimeDiff(500 * GST_MSECOND),
                "%" GST_STIME_FORMAT, GST_STIME_ARGS(GST_CLOCK_DIFF(due, now)));
}
GST_END_TEST

// A blocked consumer costs the producer nothing, and continues with a keyframe.
GST_START_TEST(test_never_pushes_back) {
    Pipeline producer(std::string(source) +
                      "goptee channel=t/stuck queue-max-buffers=15 ! fakesink name=out");
    Pipeline consumer(reader("t/stuck"));
    producer.play();
    consumer.play();
    consumer.wait_for(5);
    consumer.pause(); // its sink blocks
    const size_t at = producer.count();
    producer.wait_for(at + 60);
    const size_t before = consumer.count();
    consumer.play();
    consumer.wait_for(before + 20);
    size_t skips = 0;
    for (size_t i = before; i < before + 20; ++i)
        if (consumer.is_discont(i)) {
            ++skips;
            fail_unless(consumer.is_key(i));
        }
    fail_unless(skips >= 1);
}
GST_END_TEST

GST_START_TEST(test_errors) {
    for (const char *line : {"gopsrc ! fakesink", "gopsrc channel=../x ! fakesink",
                             "videotestsrc ! goptee channel=a//b ! fakesink"}) {
        Pipeline bad(line);
        bad.play();
        fail_unless_equals_int(bad.wait(GST_MESSAGE_ERROR), GST_MESSAGE_ERROR);
    }
    Pipeline first(std::string(source) + "goptee channel=t/one ! fakesink name=out");
    first.play();
    first.wait_for(1);
    Pipeline second(std::string(source) + "goptee channel=t/one ! fakesink");
    second.play();
    fail_unless_equals_int(second.wait(GST_MESSAGE_ERROR), GST_MESSAGE_ERROR);
    const size_t before = first.count();
    first.wait_for(before + 5);
}
GST_END_TEST

// An error in one reader's pipeline affects neither the other reader nor the producer.
GST_START_TEST(test_isolation) {
    Pipeline producer(std::string(source) + "goptee channel=t/two ! fakesink name=out");
    Pipeline good(reader("t/two")),
        bad(reader("t/two", "identity error-after=5 ! fakesink name=out"));
    good.play();
    bad.play();
    producer.play();
    fail_unless_equals_int(bad.wait(GST_MESSAGE_ERROR), GST_MESSAGE_ERROR);
    const size_t before = good.count(), produced = producer.count();
    good.wait_for(before + 10);
    producer.wait_for(produced + 10);
    fail_unless_equals_int(
        producer.wait(GstMessageType(GST_MESSAGE_ERROR | GST_MESSAGE_ELEMENT), 10 * GST_MSECOND),
        GST_MESSAGE_UNKNOWN);
}
GST_END_TEST

// Producers and consumers start and stop concurrently, many times.
GST_START_TEST(test_races) {
    Pipeline producer(std::string(source) + "goptee channel=t/race");
    Pipeline consumer(reader("t/race"));
    for (int i = 0; i < 30; ++i) {
        GstElement *pipelines[] = {producer.get(), consumer.get()};
        GThread *threads[2];
        for (int t = 0; t < 2; ++t)
            threads[t] = g_thread_new(
                "states",
                [](gpointer data) -> gpointer {
                    gst_element_set_state(static_cast<GstElement *>(data), GST_STATE_PLAYING);
                    g_usleep(gulong(g_random_int_range(0, 30'000)));
                    gst_element_set_state(static_cast<GstElement *>(data), GST_STATE_NULL);
                    return nullptr;
                },
                pipelines[t]);
        for (GThread *thread : threads)
            g_thread_join(thread);
    }
    producer.play();
    consumer.play();
    const size_t before = consumer.count();
    consumer.wait_for(before + 5);
}
GST_END_TEST

static Suite *gopsrc_suite() {
    Suite *s = suite_create("gopsrc");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_begins_with_a_keyframe);
    tcase_add_test(tc, test_waits_for_its_source);
    tcase_add_test(tc, test_loss);
    tcase_add_test(tc, test_end_of_stream);
    tcase_add_test(tc, test_times);
    tcase_add_test(tc, test_never_pushes_back);
    tcase_add_test(tc, test_errors);
    tcase_add_test(tc, test_isolation);
    tcase_add_test(tc, test_races);
    return s;
}
GST_CHECK_MAIN(gopsrc)
