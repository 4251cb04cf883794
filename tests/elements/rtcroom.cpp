// SPDX-License-Identifier: LGPL-2.1-or-later
// rtcroom: properties and locations, a room that elements share, and the pads of its participants.
#include "elements/rtcroom_rig.hpp"

using namespace rtcroom_test;

namespace {

std::string error_of(const GstPtr<GstElement> &element) {
    Bus bus(element.get());
    if (gst_element_set_state(element.get(), GST_STATE_PAUSED) != GST_STATE_CHANGE_FAILURE) {
        gst_element_set_state(element.get(), GST_STATE_NULL);
        return {};
    }
    const auto message = bus.wait(GST_MESSAGE_ERROR);
    GError *error = nullptr;
    gst_message_parse_error(message.get(), &error, nullptr);
    const std::string out = error->message;
    g_clear_error(&error);
    gst_element_set_state(element.get(), GST_STATE_NULL);
    return out;
}

void expect(const std::string &text, const char *part) {
    fail_unless(text.find(part) != text.npos, "'%s' is not in '%s'", part, text.c_str());
}

/// What the next message says of participants: whether there are any.
bool is_occupied(Bus &bus) {
    const auto message = bus.wait(GST_MESSAGE_ELEMENT);
    fail_unless(message && gst_message_has_name(message.get(), "penstock-publish-state"));
    gboolean out = FALSE;
    fail_unless(
        gst_structure_get_boolean(gst_message_get_structure(message.get()), "publishing", &out));
    return out;
}

} // namespace

GST_START_TEST(test_properties) {
    const auto element = make_element("rtcroom");
    g_object_set(element.get(), "host-key", "secret", "last-n", 3, "max-participants", 7, nullptr);
    fail_unless_equals_string(string_property(element.get(), "host-key").c_str(), "(set)");
    guint last_n = 0;
    g_object_get(element.get(), "last-n", &last_n, nullptr);
    fail_unless_equals_int(last_n, 3);
    fail_unless_equals_string(string_property(element.get(), "bound-location").c_str(), "");
    fail_unless_equals_int(stat(element.get(), "participants"), 0);
    expect(error_of(make("rtmp://127.0.0.1:0/room/x/join")),
           "does not begin with http:// or https://");
    expect(error_of(make("https://127.0.0.1:0/room/x/join")), "tls-certificate");
    for (const char *path : {"/room/x", "/join", "", "/room/x/JOIN", "/room//join"})
        expect(error_of(make("http://127.0.0.1:0" + std::string(path))),
               "write http://host:port/room/NAME/join");
}
GST_END_TEST

GST_START_TEST(test_shared_room) {
    const auto first_one = make(any);
    fail_unless(gst_element_set_state(first_one.get(), GST_STATE_PLAYING) !=
                GST_STATE_CHANGE_FAILURE);
    const auto other = make(string_property(first_one.get(), "bound-location"));
    fail_unless(gst_element_set_state(other.get(), GST_STATE_PLAYING) != GST_STATE_CHANGE_FAILURE);
    room_test::Loop loop;
    Participant ann(loop, port_of(first_one), {.name = "Ann"});
    ann.join();
    fail_unless_equals_int(stat(first_one.get(), "participants"), 1);
    fail_unless_equals_int(stat(other.get(), "participants"), 1);
    // It stays open with the other one, and closes with that.
    gst_element_set_state(first_one.get(), GST_STATE_NULL);
    ann.say({{"type", "chat"}, {"text", "still here"}});
    ann.wait([&] { return ann.find("chat") != nullptr; });
    gst_element_set_state(other.get(), GST_STATE_NULL);
    ann.wait([&] { return ann.ended; });
}
GST_END_TEST

GST_START_TEST(test_occupied) {
    const auto first_one = make(any);
    Bus first_bus(first_one.get());
    gst_element_set_state(first_one.get(), GST_STATE_PLAYING);
    room_test::Loop loop;
    Participant ann(loop, port_of(first_one), {.name = "Ann"});
    ann.join();
    fail_unless(is_occupied(first_bus));
    // One that shares the room later is told of those who are there already.
    const auto other = make(string_property(first_one.get(), "bound-location"));
    Bus other_bus(other.get());
    gst_element_set_state(other.get(), GST_STATE_PLAYING);
    fail_unless(is_occupied(other_bus));
    ann.leave();
    fail_unless(!is_occupied(first_bus));
    fail_unless(!is_occupied(other_bus));
    gst_element_set_state(other.get(), GST_STATE_NULL);
    gst_element_set_state(first_one.get(), GST_STATE_NULL);
}
GST_END_TEST

GST_START_TEST(test_pads) {
    const auto pipeline =
        GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
    const auto room = make(any, true);
    gst_bin_add(GST_BIN(pipeline.get()), GST_ELEMENT(gst_object_ref(room.get())));
    Outputs out(pipeline, room);
    fail_unless(gst_element_set_state(pipeline.get(), GST_STATE_PLAYING) !=
                GST_STATE_CHANGE_FAILURE);
    room_test::Loop loop;
    Participant ann(loop, port_of(room), {.name = "Ann"});
    ann.join();
    ann.say({{"type", "state"}, {"audio", true}, {"video", true}});
    Pace pace;
    ann.wait([&] {
        if (pace.is_due()) {
            ann.send_video(ann.asked() > 0 && pace.frames % 5 == 0, 'a');
            ann.send_audio(20, 0xFC);
        }
        return out.buffers > 30;
    });
    fail_unless_equals_int(out.pads, 1);
    fail_unless(out.caps > 0 && out.ends == 0);
    fail_unless_equals_string(out.name().c_str(), "Ann");
    fail_unless_equals_int(stat(room.get(), "streams"), 1);
    fail_unless(stat(room.get(), "buffers-out") >= 30);
    // A decoder that has to begin asks for a keyframe, and the camera is asked.
    const unsigned asked = ann.asked();
    GList *pads = room->srcpads;
    gst_pad_send_event(GST_PAD(pads->data),
                       gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                            gst_structure_new_empty("GstForceKeyUnit")));
    ann.wait([&] {
        if (pace.is_due()) ann.send_video(false, 'a');
        return ann.asked() > asked;
    });
    // Another name is known downstream, without another stream.
    ann.say({{"type", "name"}, {"name", "Anna"}});
    ann.wait([&] { return out.name() == "Anna"; });
    fail_unless_equals_int(out.added_pads, 1);
    ann.leave();
    fail_unless(room_test::eventually([&] { return out.pads == 0 && out.ends == 1; }));
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}
GST_END_TEST

GST_START_TEST(test_ends_with_participants) {
    const auto pipeline =
        GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
    const auto room = make(any, true);
    gst_bin_add(GST_BIN(pipeline.get()), GST_ELEMENT(gst_object_ref(room.get())));
    Outputs out(pipeline, room);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    room_test::Loop loop;
    Participant ann(loop, port_of(room), {.name = "Ann"});
    ann.join();
    ann.say({{"type", "state"}, {"audio", true}});
    Pace pace;
    ann.wait([&] {
        if (pace.is_due()) ann.send_audio(20, 0xFC);
        return out.buffers > 5;
    });
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    fail_unless_equals_int(out.pads, 0);
    ann.wait([&] { return ann.ended; });
}
GST_END_TEST

static Suite *rtcroom_suite() {
    Suite *s = suite_create("rtcroom");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_properties);
    tcase_add_test(tc, test_shared_room);
    tcase_add_test(tc, test_occupied);
    tcase_add_test(tc, test_pads);
    tcase_add_test(tc, test_ends_with_participants);
    return s;
}
GST_CHECK_MAIN(rtcroom)
