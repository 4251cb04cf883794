// SPDX-License-Identifier: LGPL-2.1-or-later
// ladder on a machine that is too slow: a rung is dropped, said, and comes back.
#include "elements/ladder_rig.hpp"

using namespace ladder_test;

namespace {

/// Encoders that stand still while they are held.
class Brake {
public:
    void hold() { set(true); }
    void release() { set(false); }
    /// Waits until an encoder stands still: a frame takes its time to get there.
    void wait_until_it_stands() {
        std::unique_lock lock(mutex_);
        fail_unless(
            changed_.wait_for(lock, std::chrono::seconds(20), [&] { return standing_ > 0; }));
    }
    /// The encoder of this rung stands still while held. Encoders that are made later never do.
    void fit(Rig &rig, const std::string &height) {
        const auto encoder = rig.find("encoder_" + height);
        fail_unless(bool(encoder), "no encoder for %s", height.c_str());
        gst_pad_add_probe(
            Rig::pad(encoder.get(), "sink").get(), GST_PAD_PROBE_TYPE_BUFFER,
            [](GstPad *, GstPadProbeInfo *, gpointer data) {
                auto *brake = static_cast<Brake *>(data);
                std::unique_lock lock(brake->mutex_);
                if (!brake->held_) return GST_PAD_PROBE_OK;
                ++brake->standing_;
                brake->changed_.notify_all();
                brake->changed_.wait(lock, [brake] { return !brake->held_; });
                --brake->standing_;
                return GST_PAD_PROBE_OK;
            },
            this, nullptr);
    }

private:
    void set(bool held) {
        std::lock_guard lock(mutex_);
        held_ = held;
        changed_.notify_all();
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false;
    int standing_ = 0;
};

const std::string live_source =
    "videotestsrc is-live=true ! video/x-raw,format=I420,width=256,height=144,framerate=10/1 ! "
    "x264enc tune=zerolatency key-int-max=5 ! h264parse ! tee name=t "
    "t. ! queue ! fakesink name=source async=false "
    "t. ! queue ! ladder name=l rungs=96:100000,72:80000 ";
/// However slow the machine of the test is, nothing is dropped.
const std::string never = "max-lag=3600000000000";
const std::string sinks = " l.rung_96 ! fakesink name=large async=false "
                          "l.rung_72 ! fakesink name=small async=false";

void set_max_lag(Rig &rig, guint64 seconds) {
    g_object_set(rig.find("l").get(), "max-lag", seconds * GST_SECOND, nullptr);
}

bool grows(Rig &rig, const std::string &sink) {
    const size_t before = rig.heard(sink).times.size();
    return penstock_test::eventually([&] { return rig.heard(sink).times.size() > before + 5; });
}

} // namespace

// The rung whose encoder stands still goes; the other one catches up and loses no frame. It comes
// back with a keyframe of the source, on the same stream.
GST_START_TEST(test_dropped_and_back) {
    for (const guint slow : {96u, 72u}) {
        Brake brake;
        Rig rig(live_source + never + " patience=3000000000 retry=500000000" + sinks);
        const std::string bad = slow == 96 ? "large" : "small";
        const std::string good = slow == 96 ? "small" : "large";
        const auto ladder = rig.find("l");
        rig.set_state(GST_STATE_PLAYING);
        fail_unless(grows(rig, bad) && grows(rig, good));
        brake.fit(rig, std::to_string(slow));
        brake.hold();
        brake.wait_until_it_stands();
        set_max_lag(rig, 1);
        const auto warning = rig.message(GST_MESSAGE_WARNING);
        set_max_lag(rig, 3600);
        GError *error = nullptr;
        gst_message_parse_warning(warning.get(), &error, nullptr);
        const std::string text = error->message;
        g_error_free(error);
        fail_unless(text.find(std::to_string(slow) + "p is dropped") != std::string::npos, "%s",
                    text.c_str());
        brake.release();
        rig.wait_action("dropped", {slow});
        fail_unless(grows(rig, good));
        rig.wait_action("returned", {slow});
        fail_unless(grows(rig, bad));
        fail_unless_equals_string(Rig::rung_stat(ladder.get(), slow, "state").c_str(), "encoding");
        fail_unless_equals_string(Rig::rung_stat(ladder.get(), slow, "stops").c_str(), "1");
        rig.set_state(GST_STATE_NULL);

        const Heard source = rig.heard("source"), stayed = rig.heard(good), left = rig.heard(bad);
        fail_unless(!left.gaps.empty() && stayed.gaps.empty());
        fail_unless_equals_int(left.stream_starts, 1);
        fail_unless_equals_int(left.segments, 1);
        fail_unless_equals_int(left.sizes.size(), 1);
        for (const Heard *rung : {&stayed, &left})
            for (const guint64 key : rung->keys)
                fail_unless(std::find(source.keys.begin(), source.keys.end(), key) !=
                            source.keys.end());
        // Not one frame is missing in the rung that stayed.
        const size_t begin =
            size_t(std::find(source.times.begin(), source.times.end(), stayed.times.front()) -
                   source.times.begin());
        fail_unless(begin + stayed.times.size() <= source.times.size());
        fail_unless(std::equal(stayed.times.begin(), stayed.times.end(),
                               source.times.begin() + long(begin)));
        // The other one has a hole that begins again with a keyframe.
        size_t hole = 0;
        for (size_t i = 1; i < left.times.size(); ++i)
            if (left.times[i] - left.times[i - 1] > 150 * GST_MSECOND) hole = i;
        fail_unless(hole > 0);
        fail_unless(std::find(left.keys.begin(), left.keys.end(), left.times[hole]) !=
                    left.keys.end());
    }
}
GST_END_TEST

// All are too slow: one after the other goes. Nothing is decoded any more, and all come back.
GST_START_TEST(test_all_dropped) {
    Brake brake;
    Rig rig(live_source + never + " patience=300000000 retry=300000000" + sinks);
    rig.set_state(GST_STATE_PLAYING);
    fail_unless(grows(rig, "large") && grows(rig, "small"));
    for (const char *height : {"96", "72"})
        brake.fit(rig, height);
    brake.hold();
    set_max_lag(rig, 1);
    rig.wait_action("dropped", {96});
    rig.wait_action("dropped", {72});
    set_max_lag(rig, 3600);
    brake.release();
    // 96 was the first to go and may be due before 72.
    rig.wait_action("returned", {72, 96});
    fail_unless(grows(rig, "large") && grows(rig, "small"));
}
GST_END_TEST

// It can be shut down while a rung stands still, dropped or not.
GST_START_TEST(test_stopped_while_slow) {
    for (const bool wait : {false, true}) {
        Brake brake;
        Rig rig(live_source + never + " patience=300000000" + sinks);
        rig.set_state(GST_STATE_PLAYING);
        fail_unless(grows(rig, "large"));
        brake.fit(rig, "96");
        brake.hold();
        brake.wait_until_it_stands();
        if (wait) set_max_lag(rig, 1);
        if (wait) rig.wait_action("dropped", {96});
        const auto ladder = rig.find("l");
        std::thread stopper([&] { rig.set_state(GST_STATE_NULL); });
        // It can't get there as long as the encoder stands still. Which of its state changes waits
        // depends on how far the dropped rung has been taken down.
        int waits = 0;
        const bool goes_down = penstock_test::eventually([&] {
            GST_OBJECT_LOCK(ladder.get());
            waits = GST_STATE_NEXT(ladder.get()) == GST_STATE_VOID_PENDING ? 0 : waits + 1;
            GST_OBJECT_UNLOCK(ladder.get());
            return waits == 50;
        });
        brake.release();
        stopper.join();
        fail_unless(goes_down);
    }
}
GST_END_TEST

// A stream that is not live is never late: its source waits.
GST_START_TEST(test_not_live) {
    Brake brake;
    Rig rig("videotestsrc num-buffers=200 ! video/x-raw,format=I420,width=256,height=144 ! "
            "x264enc key-int-max=30 ! h264parse ! ladder name=l rungs=96:100000,72:80000 "
            "max-lag=100000000 patience=0" +
            sinks);
    rig.set_state(GST_STATE_PAUSED);
    fail_unless(penstock_test::eventually([&] { return bool(rig.find("encoder_96")); }));
    brake.fit(rig, "96");
    brake.hold();
    rig.set_state(GST_STATE_PLAYING);
    // Nothing moves any more.
    penstock_test::settled([&] { return rig.heard("small").times.size(); });
    brake.release();
    rig.message(GST_MESSAGE_EOS);
    fail_unless_equals_int(rig.heard("large").times.size(), 200);
    fail_unless_equals_int(rig.heard("small").times.size(), 200);
    fail_unless(rig.heard("large").gaps.empty());
}
GST_END_TEST

static Suite *ladder_load_suite() {
    Suite *s = suite_create("ladder_load");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_dropped_and_back);
    tcase_add_test(tc, test_all_dropped);
    tcase_add_test(tc, test_stopped_while_slow);
    tcase_add_test(tc, test_not_live);
    return s;
}
GST_CHECK_MAIN(ladder_load)
