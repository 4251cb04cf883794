// SPDX-License-Identifier: LGPL-2.1-or-later
// Which buffer is next, and how it becomes a tag.
#include "flv/muxer.h"

#include "gst/bytes.h"

#include <algorithm>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_flvlivemux_debug);
#define GST_CAT_DEFAULT penstock_flvlivemux_debug

namespace penstock::flv {
namespace {

// Running time of a buffer's timestamp, which may lie before the segment (a first DTS below 0).
std::optional<int64_t> running_time(const GstSegment &segment, GstClockTime time) {
    if (!GST_CLOCK_TIME_IS_VALID(time)) return std::nullopt;
    if (segment.format != GST_FORMAT_TIME) return static_cast<int64_t>(time);
    guint64 running = 0;
    const int sign = gst_segment_to_running_time_full(&segment, GST_FORMAT_TIME, time, &running);
    if (sign == 0) return std::nullopt;
    return sign * static_cast<int64_t>(running);
}

int64_t rounded_ms(int64_t time) {
    return (time + GST_MSECOND / 2) / GST_MSECOND;
}

} // namespace

std::vector<Muxer::TrackPtr> Muxer::tracks() const {
    std::lock_guard lock(lock_);
    return tracks_;
}

bool Muxer::has_video() const {
    const auto all = tracks();
    return std::any_of(all.begin(), all.end(),
                       [](const TrackPtr &t) { return t->video && t->codec; });
}

uint32_t Muxer::milliseconds(int64_t time) const {
    return static_cast<uint32_t>(rounded_ms(std::max<int64_t>(time, 0)));
}

// Takes everything that GstAggregator has of this pad.
void Muxer::collect(Track &track) {
    GstAggregatorPad *pad = track.pad.get();
    while (GstBuffer *raw = gst_aggregator_pad_pop_buffer(pad)) {
        auto buffer = GstPtr<GstBuffer>::adopt(raw);
        if (GST_BUFFER_FLAG_IS_SET(raw, GST_BUFFER_FLAG_GAP) && gst_buffer_get_size(raw) == 0)
            continue;
        Item item;
        const auto dts = running_time(pad->segment, GST_BUFFER_DTS(raw));
        const auto pts = running_time(pad->segment, GST_BUFFER_PTS(raw));
        // Audio decodes in the order it is shown: its PTS is the better known of the two.
        item.dts = track.video ? dts.value_or(pts.value_or(track.last))
                               : pts.value_or(dts.value_or(track.last));
        item.pts = track.video ? pts.value_or(item.dts) : item.dts;
        track.last = item.dts + (GST_BUFFER_DURATION_IS_VALID(raw)
                                     ? static_cast<int64_t>(GST_BUFFER_DURATION(raw))
                                     : 0);
        if (!track.first) track.first = item.dts;
        item.buffer = std::move(buffer);
        track.queue.push_back(std::move(item));
    }
    const auto front = std::find_if(track.queue.begin(), track.queue.end(),
                                    [](const Item &i) { return bool(i.buffer); });
    track.depth = front == track.queue.end() ? 0 : track.last - front->dts;
}

bool Muxer::is_ended(const Track &track) const {
    return track.queue.empty() && gst_aggregator_pad_is_eos(track.pad.get());
}

// Whether the beginning must wait for this pad's caps.
bool Muxer::is_awaited(const Track &track, const std::vector<TrackPtr> &all) const {
    if (track.codec || is_ended(track) || !gst_pad_is_linked(GST_PAD(track.pad.get())))
        return false;
    int64_t most = 0;
    for (const TrackPtr &other : all)
        if (other->first) most = std::max(most, other->last - *other->first);
    const guint64 wait = stream_wait;
    return wait > 0 && static_cast<guint64>(most) < wait;
}

bool Muxer::set_caps(Track &track, const GstCaps *caps) {
    const Codec *codec = find_codec(caps);
    std::vector<uint8_t> config;
    const Result result = codec ? codec->configure(caps, config) : Result::error("unknown codec");
    if (!result.is_ok()) {
        GST_ELEMENT_WARNING(aggregator_, STREAM, FORMAT,
                            ("%s can't be put into FLV as it is.", GST_PAD_NAME(track.pad.get())),
                            ("%s: %" GST_PTR_FORMAT, result.reason().c_str(), caps));
        return false;
    }
    if (track.codec != codec || track.config != config) headers_changed_ = true;
    track.codec = codec;
    track.config = std::move(config);
    track.caps = GstPtr<GstCaps>::adopt(gst_caps_copy(caps));
    return true;
}

void Muxer::apply_leading_caps(Track &track) {
    while (!track.queue.empty() && track.queue.front().caps) {
        set_caps(track, track.queue.front().caps.get());
        track.queue.pop_front();
    }
    // Buffers that nothing is known of.
    while (!track.codec && !track.queue.empty() && track.queue.front().buffer) {
        track.queue.pop_front();
        ++counters_.drops;
    }
}

GstFlowReturn Muxer::aggregate(bool timeout) {
    const auto all = tracks();
    // First, so that what comes in while we collect makes for a nudge of its own.
    for (const TrackPtr &track : all)
        track->nudged = false;
    for (const TrackPtr &track : all) {
        collect(*track);
        apply_leading_caps(*track);
    }
    for (;;) {
        bool complete = true, any_ended = false, none_to_come = true;
        TrackPtr next;
        for (const TrackPtr &track : all) {
            if (!headers_sent_ && is_awaited(*track, all)) return GST_AGGREGATOR_FLOW_NEED_DATA;
            apply_leading_caps(*track);
            const bool ended = is_ended(*track);
            any_ended = any_ended || ended;
            if (!track->codec) continue; // it does not exist (yet)
            none_to_come = none_to_come && ended;
            if (track->queue.empty())
                complete = complete && ended;
            else if (!next || track->queue.front().dts < next->queue.front().dts)
                next = track;
        }
        if (!next) return any_ended && none_to_come ? GST_FLOW_EOS : GST_AGGREGATOR_FLOW_NEED_DATA;
        if (!complete && !timeout) return GST_AGGREGATOR_FLOW_NEED_DATA;
        timeout = false;
        if (!headers_sent_)
            // Everything that is there is known: the earliest of it decides.
            shift_ = std::max<int64_t>(0, -next->queue.front().dts);
        Item item = std::move(next->queue.front());
        next->queue.pop_front();
        if (const GstFlowReturn flow = push_item(*next, std::move(item)); flow != GST_FLOW_OK)
            return flow;
    }
}

GstFlowReturn Muxer::push_tag(const Tag &tag, GstClockTime time) {
    auto buffer = buffer_of(tag.bytes);
    GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = time;
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
    counters_.out(tag.bytes.size());
    return gst_aggregator_finish_buffer(aggregator_, buffer.release());
}

// The caps' streamheader, and in the stream the same tags: all at the beginning, later those that
// a player needs to go on.
GstFlowReturn Muxer::push_headers(GstClockTime time, bool with_file_header) {
    Metadata metadata;
    const uint32_t at = with_file_header ? 0 : last_ms_;
    std::vector<Tag> configs;
    for (const TrackPtr &track : tracks()) {
        if (!track->codec) continue;
        describe_caps(metadata, track->caps.get());
        (track->video ? metadata.video_codec : metadata.audio_codec) = track->codec->legacy_id;
        std::vector<uint8_t> body(codec_header_size(*track->codec));
        write_codec_header(body.data(), *track->codec, true, true, 0);
        body.insert(body.end(), track->config.begin(), track->config.end());
        Tag tag = make_tag(track->codec->type, at, body);
        configs.insert(track->video ? configs.begin() : configs.end(), std::move(tag));
    }
    std::vector<Tag> tags{
        {TagType::script, TagKind::other, 0, file_header(metadata.has_audio, metadata.has_video)},
        make_metadata(metadata, at)};
    tags.insert(tags.end(), configs.begin(), configs.end());

    GValue array = G_VALUE_INIT, value = G_VALUE_INIT;
    gst_value_array_init(&array, guint(tags.size()));
    g_value_init(&value, GST_TYPE_BUFFER);
    for (const Tag &tag : tags) {
        auto buffer = buffer_of(tag.bytes);
        GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
        gst_value_set_buffer(&value, buffer.get());
        gst_value_array_append_value(&array, &value);
    }
    g_value_unset(&value);
    auto caps = GstPtr<GstCaps>::adopt(gst_caps_new_empty_simple("video/x-flv"));
    gst_structure_take_value(gst_caps_get_structure(caps.get(), 0), "streamheader", &array);
    gst_aggregator_set_src_caps(aggregator_, caps.get());

    headers_sent_ = true;
    headers_changed_ = false;
    for (size_t i = with_file_header ? 0 : 1; i < tags.size(); ++i)
        if (const GstFlowReturn flow = push_tag(tags[i], time); flow != GST_FLOW_OK) return flow;
    return GST_FLOW_OK;
}

GstFlowReturn Muxer::push_item(Track &track, Item item) {
    GstBuffer *in = item.buffer.get();
    const bool keyframe = !GST_BUFFER_FLAG_IS_SET(in, GST_BUFFER_FLAG_DELTA_UNIT);
    const gsize size = gst_buffer_get_size(in);
    const size_t head = codec_header_size(*track.codec);
    // A picture that no keyframe came before helps nobody.
    if ((track.video && !keyframe && !track.keyframe_seen) || size == 0 ||
        size > max_body_size - head) {
        ++counters_.drops;
        return GST_FLOW_OK;
    }
    const bool first_of_track = !std::exchange(track.keyframe_seen, true);

    const int64_t dts = std::max(item.dts + shift_, last_dts_);
    const int64_t pts = std::max<int64_t>(item.pts + shift_, 0);
    last_dts_ = dts;
    const auto dts_time = static_cast<GstClockTime>(dts);
    // 32 bits that wrap: after 49 days the difference still says which is later.
    const uint32_t ms = milliseconds(dts);
    if (static_cast<int32_t>(ms - last_ms_) > 0 || !headers_sent_) last_ms_ = ms;
    if (!headers_sent_ || headers_changed_)
        if (const GstFlowReturn flow = push_headers(dts_time, !headers_sent_); flow != GST_FLOW_OK)
            return flow;

    std::vector<uint8_t> framed(header_size + head + size + trailer_size);
    const int64_t composition = track.video ? rounded_ms(pts) - rounded_ms(dts) : 0;
    write_codec_header(
        framed.data() + header_size, *track.codec, false, keyframe,
        static_cast<int32_t>(std::clamp<int64_t>(composition, -8'388'608, 8'388'607)));
    gst_buffer_extract(in, 0, framed.data() + header_size + head, size);
    const Tag tag = frame_tag(track.codec->type, last_ms_, std::move(framed));

    auto out = buffer_of(tag.bytes);
    GST_BUFFER_DTS(out.get()) = dts_time;
    GST_BUFFER_PTS(out.get()) = track.video ? static_cast<GstClockTime>(pts) : dts_time;
    GST_BUFFER_DURATION(out.get()) = GST_BUFFER_DURATION(in);
    if (track.video ? !keyframe : has_video())
        GST_BUFFER_FLAG_SET(out.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    if (GST_BUFFER_IS_DISCONT(in) && !first_of_track)
        GST_BUFFER_FLAG_SET(out.get(), GST_BUFFER_FLAG_DISCONT);
    counters_.out(tag.bytes.size());
    return gst_aggregator_finish_buffer(aggregator_, out.release());
}

} // namespace penstock::flv
