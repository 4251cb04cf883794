// SPDX-License-Identifier: LGPL-2.1-or-later
// Data path: from buffers to tags, and from tags to buffers of elementary streams.
#include "flv/demuxer.h"

#include "gst/bytes.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

GST_DEBUG_CATEGORY_EXTERN(penstock_flvlivedemux_debug);
#define GST_CAT_DEFAULT penstock_flvlivedemux_debug

namespace penstock::flv {
namespace {

constexpr int64_t millisecond = GST_MSECOND;

std::optional<int64_t> valid(GstClockTime time) {
    return GST_CLOCK_TIME_IS_VALID(time) ? std::optional(static_cast<int64_t>(time)) : std::nullopt;
}

const char *name_of(TagType type) {
    return type == TagType::video ? "video" : "audio";
}

/// The usual name of a codec; its four characters if it is not known.
std::string codec_words(uint32_t fourcc) {
    static constexpr std::pair<uint32_t, const char *> names[] = {
        {flv::fourcc("H263"), "Sorenson H.263"},
        {flv::fourcc("FSV1"), "Screen Video"},
        {flv::fourcc("FSV2"), "Screen Video"},
        {flv::fourcc("VP6F"), "VP6"},
        {flv::fourcc("VP6A"), "VP6"},
        {flv::fourcc("lpcm"), "PCM"},
        {flv::fourcc("adpc"), "ADPCM"},
        {flv::fourcc("nmos"), "Nellymoser"}};
    for (const auto &[code, name] : names)
        if (code == fourcc) return name;
    if (fourcc == 0) return "of an unknown codec";
    return "of the unknown codec '" + codec_name(fourcc) + "'";
}

/// Why a tag is left out, and what to do about it.
std::string left_out(TagType type, const BodyHeader &header) {
    const std::string codec = codec_words(header.codec);
    return std::string("The stream's ") + name_of(type) + " is " + codec +
           ", which can't be taken out of FLV here: let the publisher send " +
           (type == TagType::video ? "H.264." : "AAC or MP3.");
}

} // namespace

GstFlowReturn Demuxer::chain(GstPtr<GstBuffer> buffer) {
    counters_.in(gst_buffer_get_size(buffer.get()));
    if (GST_BUFFER_IS_DISCONT(buffer.get()) && reader_.started()) {
        reader_.flush();
        mark_discont();
    }
    tags_.clear();
    const Result result = reader_.read(buffer.get(), tags_);
    if (reader_.has_notes()) post_notes();

    BufferTime time;
    if (upstream_time_) {
        time.dts = valid(GST_BUFFER_DTS(buffer.get()));
        time.pts = valid(GST_BUFFER_PTS(buffer.get()));
        time.whole = reader_.was_one_tag();
    }
    GstFlowReturn flow = GST_FLOW_OK;
    for (const Tag &tag : tags_) {
        skipping_ = false;
        flow = handle(tag, time);
        // A buffer's time applies to its first frame.
        if (tag.kind != TagKind::metadata && tag.kind != TagKind::config) time = {};
        if (flow != GST_FLOW_OK) break;
    }
    tags_.clear();
    return flow == GST_FLOW_OK && result.is_error() ? broken_input(result) : flow;
}

void Demuxer::post_notes() {
    for (const std::string &note : reader_.take_notes())
        GST_ELEMENT_WARNING(element_, STREAM, FORMAT, ("Odd FLV: %s.", note.c_str()), (nullptr));
}

GstFlowReturn Demuxer::broken_input(const Result &result) {
    if (!reader_.started()) {
        GST_ELEMENT_ERROR(element_, STREAM, WRONG_TYPE, ("This is not an FLV stream."),
                          ("%s", result.reason().c_str()));
        return GST_FLOW_ERROR;
    }
    reader_.flush();
    mark_discont();
    ++counters_.drops;
    if (!skipping_) {
        ++broken_;
        GST_ELEMENT_WARNING(element_, STREAM, DEMUX,
                            ("Part of the FLV stream is broken and left out."),
                            ("%s", result.reason().c_str()));
    }
    skipping_ = true;
    return GST_FLOW_OK;
}

// The caps contain headers sent before this element was linked.
void Demuxer::learn_stream_header(GstCaps *caps) {
    const GValue *header = gst_structure_get_value(gst_caps_get_structure(caps, 0), "streamheader");
    if (!header || !GST_VALUE_HOLDS_ARRAY(header)) return;
    Normalizer normalizer;
    std::vector<Tag> tags;
    for (guint i = 0; i < gst_value_array_get_size(header); ++i) {
        const GValue *value = gst_value_array_get_value(header, i);
        if (!GST_VALUE_HOLDS_BUFFER(value)) continue;
        if (!normalizer.push(bytes_of(gst_value_get_buffer(value)), tags).is_ok()) break;
    }
    for (const Tag &tag : tags) {
        if (tag.kind != TagKind::metadata && tag.kind != TagKind::config) continue;
        std::vector<Tag> known;
        reader_.take(Tag(tag), known);
        for (const Tag &each : known)
            handle(each, {});
    }
}

GstFlowReturn Demuxer::handle(const Tag &tag, const BufferTime &time) {
    if (tag.type != TagType::script) return handle_media(tag, time);
    if (tag.kind == TagKind::metadata) {
        metadata_ = read_metadata(tag.body());
        for (Stream &stream : streams_)
            if (stream.pad) push_tags(stream);
    }
    return GST_FLOW_OK;
}

GstFlowReturn Demuxer::handle_media(const Tag &tag, const BufferTime &time) {
    const auto header = parse_body(tag.type, tag.body_view());
    if (!header || header->payload_size == 0) return GST_FLOW_OK;
    Stream *found = stream_of(tag.type, header->track);
    if (!found) {
        ++counters_.drops;
        return GST_FLOW_OK;
    }
    Stream &stream = *found;
    const bool config = header->packet == PacketType::config;
    if (!config && header->packet != PacketType::frame) return GST_FLOW_OK;
    const Codec *codec = find_codec(tag.type, header->codec);
    if (!codec) {
        ++counters_.drops;
        if (!stream.complained)
            GST_ELEMENT_WARNING(element_, STREAM, CODEC_NOT_FOUND,
                                ("%s", left_out(tag.type, *header).c_str()), (nullptr));
        stream.complained = true;
        return GST_FLOW_OK;
    }
    if (config) {
        if (!codec->describe) return GST_FLOW_OK;
        stream.codec = codec;
        configure(stream, tag, *header);
        return GST_FLOW_OK;
    }
    const bool configured = codec->describe && stream.codec == codec && !stream.config.empty();
    if (codec->frame_format && !configured && !configure_by_frame(stream, *codec, tag, *header))
        return GST_FLOW_OK;
    if (codec->frame_size && configured && header->keyframe)
        take_size(stream, tag.body().sub(header->payload, header->payload_size));
    if (!stream.pad || stream.codec != codec) {
        ++counters_.drops;
        GST_DEBUG_OBJECT(element_, "%s without its configuration dropped", name_of(tag.type));
        return GST_FLOW_OK;
    }
    return push_frame(stream, tag, *header, time);
}

void Demuxer::configure(Stream &stream, const Tag &tag, const BodyHeader &header) {
    const Bytes config = tag.body().sub(header.payload, header.payload_size);
    if (std::equal(config.begin(), config.end(), stream.config.begin(), stream.config.end()))
        return;
    StreamInfo info;
    const Result result = stream.codec->describe(config, info);
    if (!result.is_ok()) {
        if (std::exchange(stream.complained, true)) return;
        GST_ELEMENT_WARNING(
            element_, STREAM, FORMAT,
            ("The stream's %s configuration is broken and left out.", name_of(tag.type)),
            ("%s", result.reason().c_str()));
        return;
    }
    if (!info.warning.empty())
        GST_WARNING_OBJECT(element_, "%s configuration: %s", name_of(tag.type),
                           info.warning.c_str());
    stream.config.assign(config.begin(), config.end());
    use_info(stream, std::move(info));
}

/// Determines the format of a codec whose frames contain it. Returns false if it is unusable.
bool Demuxer::configure_by_frame(Stream &stream, const Codec &codec, const Tag &tag,
                                 const BodyHeader &header) {
    const Bytes body = tag.body();
    uint64_t format = 0;
    const Result result =
        codec.frame_format(body, body.sub(header.payload, header.payload_size), format);
    if (!result.is_ok()) {
        ++counters_.drops;
        if (!std::exchange(stream.complained, true))
            GST_ELEMENT_WARNING(
                element_, STREAM, DEMUX,
                ("Part of the stream's %s is broken and left out.", name_of(tag.type)),
                ("%s", result.reason().c_str()));
        return false;
    }
    if (stream.pad && stream.codec == &codec && stream.frame_format == format) return true;
    stream.codec = &codec;
    stream.frame_format = format;
    stream.config.clear();
    StreamInfo info;
    codec.describe_format(format, info);
    use_info(stream, std::move(info));
    return true;
}

/// The pad waits for the first keyframe, as muxers take no caps without a size.
void Demuxer::take_size(Stream &stream, ByteView frame) {
    const auto size = stream.codec->frame_size(frame);
    int width = 0, height = 0;
    const GstStructure *known = gst_caps_get_structure(stream.info.caps.get(), 0);
    gst_structure_get_int(known, "width", &width);
    gst_structure_get_int(known, "height", &height);
    const bool is_same = !size || (width == int(size->width) && height == int(size->height));
    if (is_same && stream.pad) return;
    StreamInfo info = stream.info;
    if (size) {
        info.caps = GstPtr<GstCaps>::adopt(gst_caps_copy(info.caps.get()));
        gst_caps_set_simple(info.caps.get(), "width", G_TYPE_INT, int(size->width), "height",
                            G_TYPE_INT, int(size->height), nullptr);
    }
    use_info(stream, std::move(info));
    if (!stream.pad) add_pad(stream);
}

void Demuxer::use_info(Stream &stream, StreamInfo info) {
    stream.info = std::move(info);
    stream.clock.reset();
    if (!stream.pad && stream.codec->frame_size) return;
    if (!stream.pad) {
        add_pad(stream);
        return;
    }
    GST_INFO_OBJECT(stream.pad, "new configuration: %" GST_PTR_FORMAT, stream.info.caps.get());
    gst_pad_push_event(stream.pad, gst_event_new_caps(stream.info.caps.get()));
    push_tags(stream);
}

GstFlowReturn Demuxer::push_frame(Stream &stream, const Tag &tag, const BodyHeader &header,
                                  const BufferTime &time) {
    const bool video = tag.type == TagType::video;
    const int64_t composition =
        header.composition_time * millisecond + static_cast<int64_t>(header.nanoseconds);
    if (!no_more_pads_) announce_pads();
    // If a buffer has a single timestamp, it is the time when its tag is due: for FLV the DTS.
    std::optional<int64_t> told = time.dts ? time.dts : time.pts;
    if (!time.whole && first_time_) told.reset();
    Timeline::Time at;
    // The stream begins when its first frame is displayed, not when it is decoded.
    if (video && stream.track == 0 && !first_time_ && composition < 0)
        timeline_.start(static_cast<int64_t>(segment_.start) +
                        std::min(-composition, DecodeLead::longest));
    if (stream.track == 0) {
        at = timeline_.map(index_of(tag.type), tag.timestamp, told);
    } else {
        at.time = std::max(timeline_.beside(index_of(tag.type), tag.timestamp), stream.last);
        stream.last = at.time;
    }
    const bool discont = at.discont || stream.discont;
    if (at.discont) {
        ++discontinuities_;
        GST_INFO_OBJECT(stream.pad, "timestamps jumped to %u ms", tag.timestamp);
    }

    const Bytes payload = tag.bytes.sub(header_size + header.payload, header.payload_size);
    auto out = buffer_of(payload);
    GstBuffer *buffer = out.get();
    if (video) {
        int64_t pts = at.time + composition;
        // A buffer's PTS in ns is more precise than FLV's milliseconds.
        if (time.whole && time.dts && time.pts && *time.dts == at.time &&
            std::abs(*time.pts - pts) < 2 * millisecond)
            pts = *time.pts;
        if (discont) stream.decode.reset();
        const int64_t lead = stream.decode.lead();
        const auto placed = stream.decode.place(at.time, pts);
        if (stream.decode.lead() > lead)
            GST_INFO_OBJECT(stream.pad,
                            "frames are displayed %" G_GINT64_FORMAT
                            " ms before they are decoded: decoded earlier",
                            stream.decode.lead() / millisecond);
        GST_BUFFER_DTS(buffer) = static_cast<GstClockTime>(placed.dts);
        GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(placed.pts);
        if (!header.keyframe) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    } else {
        int64_t pts = at.time;
        const unsigned samples = stream.codec->frame_samples
                                     ? stream.codec->frame_samples(payload.view())
                                     : stream.info.frame_samples;
        if (stream.info.rate && samples) {
            if (discont) stream.clock.reset();
            const auto counted = stream.clock.next(pts, samples, stream.info.rate, at.finer);
            pts = counted.time;
            if (counted.resync) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_RESYNC);
            stream.discont = stream.discont || counted.resync;
            GST_BUFFER_DURATION(buffer) =
                gst_util_uint64_scale_int(GST_SECOND, int(samples), int(stream.info.rate));
        }
        GST_BUFFER_PTS(buffer) = static_cast<GstClockTime>(pts);
    }
    if (at.discont || stream.discont) GST_BUFFER_FLAG_SET(buffer, GST_BUFFER_FLAG_DISCONT);
    stream.discont = false;
    note_progress(at.time);
    if (stream.track == 0) segment_.position = static_cast<guint64>(at.time);

    counters_.out(payload.size());
    const GstFlowReturn flow = gst_flow_combiner_update_pad_flow(
        combiner_, stream.pad, gst_pad_push(stream.pad, out.release()));
    // The linked pad may still be missing.
    return flow == GST_FLOW_NOT_LINKED && !no_more_pads_ ? GST_FLOW_OK : flow;
}

} // namespace penstock::flv
