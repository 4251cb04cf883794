// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of hlssegmenter: pads, pacing, state and end of stream.
// Lock order: deliver_mutex_, mutex_, the element's object lock. Nothing is pushed, queried or
// posted under any of them. deliver_mutex_ is held while segments are published, which may wait for
// a disk; stats and state changes take only mutex_.
#pragma once

#include "gst/ptr.h"
#include "gst/stats.h"
#include "hls/output.h"
#include "hls/texts.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

namespace penstock::hls {

class Sink {
public:
    explicit Sink(GstElement *element);
    ~Sink();

    Settings settings() const;
    void set_settings(Settings settings);
    GstPtr<GstStructure> stats() const;

    /// `name` may be null. Returns null, after a warning, if there is no place for another track.
    GstPad *request_pad(GstPadTemplate *templ, Media media, const gchar *name);
    /// By position; null if there is none. For GstChildProxy.
    GstPtr<GstPad> pad_at(unsigned index) const;
    unsigned pad_count() const;
    /// A pad's properties have changed.
    void update_about(GstPad *pad);
    void release_pad(GstPad *pad);

    /// READY to PAUSED. Returns false after posting an element error.
    bool start();
    void set_playing(bool playing);
    /// Call before the pads are deactivated: ends all waits of streaming threads.
    void begin_stop();
    /// Call after the pads are deactivated: finishes the last segment and closes the output.
    void stop();

    GstFlowReturn chain(GstPad *pad, GstPtr<GstBuffer> buffer);
    bool event(GstPad *pad, GstPtr<GstEvent> event);
    bool query(GstPad *pad, GstQuery *query);
    /// Queries and upstream events sent to the element by the application or the bin.
    /// element_query() returns false if the default implementation must answer.
    bool element_query(GstQuery *query, gboolean *result);
    bool send_upstream(GstPtr<GstEvent> event);
    /// A custom downstream event on a pad, or sent to the element (`pad` is null). Returns whether
    /// it was one that the playlist tells of.
    bool on_custom(GstPad *pad, GstEvent *event);

private:
    struct Input {
        Media media = Media::video;
        GstPad *pad = nullptr; ///< owned by the element
        /// Of the presentation, of subtitles its text; absent: it has no place there, or is
        /// metadata.
        std::optional<size_t> track;
        GstPtr<GstCaps> caps;
        TextForm text_form = TextForm::plain;
        GstTagList *tags = nullptr;
        Bytes title; ///< an ID3 tag for the time of its next buffer; empty: none
        GstSegment segment;
        bool flushing = false, eos = false;
        bool have_segment = false;
        std::optional<int64_t> reached; ///< running time of its last buffer; ns
        int64_t position = -1;          ///< of its last buffer, stream time in ns; -1: none
        std::optional<bool> live;       ///< answer of the latency query, for this stream
        GstClockID waiting = nullptr;
        uint32_t seqnum = GST_SEQNUM_INVALID;

        Input() = default;
        Input(const Input &) = delete;
        Input &operator=(const Input &) = delete;
        ~Input() {
            if (tags) gst_tag_list_unref(tags);
        }
        /// As before the first event.
        void reset();
    };
    using Lock = std::unique_lock<std::mutex>;

    std::optional<Media> media_of(GstPad *pad) const;
    /// Null if the pad has been released. An input is removed when its pad's streaming thread has
    /// ended.
    Input *find(GstPad *pad) const;
    Layout layout_of(const Settings &settings) const;
    void declare(Input &input);
    void add_text(Input &input, int64_t time, int64_t duration, const Bytes &data);
    void add_metadata(int64_t time, Bytes data);
    void tell_title(Input &input);
    void describe(Input &input);
    std::vector<GstPtr<GstPad>> linked_pads() const;

    bool query_caps(GstPad *pad, GstQuery *query);
    bool on_segment(GstPad *pad, GstEvent *event);
    void on_eos(GstPad *pad, GstEvent *event);
    void on_flush(GstPad *pad, GstEvent *event);
    void on_gap(GstPad *pad, GstEvent *event);
    void on_stream_start(GstPad *pad, GstEvent *event);

    bool on_caps(GstPad *pad, GstEvent *event);
    void on_tags(GstPad *pad, GstEvent *event);
    int64_t reached(GstPad *pad) const;
    bool is_live(GstPad *pad, bool remember);
    bool waits(bool live) const;
    std::optional<int64_t> running_now() const;
    void note_lateness(int64_t lateness);
    GstFlowReturn wait_for(GstPad *pad, int64_t running_time);
    void unschedule(Input &input);
    /// Passes finished segments to the output in order, and posts problems.
    void deliver();
    /// Posts EOS if the stream has ended and the element is playing.
    void post_eos();
    void post_reports(Output &output);
    void post_warnings(const std::vector<std::string> &texts);
    /// Ends the stream if all linked pads have ended.
    void check_eos();
    void warn_of_early_end();
    bool is_package() const;

    GstElement *const element_;
    mutable std::mutex settings_mutex_;
    Settings settings_;

    std::mutex deliver_mutex_;

    mutable std::mutex mutex_;
    std::shared_ptr<Output> output_; ///< null: stopped
    std::condition_variable changed_;
    std::vector<std::unique_ptr<Input>> inputs_;
    std::unique_ptr<Presentation> presentation_; ///< null: stopped
    std::vector<Presentation::Expected> told_;   ///< the output's renditions
    DateRanges date_ranges_;
    std::string title_, artist_;                 ///< that were told last
    uint32_t range_seqnum_ = GST_SEQNUM_INVALID; ///< of the last splice event
    bool has_renditions_ = false;
    bool realtime_ = true; ///< media arrives in real time
    Settings running_settings_;
    bool playing_ = false; ///< from the element's state changes
    bool stopping_ = false;
    bool ended_ = false;       ///< all pads have ended
    bool eos_pending_ = false; ///< the EOS message waits for PLAYING
    bool stream_start_posted_ = false;
    uint32_t eos_seqnum_ = GST_SEQNUM_INVALID;
    uint32_t flush_seqnum_ = GST_SEQNUM_INVALID; ///< of the last flush
    int64_t furthest_ = -1;                      ///< the latest position of any pad
    // How late media is by the pipeline's clock, while the stream begins; ns.
    int64_t lateness_ = 0; ///< of the sample that is added, then for good
    int64_t least_lateness_ = 0;
    int64_t begun_at_ = 0; ///< monotonic; 0: nothing has come
    std::atomic<bool> begins_ = true;
    std::atomic<unsigned> key_requests_ = 0;
    uint64_t published_ = 0, dropped_ = 0;
    Counters counters_;
};

} // namespace penstock::hls
