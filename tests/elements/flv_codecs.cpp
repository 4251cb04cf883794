// SPDX-License-Identifier: LGPL-2.1-or-later
// Every codec through flvlivemux and flvlivedemux, from a stock encoder to a stock decoder; further
// tracks.
#include "core/flv/enhanced.h"
#include "gst/bytes.h"
#include "gst/ptr.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;

namespace {

/// Records buffers at an element with handoffs.
struct Probe {
    struct Seen {
        std::vector<uint8_t> bytes;
        GstClockTime pts = GST_CLOCK_TIME_NONE;
        bool key = false;
    };
    std::mutex mutex;
    std::vector<Seen> seen;
    GstPtr<GstCaps> caps;

    void watch(GstElement *element) {
        g_object_set(element, "signal-handoffs", TRUE, nullptr);
        g_signal_connect(element, "handoff", G_CALLBACK(on_buffer), this);
    }
    static void on_buffer(GstElement *element, GstBuffer *buffer, gpointer data) {
        auto &self = *static_cast<Probe *>(data);
        const Bytes bytes = bytes_of(buffer);
        std::lock_guard lock(self.mutex);
        self.seen.push_back({{bytes.begin(), bytes.end()},
                             GST_BUFFER_PTS(buffer),
                             !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT)});
        auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, "sink"));
        self.caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad.get()));
    }
    static void on_sink_buffer(GstElement *element, GstBuffer *buffer, GstPad *, gpointer data) {
        on_buffer(element, buffer, data);
    }
};

class Pipeline {
public:
    explicit Pipeline(const std::string &text) {
        GError *error = nullptr;
        element_ = gst_parse_launch(text.c_str(), &error);
        fail_unless(element_ && !error, "%s: %s", text.c_str(), error ? error->message : "");
    }
    ~Pipeline() {
        gst_element_set_state(element_, GST_STATE_NULL);
        gst_object_unref(element_);
    }
    GstPtr<GstElement> at(const char *name) {
        auto found = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(element_), name));
        fail_unless(found.get() != nullptr, "no element %s", name);
        return found;
    }
    GstElement *get() { return element_; }
    /// Runs to the end of stream.
    void run() {
        gst_element_set_state(element_, GST_STATE_PLAYING);
        auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(element_));
        auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
            bus.get(), 60 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
        fail_unless(message.get() != nullptr, "no end of stream");
        if (GST_MESSAGE_TYPE(message.get()) != GST_MESSAGE_ERROR) return;
        GError *error = nullptr;
        gchar *detail = nullptr;
        gst_message_parse_error(message.get(), &error, &detail);
        ck_abort_msg("%s (%s)", error->message, detail);
    }

private:
    GstElement *element_;
};

bool has_elements(const char *names) {
    gchar **list = g_strsplit(names, " ", -1);
    bool all = true;
    for (gchar **name = list; *name; ++name) {
        auto factory = GstPtr<GstElementFactory>::adopt(gst_element_factory_find(*name));
        if (!factory) g_print("skipped: no %s here\n", *name);
        all = all && factory;
    }
    g_strfreev(list);
    return all;
}

constexpr char video_source[] = "videotestsrc num-buffers=20 ! "
                                "video/x-raw,format=I420,width=128,height=96,framerate=25/1 ! ";
constexpr char audio_source[] = "audiotestsrc num-buffers=40 samplesperbuffer=960 ! audioconvert ! "
                                "audioresample ! audio/x-raw,rate=48000,channels=2 ! ";

struct Case {
    const char *elements; ///< without which it is skipped
    const char *encode, *decode;
    uint32_t codec;
    bool video;
    const char *caps; ///< what the demuxer's must be
};

const Case cases[] = {
    {"x264enc h264parse avdec_h264", "x264enc tune=zerolatency key-int-max=10 ! h264parse",
     "h264parse ! avdec_h264", flv::fourcc("avc1"), true,
     "video/x-h264,stream-format=avc,alignment=au,width=128,height=96"},
    {"x265enc h265parse avdec_h265", "x265enc key-int-max=10 option-string=bframes=3 ! h265parse",
     "h265parse ! avdec_h265", flv::fourcc("hvc1"), true,
     "video/x-h265,stream-format=hvc1,alignment=au,profile=main"},
    {"av1enc av1parse av1dec", "av1enc cpu-used=8 keyframe-max-dist=10 ! av1parse",
     "av1parse ! av1dec", flv::fourcc("av01"), true,
     "video/"
     "x-av1,stream-format=obu-stream,alignment=tu,width=128,height=96,bit-depth-luma=(uint)8"},
    {"vp9enc vp9dec", "vp9enc deadline=1 keyframe-max-dist=10", "vp9dec", flv::fourcc("vp09"), true,
     "video/x-vp9,profile=(string)0,chroma-format=4:2:0,bit-depth-luma=(uint)8"},
    {"vp8enc vp8dec", "vp8enc deadline=1 keyframe-max-dist=10", "vp8dec", flv::fourcc("vp08"), true,
     "video/x-vp8,profile=(string)0,width=128,height=96"},
    {"avenc_aac aacparse avdec_aac", "avenc_aac ! aacparse", "aacparse ! avdec_aac",
     flv::fourcc("mp4a"), false, "audio/mpeg,mpegversion=4,rate=48000,channels=2"},
    {"lamemp3enc mpegaudioparse avdec_mp3", "lamemp3enc ! mpegaudioparse",
     "mpegaudioparse ! avdec_mp3", flv::fourcc(".mp3"), false,
     "audio/mpeg,mpegversion=1,layer=3,rate=48000,channels=2"},
    {"opusenc opusdec", "opusenc", "opusdec", flv::fourcc("Opus"), false,
     "audio/x-opus,rate=48000,channels=2,channel-mapping-family=0"},
    {"opusenc opusparse opusdec", "opusenc ! opusparse", "opusdec", flv::fourcc("Opus"), false,
     "audio/x-opus,rate=48000,channels=2"},
    {"avenc_ac3 ac3parse avdec_ac3", "avenc_ac3 ! ac3parse", "ac3parse ! avdec_ac3",
     flv::fourcc("ac-3"), false, "audio/x-ac3,framed=true,rate=48000,channels=2"},
    {"avenc_eac3 ac3parse avdec_eac3", "avenc_eac3 ! ac3parse", "ac3parse ! avdec_eac3",
     flv::fourcc("ec-3"), false, "audio/x-eac3,framed=true,rate=48000,channels=2"},
    {"flacenc flacparse flacdec", "flacenc ! flacparse", "flacparse ! flacdec", flv::fourcc("fLaC"),
     false, "audio/x-flac,framed=true,rate=48000,channels=2"},
};

/// Drops buffers that an encoder sends and FLV omits: FLAC's headers, AV1's temporal delimiters.
std::vector<Probe::Seen> expected(const Case &c, std::vector<Probe::Seen> frames) {
    if (c.codec == flv::fourcc("fLaC"))
        std::erase_if(frames, [](const Probe::Seen &frame) { return frame.bytes.at(0) != 0xFF; });
    if (c.codec == flv::fourcc("av01"))
        for (Probe::Seen &frame : frames)
            if (frame.bytes.at(0) == 0x12)
                frame.bytes.erase(frame.bytes.begin(), frame.bytes.begin() + 2);
    return frames;
}

void check_frames(const Case &c, const std::vector<Probe::Seen> &before,
                  const std::vector<Probe::Seen> &after) {
    fail_unless(before.size() >= 8, "%s: %zu frames", c.encode, before.size());
    fail_unless_equals_int(before.size(), after.size());
    for (size_t i = 0; i < before.size(); ++i) {
        fail_unless(before[i].bytes == after[i].bytes, "%s: frame %zu differs", c.encode, i);
        // All times are shifted together if the encoder begins before zero.
        const auto moved = GstClockTimeDiff(after[i].pts - after[0].pts) -
                           GstClockTimeDiff(before[i].pts - before[0].pts);
        fail_unless(std::abs(moved) < GstClockTimeDiff(GST_MSECOND),
                    "%s: frame %zu by %" G_GINT64_FORMAT, c.encode, i, moved);
        if (c.video) fail_unless_equals_int(before[i].key, after[i].key);
    }
}

} // namespace

GST_START_TEST(test_round_trip) {
    const Case &c = cases[__i__];
    if (!has_elements(c.elements)) return;
    Pipeline pipeline(std::string(c.video ? video_source : audio_source) + c.encode +
                      " ! identity name=before ! flvlivemux ! identity name=flv ! flvlivedemux ! "
                      "identity name=after ! " +
                      c.decode + " ! fakesink name=decoded");
    Probe before, flv, after, decoded;
    before.watch(pipeline.at("before").get());
    flv.watch(pipeline.at("flv").get());
    after.watch(pipeline.at("after").get());
    auto sink = pipeline.at("decoded");
    g_object_set(sink.get(), "signal-handoffs", TRUE, nullptr);
    g_signal_connect(sink.get(), "handoff", G_CALLBACK(Probe::on_sink_buffer), &decoded);
    pipeline.run();

    check_frames(c, expected(c, before.seen), after.seen);
    fail_unless(decoded.seen.size() >= 8, "%s: %zu decoded", c.decode, decoded.seen.size());
    auto wanted = GstPtr<GstCaps>::adopt(gst_caps_from_string(c.caps));
    fail_unless(gst_caps_is_subset(after.caps.get(), wanted.get()), "%" GST_PTR_FORMAT,
                after.caps.get());
    // The codec in the tags, its form, and the same number in onMetaData.
    const bool legacy = c.codec == flv::fourcc("avc1") || c.codec == flv::fourcc("mp4a") ||
                        c.codec == flv::fourcc(".mp3");
    for (const Probe::Seen &tag : flv.seen) {
        const auto type = flv::TagType(tag.bytes.at(0));
        if (type != flv::TagType::audio && type != flv::TagType::video) continue;
        const auto header = flv::parse_body(
            type, ByteView(tag.bytes).subspan(
                      flv::header_size, tag.bytes.size() - flv::header_size - flv::trailer_size));
        fail_unless(header && header->codec == c.codec && header->extended == !legacy);
        fail_if(header->multitrack);
    }
}
GST_END_TEST

namespace {

struct Tracks {
    std::mutex mutex;
    std::vector<std::string> names; ///< in the order of their pads
    std::map<std::string, Probe> probes;
    GstElement *bin = nullptr;
    unsigned no_more_pads = 0;
    size_t pads_then = 0; ///< at no-more-pads

    static void on_pad(GstElement *, GstPad *pad, Tracks *self) {
        const std::string name = GST_PAD_NAME(pad);
        GstElement *sink = gst_element_factory_make("fakesink", nullptr);
        g_object_set(sink, "signal-handoffs", TRUE, "async", FALSE, nullptr);
        gst_bin_add(GST_BIN(self->bin), sink);
        std::lock_guard lock(self->mutex);
        self->names.push_back(name);
        g_signal_connect(sink, "handoff", G_CALLBACK(Probe::on_sink_buffer), &self->probes[name]);
        auto target = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
        fail_unless_equals_int(gst_pad_link(pad, target.get()), GST_PAD_LINK_OK);
        gst_element_sync_state_with_parent(sink);
    }
    static void on_no_more(GstElement *, Tracks *self) {
        std::lock_guard lock(self->mutex);
        ++self->no_more_pads;
        self->pads_then = self->names.size();
    }
};

} // namespace

// Two video and three audio tracks, with given and automatic pad names.
GST_START_TEST(test_tracks) {
    if (!has_elements("x264enc avenc_aac opusenc vp8enc")) return;
    Pipeline pipeline(std::string("flvlivemux name=mux ! flvlivedemux name=demux ") + video_source +
                      "x264enc tune=zerolatency key-int-max=10 ! h264parse ! mux.video " +
                      video_source + "vp8enc deadline=1 keyframe-max-dist=10 ! mux.video_7 " +
                      audio_source + "avenc_aac ! mux.audio " + audio_source +
                      "opusenc ! mux.audio_1 " + audio_source + "avenc_aac ! mux.audio_2");
    Tracks tracks;
    tracks.bin = pipeline.get();
    auto demux = pipeline.at("demux");
    g_signal_connect(demux.get(), "pad-added", G_CALLBACK(Tracks::on_pad), &tracks);
    g_signal_connect(demux.get(), "no-more-pads", G_CALLBACK(Tracks::on_no_more), &tracks);
    pipeline.run();

    std::sort(tracks.names.begin(), tracks.names.end());
    const std::vector<std::string> wanted{"audio", "audio_1", "audio_2", "video", "video_7"};
    fail_unless(tracks.names == wanted);
    fail_unless_equals_int(tracks.no_more_pads, 1);
    fail_unless_equals_int(tracks.pads_then, 5);
    const char *media[] = {"audio/mpeg", "audio/x-opus", "audio/mpeg", "video/x-h264",
                           "video/x-vp8"};
    for (size_t i = 0; i < wanted.size(); ++i) {
        Probe &probe = tracks.probes.at(wanted[i]);
        fail_unless(probe.seen.size() >= 20, "%s: %zu frames", wanted[i].c_str(),
                    probe.seen.size());
        const auto *s = gst_caps_get_structure(probe.caps.get(), 0);
        fail_unless_equals_string(gst_structure_get_name(s), media[i]);
        for (size_t k = 1; k < probe.seen.size(); ++k)
            fail_unless(probe.seen[k].pts > probe.seen[k - 1].pts, "%s stands still at frame %zu",
                        wanted[i].c_str(), k);
    }
}
GST_END_TEST

GST_START_TEST(test_pad_names) {
    auto mux = GstPtr<GstElement>::adopt(
        GST_ELEMENT(gst_object_ref_sink(gst_element_factory_make("flvlivemux", nullptr))));
    const auto request = [&](const char *name) {
        auto pad = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(mux.get(), name));
        return pad ? std::string(GST_PAD_NAME(pad.get())) : std::string("none");
    };
    fail_unless_equals_string(request("audio_2").c_str(), "audio_2");
    fail_unless_equals_string(request("audio_%u").c_str(), "audio_1");
    fail_unless_equals_string(request("audio_%u").c_str(), "audio_3");
    fail_unless_equals_string(request("video_%u").c_str(), "video_1");
    fail_unless_equals_string(request("audio").c_str(), "audio");
    fail_unless_equals_string(request("audio_0").c_str(), "none");
    fail_unless_equals_string(request("audio_256").c_str(), "none");
}
GST_END_TEST

static Suite *flv_codecs_suite() {
    Suite *s = suite_create("flv_codecs");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_loop_test(tc, test_round_trip, 0, int(std::size(cases)));
    tcase_add_test(tc, test_tracks);
    tcase_add_test(tc, test_pad_names);
    return s;
}
GST_CHECK_MAIN(flv_codecs)
