// SPDX-License-Identifier: LGPL-2.1-or-later
// failover in a harness: who is on air, and that what comes out is one stream.
#include "gst/bytes.h"
#include "gst/ptr.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;

namespace {

constexpr const char *avc_caps = "video/x-h264,stream-format=avc,alignment=au,width=320";
constexpr const char *other_avc_caps = "video/x-h264,stream-format=avc,alignment=au,width=640";

std::string text_of(GstBuffer *buffer) {
    std::string text(gst_buffer_get_size(buffer), '\0');
    gst_buffer_extract(buffer, 0, text.data(), text.size());
    return text;
}

/// The element with inputs, each fed by a harness.
struct Rig {
    explicit Rig(int count, guint64 timeout = 3600 * GST_SECOND, guint64 return_after = 0) {
        element = gst_element_factory_make("failover", nullptr);
        fail_unless(element, "no element failover");
        gst_object_ref_sink(element);
        g_object_set(element, "timeout", timeout, "return-after", return_after, nullptr);
        bus = GstPtr<GstBus>::adopt(gst_bus_new());
        gst_element_set_bus(element, bus.get());
        for (int i = 0; i < count; ++i) {
            const std::string name = "sink_" + std::to_string(i);
            inputs.push_back(
                gst_harness_new_with_element(element, name.c_str(), i == 0 ? "src" : nullptr));
            gst_harness_use_systemclock(inputs.back());
        }
        for (GstHarness *input : inputs)
            gst_harness_play(input);
    }
    ~Rig() {
        gst_element_set_bus(element, nullptr);
        for (auto input = inputs.rbegin(); input != inputs.rend(); ++input)
            gst_harness_teardown(*input);
        gst_object_unref(element);
    }
    void caps(size_t i, const char *text) { gst_harness_set_src_caps_str(inputs[i], text); }
    void all_caps(const char *text) {
        for (size_t i = 0; i < inputs.size(); ++i)
            caps(i, text);
    }
    /// "0K" is a keyframe of the first, "1b" another frame of the second.
    void frame(size_t i, bool key, guint64 ms) {
        const std::string text = std::to_string(i) + (key ? "K" : "b");
        auto buffer = gst_buffer_new_memdup(text.data(), text.size());
        GST_BUFFER_PTS(buffer) = GST_BUFFER_DTS(buffer) = ms * GST_MSECOND;
        if (!key) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        push(i, buffer);
    }
    void tag(size_t i, const flv::Tag &tag, guint64 ms) {
        auto buffer = buffer_of(tag.bytes);
        GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = ms * GST_MSECOND;
        push(i, buffer.release());
    }
    void push(size_t i, GstBuffer *buffer) {
        fail_unless_equals_int(gst_harness_push(inputs[i], buffer), GST_FLOW_OK);
    }
    /// The output since the last call. Checks that time does not go back.
    std::vector<GstPtr<GstBuffer>> pull() {
        std::vector<GstPtr<GstBuffer>> all;
        while (GstBuffer *buffer = gst_harness_try_pull(inputs[0])) {
            all.push_back(GstPtr<GstBuffer>::adopt(buffer));
            fail_unless(GST_BUFFER_DTS(buffer) >= last, "DTS %" GST_TIME_FORMAT,
                        GST_TIME_ARGS(GST_BUFFER_DTS(buffer)));
            last = GST_BUFFER_DTS(buffer);
        }
        return all;
    }
    /// The same as text; a D stands in front of those with DISCONT.
    std::string out() {
        std::string text;
        for (const auto &buffer : pull())
            text += (text.empty() ? "" : " ") +
                    std::string(GST_BUFFER_IS_DISCONT(buffer.get()) ? "D" : "") +
                    text_of(buffer.get());
        return text;
    }
    /// The types of events that have come out.
    std::vector<GstEventType> events() {
        std::vector<GstEventType> types;
        while (GstEvent *event = gst_harness_try_pull_event(inputs[0])) {
            types.push_back(GST_EVENT_TYPE(event));
            gst_event_unref(event);
        }
        return types;
    }
    std::string active() const {
        GstPad *pad = nullptr;
        g_object_get(element, "active-pad", &pad, nullptr);
        const auto owned = GstPtr<GstPad>::adopt(pad);
        return pad ? GST_PAD_NAME(pad) : "";
    }
    GstPtr<GstMessage> message(GstMessageType type) {
        return GstPtr<GstMessage>::adopt(gst_bus_pop_filtered(bus.get(), type));
    }
    GstElement *element;
    GstPtr<GstBus> bus;
    std::vector<GstHarness *> inputs;
    GstClockTime last = 0;
};

} // namespace

// An encoded stream: the backup is held back, follows with a keyframe, and gives way with one.
GST_START_TEST(test_frames) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 1000);
    rig.frame(1, true, 1000);
    rig.frame(0, false, 1040);
    rig.frame(1, false, 1040);
    fail_unless_equals_string(rig.out().c_str(), "D0K 0b");
    fail_unless_equals_string(rig.active().c_str(), "sink_0");
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    fail_unless_equals_string(rig.active().c_str(), "");
    // Of its running GOP the beginning is older than what was shown.
    rig.frame(1, false, 1080);
    fail_unless_equals_string(rig.out().c_str(), "");
    rig.frame(1, true, 1020); // late, as an encoder's are
    rig.frame(1, false, 1060);
    const auto buffers = rig.pull();
    fail_unless_equals_int(int(buffers.size()), 2);
    fail_unless(GST_BUFFER_IS_DISCONT(buffers[0].get()));
    fail_unless_equals_uint64(GST_BUFFER_DTS(buffers[0].get()), 1041 * GST_MSECOND);
    fail_unless_equals_uint64(GST_BUFFER_DTS(buffers[1].get()), 1081 * GST_MSECOND);
    // The primary begins again.
    gst_harness_push_event(rig.inputs[0], gst_event_new_stream_start("again"));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(rig.inputs[0], gst_event_new_segment(&segment));
    rig.frame(0, false, 2000);
    rig.frame(1, false, 2000);
    rig.frame(0, true, 2040);
    rig.frame(1, false, 2040);
    fail_unless_equals_string(rig.out().c_str(), "1b D0K");
    // One stream all the time: each event once.
    fail_unless(rig.events() == std::vector<GstEventType>(
                                    {GST_EVENT_STREAM_START, GST_EVENT_CAPS, GST_EVENT_SEGMENT}));
    for (const char *pad : {"sink_0", "sink_1", "sink_0"}) {
        const auto message = rig.message(GST_MESSAGE_ELEMENT);
        fail_unless(message && gst_message_has_name(message.get(), "penstock-failover"));
        fail_unless_equals_string(
            gst_structure_get_string(gst_message_get_structure(message.get()), "pad"), pad);
    }
}
GST_END_TEST

// Another configuration comes with its caps, the same one without.
GST_START_TEST(test_caps) {
    Rig rig(2);
    rig.caps(0, avc_caps);
    rig.caps(1, other_avc_caps);
    rig.frame(0, true, 0);
    (void)rig.events();
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    rig.frame(1, true, 40);
    fail_unless_equals_string(rig.out().c_str(), "D0K D1K");
    fail_unless(rig.events() == std::vector<GstEventType>({GST_EVENT_CAPS}));
    const auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(rig.inputs[0]->sinkpad));
    int width = 0;
    gst_structure_get_int(gst_caps_get_structure(caps.get(), 0), "width", &width);
    fail_unless_equals_int(width, 640);
}
GST_END_TEST

// One that stays silent: what was held back since is shown from its keyframe on. No clock is waited
// for: the other sends until it is on air.
GST_START_TEST(test_silence) {
    Rig rig(2, 300 * GST_MSECOND);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    rig.frame(1, false, 10);
    rig.frame(1, true, 20);
    const auto deadline = g_get_monotonic_time() + 20 * G_USEC_PER_SEC;
    guint64 ms = 30;
    while (rig.active() != "sink_1") {
        fail_unless(g_get_monotonic_time() < deadline, "it never took over");
        rig.frame(1, false, ms += 10);
        g_usleep(5'000);
    }
    const std::string out = rig.out();
    fail_unless(out.starts_with("D0K D1K 1b 1b"), "%s", out.c_str());
    fail_unless_equals_int(int(rig.last / GST_MSECOND), int(ms));
}
GST_END_TEST

// FLV: configuration again at each change, the file's header once, and nobody's tags mixed.
GST_START_TEST(test_flv) {
    Rig rig(2);
    rig.all_caps("video/x-flv");
    for (size_t i = 0; i < 2; ++i) {
        rig.tag(i, samples::video_config(0, i == 0 ? samples::sps : samples::other_sps), 0);
        rig.tag(i, samples::audio_config(), 0);
    }
    rig.tag(0, samples::video_frame(0, true), 5000);
    for (uint32_t ms = 0; ms <= 80; ms += 40)
        rig.tag(1, samples::video_frame(770'000 + ms, ms == 0), 5000 + ms);
    rig.tag(0, samples::audio_frame(90), 5090);
    auto begun = rig.pull();
    // File header, both configurations, two frames.
    fail_unless_equals_int(int(begun.size()), 5);
    fail_unless_equals_int(text_of(begun[0].get())[0], 'F');
    for (int i = 0; i < 3; ++i)
        fail_unless(GST_BUFFER_FLAG_IS_SET(begun[i].get(), GST_BUFFER_FLAG_HEADER));
    fail_unless(GST_BUFFER_IS_DISCONT(begun[3].get()));
    fail_unless_equals_uint64(GST_BUFFER_PTS(begun[4].get()), 5090 * GST_MSECOND);
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    rig.tag(1, samples::audio_frame(770'100), 5100);
    rig.tag(1, samples::video_frame(770'120, false), 5120);
    // Both configurations; the running GOP, whose beginning is older than what was shown, folded
    // into milliseconds; what came since.
    const auto next = rig.pull();
    fail_unless_equals_int(int(next.size()), 7);
    for (int i = 0; i < 2; ++i) {
        const KnownTag *known = known_tag(next[i].get());
        fail_unless(GST_BUFFER_FLAG_IS_SET(next[i].get(), GST_BUFFER_FLAG_HEADER));
        fail_unless(known && known->tag.kind == flv::TagKind::config);
    }
    for (uint32_t i = 0; i < 3; ++i) {
        const KnownTag *known = known_tag(next[2 + i].get());
        fail_unless(known);
        fail_unless_equals_int(int(known->tag.kind),
                               int(i == 0 ? flv::TagKind::keyframe : flv::TagKind::frame));
        fail_unless_equals_int(GST_BUFFER_IS_DISCONT(next[2 + i].get()), i == 0);
        fail_unless_equals_int(int(known->tag.timestamp), int(770'078 + i));
        fail_unless_equals_uint64(GST_BUFFER_PTS(next[2 + i].get()), (5091 + i) * GST_MSECOND);
    }
    fail_unless_equals_uint64(GST_BUFFER_PTS(next[6].get()), (5120 + 13) * GST_MSECOND);
    // A new configuration of the one on air passes.
    rig.tag(1, samples::video_config(0, samples::sps), 5080);
    fail_unless_equals_int(int(rig.pull().size()), 1);
}
GST_END_TEST

// A slate without audio is none for a stream that has it: said in advance, and not used.
GST_START_TEST(test_other_tracks) {
    Rig rig(2);
    rig.all_caps("video/x-flv");
    rig.tag(0, samples::video_config(), 0);
    rig.tag(0, samples::audio_config(), 0);
    rig.tag(1, samples::video_config(), 0);
    rig.tag(0, samples::video_frame(0, true), 0);
    rig.tag(0, samples::audio_frame(0), 0);
    for (uint32_t ms = 0; ms < 200; ms += 40)
        rig.tag(1, samples::video_frame(ms, true), ms);
    const auto warning = rig.message(GST_MESSAGE_WARNING);
    fail_unless(warning);
    GError *error = nullptr;
    gst_message_parse_warning(warning.get(), &error, nullptr);
    fail_unless(
        g_str_has_prefix(error->message, "sink_1 has avc1 alone, the stream has avc1 with mp4a"),
        "%s", error->message);
    g_error_free(error);
    (void)rig.pull();
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    rig.tag(1, samples::audio_config(), 200);
    rig.tag(1, samples::audio_frame(200), 200);
    rig.tag(1, samples::video_frame(240, true), 240);
    fail_unless(rig.active() == "sink_1", "with audio it is one");
    fail_if(rig.message(GST_MESSAGE_WARNING), "it is said once");
}
GST_END_TEST

// An encoder upstream is asked for the keyframe, once.
GST_START_TEST(test_asks_for_a_keyframe) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    const auto asked = [&] {
        int count = 0;
        while (GstEvent *event = gst_harness_try_pull_upstream_event(rig.inputs[1])) {
            count += gst_event_has_name(event, "GstForceKeyUnit");
            gst_event_unref(event);
        }
        return count;
    };
    rig.frame(0, true, 0);
    rig.frame(1, true, 0);
    rig.frame(1, false, 40);
    rig.frame(0, false, 40);
    fail_unless_equals_int(asked(), 0);
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    rig.frame(1, false, 80);
    rig.frame(1, false, 120);
    fail_unless_equals_int(asked(), 1);
    rig.frame(1, true, 160);
    rig.frame(1, false, 200);
    fail_unless_equals_int(asked(), 0);
}
GST_END_TEST

// A source that goes on without its publisher says so: nobody waits for the timeout.
GST_START_TEST(test_publisher_gone) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    rig.frame(1, true, 0);
    gst_harness_push_event(
        rig.inputs[0], gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                            gst_structure_new_empty("penstock-publisher-gone")));
    rig.frame(1, true, 40);
    rig.frame(0, true, 80); // and it is back
    fail_unless_equals_string(rig.out().c_str(), "D0K D1K D0K");
}
GST_END_TEST

// The end comes with the last input's; a state change begins anew.
GST_START_TEST(test_end) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    for (size_t i = 0; i < 2; ++i) {
        const auto events = rig.events();
        fail_unless(std::find(events.begin(), events.end(), GST_EVENT_EOS) == events.end());
        gst_harness_push_event(rig.inputs[i], gst_event_new_eos());
    }
    const auto events = rig.events();
    fail_unless(std::find(events.begin(), events.end(), GST_EVENT_EOS) != events.end());
    fail_unless_equals_int(gst_element_set_state(rig.element, GST_STATE_READY),
                           GST_STATE_CHANGE_SUCCESS);
    gst_element_set_state(rig.element, GST_STATE_PLAYING);
    fail_unless_equals_string(rig.active().c_str(), "");
}
GST_END_TEST

// An input that begins again after the end begins another stream, at a later time.
GST_START_TEST(test_after_the_end) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    for (GstHarness *input : rig.inputs)
        gst_harness_push_event(input, gst_event_new_eos());
    const std::vector<GstEventType> begun = {GST_EVENT_STREAM_START, GST_EVENT_CAPS,
                                             GST_EVENT_SEGMENT};
    std::vector<GstEventType> ended = begun;
    ended.push_back(GST_EVENT_EOS);
    fail_unless(rig.events() == ended);
    gst_harness_push_event(rig.inputs[1], gst_event_new_stream_start("again"));
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_TIME);
    gst_harness_push_event(rig.inputs[1], gst_event_new_segment(&segment));
    rig.frame(1, true, 40);
    fail_unless(rig.events() == begun);
    fail_unless_equals_string(rig.out().c_str(), "D0K D1K");
    gst_harness_push_event(rig.inputs[1], gst_event_new_eos());
    fail_unless(rig.events() == std::vector<GstEventType>({GST_EVENT_EOS}));
}
GST_END_TEST

// The last one that sends is released, while another has ended: that is the end.
GST_START_TEST(test_last_one_is_released) {
    Rig rig(1);
    rig.all_caps(avc_caps);
    auto second = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(rig.element, "sink_1"));
    rig.frame(0, true, 0);
    (void)rig.events();
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    fail_unless(rig.events().empty());
    gst_element_release_request_pad(rig.element, second.get());
    fail_unless(rig.events() == std::vector<GstEventType>({GST_EVENT_EOS}));
    second = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(rig.element, "sink_1"));
    gst_element_release_request_pad(rig.element, second.get());
    fail_unless(rig.events().empty(), "it had nothing to end");
}
GST_END_TEST

// A flush of the one on air reaches downstream; that of another does not.
GST_START_TEST(test_flush) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    (void)rig.events();
    const auto flush = [&](size_t i) {
        gst_harness_push_event(rig.inputs[i], gst_event_new_flush_start());
        gst_harness_push_event(rig.inputs[i], gst_event_new_flush_stop(TRUE));
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        gst_harness_push_event(rig.inputs[i], gst_event_new_segment(&segment));
    };
    flush(1);
    fail_unless(rig.events().empty());
    flush(0);
    fail_unless(rig.events() ==
                std::vector<GstEventType>({GST_EVENT_FLUSH_START, GST_EVENT_FLUSH_STOP}));
    rig.frame(0, true, 40);
    fail_unless(rig.events() == std::vector<GstEventType>({GST_EVENT_SEGMENT}));
    fail_unless_equals_string(rig.out().c_str(), "D0K D0K");
}
GST_END_TEST

// One that fails while it flushes: the other waits for the end of it, and does not cut it off.
GST_START_TEST(test_failure_amid_a_flush) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    rig.frame(0, true, 0);
    gst_harness_push_event(
        rig.inputs[0], gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM,
                                            gst_structure_new_empty("penstock-publisher-gone")));
    (void)rig.events();
    gst_harness_push_event(rig.inputs[0], gst_event_new_flush_start());
    rig.frame(1, true, 40);
    fail_unless_equals_string(rig.active().c_str(), "sink_0");
    gst_harness_push_event(rig.inputs[0], gst_event_new_flush_stop(TRUE));
    fail_unless(rig.events() ==
                std::vector<GstEventType>({GST_EVENT_FLUSH_START, GST_EVENT_FLUSH_STOP}));
    rig.frame(1, false, 80);
    fail_unless(rig.events() == std::vector<GstEventType>({GST_EVENT_SEGMENT}));
    fail_unless_equals_string(rig.out().c_str(), "D0K D1K 1b");
}
GST_END_TEST

// Enough for every input that knows its latency; possible whatever the others could bear.
GST_START_TEST(test_latency) {
    Rig rig(2);
    const auto ask = [&](gboolean &live, GstClockTime &min, GstClockTime &max) {
        const auto query = GstPtr<GstQuery>::adopt(gst_query_new_latency());
        const auto src = GstPtr<GstPad>::adopt(gst_element_get_static_pad(rig.element, "src"));
        const bool known = gst_pad_query(src.get(), query.get());
        gst_query_parse_latency(query.get(), &live, &min, &max);
        return known;
    };
    gboolean live;
    GstClockTime min, max;
    const auto refuse = [](GstPad *, GstObject *, GstQuery *) -> gboolean { return FALSE; };
    const auto slow = [](GstPad *, GstObject *, GstQuery *query) -> gboolean {
        if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return FALSE;
        gst_query_set_latency(query, TRUE, 500 * GST_MSECOND, GST_CLOCK_TIME_NONE);
        return TRUE;
    };
    const auto strict = [](GstPad *, GstObject *, GstQuery *query) -> gboolean {
        if (GST_QUERY_TYPE(query) != GST_QUERY_LATENCY) return FALSE;
        gst_query_set_latency(query, TRUE, 20 * GST_MSECOND, 100 * GST_MSECOND);
        return TRUE;
    };
    gst_pad_set_query_function(rig.inputs[0]->srcpad, refuse);
    gst_pad_set_query_function(rig.inputs[1]->srcpad, strict);
    fail_unless(ask(live, min, max));
    fail_unless(live);
    fail_unless_equals_uint64(min, 20 * GST_MSECOND);
    fail_unless_equals_uint64(max, 100 * GST_MSECOND);
    gst_pad_set_query_function(rig.inputs[0]->srcpad, slow);
    fail_unless(ask(live, min, max));
    fail_unless_equals_uint64(min, 500 * GST_MSECOND);
    fail_unless_equals_uint64(max, 500 * GST_MSECOND);
    gst_pad_set_query_function(rig.inputs[0]->srcpad, refuse);
    gst_pad_set_query_function(rig.inputs[1]->srcpad, refuse);
    fail_if(ask(live, min, max));
}
GST_END_TEST

// Tags of one that is not on air come when it is.
GST_START_TEST(test_tags) {
    Rig rig(2);
    rig.all_caps(avc_caps);
    for (size_t i = 0; i < 2; ++i) {
        const std::string title = "title " + std::to_string(i);
        gst_harness_push_event(rig.inputs[i], gst_event_new_tag(gst_tag_list_new(
                                                  GST_TAG_TITLE, title.c_str(), nullptr)));
        gst_harness_push_event(
            rig.inputs[i],
            gst_event_new_custom(GST_EVENT_CUSTOM_DOWNSTREAM_STICKY,
                                 gst_structure_new_empty(("own-" + std::to_string(i)).c_str())));
    }
    const auto told = [&] {
        std::string text;
        while (GstEvent *raw = gst_harness_try_pull_event(rig.inputs[0])) {
            const auto event = GstPtr<GstEvent>::adopt(raw);
            if (GST_EVENT_TYPE(raw) == GST_EVENT_TAG) {
                GstTagList *tags;
                gst_event_parse_tag(raw, &tags);
                gchar *title = nullptr;
                gst_tag_list_get_string(tags, GST_TAG_TITLE, &title);
                text += std::string(GOwned<>(title).get()) + ";";
            } else if (GST_EVENT_TYPE(raw) == GST_EVENT_CUSTOM_DOWNSTREAM_STICKY) {
                text += std::string(gst_structure_get_name(gst_event_get_structure(raw))) + ";";
            }
        }
        return text;
    };
    rig.frame(0, true, 0);
    fail_unless_equals_string(told().c_str(), "title 0;own-0;");
    gst_harness_push_event(rig.inputs[0], gst_event_new_eos());
    rig.frame(1, true, 40);
    fail_unless_equals_string(told().c_str(), "title 1;own-1;");
    gst_harness_push_event(rig.inputs[1],
                           gst_event_new_tag(gst_tag_list_new(GST_TAG_TITLE, "new", nullptr)));
    fail_unless_equals_string(told().c_str(), "new;");
}
GST_END_TEST

GST_START_TEST(test_pads) {
    Rig rig(2);
    fail_if(gst_element_request_pad_simple(rig.element, "sink_16"), "too many");
    auto any = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(rig.element, "sink_%u"));
    fail_unless(any);
    fail_unless_equals_string(GST_PAD_NAME(any.get()), "sink_2");
    gst_element_release_request_pad(rig.element, any.get());
    // One that goes while it is on air.
    auto third = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(rig.element, "sink_2"));
    fail_unless(third);
    gst_element_release_request_pad(rig.element, third.get());
    for (const char *property : {"timeout", "return-after"}) {
        guint64 kept = 0;
        g_object_set(rig.element, property, guint64(7 * GST_SECOND), nullptr);
        g_object_get(rig.element, property, &kept, nullptr);
        fail_unless_equals_uint64(kept, 7 * GST_SECOND);
    }
    GstStructure *stats = nullptr;
    g_object_get(rig.element, "stats", &stats, nullptr);
    const auto owned = GstPtr<GstStructure>::adopt(stats);
    gint active = 0;
    fail_unless(gst_structure_get_int(stats, "active", &active));
    fail_unless_equals_int(active, -1);
}
GST_END_TEST

// Threads push at the same time, and one of them is stuck downstream: the other is not.
GST_START_TEST(test_threads) {
    Rig rig(2, 100 * GST_MSECOND);
    rig.all_caps(avc_caps);
    std::vector<std::thread> threads;
    for (size_t i = 0; i < 2; ++i)
        threads.emplace_back([&, i] {
            for (guint64 n = 0; n < 2'000; ++n)
                rig.frame(i, n % 10 == 0, n);
        });
    for (std::thread &thread : threads)
        thread.join();
    // Time went on, and each keyframe that begins something is marked.
    std::string before;
    for (const auto &buffer : rig.pull()) {
        const std::string text = text_of(buffer.get());
        if (!before.empty() && before[0] != text[0])
            fail_unless(text[1] == 'K' && GST_BUFFER_IS_DISCONT(buffer.get()));
        before = text;
    }
}
GST_END_TEST

static Suite *failover_suite() {
    Suite *s = suite_create("failover");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_frames);
    tcase_add_test(tc, test_caps);
    tcase_add_test(tc, test_silence);
    tcase_add_test(tc, test_flv);
    tcase_add_test(tc, test_other_tracks);
    tcase_add_test(tc, test_asks_for_a_keyframe);
    tcase_add_test(tc, test_publisher_gone);
    tcase_add_test(tc, test_end);
    tcase_add_test(tc, test_after_the_end);
    tcase_add_test(tc, test_last_one_is_released);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_failure_amid_a_flush);
    tcase_add_test(tc, test_latency);
    tcase_add_test(tc, test_tags);
    tcase_add_test(tc, test_pads);
    tcase_add_test(tc, test_threads);
    return s;
}
GST_CHECK_MAIN(failover)
