// SPDX-License-Identifier: LGPL-2.1-or-later
// ladder: keyframes where the source has them, sizes, changes within a stream, states.
#include "elements/ladder_rig.hpp"
#include "elements/stats.hpp"

using namespace ladder_test;

namespace {

std::string test_picture(int frames, const std::string &size, const std::string &more = "") {
    return "videotestsrc pattern=ball num-buffers=" + std::to_string(frames) +
           " ! video/x-raw,format=I420," + size + ",framerate=30/1" + more;
}

/// Two rungs, and the source beside them.
const std::string two_rungs = " ! tee name=t t. ! queue ! fakesink name=source async=false "
                              "t. ! queue ! ladder name=l rungs=180:300000,120:200000 "
                              "l.rung_180 ! fakesink name=large async=false "
                              "l.rung_120 ! fakesink name=small async=false";

std::vector<guint64> sorted(std::vector<guint64> times) {
    std::sort(times.begin(), times.end());
    return times;
}

void fail_unless_same(const std::vector<guint64> &found, const std::vector<guint64> &wanted,
                      const char *what) {
    std::string text;
    for (const auto &[name, times] : {std::pair("found", &found), std::pair("wanted", &wanted)}) {
        text += std::string(name) + ":";
        for (size_t i = 0; i < std::min<size_t>(times->size(), 40); ++i)
            text += " " + std::to_string((*times)[i] / GST_MSECOND);
        text += "\n";
    }
    fail_unless(found == wanted, "%s, in ms:\n%s", what, text.c_str());
}

/// Every frame of the source, at its time, and keyframes exactly where it has them.
void check_aligned(Rig &rig) {
    const Heard source = rig.heard("source");
    for (const char *name : {"large", "small"}) {
        const Heard rung = rig.heard(name);
        fail_unless_same(rung.times, sorted(source.times), name);
        fail_unless_same(rung.keys, sorted(source.keys), name);
        fail_unless(rung.gaps.empty());
        fail_unless_equals_int(rung.eos, 1);
    }
}

/// Calls `at` with the number of each buffer that passes, which it may drop.
void each_frame(const GstPtr<GstPad> &pad, GstPadProbeReturn (*at)(GstPad *, unsigned number)) {
    struct Count {
        GstPadProbeReturn (*at)(GstPad *, unsigned number);
        unsigned number = 0;
    };
    gst_pad_add_probe(
        pad.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *probed, GstPadProbeInfo *, gpointer data) {
            auto *count = static_cast<Count *>(data);
            return count->at(probed, count->number++);
        },
        new Count{at}, [](gpointer data) { delete static_cast<Count *>(data); });
}

/// Keyframes at uneven distances.
GstPadProbeReturn with_uneven_keys(GstPad *pad, unsigned number) {
    for (unsigned key : {1u, 2u, 15u, 40u, 41u, 77u, 90u})
        if (key == number) {
            const auto encoder = GstPtr<GstElement>::adopt(gst_pad_get_parent_element(pad));
            gst_element_send_event(encoder.get(), gst_video_event_new_upstream_force_key_unit(
                                                      GST_CLOCK_TIME_NONE, TRUE, 0));
        }
    return GST_PAD_PROBE_OK;
}

/// A frame rate that varies.
GstPadProbeReturn some_frames(GstPad *, unsigned number) {
    return number % 7 == 3 || (number > 50 && number % 3 != 0) ? GST_PAD_PROBE_DROP
                                                               : GST_PAD_PROBE_OK;
}

} // namespace

GST_START_TEST(test_aligned) {
    for (const char *options :
         {"bframes=0 tune=zerolatency key-int-max=30", "bframes=3 b-pyramid=true key-int-max=500",
          "bframes=2 key-int-max=25 option-string=open_gop=1", "key-int-max=1"}) {
        Rig rig(test_picture(100, "width=426,height=240") + " ! x264enc name=e " + options +
                " ! h264parse" + two_rungs);
        each_frame(Rig::pad(rig.find("e").get(), "sink"), with_uneven_keys);
        rig.run_to_end();
        fail_unless(rig.heard("source").keys.size() > 2, "%s: %zu keyframes", options,
                    rig.heard("source").keys.size());
        check_aligned(rig);
        fail_unless_equals_string(joined(rig.heard("large").sizes).c_str(), "320x180");
        fail_unless_equals_string(joined(rig.heard("small").sizes).c_str(), "214x120");
    }
}
GST_END_TEST

// With B-frames: the same frames, keyframes and times, and a decoding time for each.
GST_START_TEST(test_normal_latency) {
    for (const char *options : {"bframes=0 tune=zerolatency key-int-max=30",
                                "bframes=3 b-pyramid=true key-int-max=500"}) {
        std::string rungs = two_rungs;
        rungs.replace(rungs.find("ladder name=l"), 13, "ladder name=l latency=normal");
        Rig rig(test_picture(100, "width=426,height=240") + " ! x264enc name=e " + options +
                " ! h264parse" + rungs);
        each_frame(Rig::pad(rig.find("e").get(), "sink"), with_uneven_keys);
        rig.run_to_end();
        const Heard source = rig.heard("source");
        for (const char *name : {"large", "small"}) {
            const Heard rung = rig.heard(name);
            fail_unless_same(sorted(rung.times), sorted(source.times), name);
            fail_unless_same(rung.keys, sorted(source.keys), name);
            fail_if(rung.times == sorted(rung.times), "no B-frames");
            fail_unless_equals_int(rung.without_dts, 0);
            fail_unless_equals_int(rung.segments, 1);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_variable_frame_rate) {
    Rig rig(test_picture(120, "width=426,height=240") +
            " ! identity name=i ! x264enc name=e key-int-max=500 ! h264parse" + two_rungs);
    each_frame(Rig::pad(rig.find("i").get(), "src"), some_frames);
    each_frame(Rig::pad(rig.find("e").get(), "sink"), with_uneven_keys);
    rig.run_to_end();
    check_aligned(rig);
}
GST_END_TEST

// Timestamps of an encoded stream that does not begin at zero, and other codecs than H.264.
GST_START_TEST(test_other_codecs) {
    for (const char *encoder : {"vp8enc deadline=1 keyframe-max-dist=20",
                                "x265enc key-int-max=20 speed-preset=ultrafast ! h265parse"}) {
        const std::string first = encoder;
        const auto found = GstPtr<GstElementFactory>::adopt(
            gst_element_factory_find(first.substr(0, first.find(' ')).c_str()));
        if (!found) continue;
        Rig rig(test_picture(50, "width=426,height=240") + " ! " + encoder + two_rungs);
        rig.run_to_end();
        fail_unless(rig.heard("source").times.size() == 50);
        check_aligned(rig);
    }
}
GST_END_TEST

// Nothing is enlarged: a rung that is not smaller than the source has no stream, but ends with it.
GST_START_TEST(test_sizes) {
    const struct {
        const char *source, *tags, *large, *small;
    } cases[] = {
        {"width=320,height=240", "", "240x180", "160x120"},
        {"width=320,height=180", "", "", "214x120"},
        {"width=200,height=118", "", "", ""},
        {"width=240,height=426", "", "180x320", "120x214"},
        {"width=720,height=288,pixel-aspect-ratio=32/45", "", "320x180", "214x120"},
        {"width=426,height=242", "", "316x180", "212x120"},
        {"width=426,height=240", "image-orientation=rotate-90", "180x320", "120x214"},
    };
    for (const auto &c : cases) {
        const std::string tags = *c.tags ? std::string(" ! taginject tags=") + c.tags : "";
        Rig rig(test_picture(5, c.source) + " ! x264enc ! h264parse" + tags + two_rungs);
        const auto ladder = rig.find("l");
        rig.set_state(GST_STATE_PLAYING);
        rig.message(GST_MESSAGE_EOS);
        for (const auto &[name, height, wanted] :
             {std::tuple("large", 180u, c.large), std::tuple("small", 120u, c.small)}) {
            const Heard rung = rig.heard(name);
            fail_unless_equals_string(joined(rung.sizes).c_str(), wanted);
            fail_unless_equals_int(rung.times.size(), *wanted ? 5 : 0);
            fail_unless_equals_int(rung.eos, 1);
            fail_unless_equals_string(Rig::rung_stat(ladder.get(), height, "state").c_str(),
                                      *wanted ? "encoding" : "too-large");
        }
        rig.set_state(GST_STATE_NULL);
    }
}
GST_END_TEST

// Interlaced video gives a progressive frame for each of the source's.
GST_START_TEST(test_interlaced) {
    for (const char *order : {"true", "false"}) {
        Rig rig(test_picture(40, "width=426,height=240") +
                " ! interlace field-pattern=1:1 top-field-first=" + order +
                " ! x264enc interlaced=true key-int-max=10 ! h264parse" + two_rungs);
        rig.run_to_end();
        const Heard source = rig.heard("source"), rung = rig.heard("large");
        fail_unless_same(rung.times, sorted(source.times), "interlaced");
        fail_unless_same(rung.keys, sorted(source.keys), "interlaced");
    }
}
GST_END_TEST

namespace {

/// H.264 of several sizes, one after the other.
std::string pieces(const std::vector<std::string> &sizes) {
    std::string line = "concat name=c ! h264parse" + two_rungs;
    for (const std::string &size : sizes)
        line += " " + test_picture(20, size) +
                " ! x264enc key-int-max=500 bframes=0 ! "
                "video/x-h264,stream-format=byte-stream ! c.";
    return line;
}

} // namespace

// The source changes its size: each rung follows, or is away as long as nothing is to be made.
GST_START_TEST(test_source_changes) {
    Rig rig(pieces({"width=320,height=240", "width=426,height=240", "width=240,height=160",
                    "width=200,height=100", "width=426,height=240"}));
    rig.run_to_end();
    const Heard source = rig.heard("source"), large = rig.heard("large"),
                small = rig.heard("small");
    fail_unless_equals_int(source.times.size(), 100);
    fail_unless_equals_int(source.keys.size(), 5);
    fail_unless_equals_string(joined(large.sizes).c_str(), "240x180 320x180");
    fail_unless_equals_string(joined(small.sizes).c_str(), "160x120 214x120 180x120 214x120");
    fail_unless_equals_int(large.times.size(), 60);
    fail_unless_equals_int(small.times.size(), 80);
    using Times = std::vector<guint64>;
    fail_unless_same(large.keys, Times{source.keys[0], source.keys[1], source.keys[4]}, "large");
    fail_unless_same(
        small.keys, Times{source.keys[0], source.keys[1], source.keys[2], source.keys[4]}, "small");
    // Gaps stand for what is not made, where the source has keyframes at least.
    const auto announces = [&](const Heard &rung, guint64 time) {
        return std::find(rung.gaps.begin(), rung.gaps.end(), time) != rung.gaps.end();
    };
    fail_unless(announces(large, source.keys[2]) && announces(large, source.keys[3]));
    fail_unless(announces(small, source.keys[3]));
    fail_unless_equals_int(large.stream_starts, 1);
    fail_unless_equals_int(large.segments, 1);
}
GST_END_TEST

GST_START_TEST(test_codec_changes) {
    const std::string picture = test_picture(20, "width=426,height=240");
    Rig rig("concat name=c" + two_rungs + " " + picture + " ! x264enc ! h264parse ! c. " + picture +
            " ! vp8enc deadline=1 ! c. " + picture + " ! x264enc bframes=3 ! h264parse ! c.");
    rig.run_to_end();
    fail_unless_equals_int(rig.heard("source").times.size(), 60);
    check_aligned(rig);
    fail_unless_equals_int(rig.heard("large").stream_starts, 1);
}
GST_END_TEST

// Ends, flushes and states; pads that come and go.
GST_START_TEST(test_no_data) {
    Rig rig("videotestsrc num-buffers=0 ! x264enc ! h264parse ! ladder name=l "
            "l. ! fakesink name=first async=false l. ! fakesink name=second async=false");
    rig.run_to_end();
    fail_unless_equals_int(rig.heard("first").eos + rig.heard("second").eos, 2);
    const auto ladder = rig.find("l");
    for (const char *name : {"rung_1080", "rung_720"})
        fail_unless(bool(Rig::pad(ladder.get(), name)));
}
GST_END_TEST

GST_START_TEST(test_states) {
    Rig rig(test_picture(-1, "width=426,height=240") + " ! x264enc key-int-max=5 ! h264parse" +
            two_rungs);
    for (const GstState down : {GST_STATE_READY, GST_STATE_NULL, GST_STATE_READY}) {
        const size_t before = rig.heard("small").times.size();
        rig.set_state(GST_STATE_PLAYING);
        fail_unless(penstock_test::eventually(
            [&] { return rig.heard("small").times.size() > before + 10; }));
        rig.set_state(down);
    }
    fail_unless_equals_int(rig.heard("small").stream_starts, 3);
}
GST_END_TEST

GST_START_TEST(test_flush) {
    Rig rig(test_picture(-1, "width=426,height=240") + " ! x264enc key-int-max=10 ! h264parse" +
            two_rungs);
    rig.set_state(GST_STATE_PLAYING);
    for (int i = 0; i < 3; ++i) {
        const size_t before = rig.heard("small").times.size();
        fail_unless(penstock_test::eventually(
            [&] { return rig.heard("small").times.size() > before + 10; }));
        fail_unless(
            gst_element_seek_simple(rig.pipeline(), GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, 0));
    }
    const auto begins = [&](const Heard &rung) {
        return std::count(rung.keys.begin(), rung.keys.end(), 0u);
    };
    fail_unless(penstock_test::eventually([&] { return begins(rig.heard("small")) >= 4; }), "%d",
                int(begins(rig.heard("small"))));
}
GST_END_TEST

GST_START_TEST(test_pads) {
    Rig rig(test_picture(-1, "width=426,height=240") + " ! x264enc key-int-max=5 ! h264parse" +
            two_rungs);
    const auto ladder = rig.find("l");
    fail_if(gst_element_request_pad_simple(ladder.get(), "rung_240"), "no such rung");
    fail_if(gst_element_request_pad_simple(ladder.get(), "rung_%u"), "none is left");
    rig.set_state(GST_STATE_PLAYING);
    for (int round = 0; round < 3; ++round) {
        const size_t before = rig.heard("large").times.size();
        fail_unless(penstock_test::eventually(
            [&] { return rig.heard("large").times.size() > before + 5; }));
        const auto pad = Rig::pad(ladder.get(), "rung_180");
        const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad.get()));
        gst_element_release_request_pad(ladder.get(), pad.get());
        const size_t small = rig.heard("small").times.size();
        fail_unless(
            penstock_test::eventually([&] { return rig.heard("small").times.size() > small + 10; }),
            "the other goes on");
        const auto again =
            GstPtr<GstPad>::adopt(gst_element_request_pad_simple(ladder.get(), "rung_180"));
        fail_unless(bool(again));
        gst_pad_link(again.get(), peer.get());
    }
    const size_t before = rig.heard("large").times.size();
    fail_unless(
        penstock_test::eventually([&] { return rig.heard("large").times.size() > before + 5; }));
}
GST_END_TEST

// A rung whose pad was released is free at once, also while nothing streams.
GST_START_TEST(test_pads_without_data) {
    Rig rig(test_picture(20, "width=426,height=240") + " ! x264enc ! h264parse" + two_rungs);
    const auto ladder = rig.find("l");
    for (const GstState state : {GST_STATE_NULL, GST_STATE_READY}) {
        rig.set_state(state);
        for (const char *name : {"rung_180", "rung_%u"}) {
            const auto pad = Rig::pad(ladder.get(), "rung_180");
            const auto peer = GstPtr<GstPad>::adopt(gst_pad_get_peer(pad.get()));
            gst_element_release_request_pad(ladder.get(), pad.get());
            const auto again =
                GstPtr<GstPad>::adopt(gst_element_request_pad_simple(ladder.get(), name));
            fail_unless(bool(again), "%s", name);
            fail_unless_equals_int(gst_pad_link(again.get(), peer.get()), GST_PAD_LINK_OK);
        }
    }
    rig.run_to_end();
    check_aligned(rig);
}
GST_END_TEST

// Upstream may push several frames at once.
GST_START_TEST(test_buffer_lists) {
    static constexpr guint in_list = 5;
    Rig rig(test_picture(20 * in_list, "width=426,height=240") +
            " ! x264enc name=e key-int-max=500 ! h264parse" + two_rungs);
    const auto ladder = rig.find("l");
    each_frame(Rig::pad(rig.find("e").get(), "sink"), with_uneven_keys);
    GstBufferList *list = gst_buffer_list_new();
    const auto before =
        GstPtr<GstPad>::adopt(gst_pad_get_peer(Rig::pad(ladder.get(), "sink").get()));
    gst_pad_add_probe(
        before.get(), GST_PAD_PROBE_TYPE_BUFFER,
        [](GstPad *pad, GstPadProbeInfo *info, gpointer data) {
            auto *&frames = *static_cast<GstBufferList **>(data);
            gst_buffer_list_add(frames, gst_buffer_ref(GST_PAD_PROBE_INFO_BUFFER(info)));
            if (gst_buffer_list_length(frames) == in_list)
                gst_pad_push_list(pad, std::exchange(frames, gst_buffer_list_new()));
            return GST_PAD_PROBE_DROP;
        },
        &list, nullptr);
    rig.run_to_end();
    fail_unless_equals_uint64(penstock_test::stat(ladder.get(), "buffers-in"), 20 * in_list);
    check_aligned(rig);
    gst_buffer_list_unref(list);
}
GST_END_TEST

GST_START_TEST(test_bad_settings) {
    const auto ladder = GstPtr<GstElement>::adopt(
        GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("ladder", nullptr))));
    auto bus = GstPtr<GstBus>::adopt(gst_bus_new());
    gst_element_set_bus(ladder.get(), bus.get());
    g_object_set(ladder.get(), "rungs", "720p", nullptr);
    fail_if(gst_element_request_pad_simple(ladder.get(), "rung_720"));
    fail_unless_equals_int(gst_element_set_state(ladder.get(), GST_STATE_PAUSED),
                           GST_STATE_CHANGE_FAILURE);
    const auto error =
        GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), GST_MESSAGE_ERROR));
    fail_unless(bool(error));
    gst_element_set_state(ladder.get(), GST_STATE_NULL);
    gst_element_set_bus(ladder.get(), nullptr);
}
GST_END_TEST

static Suite *ladder_suite() {
    Suite *s = suite_create("ladder");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_aligned);
    tcase_add_test(tc, test_normal_latency);
    tcase_add_test(tc, test_variable_frame_rate);
    tcase_add_test(tc, test_other_codecs);
    tcase_add_test(tc, test_sizes);
    tcase_add_test(tc, test_interlaced);
    tcase_add_test(tc, test_source_changes);
    tcase_add_test(tc, test_codec_changes);
    tcase_add_test(tc, test_no_data);
    tcase_add_test(tc, test_states);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_pads);
    tcase_add_test(tc, test_pads_without_data);
    tcase_add_test(tc, test_buffer_lists);
    tcase_add_test(tc, test_bad_settings);
    return s;
}
GST_CHECK_MAIN(ladder)
