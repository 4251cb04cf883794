// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hls/texts.h"

namespace penstock::hls {
namespace {

/// Of a cue whose end is not known; ns.
constexpr int64_t usual_duration = 4 * GST_SECOND;

} // namespace

TextForm text_form_of(const GstCaps *caps) {
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    if (gst_structure_has_name(s, "application/x-subtitle-vtt")) return TextForm::webvtt;
    const gchar *format = gst_structure_get_string(s, "format");
    return g_strcmp0(format, "pango-markup") == 0 ? TextForm::markup : TextForm::plain;
}

std::vector<webvtt::Cue> cues_of(TextForm form, const Bytes &data, int64_t time, int64_t duration) {
    const std::string_view text(reinterpret_cast<const char *>(data.data()), data.size());
    std::vector<webvtt::Cue> cues;
    if (form == TextForm::webvtt && text.find("-->") != text.npos) {
        webvtt::parse(text, cues);
        const int64_t shift = cues.empty() ? 0 : time - cues.front().begin;
        for (webvtt::Cue &cue : cues) {
            cue.begin += shift;
            cue.end += shift;
        }
        if (cues.size() == 1 && duration > 0) cues[0].end = time + duration;
        return cues;
    }
    // A buffer of a header alone.
    if (form == TextForm::webvtt && text.starts_with("WEBVTT")) return cues;
    webvtt::Cue cue;
    if (form == TextForm::webvtt)
        cue = webvtt::parse_block(text);
    else
        cue.text = form == TextForm::markup ? webvtt::from_markup(text) : webvtt::from_plain(text);
    cue.begin = time;
    cue.end = time + (duration > 0 ? duration : usual_duration);
    cues.push_back(std::move(cue));
    return cues;
}

const char *name_of(Media media) {
    switch (media) {
    case Media::video:
        return "video";
    case Media::audio:
        return "audio";
    case Media::subtitles:
        return "subtitle";
    default:
        return "metadata";
    }
}

} // namespace penstock::hls
