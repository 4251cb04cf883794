// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file/file_source.h"

#include "gst/guard.h"
#include "gst/stats.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

GST_DEBUG_CATEGORY_EXTERN(penstock_live_file_src_debug);
#define GST_CAT_DEFAULT penstock_live_file_src_debug

namespace penstock::file {
namespace {

// The multiqueue grows past its number of buffers while another stream's queue is empty; bytes
// are its hard bound, for files whose streams are hardly interleaved at all.
constexpr guint queue_buffers = 200;
constexpr guint queue_bytes = 256 << 20;

/// "video", "audio" or null.
const char *kind_of(GstPad *pad) {
    auto caps = GstPtr<GstCaps>::adopt(gst_pad_get_current_caps(pad));
    if (!caps) caps = GstPtr<GstCaps>::adopt(gst_pad_query_caps(pad, nullptr));
    if (!caps || gst_caps_is_empty(caps.get()) || gst_caps_is_any(caps.get())) return nullptr;
    const GstStructure *s = gst_caps_get_structure(caps.get(), 0);
    const char *name = gst_structure_get_name(s);
    if (g_str_has_prefix(name, "video/")) return "video";
    if (g_str_has_prefix(name, "audio/")) return "audio";
    gint numerator = 0, denominator = 1;
    // Motion JPEG; a still picture (a cover) has no rate.
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

std::string list(const std::vector<std::string> &items) {
    std::string text;
    for (const auto &item : items)
        text += (text.empty() ? "" : ", ") + item;
    return text;
}

} // namespace

FileSource::FileSource(GstBin *bin) : bin_(bin) {
}

FileSource::~FileSource() {
    unlink_all();
}

std::string FileSource::location() const {
    std::lock_guard lock(lock_);
    return location_;
}

void FileSource::set_location(const char *location) {
    std::lock_guard lock(lock_);
    location_ = location ? location : "";
}

void FileSource::fail(GQuark domain, int code, const std::string &text, const std::string &debug) {
    if (failed_.exchange(true)) return;
    gst_element_message_full(
        GST_ELEMENT(bin_), GST_MESSAGE_ERROR, domain, code, g_strdup(text.c_str()),
        debug.empty() ? nullptr : g_strdup(debug.c_str()), __FILE__, "livefilesrc", __LINE__);
}

void FileSource::begin_close() {
    std::lock_guard lock(lock_);
    closing_ = true;
    progress_.notify_all();
}

bool FileSource::make_children() {
    if (filesrc_) return true;
    const auto make = [this](const char *name, const char *package) -> GstElement * {
        GstElement *element = gst_element_factory_make(name, nullptr);
        if (!element)
            fail(GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
                 std::string("The GStreamer element ") + name + " is missing: install " + package +
                     ".",
                 "");
        return element;
    };
    GstElement *filesrc = make("filesrc", "libgstreamer1.0-0");
    GstElement *parsebin = make("parsebin", "gstreamer1.0-plugins-base");
    GstElement *multiqueue = make("multiqueue", "libgstreamer1.0-0");
    if (!filesrc || !parsebin || !multiqueue) {
        for (GstElement *element : {filesrc, parsebin, multiqueue})
            if (element) gst_object_unref(gst_object_ref_sink(element));
        return false;
    }
    gst_bin_add_many(bin_, filesrc, parsebin, multiqueue, nullptr);
    g_object_set(multiqueue, "max-size-buffers", queue_buffers, "max-size-bytes", queue_bytes,
                 "max-size-time", guint64(0), nullptr);
    gst_element_link(filesrc, parsebin);
    g_signal_connect(parsebin, "pad-added",
                     G_CALLBACK(+[](GstElement *, GstPad *pad, gpointer data) {
                         auto *self = static_cast<FileSource *>(data);
                         guard(self->bin_, [&] { self->on_pad_added(pad); });
                     }),
                     this);
    g_signal_connect(parsebin, "element-added",
                     G_CALLBACK(+[](GstBin *, GstElement *child, gpointer data) {
                         auto *self = static_cast<FileSource *>(data);
                         guard(self->bin_, [&] { self->on_demuxer(child); });
                     }),
                     this);
    // A stream that was announced and never comes must not stop the others for ever.
    g_signal_connect(multiqueue, "overrun", G_CALLBACK(+[](GstElement *, gpointer data) {
                         auto *self = static_cast<FileSource *>(data);
                         guard(self->bin_, [&] { self->expose(true); });
                     }),
                     this);
    filesrc_ = filesrc;
    parsebin_ = parsebin;
    multiqueue_ = multiqueue;
    return true;
}

bool FileSource::check_file(const std::string &path) {
    struct stat info;
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const int error = errno;
    const bool known = fd >= 0 && fstat(fd, &info) == 0;
    if (fd >= 0) ::close(fd);
    if (known && S_ISREG(info.st_mode) && info.st_size > 0) return true;
    std::error_code code;
    const std::string quoted = "\"" + std::filesystem::absolute(path, code).string() + "\"";
    if (!known && error == ENOENT)
        fail(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
             "There is no file " + quoted + ": check the property location.", "");
    else if (!known)
        fail(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
             "Can't read " + quoted + ": " + g_strerror(error) +
                 ". Give this user the right to read it, or choose another file.",
             "");
    else if (!S_ISREG(info.st_mode))
        fail(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
             quoted + " is not a regular file: set location to a media file.", "");
    else
        fail(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ,
             quoted + " is empty: set location to a media file.", "");
    return false;
}

bool FileSource::open() {
    failed_ = closing_ = rewinding_ = false;
    if (!make_children()) return false;
    std::string path = location();
    if (path.empty()) {
        fail(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NOT_FOUND,
             "No file to play: set the property location to a path or a file:// URI.", "");
        return false;
    }
    if (gst_uri_is_valid(path.c_str())) {
        const GOwned<> file(g_filename_from_uri(path.c_str(), nullptr, nullptr));
        if (!file) {
            fail(GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_SETTINGS,
                 "\"" + path + "\" is not a local file: location takes a path or a file:// URI.",
                 "");
            return false;
        }
        path = file.get();
    }
    if (!check_file(path)) return false;
    g_object_set(filesrc_, "location", path.c_str(), nullptr);
    std::lock_guard lock(lock_);
    path_ = path;
    missing_.clear();
    ignored_.clear();
    expected_.clear();
    demuxers_ = 0;
    offset_ = 0;
    latched_loop_ = exposed_ = must_reopen_ = reopened_ = false;
    opened_at_ = g_get_monotonic_time();
    return true;
}

void FileSource::on_pad_added(GstPad *pad) {
    const char *kind = kind_of(pad);
    GstPad *in = nullptr;
    bool taken, known = false;
    {
        std::lock_guard lock(lock_);
        for (const auto &stream : streams_) {
            if (!reopened_ || !kind || strcmp(stream->name, kind)) continue;
            known = true;
            if (!gst_pad_is_linked(stream->in)) in = stream->in;
        }
        taken = exposed_ || std::any_of(streams_.begin(), streams_.end(), [&](const auto &s) {
                    return kind && !strcmp(s->name, kind);
                });
        if (!reopened_ && (!kind || taken)) ignored_.push_back(caps_text(pad));
    }
    // Another pass: the same streams again.
    if (in) gst_pad_link(pad, in);
    if (known) return;
    if (!kind || taken) {
        GST_WARNING_OBJECT(bin_, "the stream %s (%s) is ignored: %s", GST_PAD_NAME(pad),
                           caps_text(pad).c_str(),
                           kind ? "only the first of its kind is served" : "not audio or video");
        return;
    }
    in = gst_element_request_pad_simple(multiqueue_, "sink_%u");
    auto stream = std::make_unique<Stream>();
    stream->owner = this;
    stream->name = kind;
    stream->in = in;
    const std::string out = "src_" + std::string(GST_PAD_NAME(in) + strlen("sink_"));
    stream->out = gst_element_get_static_pad(multiqueue_, out.c_str());
    gst_segment_init(&stream->segment, GST_FORMAT_TIME);
    // parsebin does not say when it has no more pads: see expose(). Nothing leaves before.
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
    gst_pad_add_probe(
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

// A child of parsebin: does it find streams as it goes?
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

// Exposes the pads when data flows, no demuxer looks for more streams, and each kind of stream that
// was found has come out of parsebin: only then no pad can be late.
void FileSource::expose(bool even_if_incomplete) {
    std::vector<Stream *> streams;
    {
        std::lock_guard lock(lock_);
        if (exposed_) return;
        const bool all_came =
            std::all_of(expected_.begin(), expected_.end(), [this](const std::string &kind) {
                return std::any_of(streams_.begin(), streams_.end(),
                                   [&](const auto &s) { return kind == s->name; });
            });
        if (!even_if_incomplete && (demuxers_ > 0 || !all_came)) return;
        exposed_ = true;
        for (const auto &stream : streams_)
            streams.push_back(stream.get());
    }
    GstElementClass *klass = GST_ELEMENT_GET_CLASS(bin_);
    for (Stream *stream : streams) {
        GstPad *ghost = gst_ghost_pad_new_from_template(
            stream->name, stream->out, gst_element_class_get_pad_template(klass, stream->name));
        gst_pad_set_active(ghost, TRUE);
        gst_element_add_pad(GST_ELEMENT(bin_), ghost);
    }
    gst_element_no_more_pads(GST_ELEMENT(bin_));
    for (Stream *stream : streams)
        gst_pad_remove_probe(stream->out, std::exchange(stream->block, 0));
}

bool FileSource::take_message(GstMessage *message) {
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT &&
        gst_message_has_name(message, "missing-plugin")) {
        const char *what = gst_structure_get_string(gst_message_get_structure(message), "name");
        std::lock_guard lock(lock_);
        missing_.push_back(what ? what : "unknown");
        return false;
    }
    if (GST_MESSAGE_TYPE(message) == GST_MESSAGE_ASYNC_START ||
        GST_MESSAGE_TYPE(message) == GST_MESSAGE_ASYNC_DONE) {
        // Nobody waits for a file that is opened again.
        std::lock_guard lock(lock_);
        return reopened_;
    }
    if (GST_MESSAGE_TYPE(message) != GST_MESSAGE_ERROR ||
        GST_MESSAGE_SRC(message) == GST_OBJECT_CAST(bin_))
        return false;
    translate(message);
    return true;
}

void FileSource::translate(GstMessage *message) {
    GError *error = nullptr;
    gchar *debug = nullptr;
    gst_message_parse_error(message, &error, &debug);
    const std::string details =
        std::string(error->message) + (debug ? std::string("\n") + debug : std::string());
    std::string text;
    {
        std::lock_guard lock(lock_);
        const std::string quoted = "\"" + path_ + "\"";
        if (!missing_.empty() && !exposed_)
            text = quoted + " needs GStreamer plugins that are not installed: " + list(missing_) +
                   ". Install them (gstreamer1.0-plugins-good, -bad, -ugly, gstreamer1.0-libav).";
        else if (!ignored_.empty() && streams_.empty())
            text = quoted + " has no audio or video, only " + list(ignored_) +
                   ": choose another file.";
        else if (error->domain == GST_STREAM_ERROR && !exposed_)
            text = quoted +
                   " is not a media file that GStreamer can play: choose another file, or look at "
                   "it with gst-discoverer-1.0.";
        else if (error->domain == GST_RESOURCE_ERROR)
            text = "Can't read " + quoted + ": " + error->message +
                   " Check the file and the disk it is on.";
        else
            text = "Can't play " + quoted + " any further: " + error->message;
    }
    fail(error->domain, error->code, text, details);
    g_error_free(error);
    g_free(debug);
}

void FileSource::close() {
    GstElement *element = GST_ELEMENT(bin_);
    for (const char *name : {"video", "audio"}) {
        const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(element, name));
        if (!pad) continue;
        gst_pad_set_active(pad.get(), FALSE);
        gst_element_remove_pad(element, pad.get());
    }
    unlink_all();
    std::lock_guard lock(lock_);
    opened_at_ = 0;
}

void FileSource::unlink_all() {
    std::vector<std::unique_ptr<Stream>> streams;
    {
        std::lock_guard lock(lock_);
        streams.swap(streams_);
    }
    for (const auto &stream : streams) {
        if (multiqueue_ && GST_PAD_PARENT(stream->in))
            gst_element_release_request_pad(multiqueue_, stream->in);
        gst_object_unref(stream->in);
        gst_object_unref(stream->out);
    }
}

GstPtr<GstStructure> FileSource::stats() const {
    guint peers = 0;
    for (const char *name : {"video", "audio"}) {
        const auto pad = GstPtr<GstPad>::adopt(gst_element_get_static_pad(GST_ELEMENT(bin_), name));
        peers += pad && gst_pad_is_linked(pad.get());
    }
    std::lock_guard lock(lock_);
    const Stats common{bytes_, bytes_, buffers_, buffers_, 0, peers, opened_at_};
    auto stats = common.to_structure();
    gst_structure_set(stats.get(), "loops", G_TYPE_UINT64, loops_.load(), "ignored-streams",
                      G_TYPE_UINT, guint(ignored_.size()), nullptr);
    return stats;
}

} // namespace penstock::file
