// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds the tracks of a file and decides which livefilesrc exposes.
#include "file/file_source.h"

#include "file/livefilesrc.h"
#include "gst/guard.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <string_view>

GST_DEBUG_CATEGORY_EXTERN(penstock_live_file_src_debug);
#define GST_CAT_DEFAULT penstock_live_file_src_debug

namespace penstock::file {
namespace {

/// Returns "video", "audio" or nullptr.
const char *kind_of(GstPad *pad) {
    auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    if (!caps) caps = GstPtr<GstCaps>::adopt(gst_pad_query_caps(pad, nullptr));
    if (!caps || gst_caps_is_empty(caps.get()) || gst_caps_is_any(caps.get())) return nullptr;
    const GstStructure *s = gst_caps_get_structure(caps.get(), 0);
    const char *name = gst_structure_get_name(s);
    if (g_str_has_prefix(name, "video/")) return "video";
    if (g_str_has_prefix(name, "audio/")) return "audio";
    gint numerator = 0, denominator = 1;
    // Motion JPEG is video; a still image such as a cover has no frame rate.
    if (g_str_has_prefix(name, "image/") &&
        gst_structure_get_fraction(s, "framerate", &numerator, &denominator) && numerator > 0)
        return "video";
    return nullptr;
}

std::string caps_text(GstPad *pad) {
    auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    if (!caps || gst_caps_get_size(caps.get()) == 0) return "unknown";
    return gst_structure_get_name(gst_caps_get_structure(caps.get(), 0));
}

GstStreamFlags flags_of(GstPad *pad) {
    GstStreamFlags flags = GST_STREAM_FLAG_NONE;
    auto start = GstPtr<GstEvent>::adopt(gst_pad_get_sticky_event(pad, GST_EVENT_STREAM_START, 0));
    if (start) gst_event_parse_stream_flags(start.get(), &flags);
    return flags;
}

} // namespace

void FileSource::on_pad_added(GstPad *pad) {
    const char *kind = kind_of(pad);
    GstPad *in = nullptr;
    size_t track = 0;
    bool reopened, too_late;
    {
        std::lock_guard lock(lock_);
        if (kind) track = (strcmp(kind, "audio") == 0 ? audio_tracks_ : video_tracks_)++;
        for (const auto &stream : streams_)
            if (reopened_ && kind && !strcmp(stream->name, kind) && stream->track == track &&
                !gst_pad_is_linked(stream->in))
                in = stream->in;
        reopened = reopened_;
        too_late = exposed_ || track >= most_tracks;
        if (!reopened && (!kind || too_late)) ignored_.push_back(caps_text(pad));
    }
    // Reopened for a further pass: the chosen tracks are linked again.
    if (in) gst_pad_link(pad, in);
    if (reopened) return;
    if (kind && !too_late) return add_track(pad, kind, track);
    GST_WARNING_OBJECT(bin_, "the stream %s (%s) is ignored: %s", GST_PAD_NAME(pad),
                       caps_text(pad).c_str(), kind ? "found too late" : "neither audio nor video");
}

/// Links a track to the multiqueue; which tracks are exposed is decided once all are known.
void FileSource::add_track(GstPad *pad, const char *kind, size_t track) {
    GstPad *in = gst_element_request_pad_simple(multiqueue_, "sink_%u");
    auto stream = std::make_unique<Stream>();
    stream->owner = this;
    stream->name = kind;
    stream->track = track;
    stream->in = in;
    const std::string out = "src_" + std::string(GST_PAD_NAME(in) + strlen("sink_"));
    stream->out = gst_element_get_static_pad(multiqueue_, out.c_str());
    gst_segment_init(&stream->segment, GST_FORMAT_TIME);
    // Data is blocked until expose(), because parsebin does not signal its last pad.
    gst_pad_add_probe(
        in,
        GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST |
                        GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            auto *self = static_cast<FileSource *>(data);
            bool eos = false;
            if (GST_PAD_PROBE_INFO_TYPE(info) & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
                const GstEventType type = GST_EVENT_TYPE(GST_PAD_PROBE_INFO_EVENT(info));
                eos = type == GST_EVENT_EOS;
                if (type != GST_EVENT_GAP && !eos) return GST_PAD_PROBE_OK;
            }
            return guard(self->bin_, GST_PAD_PROBE_REMOVE, [&] {
                self->expose(eos);
                std::lock_guard lock(self->lock_);
                return self->exposed_ ? GST_PAD_PROBE_REMOVE : GST_PAD_PROBE_OK;
            });
        },
        this, nullptr);
    stream->block = gst_pad_add_probe(
        stream->out, GST_PAD_PROBE_TYPE_BLOCK_DOWNSTREAM,
        [](GstPad *, GstPadProbeInfo *, gpointer) { return GST_PAD_PROBE_OK; }, nullptr, nullptr);
    stream->data = gst_pad_add_probe(
        stream->out,
        GstPadProbeType(GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM |
                        GST_PAD_PROBE_TYPE_EVENT_FLUSH),
        [](GstPad *, GstPadProbeInfo *info, gpointer data) {
            auto *s = static_cast<Stream *>(data);
            return guard(s->owner->bin_, GST_PAD_PROBE_OK,
                         [&] { return s->owner->on_data(*s, info); });
        },
        stream.get(), nullptr);
    {
        std::lock_guard lock(lock_);
        streams_.push_back(std::move(stream));
    }
    if (GST_PAD_LINK_FAILED(gst_pad_link(pad, in)))
        GST_ERROR_OBJECT(bin_, "can't link %s", GST_PAD_NAME(pad));
}

// Watches a child of parsebin that adds pads as it finds streams, that is, a demuxer.
void FileSource::on_demuxer(GstElement *demuxer) {
    bool finds = false;
    const GList *templates =
        gst_element_class_get_pad_template_list(GST_ELEMENT_GET_CLASS(demuxer));
    for (; templates; templates = templates->next) {
        auto *templ = static_cast<GstPadTemplate *>(templates->data);
        finds |= GST_PAD_TEMPLATE_DIRECTION(templ) == GST_PAD_SRC &&
                 GST_PAD_TEMPLATE_PRESENCE(templ) == GST_PAD_SOMETIMES;
    }
    if (!finds) return;
    const GstElementFactory *factory = gst_element_get_factory(demuxer);
    {
        std::lock_guard lock(lock_);
        ++demuxers_;
        must_reopen_ |= factory && !strcmp(GST_OBJECT_NAME(factory), "flvdemux");
    }
    g_signal_connect(demuxer, "pad-added",
                     G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer data) {
                         auto *self = static_cast<FileSource *>(data);
                         guard(self->bin_, [&] {
                             const char *kind = kind_of(pad);
                             std::lock_guard lock(self->lock_);
                             if (kind) self->expected_.push_back(kind);
                         });
                     }),
                     this);
    g_signal_connect(demuxer, "no-more-pads", G_CALLBACK(+[](GstElement *, gpointer data) {
                         auto *self = static_cast<FileSource *>(data);
                         std::lock_guard lock(self->lock_);
                         if (self->demuxers_ > 0) --self->demuxers_;
                     }),
                     this);
}

/// Keeps one track of each kind in streams_. If audio-track names a missing track, keeps all, sets
/// `error` and returns false. Called with the lock held.
bool FileSource::choose_tracks(std::vector<std::unique_ptr<Stream>> &left_out, std::string &error) {
    const auto flags_of_kind = [this](std::string_view kind) {
        std::vector<GstStreamFlags> flags;
        for (const auto &stream : streams_)
            if (kind == stream->name) flags.push_back(flags_of(stream->in));
        return flags;
    };
    const auto video = choose_track(flags_of_kind("video"), automatic_track);
    const auto audio_flags = flags_of_kind("audio");
    const int wanted = audio_track;
    const auto audio = choose_track(audio_flags, wanted);
    if (!audio && wanted != automatic_track) {
        error = no_such_track(audio_flags.size(), wanted);
        return false;
    }
    audio_tracks_in_all_ = audio_flags.size();
    chosen_audio_ = audio ? static_cast<int>(*audio) : -1;
    const auto is_left_out = [&](const std::unique_ptr<Stream> &stream) {
        const auto &chosen = std::string_view(stream->name) == "video" ? video : audio;
        return stream->track != *chosen;
    };
    const auto middle = std::stable_partition(
        streams_.begin(), streams_.end(), [&](const auto &stream) { return !is_left_out(stream); });
    for (auto it = middle; it != streams_.end(); ++it)
        ignored_.push_back(caps_text((*it)->in));
    std::move(middle, streams_.end(), std::back_inserter(left_out));
    streams_.erase(middle, streams_.end());
    return true;
}

/// Called with the lock held.
std::string FileSource::no_such_track(size_t count, int wanted) const {
    const std::string has = count == 0   ? "no audio track"
                            : count == 1 ? "1 audio track"
                                         : std::to_string(count) + " audio tracks";
    const std::string choices = count == 0   ? ""
                                : count == 1 ? "0, or to "
                                             : "0 to " + std::to_string(count - 1) + ", or to ";
    return "\"" + path_ + "\" has " + has + ", and audio-track is " + std::to_string(wanted) +
           ": set it to " + choices + "-1 for the default track.";
}

// Exposes the pads once data flows, no demuxer is looking for more streams, and parsebin has output
// all announced streams: only then no further pad can appear.
void FileSource::expose(bool even_if_incomplete) {
    std::vector<Stream *> streams;
    std::vector<std::unique_ptr<Stream>> left_out;
    std::string error;
    {
        std::lock_guard lock(lock_);
        if (exposed_) return;
        const bool all_came =
            std::all_of(expected_.begin(), expected_.end(), [this](const std::string &kind) {
                return std::count_if(streams_.begin(), streams_.end(), [&](const auto &s) {
                           return kind == s->name;
                       }) >= std::count(expected_.begin(), expected_.end(), kind);
            });
        if (!even_if_incomplete && (demuxers_ > 0 || !all_came)) return;
        exposed_ = true;
        if (choose_tracks(left_out, error))
            for (const auto &stream : streams_)
                streams.push_back(stream.get());
    }
    if (!error.empty()) {
        fail(GST_STREAM_ERROR, GST_STREAM_ERROR_FAILED, error, "");
        return;
    }
    GstElementClass *klass = GST_ELEMENT_GET_CLASS(bin_);
    for (Stream *stream : streams) {
        GstPad *ghost = gst_ghost_pad_new_from_template(
            stream->name, stream->out, gst_element_class_get_pad_template(klass, stream->name));
        if (std::string_view(stream->name) == "video")
            gst_pad_set_query_function(ghost, [](GstPad *pad, GstObject *parent, GstQuery *query) {
                FileSource &self = *reinterpret_cast<PenstockLiveFileSrc *>(parent)->impl;
                const bool is_answered =
                    guard(parent, false, [&] { return self.query_video(query); });
                return is_answered ? gboolean(TRUE) : gst_pad_query_default(pad, parent, query);
            });
        gst_pad_set_active(ghost, TRUE);
        gst_element_add_pad(GST_ELEMENT(bin_), ghost);
    }
    gst_element_no_more_pads(GST_ELEMENT(bin_));
    for (const auto &stream : left_out) {
        GST_INFO_OBJECT(bin_, "%s track %zu (%s) is left out", stream->name, stream->track,
                        caps_text(stream->in).c_str());
        gst_pad_remove_probe(stream->out, std::exchange(stream->data, 0));
        gst_pad_remove_probe(stream->out, std::exchange(stream->block, 0));
    }
    for (Stream *stream : streams)
        gst_pad_remove_probe(stream->out, std::exchange(stream->block, 0));
    std::lock_guard lock(lock_);
    left_out_ = std::move(left_out);
}

} // namespace penstock::file
