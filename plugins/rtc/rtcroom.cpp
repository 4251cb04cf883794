// SPDX-License-Identifier: LGPL-2.1-or-later
// The element rtcroom: a conference, whose participants' streams may come out of it.
/**
 * SECTION:element-rtcroom
 * @title: rtcroom
 * @short_description: a conference of browsers over WebRTC, which forwards what each one sends
 *
 * Opens a room at `location`. Browsers join it by WebRTC: an offer over HTTP, as by WHIP, and a
 * single peer connection over which each sends its microphone, camera and screen, and gets those of
 * the others in slots. The server forwards packets as they came; it decodes and encodes nothing.
 * Who is in which slot follows from who speaks, what is pinned and how large it is shown; of
 * cameras with simulcast each receiver gets the layer that its network carries. A data channel has
 * the roster, a chat, roles, and hosts' requests to mute. The page of the room, at the location
 * without `/join`, is served where the launcher serves pages.
 *
 * With `outputs=participants` there is a pad for each participant that sends, `participant_%u`:
 * `video/x-flv` with its camera and microphone, one tag a buffer, as rtcserversrc has it; its
 * screen is another pad. The pad appears with the first media, and goes with EOS when the
 * participant leaves. A tag event has its name as title, and the keyword `screen` for screens, or
 * `muted` while the microphone is off. Participants who encrypt end to end have no pads.
 * roommixer makes one picture of them.
 *
 * Another rtcroom with the same location in the process shares the room, whose options stay those
 * of the first one; a warning is logged if it has others. The room closes, and its participants are
 * disconnected, with the last one.
 *
 * When not: to receive one publisher, use rtcserversrc; to serve a stream to many, rtcserversink.
 *
 * The properties `udp`, `announce` and `ice-servers`, and https:// locations, are as in
 * rtcserversrc.
 *
 * ## Roles
 * Hosts mute, remove and promote others. Who sends `host-key` as its bearer token is host; without
 * a host key the first participant is. Others have `default-role`; listeners' media are not
 * forwarded.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 rtcroom location=http://127.0.0.1:28082/room/standup/join udp=127.0.0.1:28189
 * outputs=none
 * ]|
 * Serves a room until it is interrupted.
 *
 * Since: 0.1.0
 */
#include "rtc/rtcroom.h"

#include "gst/guard.h"
#include "gst/tls_files.h"
#include "rtc/room_source.h"

using namespace penstock;

struct PenstockRtcRoom {
    GstElement parent;
    RoomSource *impl;
    rtc::Settings *rtc;
};
struct PenstockRtcRoomClass {
    GstElementClass parent;
};
#define SELF(object) (*reinterpret_cast<PenstockRtcRoom *>(object))

G_DEFINE_TYPE(PenstockRtcRoom, penstock_rtc_room, GST_TYPE_ELEMENT)
GST_ELEMENT_REGISTER_DEFINE(rtcroom, "rtcroom", GST_RANK_NONE, penstock_rtc_room_get_type())

enum {
    PROP_0,
    PROP_LOCATION,
    PROP_TLS_CERTIFICATE,
    PROP_TLS_KEY,
    PROP_HOST_KEY,
    PROP_DEFAULT_ROLE,
    PROP_VIDEO_CODEC,
    PROP_MAX_PARTICIPANTS,
    PROP_LAST_N,
    PROP_OUTPUTS,
    PROP_BOUND_LOCATION,
    PROP_STATS,
    PROP_SERVER
};

static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE(
    "participant_%u", GST_PAD_SRC, GST_PAD_SOMETIMES, GST_STATIC_CAPS("video/x-flv"));

// --- enumerations -------------------------------------------------------------------------

static GType made_enum(const char *name, const GEnumValue *values) {
    const GType made = g_enum_register_static(name, values);
    gst_type_mark_as_plugin_api(made, GstPluginAPIFlags(0));
    return made;
}

static GType role_type() {
    static const GEnumValue values[] = {
        {int(RoomRole::speaker), "May speak, and be seen", "speaker"},
        {int(RoomRole::listener), "Listens and watches only", "listener"},
        {0, nullptr, nullptr},
    };
    static const GType type = made_enum("PenstockRoomRole", values);
    return type;
}

static GType codec_type() {
    static const GEnumValue values[] = {
        {int(RoomCodec::vp8), "VP8", "vp8"},
        {int(RoomCodec::h264), "H.264", "h264"},
        {0, nullptr, nullptr},
    };
    static const GType type = made_enum("PenstockRoomCodec", values);
    return type;
}

static GType outputs_type() {
    static const GEnumValue values[] = {
        {int(RoomOutputs::none), "No pads: the room is served alone", "none"},
        {int(RoomOutputs::participants), "A pad for each participant that sends", "participants"},
        {0, nullptr, nullptr},
    };
    static const GType type = made_enum("PenstockRoomOutputs", values);
    return type;
}

// --- properties ---------------------------------------------------------------------------

static void set_property(GObject *object, guint id, const GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        if (SELF(object).rtc->set(PROP_SERVER, id, value)) return;
        RoomSource &impl = *SELF(object).impl;
        std::lock_guard lock(impl.settings_mutex);
        const auto text = [&] {
            const char *s = g_value_get_string(value);
            return std::string(s ? s : "");
        };
        switch (id) {
        case PROP_LOCATION:
            impl.settings.location = text();
            break;
        case PROP_TLS_CERTIFICATE:
            impl.settings.tls.certificate = text();
            break;
        case PROP_TLS_KEY:
            impl.settings.tls.key = text();
            break;
        case PROP_HOST_KEY:
            impl.settings.host_key = text();
            break;
        case PROP_DEFAULT_ROLE:
            impl.settings.default_role = RoomRole(g_value_get_enum(value));
            break;
        case PROP_VIDEO_CODEC:
            impl.settings.codec = RoomCodec(g_value_get_enum(value));
            break;
        case PROP_MAX_PARTICIPANTS:
            impl.settings.max_participants = g_value_get_uint(value);
            break;
        case PROP_LAST_N:
            impl.settings.last_n = g_value_get_uint(value);
            break;
        case PROP_OUTPUTS:
            impl.settings.outputs = RoomOutputs(g_value_get_enum(value));
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static void get_property(GObject *object, guint id, GValue *value, GParamSpec *spec) {
    guard(object, [&] {
        if (SELF(object).rtc->get(PROP_SERVER, id, value)) return;
        RoomSource &impl = *SELF(object).impl;
        if (id == PROP_STATS) return g_value_take_boxed(value, impl.stats().release());
        if (id == PROP_BOUND_LOCATION)
            return g_value_set_string(value, impl.bound_location().c_str());
        std::lock_guard lock(impl.settings_mutex);
        switch (id) {
        case PROP_LOCATION:
            g_value_set_string(value, impl.settings.location.c_str());
            break;
        case PROP_TLS_CERTIFICATE:
            g_value_set_string(value, impl.settings.tls.certificate.c_str());
            break;
        case PROP_TLS_KEY:
            g_value_set_string(value, impl.settings.tls.key.c_str());
            break;
        case PROP_HOST_KEY:
            // Never readable: properties end up in logs and dot files.
            g_value_set_string(value, impl.settings.host_key.empty() ? "" : "(set)");
            break;
        case PROP_DEFAULT_ROLE:
            g_value_set_enum(value, int(impl.settings.default_role));
            break;
        case PROP_VIDEO_CODEC:
            g_value_set_enum(value, int(impl.settings.codec));
            break;
        case PROP_MAX_PARTICIPANTS:
            g_value_set_uint(value, impl.settings.max_participants);
            break;
        case PROP_LAST_N:
            g_value_set_uint(value, impl.settings.last_n);
            break;
        case PROP_OUTPUTS:
            g_value_set_enum(value, int(impl.settings.outputs));
            break;
        default:
            G_OBJECT_WARN_INVALID_PROPERTY_ID(object, id, spec);
        }
    });
}

static void install_properties(GObjectClass *klass) {
    const auto rw =
        GParamFlags(G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
    const auto ro = GParamFlags(G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);
    const RoomSource::Settings defaults;
    const auto text = [&](guint id, const char *name, const char *nick, const char *blurb,
                          const std::string &standard) {
        g_object_class_install_property(
            klass, id, g_param_spec_string(name, nick, blurb, standard.c_str(), rw));
    };
    const auto choice = [&](guint id, const char *name, const char *nick, const char *blurb,
                            GType type, int standard) {
        g_object_class_install_property(klass, id,
                                        g_param_spec_enum(name, nick, blurb, type, standard, rw));
    };
    text(PROP_LOCATION, "location", "Location",
         "HTTP address to listen on and path of the room: http://host:port/room/NAME/join, or "
         "https:// with a certificate; no host: every interface; port 0: any free port",
         defaults.location);
    text(PROP_HOST_KEY, "host-key", "Host key",
         "Bearer token of hosts; empty: the first participant is host. Not readable", "");
    choice(PROP_DEFAULT_ROLE, "default-role", "Default role", "Role of those who are no hosts",
           role_type(), int(defaults.default_role));
    choice(PROP_VIDEO_CODEC, "video-codec", "Video codec", "The one video codec of the room",
           codec_type(), int(defaults.codec));
    g_object_class_install_property(
        klass, PROP_MAX_PARTICIPANTS,
        g_param_spec_uint("max-participants", "Most participants",
                          "Participants at a time; further ones are refused", 1, 100,
                          defaults.max_participants, rw));
    g_object_class_install_property(
        klass, PROP_LAST_N,
        g_param_spec_uint("last-n", "Last N",
                          "Videos that a participant gets at a time: screens, then those who are "
                          "pinned, then those who spoke last",
                          0, 16, defaults.last_n, rw));
    choice(PROP_OUTPUTS, "outputs", "Outputs", "Which pads there are", outputs_type(),
           int(defaults.outputs));
    g_object_class_install_property(
        klass, PROP_BOUND_LOCATION,
        g_param_spec_string("bound-location", "Bound location",
                            "The location with the real port; empty below READY", "", ro));
    g_object_class_install_property(
        klass, PROP_STATS,
        g_param_spec_boxed("stats", "Statistics",
                           "bytes-in bytes-out buffers-in buffers-out drops peers uptime (ns), of "
                           "RTP that came and of tags that went out; participants speakers joined "
                           "streams forwarded-bytes forwarded-packets repeated-packets "
                           "dropped-packets messages",
                           GST_TYPE_STRUCTURE, ro));
    install_tls_files(klass, PROP_TLS_CERTIFICATE, PROP_TLS_KEY);
    rtc::Settings::install(klass, PROP_SERVER);
}

// --- the element --------------------------------------------------------------------------

static GstStateChangeReturn change_state(GstElement *element, GstStateChange transition) {
    return guard(element, GST_STATE_CHANGE_FAILURE, [&] {
        RoomSource &impl = *SELF(element).impl;
        if (transition == GST_STATE_CHANGE_NULL_TO_READY && !impl.open(*SELF(element).rtc))
            return GST_STATE_CHANGE_FAILURE;
        if (transition == GST_STATE_CHANGE_READY_TO_PAUSED && !impl.start())
            return GST_STATE_CHANGE_FAILURE;
        if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED) impl.set_playing(false);
        if (transition == GST_STATE_CHANGE_PAUSED_TO_READY) impl.stop();
        const GstStateChangeReturn result =
            GST_ELEMENT_CLASS(penstock_rtc_room_parent_class)->change_state(element, transition);
        switch (transition) {
        case GST_STATE_CHANGE_NULL_TO_READY:
            if (result == GST_STATE_CHANGE_FAILURE) impl.close();
            return result;
        case GST_STATE_CHANGE_READY_TO_PAUSED:
            if (result == GST_STATE_CHANGE_FAILURE) {
                impl.stop();
                return result;
            }
            return GST_STATE_CHANGE_NO_PREROLL;
        case GST_STATE_CHANGE_PAUSED_TO_PLAYING:
            impl.set_playing(true);
            return result;
        case GST_STATE_CHANGE_PLAYING_TO_PAUSED:
            return result == GST_STATE_CHANGE_FAILURE ? result : GST_STATE_CHANGE_NO_PREROLL;
        case GST_STATE_CHANGE_READY_TO_NULL:
            impl.close();
            return result;
        default:
            return result;
        }
    });
}

static gboolean send_event(GstElement *element, GstEvent *event) {
    return guard(element, FALSE, [&]() -> gboolean {
        if (GST_EVENT_TYPE(event) != GST_EVENT_EOS)
            return GST_ELEMENT_CLASS(penstock_rtc_room_parent_class)->send_event(element, event);
        gst_event_unref(event);
        SELF(element).impl->end_of_stream();
        return TRUE;
    });
}

static void finalize(GObject *object) {
    delete SELF(object).impl;
    delete SELF(object).rtc;
    G_OBJECT_CLASS(penstock_rtc_room_parent_class)->finalize(object);
}

static void penstock_rtc_room_class_init(PenstockRtcRoomClass *klass) {
    auto *object_class = G_OBJECT_CLASS(klass);
    object_class->set_property = set_property;
    object_class->get_property = get_property;
    object_class->finalize = finalize;
    install_properties(object_class);
    auto *element_class = GST_ELEMENT_CLASS(klass);
    element_class->change_state = change_state;
    element_class->send_event = send_event;
    gst_element_class_add_static_pad_template(element_class, &src_template);
    gst_element_class_set_static_metadata(
        element_class, "WebRTC room", "Source/Network",
        "Serves a conference of browsers over WebRTC, and hands out their streams",
        "The Penstock authors");
}

static void penstock_rtc_room_init(PenstockRtcRoom *self) {
    self->impl = new RoomSource(&self->parent);
    self->rtc = new rtc::Settings;
    GST_OBJECT_FLAG_SET(self, GST_ELEMENT_FLAG_SOURCE);
}
