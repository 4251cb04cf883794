// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads of rtcroom that end in every way while other threads are about to act on them: the calls to
// these threads are held back until the test lets them go.
#include "elements/rtcroom_rig.hpp"

#include <dlfcn.h>
#include <thread>

using namespace rtcroom_test;

namespace {

struct Call {
    GstPtr<GstElement> element;
    GstElementCallAsyncFunc function;
    gpointer data;
    GDestroyNotify notify;
};

std::mutex calls_mutex; ///< guards what follows
bool holds_calls = false;
std::vector<Call> held_calls;

void hold_calls() {
    std::lock_guard lock(calls_mutex);
    holds_calls = true;
}

size_t count_held() {
    std::lock_guard lock(calls_mutex);
    return held_calls.size();
}

/// Makes the calls, on this thread.
void let_go() {
    std::vector<Call> calls;
    {
        std::lock_guard lock(calls_mutex);
        holds_calls = false;
        calls = std::exchange(held_calls, {});
    }
    for (const Call &call : calls) {
        call.function(call.element.get(), call.data);
        if (call.notify) call.notify(call.data);
    }
}

/// A room with outputs, and Ann in it, who sends nothing yet.
struct Scene {
    Scene()
        : pipeline(GstPtr<GstElement>::adopt(
              GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))))),
          room(make(any, true)), out(pipeline, room) {
        gst_bin_add(GST_BIN(pipeline.get()), GST_ELEMENT(gst_object_ref(room.get())));
        fail_unless(gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) !=
                    GST_STATE_CHANGE_FAILURE);
        ann = std::make_unique<Participant>(loop, port_of(room),
                                            Participant::Settings{.name = "Ann"});
        ann->join();
        ann->say({{"type", "state"}, {"audio", true}});
    }
    template <class Done>
    void speak_until(Done done) {
        ann->wait([&] {
            if (pace.is_due()) ann->send_audio(20, 0xFC);
            return done();
        });
    }
    void stop() { gst_element_set_state(pipeline.get(), GST_STATE_NULL); }

    const GstPtr<GstElement> pipeline, room;
    Outputs out;
    room_test::Loop loop;
    std::unique_ptr<Participant> ann;
    Pace pace;
};

} // namespace

/// Stands before that of GStreamer for the plugin, too.
extern "C" void gst_element_call_async(GstElement *element, GstElementCallAsyncFunc function,
                                       gpointer data, GDestroyNotify notify) {
    {
        std::lock_guard lock(calls_mutex);
        if (holds_calls) {
            held_calls.push_back({GstPtr<GstElement>::ref(element), function, data, notify});
            return;
        }
    }
    static const auto original = reinterpret_cast<decltype(&gst_element_call_async)>(
        dlsym(RTLD_NEXT, "gst_element_call_async"));
    original(element, function, data, notify);
}

// Another thread is to push EOS, but the pad goes first.
GST_START_TEST(test_eos_then_stop) {
    Scene scene;
    scene.speak_until([&] { return scene.out.buffers > 5; });
    hold_calls();
    fail_unless(gst_element_send_event(scene.room.get(), gst_event_new_eos()));
    fail_unless(count_held() > 0);
    scene.stop();
    fail_unless_equals_int(scene.out.pads, 0);
    let_go();
    fail_unless_equals_int(scene.out.pads, 0);
}
GST_END_TEST

// The participant leaves, and its pad, which is to be removed, is removed by the end of all.
GST_START_TEST(test_leaves_then_stop) {
    Scene scene;
    scene.speak_until([&] { return scene.out.buffers > 5; });
    hold_calls();
    scene.ann->leave();
    fail_unless(room_test::eventually([&] { return scene.out.ends == 1; }));
    fail_unless_equals_int(scene.out.pads, 1);
    scene.stop();
    fail_unless_equals_int(scene.out.pads, 0);
    let_go();
    fail_unless_equals_int(scene.out.pads, 0);
}
GST_END_TEST

// A pad that is to appear does not, when all has ended by then.
GST_START_TEST(test_stops_before_it_appears) {
    Scene scene;
    hold_calls();
    scene.speak_until([&] { return stat(scene.room.get(), "streams") == 1; });
    scene.stop();
    fail_unless(count_held() > 0);
    let_go();
    fail_unless_equals_int(scene.out.added_pads, 0);
    fail_unless_equals_int(scene.out.pads, 0);
}
GST_END_TEST

// The participant has left by the time its pad appears: that ends at once.
GST_START_TEST(test_leaves_before_it_appears) {
    Scene scene;
    hold_calls();
    scene.speak_until([&] { return stat(scene.room.get(), "streams") == 1; });
    scene.ann->leave();
    fail_unless(room_test::eventually([&] { return stat(scene.room.get(), "participants") == 0; }));
    let_go();
    fail_unless(room_test::eventually([&] { return scene.out.ends == 1 && scene.out.pads == 0; }));
    scene.stop();
}
GST_END_TEST

// All ends while the application's handler links the pad.
GST_START_TEST(test_stops_while_it_appears) {
    Scene scene;
    static std::atomic<bool> is_there, may_go_on;
    is_there = may_go_on = false;
    g_signal_connect(scene.room.get(), "pad-added", G_CALLBACK(+[](GstElement *, GstPad *) {
                         is_there = true;
                         is_there.notify_all();
                         may_go_on.wait(false);
                     }),
                     nullptr);
    scene.speak_until([&] { return is_there.load(); });
    std::thread stopping([&] { scene.stop(); });
    fail_unless(room_test::eventually(
        [&] { return GST_STATE_TARGET(scene.room.get()) <= GST_STATE_READY; }));
    may_go_on = true;
    may_go_on.notify_all();
    stopping.join();
    fail_unless(room_test::eventually([&] { return scene.out.pads == 0; }));
}
GST_END_TEST

static Suite *rtcroom_threads_suite() {
    Suite *suite = suite_create("rtcroom_threads");
    TCase *tests = tcase_create("general");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_eos_then_stop);
    tcase_add_test(tests, test_leaves_then_stop);
    tcase_add_test(tests, test_stops_before_it_appears);
    tcase_add_test(tests, test_leaves_before_it_appears);
    tcase_add_test(tests, test_stops_while_it_appears);
    return suite;
}
GST_CHECK_MAIN(rtcroom_threads)
