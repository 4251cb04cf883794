// SPDX-License-Identifier: LGPL-2.1-or-later
#include "expect/sample.h"

#include "gst/ptr.h"

#include <glib/gstdio.h>
#include <unistd.h>

namespace penstock::expect {
namespace {

constexpr GstClockTime longest = 60 * GST_SECOND;

} // namespace

Sample::~Sample() {
    if (!file_.empty()) g_unlink(file_.c_str());
    if (!directory_.empty()) g_rmdir(directory_.c_str());
}

bool Sample::make(std::string *error) {
    GError *why = nullptr;
    const auto fail = [&](const std::string &otherwise) {
        if (error) *error = "no sample file: " + (why ? std::string(why->message) : otherwise);
        g_clear_error(&why);
        return false;
    };
    const GOwned<> directory(g_dir_make_tmp("penstock-test-XXXXXX", &why));
    if (!directory) return fail("");
    directory_ = directory.get();
    file_ = directory_ + "/sample.mp4";
    const auto pipeline = GstPtr<GstElement>::adopt(GST_ELEMENT(gst_parse_launch(
        "mp4mux name=mux ! filesink name=file "
        "videotestsrc num-buffers=300 pattern=smpte horizontal-speed=4 ! "
        "video/x-raw,format=I420,width=640,height=360,framerate=30/1 ! "
        "copyorencode codec=h264 bitrate=1000000 ! h264parse ! queue ! mux. "
        "audiotestsrc num-buffers=431 samplesperbuffer=1024 volume=0.1 ! "
        "audio/x-raw,rate=44100,channels=2 ! copyorencode codec=aac ! aacparse ! queue ! mux.",
        &why)));
    if (!pipeline || why) return fail("");
    const auto file =
        GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), "file"));
    g_object_set(file.get(), "location", file_.c_str(), nullptr);
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    const auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), longest, static_cast<GstMessageType>(GST_MESSAGE_ERROR | GST_MESSAGE_EOS)));
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    if (!message) return fail("it takes too long");
    if (GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS) return true;
    gst_message_parse_error(message.get(), &why, nullptr);
    return fail("");
}

} // namespace penstock::expect
