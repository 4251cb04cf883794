// SPDX-License-Identifier: LGPL-2.1-or-later
// What livefilesrc does: opens a file, exposes its encoded streams, loops without a gap.
#pragma once

#include "file/tracks.h"
#include "gst/ptr.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace penstock::file {

/// What is done with a rotation that the file asks for.
enum class Rotate {
    pass,   ///< the orientation tag goes downstream, where copyorencode turns the video upright
    ignore, ///< the tag is taken out: the video is shown as it is stored
};

/// A file's way: filesrc ! parsebin ! multiqueue ! ghost pads.
///
/// Loop: the end of stream is held back where it leaves the multiqueue, so all is played; until the
/// other streams have ended too, GAP events tell downstream not to wait for this one. When every
/// stream has ended, one flushing seek to the start goes up to the demuxer, and its flush stays
/// inside: unlike SEGMENT seeks, that is done alike by the demuxers. flvdemux, which begins behind
/// the first keyframe after a seek, and formats that have no seek, are opened again instead.
/// Downstream one segment without an end goes on (parsers take another one for a gap): timestamps
/// grow by the length of the longest stream, the same for all streams. Where loop was set only
/// after the segment, another one comes with each pass, and its base grows.
///
/// Thread rules: lock_ guards all fields but the atomics; never held across a push, query, message
/// or signal. rewind() holds the element's state lock, which no streaming thread needs.
class FileSource {
public:
    explicit FileSource(GstBin *bin);
    ~FileSource();
    FileSource(const FileSource &) = delete;
    FileSource &operator=(const FileSource &) = delete;

    std::string location() const;
    void set_location(const char *location);

    /// READY → PAUSED, before the children start. False after an element error was posted.
    bool open();
    /// PAUSED → READY, before and after the children stop.
    void begin_close();
    void close();
    /// A child's message; true if it must not go on. A child's first error becomes one that says
    /// how to mend it, later ones are only its consequences.
    bool take_message(GstMessage *message);

    GstPtr<GstStructure> stats() const;

    std::atomic<bool> loop = false;
    std::atomic<Rotate> rotate = Rotate::pass;
    /// An index from 0 in the file's order, or automatic_track. Read when all tracks are known.
    std::atomic<int> audio_track = automatic_track;

private:
    /// One track, exposed or left out.
    struct Stream {
        FileSource *owner = nullptr;
        const char *name = nullptr;           ///< "video" or "audio"
        size_t track = 0;                     ///< index among the tracks of its kind
        GstPad *in = nullptr, *out = nullptr; ///< the multiqueue's, owned references
        gulong block = 0, data = 0;           ///< probes at `out`
        GstSegment segment;                   ///< as the demuxer means it
        GstSegment sent;                      ///< what downstream has
        GstClockTimeDiff shift = 0;           ///< from the demuxer's timestamps to those of `sent`
        GstClockTime end = 0;                 ///< running time at which this pass ends so far
        GstClockTime newest = 0;              ///< running time of the last timestamp
        GstClockTime step = 0;                ///< between the last two
        bool ended = false;
        bool telling = false; ///< after its end: its thread may be downstream, in a GAP event
        bool started = false; ///< STREAM_START has gone out
        bool first = false;   ///< the next buffer is the first of another pass
    };

    bool make_children();
    bool check_file(const std::string &path);
    void on_pad_added(GstPad *pad);
    void on_demuxer(GstElement *demuxer);
    void add_track(GstPad *pad, const char *kind, size_t track);
    void expose(bool even_if_incomplete);
    bool choose_tracks(std::vector<std::unique_ptr<Stream>> &left_out, std::string &error);
    std::string no_such_track(size_t count, int wanted) const;
    GstPadProbeReturn on_data(Stream &stream, GstPadProbeInfo *info);
    GstPadProbeReturn on_event(Stream &stream, GstPadProbeInfo *info);
    GstPadProbeReturn on_segment(Stream &stream, GstPadProbeInfo *info);
    GstPadProbeReturn on_buffer(Stream &stream, GstPadProbeInfo *info);
    bool hold_eos(Stream &stream);
    void report_gaps(Stream &stream);
    void rewind();
    bool seek_to_start();
    void reopen();
    void unlink_all();
    void fail(GQuark domain, int code, const std::string &text, const std::string &debug);
    void translate(GstMessage *message);

    GstBin *const bin_; ///< borrowed: it owns us
    GstElement *filesrc_ = nullptr, *parsebin_ = nullptr, *multiqueue_ = nullptr; ///< the bin's

    mutable std::mutex lock_;
    std::condition_variable progress_; ///< a stream went on, ended or was flushed; or we close
    std::string location_, path_;
    std::vector<std::unique_ptr<Stream>> streams_; ///< before they are exposed: all tracks
    /// Tracks that were not chosen: nothing is linked to their source pads, and the multiqueue
    /// lets them go no further than the others.
    std::vector<std::unique_ptr<Stream>> left_out_;
    std::vector<std::string> missing_;  ///< what no installed plugin can do
    std::vector<std::string> ignored_;  ///< streams that were found and not exposed
    std::vector<std::string> expected_; ///< the kind of each stream that a demuxer has found
    size_t video_tracks_ = 0, audio_tracks_ = 0; ///< that parsebin has found in this pass
    size_t audio_tracks_in_all_ = 0;             ///< in the first pass
    int chosen_audio_ = -1;                      ///< index; -1: none, or not known yet
    int demuxers_ = 0;                           ///< that may still find more streams
    GstClockTime offset_ = 0;                    ///< running time at which this pass begins
    bool latched_loop_ = false; ///< this pass's decision, made at its first end of stream
    bool exposed_ = false;
    bool must_reopen_ = false; ///< a demuxer that can't be trusted to seek
    bool reopened_ = false;
    gint64 opened_at_ = 0; ///< microseconds, monotonic

    std::atomic<bool> failed_ = false;
    std::atomic<bool> closing_ = false;
    std::atomic<bool> rewinding_ = false; ///< flushes and new streams are ours
    std::atomic<uint64_t> bytes_ = 0, buffers_ = 0, loops_ = 0;
};

} // namespace penstock::file
