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

int64_t rounded_ms(int64_t time) {
    return (time + GST_MSECOND / 2) / GST_MSECOND;
}

} // namespace

bool Muxer::has_video() const {
    const auto all = tracks();
    return std::any_of(all.begin(), all.end(),
                       [](const TrackPtr &t) { return t->video && t->codec; });
}

// Whether the beginning must wait for this pad's caps.
bool Muxer::is_awaited(const Track &track) const {
    if (track.codec || track.is_over() || !gst_pad_is_linked(GST_PAD(track.pad.get())))
        return false;
    int64_t most = 0;
    for (const TrackPtr &other : tracks_)
        if (other->first) most = std::max(most, other->last - *other->first);
    return static_cast<guint64>(most) < stream_wait_;
}

void Muxer::set_caps(Track &track, const GstCaps *caps) {
    const Codec *codec = find_codec(caps);
    std::vector<uint8_t> config;
    const Result result = codec ? codec->configure(caps, config) : Result::error("unknown codec");
    if (!result.is_ok()) {
        GST_ELEMENT_WARNING(aggregator_, STREAM, FORMAT,
                            ("%s can't be put into FLV as it is.", GST_PAD_NAME(track.pad.get())),
                            ("%s: %" GST_PTR_FORMAT, result.reason().c_str(), caps));
        return;
    }
    if (track.codec != codec || track.config != config) headers_changed_ = true;
    track.codec = codec;
    track.config = std::move(config);
    track.caps = GstPtr<GstCaps>::adopt(gst_caps_copy(caps));
}

// The next thing to do. `timeout`: for once, whoever has nothing is not waited for.
Muxer::Next Muxer::take(bool &timeout) {
    std::lock_guard lock(lock_);
    bool any_over = false, all_over = true;
    TrackPtr next;
    auto pop = [](const TrackPtr &track) {
        Next result{track, std::move(track->queue.front())};
        track->queue.pop_front();
        return result;
    };
    for (const TrackPtr &track : tracks_)
        if (!track->queue.empty() && track->queue.front().caps) return pop(track);
    for (const TrackPtr &track : tracks_) {
        // Buffers that nothing is known of.
        while (!track->codec && track->queue.size() && track->queue.front().buffer) {
            track->queue.pop_front();
            ++counters_.drops;
        }
        if (!headers_sent_ && is_awaited(*track)) return {};
        any_over = any_over || track->is_over();
        if (!track->codec) continue; // it does not exist (yet)
        all_over = all_over && track->is_over();
        if (track->queue.size() && (!next || track->queue.front().dts < next->queue.front().dts))
            next = track;
    }
    if (!next) return {nullptr, {}, any_over && all_over};
    const int64_t time = next->queue.front().dts;
    const bool may_be_early = std::any_of(tracks_.begin(), tracks_.end(), [&](const TrackPtr &t) {
        return t->codec && t->queue.empty() && !t->ended && (!t->gap_end || *t->gap_end < time);
    });
    if (may_be_early && !timeout) return {};
    timeout = false;
    return pop(next);
}

GstFlowReturn Muxer::produce(bool timeout) {
    for (;;) {
        const Next next = take(timeout);
        changed_.notify_all();
        if (next.end) return GST_FLOW_EOS;
        if (!next.track) return GST_AGGREGATOR_FLOW_NEED_DATA;
        if (next.item.caps) {
            set_caps(*next.track, next.item.caps.get());
            continue;
        }
        if (const GstFlowReturn flow = push_item(*next.track, next.item); flow != GST_FLOW_OK)
            return flow;
    }
}

GstFlowReturn Muxer::aggregate(bool timeout) {
    {
        std::lock_guard lock(lock_);
        if (flow_ != GST_FLOW_OK) return flow_;
    }
    const GstFlowReturn flow = produce(timeout);
    if (flow != GST_FLOW_OK && flow != GST_AGGREGATOR_FLOW_NEED_DATA) {
        std::lock_guard lock(lock_);
        flow_ = flow;
        changed_.notify_all();
    }
    return flow;
}

GstFlowReturn Muxer::push_header_tag(const Tag &tag, GstClockTime time) {
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
        if (const GstFlowReturn flow = push_header_tag(tags[i], time); flow != GST_FLOW_OK)
            return flow;
    return GST_FLOW_OK;
}

GstFlowReturn Muxer::push_item(Track &track, const Item &item) {
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
    // Everything that is there at the beginning is known: the earliest of it decides.
    if (!headers_sent_) shift_ = std::max<int64_t>(0, -item.dts);
    const bool first_of_track = !std::exchange(track.keyframe_seen, true);

    const int64_t dts = std::max(item.dts + shift_, last_dts_);
    const int64_t pts = std::max<int64_t>(item.pts + shift_, 0);
    last_dts_ = dts;
    const auto dts_time = static_cast<GstClockTime>(dts);
    // 32 bits that wrap: after 49 days the difference still says which is later.
    const auto ms = static_cast<uint32_t>(rounded_ms(dts));
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
