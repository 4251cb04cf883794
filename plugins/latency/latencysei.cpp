// SPDX-License-Identifier: LGPL-2.1-or-later
#include "latency/latencysei.h"

#include "gst/guard.h"
#include "latency/clock_offset.h"
#include "latency/hop_stamps.h"

/**
 * SECTION:element-latencysei
 * @title: latencysei
 * @short_description: stamps encoded frames at each hop, and tells how long each took
 *
 * Writes the time into a frame without decoding it: an SEI message of H.264 and H.265, a metadata
 * OBU of AV1, which every muxer, server and player passes on. One element stands at each hop that
 * is of interest, with `hop=encode` or several (`hop=capture+encode`), and adds the UTC time to the
 * stamps that the frame has already; without `hop` it reads. FLV may be stamped as it is, between
 * rtmpserversrc and goptee for instance; there `only-stamped=true` leaves streams without stamps
 * unchanged. After 60 frames without a stamp it looks at keyframes alone.
 *
 * The first one gives the frame its source's id and number. `capture` is the time that the
 * buffer's timestamp stands for, which a live source sets and its encoder keeps; it is left out
 * where the timestamp is none of the last minute (a file that is not played live). All others are
 * the time at which the buffer comes to the element. An access unit without a coded picture, or
 * without room (lengths of one byte), is passed on unchanged and counted as `unstampable`.
 *
 * A reader changes nothing. For each frame with stamps it posts an element message
 * `penstock-latency-hops`: `source-id`, `frame` (unsigned), `running-time` in nanoseconds, `utc`
 * (when it was read) and a field for each hop, named as it is, in microseconds since 1970 (64
 * bits). `stats` has a structure for each hop with its name: `p50`, `p95`, `p99`, `min`, `max`,
 * `jitter` of the time from there to here, `step-p50`, `step-p95`, `step-p99` of the time from the
 * hop before, in nanoseconds, and `clock`, which counts what can't be a latency (the future, more
 * than a minute): then the clocks of the machines differ. Further there are `frames`, `unstamped`,
 * `damaged`, `lost` and `repeated`.
 *
 * When not: to measure up to what a viewer sees, decoder included, stamp the picture: latencystamp
 * and latencyread.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc is-live=true num-buffers=60 ! video/x-raw,format=I420 ! \
 *     x264enc tune=zerolatency ! h264parse ! latencysei hop=capture+encode ! flvlivemux ! \
 *     flvlivedemux ! h264parse ! latencysei ! fakesink async=false
 * ]|
 * Two seconds; `-m` prints how old each frame is behind the encoder and at the end.
 *
 * Since: 0.1.0
 */

GST_DEBUG_CATEGORY(penstock_latency_sei_debug);
#define GST_CAT_DEFAULT penstock_latency_sei_debug

using namespace penstock;
using namespace penstock::latency;

#define penstock_latency_sei_parent_class parent_class
G_DEFINE_TYPE(PenstockLatencySei, penstock_latency_sei, GST_TYPE_BASE_TRANSFORM)
GST_ELEMENT_REGISTER_DEFINE(latencysei, "latencysei", GST_RANK_NONE,
                            penstock_latency_sei_get_type())

namespace {

enum Property {
    prop_0,
    prop_hop,
    prop_source_id,
    prop_only_stamped,
    prop_messages,
    prop_clock_offset,
    prop_stats
};

constexpr const char *caps_text =
    "video/x-h264, stream-format=(string){avc, avc3, byte-stream}, alignment=(string)au; "
    "video/x-h265, stream-format=(string){hvc1, hev1, byte-stream}, alignment=(string)au; "
    "video/x-av1, stream-format=(string)obu-stream, alignment=(string)tu; "
    "video/x-flv";
GstStaticPadTemplate sink_template =
    GST_STATIC_PAD_TEMPLATE("sink", GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS(caps_text));
GstStaticPadTemplate src_template =
    GST_STATIC_PAD_TEMPLATE("src", GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS(caps_text));

HopStamps &impl(gpointer object) {
    return *static_cast<PenstockLatencySei *>(object)->impl;
}

/// Bit n stands for the hop with number n + 1.
GType hop_type() {
    static const GFlagsValue values[] = {
        {1 << 0, "The source took the picture", "capture"},
        {1 << 1, "The encoder gave it", "encode"},
        {1 << 2, "The muxer has it", "mux"},
        {1 << 3, "It comes from the network, or goes there", "network"},
        {1 << 4, "A server has it", "server"},
        {1 << 5, "It goes into a segment", "segment"},
        {1 << 6, "A client has it", "client"},
        {0, nullptr, nullptr},
    };
    static const GType type = g_flags_register_static("PenstockLatencyHop", values);
    return type;
}

gboolean start(GstBaseTransform *element) noexcept {
    return guard(element, gboolean(FALSE), [&]() -> gboolean {
        impl(element).start();
        return TRUE;
    });
}

gboolean stop(GstBaseTransform *element) noexcept {
    guard(element, [&] { impl(element).stop(); });
    return TRUE;
}

gboolean set_caps(GstBaseTransform *element, GstCaps *in, GstCaps *) noexcept {
    return guard(element, gboolean(FALSE), [&]() -> gboolean {
        impl(element).set_caps(in);
        return TRUE;
    });
}

/// Replaces transform(): the input buffer itself is the output unless stamps are written.
GstFlowReturn generate_output(GstBaseTransform *element, GstBuffer **out) noexcept {
    *out = nullptr;
    if (!element->queued_buf) return GST_FLOW_OK;
    auto buffer = GstPtr<GstBuffer>::adopt(std::exchange(element->queued_buf, nullptr));
    return guard(element, GST_FLOW_ERROR, [&] {
        *out = impl(element).process(std::move(buffer)).release();
        return GST_FLOW_OK;
    });
}

/// Passes on buffers that need no look, without the base class' work for each.
GstFlowReturn chain(GstPad *pad, GstObject *parent, GstBuffer *buffer) noexcept {
    auto *element = reinterpret_cast<GstBaseTransform *>(parent);
    if (!guard(parent, false, [&] { return impl(parent).passes_by(buffer); }))
        return static_cast<PenstockLatencySei *>(static_cast<void *>(parent))
            ->base_chain(pad, parent, buffer);
    // The base class answers position queries with it.
    if (GST_BUFFER_PTS_IS_VALID(buffer)) element->segment.position = GST_BUFFER_PTS(buffer);
    return gst_pad_push(element->srcpad, buffer);
}

void set_property(GObject *object, guint id, const GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        HopSettings settings = impl(object).settings();
        switch (id) {
        case prop_hop:
            settings.hops = g_value_get_flags(value);
            break;
        case prop_source_id:
            settings.source_id = g_value_get_uint(value);
            break;
        case prop_only_stamped:
            settings.only_stamped = g_value_get_boolean(value);
            break;
        case prop_messages:
            settings.messages = g_value_get_boolean(value);
            break;
        case prop_clock_offset:
            settings.clock_offset = g_value_get_int64(value);
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
            return;
        }
        impl(object).set_settings(settings);
    });
}

void get_property(GObject *object, guint id, GValue *value, GParamSpec *pspec) noexcept {
    guard(object, [&] {
        const HopSettings settings = impl(object).settings();
        switch (id) {
        case prop_hop:
            g_value_set_flags(value, settings.hops);
            break;
        case prop_source_id:
            g_value_set_uint(value, settings.source_id);
            break;
        case prop_only_stamped:
            g_value_set_boolean(value, settings.only_stamped);
            break;
        case prop_messages:
            g_value_set_boolean(value, settings.messages);
            break;
        case prop_clock_offset:
            g_value_set_int64(value, settings.clock_offset);
            break;
        case prop_stats:
            g_value_take_boxed(value, impl(object).stats().release());
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, pspec);
        }
    });
}

void finalize(GObject *object) noexcept {
    delete static_cast<PenstockLatencySei *>(static_cast<void *>(object))->impl;
    G_OBJECT_CLASS(parent_class)->finalize(object);
}

} // namespace

static void penstock_latency_sei_class_init(PenstockLatencySeiClass *klass) {
    GST_DEBUG_CATEGORY_INIT(penstock_latency_sei_debug, "latencysei", 0, "stamps per hop");
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    const HopSettings defaults;
    const auto flags =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING);
    g_object_class_install_property(
        object_class, prop_hop,
        g_param_spec_flags("hop", "Hop",
                           "The hops to stamp: capture, encode, mux, network, server, segment, "
                           "client; several are joined by +; none: read stamps",
                           hop_type(), defaults.hops, flags));
    g_object_class_install_property(
        object_class, prop_source_id,
        g_param_spec_uint("source-id", "Source id",
                          "Of frames that have no stamp yet; 0: chosen at random at each start", 0,
                          G_MAXUINT16, defaults.source_id, flags));
    g_object_class_install_property(
        object_class, prop_only_stamped,
        g_param_spec_boolean("only-stamped", "Only stamped",
                             "Add to frames that have stamps, and leave all others as they are",
                             defaults.only_stamped, flags));
    g_object_class_install_property(object_class, prop_messages,
                                    g_param_spec_boolean("messages", "Messages",
                                                         "A reader posts a message for each frame",
                                                         defaults.messages, flags));
    g_object_class_install_property(object_class, prop_clock_offset, clock_offset_spec());
    g_object_class_install_property(
        object_class, prop_stats,
        g_param_spec_boxed("stats", "Statistics", "Counters, and percentiles of each hop",
                           GST_TYPE_STRUCTURE,
                           GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS)));

    auto *element_class = GST_ELEMENT_CLASS(klass);
    gst_element_class_add_static_pad_template(element_class, &sink_template);
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_type_mark_as_plugin_api(hop_type(), GstPluginAPIFlags(0));
    gst_element_class_set_static_metadata(
        element_class, "Latency stamps per hop", "Codec/Analyzer/Video",
        "Stamps encoded frames at each hop, and tells how long each took", "The Penstock authors");
    auto *transform_class = GST_BASE_TRANSFORM_CLASS(klass);
    transform_class->start = start;
    transform_class->stop = stop;
    transform_class->set_caps = set_caps;
    transform_class->generate_output = generate_output;
    transform_class->passthrough_on_same_caps = TRUE;
}

static void penstock_latency_sei_init(PenstockLatencySei *self) {
    self->impl = new HopStamps(GST_BASE_TRANSFORM(self));
    // Buffers are replaced, never modified, so allocation is negotiated by the neighbours.
    gst_base_transform_set_passthrough(GST_BASE_TRANSFORM(self), TRUE);
    gst_base_transform_set_qos_enabled(GST_BASE_TRANSFORM(self), FALSE);
    GstPad *sink = GST_BASE_TRANSFORM_SINK_PAD(self);
    self->base_chain = GST_PAD_CHAINFUNC(sink);
    gst_pad_set_chain_function(sink, chain);
}
