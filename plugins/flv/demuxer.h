// SPDX-License-Identifier: LGPL-2.1-or-later
// The implementation of flvlivedemux: tags in, one elementary stream per pad out.
#pragma once

#include "core/flv/normalizer.h"
#include "flv/codecs.h"
#include "flv/metadata.h"
#include "flv/timeline.h"
#include "gst/flv_reader.h"
#include "gst/ptr.h"
#include "gst/stats.h"

#include <gst/base/gstflowcombiner.h>

#include <deque>
#include <vector>

namespace penstock::flv {

/// All methods except the queries, stats() and src_event() run under the sink pad's stream lock or
/// while nothing streams; data used by those three is atomic or guarded by the element's object
/// lock.
class Demuxer {
public:
    Demuxer(GstElement *element, GstPad *sink);
    ~Demuxer();

    void start();
    void stop();
    GstFlowReturn chain(GstPtr<GstBuffer> buffer);
    bool sink_event(GstPtr<GstEvent> event);
    bool sink_query(GstQuery *query);
    bool src_event(GstPad *pad, GstPtr<GstEvent> event);
    bool src_query(GstPad *pad, GstQuery *query);
    /// Transfers ownership.
    GstPtr<GstStructure> stats() const;

private:
    struct Stream {
        TagType type = TagType::video;
        uint8_t track = 0;
        const Codec *codec = nullptr;
        GstPad *pad = nullptr; ///< owned by the element
        StreamInfo info;
        std::vector<uint8_t> config; ///< the record from which `info` was made,
        uint64_t frame_format = 0;   ///< or the frame header's fields
        bool discont = true;
        int64_t last = 0;        ///< ns; of the last frame of a further track
        bool complained = false; ///< a warning about an unknown codec was posted
        SampleClock clock;       ///< of audio
        DecodeLead decode;       ///< of video
    };
    /// Timestamps of the buffer that contained a tag; ns.
    struct BufferTime {
        std::optional<int64_t> dts, pts;
        bool whole = false; ///< the buffer contained only this tag
    };

    GstFlowReturn handle(const Tag &tag, const BufferTime &time);
    GstFlowReturn handle_media(const Tag &tag, const BufferTime &time);
    void configure(Stream &stream, const Tag &tag, const BodyHeader &header);
    bool configure_by_frame(Stream &stream, const Codec &codec, const Tag &tag,
                            const BodyHeader &header);
    void use_info(Stream &stream, StreamInfo info);
    void take_size(Stream &stream, ByteView frame);
    GstFlowReturn push_frame(Stream &stream, const Tag &tag, const BodyHeader &header,
                             const BufferTime &time);
    void post_notes();
    GstFlowReturn broken_input(const Result &result);
    void learn_stream_header(GstCaps *caps);

    static unsigned index_of(TagType type) { return type == TagType::audio ? 1 : 0; }
    /// nullptr if there are too many.
    Stream *stream_of(TagType type, uint8_t track);
    void announce_pads();
    void add_pad(Stream &stream);
    void remove_pads();
    void push_sticky(Stream &stream);
    void push_tags(Stream &stream);
    void push_to_all(GstEvent *event);
    bool end_of_stream(GstPtr<GstEvent> event);
    void set_segment(GstPtr<GstEvent> event);
    void note_progress(int64_t time);
    void mark_discont();
    void reset_time();

    GstElement *element_;
    GstPad *sink_;
    GstFlowCombiner *combiner_;
    FlvReader reader_;
    std::vector<Tag> tags_;
    /// The default tracks, video and audio, and the further ones as they come.
    std::deque<Stream> streams_;
    Timeline timeline_;
    GstSegment segment_; ///< the source pads' segment
    guint32 segment_seqnum_ = GST_SEQNUM_INVALID;
    bool upstream_time_ = false; ///< buffers have timestamps
    guint group_id_ = GST_GROUP_ID_INVALID;
    MetadataTags metadata_;
    bool no_more_pads_ = false;
    bool skipping_ = false; ///< the input is broken; a warning was posted
    std::optional<int64_t> first_time_;
    Counters counters_;
    std::atomic<guint64> discontinuities_ = 0, broken_ = 0;
};

} // namespace penstock::flv
