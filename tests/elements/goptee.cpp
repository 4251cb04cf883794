// SPDX-License-Identifier: LGPL-2.1-or-later
// goptee: how a branch starts, its thread, events and queries.
#include "goptee_rig.hpp"

static void begins_with_gop(bool nonblocking) {
    Peer early(nonblocking), late(nonblocking);
    Rig rig;
    GstPad *a = rig.add(early);
    rig.push_all("d0 K1 d1 d2 K2 d3 d4");
    fail_unless(early.wait_for(6));
    expect(early.text(), "K1 d1 d2 K2 d3 d4");

    GstPad *b = rig.add(late);
    rig.push_all("d5 K3");
    fail_unless(late.wait_for(5));
    expect(late.text(), "K2 d3 d4 d5 K3");
    const auto events = late.events();
    fail_unless(events.size() >= 3);
    fail_unless(events[0] == GST_EVENT_STREAM_START);
    fail_unless(events[1] == GST_EVENT_CAPS);
    fail_unless(events[2] == GST_EVENT_SEGMENT);
    for (auto *peer : {&early, &late}) {
        const auto buffers = peer->buffers();
        for (size_t i = 0; i < buffers.size(); ++i)
            fail_unless(has(buffers[i].get(), GST_BUFFER_FLAG_DISCONT) == (i == 0));
    }
    // All branches share memory; the one buffer that is copied for DISCONT shares it too.
    fail_unless(early.wait_text("K3"));
    const auto x = early.buffers(), y = late.buffers();
    fail_unless(gst_buffer_peek_memory(x[3].get(), 0) == gst_buffer_peek_memory(y[0].get(), 0));
    fail_unless(x[4].get() == y[1].get());
    rig.remove(a);
    rig.remove(b);
}

GST_START_TEST(test_begins_with_gop_threaded) {
    begins_with_gop(false);
}
GST_END_TEST
GST_START_TEST(test_begins_with_gop_direct) {
    begins_with_gop(true);
}
GST_END_TEST

GST_START_TEST(test_threads) {
    Peer direct(true), threaded(false);
    Rig rig;
    GstPad *a = rig.add(direct), *b = rig.add(threaded);
    rig.push_all("K1 d1");
    fail_unless_equals_int(direct.buffers().size(), 2);
    fail_unless(direct.thread.load() == std::this_thread::get_id());
    fail_unless(threaded.wait_for(2));
    fail_unless(threaded.thread.load() != std::this_thread::get_id());
    fail_unless_equals_int(direct.asked, 1);
    fail_unless_equals_int(threaded.asked, 1);

    // RECONFIGURE repeats the query; both branches change their kind and lose nothing.
    direct.nonblocking = false;
    threaded.nonblocking = true;
    gst_pad_push_event(direct.pad(), gst_event_new_reconfigure());
    gst_pad_push_event(threaded.pad(), gst_event_new_reconfigure());
    std::string expected = "K1 d1";
    for (int i = 2; i < 100; ++i) {
        const std::string text = "d" + std::to_string(i);
        rig.push_all(text);
        expected += " " + text;
        fail_unless(direct.wait_text(text) && threaded.wait_text(text));
        if (threaded.thread.load() == std::this_thread::get_id()) break;
    }
    fail_unless(threaded.thread.load() == std::this_thread::get_id());
    fail_unless(direct.thread.load() != std::this_thread::get_id());
    expect(direct.text(), expected);
    expect(threaded.text(), expected);
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

GST_START_TEST(test_headers_belong_to_their_keyframe) {
    Peer early, late;
    Rig rig;
    GstPad *a = rig.add(early);
    rig.push_all("h1 h2 K1 d1 h3 d2 h4");
    GstPad *b = rig.add(late);
    rig.push_all("K2 d3");
    fail_unless(early.wait_text("d3") && late.wait_text("d3"));
    expect(early.text(), "h1 h2 K1 d1 h3 d2 h4 K2 d3");
    expect(late.text(), "h4 K2 d3");
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

GST_START_TEST(test_streamheader_of_caps) {
    Peer early, late;
    Rig rig("application/x-test, streamheader=(buffer)<4831,4832>");
    GstPad *a = rig.add(early);
    rig.push_all("h1 h2 K1 d1 K2");
    GstPad *b = rig.add(late);
    rig.push_all("d2");
    fail_unless(early.wait_text("d2") && late.wait_text("d2"));
    expect(early.text(), "h1 h2 K1 d1 K2 d2");
    expect(late.text(), "H1 H2 K2 d2");
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

GST_START_TEST(test_gop_count_and_bounds) {
    Peer two, none;
    Rig rig;
    g_object_set(rig.tee, "gop-count", 2, nullptr);
    rig.push_all("K1 d1 K2 d2 K3 d3");
    guint gops = 0;
    fail_unless(gst_structure_get_uint(rig.stats().get(), "cached-gops", &gops));
    fail_unless_equals_int(gops, 2);
    fail_unless_equals_uint64(rig.stat("cached-buffers"), 4);
    fail_unless_equals_uint64(rig.stat("cached-bytes"), 8);
    GstPad *a = rig.add(two);
    rig.push_all("d4");
    fail_unless(two.wait_text("d4"));
    expect(two.text(), "K2 d2 K3 d3 d4");

    // A GOP over the bound is dropped: the next branch waits for a keyframe.
    g_object_set(rig.tee, "max-time", guint64(200 * GST_MSECOND), nullptr);
    rig.push_all("K4 d1 d2 d3 d4 d5 d6 d7");
    GstPad *b = rig.add(none);
    rig.push_all("d8 K5 d9");
    fail_unless(none.wait_text("d9"));
    expect(none.text(), "K5 d9");
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

// Caps that were queued in front of dropped buffers still reach the branch.
GST_START_TEST(test_eos_event) {
    Peer threaded(false), direct(true), waiting(false);
    Rig rig;
    GstPad *a = rig.add(threaded), *b = rig.add(direct);
    rig.push_all("K1 d1");
    GstPad *c = rig.add(waiting); // never got a buffer, must get its EOS
    fail_unless(gst_pad_push_event(rig.src, gst_event_new_eos()));
    for (Peer *p : {&threaded, &direct, &waiting})
        fail_unless(p->wait_event(GST_EVENT_EOS));
    expect(threaded.text(), "K1 d1");
    fail_unless(threaded.events().back() == GST_EVENT_EOS);
    rig.remove(a);
    rig.remove(b);
    rig.remove(c);
}
GST_END_TEST

GST_START_TEST(test_flush) {
    Peer blocked(false), direct(true);
    Rig rig;
    GstPad *a = rig.add(blocked), *b = rig.add(direct);
    blocked.block();
    rig.push_all("K1 d1 d2");
    fail_unless(blocked.wait_entered());
    fail_unless(gst_pad_push_event(rig.src, gst_event_new_flush_start()));
    fail_unless(gst_pad_push_event(rig.src, gst_event_new_flush_stop(TRUE)));
    fail_unless(blocked.wait_event(GST_EVENT_FLUSH_STOP));
    fail_unless_equals_uint64(rig.stat("cached-buffers"), 0);
    blocked.forget();
    direct.forget();
    rig.segment();
    rig.push_all("d3 K2 d4");
    fail_unless(blocked.wait_text("d4"));
    expect(blocked.text(), "K2 d4");
    expect(direct.text(), "K2 d4");
    fail_unless(has(direct.buffers()[0].get(), GST_BUFFER_FLAG_DISCONT));
    fail_unless(direct.wait_event(GST_EVENT_SEGMENT));
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

GST_START_TEST(test_renegotiation) {
    Peer early, late;
    Rig rig("video/x-test, width=320");
    GstPad *a = rig.add(early);
    rig.push_all("K1 d1");
    rig.set_caps("video/x-test, width=320"); // the same: nothing ends
    fail_unless_equals_uint64(rig.stat("cached-buffers"), 2);
    rig.set_caps("video/x-test, width=640");
    fail_unless_equals_uint64(rig.stat("cached-buffers"), 0);
    GstPad *b = rig.add(late);
    rig.push_all("d2 K2 d3");
    fail_unless(early.wait_text("d3") && late.wait_text("d3"));
    expect(early.text(), "K1 d1 d2 K2 d3");
    expect(late.text(), "K2 d3");
    for (Peer *p : {&early, &late}) {
        auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(p->pad()));
        gint width = 0;
        gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "width", &width);
        fail_unless_equals_int(width, 640);
    }
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

GST_START_TEST(test_queries) {
    Peer one, two;
    Rig rig;
    GstPad *a = rig.add(one), *b = rig.add(two);
    fail_unless(peer_is_nonblocking(rig.src));

    auto latency = GstPtr<GstQuery>::adopt(gst_query_new_latency());
    fail_unless(gst_pad_peer_query(one.pad(), latency.get()));
    gboolean live;
    GstClockTime min, max;
    gst_query_parse_latency(latency.get(), &live, &min, &max);
    fail_unless(live);
    fail_unless_equals_uint64(min, 20 * GST_MSECOND);
    fail_unless_equals_uint64(max, 100 * GST_MSECOND + 3 * GST_SECOND);
    gint64 duration = 0;
    fail_unless(gst_pad_peer_query_duration(two.pad(), GST_FORMAT_TIME, &duration));
    fail_unless_equals_int64(duration, 7 * GST_SECOND);
    auto scheduling = GstPtr<GstQuery>::adopt(gst_query_new_scheduling());
    fail_if(gst_pad_peer_query(one.pad(), scheduling.get()));

    auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string("video/x-test"));
    auto allocation = GstPtr<GstQuery>::adopt(gst_query_new_allocation(caps.get(), FALSE));
    fail_if(gst_pad_peer_query(rig.src, allocation.get()));
    // Both accept z; w is accepted by the second only.
    one.caps = GstPtr<GstCaps>::adopt(gst_caps_from_string("video/x-y; video/x-z"));
    two.caps = GstPtr<GstCaps>::adopt(gst_caps_from_string("video/x-z; video/x-w"));
    auto common = GstPtr<GstCaps>::adopt(gst_pad_peer_query_caps(rig.src, nullptr));
    expect(GOwned<>(gst_caps_to_string(common.get())).get(), "video/x-z");
    two.caps = GstPtr<GstCaps>::adopt(gst_caps_from_string("video/x-w"));
    common = GstPtr<GstCaps>::adopt(gst_pad_peer_query_caps(rig.src, nullptr));
    expect(GOwned<>(gst_caps_to_string(common.get())).get(), "video/x-y; video/x-z");
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

GST_START_TEST(test_upstream_events) {
    Peer one, two;
    Rig rig;
    GstPad *a = rig.add(one), *b = rig.add(two);
    gst_pad_push_event(one.pad(), gst_event_new_custom(GST_EVENT_CUSTOM_UPSTREAM,
                                                       gst_structure_new_empty("GstForceKeyUnit")));
    fail_unless_equals_int(rig.seen_upstream(GST_EVENT_CUSTOM_UPSTREAM), 1);
    fail_unless(rig.seen_upstream(GST_EVENT_RECONFIGURE) > 0);
    gst_pad_push_event(one.pad(), gst_event_new_qos(GST_QOS_TYPE_UNDERFLOW, 2.0, 0, 0));
    fail_unless_equals_int(rig.seen_upstream(GST_EVENT_QOS), 0);
    // A seek of the pipeline arrives from every sink.
    GstEvent *seek = gst_event_new_seek(1, GST_FORMAT_TIME, GST_SEEK_FLAG_FLUSH, GST_SEEK_TYPE_SET,
                                        0, GST_SEEK_TYPE_NONE, -1);
    fail_unless(gst_pad_push_event(one.pad(), gst_event_ref(seek)));
    fail_unless(gst_pad_push_event(two.pad(), seek));
    fail_unless_equals_int(rig.seen_upstream(GST_EVENT_SEEK), 1);
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

static Suite *goptee_suite() {
    Suite *s = suite_create("goptee");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_begins_with_gop_threaded);
    tcase_add_test(tc, test_begins_with_gop_direct);
    tcase_add_test(tc, test_threads);
    tcase_add_test(tc, test_headers_belong_to_their_keyframe);
    tcase_add_test(tc, test_streamheader_of_caps);
    tcase_add_test(tc, test_gop_count_and_bounds);
    tcase_add_test(tc, test_eos_event);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_renegotiation);
    tcase_add_test(tc, test_queries);
    tcase_add_test(tc, test_upstream_events);
    return s;
}
GST_CHECK_MAIN(goptee)
