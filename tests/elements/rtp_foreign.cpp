// SPDX-License-Identifier: LGPL-2.1-or-later
// RTP payload formats with GStreamer's own payloaders and depayloaders: their packets through our
// depacketizers, ours through theirs, for encoders' frames.
#include "core/bytes/writer.h"
#include "core/codec/avc.h"
#include "core/codec/nal.h"
#include "core/rtp/payload/aac.h"
#include "core/rtp/payload/audio.h"
#include "core/rtp/payload/latm.h"
#include "core/rtp/payload/nal_depacketizer.h"
#include "core/rtp/payload/nal_packetizer.h"
#include "core/rtp/payload/vp8.h"
#include "core/rtp/payload/vp9.h"
#include "gst/ptr.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace penstock::rtp::payload;
using Unit = std::vector<uint8_t>;

namespace {

struct Taken {
    std::vector<Unit> buffers;
    std::vector<bool> keyframes;
    GstPtr<GstCaps> caps;
};

void note_buffer(GstElement *, GstBuffer *buffer, GstPad *pad, gpointer data) {
    auto *taken = static_cast<Taken *>(data);
    if (!taken->caps.get()) taken->caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    Unit bytes(gst_buffer_get_size(buffer));
    gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
    taken->buffers.push_back(std::move(bytes));
    taken->keyframes.push_back(!GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT));
}

/// What an encoder makes, and the packets that a payloader makes of that.
struct Run {
    Taken frames, packets;
};
std::unique_ptr<Run> run(const std::string &encoder, const std::string &payloader) {
    auto result = std::make_unique<Run>();
    const std::string line = encoder +
                             " ! tee name=t t. ! queue ! fakesink name=frames sync=false " +
                             "signal-handoffs=true t. ! queue ! " + payloader +
                             " ! fakesink name=packets sync=false signal-handoffs=true";
    GError *error = nullptr;
    auto pipeline = GstPtr<GstElement>::adopt(gst_parse_launch(line.c_str(), &error));
    fail_if(error, "%s: %s", line.c_str(), error ? error->message : "");
    for (const auto &[name, taken] :
         {std::pair{"frames", &result->frames}, std::pair{"packets", &result->packets}}) {
        auto sink = GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(pipeline.get()), name));
        g_signal_connect(sink.get(), "handoff", G_CALLBACK(note_buffer), taken);
    }
    auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    gst_element_set_state(pipeline.get(), GST_STATE_PLAYING);
    auto message = GstPtr<GstMessage>::adopt(gst_bus_timed_pop_filtered(
        bus.get(), 30 * GST_SECOND, GstMessageType(GST_MESSAGE_EOS | GST_MESSAGE_ERROR)));
    fail_unless(message && GST_MESSAGE_TYPE(message.get()) == GST_MESSAGE_EOS, "%s", line.c_str());
    gst_element_set_state(pipeline.get(), GST_STATE_NULL);
    fail_if(result->frames.buffers.size() < 10, "%s", line.c_str());
    return result;
}

/// The codec_data of caps, or nothing.
Unit codec_data(GstCaps *caps) {
    const GValue *value = gst_structure_get_value(gst_caps_get_structure(caps, 0), "codec_data");
    if (!value) return {};
    GstBuffer *buffer = gst_value_get_buffer(value);
    Unit bytes(gst_buffer_get_size(buffer));
    gst_buffer_extract(buffer, 0, bytes.data(), bytes.size());
    return bytes;
}

/// Their packets through our depacketizer.
std::vector<Frame> depacketize(Depacketizer &depacketizer, const std::vector<Unit> &packets) {
    std::vector<Frame> frames;
    for (const Unit &packet : packets) {
        fail_unless(packet.size() > 12 && packet[0] == 0x80);
        const ByteView view(packet);
        const uint32_t timestamp =
            uint32_t(view[4]) << 24 | uint32_t(view[5]) << 16 | uint32_t(view[6]) << 8 | view[7];
        const Result result =
            depacketizer.push({view.subspan(12), timestamp, (view[1] & 0x80) != 0, false}, frames);
        fail_unless(result.is_ok(), "%s", result.reason().c_str());
    }
    depacketizer.flush(frames);
    return frames;
}

/// Our packets through their depayloader, which makes buffers of these caps.
std::vector<Unit> depayload(const char *element, const std::string &caps, const char *out_caps,
                            Packetizer &packetizer, const Taken &frames, uint32_t ticks) {
    GstHarness *harness = gst_harness_new(element);
    gst_harness_set_src_caps_str(harness, ("application/x-rtp,payload=96," + caps).c_str());
    gst_harness_set_sink_caps_str(harness, out_caps);
    uint16_t sequence = 0xFFF0;
    uint32_t timestamp = 0xFFFF0000;
    Payloads payloads;
    for (size_t i = 0; i < frames.buffers.size(); ++i, timestamp += ticks) {
        const Result result =
            packetizer.packetize(frames.buffers[i], frames.keyframes[i], payloads);
        fail_unless(result.is_ok(), "%s", result.reason().c_str());
        for (size_t j = 0; j < payloads.size(); ++j) {
            Writer w;
            w.u8(0x80).u8((payloads[j].marker ? 0x80 : 0) | 96).u16(sequence++);
            w.u32(timestamp + payloads[j].ticks).u32(1);
            payloads.append_to(w.vector(), j);
            GstBuffer *buffer = gst_buffer_new_memdup(w.vector().data(), w.size());
            GST_BUFFER_PTS(buffer) = i * 20 * GST_MSECOND;
            fail_unless_equals_int(gst_harness_push(harness, buffer), GST_FLOW_OK);
        }
    }
    gst_harness_push_event(harness, gst_event_new_eos());
    std::vector<Unit> out;
    while (GstBuffer *buffer = gst_harness_try_pull(harness)) {
        out.emplace_back(gst_buffer_get_size(buffer));
        gst_buffer_extract(buffer, 0, out.back().data(), out.back().size());
        gst_buffer_unref(buffer);
    }
    gst_harness_teardown(harness);
    return out;
}

void check_same(const std::vector<Unit> &got, const std::vector<Unit> &wanted) {
    fail_unless_equals_int(got.size(), wanted.size());
    for (size_t i = 0; i < got.size(); ++i)
        fail_unless(got[i] == wanted[i], "frame %zu: %zu bytes, not the %zu wanted", i,
                    got[i].size(), wanted[i].size());
}
std::vector<Unit> bytes_of(const std::vector<Frame> &frames) {
    std::vector<Unit> out;
    for (const Frame &frame : frames) {
        fail_if(frame.damaged || frame.after_gap);
        out.emplace_back(frame.bytes.begin(), frame.bytes.end());
    }
    return out;
}
void check_keyframes(const std::vector<Frame> &frames, const Taken &taken) {
    for (size_t i = 0; i < frames.size(); ++i)
        fail_unless(frames[i].keyframe == taken.keyframes[i], "frame %zu", i);
}

/// The frames without the units that are not sent, or not in frames.
std::vector<Unit> plain(codec::NalCodec codec, const std::vector<Unit> &frames) {
    std::vector<Unit> out;
    for (const Unit &frame : frames) {
        Writer w;
        for (const ByteView unit : codec::split_lengths(frame, 4))
            switch (codec::nal_kind(codec, unit)) {
            case codec::NalKind::vps:
            case codec::NalKind::sps:
            case codec::NalKind::pps:
            case codec::NalKind::delimiter:
            case codec::NalKind::filler:
                break;
            default:
                w.u32(unit.size()).bytes(unit);
            }
        out.push_back(w.take());
    }
    return out;
}

const std::string video = "videotestsrc num-buffers=30 pattern=snow ! "
                          "video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! ";
const std::string audio = "audiotestsrc num-buffers=40 wave=pink-noise samplesperbuffer=960 ! ";

bool has_element(const char *name) {
    auto factory = GstPtr<GstElementFactory>::adopt(gst_element_factory_find(name));
    if (!factory.get()) g_printerr("skipped: there is no %s\n", name);
    return factory.get() != nullptr;
}

} // namespace

static void check_nal(codec::NalCodec codec, const std::string &encoder, const std::string &caps,
                      const char *payloader, const char *depayloader, const char *rtp_caps) {
    const auto made = run(video + encoder + caps, payloader);
    NalDepacketizer depacketizer(codec);
    const std::vector<Frame> frames = depacketize(depacketizer, made->packets.buffers);
    check_same(bytes_of(frames), plain(codec, made->frames.buffers));
    check_keyframes(frames, made->frames);
    fail_unless(frames[0].config_changed);
    for (size_t i = 1; i < frames.size(); ++i)
        fail_if(frames[i].config_changed);
    codec::NalConfig theirs;
    const Unit record = codec_data(made->frames.caps.get());
    fail_unless(codec::parse_nal_config(codec, record, theirs).is_ok());
    const codec::NalConfig &ours = depacketizer.sets();
    fail_unless(ours.vps == theirs.vps && ours.sps == theirs.sps && ours.pps == theirs.pps);

    NalPacketizer packetizer(codec);
    fail_unless(packetizer.configure(record).is_ok());
    const std::string out_caps = caps.substr(caps.find("video/"));
    check_same(plain(codec, depayload(depayloader, rtp_caps, out_caps.c_str(), packetizer,
                                      made->frames, 3600)),
               plain(codec, made->frames.buffers));
}

GST_START_TEST(test_h264) {
    // Slices, small and large units, STAP-A and FU-A by their sender.
    for (const char *payloader :
         {"rtph264pay mtu=1200 config-interval=-1",
          "rtph264pay mtu=1200 config-interval=-1 aggregate-mode=zero-latency"})
        check_nal(codec::NalCodec::avc,
                  "x264enc tune=zerolatency sliced-threads=true threads=3 bitrate=3000 "
                  "key-int-max=15 speed-preset=ultrafast ! h264parse ! ",
                  "video/x-h264,stream-format=avc,alignment=au", payloader, "rtph264depay",
                  "media=video,clock-rate=90000,encoding-name=H264");
}
GST_END_TEST

GST_START_TEST(test_h265) {
    if (!has_element("x265enc")) return;
    check_nal(codec::NalCodec::hevc,
              "x265enc tune=zerolatency bitrate=3000 key-int-max=15 speed-preset=ultrafast ! "
              "h265parse ! ",
              "video/x-h265,stream-format=hvc1,alignment=au",
              "rtph265pay mtu=1200 config-interval=-1", "rtph265depay",
              "media=video,clock-rate=90000,encoding-name=H265");
}
GST_END_TEST

GST_START_TEST(test_vp8_and_vp9) {
    struct Row {
        const char *encoder, *payloader, *depayloader, *caps, *out;
        std::unique_ptr<Packetizer> packetizer;
        std::unique_ptr<Depacketizer> depacketizer;
    };
    const std::string options =
        " deadline=1 cpu-used=8 keyframe-max-dist=15 target-bitrate=2000000";
    for (const char *mode : {"none", "15-bit"}) {
        Row rows[] = {{"vp8enc", "rtpvp8pay", "rtpvp8depay",
                       "media=video,clock-rate=90000,encoding-name=VP8", "video/x-vp8",
                       std::make_unique<Vp8Packetizer>(), std::make_unique<Vp8Depacketizer>()},
                      {"vp9enc", "rtpvp9pay", "rtpvp9depay",
                       "media=video,clock-rate=90000,encoding-name=VP9", "video/x-vp9",
                       std::make_unique<Vp9Packetizer>(), std::make_unique<Vp9Depacketizer>()}};
        for (Row &row : rows) {
            const auto made = run(video + row.encoder + options,
                                  std::string(row.payloader) + " mtu=1200 picture-id-mode=" + mode);
            const std::vector<Frame> frames = depacketize(*row.depacketizer, made->packets.buffers);
            check_same(bytes_of(frames), made->frames.buffers);
            check_keyframes(frames, made->frames);
            check_same(
                depayload(row.depayloader, row.caps, row.out, *row.packetizer, made->frames, 3600),
                made->frames.buffers);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_opus_and_g711) {
    const auto opus = run(audio + "audio/x-raw,rate=48000,channels=2 ! opusenc", "rtpopuspay");
    PlainAudioDepacketizer depacketizer;
    check_same(bytes_of(depacketize(depacketizer, opus->packets.buffers)), opus->frames.buffers);
    OpusPacketizer packetizer;
    check_same(depayload("rtpopusdepay", "media=audio,clock-rate=48000,encoding-name=OPUS",
                         "audio/x-opus", packetizer, opus->frames, 960),
               opus->frames.buffers);

    const auto joined = [](const std::vector<Unit> &units) {
        Unit all;
        for (const Unit &unit : units)
            all.insert(all.end(), unit.begin(), unit.end());
        return std::vector<Unit>{all};
    };
    const auto law = run(audio + "audio/x-raw,rate=8000,channels=1 ! alawenc", "rtppcmapay");
    check_same(joined(bytes_of(depacketize(depacketizer, law->packets.buffers))),
               joined(law->frames.buffers));
    G711Packetizer samples(1, 400);
    check_same(joined(depayload("rtppcmadepay", "media=audio,clock-rate=8000,encoding-name=PCMA",
                                "audio/x-alaw", samples, law->frames, 960)),
               joined(law->frames.buffers));
}
GST_END_TEST

GST_START_TEST(test_aac) {
    const std::string encoder =
        audio + "audio/x-raw,rate=48000,channels=2 ! avenc_aac bitrate=512000 ! aacparse ! "
                "audio/mpeg,mpegversion=4,stream-format=raw";
    // The frames are longer than this, and come in fragments.
    for (const char *mtu : {" mtu=1400", " mtu=400"}) {
        const auto made = run(encoder, std::string("rtpmp4gpay") + mtu);
        AacDepacketizer depacketizer;
        const std::vector<Frame> frames = depacketize(depacketizer, made->packets.buffers);
        check_same(bytes_of(frames), made->frames.buffers);
        // Their timestamps are rounded to nanoseconds in between.
        for (size_t i = 1; i < frames.size(); ++i)
            fail_unless(uint32_t(frames[i].timestamp - frames[i - 1].timestamp - 1023) <= 2);
        AacPacketizer packetizer(mtu == std::string(" mtu=400") ? 400 : default_budget);
        check_same(depayload("rtpmp4gdepay",
                             "media=audio,clock-rate=48000,encoding-name=MPEG4-GENERIC,"
                             "mode=AAC-hbr,sizelength=(string)13,indexlength=(string)3,"
                             "indexdeltalength=(string)3,streamtype=(string)5,"
                             "profile-level-id=(string)2,config=(string)1190",
                             "audio/mpeg", packetizer, made->frames, 1024),
                   made->frames.buffers);
        // LATM is taken only.
        const auto latm = run(encoder, std::string("rtpmp4apay") + mtu);
        LatmDepacketizer elements;
        const char *config =
            gst_structure_get_string(gst_caps_get_structure(latm->packets.caps.get(), 0), "config");
        const Result result = elements.configure(samples::from_hex(config));
        fail_unless(result.is_ok(), "%s: %s", config, result.reason().c_str());
        const Unit config_data = codec_data(latm->frames.caps.get());
        fail_unless(
            std::equal(config_data.begin(), config_data.begin() + 2, elements.config().begin()));
        check_same(bytes_of(depacketize(elements, latm->packets.buffers)), latm->frames.buffers);
    }
}
GST_END_TEST

static Suite *rtp_foreign_suite() {
    Suite *s = suite_create("rtp_foreign");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_h264);
    tcase_add_test(tc, test_h265);
    tcase_add_test(tc, test_vp8_and_vp9);
    tcase_add_test(tc, test_opus_and_g711);
    tcase_add_test(tc, test_aac);
    return s;
}
GST_CHECK_MAIN(rtp_foreign)
