// SPDX-License-Identifier: LGPL-2.1-or-later
// Encoders, decoders and demuxers that other elements choose automatically.
#include "description/elements.h"
#include "doctor/doctor.h"
#include "gst/ptr.h"

#include <algorithm>
#include <set>

namespace penstock::doctor {
namespace {

using description::enumerate;

/// The elements of a kind that accept or output these caps, highest rank first.
std::vector<std::string> find(GstElementFactoryListType kind, const char *caps_text,
                              GstPadDirection direction) {
    const auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string(caps_text));
    GList *all = gst_element_factory_list_get_elements(kind, GST_RANK_MARGINAL);
    GList *fitting = gst_element_factory_list_filter(all, caps.get(), direction, FALSE);
    fitting = g_list_sort(fitting, gst_plugin_feature_rank_compare_func);
    std::vector<std::string> names;
    for (GList *l = fitting; l; l = l->next)
        names.emplace_back(GST_OBJECT_NAME(l->data));
    gst_plugin_feature_list_free(fitting);
    gst_plugin_feature_list_free(all);
    return names;
}

/// "avdec_h264 and 3 more"
std::string shown(const std::vector<std::string> &names) {
    return names.front() +
           (names.size() > 1 ? " and " + std::to_string(names.size() - 1) + " more" : "");
}

struct Choice {
    const char *subject;
    std::vector<std::string> elements; ///< in copyorencode's order of preference
    const char *package;
};

struct Format {
    const char *subject;
    const char *caps;
    const char *package;
};

} // namespace

void check_codecs(const Subjects &subjects, Findings &out) {
    const bool whole = std::none_of(subjects.begin(), subjects.end(),
                                    [](const Subject &subject) { return subject.named; });
    const Encoded encoded = encoded_by(subjects);
    const bool encodes = encoded.video || encoded.audio;
    if (encodes || whole) {
        const Choice encoders[] = {
            {"H.264 encoder", {"x264enc", "openh264enc"}, "gstreamer1.0-plugins-ugly"},
            {"AAC encoder", {"avenc_aac", "voaacenc", "fdkaacenc"}, "gstreamer1.0-libav"},
        };
        for (const Choice &choice : encoders) {
            const bool needed = &choice == encoders ? encoded.video : encoded.audio;
            if (!needed && !whole) continue;
            std::vector<std::string> there;
            for (const std::string &name : choice.elements)
                if (description::has_element(name)) there.push_back(name);
            if (there.empty())
                out.push_back({needed ? Status::fail : Status::warn, "codecs", choice.subject,
                               "none of " + enumerate(choice.elements) +
                                   " is there: copyorencode can't encode",
                               std::string("apt install ") + choice.package});
            else
                out.push_back({Status::ok, "codecs", choice.subject, enumerate(there), ""});
        }
    }
    if (encodes || whole || uses(subjects, {"decodebin", "decodebin3", "uridecodebin"})) {
        const Format decoders[] = {
            {"H.264 decoder", "video/x-h264", "gstreamer1.0-libav"},
            {"HEVC decoder", "video/x-h265", "gstreamer1.0-libav"},
            {"VP8 decoder", "video/x-vp8", "gstreamer1.0-plugins-good"},
            {"VP9 decoder", "video/x-vp9", "gstreamer1.0-plugins-good"},
            {"AV1 decoder", "video/x-av1", "gstreamer1.0-plugins-bad"},
            {"JPEG decoder", "image/jpeg", "gstreamer1.0-plugins-good"},
            {"AAC decoder", "audio/mpeg,mpegversion=4", "gstreamer1.0-libav"},
            {"MP3 decoder", "audio/mpeg,mpegversion=1,layer=3", "gstreamer1.0-plugins-good"},
            {"Opus decoder", "audio/x-opus", "gstreamer1.0-plugins-base"},
            {"Vorbis decoder", "audio/x-vorbis", "gstreamer1.0-plugins-base"},
        };
        for (const Format &format : decoders) {
            const auto names = find(GST_ELEMENT_FACTORY_TYPE_DECODER, format.caps, GST_PAD_SINK);
            if (names.empty())
                out.push_back({Status::warn, "codecs", format.subject,
                               "there is none: such streams can't be re-encoded",
                               std::string("apt install ") + format.package});
            else
                out.push_back({Status::ok, "codecs", format.subject, shown(names), ""});
        }
    }
    if (whole || uses(subjects, {"livefilesrc"})) {
        const Format demuxers[] = {
            {"MP4 files", "video/quicktime", "gstreamer1.0-plugins-good"},
            {"Matroska, WebM files", "video/x-matroska", "gstreamer1.0-plugins-good"},
            {"MPEG-TS files", "video/mpegts,systemstream=true", "gstreamer1.0-plugins-bad"},
            {"FLV files", "video/x-flv", "gstreamer1.0-plugins-good"},
            {"AVI files", "video/x-msvideo", "gstreamer1.0-plugins-good"},
        };
        for (const Format &format : demuxers) {
            const auto names = find(GST_ELEMENT_FACTORY_TYPE_DEMUXER, format.caps, GST_PAD_SINK);
            if (names.empty())
                out.push_back({Status::warn, "codecs", format.subject, "can't be read",
                               std::string("apt install ") + format.package});
            else
                out.push_back({Status::ok, "codecs", format.subject, shown(names), ""});
        }
    }
}

} // namespace penstock::doctor
