// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file/file_source.h"

#include "file/keyframes.h"
#include "gst/guard.h"
#include "gst/longest_gop.h"
#include "gst/stats.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <iterator>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

GST_DEBUG_CATEGORY_EXTERN(penstock_live_file_src_debug);
#define GST_CAT_DEFAULT penstock_live_file_src_debug

namespace penstock::file {
namespace {

// The multiqueue may exceed its number of buffers while another stream's queue is empty; the limit
// in bytes is absolute, for files with hardly any interleaving.
constexpr guint queue_buffers = 200;
constexpr guint queue_bytes = 256 << 20;

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
    // An announced stream without data must not block the others.
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
    video_tracks_ = audio_tracks_ = audio_tracks_in_all_ = 0;
    chosen_audio_ = -1;
    offset_ = 0;
    latched_loop_ = exposed_ = must_reopen_ = reopened_ = false;
    opened_at_ = g_get_monotonic_time();
    return true;
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
        // Reopening the file for the next pass is not a state change of this element.
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
    const GstStructure *more = nullptr;
    gst_message_parse_error_details(message, &more);
    gint flow = GST_FLOW_OK;
    if (more) gst_structure_get_int(more, "flow-return", &flow);
    GQuark domain = error->domain;
    gint code = error->code;
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
        else if (flow == GST_FLOW_NOT_LINKED) {
            std::vector<std::string> kinds;
            for (const auto &stream : streams_)
                if (std::find(kinds.begin(), kinds.end(), stream->name) == kinds.end())
                    kinds.emplace_back(stream->name);
            text = quoted + " has only " + list(kinds) +
                   ", and nothing here takes that: choose another file, or link the pad " +
                   list(kinds) + ".";
            domain = GST_STREAM_ERROR;
            code = GST_STREAM_ERROR_WRONG_TYPE;
        } else if (error->domain == GST_RESOURCE_ERROR)
            text = "Can't read " + quoted + ": " + error->message +
                   " Check the file and the disk it is on.";
        else
            text = "Can't play " + quoted + " any further: " + error->message;
    }
    fail(domain, code, text, details);
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
        std::move(left_out_.begin(), left_out_.end(), std::back_inserter(streams));
        left_out_.clear();
    }
    for (const auto &stream : streams) {
        if (multiqueue_ && GST_PAD_PARENT(stream->in))
            gst_element_release_request_pad(multiqueue_, stream->in);
        gst_object_unref(stream->in);
        gst_object_unref(stream->out);
    }
}

bool FileSource::query_video(GstQuery *query) {
    const auto enough = is_longest_gop_query(query);
    if (!enough) return false;
    std::string path;
    {
        std::lock_guard lock(lock_);
        path = path_;
    }
    const auto longest = longest_gop(path, *enough, [this] { return closing_ || failed_; });
    if (longest) answer_longest_gop(query, *longest);
    return longest.has_value();
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
                      G_TYPE_UINT, guint(ignored_.size()), "audio-tracks", G_TYPE_UINT,
                      guint(audio_tracks_in_all_), "audio-track", G_TYPE_INT, chosen_audio_,
                      nullptr);
    return stats;
}

} // namespace penstock::file
