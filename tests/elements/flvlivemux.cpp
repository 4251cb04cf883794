// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/flv/normalizer.h"
#include "gst/bytes.h"

#include "check.hpp"
#include "flv_samples.hpp"

using namespace penstock;
using namespace samples;
using namespace std::chrono_literals;

namespace {

constexpr auto patience = 10s;

GstPtr<GstCaps> caps_with(const char *text, ByteView codec_data) {
    GstCaps *caps = gst_caps_from_string(text);
    auto data =
        GstPtr<GstBuffer>::adopt(gst_buffer_new_memdup(codec_data.data(), codec_data.size()));
    gst_caps_set_simple(caps, "codec_data", GST_TYPE_BUFFER, data.get(), nullptr);
    return GstPtr<GstCaps>::adopt(caps);
}
GstPtr<GstCaps> h264_caps(const std::vector<uint8_t> &set = sps) {
    return caps_with("video/x-h264,stream-format=avc,alignment=au,width=320,height=180,"
                     "framerate=25/1",
                     avc_config(set));
}
GstPtr<GstCaps> aac_caps() {
    return caps_with("audio/mpeg,mpegversion=4,stream-format=raw,rate=44100,channels=2",
                     from_hex("1210"));
}

/// One thing that came out, with the tag in it.
struct Out {
    GstPtr<GstBuffer> buffer;
    std::optional<flv::Tag> tag; ///< none: the file header
    bool is(GstBufferFlags flag) const { return GST_BUFFER_FLAG_IS_SET(buffer.get(), flag); }
};

/// flvlivemux with a source pad of ours on each of its pads, and a sink.
class Rig {
public:
    explicit Rig(bool with_video = true, bool with_audio = true) {
        element = gst_element_factory_make("flvlivemux", nullptr);
        fail_unless(element);
        gst_object_ref_sink(element);
        bus = gst_bus_new();
        gst_element_set_bus(element, bus);
        sink_ = gst_pad_new("sink", GST_PAD_SINK);
        gst_object_ref_sink(sink_);
        gst_pad_set_element_private(sink_, this);
        gst_pad_set_chain_function(sink_, [](GstPad *pad, GstObject *, GstBuffer *buffer) {
            return self(pad).take(buffer);
        });
        gst_pad_set_event_function(sink_, [](GstPad *pad, GstObject *, GstEvent *event) {
            Rig &rig = self(pad);
            std::lock_guard lock(rig.mutex_);
            rig.events_.push_back(GstPtr<GstEvent>::adopt(event));
            rig.changed_.notify_all();
            return gboolean(TRUE);
        });
        gst_pad_set_query_function(sink_, [](GstPad *pad, GstObject *parent, GstQuery *query) {
            if (GST_QUERY_TYPE(query) != GST_QUERY_ACCEPT_CAPS)
                return gst_pad_query_default(pad, parent, query);
            gst_query_set_accept_caps_result(query, TRUE);
            return gboolean(TRUE);
        });
        gst_pad_set_active(sink_, TRUE);
        auto src = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, "src"));
        gst_pad_link(src.get(), sink_);
        if (with_video) video = request("video");
        if (with_audio) audio = request("audio");
        gst_element_set_state(element, GST_STATE_PLAYING);
    }
    ~Rig() {
        gst_element_set_state(element, GST_STATE_NULL);
        release(video);
        release(audio);
        gst_pad_set_active(sink_, FALSE);
        gst_element_set_bus(element, nullptr);
        gst_object_unref(bus);
        ASSERT_OBJECT_REFCOUNT(element, "flvlivemux", 1);
        gst_object_unref(element);
        gst_object_unref(sink_);
    }

    GstPad *request(const char *name) {
        auto pad = GstPtr<GstPad>::adopt(gst_element_request_pad_simple(element, name));
        fail_unless(pad.get() && std::string(GST_PAD_NAME(pad.get())) == name);
        GstPad *src = gst_pad_new(name, GST_PAD_SRC);
        gst_object_ref_sink(src);
        fail_unless_equals_int(gst_pad_link(src, pad.get()), GST_PAD_LINK_OK);
        gst_pad_set_active(src, TRUE);
        return src;
    }
    void release(GstPad *&src) {
        if (!src) return;
        if (auto pad = GstPtr<GstPad>::adopt(gst_pad_get_peer(src)))
            gst_element_release_request_pad(element, pad.get());
        gst_pad_set_active(src, FALSE);
        gst_object_unref(src);
        src = nullptr;
    }

    void begin(GstPad *pad, const GstPtr<GstCaps> &caps, GstClockTime start = 0) {
        gst_pad_push_event(pad, gst_event_new_stream_start(GST_PAD_NAME(pad)));
        gst_pad_push_event(pad, gst_event_new_caps(caps.get()));
        begin_segment(pad, start);
    }
    void begin_segment(GstPad *pad, GstClockTime start = 0) {
        GstSegment segment;
        gst_segment_init(&segment, GST_FORMAT_TIME);
        segment.start = segment.time = segment.position = start;
        gst_pad_push_event(pad, gst_event_new_segment(&segment));
    }
    void begin_both() {
        begin(video, h264_caps());
        begin(audio, aac_caps());
    }
    GstFlowReturn push_video(GstClockTime dts, bool key, GstClockTime pts = GST_CLOCK_TIME_NONE) {
        const auto bytes = from_hex(key ? "0000000265aa" : "0000000241bb");
        GstBuffer *buffer = gst_buffer_new_memdup(bytes.data(), bytes.size());
        GST_BUFFER_DTS(buffer) = dts;
        GST_BUFFER_PTS(buffer) = GST_CLOCK_TIME_IS_VALID(pts) ? pts : dts;
        GST_BUFFER_DURATION(buffer) = 40 * GST_MSECOND;
        if (!key) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        return gst_pad_push(video, buffer);
    }
    GstFlowReturn push_audio(GstClockTime pts) {
        GstBuffer *buffer = gst_buffer_new_memdup("\x21\x10", 2);
        GST_BUFFER_PTS(buffer) = pts;
        GST_BUFFER_DURATION(buffer) = 23 * GST_MSECOND;
        return gst_pad_push(audio, buffer);
    }
    void end(GstPad *pad) { gst_pad_push_event(pad, gst_event_new_eos()); }

    bool wait(const std::function<bool()> &condition) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, condition);
    }
    void wait_for(size_t count) {
        fail_unless(wait([&] { return outs_.size() >= count; }), "only %zu of %zu buffers",
                    outs_.size(), count);
    }
    void wait_eos() {
        fail_unless(wait([&] { return count_locked(GST_EVENT_EOS) > 0; }), "no EOS");
    }
    /// What has come out so far, without the HEADER buffers.
    std::vector<Out> frames() {
        std::lock_guard lock(mutex_);
        std::vector<Out> result;
        for (const Out &out : outs_)
            if (!out.is(GST_BUFFER_FLAG_HEADER)) result.push_back(out);
        return result;
    }
    void wait_frames(size_t count) {
        fail_unless(wait([&] {
                        return size_t(std::count_if(outs_.begin(), outs_.end(), [](const Out &o) {
                                   return !o.is(GST_BUFFER_FLAG_HEADER);
                               })) >= count;
                    }),
                    "fewer than %zu frames", count);
    }
    std::vector<Out> outs() {
        std::lock_guard lock(mutex_);
        return outs_;
    }
    void forget() {
        std::lock_guard lock(mutex_);
        outs_.clear();
        events_.clear();
    }
    unsigned count(GstEventType type) {
        std::lock_guard lock(mutex_);
        return count_locked(type);
    }
    GstPtr<GstCaps> caps() { return GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(sink_)); }
    guint stream_headers() {
        const GValue *value =
            gst_structure_get_value(gst_caps_get_structure(caps().get(), 0), "streamheader");
        fail_unless(value && GST_VALUE_HOLDS_ARRAY(value));
        return gst_value_array_get_size(value);
    }
    guint64 stat(const char *name) {
        GstStructure *stats = nullptr;
        g_object_get(element, "stats", &stats, nullptr);
        guint64 value = 0;
        fail_unless(gst_structure_get_uint64(stats, name, &value), "no %s", name);
        gst_structure_free(stats);
        return value;
    }
    std::atomic<GstFlowReturn> flow = GST_FLOW_OK;

    GstElement *element;
    GstBus *bus;
    GstPad *video = nullptr, *audio = nullptr;

private:
    static Rig &self(GstPad *pad) { return *static_cast<Rig *>(gst_pad_get_element_private(pad)); }
    unsigned count_locked(GstEventType type) const {
        return unsigned(std::count_if(events_.begin(), events_.end(), [&](const auto &e) {
            return GST_EVENT_TYPE(e.get()) == type;
        }));
    }
    GstFlowReturn take(GstBuffer *buffer) {
        Out out{GstPtr<GstBuffer>::adopt(buffer), std::nullopt};
        flv::Normalizer normalizer;
        std::vector<flv::Tag> tags;
        // Each buffer is one whole tag, or the file header.
        const bool ok = normalizer.push(bytes_of(buffer), tags).is_ok() && tags.size() <= 1;
        if (ok && !tags.empty() && tags[0].bytes.size() == gst_buffer_get_size(buffer))
            out.tag = tags[0];
        std::lock_guard lock(mutex_);
        outs_.push_back(std::move(out));
        changed_.notify_all();
        return flow;
    }

    GstPad *sink_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Out> outs_;
    std::vector<GstPtr<GstEvent>> events_;
};

} // namespace

GST_START_TEST(test_contract) {
    Rig rig;
    rig.begin_both();
    fail_unless_equals_int(rig.push_video(0, true, 40 * GST_MSECOND), GST_FLOW_OK);
    rig.push_audio(0);
    rig.push_video(33333333, false, 33333333);
    rig.push_audio(23219954);
    rig.push_audio(46439909);
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    const auto outs = rig.outs();
    fail_unless_equals_int(outs.size(), 4 + 5);
    fail_unless_equals_int(rig.stream_headers(), 4);

    // File header, onMetaData, the two configurations, in this order and flagged.
    fail_if(outs[0].tag);
    fail_unless(outs[1].tag->kind == flv::TagKind::metadata);
    fail_unless(outs[2].tag->kind == flv::TagKind::config &&
                outs[2].tag->type == flv::TagType::video);
    fail_unless(outs[3].tag->kind == flv::TagKind::config &&
                outs[3].tag->type == flv::TagType::audio);
    for (size_t i = 0; i < outs.size(); ++i)
        fail_unless(outs[i].is(GST_BUFFER_FLAG_HEADER) == (i < 4));
    const Bytes wanted = video_config().bytes, got = outs[2].tag->bytes;
    fail_unless(std::equal(wanted.begin(), wanted.end(), got.begin(), got.end()));

    // Then a keyframe; it alone lacks DELTA_UNIT.
    fail_unless(outs[4].tag->kind == flv::TagKind::keyframe);
    for (size_t i = 4; i < outs.size(); ++i)
        fail_unless(outs[i].is(GST_BUFFER_FLAG_DELTA_UNIT) == (i != 4));
    const auto golden = from_hex("09 00000b 000000 00 000000 1701000028 0000000265aa 00000016");
    const Bytes key = outs[4].tag->bytes;
    fail_unless(std::equal(golden.begin(), golden.end(), key.begin(), key.end()));

    // Times to the nanosecond on buffers, to the millisecond in tags, never going back.
    const GstClockTime dts[] = {0, 0, 23219954, 33333333, 46439909};
    const uint32_t ms[] = {0, 0, 23, 33, 46};
    for (size_t i = 0; i < 5; ++i) {
        fail_unless_equals_uint64(GST_BUFFER_DTS(outs[4 + i].buffer.get()), dts[i]);
        fail_unless_equals_int(outs[4 + i].tag->timestamp, ms[i]);
    }
    fail_unless_equals_uint64(GST_BUFFER_PTS(outs[4].buffer.get()), 40 * GST_MSECOND);
    fail_unless_equals_int(rig.count(GST_EVENT_SEGMENT), 1);
}
GST_END_TEST

GST_START_TEST(test_one_medium) {
    Rig sound(false, true);
    sound.begin(sound.audio, aac_caps());
    sound.push_audio(0);
    sound.push_audio(23 * GST_MSECOND);
    sound.end(sound.audio);
    sound.wait_eos();
    fail_unless_equals_int(sound.stream_headers(), 3);
    for (const Out &out : sound.frames())
        fail_if(out.is(GST_BUFFER_FLAG_DELTA_UNIT));

    Rig picture(true, false);
    picture.begin(picture.video, h264_caps());
    // What no keyframe came before is of no use.
    picture.push_video(0, false);
    picture.push_video(40 * GST_MSECOND, true);
    picture.end(picture.video);
    picture.wait_eos();
    fail_unless_equals_int(picture.frames().size(), 1);
    fail_unless_equals_uint64(picture.stat("drops"), 1);
}
GST_END_TEST

// A pad that never gets caps holds up the others for a second of media, and not at all when it
// comes to the end.
GST_START_TEST(test_silent_pad) {
    Rig rig;
    rig.begin(rig.video, h264_caps());
    for (unsigned i = 0; i < 24; ++i)
        rig.push_video(i * 40 * GST_MSECOND, i == 0);
    fail_unless_equals_int(rig.frames().size(), 0);
    for (unsigned i = 24; i < 50; ++i)
        fail_unless_equals_int(rig.push_video(i * 40 * GST_MSECOND, false), GST_FLOW_OK);
    rig.wait_frames(50);
    fail_unless_equals_int(rig.stream_headers(), 3);

    // It comes after all: its configuration follows in the stream.
    rig.forget();
    rig.begin(rig.audio, aac_caps());
    rig.push_audio(2000 * GST_MSECOND);
    rig.push_video(2000 * GST_MSECOND, true);
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    fail_unless_equals_int(rig.stream_headers(), 4);
    const auto outs = rig.outs();
    const auto config = std::find_if(outs.begin(), outs.end(), [](const Out &o) {
        return o.tag && o.tag->kind == flv::TagKind::config && o.tag->type == flv::TagType::audio;
    });
    const auto frame = std::find_if(outs.begin(), outs.end(), [](const Out &o) {
        return o.tag && o.tag->kind == flv::TagKind::audio;
    });
    fail_unless(config < frame && frame != outs.end());
    fail_unless(config->is(GST_BUFFER_FLAG_HEADER));
}
GST_END_TEST

GST_START_TEST(test_silent_pad_at_eos) {
    Rig rig;
    rig.begin(rig.video, h264_caps());
    for (unsigned i = 0; i < 30; ++i)
        rig.push_video(i * 40 * GST_MSECOND, i == 0);
    rig.end(rig.video);
    rig.wait_eos();
    fail_unless_equals_int(rig.frames().size(), 30);

    // Both silent ends: nothing to say, but an end.
    Rig empty;
    rig.forget();
    for (GstPad *pad : {empty.video, empty.audio}) {
        gst_pad_push_event(pad, gst_event_new_stream_start("x"));
        empty.end(pad);
    }
    empty.wait_eos();

    // Shorter than the wait: it ends when the other one does.
    Rig brief;
    brief.begin(brief.video, h264_caps());
    brief.push_video(0, true);
    brief.end(brief.video);
    gst_pad_push_event(brief.audio, gst_event_new_stream_start("x"));
    brief.end(brief.audio);
    brief.wait_eos();
    fail_unless_equals_int(brief.frames().size(), 1);
}
GST_END_TEST

GST_START_TEST(test_unlinked_pad) {
    Rig rig;
    gst_pad_unlink(rig.audio, GstPtr<GstPad>::adopt(gst_pad_get_peer(rig.audio)).get());
    rig.begin(rig.video, h264_caps());
    rig.push_video(0, true);
    rig.wait_frames(1);
}
GST_END_TEST

// A GAP says that nothing comes before its end: nobody waits for the pad up to there.
GST_START_TEST(test_gap) {
    Rig rig;
    rig.begin_both();
    rig.push_audio(0);
    rig.push_video(0, true);
    gst_pad_push_event(rig.audio, gst_event_new_gap(23 * GST_MSECOND, 100 * GST_MSECOND));
    for (unsigned i = 1; i < 6; ++i)
        rig.push_video(i * 40 * GST_MSECOND, false);
    // 40, 80 and 120 ms; 160 ms may still be overtaken.
    rig.wait_frames(5);
    gst_pad_push_event(rig.audio, gst_event_new_gap(123 * GST_MSECOND, GST_CLOCK_TIME_NONE));
    rig.push_audio(130 * GST_MSECOND);
    rig.end(rig.audio);
    rig.end(rig.video);
    rig.wait_eos();
    std::vector<uint32_t> times;
    for (const Out &out : rig.frames())
        times.push_back(out.tag->timestamp);
    const std::vector<uint32_t> expected{0, 0, 40, 80, 120, 130, 160, 200};
    fail_unless(times == expected);
}
GST_END_TEST

GST_START_TEST(test_one_thread) {
    // Both pads from one thread, as a demuxer without queues has it, in lumps of half a second.
    Rig rig;
    rig.begin_both();
    unsigned video = 0, audio = 0;
    for (unsigned lump = 1; lump <= 20; ++lump) {
        for (; video * 40 < lump * 500; ++video)
            fail_unless_equals_int(rig.push_video(video * 40 * GST_MSECOND, video % 25 == 0),
                                   GST_FLOW_OK);
        for (; audio * 23 < lump * 500; ++audio)
            fail_unless_equals_int(rig.push_audio(audio * 23 * GST_MSECOND), GST_FLOW_OK);
    }
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    const auto frames = rig.frames();
    fail_unless_equals_int(frames.size(), video + audio);
    uint32_t last = 0;
    for (const Out &out : frames) {
        fail_unless(out.tag->timestamp >= last, "%u after %u", out.tag->timestamp, last);
        last = out.tag->timestamp;
    }
}
GST_END_TEST

GST_START_TEST(test_negative_dts) {
    // x264enc's way: the segment begins after the first DTS.
    Rig rig;
    const GstClockTime base = 1000 * GST_SECOND;
    rig.begin(rig.video, h264_caps(), base);
    rig.begin(rig.audio, aac_caps());
    rig.push_video(base - 80 * GST_MSECOND, true, base);
    rig.push_video(base - 40 * GST_MSECOND, false, base + 120 * GST_MSECOND);
    rig.push_video(base, false, base + 40 * GST_MSECOND);
    rig.push_audio(0);
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    const auto frames = rig.frames();
    fail_unless_equals_int(frames.size(), 4);
    const uint32_t ms[] = {0, 40, 80, 80};
    for (size_t i = 0; i < 4; ++i)
        fail_unless_equals_int(frames[i].tag->timestamp, ms[i]);
    const auto header = flv::parse_body(flv::TagType::video, frames[0].tag->body());
    fail_unless_equals_int(header->composition_time, 80);
    // Sound moves with the picture.
    fail_unless_equals_uint64(GST_BUFFER_PTS(frames[3].buffer.get()), 80 * GST_MSECOND);
}
GST_END_TEST

GST_START_TEST(test_wrap) {
    // 50 days of running time.
    Rig rig(true, false);
    rig.begin(rig.video, h264_caps());
    const GstClockTime wrap = (guint64(1) << 32) * GST_MSECOND;
    rig.push_video(wrap - 40 * GST_MSECOND, true);
    rig.push_video(wrap, false);
    rig.push_video(wrap + 40 * GST_MSECOND, false);
    rig.end(rig.video);
    rig.wait_eos();
    const auto frames = rig.frames();
    fail_unless_equals_int(frames[0].tag->timestamp, 0xFFFFFFFFu - 39);
    fail_unless_equals_int(frames[1].tag->timestamp, 0);
    fail_unless_equals_int(frames[2].tag->timestamp, 40);
}
GST_END_TEST

GST_START_TEST(test_times_never_go_back) {
    Rig rig(true, false);
    rig.begin(rig.video, h264_caps());
    rig.push_video(1000 * GST_MSECOND, true);
    rig.push_video(500 * GST_MSECOND, false);
    rig.push_video(GST_CLOCK_TIME_NONE, false);
    rig.push_video(1040 * GST_MSECOND, false);
    rig.end(rig.video);
    rig.wait_eos();
    const auto frames = rig.frames();
    const uint32_t ms[] = {1000, 1000, 1000, 1040};
    fail_unless_equals_int(frames.size(), 4);
    for (size_t i = 0; i < 4; ++i)
        fail_unless_equals_int(frames[i].tag->timestamp, ms[i]);
}
GST_END_TEST

GST_START_TEST(test_renegotiation) {
    Rig rig(true, false);
    rig.begin(rig.video, h264_caps());
    rig.push_video(0, true);
    rig.wait_frames(1);
    rig.forget();
    // The same codec_data: nothing changes.
    gst_pad_push_event(rig.video, gst_event_new_caps(h264_caps().get()));
    rig.push_video(40 * GST_MSECOND, false);
    rig.wait_frames(1);
    fail_unless_equals_int(rig.count(GST_EVENT_CAPS), 0);
    const auto other = from_hex("6764001facb200a00b74200000030020000007 81e30649");
    gst_pad_push_event(rig.video, gst_event_new_caps(h264_caps(other).get()));
    rig.push_video(80 * GST_MSECOND, true);
    rig.wait_frames(2);
    fail_unless_equals_int(rig.count(GST_EVENT_CAPS), 1);
    const auto outs = rig.outs();
    const auto config = std::find_if(outs.begin(), outs.end(), [](const Out &o) {
        return o.tag && o.tag->kind == flv::TagKind::config;
    });
    fail_unless(config != outs.end() && config->is(GST_BUFFER_FLAG_HEADER));
    const Bytes wanted = video_config(80, other).bytes, got = config->tag->bytes;
    fail_unless(std::equal(wanted.begin(), wanted.end(), got.begin(), got.end()));
}
GST_END_TEST

GST_START_TEST(test_bad_caps) {
    Rig rig(true, false);
    auto caps =
        GstPtr<GstCaps>::adopt(gst_caps_from_string("video/x-h264,stream-format=avc,alignment=au"));
    rig.begin(rig.video, caps);
    rig.push_video(0, true);
    auto warning = GstPtr<GstMessage>::adopt(
        gst_bus_timed_pop_filtered(rig.bus, 10 * GST_SECOND, GST_MESSAGE_WARNING));
    fail_unless(bool(warning), "no warning");
    rig.end(rig.video);
    rig.wait_eos();
    fail_unless_equals_int(rig.outs().size(), 0);
}
GST_END_TEST

GST_START_TEST(test_flush) {
    Rig rig;
    rig.begin_both();
    rig.push_video(5 * GST_SECOND, true);
    rig.push_audio(5 * GST_SECOND);
    rig.wait_frames(1);
    GstEvent *start = gst_event_new_flush_start(), *stop = gst_event_new_flush_stop(TRUE);
    for (GstPad *pad : {rig.video, rig.audio})
        gst_pad_push_event(pad, gst_event_ref(start));
    fail_unless_equals_int(rig.push_video(6 * GST_SECOND, true), GST_FLOW_FLUSHING);
    for (GstPad *pad : {rig.video, rig.audio})
        gst_pad_push_event(pad, gst_event_ref(stop));
    gst_event_unref(start);
    gst_event_unref(stop);
    rig.forget();
    for (GstPad *pad : {rig.video, rig.audio})
        rig.begin_segment(pad);
    fail_unless_equals_int(rig.push_video(0, true), GST_FLOW_OK);
    fail_unless_equals_int(rig.push_audio(0), GST_FLOW_OK);
    rig.end(rig.video);
    rig.end(rig.audio);
    rig.wait_eos();
    // It begins anew: headers, and time from zero.
    fail_unless_equals_int(rig.outs().size(), 4 + 2);
    fail_unless_equals_int(rig.frames()[0].tag->timestamp, 0);
}
GST_END_TEST

// Whoever waits for room comes free when the pad goes or the element stops.
GST_START_TEST(test_release_while_waiting) {
    for (bool release : {true, false}) {
        Rig rig;
        rig.begin_both();
        std::atomic<GstFlowReturn> last = GST_FLOW_OK;
        std::thread thread([&] {
            for (unsigned i = 0; i < 100 && last == GST_FLOW_OK; ++i)
                last = rig.push_video(i * 40 * GST_MSECOND, i == 0);
        });
        if (release) {
            // Without the audio pad nobody needs to wait any more.
            rig.release(rig.audio);
            thread.join();
            fail_unless_equals_int(last, GST_FLOW_OK);
            rig.wait_frames(99);
        } else {
            gst_element_set_state(rig.element, GST_STATE_READY);
            thread.join();
            fail_unless_equals_int(last, GST_FLOW_FLUSHING);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_flow) {
    Rig rig(true, false);
    rig.flow = GST_FLOW_ERROR;
    rig.begin(rig.video, h264_caps());
    rig.push_video(0, true);
    GstFlowReturn flow = GST_FLOW_OK;
    for (unsigned i = 1; i < 1000 && flow == GST_FLOW_OK; ++i) {
        flow = rig.push_video(i * 40 * GST_MSECOND, false);
        rig.wait([&] { return true; });
    }
    fail_unless_equals_int(flow, GST_FLOW_ERROR);
}
GST_END_TEST

GST_START_TEST(test_pads_and_states) {
    Rig rig;
    GstElementClass *klass = GST_ELEMENT_GET_CLASS(rig.element);
    fail_if(klass->request_new_pad(rig.element, gst_element_class_get_pad_template(klass, "video"),
                                   nullptr, nullptr),
            "a second video pad");
    for (int round = 0; round < 3; ++round) {
        rig.begin_both();
        rig.push_video(0, true);
        rig.push_audio(0);
        rig.wait_frames(1);
        gst_element_set_state(rig.element, GST_STATE_READY);
        rig.forget();
        gst_element_set_state(rig.element, GST_STATE_PLAYING);
        for (GstPad *pad : {rig.video, rig.audio}) {
            gst_pad_set_active(pad, FALSE);
            gst_pad_set_active(pad, TRUE);
        }
    }
    rig.release(rig.audio);
    rig.audio = rig.request("audio");
}
GST_END_TEST

static Suite *flvlivemux_suite() {
    Suite *s = suite_create("flvlivemux");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_contract);
    tcase_add_test(tc, test_one_medium);
    tcase_add_test(tc, test_silent_pad);
    tcase_add_test(tc, test_silent_pad_at_eos);
    tcase_add_test(tc, test_unlinked_pad);
    tcase_add_test(tc, test_gap);
    tcase_add_test(tc, test_one_thread);
    tcase_add_test(tc, test_negative_dts);
    tcase_add_test(tc, test_wrap);
    tcase_add_test(tc, test_times_never_go_back);
    tcase_add_test(tc, test_renegotiation);
    tcase_add_test(tc, test_bad_caps);
    tcase_add_test(tc, test_flush);
    tcase_add_test(tc, test_release_while_waiting);
    tcase_add_test(tc, test_flow);
    tcase_add_test(tc, test_pads_and_states);
    return s;
}
GST_CHECK_MAIN(flvlivemux)
