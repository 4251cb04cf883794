// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/client.h"

#include "delay/tally.h"
#include "description/elements.h"
#include "protocols/pull_state.h"
#include "supervisor/teardown.h"

#include <algorithm>
#include <string_view>

namespace penstock::delay {
namespace {

constexpr guint retry_after = 200; // ms
/// For encoded frames that wait until they are due; bytes.
constexpr guint player_buffer = 256 * 1024 * 1024;

struct Codec {
    const char *caps, *name, *parser;
    bool has_hops;
};
constexpr Codec codecs[] = {
    {"video/x-h264", "h264", "h264parse", true}, {"video/x-h265", "h265", "h265parse", true},
    {"video/x-av1", "av1", "av1parse", true},    {"video/x-vp9", "vp9", "vp9parse", false},
    {"video/x-vp8", "vp8", nullptr, false},
};

GstPtr<GstCaps> caps_of(GstPad *pad) {
    auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    return caps ? std::move(caps) : GstPtr<GstCaps>::adopt(gst_pad_query_caps(pad, nullptr));
}

/// The decoder that GStreamer would choose.
GstElement *make_decoder(const GstCaps *caps) {
    GList *all = gst_element_factory_list_get_elements(
        GST_ELEMENT_FACTORY_TYPE_DECODER | GST_ELEMENT_FACTORY_TYPE_MEDIA_VIDEO, GST_RANK_MARGINAL);
    GList *fitting = gst_element_factory_list_filter(all, caps, GST_PAD_SINK, FALSE);
    fitting = g_list_sort(fitting, gst_plugin_feature_rank_compare_func);
    GstElement *decoder =
        fitting ? gst_element_factory_create(GST_ELEMENT_FACTORY(fitting->data), nullptr) : nullptr;
    gst_plugin_feature_list_free(fitting);
    gst_plugin_feature_list_free(all);
    // Frame threads would delay the output by one frame per thread.
    if (decoder && g_object_class_find_property(G_OBJECT_GET_CLASS(decoder), "thread-type"))
        gst_util_set_object_arg(G_OBJECT(decoder), "thread-type", "slice");
    return decoder;
}

GstPtr<GstElement> find(GstElement *bin, const char *name) {
    return GstPtr<GstElement>::adopt(gst_bin_get_by_name(GST_BIN(bin), name));
}

} // namespace

/// Context of a pad probe: the tally, and the stage to note.
struct Client::OnPlace {
    SharedTally tally;
    Tally::Place place;
};

Client::Client(const Protocol &protocol, Options options)
    : protocol_(protocol), options_(std::move(options)) {
}

Client::~Client() {
    stop();
}

bool Client::start(std::string *error) {
    tally_ = std::make_shared<Tally>(protocol_.is_paced, options_.warm_up, options_.clock_offset);
    if (!make_pipeline(error)) return false;
    gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING);
    return true;
}

void Client::stop() {
    if (retry_) g_source_remove(std::exchange(retry_, 0));
    if (watch_) g_source_remove(std::exchange(watch_, 0));
    if (pipeline_) supervisor::take_down(std::move(pipeline_));
}

int64_t Client::first_picture() const {
    return tally_->first_picture();
}

Measured Client::measured() const {
    return tally_->measured();
}

bool Client::make_pipeline(std::string *error) {
    GError *failed = nullptr;
    GstParseContext *context = gst_parse_context_new();
    auto pipeline = GstPtr<GstElement>::adopt(
        gst_parse_launch_full(protocol_.receive, context, GST_PARSE_FLAG_FATAL_ERRORS, &failed));
    gchar **missing = gst_parse_context_get_missing_elements(context);
    gst_parse_context_free(context);
    const bool is_made = pipeline && !failed;
    if (!is_made) {
        *error = std::string("can't receive ") + protocol_.name + ": " +
                 (failed ? failed->message : "no reason given");
        if (missing && missing[0]) *error += ": " + description::mend_missing(missing[0]);
    }
    g_strfreev(missing);
    g_clear_error(&failed);
    if (!is_made) return false;
    gst_object_ref_sink(pipeline.get());
    const auto source = find(pipeline.get(), "src"), demuxer = find(pipeline.get(), "demux");
    if (!protocols::set_url(protocols::owner_of(protocol_), source.get(), options_.url, error))
        return false;
    if (!options_.tls_ca.empty() &&
        g_object_class_find_property(G_OBJECT_GET_CLASS(source.get()), "tls-ca"))
        g_object_set(source.get(), "tls-ca", options_.tls_ca.c_str(), nullptr);
    const auto forget = [](gpointer data, GClosure *) { delete static_cast<SharedTally *>(data); };
    g_signal_connect_data(demuxer.get(), "pad-added", G_CALLBACK(on_pad), new SharedTally(tally_),
                          forget, GConnectFlags(0));
    if (protocol_.is_paced) {
        const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(source.get(), "src"));
        gst_pad_add_probe(pad.get(), GST_PAD_PROBE_TYPE_BUFFER, on_playlist,
                          new SharedTally(tally_),
                          [](gpointer data) { delete static_cast<SharedTally *>(data); });
    }
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline.get()));
    watch_ = gst_bus_add_watch(
        bus.get(),
        [](GstBus *, GstMessage *message, gpointer self) -> gboolean {
            static_cast<Client *>(self)->handle(message);
            return G_SOURCE_CONTINUE;
        },
        this);
    pipeline_ = std::move(pipeline);
    return true;
}

/// Runs on a streaming thread, like the probes.
void Client::on_pad(GstElement *demuxer, GstPad *pad, gpointer data) {
    const auto &tally = *static_cast<SharedTally *>(data);
    auto top = GstPtr<GstObject>::adopt(gst_object_get_parent(GST_OBJECT(demuxer)));
    if (!top) return;
    auto *pipeline = GST_ELEMENT(top.get());
    if (build_branch(pipeline, pad, tally)) return;
    GstElement *sink = gst_element_factory_make("fakesink", nullptr);
    g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
    gst_bin_add(GST_BIN(pipeline), sink);
    gst_element_sync_state_with_parent(sink);
    const auto in = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sink, "sink"));
    gst_pad_link(pad, in.get());
}

/// Returns false if the pad's stream is not decoded: it is audio or a second video stream.
bool Client::build_branch(GstElement *pipeline, GstPad *pad, const SharedTally &tally) {
    const auto caps = caps_of(pad);
    if (!caps || gst_caps_is_any(caps.get()) || gst_caps_is_empty(caps.get())) return false;
    const GstStructure *structure = gst_caps_get_structure(caps.get(), 0);
    const auto codec = std::find_if(std::begin(codecs), std::end(codecs), [&](const Codec &c) {
        return gst_structure_has_name(structure, c.caps);
    });
    if (codec == std::end(codecs)) return false;
    if (!tally->begin(codec->name)) return false;
    std::vector<GstElement *> chain;
    const auto add = [&](GstElement *element) {
        if (element) gst_bin_add(GST_BIN(pipeline), element);
        chain.push_back(element);
        return element;
    };
    const auto make = [&](const char *name) {
        return add(gst_element_factory_make(name, nullptr));
    };
    // A PES packet contains one frame; without this hint a parser would wait for the next one.
    if (codec->has_hops && !gst_structure_has_field(structure, "alignment") &&
        gst_structure_has_field_typed(structure, "stream-format", G_TYPE_STRING) &&
        std::string_view(gst_structure_get_string(structure, "stream-format")) == "byte-stream") {
        GstElement *setter = make("capssetter");
        const auto known = GstPtr<GstCaps>::adopt(
            gst_caps_new_simple(codec->caps, "alignment", G_TYPE_STRING, "au", nullptr));
        if (setter) g_object_set(setter, "caps", known.get(), nullptr);
    }
    if (codec->parser) make(codec->parser);
    GstElement *encoded = chain.empty() ? nullptr : chain.back();
    if (codec->has_hops) {
        if (GstElement *stamper = make("latencysei")) {
            gst_util_set_object_arg(G_OBJECT(stamper), "hop", "client");
            g_object_set(stamper, "only-stamped", TRUE, nullptr);
        }
        make("latencysei");
    }
    // Encoded frames wait here until they are due, as in a player, which downloads them as soon as
    // they are available.
    if (tally->is_paced()) {
        if (GstElement *queue = make("queue"))
            g_object_set(queue, "max-size-buffers", 0, "max-size-time", guint64(0),
                         "max-size-bytes", player_buffer, nullptr);
    }
    const auto kind = GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple(codec->caps));
    GstElement *decoder = add(make_decoder(kind.get()));
    GstElement *converter = make("videoconvert");
    GstElement *sync = tally->is_paced() ? make("clocksync") : nullptr;
    GstElement *reader = make("latencyread");
    if (reader) g_object_set(reader, "interval", guint64(0), nullptr);
    if (GstElement *sink = make("fakesink"))
        g_object_set(sink, "sync", FALSE, "async", FALSE, nullptr);
    if (std::find(chain.begin(), chain.end(), nullptr) != chain.end()) {
        GST_ELEMENT_ERROR(
            pipeline, CORE, MISSING_PLUGIN,
            ("%s can't be decoded here: `penstock doctor` says what is missing.", codec->name),
            (nullptr));
        return false;
    }
    for (GstElement *element : chain)
        if (g_object_class_find_property(G_OBJECT_GET_CLASS(element), "clock-offset"))
            g_object_set(element, "clock-offset", tally->clock_offset(), nullptr);
    for (size_t i = 0; i + 1 < chain.size(); ++i)
        gst_element_link(chain[i], chain[i + 1]);
    const auto forget = [](gpointer gone) { delete static_cast<SharedTally *>(gone); };
    const auto in = GstPtr<GstPad>::adopt(gst_element_get_static_pad(chain.front(), "sink"));
    const auto watched = encoded
                             ? GstPtr<GstPad>::adopt(gst_element_get_static_pad(encoded, "src"))
                             : GstPtr<GstPad>::adopt(gst_element_get_static_pad(decoder, "sink"));
    gst_pad_add_probe(
        watched.get(),
        GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
        on_encoded, new SharedTally(tally), forget);
    const std::pair<GstElement *, Tally::Place> places[] = {{decoder, Tally::Place::decoding},
                                                            {converter, Tally::Place::decoded},
                                                            {reader, Tally::Place::read}};
    for (const auto &[element, place] : places) {
        const auto at = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, "sink"));
        gst_pad_add_probe(at.get(), GST_PAD_PROBE_TYPE_BUFFER, on_place, new OnPlace{tally, place},
                          [](gpointer gone) { delete static_cast<OnPlace *>(gone); });
    }
    if (sync) {
        const auto due = GstPtr<GstPad>::adopt(gst_element_get_static_pad(sync, "sink"));
        gst_pad_add_probe(due.get(), GST_PAD_PROBE_TYPE_BUFFER, on_paced, sync, nullptr);
    }
    for (auto element = chain.rbegin(); element != chain.rend(); ++element)
        gst_element_sync_state_with_parent(*element);
    gst_pad_link(pad, in.get());
    return true;
}

GstPadProbeReturn Client::on_encoded(GstPad *, GstPadProbeInfo *info, gpointer data) {
    const auto &tally = *static_cast<SharedTally *>(data);
    if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_BUFFER) {
        tally->note_encoded(GST_PAD_PROBE_INFO_BUFFER(info));
    } else if (GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info)) == GST_EVENT_CAPS) {
        GstCaps *caps = nullptr;
        gst_event_parse_caps(GST_PAD_PROBE_INFO_EVENT(info), &caps);
        int width = 0, height = 0;
        const GstStructure *s = gst_caps_get_structure(caps, 0);
        if (gst_structure_get_int(s, "width", &width) &&
            gst_structure_get_int(s, "height", &height))
            tally->note_size(width, height);
    }
    return GST_PAD_PROBE_OK;
}

GstPadProbeReturn Client::on_place(GstPad *, GstPadProbeInfo *info, gpointer data) {
    const auto &at = *static_cast<OnPlace *>(data);
    at.tally->note_place(GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)), at.place);
    return GST_PAD_PROBE_OK;
}

/// Inspects the playlist on its way to hlsdemux.
GstPadProbeReturn Client::on_playlist(GstPad *, GstPadProbeInfo *info, gpointer data) {
    const auto &tally = *static_cast<SharedTally *>(data);
    GstMapInfo map;
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER(info);
    if (!gst_buffer_map(buffer, &map, GST_MAP_READ)) return GST_PAD_PROBE_OK;
    const std::string text(reinterpret_cast<const char *>(map.data), map.size);
    double longest = 0;
    constexpr std::string_view key = "#EXTINF:";
    for (size_t at = 0; (at = text.find(key, at)) != std::string::npos;) {
        at += key.size();
        longest = std::max(longest, g_ascii_strtod(text.c_str() + at, nullptr));
    }
    if (longest > 0 && longest < 3600) tally->note_segment(static_cast<int64_t>(longest * 1e9));
    gst_buffer_unmap(buffer, &map);
    return GST_PAD_PROBE_OK;
}

/// Shows the first frame at once, and all others at their distance from it.
GstPadProbeReturn Client::on_paced(GstPad *pad, GstPadProbeInfo *info, gpointer sync) {
    auto *event = gst_pad_get_sticky_event(pad, GST_EVENT_SEGMENT, 0);
    const auto clock = GstPtr<GstClock>::adopt(gst_element_get_clock(GST_ELEMENT(sync)));
    if (!event || !clock) {
        if (event) gst_event_unref(event);
        return GST_PAD_PROBE_OK;
    }
    const GstSegment *segment = nullptr;
    gst_event_parse_segment(event, &segment);
    const GstClockTime due = gst_segment_to_running_time(
        segment, GST_FORMAT_TIME, GST_BUFFER_PTS(GST_PAD_PROBE_INFO_BUFFER(info)));
    gst_event_unref(event);
    if (!GST_CLOCK_TIME_IS_VALID(due)) return GST_PAD_PROBE_OK;
    const GstClockTimeDiff now = GST_CLOCK_DIFF(gst_element_get_base_time(GST_ELEMENT(sync)),
                                                gst_clock_get_time(clock.get()));
    g_object_set(sync, "ts-offset", gint64(now - GstClockTimeDiff(due)), nullptr);
    return GST_PAD_PROBE_REMOVE;
}

void Client::handle(GstMessage *message) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT) {
        const GstStructure *s = gst_message_get_structure(message);
        if (gst_structure_has_name(s, "penstock-latency")) tally_->note_picture(s);
        if (gst_structure_has_name(s, "penstock-latency-hops")) tally_->note_hops(s);
        if (const auto lost = protocols::lost_connection(message)) {
            failure_ = {*lost, {}};
            // Before the first frame the source tries again.
            is_over_ = !options_.tries_again || first_picture() != 0;
        }
        return;
    }
    const bool is_error = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ERROR;
    if (!is_error && GST_MESSAGE_TYPE(message) != GST_MESSAGE_EOS) return;
    if (is_error && failure_.message.empty()) {
        GError *error = nullptr;
        char *debug = nullptr;
        gst_message_parse_error(message, &error, &debug);
        // The text before the last line contains the location in GStreamer's sources.
        const std::string detail = debug ? debug : "";
        failure_ = {error->message, detail.substr(detail.rfind('\n') + 1)};
        g_error_free(error);
        g_free(debug);
    }
    if (options_.tries_again && first_picture() == 0)
        try_again();
    else
        is_over_ = true;
}

void Client::try_again() {
    if (retry_) return;
    retry_ = g_timeout_add(
        retry_after,
        [](gpointer data) -> gboolean {
            auto *self = static_cast<Client *>(data);
            self->retry_ = 0;
            self->failure_ = {};
            self->stop();
            std::string error;
            if (!self->start(&error)) {
                self->failure_ = {error, {}};
                self->is_over_ = true;
            }
            return G_SOURCE_REMOVE;
        },
        this);
}

} // namespace penstock::delay
