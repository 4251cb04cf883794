// SPDX-License-Identifier: LGPL-2.1-or-later
#include "expect/receiver.h"

#include "description/elements.h"
#include "description/playable.h"
#include "protocols/pull_state.h"
#include "protocols/table.h"
#include "supervisor/teardown.h"

#include <string_view>

namespace penstock::expect {
namespace {

constexpr guint retry_after = 200; // ms
/// A quarter of an hour of audio and video frames, longer than any test.
constexpr size_t most_frames = 100'000;

struct Codec {
    const char *caps, *name, *parser;
    bool is_video;
    int version = 0; ///< for audio/mpeg
};
constexpr Codec codecs[] = {
    {"video/x-h264", "h264", "h264parse", true},  {"video/x-h265", "h265", "h265parse", true},
    {"video/x-av1", "av1", "av1parse", true},     {"video/x-vp8", "vp8", nullptr, true},
    {"video/x-vp9", "vp9", "vp9parse", true},     {"audio/mpeg", "mp3", "mpegaudioparse", false, 1},
    {"audio/mpeg", "aac", "aacparse", false, 0},  {"audio/x-opus", "opus", nullptr, false},
    {"audio/x-ac3", "ac3", "ac3parse", false},    {"audio/x-flac", "flac", "flacparse", false},
    {"audio/x-vorbis", "vorbis", nullptr, false},
};

const Codec *codec_of(GstCaps *caps) {
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    int version = 0;
    gst_structure_get_int(structure, "mpegversion", &version);
    for (const Codec &codec : codecs)
        if (gst_structure_has_name(structure, codec.caps) &&
            (codec.version == 0 || codec.version == version))
            return &codec;
    return nullptr;
}

GstPtr<GstCaps> caps_of(GstPad *pad) {
    auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    return caps ? std::move(caps) : GstPtr<GstCaps>::adopt(gst_pad_query_caps(pad, nullptr));
}

GstPtr<GstElement> find(GstElement *bin, const char *name) {
    return GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin), name));
}

} // namespace

/// A stream of the output; owned by its pad probe.
struct Receiver::Track {
    SharedState state;
    bool is_video = false;
    std::string codec;
    GstSegment segment;

    Stream &stream() { return is_video ? state->received.video : state->received.audio; }
    int64_t running(GstClockTime time) const {
        guint64 out = 0;
        const int sign = gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, time, &out);
        return sign < 0 ? -static_cast<int64_t>(out) : static_cast<int64_t>(out);
    }
};

Receiver::Receiver(Output output, const FrameTrace &trace)
    : output_(std::move(output)), state_(std::make_shared<State>(trace.finder())) {
}

Receiver::~Receiver() {
    stop();
}

bool Receiver::start(std::string *error) {
    if (!make_pipeline(error)) return false;
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    return true;
}

void Receiver::stop() {
    if (retry_) g_source_remove(std::exchange(retry_, 0));
    if (watch_) g_source_remove(std::exchange(watch_, 0));
    if (pipeline_) supervisor::take_down(std::move(pipeline_));
}

Received Receiver::received() const {
    std::lock_guard lock(state_->lock);
    return state_->received;
}

bool Receiver::make_pipeline(std::string *error) {
    GError *failed = nullptr;
    GstParseContext *context = gst_parse_context_new();
    pipeline_ = GstPtr<GstElement>::adopt(gst_parse_launch_full(
        output_.receive.c_str(), context, GST_PARSE_FLAG_FATAL_ERRORS, &failed));
    gchar **missing = gst_parse_context_get_missing_elements(context);
    gst_parse_context_free(context);
    if (pipeline_) gst_object_ref_sink(pipeline_.get());
    const bool is_made = pipeline_ && !failed;
    if (!is_made && error)
        *error = "can't receive " + output_.label + ": " +
                 (failed ? failed->message : "GStreamer gives no reason") +
                 (missing && missing[0] ? ": " + description::mend_missing(missing[0]) : "");
    g_strfreev(missing);
    g_clear_error(&failed);
    const auto source = is_made ? find(pipeline_.get(), "src") : GstPtr<GstElement>();
    if (!is_made || !protocols::set_url(*output_.protocol, source.get(), output_.address, error)) {
        pipeline_.reset();
        return false;
    }
    // The description's certificate may be self-signed.
    for (const char *property : {"ssl-strict", "tls-verify"})
        if (g_object_class_find_property(G_OBJECT_GET_CLASS(source.get()), property))
            g_object_set(source.get(), property, FALSE, nullptr);
    const auto demuxer = find(pipeline_.get(), "demux");
    g_signal_connect_data(
        demuxer.get(), "pad-added", G_CALLBACK(on_pad), new SharedState(state_),
        [](gpointer data, GClosure *) { delete static_cast<SharedState *>(data); },
        GConnectFlags(0));
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
    watch_ = gst_bus_add_watch(bus.get(), on_message, this);
    return true;
}

/// Called on a streaming thread, like all that follows except on_message().
void Receiver::on_pad(GstElement *demuxer, GstPad *pad, gpointer data) {
    const auto pipeline = GstPtr<GstObject>::adopt(gst_object_get_parent(GST_OBJECT(demuxer)));
    if (!pipeline) return;
    const auto caps = caps_of(pad);
    if (!caps || gst_caps_is_any(caps.get()) || gst_caps_is_empty(caps.get())) return;
    const Codec *codec = codec_of(caps.get());
    const std::string_view name = gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
    GstElement *sink = gst_element_factory_make("fakesink", nullptr);
    g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
    GstElement *parser = codec && codec->parser ? gst_element_factory_make(codec->parser, nullptr)
                                                : gst_element_factory_make("identity", nullptr);
    if (!parser) parser = gst_element_factory_make("identity", nullptr);
    gst_bin_add_many(GST_BIN(pipeline.get()), parser, sink, nullptr);
    gst_element_link(parser, sink);
    auto *track = new Track{*static_cast<SharedState *>(data),
                            codec ? codec->is_video : name.starts_with("video/"),
                            codec ? codec->name : std::string(name),
                            {}};
    gst_segment_init(&track->segment, GST_FORMAT_TIME);
    const auto out = GstPtr<GstPad>::adopt(gst_element_get_static_pad(parser, "src"));
    gst_pad_add_probe(out.get(),
                      static_cast<GstPadProbeType>(GST_PAD_PROBE_TYPE_BUFFER |
                                                   GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
                      on_data, track, [](gpointer gone) { delete static_cast<Track *>(gone); });
    gst_element_sync_state_with_parent(sink);
    gst_element_sync_state_with_parent(parser);
    const auto in = GstPtr<GstPad>::adopt(gst_element_get_static_pad(parser, "sink"));
    gst_pad_link(pad, in.get());
}

GstPadProbeReturn Receiver::on_data(GstPad *, GstPadProbeInfo *info, gpointer data) {
    auto *track = static_cast<Track *>(data);
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)
        note_event(GST_PAD_PROBE_INFO_EVENT(info), *track);
    else
        note_buffer(GST_PAD_PROBE_INFO_BUFFER(info), *track);
    return GST_PAD_PROBE_OK;
}

void Receiver::note_event(GstEvent *event, Track &track) {
    if (GST_EVENT_TYPE(event) == GST_EVENT_SEGMENT) gst_event_copy_segment(event, &track.segment);
    if (GST_EVENT_TYPE(event) != GST_EVENT_CAPS) return;
    GstCaps *caps = nullptr;
    gst_event_parse_caps(event, &caps);
    const GstStructure *structure = gst_caps_get_structure(caps, 0);
    std::lock_guard lock(track.state->lock);
    Stream &stream = track.stream();
    stream.codec = track.codec;
    stream.profile = description::profile_words(structure);
    stream.is_hardly_playable = description::is_hardly_playable(structure);
    gst_structure_get_int(structure, "width", &stream.width);
    gst_structure_get_int(structure, "height", &stream.height);
    gst_structure_get_int(structure, "rate", &stream.rate);
    gst_structure_get_int(structure, "channels", &stream.channels);
}

void Receiver::note_buffer(GstBuffer *buffer, Track &track) {
    if (!GST_BUFFER_PTS_IS_VALID(buffer)) return;
    const int64_t now = g_get_monotonic_time() * 1000;
    Frame frame;
    frame.pts = track.running(GST_BUFFER_PTS(buffer));
    frame.dts = GST_BUFFER_DTS_IS_VALID(buffer) ? track.running(GST_BUFFER_DTS(buffer)) : frame.pts;
    frame.arrival = now;
    if (track.is_video) {
        frame.is_keyframe = !GST_BUFFER_FLAG_IS_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
        if (const int64_t made = track.state->find(buffer); made >= 0) frame.latency = now - made;
    }
    {
        std::lock_guard lock(track.state->lock);
        auto &frames = track.stream().frames;
        if (frames.size() < most_frames) frames.push_back(frame);
    }
    int64_t none = 0;
    track.state->first_arrival.compare_exchange_strong(none, now);
    track.state->has_frames = true;
}

gboolean Receiver::on_message(GstBus *, GstMessage *message, gpointer data) {
    auto *self = static_cast<Receiver *>(data);
    const auto lost = protocols::lost_connection(message);
    if (lost && !self->has_frames()) self->failure_ = *lost; // the source tries again
    if (lost && self->has_frames()) self->end(*lost);
    const bool is_error = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
    if (!is_error && GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS) return G_SOURCE_CONTINUE;
    std::string words;
    if (is_error) {
        GError *error = nullptr;
        gst_message_parse_error(message, &error, nullptr);
        words = error->message;
        g_error_free(error);
    }
    if (!self->has_frames()) {
        self->failure_ = words;
        self->try_again();
        return G_SOURCE_CONTINUE;
    }
    // An output that ends normally, such as a file, has not failed.
    self->end(words);
    return G_SOURCE_CONTINUE;
}

void Receiver::end(const std::string &failure) {
    if (!is_over_) failure_ = failure;
    is_over_ = true;
}

void Receiver::try_again() {
    if (retry_) return;
    retry_ = g_timeout_add(
        retry_after,
        [](gpointer data) -> gboolean {
            auto *self = static_cast<Receiver *>(data);
            self->retry_ = 0;
            const std::string failure = self->failure_;
            self->stop();
            self->start(nullptr);
            self->failure_ = failure;
            return G_SOURCE_REMOVE;
        },
        this);
}

} // namespace penstock::expect
