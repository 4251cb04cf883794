// SPDX-License-Identifier: LGPL-2.1-or-later
// goptee: branches that block, fail or are added and removed; states and memory.
#include "goptee_rig.hpp"

GST_START_TEST(test_stuck_branch) {
    Peer good, stuck;
    Rig rig;
    g_object_set(rig.tee, "queue-max-time", guint64(GST_SECOND), nullptr);
    GstPad *a = rig.add(good), *b = rig.add(stuck);
    stuck.block();
    rig.push_all("K0");
    fail_unless(stuck.wait_entered());
    size_t count = 1;
    for (int gop = 1; gop < 20; ++gop) {
        rig.push_all("K" + std::to_string(gop));
        for (int i = 0; i < 9; ++i)
            rig.push_all("d" + std::to_string(gop));
        count += 10;
        fail_unless(good.wait_for(count));
    }
    fail_unless_equals_int(good.buffers().size(), count);
    fail_unless(rig.stat("drops") > 0);
    fail_unless(rig.stat("skips") > 0);

    stuck.unblock();
    rig.push_all("K99");
    fail_unless(stuck.wait_text("K99"));
    const auto buffers = stuck.buffers();
    expect(to_text(buffers[0].get()), "K0");
    // The branch continues with a keyframe with DISCONT, and without a gap from there on.
    const std::string next = to_text(buffers[1].get());
    fail_unless(next[0] == 'K' && next != "K1", "went on with %s", next.c_str());
    fail_unless(has(buffers[1].get(), GST_BUFFER_FLAG_DISCONT));
    for (size_t i = 2; i < buffers.size(); ++i) {
        fail_if(has(buffers[i].get(), GST_BUFFER_FLAG_DISCONT));
        fail_unless_equals_uint64(GST_BUFFER_PTS(buffers[i].get()),
                                  GST_BUFFER_PTS(buffers[i - 1].get()) + 40 * GST_MSECOND);
    }
    fail_unless_equals_uint64(rig.stat("drops") + buffers.size(), count + 1);
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

GST_START_TEST(test_overflow_waits_for_a_keyframe) {
    Peer stuck;
    Rig rig;
    g_object_set(rig.tee, "queue-max-buffers", 5, nullptr);
    GstPad *pad = rig.add(stuck);
    stuck.block();
    rig.push_all("K0");
    fail_unless(stuck.wait_entered());
    rig.push_all("d1 d2 d3 d4 d5 d6 d7 d8"); // no keyframe to skip to
    stuck.unblock();
    rig.push_all("d9 K1 d10");
    fail_unless(stuck.wait_text("d10"));
    expect(stuck.text(), "K0 K1 d10");
    fail_unless_equals_uint64(rig.stat("drops"), 9);
    rig.remove(pad);
}
GST_END_TEST

GST_START_TEST(test_overflow_keeps_sticky_events) {
    Peer stuck;
    Rig rig;
    g_object_set(rig.tee, "queue-max-buffers", 5, nullptr);
    GstPad *pad = rig.add(stuck);
    stuck.block();
    rig.push_all("K0");
    fail_unless(stuck.wait_entered());
    rig.push_all("d1");
    rig.set_caps("video/x-other");
    rig.push_all("K1 d2 d3 d4 d5 d6 d7 d8");
    stuck.unblock();
    rig.push_all("K2");
    fail_unless(stuck.wait_text("K2"));
    expect(stuck.text(), "K0 K2");
    auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(stuck.pad()));
    fail_unless(gst_structure_has_name(gst_caps_get_structure(caps.get(), 0), "video/x-other"));
    rig.remove(pad);
}
GST_END_TEST

GST_START_TEST(test_blocking_probe) {
    Peer good, stuck;
    Rig rig;
    GstPad *a = rig.add(good), *b = rig.add(stuck);
    const gulong probe = gst_pad_add_probe(
        b, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
    for (int i = 0; i < 200; ++i) {
        rig.push_all(i % 25 ? "d1" : "K1");
        fail_unless(good.wait_for(i + 1));
    }
    fail_unless_equals_int(stuck.buffers().size(), 0);
    gst_pad_remove_probe(b, probe);
    rig.push_all("K2");
    fail_unless(stuck.wait_text("K2"));
    // The branch is blocked again and removed: the removal does not wait for the probe.
    gst_pad_add_probe(
        b, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
    rig.push_all("d1 d2");
    fail_unless(eventually([&] { return gst_pad_is_blocking(b); }));
    gboolean quiet = FALSE;
    g_signal_emit_by_name(rig.tee, "remove-branch", b, &quiet);
    fail_unless(quiet);
    fail_if(gst_pad_is_linked(stuck.pad()));
    gst_object_unref(b);
    rig.remove(a);
}
GST_END_TEST

GST_START_TEST(test_remove_stuck_branch) {
    Peer good, stuck;
    Rig rig;
    GstPad *a = rig.add(good), *b = rig.add(stuck);
    stuck.block();
    rig.push_all("K1 d1");
    fail_unless(stuck.wait_entered());
    gboolean quiet = TRUE;
    g_signal_emit_by_name(rig.tee, "remove-branch", b, &quiet);
    fail_if(quiet);
    fail_if(gst_pad_is_linked(stuck.pad()));
    rig.push_all("d2 d3");
    fail_unless(good.wait_for(4));
    stuck.unblock();
    // The branch's thread releases the pad and the element on its own.
    fail_unless(eventually([&] { return GST_OBJECT_REFCOUNT_VALUE(b) == 1; }));
    fail_unless_equals_int(stuck.buffers().size(), 1);
    gst_object_unref(b);
    rig.remove(a);
    gst_bus_set_flushing(rig.bus, TRUE); // its messages hold the element
    fail_unless(eventually([&] { return GST_OBJECT_REFCOUNT_VALUE(rig.tee) == 1; }));
}
GST_END_TEST

static void flow_error(bool nonblocking) {
    Peer good(nonblocking), bad(nonblocking);
    Rig rig;
    GstPad *a = rig.add(good), *b = rig.add(bad);
    rig.push_all("K1");
    fail_unless(bad.wait_for(1));
    bad.answer(GST_FLOW_ERROR);
    rig.push_all("d1");
    auto message = GstPtr<GstMessage>::adopt(
        gst_bus_timed_pop_filtered(rig.bus, 10 * GST_SECOND, GST_MESSAGE_ELEMENT));
    fail_unless(bool(message));
    const GstStructure *s = gst_message_get_structure(message.get());
    fail_unless(gst_structure_has_name(s, "penstock-branch-failed"));
    fail_unless_equals_string(gst_structure_get_string(s, "pad"), "src_1");
    fail_unless_equals_string(gst_structure_get_string(s, "flow"), "error");
    bad.answer(GST_FLOW_OK);
    rig.push_all("K2 d2 K3");
    fail_unless(good.wait_text("K3"));
    fail_unless_equals_int(good.buffers().size(), 5);
    fail_unless_equals_int(bad.buffers().size(), 1);
    fail_unless_equals_uint64(rig.stat("failed-branches"), 1);
    fail_if(gst_bus_pop_filtered(rig.bus, GST_MESSAGE_ERROR));

    // A pad that is linked to another element is used again.
    Peer other(nonblocking);
    gst_pad_unlink(b, bad.pad());
    gst_pad_link(b, other.pad());
    rig.push_all("d3");
    fail_unless(other.wait_text("d3"));
    expect(other.text(), "K3 d3");
    rig.remove(a);
    rig.remove(b);
}
GST_START_TEST(test_flow_error_threaded) {
    flow_error(false);
}
GST_END_TEST
GST_START_TEST(test_flow_error_direct) {
    flow_error(true);
}
GST_END_TEST

GST_START_TEST(test_eos_flow) {
    Peer one(true), two(true);
    Rig rig;
    fail_unless_equals_int(rig.push("K0"), GST_FLOW_OK); // no branch at all
    GstPad *a = rig.add(one), *b = rig.add(two);
    rig.push_all("K1");
    one.answer(GST_FLOW_EOS);
    fail_unless_equals_int(rig.push("d1"), GST_FLOW_OK);
    two.answer(GST_FLOW_EOS);
    fail_unless_equals_int(rig.push("d2"), GST_FLOW_EOS);
    one.answer(GST_FLOW_OK);
    two.answer(GST_FLOW_OK);
    // A new segment resets the timeline.
    rig.segment(GST_SECOND);
    rig.push_all("K2 d3");
    expect(one.text(), "K1 K2 d3");
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

GST_START_TEST(test_flushing_branch_begins_anew) {
    Peer direct(true), threaded(false);
    Rig rig;
    GstPad *a = rig.add(direct), *b = rig.add(threaded);
    rig.push_all("K1 d1");
    fail_unless(threaded.wait_text("d1"));
    for (Peer *p : {&direct, &threaded})
        gst_pad_set_active(p->pad(), FALSE);
    rig.push_all("d2");
    fail_unless(eventually([&] {
        gint idle = 0;
        auto stats = rig.stats();
        const GValue *list = gst_structure_get_value(stats.get(), "branches");
        for (guint i = 0; i < gst_value_array_get_size(list); ++i)
            idle += !g_strcmp0(
                gst_structure_get_string(
                    gst_value_get_structure(gst_value_array_get_value(list, i)), "state"),
                "idle");
        return idle == 2;
    }));
    for (Peer *p : {&direct, &threaded}) {
        p->forget();
        gst_pad_set_active(p->pad(), TRUE);
    }
    rig.push_all("d3");
    for (Peer *p : {&direct, &threaded}) {
        fail_unless(p->wait_text("d3"));
        fail_unless_equals_string(p->text().c_str(), "K1 d1 d2 d3");
        fail_unless(has(p->buffers()[0].get(), GST_BUFFER_FLAG_DISCONT));
        fail_unless(p->events().size() >= 3);
    }
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

GST_START_TEST(test_states) {
    Peer peer;
    GstElement *tee = gst_element_factory_make("goptee", nullptr);
    gst_object_ref_sink(tee);
    GstPad *pad = gst_element_request_pad_simple(tee, "src_7");
    fail_unless_equals_string(GST_PAD_NAME(pad), "src_7");
    GstPad *next = gst_element_request_pad_simple(tee, "src_%u");
    fail_unless_equals_string(GST_PAD_NAME(next), "src_8");
    gst_pad_link(pad, peer.pad());
    auto sink = GstPtr<GstPad>::adopt(gst_element_get_static_pad(tee, "sink"));
    for (int i = 0; i < 5; ++i) {
        fail_unless_equals_int(gst_element_set_state(tee, GST_STATE_PLAYING),
                               GST_STATE_CHANGE_SUCCESS);
        gst_pad_send_event(sink.get(), gst_event_new_stream_start("x"));
        auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string("video/x-test"));
        gst_pad_send_event(sink.get(), gst_event_new_caps(caps.get()));
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_pad_send_event(sink.get(), gst_event_new_segment(&segment));
        gst_pad_chain(sink.get(), gst_buffer_new_memdup("K", 1));
        fail_unless(peer.wait_for(i + 1));
        fail_unless_equals_int(gst_element_set_state(tee, i % 2 ? GST_STATE_NULL : GST_STATE_READY),
                               GST_STATE_CHANGE_SUCCESS);
    }
    gst_element_set_state(tee, GST_STATE_NULL);
    for (GstPad *p : {pad, next}) {
        gst_element_release_request_pad(tee, p);
        ASSERT_OBJECT_REFCOUNT(p, "pad", 1);
        gst_object_unref(p);
    }
    sink.reset();
    ASSERT_OBJECT_REFCOUNT(tee, "goptee", 1);
    gst_object_unref(tee);
}
GST_END_TEST

GST_START_TEST(test_buffers_are_let_go) {
    Peer peer, late;
    std::atomic<int> freed = 0;
    constexpr int count = 50;
    {
        Rig rig;
        GstPad *a = rig.add(peer), *b = nullptr;
        for (int i = 0; i < count; ++i) {
            GstBuffer *buffer = gst_buffer_new_allocate(nullptr, 10, nullptr);
            gst_mini_object_weak_ref(
                GST_MINI_OBJECT_CAST(gst_buffer_peek_memory(buffer, 0)),
                [](gpointer data, GstMiniObject *) { ++*static_cast<std::atomic<int> *>(data); },
                &freed);
            if (i % 10) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
            GST_BUFFER_PTS(buffer) = i * 40 * GST_MSECOND;
            fail_unless_equals_int(gst_pad_push(rig.src, buffer), GST_FLOW_OK);
            if (i == 25) b = rig.add(late);
        }
        fail_unless(peer.wait_for(count));
        fail_unless(late.wait_for(count - 20));
        peer.forget();
        late.forget();
        // Only the cached GOP still holds its buffers.
        fail_unless(eventually([&] { return freed == count - 10; }), "%d freed", freed.load());
        rig.remove(a);
        rig.remove(b);
    }
    fail_unless_equals_int(freed, count);
}
GST_END_TEST

GST_START_TEST(test_add_and_remove_while_data_flows) {
    Peer steady;
    Rig rig;
    g_object_set(rig.tee, "queue-max-time", guint64(0), "queue-max-buffers", 0, nullptr);
    GstPad *pad = rig.add(steady);
    std::atomic<bool> end = false;
    size_t pushed = 0;
    std::thread source([&] {
        for (; !end; ++pushed) {
            if (rig.push(pushed % 10 ? "d" : "K") != GST_FLOW_OK) break;
            // As fast as the steady branch, which must not lose any buffer.
            if (!steady.wait_for(pushed + 1)) break;
        }
    });
    // They outlive the source, which may still query a peer that was just removed.
    std::vector<std::unique_ptr<Peer>> peers;
    for (int i = 0; i < 200; ++i) {
        Peer &peer = *peers.emplace_back(std::make_unique<Peer>(i % 2));
        GstPad *p = rig.add(peer);
        if (i % 4 < 2) {
            fail_unless(peer.wait_for(3));
            const auto buffers = peer.buffers();
            expect(to_text(buffers[0].get()), "K");
            fail_unless(has(buffers[0].get(), GST_BUFFER_FLAG_DISCONT));
            expect(to_text(buffers[1].get()), "d");
        }
        if (i % 3) {
            rig.remove(p);
        } else {
            gboolean quiet = FALSE;
            g_signal_emit_by_name(rig.tee, "remove-branch", p, &quiet);
            fail_unless(quiet);
            gst_object_unref(p);
        }
    }
    end = true;
    source.join();
    fail_unless_equals_int(steady.buffers().size(), pushed);
    fail_unless(rig.stat("drops") == 0);
    rig.remove(pad);
    gst_bus_set_flushing(rig.bus, TRUE); // its messages hold the element
    fail_unless(eventually([&] { return GST_OBJECT_REFCOUNT_VALUE(rig.tee) == 1; }));
}
GST_END_TEST

static Suite *goptee_isolation_suite() {
    Suite *s = suite_create("goptee_isolation");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_stuck_branch);
    tcase_add_test(tc, test_overflow_waits_for_a_keyframe);
    tcase_add_test(tc, test_overflow_keeps_sticky_events);
    tcase_add_test(tc, test_blocking_probe);
    tcase_add_test(tc, test_remove_stuck_branch);
    tcase_add_test(tc, test_flow_error_threaded);
    tcase_add_test(tc, test_flow_error_direct);
    tcase_add_test(tc, test_eos_flow);
    tcase_add_test(tc, test_flushing_branch_begins_anew);
    tcase_add_test(tc, test_states);
    tcase_add_test(tc, test_buffers_are_let_go);
    tcase_add_test(tc, test_add_and_remove_while_data_flows);
    return s;
}
GST_CHECK_MAIN(goptee_isolation)
