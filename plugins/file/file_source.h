// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of livefilesrc: opens a file, exposes its encoded streams, loops without a
// gap.
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

/// How to handle a rotation stored in the file.
enum class Rotate {
    pass,   ///< the orientation tag goes downstream, where copyorencode turns the video upright
    ignore, ///< the tag is removed: the video is shown as stored
};

/// The bin contains filesrc ! parsebin ! multiqueue ! ghost pads.
///
/// Looping: EOS is held back at the multiqueue's source pads, after all data. GAP events keep
/// downstream elements from waiting for a stream that has ended. When all streams have ended, a
/// flushing seek to the start is sent to the demuxer; its flush events are dropped at the
/// multiqueue's source pads. (All demuxers support flushing seeks, but not SEGMENT seeks.)
/// flvdemux, which resumes after the first keyframe after a seek, and formats without seeking are
/// reopened instead. Downstream sees a single segment without a stop, because parsers treat another
/// segment as a gap: with each pass the timestamps of all streams increase by the longest stream's
/// duration. If loop was only set after the segment, each pass has its own segment with a greater
/// base.
///
/// Locks: lock_ guards all fields except the atomics; it is never held during a push, query,
/// message or signal. rewind() holds the element's state lock, which no streaming thread takes.
class FileSource {
public:
    explicit FileSource(GstBin *bin);
    ~FileSource();
    FileSource(const FileSource &) = delete;
    FileSource &operator=(const FileSource &) = delete;

    std::string location() const;
    void set_location(const char *location);

    /// READY → PAUSED, before the children start. Returns false after posting an element error.
    bool open();
    /// PAUSED → READY, before and after the children stop.
    void begin_close();
    void close();
    /// Handles a child's message; returns true if it must not be forwarded. The child's first error
    /// is replaced by one that suggests a remedy; later ones are consequences and dropped.
    bool take_message(GstMessage *message);

    GstPtr<GstStructure> stats() const;

    /// Answers what other elements do not know of the file. Returns false for other queries. May
    /// read the file.
    bool query_video(GstQuery *query);

    std::atomic<bool> loop = false;
    std::atomic<Rotate> rotate = Rotate::pass;
    /// An index from 0 in file order, or automatic_track. Read once all tracks are known.
    std::atomic<int> audio_track = automatic_track;

private:
    /// A track, exposed or omitted.
    struct Stream {
        FileSource *owner = nullptr;
        const char *name = nullptr;           ///< "video" or "audio"
        size_t track = 0;                     ///< index among the tracks of its kind
        GstPad *in = nullptr, *out = nullptr; ///< pads of the multiqueue, owned references
        gulong block = 0, data = 0;           ///< probes at `out`
        GstSegment segment;                   ///< the demuxer's latest segment
        GstSegment sent;                      ///< the latest segment sent downstream
        GstClockTimeDiff shift = 0;           ///< added to the demuxer's timestamps; ns
        GstClockTime end = 0;                 ///< running time of the end of this pass so far
        GstClockTime newest = 0;              ///< running time of the last timestamp
        GstClockTime step = 0;                ///< difference of the last two timestamps
        bool ended = false;
        bool telling = false;  ///< its thread may be downstream, pushing a GAP event after the end
        bool started = false;  ///< STREAM_START was sent
        bool first = false;    ///< the next buffer is the first of a further pass
        bool has_sent = false; ///< a buffer of this pass, or since a flush
        unsigned flushes = 0;
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
    bool is_held_up(const Stream &stream, GstClockTime running) const;
    bool hold_eos(Stream &stream);
    void report_gaps(Stream &stream);
    void rewind();
    bool seek_to_start();
    void reopen();
    void unlink_all();
    void fail(GQuark domain, int code, const std::string &text, const std::string &debug);
    void translate(GstMessage *message);

    GstBin *const bin_; ///< borrowed; owns this object
    GstElement *filesrc_ = nullptr, *parsebin_ = nullptr,
               *multiqueue_ = nullptr; ///< bin_ owns them

    mutable std::mutex lock_;
    std::condition_variable progress_; ///< a stream progressed, ended or was flushed, or closing_
    std::string location_, path_;
    std::vector<std::unique_ptr<Stream>> streams_; ///< before they are exposed: all tracks
    /// Tracks that were not chosen. Their source pads are unlinked, and the multiqueue keeps them
    /// in step with the others.
    std::vector<std::unique_ptr<Stream>> left_out_;
    std::vector<std::string> missing_;  ///< formats that no installed plugin handles
    std::vector<std::string> ignored_;  ///< streams that were found but not exposed
    std::vector<std::string> expected_; ///< the kind of each stream that a demuxer announced
    size_t video_tracks_ = 0, audio_tracks_ = 0; ///< number found by parsebin in this pass
    size_t audio_tracks_in_all_ = 0;             ///< in the first pass
    int chosen_audio_ = -1;                      ///< index; -1: none, or not yet known
    int demuxers_ = 0;                           ///< demuxers that may still find streams
    GstClockTime offset_ = 0;                    ///< running time at the start of this pass
    bool latched_loop_ = false; ///< whether this pass loops; decided when its first stream ends
    bool exposed_ = false;
    bool must_reopen_ = false; ///< the demuxer can't seek to the first keyframe
    bool reopened_ = false;
    gint64 opened_at_ = 0; ///< microseconds, monotonic

    std::atomic<bool> failed_ = false;
    std::atomic<bool> closing_ = false;
    std::atomic<bool> rewinding_ = false; ///< current flushes are caused by rewind()
    std::atomic<uint64_t> bytes_ = 0, buffers_ = 0, loops_ = 0;
};

} // namespace penstock::file
