// SPDX-License-Identifier: LGPL-2.1-or-later
// roommixer's inputs: they come and go, stop, end, break and drift, and hold nothing up.
#include "elements/roommixer_rig.hpp"

using namespace roommixer_test;

namespace {

/// Waits for some more frames.
void go_on(Room &room, unsigned frames = 8) {
    const unsigned before = room.frames();
    fail_unless(eventually([&] { return room.frames() >= before + frames; }), "no more frames");
}

/// The first element of this factory within the mixer.
GstPtr<GstElement> inside(Room &room, const char *factory) {
    auto *iterator = gst_bin_iterate_recurse(GST_BIN(room.mixer()));
    GstPtr<GstElement> found;
    GValue value = G_VALUE_INIT;
    while (!found && gst_iterator_next(iterator, &value) == GST_ITERATOR_OK) {
        auto *element = GST_ELEMENT(g_value_get_object(&value));
        const GstElementFactory *made = gst_element_get_factory(element);
        if (made && strcmp(GST_OBJECT_NAME(made), factory) == 0)
            found = GstPtr<GstElement>::ref(element);
        g_value_reset(&value);
    }
    g_value_unset(&value);
    gst_iterator_free(iterator);
    return found;
}

} // namespace

// Ten come, and go in another order, twice; nothing is left of them.
GST_START_TEST(test_come_and_go) {
    Room room;
    Person stays = ann;
    stays.volume = "0.1";
    Guest first = room.join(stays);
    room.see({{320, 180, red}});
    const size_t elements = penstock_test::settled([&] { return room.elements(); });
    for (int round = 0; round < 2; ++round) {
        std::vector<Guest> guests;
        Person guest = bob;
        guest.size = "160,height=90";
        guest.volume = "0.01";
        for (int i = 0; i < 10; ++i) {
            guest.title = "Guest " + std::to_string(i);
            guests.push_back(room.join(guest));
            go_on(room, 1);
        }
        fail_unless(eventually([&] { return penstock_test::stat(room.mixer(), "tiles") == 11; }));
        room.see({{60, 60, red}, {240, 60, green}, {400, 180, green}});
        for (size_t i : {4u, 0u, 9u, 1u, 8u, 2u, 7u, 3u, 6u, 5u})
            room.leave(guests[i]);
        room.see({{320, 20, red}});
        fail_unless_equals_uint64(penstock_test::stat(room.mixer(), "peers"), 1);
        fail_unless(eventually([&] { return room.elements() == elements; }), "%zu elements of %zu",
                    room.elements(), elements);
    }
    fail_unless_equals_int(room.gaps(), 0);
    room.fail_on_errors();
}
GST_END_TEST

// One that stops sending becomes a name after a while, and is seen again when it goes on.
GST_START_TEST(test_stops) {
    Room room;
    Guest first = room.join(ann), second = room.join(bob);
    room.see({{160, 160, red}, {480, 160, green}});
    const auto valve = first.find("valve");
    g_object_set(valve.get(), "drop", TRUE, nullptr);
    // Its last frame stays for now, and the other one moves on.
    go_on(room);
    room.see({{160, 160, red}, {480, 160, green}});
    room.see({{40, 110, card}, {480, 160, green}});
    fail_unless_equals_string(room.stat_of(first, "state").c_str(), "name");
    const std::string frames = room.stat_of(second, "video-frames");
    fail_unless(eventually([&] { return room.stat_of(second, "video-frames") != frames; }));
    g_object_set(valve.get(), "drop", FALSE, nullptr);
    room.see({{160, 160, red}, {480, 160, green}});
    fail_unless_equals_int(room.gaps(), 0);
    room.fail_on_errors();
}
GST_END_TEST

// EOS of one removes its tile, and its pad when that is unlinked.
GST_START_TEST(test_eos) {
    Room room;
    Guest first = room.join(ann), second = room.join(bob);
    room.see({{160, 160, red}, {480, 160, green}});
    room.end(first);
    room.see({{20, 20, green}, {620, 340, green}});
    fail_unless(eventually([&] { return penstock_test::stat(room.mixer(), "peers") == 1; }));
    room.fail_on_errors();
}
GST_END_TEST

// A decoder that fails costs its own medium; it is tried again.
GST_START_TEST(test_decoder_fails) {
    Room room;
    Guest first = room.join(ann);
    room.see({{20, 20, red}});
    const auto decoder = inside(room, "vp8dec");
    fail_unless(bool(decoder));
    GST_ELEMENT_ERROR(decoder.get(), STREAM, DECODE, ("It is broken."), (nullptr));
    const std::string warning = room.warning();
    fail_unless(warning.starts_with("Ann (sink_0): the video can't be decoded"), "%s",
                warning.c_str());
    fail_unless(warning.ends_with("It is broken."), "%s", warning.c_str());
    room.see({{20, 20, card}});
    Guest second = room.join(bob);
    room.see({{480, 160, green}});
    room.see({{160, 160, red}, {480, 160, green}});
    room.fail_on_errors();
}
GST_END_TEST

// What is no FLV is left out.
GST_START_TEST(test_no_flv) {
    Room room;
    Guest first = room.join(ann);
    room.see({{20, 20, red}});
    Guest second = room.join_line("fakesrc is-live=true num-buffers=50 sizetype=fixed sizemax=1000 "
                                  "filltype=pattern do-timestamp=true format=time ! "
                                  "capsfilter caps=video/x-flv ! taginject name=tags "
                                  "tags=title=(string)Mallory");
    const std::string warning = room.warning();
    fail_unless(warning.starts_with("Mallory (sink_1) can't be read"), "%s", warning.c_str());
    go_on(room);
    room.see({{20, 20, red}, {620, 340, red}});
    room.fail_on_errors();
}
GST_END_TEST

/// Keyframes say that they are as large as can be said.
GstPadProbeReturn claim_size(GstPad *, GstPadProbeInfo *info, gpointer) {
    GstBuffer *buffer = gst_buffer_make_writable(GST_PAD_PROBE_INFO_BUFFER(info));
    GST_PAD_PROBE_INFO_DATA(info) = buffer;
    if (GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)) return GST_PAD_PROBE_OK;
    const guint8 sides[] = {0xFF, 0x3F, 0xFF, 0x3F};
    fail_unless_equals_uint64(gst_buffer_fill(buffer, 6, sides, sizeof sides), sizeof sides);
    return GST_PAD_PROBE_OK;
}

// No decoder sees a frame that says it is huge, and the others go on.
GST_START_TEST(test_huge_frames) {
    Room room;
    Guest first = room.join(ann);
    room.see({{20, 20, red}});
    Guest second = room.join_line(
        "videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=10/1 ! "
        "valve name=gate drop=true ! vp8enc name=encoder deadline=1 ! flvlivemux ! "
        "taginject name=tags tags=title=(string)Mallory");
    const auto coded =
        GstPtr<GstPad>::adopt(gst_element_get_static_pad(second.find("encoder").get(), "src"));
    gst_pad_add_probe(coded.get(), GST_PAD_PROBE_TYPE_BUFFER, claim_size, nullptr, nullptr);
    g_object_set(second.find("gate").get(), "drop", FALSE, nullptr);
    const std::string warning = room.warning();
    fail_unless(warning.starts_with("Mallory (sink_1): the video can't be decoded"), "%s",
                warning.c_str());
    fail_unless(warning.ends_with("16383x16383 pixels are larger than 4096x2304"), "%s",
                warning.c_str());
    go_on(room);
    fail_unless_equals_string(room.stat_of(second, "video-frames").c_str(), "0");
    room.see({{160, 160, red}});
}
GST_END_TEST

// Timestamps that are hours away are no matter.
GST_START_TEST(test_far_time) {
    Room room;
    Guest first = room.join(ann);
    room.see({{20, 20, red}});
    Person far = bob;
    far.volume = "0.3";
    Guest second = room.join(far);
    const auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(second.bin.get(), "src"));
    gst_pad_set_offset(out.get(), 7200 * gint64(GST_SECOND));
    room.see({{160, 160, red}, {480, 160, green}});
    fail_unless(eventually([&] { return room.loudness() > 1000; }));
    const std::string frames = room.stat_of(second, "video-frames");
    go_on(room);
    fail_unless(eventually([&] { return room.stat_of(second, "video-frames") != frames; }));
    room.fail_on_errors();
}
GST_END_TEST

// What follows takes nothing for a while: inputs are not held up, and come back in time.
GST_START_TEST(test_blocked_output) {
    Room room;
    Guest first = room.join(ann);
    room.see({{20, 20, red}});
    const auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(room.mixer(), "video"));
    const gulong probe = gst_pad_add_probe(
        out.get(), GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
    const auto bytes = [&] { return std::stoull(room.stat_of(first, "bytes-in")); };
    const auto before = bytes();
    fail_unless(eventually([&] { return room.stat_of(first, "drops") != "0"; }));
    const auto later = bytes();
    fail_unless(later > before && eventually([&] { return bytes() > later; }));
    gst_pad_remove_probe(out.get(), probe);
    go_on(room);
    fail_unless(eventually([&] { return penstock_test::stat(room.mixer(), "late") > 0; }));
    Guest second = room.join(bob);
    room.see({{160, 160, red}, {480, 160, green}});
    room.fail_on_errors();
}
GST_END_TEST

// Keyframes are asked for by time, whatever is left out in between.
GST_START_TEST(test_keyframe_interval) {
    Room room("keyframe-interval=500000000");
    const auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(room.mixer(), "video"));
    std::atomic<unsigned> asked = 0;
    gst_pad_add_probe(
        out.get(), GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            if (gst_video_event_is_force_key_unit(GST_PAD_PROBE_INFO_EVENT(info)))
                ++*static_cast<std::atomic<unsigned> *>(data);
            return GST_PAD_PROBE_OK;
        },
        &asked, nullptr);
    const unsigned before = room.frames();
    fail_unless(eventually([&] { return asked >= 3; }));
    fail_unless(room.frames() > before + 3, "they come with every frame");
}
GST_END_TEST

// The machine needs four times as long for a picture as there is: fewer come, but they come on.
GST_START_TEST(test_slow_machine) {
    Room room;
    fail_unless(eventually([&] { return room.frames() > 2; }));
    const auto format =
        GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(room.mixer()), "video-format"));
    const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(format.get(), "sink"));
    gst_pad_add_probe(
        pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *, GstPadProbeInfo *, gpointer) {
            g_usleep(400'000);
            return GST_PAD_PROBE_OK;
        },
        nullptr, nullptr);
    const std::string text = room.warning();
    fail_unless(text.find("too slow") != text.npos, "%s", text.c_str());
    const unsigned before = room.frames();
    fail_unless(eventually([&] { return room.frames() > before + 3; }), "no picture any more");
}
GST_END_TEST

// A stream that is not live waits for its time, and loses nothing.
GST_START_TEST(test_not_live) {
    Room room;
    Guest guest = room.join_line(
        "videotestsrc num-buffers=10000 pattern=solid-color foreground-color=0xff0000ff ! "
        "video/x-raw,format=I420,width=320,height=180,framerate=10/1 ! vp8enc deadline=1 ! "
        "flvlivemux ! taginject name=tags");
    room.see({{20, 20, blue}});
    go_on(room, 15);
    const auto decoded = std::stoull(room.stat_of(guest, "video-frames"));
    fail_unless(decoded > 10 && decoded < 10 + room.frames(), "%" G_GUINT64_FORMAT " of %u frames",
                guint64(decoded), room.frames());
    fail_unless_equals_string(room.stat_of(guest, "drops").c_str(), "0");
    room.fail_on_errors();
}
GST_END_TEST

static Suite *roommixer_inputs_suite() {
    Suite *suite = suite_create("roommixer_inputs");
    TCase *tests = tcase_create("inputs");
    tcase_add_test(tests, test_come_and_go);
    tcase_add_test(tests, test_stops);
    tcase_add_test(tests, test_eos);
    tcase_add_test(tests, test_decoder_fails);
    tcase_add_test(tests, test_no_flv);
    tcase_add_test(tests, test_huge_frames);
    tcase_add_test(tests, test_far_time);
    tcase_add_test(tests, test_blocked_output);
    tcase_add_test(tests, test_not_live);
    tcase_add_test(tests, test_keyframe_interval);
    tcase_add_test(tests, test_slow_machine);
    suite_add_tcase(suite, tests);
    return suite;
}

GST_CHECK_MAIN(roommixer_inputs)
