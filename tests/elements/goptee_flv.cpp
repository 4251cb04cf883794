// SPDX-License-Identifier: LGPL-2.1-or-later
// goptee with video/x-flv of any shape.
#include "core/flv/config_version.h"
#include "core/flv/normalizer.h"
#include "core/flv/tag.h"
#include "flv_samples.hpp"
#include "gst/bytes.h"

#include "goptee_rig.hpp"

namespace {

/// The body of a tag with the configuration of this sequence parameter set.
std::vector<uint8_t> config_body(const std::vector<uint8_t> &set) {
    std::vector<uint8_t> body{0x17, 0, 0, 0, 0};
    const auto record = samples::avc_config(set);
    body.insert(body.end(), record.begin(), record.end());
    return body;
}
const auto avc_config = config_body(samples::sps);
const auto avc_config2 = config_body(samples::other_sps);
bool is_second_config(GstBuffer *buffer) {
    const std::string set(samples::other_sps.begin(), samples::other_sps.end());
    return to_text(buffer).find(set) != std::string::npos;
}
const uint8_t aac_config[] = {0xaf, 0, 0x12, 0x10};
const uint8_t meta_data[] = {2, 0, 10, 'o', 'n', 'M', 'e', 't', 'a', 'D', 'a', 't', 'a', 5};

using flv::TagType;
Bytes tag(TagType type, uint32_t ms, ByteView body) {
    return flv::make_tag(type, ms, body).bytes;
}
Bytes key(uint32_t ms) {
    const uint8_t body[] = {0x17, 1, 0, 0, 0, 0, 0, 0, 1, 0x65};
    return tag(TagType::video, ms, body);
}
Bytes delta(uint32_t ms) {
    const uint8_t body[] = {0x27, 1, 0, 0, 0, 0, 0, 0, 1, 0x41};
    return tag(TagType::video, ms, body);
}
Bytes audio(uint32_t ms) {
    const uint8_t body[] = {0xaf, 1, 0x21};
    return tag(TagType::audio, ms, body);
}
std::vector<uint8_t> joined(const std::vector<Bytes> &parts) {
    std::vector<uint8_t> all;
    for (const Bytes &part : parts)
        all.insert(all.end(), part.begin(), part.end());
    return all;
}
GstFlowReturn push_bytes(Rig &rig, ByteView bytes, GstClockTime pts) {
    GstBuffer *buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
    GST_BUFFER_PTS(buffer) = pts;
    return gst_pad_push(rig.src, buffer);
}
/// One letter per buffer: F file header, m metadata, v video configuration, a audio configuration,
/// K keyframe, d other video, A audio.
std::string shape(Peer &peer) {
    std::string text;
    for (const auto &b : peer.buffers()) {
        const std::string s = to_text(b.get());
        char c = '?';
        if (s[0] == 'F')
            c = 'F';
        else if (s[0] == 18)
            c = 'm';
        else if (s[0] == 9)
            c = s[12] == 0 ? 'v' : uint8_t(s[11]) == 0x17 ? 'K' : 'd';
        else if (s[0] == 8)
            c = s[12] == 0 ? 'a' : 'A';
        text += c;
        const bool header = c == 'F' || c == 'm' || c == 'v' || c == 'a';
        fail_unless(has(b.get(), GST_BUFFER_FLAG_HEADER) == header, "HEADER of %c", c);
    }
    return text;
}

} // namespace

GST_START_TEST(test_flv) {
    Peer early, late, after;
    Rig rig("video/x-flv");
    GstPad *a = rig.add(early);
    // As flvmux sends it: file header and all configuration first, without timestamps.
    push_bytes(rig, joined({flv::file_header(true, true), tag(TagType::script, 0, meta_data)}),
               GST_CLOCK_TIME_NONE);
    push_bytes(rig,
               joined({tag(TagType::video, 0, avc_config), tag(TagType::audio, 0, aac_config)}),
               GST_CLOCK_TIME_NONE);
    push_bytes(rig, key(0), 5 * GST_SECOND);
    push_bytes(rig, audio(10), 5 * GST_SECOND + 10 * GST_MSECOND);
    // Two and a half tags in one buffer.
    const auto three = joined({delta(40), audio(33), delta(80)});
    const ByteView view(three);
    push_bytes(rig, view.subspan(0, view.size() - 8), 5 * GST_SECOND + 40 * GST_MSECOND);
    push_bytes(rig, view.subspan(view.size() - 8), GST_CLOCK_TIME_NONE);
    fail_unless(early.wait_for(9));
    expect(shape(early), "FmvaKAdAd");

    GstPad *b = rig.add(late);
    push_bytes(rig, delta(120), 5 * GST_SECOND + 120 * GST_MSECOND);
    fail_unless(late.wait_for(10));
    expect(shape(late), "FmvaKAdAdd");
    const auto buffers = late.buffers();
    const GstClockTime expected[] = {0, 0, 0, 0, 0, 10, 40, 33, 80, 120};
    for (size_t i = 0; i < buffers.size(); ++i) {
        fail_unless_equals_uint64(GST_BUFFER_PTS(buffers[i].get()),
                                  5 * GST_SECOND + expected[i] * GST_MSECOND);
        fail_unless(has(buffers[i].get(), GST_BUFFER_FLAG_DELTA_UNIT) == (i != 4));
        fail_unless(has(buffers[i].get(), GST_BUFFER_FLAG_DISCONT) == (i == 0));
    }

    // The same configuration again changes nothing; another one ends the cached GOP.
    push_bytes(rig, tag(TagType::video, 130, avc_config), 0);
    fail_unless(rig.stat("cached-buffers") > 0);
    push_bytes(rig, tag(TagType::video, 140, avc_config2), 0);
    fail_unless_equals_uint64(rig.stat("cached-buffers"), 0);
    GstPad *c = rig.add(after);
    push_bytes(rig, delta(160), 5 * GST_SECOND + 160 * GST_MSECOND);
    push_bytes(rig, key(200), 5 * GST_SECOND + 200 * GST_MSECOND);
    fail_unless(after.wait_for(5));
    expect(shape(after), "FmvaK");
    fail_unless(is_second_config(after.buffers()[2].get()));
    rig.remove(a);
    rig.remove(b);
    rig.remove(c);
}
GST_END_TEST

// Caps that differ only in metadata keep the cached GOP; a change of codec ends it.
GST_START_TEST(test_flv_caps) {
    const auto set_caps = [](Rig &rig, const std::vector<Bytes> &headers) {
        GValue array = G_VALUE_INIT, value = G_VALUE_INIT;
        gst_value_array_init(&array, guint(headers.size()));
        g_value_init(&value, GST_TYPE_BUFFER);
        for (const Bytes &header : headers) {
            auto buffer =
                GstPtr<GstBuffer>::adopt(gst_buffer_new_memdup(header.data(), header.size()));
            gst_value_set_buffer(&value, buffer.get());
            gst_value_array_append_value(&array, &value);
        }
        g_value_unset(&value);
        auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple("video/x-flv"));
        gst_structure_take_value(gst_caps_get_structure(caps.get(), 0), "streamheader", &array);
        gst_pad_push_event(rig.src, gst_event_new_caps(caps.get()));
    };
    uint8_t other_meta_data[sizeof meta_data];
    std::copy(std::begin(meta_data), std::end(meta_data), other_meta_data);
    other_meta_data[sizeof meta_data - 1] = 6;
    const Bytes file = flv::file_header(false, true);
    const Bytes first = tag(TagType::script, 0, meta_data);
    const Bytes second = tag(TagType::script, 0, other_meta_data);
    Peer late;
    Rig rig("video/x-flv");
    set_caps(rig, {file, first, tag(TagType::video, 0, avc_config)});
    push_bytes(rig, key(0), 0);
    push_bytes(rig, delta(40), 40 * GST_MSECOND);
    set_caps(rig, {file, second, tag(TagType::video, 0, avc_config)});
    fail_unless_equals_uint64(rig.stat("cached-buffers"), 2);
    GstPad *pad = rig.add(late);
    push_bytes(rig, delta(80), 80 * GST_MSECOND);
    fail_unless(late.wait_for(6));
    expect(shape(late), "FmvKdd");
    fail_unless(to_text(late.buffers()[1].get()).find(char(6)) != std::string::npos);
    set_caps(rig, {file, second, tag(TagType::video, 0, avc_config2)});
    fail_unless_equals_uint64(rig.stat("cached-buffers"), 0);
    rig.remove(pad);
}
GST_END_TEST

GST_START_TEST(test_flv_audio_only) {
    Peer early, late;
    Rig rig("video/x-flv");
    GstPad *a = rig.add(early);
    push_bytes(rig, tag(TagType::audio, 0, aac_config), 0);
    for (uint32_t ms = 0; ms < 100; ms += 20)
        push_bytes(rig, audio(ms), ms * GST_MSECOND);
    GstPad *b = rig.add(late);
    push_bytes(rig, audio(100), 100 * GST_MSECOND);
    fail_unless(early.wait_for(8) && late.wait_for(3));
    expect(shape(early), "FaAAAAAA");
    expect(shape(late), "FaA");
    for (const auto &buffer : early.buffers())
        fail_if(has(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT));
    fail_unless_equals_int(to_text(early.buffers()[0].get())[4], 4); // audio alone
    rig.remove(a);
    rig.remove(b);
}
GST_END_TEST

// Configuration that arrives while a branch skips is sent before the keyframe at which the branch
// continues.
GST_START_TEST(test_flv_overflow_keeps_configuration) {
    Peer stuck;
    Rig rig("video/x-flv");
    g_object_set(rig.tee, "queue-max-buffers", 4, nullptr);
    GstPad *pad = rig.add(stuck);
    push_bytes(rig, tag(TagType::video, 0, avc_config), 0);
    stuck.block();
    push_bytes(rig, key(0), 0);
    fail_unless(stuck.wait_entered());
    for (uint32_t ms = 40; ms < 400; ms += 40)
        push_bytes(rig, delta(ms), ms * GST_MSECOND);
    push_bytes(rig, tag(TagType::video, 400, avc_config2), 400 * GST_MSECOND);
    push_bytes(rig, delta(400), 400 * GST_MSECOND);
    push_bytes(rig, key(440), 440 * GST_MSECOND);
    push_bytes(rig, delta(480), 480 * GST_MSECOND);
    stuck.unblock();
    fail_unless(stuck.wait([&] { return true; }));
    push_bytes(rig, delta(520), 520 * GST_MSECOND);
    fail_unless(eventually([&] { return shape(stuck).ends_with("vKdd"); }), "%s",
                shape(stuck).c_str());
    const auto buffers = stuck.buffers();
    fail_unless(is_second_config(buffers[buffers.size() - 4].get()));
    rig.remove(pad);
}
GST_END_TEST

GST_START_TEST(test_flv_garbage) {
    Peer peer;
    Rig rig("video/x-flv");
    GstPad *pad = rig.add(peer);
    const uint8_t garbage[] = "this is not flv at all";
    fail_unless_equals_int(push_bytes(rig, garbage, 0), GST_FLOW_OK);
    fail_unless_equals_int(push_bytes(rig, garbage, 0), GST_FLOW_OK);
    auto message = GstPtr<GstMessage>::adopt(
        gst_bus_pop_filtered(rig.bus, GstMessageType(GST_MESSAGE_WARNING | GST_MESSAGE_ERROR)));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_WARNING);
    fail_if(gst_bus_pop_filtered(rig.bus, GstMessageType(GST_MESSAGE_WARNING | GST_MESSAGE_ERROR)));
    fail_unless_equals_uint64(rig.stat("drops"), 2);
    push_bytes(rig, tag(TagType::video, 0, avc_config), 0);
    push_bytes(rig, key(0), 0);
    fail_unless(peer.wait_for(3));
    expect(shape(peer), "FvK");
    rig.remove(pad);
}
GST_END_TEST

// Bytes of a file have no times: the tags' timestamps are used.
GST_START_TEST(test_flv_bytes_segment) {
    Peer peer;
    Rig rig("video/x-flv");
    GstPad *pad = rig.add(peer);
    GstSegment segment;
    gst_segment_init(&segment, GST_FORMAT_BYTES);
    gst_pad_push_event(rig.src, gst_event_new_segment(&segment));
    const auto all = joined({flv::file_header(false, true), tag(TagType::video, 0, avc_config),
                             key(1000), delta(1040)});
    const ByteView view(all);
    for (size_t i = 0; i < view.size(); i += 7) {
        GstBuffer *buffer =
            gst_buffer_new_memdup(view.data() + i, std::min<size_t>(7, view.size() - i));
        GST_BUFFER_OFFSET(buffer) = i;
        fail_unless_equals_int(gst_pad_push(rig.src, buffer), GST_FLOW_OK);
    }
    fail_unless(peer.wait_for(4));
    expect(shape(peer), "FvKd");
    fail_unless_equals_uint64(GST_BUFFER_PTS(peer.buffers()[2].get()), GST_SECOND);
    fail_unless_equals_uint64(GST_BUFFER_PTS(peer.buffers()[3].get()), 1040 * GST_MSECOND);
    auto event =
        GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(peer.pad(), GST_EVENT_SEGMENT, 0));
    const GstSegment *got;
    gst_event_parse_segment(event.get(), &got);
    fail_unless_equals_int(got->format, GST_FORMAT_TIME);
    rig.remove(pad);
}
GST_END_TEST

// The tags' clocks may wrap at 2^32, 2^31 or 2^24 milliseconds.
GST_START_TEST(test_flv_wraps) {
    for (const unsigned bits : {32u, 31u, 24u}) {
        const auto mask = uint32_t((uint64_t(1) << bits) - 1);
        Peer peer;
        Rig rig("video/x-flv");
        GstPad *pad = rig.add(peer);
        push_bytes(rig, joined({flv::file_header(false, true), tag(TagType::video, 0, avc_config)}),
                   GST_CLOCK_TIME_NONE);
        push_bytes(rig, key(mask - 99), GST_SECOND);
        for (uint32_t i = 1; i < 6; ++i)
            push_bytes(rig, delta((mask - 99 + i * 40) & mask), GST_CLOCK_TIME_NONE);
        fail_unless(peer.wait_for(8));
        expect(shape(peer), "FvKddddd");
        for (size_t i = 0; i < 6; ++i)
            fail_unless_equals_uint64(GST_BUFFER_PTS(peer.buffers()[2 + i].get()),
                                      GST_SECOND + i * 40 * GST_MSECOND);
        rig.remove(pad);
    }
}
GST_END_TEST

// The normalizer's result is attached to buffers of stock elements, so that elements downstream
// need not parse them.
GST_START_TEST(test_flv_tags_are_known_behind) {
    Peer peer;
    Rig rig("video/x-flv");
    GstPad *pad = rig.add(peer);
    push_bytes(rig,
               joined({flv::file_header(true, true), tag(TagType::video, 0, avc_config),
                       tag(TagType::audio, 0, aac_config)}),
               GST_CLOCK_TIME_NONE);
    push_bytes(rig, key(0), 0);
    push_bytes(rig, joined({delta(40), audio(45)}), 40 * GST_MSECOND);
    fail_unless(peer.wait_for(6));
    expect(shape(peer), "FvaKdA");
    uint32_t config = 0;
    for (const auto &buffer : peer.buffers()) {
        const KnownTag *known = known_tag(buffer.get());
        const bool is_tag = to_text(buffer.get())[0] != 'F';
        fail_unless((known != nullptr) == is_tag);
        if (!is_tag) continue;
        fail_unless_equals_int(int(known->tag.kind),
                               int(flv::classify(known->tag.type, known->tag.body())));
        fail_unless(config == 0 || config == known->config);
        config = known->config;
    }
    rig.remove(pad);
}
GST_END_TEST

GST_START_TEST(test_flv_known_tags_pass_as_they_are) {
    Peer peer;
    Rig rig("video/x-flv");
    GstPad *pad = rig.add(peer);
    const uint32_t config = flv::next_config_version();
    const auto push = [&](const Bytes &bytes, uint32_t version, bool write = false) {
        flv::Normalizer normalizer;
        std::vector<flv::Tag> tags;
        fail_unless(normalizer.push(bytes, tags).is_ok());
        const flv::Tag &it = tags.front();
        auto buffer = buffer_of(it, version);
        GST_BUFFER_PTS(buffer.get()) = it.timestamp * GST_MSECOND;
        const bool header = it.kind == flv::TagKind::config;
        if (header) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
        if (it.kind != flv::TagKind::keyframe)
            GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
        if (write) { // an element between that makes a key frame an inter frame
            GstMapInfo map;
            fail_unless(gst_buffer_map(buffer.get(), &map, GST_MAP_READWRITE));
            map.data[flv::header_size] = 0x27;
            map.data[flv::header_size + 9] = 0x41; // the slice, which alone counts
            gst_buffer_unmap(buffer.get(), &map);
        }
        GstBuffer *pushed = buffer.get();
        fail_unless_equals_int(gst_pad_push(rig.src, buffer.release()), GST_FLOW_OK);
        return pushed;
    };
    push(tag(TagType::video, 0, avc_config), config);
    push(key(0), config);
    fail_unless(peer.wait_for(3));
    expect(shape(peer), "FvK");
    const GstBuffer *second = push(delta(40), config);
    fail_unless(peer.wait_for(4));
    const auto buffers = peer.buffers();
    fail_unless(buffers[3].get() == second); // neither split nor copied
    // A buffer that was written to is parsed again: no branch may begin with it.
    push(key(80), config, true);
    fail_unless(peer.wait_for(5));
    fail_unless(has(peer.buffers()[4].get(), GST_BUFFER_FLAG_DELTA_UNIT));
    // Another configuration ends the cached GOP.
    fail_unless_equals_int(rig.stat("cached-buffers"), 3);
    const uint32_t other = flv::next_config_version();
    push(tag(TagType::video, 120, avc_config2), other);
    push(key(120), other);
    fail_unless(peer.wait_for(7));
    fail_unless_equals_int(rig.stat("cached-buffers"), 1);
    rig.remove(pad);
}
GST_END_TEST

static Suite *goptee_flv_suite() {
    Suite *s = suite_create("goptee_flv");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_flv);
    tcase_add_test(tc, test_flv_caps);
    tcase_add_test(tc, test_flv_audio_only);
    tcase_add_test(tc, test_flv_overflow_keeps_configuration);
    tcase_add_test(tc, test_flv_garbage);
    tcase_add_test(tc, test_flv_bytes_segment);
    tcase_add_test(tc, test_flv_wraps);
    tcase_add_test(tc, test_flv_tags_are_known_behind);
    tcase_add_test(tc, test_flv_known_tags_pass_as_they_are);
    return s;
}
GST_CHECK_MAIN(goptee_flv)
