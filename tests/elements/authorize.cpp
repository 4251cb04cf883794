// SPDX-License-Identifier: LGPL-2.1-or-later
// The signals authorize, peer-connected and peer-disconnected of rtmpserversrc and rtmpserversink:
// their arguments and threads, and that only the peer itself waits for a handler.
#include "core/net/loop/address.h"
#include "unit/net_rig.hpp"

#include "elements/rtmp_rig.hpp"

using namespace penstock;
using net_test::Peer;
using rtmp_rig::eventually;
using rtmp_rig::launch;

namespace {

std::string text(const GstStructure *peer, const char *field) {
    const gchar *value = gst_structure_get_string(peer, field);
    return value ? value : "(none)";
}

/// An application that allows peers with `key=good`, once the test lets it continue.
struct Application {
    std::mutex mutex;
    std::condition_variable changed;
    bool go_on = true;
    std::vector<std::string> asked, events;
    std::set<std::thread::id> threads;

    void connect(GstElement *element) {
        g_signal_connect(element, "authorize", G_CALLBACK(on_authorize), this);
        g_signal_connect(element, "peer-connected", G_CALLBACK(on_connected), this);
        g_signal_connect(element, "peer-disconnected", G_CALLBACK(on_disconnected), this);
    }
    size_t questions() {
        std::lock_guard lock(mutex);
        return asked.size();
    }
    size_t seen() {
        std::lock_guard lock(mutex);
        return events.size();
    }
    void release() {
        std::lock_guard lock(mutex);
        go_on = true;
        changed.notify_all();
    }
    static gboolean on_authorize(GstElement *, GstStructure *peer, Application *self) {
        std::unique_lock lock(self->mutex);
        gboolean publish = FALSE;
        gst_structure_get_boolean(peer, "publish", &publish);
        self->asked.push_back(std::string(publish ? "publish " : "play ") + text(peer, "path") +
                              " " + text(peer, "key") + " " + text(peer, "protocol") + " " +
                              text(peer, "address"));
        self->threads.insert(std::this_thread::get_id());
        self->changed.wait(lock, [self] { return self->go_on; });
        return text(peer, "key") == "good";
    }
    static void on_connected(GstElement *, GstStructure *peer, Application *self) {
        std::lock_guard lock(self->mutex);
        self->events.push_back("+" + text(peer, "address"));
    }
    static void on_disconnected(GstElement *, GstStructure *peer, Application *self) {
        std::lock_guard lock(self->mutex);
        self->events.push_back("-" + text(peer, "address") + " " + text(peer, "reason"));
    }
};

uint16_t port_of(GstElement *element) {
    std::string error;
    const auto location =
        net::parse_location(rtmp_rig::string_property(element, "bound-location"), 0, &error);
    fail_unless(location.has_value(), "%s", error.c_str());
    return location->address.port;
}

} // namespace

GST_START_TEST(test_source) {
    auto pipeline = launch("rtmpserversrc name=src location=rtmp://127.0.0.1:0/live/cam ! "
                           "fakesink async=false");
    auto source = rtmp_rig::child(pipeline, "src");
    Application application;
    application.go_on = false;
    application.connect(source.get());
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const uint16_t port = port_of(source.get());

    Peer good(port), bad(port);
    good.publish("cam?key=good");
    bad.publish("cam?key=bad");
    // Both handlers run at once, and neither blocks the network.
    fail_unless(eventually([&] { return application.questions() == 2; }));
    fail_unless_equals_int(int(application.threads.size()), 2);
    fail_unless(!application.threads.contains(std::this_thread::get_id()));
    Peer other(port);
    other.publish("none");
    fail_unless(other.until_said("NetStream.Publish.Rejected"));
    fail_unless_equals_int(int(rtmp_rig::stat(source.get(), "peers")), 0);
    application.release();
    fail_unless(good.until_said("NetStream.Publish.Start"));
    fail_unless(bad.until_said("NetStream.Publish.Denied"));
    fail_unless(bad.until_closed());
    {
        std::lock_guard lock(application.mutex);
        std::sort(application.asked.begin(), application.asked.end());
        fail_unless_equals_string(application.asked[0].c_str(),
                                  ("publish live/cam bad rtmp " + bad.name).c_str());
        fail_unless_equals_string(application.asked[1].c_str(),
                                  ("publish live/cam good rtmp " + good.name).c_str());
    }
    fail_unless(eventually([&] { return application.seen() == 1; }));
    good.close();
    fail_unless(eventually([&] { return application.seen() == 2; }));
    fail_unless_equals_string(application.events[0].c_str(), ("+" + good.name).c_str());
    fail_unless_equals_string(application.events[1].c_str(),
                              ("-" + good.name + " disconnected").c_str());
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
}
GST_END_TEST

GST_START_TEST(test_sink) {
    GstHarness *harness = gst_harness_new_parse(
        "rtmpserversink name=sink sync=false location=rtmp://127.0.0.1:0/live/out");
    GstElement *found = gst_harness_find_element(harness, "rtmpserversink");
    auto sink = GstPtr<GstElement>::adopt(found);
    Application application;
    application.connect(sink.get());
    gst_harness_set_src_caps_str(harness, "video/x-flv");
    for (const flv::Tag &tag : {samples::video_config(), samples::video_frame(0, true)})
        gst_harness_push(harness, buffer_of(tag.bytes).release());
    const uint16_t port = port_of(sink.get());
    Peer good(port), bad(port);
    good.play("out?key=good");
    bad.play("out");
    fail_unless(good.until([&] { return good.frames() == 1; }));
    fail_unless(bad.until_closed());
    fail_unless_equals_int(int(bad.frames()), 0);
    fail_unless(bad.said.find("NetStream.Play.Start") == std::string::npos);
    fail_unless_equals_int(int(rtmp_rig::stat(sink.get(), "peers")), 1);
    good.close();
    fail_unless(eventually([&] { return application.seen() == 2; }));
    gst_harness_teardown(harness);
}
GST_END_TEST

// The element is removed while a handler is still deciding.
GST_START_TEST(test_stopped_meanwhile) {
    Application application;
    {
        auto pipeline = launch("rtmpserversrc name=src location=rtmp://127.0.0.1:0/live/cam ! "
                               "fakesink async=false");
        auto source = rtmp_rig::child(pipeline, "src");
        application.go_on = false;
        application.connect(source.get());
        gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
        Peer publisher(port_of(source.get()));
        publisher.publish("cam?key=good");
        fail_unless(eventually([&] { return application.questions() == 1; }));
        gst_element_set_state(pipeline.get(), GST_STATE_NULL);
        fail_unless(publisher.until_closed());
        GWeakRef weak;
        g_weak_ref_init(&weak, source.get());
        source.reset();
        pipeline.reset();
        application.release();
        fail_unless(eventually([&] {
            return !GstPtr<GObject>::adopt(static_cast<GObject *>(g_weak_ref_get(&weak)));
        }));
        g_weak_ref_clear(&weak);
    }
    fail_unless_equals_int(int(application.seen()), 0);
}
GST_END_TEST

static Suite *authorize_suite() {
    Suite *s = suite_create("authorize");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_source);
    tcase_add_test(tc, test_sink);
    tcase_add_test(tc, test_stopped_meanwhile);
    return s;
}
GST_CHECK_MAIN(authorize)
