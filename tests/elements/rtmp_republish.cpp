// SPDX-License-Identifier: LGPL-2.1-or-later
// rtmpserversrc with two publishers of one name: one stream comes out, whoever is on air.
#include "unit/net_rig.hpp"

#include "elements/rtmp_rig.hpp"

using namespace penstock;
using net_test::Peer;
using rtmp_rig::eventually;
using rtmp_rig::stat;

namespace {

struct Frame {
    int mark; ///< of a video frame; -1: audio
    bool discont, key;
    GstClockTime time;
};

class Receiver {
public:
    explicit Receiver(const char *settings) {
        const auto bin = rtmp_rig::launch(
            std::string("rtmpserversrc name=src location=rtmp://127.0.0.1:0/live/cam ") + settings);
        element_ = GST_IS_BIN(bin.get()) ? rtmp_rig::child(bin, "src") : bin;
        bus = std::make_unique<rtmp_rig::Bus>(element_.get());
        h = gst_harness_new_with_element(element_.get(), nullptr, "src");
        gst_harness_use_systemclock(h);
        gst_harness_play(h);
        const std::string location = rtmp_rig::string_property(h->element, "bound-location");
        port = static_cast<uint16_t>(std::stoi(location.substr(location.rfind(':') + 1)));
    }
    ~Receiver() {
        gst_harness_teardown(h);
        bus.reset();
    }
    /// The next frame; headers are counted. Time must not go back.
    Frame pull() {
        for (;;) {
            const auto buffer = GstPtr<GstBuffer>::adopt(gst_harness_pull(h));
            fail_unless(buffer, "no buffer");
            if (GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_HEADER)) {
                ++headers;
                continue;
            }
            const Bytes bytes = bytes_of(buffer.get());
            const Frame frame{bytes[0] == 9 ? int(bytes[bytes.size() - 5]) : -1,
                              GST_BUFFER_IS_DISCONT(buffer.get()),
                              !GST_BUFFER_FLAG_IS_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT),
                              GST_BUFFER_PTS(buffer.get())};
            fail_unless(frame.time >= last);
            last = frame.time;
            return frame;
        }
    }
    bool is_empty() const { return gst_harness_buffers_in_queue(h) == 0; }
    bool has_ended() {
        bool ended = false;
        while (GstEvent *event = gst_harness_try_pull_event(h)) {
            ended |= GST_EVENT_TYPE(event) == GST_EVENT_EOS;
            gst_event_unref(event);
        }
        return ended;
    }

    GstHarness *h;
    std::unique_ptr<rtmp_rig::Bus> bus;
    uint16_t port;
    unsigned headers = 0;
    GstClockTime last = 0;

private:
    GstPtr<GstElement> element_;
};

void begin(Peer &peer, const char *name, const std::vector<uint8_t> &sps = samples::sps) {
    peer.publish(name);
    fail_unless(peer.until_said("NetStream.Publish.Start"), "%s", peer.said.c_str());
    peer.send(samples::video_config(0, sps));
    peer.send(samples::audio_config());
}

} // namespace

// The newcomer goes on where the old one was; nobody downstream is told of an end.
GST_START_TEST(test_takeover) {
    Receiver r("republish=takeover on-unpublish=eos");
    Peer first(r.port), second(r.port);
    begin(first, "cam");
    first.send(samples::video_frame(90'000, true, 1));
    first.send(samples::video_frame(90'040, false, 2));
    fail_unless(r.pull().discont);
    fail_unless_equals_int(r.pull().mark, 2);
    begin(second, "cam", samples::other_sps);
    fail_unless(first.until_said("NetStream.Publish.BadName"));
    fail_unless(first.until_closed());
    second.send(samples::video_frame(0, true, 11));
    second.send(samples::video_frame(40, false, 12));
    const Frame frame = r.pull();
    fail_unless(frame.mark == 11 && frame.discont && frame.key);
    fail_unless_equals_int(r.pull().mark, 12);
    fail_unless_equals_int(r.headers, 5); // with the file header
    fail_unless_equals_int(int(stat(r.h->element, "peers")), 1);
    fail_if(r.has_ended());
    second.close();
    fail_unless(eventually([&] { return r.has_ended(); }));
}
GST_END_TEST

// Held back while the primary sends; in its place with a keyframe when it is gone; back again.
GST_START_TEST(test_backup) {
    Receiver r("republish=backup return-after=0");
    auto primary = std::make_unique<Peer>(r.port);
    Peer backup(r.port);
    begin(*primary, "cam");
    primary->send(samples::video_frame(5000, true, 1));
    fail_unless_equals_int(r.pull().mark, 1);
    begin(backup, "cam?backup=1", samples::other_sps);
    fail_unless(eventually([&] { return stat(r.h->element, "peers") == 2; }));
    backup.send(samples::video_frame(0, true, 11));
    backup.send(samples::audio_frame(10));
    primary->send(samples::video_frame(5040, false, 2));
    fail_unless_equals_int(r.pull().mark, 2);
    const unsigned before = r.headers;
    primary->reset();
    fail_unless(eventually([&] { return stat(r.h->element, "peers") == 1; }));
    // The GOP that it held back is in part older than the last frame on air. (It may be that the
    // loops have seen them in another order: then the whole GOP is new.)
    backup.send(samples::video_frame(40, false, 12));
    backup.send(samples::video_frame(80, true, 13));
    backup.send(samples::audio_frame(85));
    Frame frame = r.pull();
    fail_unless((frame.mark == 13 || frame.mark == 11) && frame.discont && frame.key, "%d",
                frame.mark);
    while (frame.mark != 13)
        frame = r.pull();
    fail_unless_equals_int(r.pull().mark, -1);
    fail_unless_equals_int(r.headers - before, 2);
    // The primary is there again: with a keyframe, and no sooner.
    primary = std::make_unique<Peer>(r.port);
    begin(*primary, "cam");
    primary->send(samples::video_frame(0, false, 3));
    fail_unless(eventually([&] { return stat(r.h->element, "peers") == 2; }));
    backup.send(samples::video_frame(120, false, 14));
    fail_unless_equals_int(r.pull().mark, 14);
    primary->send(samples::video_frame(40, true, 4));
    frame = r.pull();
    fail_unless(frame.mark == 4 && frame.discont && frame.key);
    // A third is refused.
    Peer third(r.port);
    third.publish("cam");
    fail_unless(third.until_said("NetStream.Publish.BadName"));
    fail_unless_equals_int(int(stat(r.h->element, "switches")), 3);
    // Each change is reported, and the end only when both are gone.
    primary->close();
    backup.close();
    for (const bool publishing : {true, true, true, false}) {
        const auto message = r.bus->wait(GST_MESSAGE_ELEMENT);
        fail_unless(message && gst_message_has_name(message.get(), "penstock-publish-state"));
        gboolean told = 2;
        gst_structure_get_boolean(gst_message_get_structure(message.get()), "publishing", &told);
        fail_unless_equals_int(told, publishing);
    }
}
GST_END_TEST

// The primary stays connected and sends nothing: the backup follows.
GST_START_TEST(test_silent_primary) {
    Receiver r("republish=backup backup-timeout=200000000 return-after=0");
    Peer primary(r.port), backup(r.port);
    begin(primary, "cam");
    primary.send(samples::video_frame(0, true, 1));
    fail_unless_equals_int(r.pull().mark, 1);
    begin(backup, "cam?backup=1");
    uint32_t ms = 0;
    fail_unless(eventually([&] {
        backup.send(samples::video_frame(ms += 10, false, 12));
        // At another time than the last, of which it would be another slice.
        if (ms % 100 == 0) backup.send(samples::video_frame(ms + 5, true, 11));
        return stat(r.h->element, "switches") == 2;
    }));
    const Frame frame = r.pull();
    fail_unless(frame.mark == 11 && frame.discont);
    // It sends again.
    primary.send(samples::video_frame(900, true, 2));
    Frame next = r.pull();
    while (next.mark > 10)
        next = r.pull();
    fail_unless(next.mark == 2 && next.discont);
}
GST_END_TEST

// A backup without the primary's audio is none while the primary is connected, which is said.
GST_START_TEST(test_other_tracks) {
    Receiver r("republish=backup backup-timeout=200000000 return-after=0");
    auto primary = std::make_unique<Peer>(r.port);
    Peer backup(r.port);
    begin(*primary, "cam");
    primary->send(samples::video_frame(0, true, 1));
    fail_unless_equals_int(r.pull().mark, 1);
    backup.publish("cam?backup=1");
    fail_unless(backup.until_said("NetStream.Publish.Start"), "%s", backup.said.c_str());
    backup.send(samples::video_config());
    for (uint32_t ms = 0; ms < 120; ms += 40)
        backup.send(samples::video_frame(ms, true, 11));
    const auto warning = r.bus->wait(GST_MESSAGE_WARNING);
    fail_unless(warning);
    GError *error = nullptr;
    gst_message_parse_warning(warning.get(), &error, nullptr);
    fail_unless(strstr(error->message, "has avc1 alone, the stream has avc1 with mp4a"), "%s",
                error->message);
    g_error_free(error);
    // It is better than nothing.
    primary->close();
    fail_unless(eventually([&] { return stat(r.h->element, "peers") == 1; }));
    backup.send(samples::video_frame(200, true, 12));
    Frame frame = r.pull();
    while (frame.mark != 12)
        frame = r.pull();
    fail_unless_equals_int(int(stat(r.h->element, "switches")), 2);
}
GST_END_TEST

// Without a mark the one on air stays: no change that nobody needs.
GST_START_TEST(test_equals) {
    Receiver r("republish=backup return-after=0");
    auto first = std::make_unique<Peer>(r.port);
    Peer second(r.port);
    begin(*first, "cam");
    first->send(samples::video_frame(0, true, 1));
    fail_unless_equals_int(r.pull().mark, 1);
    begin(second, "cam");
    first->close();
    fail_unless(eventually([&] { return stat(r.h->element, "peers") == 1; }));
    second.send(samples::video_frame(0, true, 11));
    fail_unless_equals_int(r.pull().mark, 11);
    first = std::make_unique<Peer>(r.port);
    begin(*first, "cam");
    first->send(samples::video_frame(0, true, 2));
    fail_unless(eventually([&] { return stat(r.h->element, "peers") == 2; }));
    second.send(samples::video_frame(40, false, 12));
    fail_unless_equals_int(r.pull().mark, 12);
    second.send(samples::video_frame(80, true, 13));
    fail_unless_equals_int(r.pull().mark, 13);
    fail_unless(r.is_empty());
}
GST_END_TEST

static Suite *rtmp_republish_suite() {
    Suite *s = suite_create("rtmp_republish");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_takeover);
    tcase_add_test(tc, test_backup);
    tcase_add_test(tc, test_silent_primary);
    tcase_add_test(tc, test_other_tracks);
    tcase_add_test(tc, test_equals);
    return s;
}
GST_CHECK_MAIN(rtmp_republish)
