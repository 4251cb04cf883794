// SPDX-License-Identifier: LGPL-2.1-or-later
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

/// A tag's timestamp, which wraps at 32 bits of milliseconds.
uint32_t tag_time(GstClockTime time) {
    return static_cast<uint32_t>(rounded_ms(static_cast<int64_t>(time)));
}

} // namespace

void Muxer::reset_output() {
    headers_changed_ = false;
    shift_ = 0;
}

void Muxer::reset_track(Track &base, bool with_caps) {
    FlvTrack &track = flv(base);
    track.keyframe_seen = false;
    track.last_dts = 0;
    if (!with_caps) return;
    track.codec = nullptr;
    track.caps.reset();
    track.config.clear();
}

void Muxer::set_caps(Track &base, const GstCaps *caps) {
    FlvTrack &track = flv(base);
    const Codec *codec = find_codec(caps);
    std::vector<uint8_t> config;
    Result result = codec ? codec->configure(caps, config) : Result::error("unknown codec");
    if (!result.is_ok()) {
        GST_ELEMENT_WARNING(aggregator_, STREAM, FORMAT,
                            ("%s can't be put into FLV as it is.", GST_PAD_NAME(track.pad.get())),
                            ("%s: %" GST_PTR_FORMAT, result.reason().c_str(), caps));
        return;
    }
    // Such a configuration comes with the next keyframe.
    if (codec->configure_by_frame && config.empty() && track.codec == codec) config = track.config;
    if (track.codec != codec || track.config != config) headers_changed_ = true;
    track.codec = codec;
    track.known = true;
    track.config = std::move(config);
    track.caps = GstPtr<GstCaps>::adopt(gst_caps_copy(caps));
}

GstFlowReturn Muxer::push_header_tag(const Tag &tag, GstClockTime time) {
    auto buffer = buffer_of(tag.bytes);
    GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = time;
    GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_HEADER);
    counters_.out(tag.bytes.size());
    return gst_aggregator_finish_buffer(aggregator_, buffer.release());
}

// Sets the caps' streamheader and sends the same tags in the stream: all of them at the start,
// later only those that a player needs to continue.
GstFlowReturn Muxer::push_headers(GstClockTime time, bool with_file_header) {
    Metadata metadata;
    const uint32_t at = with_file_header ? 0 : tag_time(time);
    struct Config {
        uint8_t track;
        bool video;
        Tag tag;
    };
    std::vector<Config> configs;
    for (const TrackPtr &base : tracks()) {
        const FlvTrack *track = &flv(*base);
        if (!track->codec) continue;
        if (track->id == 0) {
            describe_caps(metadata, track->caps.get());
            (track->video ? metadata.video_codec : metadata.audio_codec) =
                track->codec->metadata_id();
        }
        const bool bare = track->codec->form == Form::bare && track->id == 0;
        if (bare || (track->codec->configure_by_frame && track->config.empty())) continue;
        const CodecHeader head = codec_header(*track->codec, track->id, true, true, 0);
        std::vector<uint8_t> body(head.view().begin(), head.view().end());
        body.insert(body.end(), track->config.begin(), track->config.end());
        configs.push_back({track->id, track->video, make_tag(track->codec->type, at, body)});
    }
    // The default tracks' first, video before audio.
    std::stable_sort(configs.begin(), configs.end(), [](const Config &a, const Config &b) {
        return a.track != b.track ? a.track < b.track : a.video && !b.video;
    });
    std::vector<Tag> tags{
        {TagType::script, TagKind::other, 0, file_header(metadata.has_audio, metadata.has_video)},
        make_metadata(metadata, at)};
    for (Config &config : configs)
        tags.push_back(std::move(config.tag));

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

    begun_ = true;
    headers_changed_ = false;
    for (size_t i = with_file_header ? 0 : 1; i < tags.size(); ++i)
        if (const GstFlowReturn flow = push_header_tag(tags[i], time); flow != GST_FLOW_OK)
            return flow;
    return GST_FLOW_OK;
}

void Muxer::configure_by_frame(FlvTrack &track, ByteView frame) {
    std::vector<uint8_t> config;
    if (!track.codec->configure_by_frame(frame, config).is_ok() || config == track.config) return;
    track.config = std::move(config);
    headers_changed_ = true;
}

/// Whether there is a track at whose frames players join.
bool Muxer::has_default_track() const {
    const auto all = tracks();
    return std::any_of(all.begin(), all.end(),
                       [](const TrackPtr &track) { return track->id == 0 && track->known; });
}

GstFlowReturn Muxer::push(Track &base, const Item &item) {
    FlvTrack &track = flv(base);
    GstBuffer *in = item.buffer.get();
    const bool keyframe = !GST_BUFFER_FLAG_IS_SET(in, GST_BUFFER_FLAG_DELTA_UNIT);
    // FLAC's encoder sends its headers in the stream, too.
    if (!track.video && GST_BUFFER_FLAG_IS_SET(in, GST_BUFFER_FLAG_HEADER) &&
        track.codec->fourcc == fourcc("fLaC"))
        return GST_FLOW_OK;
    Bytes content = bytes_of(in);
    if (track.codec->strip) {
        const ByteView rest = track.codec->strip(content.view());
        content = content.sub(content.size() - rest.size());
    }
    const size_t size = content.size();
    constexpr size_t head = sizeof(CodecHeader::bytes);
    // A video frame without a preceding keyframe can't be decoded.
    if ((track.video && !keyframe && !track.keyframe_seen) || size == 0 ||
        size > max_body_size - head) {
        ++counters_.drops;
        return GST_FLOW_OK;
    }
    // At the start all tracks' first items are known: the earliest determines the shift.
    if (!begun_) shift_ = std::max<int64_t>(0, -item.dts);
    const bool first_of_track = !std::exchange(track.keyframe_seen, true);
    if (keyframe && track.codec->configure_by_frame) configure_by_frame(track, content.view());

    // Each track keeps its own times, though one whose encoder is behind comes late: moved to the
    // other track's, its pictures would have to be shown before they are decoded.
    const int64_t dts = std::max(item.dts + shift_, track.last_dts);
    const int64_t pts = std::max<int64_t>(item.pts + shift_, 0);
    track.last_dts = dts;
    const auto dts_time = static_cast<GstClockTime>(dts);
    if (!begun_ || headers_changed_)
        if (const GstFlowReturn flow = push_headers(dts_time, !begun_); flow != GST_FLOW_OK)
            return flow;

    const int64_t composition = track.video ? rounded_ms(pts) - rounded_ms(dts) : 0;
    const CodecHeader header =
        codec_header(*track.codec, track.id, false, keyframe,
                     static_cast<int32_t>(std::clamp<int64_t>(composition, -8'388'608, 8'388'607)));
    std::vector<uint8_t> framed(header_size + header.size + size + trailer_size);
    std::copy(header.view().begin(), header.view().end(), framed.begin() + header_size);
    std::copy(content.begin(), content.end(),
              framed.begin() + ptrdiff_t(header_size + header.size));
    const Tag tag = frame_tag(track.codec->type, tag_time(dts_time), std::move(framed));

    auto out = buffer_of(tag.bytes);
    GST_BUFFER_DTS(out.get()) = dts_time;
    GST_BUFFER_PTS(out.get()) = track.video ? static_cast<GstClockTime>(pts) : dts_time;
    GST_BUFFER_DURATION(out.get()) = GST_BUFFER_DURATION(in);
    const bool further = track.id != 0 && has_default_track();
    if (further || (track.video ? !keyframe : has_video()))
        GST_BUFFER_FLAG_SET(out.get(), GST_BUFFER_FLAG_DELTA_UNIT);
    if (GST_BUFFER_IS_DISCONT(in) && !first_of_track)
        GST_BUFFER_FLAG_SET(out.get(), GST_BUFFER_FLAG_DISCONT);
    counters_.out(tag.bytes.size());
    return gst_aggregator_finish_buffer(aggregator_, out.release());
}

} // namespace penstock::flv
