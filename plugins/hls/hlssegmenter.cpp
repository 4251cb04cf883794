// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hls/hlssegmenter.h"

#include "gst/ending.h"
#include "gst/guard.h"
#include "gst/peer_signals.h"
#include "gst/tls_files.h"
#include "hls/element_pads.h"
#include "hls/sink.h"

/**
 * SECTION:element-hlssegmenter
 * @title: hlssegmenter
 * @short_description: cuts video and audio into an HLS stream and serves it
 *
 * A sink for video and audio tracks that makes an HLS stream. `container` is the format of
 * its segments: MPEG-TS with H.264 and AAC or MP3, or CMAF (fragmented MP4) with H.264, HEVC, AV1
 * or VP9 and AAC, Opus, AC-3, E-AC-3 or FLAC. A CMAF playlist names an init segment (EXT-X-MAP),
 * and a new one with a discontinuity where the codec's configuration changes. Browsers take Opus,
 * FLAC, AV1 and VP9 in CMAF only, and HEVC and AC-3 only where their system decodes them. With an
 * http location the segments stay in memory and the process serves them itself; the playlist and
 * what was in it survive the pipeline for `grace` (counted from the last media), so that viewers
 * stay while a publisher comes back: the sequence goes on with a discontinuity. Then the playlist
 * says that the stream has ended, and is served for `linger`. With a file location they are
 * written, whole or not at all, for any web server to serve; what an earlier run left there is
 * continued. An https location takes `tls-certificate` and `tls-key`, as httpserversink's does.
 *
 * Segments begin at the first keyframe after `target-duration`, so the encoder's keyframe interval
 * should divide it. Each is as long as the playlist says, to less than a millisecond.
 *
 * The first segment fixes EXT-X-TARGETDURATION: it is `target-duration`, or the length of that
 * segment if its keyframe interval is longer. It does not change as long as the location is served,
 * by whatever publisher. From then on no segment is longer: one whose keyframe is late ends at
 * another frame (the playlist does not claim independent segments as long as it has such a
 * segment), one whose video pauses ends by the audio's time, and what is missing in all tracks is
 * left out of the timeline.
 *
 * Timestamps of audio and video may be up to 10 s apart and are kept as they are; audio that is
 * further away is moved to where video is, once.
 *
 * With `vod` a stream that has an end, such as a file, is packaged as a whole: the playlist
 * appears at EOS, segments end at keyframes only, and the same input makes the same files. An
 * input that ends before its duration is packaged as far as it goes, with a warning. With
 * `single-file` a rendition is one file beside its playlist (`index.mp4`, or `index.ts`), which
 * players also open by itself; the web server has to answer requests for ranges, as they all do.
 *
 * Files are written by a thread of their own. A disk that blocks is reported and holds up nothing
 * live: segments that find no room in the queue are lost (`lost-segments`). The ENDLIST that EOS
 * writes is final: segments after it are refused until the element has been in READY.
 *
 * Handlers of `authorize` decide about each viewer of an http:// location, before anything is sent;
 * each viewer then has a session, whose token the URIs of its segments carry. `peer-connected` and
 * `peer-disconnected` tell of them.
 *
 * `part-duration` (with container=cmaf and an http location) makes it low-latency HLS: the playlist
 * lists each segment's parts as soon as they are there, holds a player's next request until there
 * is more, and a part's until all of it is there. 200 ms suit every usual frame rate. It is off by
 * default: MPEG-TS has no parts, and a proxy in front must pass on requests that wait. The first
 * part fixes EXT-X-PART-INF: as many whole frames as come closest to `part-duration`, and 2 ms for
 * timestamps that are rounded. EXT-X-TARGETDURATION is then said before the first keyframe interval
 * is known: `target-duration`, but 2 s at least, so that keyframes every two seconds, as most
 * encoders have them, end segments. With keyframes further apart set `target-duration` to their
 * interval. While no media comes, the playlist has gaps (EXT-X-GAP) until `grace` has passed.
 * Players without low latency play whole segments as before.
 *
 * Several video and audio pads make a multivariant playlist: players choose among the videos by
 * their bandwidth, and among the audio tracks by `title` and `language`, which are properties of
 * the pads and otherwise come from tags. In CMAF each track is a rendition by itself; in MPEG-TS
 * each video has the first audio (`renditions`). All begin their segments where the first video has
 * keyframes, so the keyframes of all should be at the same times. docs/renditions.md has the rest.
 *
 * Pads `subtitle_%u` take text or WebVTT, each of which is a rendition of WebVTT segments beside
 * the video (docs/renditions.md). Pads `metadata_%u` take ID3 tags, which players get at their
 * times; splice commands (SCTE 35), as events of tsdemux or of an application, become date ranges
 * of the playlist and begin segments, and an encoder upstream is asked for keyframes there
 * (docs/timed-events.md).
 *
 * The pads never wait for one another, in any order of arrival: no queues are needed in front. It
 * never prerolls. A source that is not live is held to the clock here (see `sync`).
 *
 * When not: hlssink2 writes files with less demand on the playlist.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true !
 * video/x-raw,format=I420,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency
 * key-int-max=50 ! h264parse ! hls.video_0 audiotestsrc is-live=true ! audioconvert ! avenc_aac !
 * aacparse ! hls.audio_0 hlssegmenter name=hls location=http://127.0.0.1:0/live/test/index.m3u8
 * ]|
 * Serves a test pattern and a tone. With a port of your choice in place of 0, players find the
 * stream at that URL.
 * |[
 * gst-launch-1.0 videotestsrc is-live=true ! video/x-raw,format=I420,width=640,height=360 !
 * tee name=t t. ! queue ! x264enc tune=zerolatency key-int-max=30 ! h264parse ! hls.video_0
 * t. ! queue ! videoscale ! video/x-raw,width=320,height=180 ! x264enc tune=zerolatency
 * key-int-max=30 ! h264parse ! hls.video_1 audiotestsrc is-live=true ! audioconvert ! avenc_aac !
 * aacparse ! hls.audio_0 hlssegmenter name=hls container=cmaf audio_0::language=en
 * location=http://127.0.0.1:0/live/sizes/index.m3u8
 * ]|
 * Serves two sizes of it, with the audio as a rendition of its own.
 * |[
 * gst-launch-1.0 filesrc location=movie.mp4 ! qtdemux name=d d.video_0 ! queue ! h264parse !
 * hls.video_0 d.audio_0 ! queue ! aacparse ! hls.audio_0 filesrc location=movie.srt ! subparse !
 * hls.subtitle_0 hlssegmenter name=hls container=cmaf subtitle_0::language=en
 * location=http://127.0.0.1:0/live/movie/index.m3u8
 * ]|
 * Serves a file as if it were live, with subtitles of another.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_hls_segmenter_debug);
#define GST_CAT_DEFAULT penstock_hls_segmenter_debug

using namespace penstock;
using hls::ContainerType;
using hls::Renditions;
using hls::Settings;
using hls::Sync;

static PeerSignals peer_signals;

#define penstock_hls_segmenter_parent_class parent_class
G_DEFINE_TYPE_WITH_CODE(PenstockHlsSegmenter, penstock_hls_segmenter, GST_TYPE_ELEMENT,
                        G_IMPLEMENT_INTERFACE(GST_TYPE_CHILD_PROXY, hls::init_child_proxy))
GST_ELEMENT_REGISTER_DEFINE(hlssegmenter, "hlssegmenter", GST_RANK_NONE,
                            PENSTOCK_TYPE_HLS_SEGMENTER)

namespace {

enum Property {
    prop_0,
    prop_location,
    prop_tls_certificate,
    prop_tls_key,
    prop_container,
    prop_target_duration,
    prop_part_duration,
    prop_renditions,
    prop_playlist_length,
    prop_vod,
    prop_title_metadata,
    prop_single_file,
    prop_grace,
    prop_linger,
    prop_sync,
    prop_stats,
};

hls::Sink &sink_of(gpointer element) {
    return *static_cast<PenstockHlsSegmenter *>(element)->impl;
}

GType sync_type() {
    static const GEnumValue values[] = {
        {int(Sync::no), "Never", "false"},
        {int(Sync::yes), "Always", "true"},
        {int(Sync::automatic), "Only if upstream is not live", "auto"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockHlsSegmenterSync", values);
    return type;
}

GType container_type() {
    static const GEnumValue values[] = {
        {int(ContainerType::ts), "MPEG-TS", "ts"},
        {int(ContainerType::cmaf), "CMAF (fragmented MP4)", "cmaf"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockHlsSegmenterContainer", values);
    return type;
}

GType renditions_type() {
    static const GEnumValue values[] = {
        {int(Renditions::automatic), "One for one video and one audio pad, else several", "auto"},
        {int(Renditions::muxed), "Each video with the first audio", "muxed"},
        {int(Renditions::separate), "Each video and each audio by itself", "separate"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_enum_register_static("PenstockHlsSegmenterRenditions", values);
    return type;
}

GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) noexcept {
    hls::Sink &sink = sink_of(element);
    switch (transition) {
    case GST_STATE_CHANGE_READY_TO_PAUSED:
        if (!guard(element, false, [&] { return sink.start(); })) return GST_STATE_CHANGE_FAILURE;
        break;
    case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
        guard(element, [&] { sink.set_playing(false); });
        break;
    case GST_STATE_CHANGE_PAUSED_TO_READY:
        guard(element, [&] { sink.begin_stop(); });
        break;
    default:
        break;
    }
    const GstStateChangeReturn result =
        GST_ELEMENT_CLASS(parent_class)->change_state(element, transition);
    const bool failed_start =
        transition == GST_STATE_CHANGE_READY_TO_PAUSED && result == GST_STATE_CHANGE_FAILURE;
    if (transition == GST_STATE_CHANGE_PAUSED_TO_READY || failed_start)
        guard(element, [&] { sink.stop(); });
    if (transition == GST_STATE_CHANGE_PAUSED_TO_PLAYING && result != GST_STATE_CHANGE_FAILURE)
        guard(element, [&] { sink.set_playing(true); });
    return result;
}

gboolean element_query(GstElement *element, GstQuery *query) noexcept {
    gboolean result = FALSE;
    if (guard(element, false, [&] { return sink_of(element).element_query(query, &result); }))
        return result;
    return GST_ELEMENT_CLASS(parent_class)->query(element, query);
}

gboolean send_event(GstElement *element, GstEvent *event) noexcept {
    const guint direction = gst_event_type_get_flags(GST_EVENT_TYPE(event));
    const bool is_custom = GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM ||
                           GST_EVENT_TYPE(event) == GST_EVENT_CUSTOM_DOWNSTREAM_OOB;
    const auto take = [&] { return sink_of(element).on_custom(nullptr, event); };
    if (is_custom && guard(element, false, take)) {
        gst_event_unref(event);
        return TRUE;
    }
    if (direction & GST_EVENT_TYPE_DOWNSTREAM)
        return GST_ELEMENT_CLASS(parent_class)->send_event(element, event);
    auto owned = GstPtr<GstEvent>::adopt(event);
    return guard(element, gboolean(FALSE),
                 [&]() -> gboolean { return sink_of(element).send_upstream(std::move(owned)); });
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        Settings s = sink_of(object).settings();
        switch (id) {
        case prop_location: {
            const gchar *text = g_value_get_string(value);
            s.location = text ? text : "";
            break;
        }
        case prop_tls_certificate:
        case prop_tls_key: {
            const gchar *text = g_value_get_string(value);
            (id == prop_tls_key ? s.tls.key : s.tls.certificate) = text ? text : "";
            break;
        }
        case prop_container:
            s.container = ContainerType(g_value_get_enum(value));
            break;
        case prop_target_duration:
            s.target_duration = g_value_get_uint64(value);
            break;
        case prop_part_duration:
            s.part_duration = g_value_get_uint64(value);
            break;
        case prop_renditions:
            s.renditions = Renditions(g_value_get_enum(value));
            break;
        case prop_playlist_length:
            s.playlist_length = g_value_get_uint(value);
            break;
        case prop_vod:
        case prop_single_file:
            (id == prop_vod ? s.is_vod : s.is_single_file) = g_value_get_boolean(value);
            break;
        case prop_title_metadata:
            s.tells_titles = g_value_get_boolean(value);
            break;
        case prop_grace:
            s.ending.grace = std::chrono::nanoseconds(g_value_get_uint64(value));
            break;
        case prop_linger:
            s.ending.linger = std::chrono::nanoseconds(g_value_get_uint64(value));
            break;
        case prop_sync:
            s.sync = Sync(g_value_get_enum(value));
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
            return;
        }
        sink_of(object).set_settings(std::move(s));
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        const Settings s = sink_of(object).settings();
        switch (id) {
        case prop_location:
            g_value_set_string(value, s.location.empty() ? nullptr : s.location.c_str());
            break;
        case prop_tls_certificate:
            g_value_set_string(value, s.tls.certificate.c_str());
            break;
        case prop_tls_key:
            g_value_set_string(value, s.tls.key.c_str());
            break;
        case prop_container:
            g_value_set_enum(value, int(s.container));
            break;
        case prop_target_duration:
            g_value_set_uint64(value, s.target_duration);
            break;
        case prop_part_duration:
            g_value_set_uint64(value, s.part_duration);
            break;
        case prop_renditions:
            g_value_set_enum(value, int(s.renditions));
            break;
        case prop_playlist_length:
            g_value_set_uint(value, s.playlist_length);
            break;
        case prop_vod:
        case prop_single_file:
            g_value_set_boolean(value, id == prop_vod ? s.is_vod : s.is_single_file);
            break;
        case prop_title_metadata:
            g_value_set_boolean(value, s.tells_titles);
            break;
        case prop_grace:
            g_value_set_uint64(value, guint64(s.ending.grace.count()));
            break;
        case prop_linger:
            g_value_set_uint64(value, guint64(s.ending.linger.count()));
            break;
        case prop_sync:
            g_value_set_enum(value, int(s.sync));
            break;
        case prop_stats:
            g_value_take_boxed(value, sink_of(object).stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

void finalize(GObject *object) noexcept {
    delete reinterpret_cast<PenstockHlsSegmenter *>(object)->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

void install_properties(GObjectClass *klass) {
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const Settings d;
    g_object_class_install_property(
        klass, prop_location,
        g_param_spec_string("location", "Location",
                            "URL of the playlist: http://HOST:PORT/PATH.m3u8 serves it from "
                            "memory, as https:// does with a certificate (no host: every "
                            "interface; port 0: the system chooses), "
                            "file:///DIRECTORY/NAME.m3u8, or the path alone, writes files",
                            nullptr, flags));
    install_tls_files(klass, prop_tls_certificate, prop_tls_key);
    g_object_class_install_property(klass, prop_container,
                                    g_param_spec_enum("container", "Container",
                                                      "The format of the segments",
                                                      container_type(), int(d.container), flags));
    g_object_class_install_property(
        klass, prop_target_duration,
        g_param_spec_uint64("target-duration", "Target duration",
                            "A segment ends at the first keyframe after this time, in nanoseconds",
                            100 * GST_MSECOND, 3600 * GST_SECOND, d.target_duration, flags));
    g_object_class_install_property(
        klass, prop_part_duration,
        g_param_spec_uint64("part-duration", "Part duration",
                            "Low-latency HLS: segments are served in parts of about this time, in "
                            "nanoseconds (0 = whole, otherwise 50000000 at least; needs "
                            "container=cmaf and an http location; "
                            "200000000 suits most)",
                            0, 2 * GST_SECOND, d.part_duration, flags));
    g_object_class_install_property(
        klass, prop_renditions,
        g_param_spec_enum("renditions", "Renditions",
                          "How pads become renditions of a multivariant playlist; further audio, "
                          "and separate, need container=cmaf",
                          renditions_type(), int(d.renditions), flags));
    g_object_class_install_property(
        klass, prop_playlist_length,
        g_param_spec_uint("playlist-length", "Playlist length",
                          "Segments in the playlist, or as many as last three target durations; as "
                          "many more are kept for slow viewers (0 = all, for files only)",
                          0, 100000, d.playlist_length, flags));
    g_object_class_install_property(
        klass, prop_vod,
        g_param_spec_boolean("vod", "VOD",
                             "The stream is packaged as a whole, for files: segments end at "
                             "keyframes only, the playlist appears at the end (EXT-X-PLAYLIST-TYPE "
                             "VOD), and an existing one is not touched",
                             d.is_vod, flags));
    g_object_class_install_property(
        klass, prop_title_metadata,
        g_param_spec_boolean("title-metadata", "Title metadata",
                             "The tags title and artist of video and audio, whenever they change, "
                             "become timed ID3 metadata, as radio stations have it",
                             d.tells_titles, flags));
    g_object_class_install_property(
        klass, prop_single_file,
        g_param_spec_boolean("single-file", "Single file",
                             "With vod: all segments of a rendition are in one file, of which the "
                             "playlist has byte ranges (EXT-X-BYTERANGE)",
                             d.is_single_file, flags));
    install_ending(klass, prop_grace, prop_linger, d.ending,
                   "Then the playlist of an http location says that the stream has ended "
                   "(EXT-X-ENDLIST), and it can be fetched for this time, in nanoseconds");
    g_object_class_install_property(
        klass, prop_sync,
        g_param_spec_enum("sync", "Sync", "Whether buffers wait for their time on the clock",
                          sync_type(), int(d.sync), flags));
    g_object_class_install_property(
        klass, prop_stats,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in, bytes-out (served or written), buffers-in, buffers-out "
                           "(segments), drops, peers (viewers of the last three target "
                           "durations), uptime (ns), segments, lost-segments, discontinuities, "
                           "media-sequence, bitrate (bit/s, of the last segment), kept-bytes, "
                           "waiting (requests for what is to come), codecs, url",
                           GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));
    gst_type_mark_as_plugin_api(container_type(), GstPluginAPIFlags(0));
    gst_type_mark_as_plugin_api(renditions_type(), GstPluginAPIFlags(0));
    gst_type_mark_as_plugin_api(sync_type(), GstPluginAPIFlags(0));
}

} // namespace

static void penstock_hls_segmenter_class_init(PenstockHlsSegmenterClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_hls_segmenter_debug, "hlssegmenter", 0, "HLS segmenter");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    install_properties(object_class);
    peer_signals = install_peer_signals(G_TYPE_FROM_CLASS(klass));

    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    element_class->query = element_query;
    element_class->send_event = send_event;
    hls::install_pads(element_class);
    gst_element_class_set_static_metadata(element_class, "HLS segmenter", "Sink/Muxer/Network",
                                          "Cuts video, audio and subtitles into an HLS stream, "
                                          "served from memory or written to files",
                                          "The Penstock authors");
}

static void penstock_hls_segmenter_init(PenstockHlsSegmenter *self) {
    self->impl = new hls::Sink(GST_ELEMENT(self));
    Settings settings = self->impl->settings();
    settings.watch = make_signal_watch(G_OBJECT(self), peer_signals, PeerEvents::thread);
    self->impl->set_settings(std::move(settings));
    // Set before any pad exists, because a bin counts its sinks by this flag.
    GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SINK);
}
