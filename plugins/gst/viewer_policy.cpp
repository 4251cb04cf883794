// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/viewer_policy.h"

#include "core/net/loop/loop_count.h"
#include "gst/ending.h"

#include <algorithm>

namespace penstock {
namespace {

enum {
    MAX_LAG,
    JOIN,
    SLOW_POLICY,
    STALL_TIMEOUT,
    SEND_RATE,
    COALESCE_MAX,
    LOOPS,
    GRACE,
    LINGER,
    COUNT
};

/// Each plugin has its own copy of this file, the process one type of a name. Called in class_init
/// only, which GLib lets run one at a time.
GType enum_type(const char *name, const GEnumValue *values) {
    if (const GType known = g_type_from_name(name)) return known;
    const GType made = g_enum_register_static(name, values);
    gst_type_mark_as_plugin_api(made, GstPluginAPIFlags(0));
    return made;
}

GType join_type() {
    static const GEnumValue values[] = {
        {int(fanout::Join::burst), "The last GOP: video at once, up to a GOP behind the live edge",
         "burst"},
        {int(fanout::Join::fast_forward),
         "The last GOP's video frames at once: at the live edge from the start (FLV, RTMP, "
         "WebRTC)",
         "fast-forward"},
        {int(fanout::Join::keyframe), "The stream from the next keyframe on", "keyframe"},
        {int(fanout::Join::live), "The stream from the next frame on, even within a GOP", "live"},
        {0, nullptr, nullptr}};
    return enum_type("PenstockJoin", values);
}

GType slow_type() {
    static const GEnumValue values[] = {
        {int(fanout::Slow::skip), "The viewer skips to the newest keyframe", "skip"},
        {int(fanout::Slow::close), "The viewer is closed", "close"},
        {0, nullptr, nullptr}};
    return enum_type("PenstockSlowPolicy", values);
}

} // namespace

gop::Limits ViewerPolicy::history() const {
    gop::Limits limits;
    limits.keep = max_lag;
    limits.duration = std::max(limits.duration, 2 * max_lag);
    return limits;
}

void apply_loops(const ViewerPolicy &policy, GstElement *element) {
    if (policy.loops == 0) return;
    const unsigned there_are = net::want_loops(policy.loops);
    if (there_are != policy.loops)
        GST_ELEMENT_WARNING(element, RESOURCE, SETTINGS,
                            ("loops=%u comes too late: this process listens already, with %u "
                             "network threads",
                             policy.loops, there_are),
                            ("set it on the first element that listens, or start the process with "
                             "`taskset`"));
}

guint install_viewer_policy(GObjectClass *klass, guint first_id, const ViewerPolicy &defaults) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    g_object_class_install_property(
        klass, first_id + MAX_LAG,
        g_param_spec_uint64(
            "max-lag", "Maximum lag",
            "How far a slow viewer may fall behind, in nanoseconds, before it skips "
            "to the newest keyframe. At most 32 MiB and, unless that is more, 30 s of the "
            "stream are held",
            0, 60 * GST_SECOND, defaults.max_lag, rw));
    g_object_class_install_property(klass, first_id + JOIN,
                                    g_param_spec_enum("join", "Join",
                                                      "What a viewer that joins gets first",
                                                      join_type(), int(defaults.policy.join), rw));
    g_object_class_install_property(
        klass, first_id + SLOW_POLICY,
        g_param_spec_enum("slow-policy", "Slow policy",
                          "What happens to a viewer that is more than max-lag behind", slow_type(),
                          int(defaults.policy.slow), rw));
    g_object_class_install_property(
        klass, first_id + STALL_TIMEOUT,
        g_param_spec_uint64("stall-timeout", "Stall timeout",
                            "A viewer that takes no whole packet for this long, in nanoseconds, "
                            "though there are some for it, is closed; checked once a second. 0: "
                            "never",
                            0, 86400 * GST_SECOND, defaults.policy.stall_timeout, rw));
    g_object_class_install_property(
        klass, first_id + SEND_RATE,
        g_param_spec_double("send-rate", "Send rate",
                            "Writes a second of each network thread, for all its streams: under "
                            "it every packet leaves at once, above it packets wait for others to "
                            "leave with. 0: they always wait for coalesce-max",
                            0, 1e7, defaults.policy.send_rate, rw));
    g_object_class_install_property(
        klass, first_id + COALESCE_MAX,
        g_param_spec_uint64("coalesce-max", "Maximum coalescing",
                            "Nanoseconds a packet waits at most for others to leave with; 0: "
                            "every packet leaves at once",
                            0, 10 * GST_SECOND, defaults.policy.coalesce_max, rw));
    g_object_class_install_property(
        klass, first_id + LOOPS,
        g_param_spec_uint("loops", "Loops",
                          "Network threads, which all listeners of the process share: the first "
                          "that opens decides. 0: one for each core the process may use",
                          0, 64, defaults.loops, rw));
    install_ending(klass, first_id + GRACE, first_id + LINGER, defaults.ending,
                   "Then viewers are told that the stream has ended (RTMP: Play.UnpublishNotify; "
                   "HTTP: the body ends; WebSocket: a close frame). Those that have not left after "
                   "this time, in nanoseconds, are closed");
    return first_id + COUNT;
}

bool set_viewer_policy(ViewerPolicy &policy, guint first_id, guint id, const GValue *value) {
    switch (int(id) - int(first_id)) {
    case MAX_LAG:
        policy.max_lag = g_value_get_uint64(value);
        return true;
    case JOIN:
        policy.policy.join = fanout::Join(g_value_get_enum(value));
        return true;
    case SLOW_POLICY:
        policy.policy.slow = fanout::Slow(g_value_get_enum(value));
        return true;
    case STALL_TIMEOUT:
        policy.policy.stall_timeout = g_value_get_uint64(value);
        return true;
    case SEND_RATE:
        policy.policy.send_rate = g_value_get_double(value);
        return true;
    case COALESCE_MAX:
        policy.policy.coalesce_max = g_value_get_uint64(value);
        return true;
    case LOOPS:
        policy.loops = g_value_get_uint(value);
        return true;
    case GRACE:
        policy.ending.grace = std::chrono::nanoseconds(g_value_get_uint64(value));
        return true;
    case LINGER:
        policy.ending.linger = std::chrono::nanoseconds(g_value_get_uint64(value));
        return true;
    default:
        return false;
    }
}

bool get_viewer_policy(const ViewerPolicy &policy, guint first_id, guint id, GValue *value) {
    switch (int(id) - int(first_id)) {
    case MAX_LAG:
        g_value_set_uint64(value, policy.max_lag);
        return true;
    case JOIN:
        g_value_set_enum(value, int(policy.policy.join));
        return true;
    case SLOW_POLICY:
        g_value_set_enum(value, int(policy.policy.slow));
        return true;
    case STALL_TIMEOUT:
        g_value_set_uint64(value, policy.policy.stall_timeout);
        return true;
    case SEND_RATE:
        g_value_set_double(value, policy.policy.send_rate);
        return true;
    case COALESCE_MAX:
        g_value_set_uint64(value, policy.policy.coalesce_max);
        return true;
    case LOOPS:
        g_value_set_uint(value, policy.loops);
        return true;
    case GRACE:
        g_value_set_uint64(value, guint64(policy.ending.grace.count()));
        return true;
    case LINGER:
        g_value_set_uint64(value, guint64(policy.ending.linger.count()));
        return true;
    default:
        return false;
    }
}

} // namespace penstock
