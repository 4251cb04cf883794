// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ts/muxer.h"

#include "core/mpegts/opus_writer.h"
#include "gst/bytes.h"
#include "gst/sample_format.h"

#include <algorithm>

GST_DEBUG_CATEGORY_EXTERN(penstock_tslivemux_debug);
#define GST_CAT_DEFAULT penstock_tslivemux_debug

namespace penstock::ts {
namespace {

constexpr uint16_t video_pid = 0x100, audio_pid = 0x101;
/// Size of a datagram: seven packets fit into an Ethernet frame.
constexpr size_t datagram = 7 * mpegts::packet_size;
/// ns between program tables, for players that join late; DVB allows at most 100 ms.
constexpr int64_t tables_interval = 100'000'000;
/// The first timestamp in ns; not zero, because clock references precede timestamps.
constexpr int64_t origin = 1'000'000'000;

uint64_t ticks(int64_t nanoseconds) {
    return static_cast<uint64_t>((std::max<int64_t>(nanoseconds, 0) * 9 + 50'000) / 100'000);
}

} // namespace

void Muxer::reset_output() {
    pending_.clear();
    shift_ = last_dts_ = next_tables_ = 0;
    program_changed_ = true;
}

void Muxer::reset_track(Track &base, bool with_caps) {
    TsTrack &track = ts(base);
    track.keyframe_seen = false;
    track.last_dts = 0;
    if (!with_caps) return;
    track.format.reset();
    track.opus_channels = 0;
}

void Muxer::set_caps(Track &base, const GstCaps *caps) {
    TsTrack &track = ts(base);
    const GstStructure *s = gst_caps_get_structure(caps, 0);
    if (gst_structure_has_name(s, "audio/x-opus")) {
        int channels = 2;
        gst_structure_get_int(s, "channels", &channels);
        program_changed_ |= !track.known || track.opus_channels != unsigned(channels);
        track.opus_channels = unsigned(std::clamp(channels, 1, 2));
        track.format.reset();
        track.known = true;
        return;
    }
    hls::FormatPtr format;
    const Result result =
        format_of(track.video ? hls::Kind::video : hls::Kind::audio, caps, format);
    if (!result.is_ok()) {
        GST_ELEMENT_WARNING(aggregator_, STREAM, FORMAT,
                            ("%s can't be put into MPEG-TS as it is: %s",
                             GST_PAD_NAME(track.pad.get()), result.reason().c_str()),
                            ("%" GST_PTR_FORMAT, caps));
        return;
    }
    program_changed_ |= !track.known || !track.format || track.format->type != format->type;
    track.opus_channels = 0;
    track.format = std::move(format);
    track.known = true;
}

/// Writes the program; video is the first stream, since it carries the clock reference.
void Muxer::write_program() {
    std::vector<mpegts::Track> program;
    const auto all = tracks();
    for (const bool video : {true, false})
        for (const TrackPtr &base : all) {
            TsTrack &track = ts(*base);
            if (!track.known || track.video != video) continue;
            track.index = program.size();
            const uint16_t pid = video ? video_pid : audio_pid;
            if (track.opus_channels > 0)
                program.push_back({mpegts::StreamType::private_pes, pid,
                                   mpegts::opus_descriptors(track.opus_channels)});
            else
                program.push_back({track.format->type, pid, {}});
        }
    muxer_.set_tracks(std::move(program));
    program_changed_ = false;
}

void Muxer::begin(int64_t dts) {
    shift_ = std::max<int64_t>(0, -dts);
    auto caps = GstPtr<GstCaps>::adopt(
        gst_caps_new_simple("video/mpegts", "systemstream", G_TYPE_BOOLEAN, TRUE, "packetsize",
                            G_TYPE_INT, int(mpegts::packet_size), nullptr));
    gst_aggregator_set_src_caps(aggregator_, caps.get());
    begun_ = true;
}

/// The frame with what a transport stream needs around it; false if it is invalid.
bool Muxer::gather(TsTrack &track, ByteView sample, bool keyframe) {
    if (track.opus_channels > 0) {
        if (sample.empty() || sample.size() > mpegts::largest_metadata - 1'024) return false;
        mpegts::write_opus_header(sample.size(), opus_header_);
        pieces_ = {ByteView(opus_header_), sample};
        return true;
    }
    hls::FormatPtr format;
    if (hls::learn(track.format, sample, keyframe, format).is_error()) return false;
    track.format = std::move(format);
    gather_.clear();
    if (!gather_.append(*track.format, sample, keyframe)) return false;
    pieces_.assign(gather_.pieces().begin(), gather_.pieces().end());
    return true;
}

GstFlowReturn Muxer::push(Track &base, const Item &item) {
    TsTrack &track = ts(base);
    GstBuffer *in = item.buffer.get();
    const bool keyframe = !GST_BUFFER_FLAG_IS_SET(in, GST_BUFFER_FLAG_DELTA_UNIT);
    const Bytes sample = bytes_of(in);
    // Frames before the first keyframe cannot be decoded.
    if ((track.video && !keyframe && !track.keyframe_seen) || !gather(track, sample, keyframe)) {
        ++counters_.drops;
        return GST_FLOW_OK;
    }
    track.keyframe_seen = true;
    if (!begun_) begin(item.dts);

    const int64_t dts = std::max(item.dts + shift_, last_dts_);
    last_dts_ = dts;
    const bool begins_gop = keyframe && (track.video || !has_video());
    if (program_changed_ || (begins_gop && track.video) || dts >= next_tables_) {
        if (program_changed_) write_program();
        muxer_.write_tables(pending_);
        next_tables_ = dts + tables_interval;
    }
    mpegts::AccessUnit unit;
    unit.dts = std::max(ticks(dts + origin), track.last_dts + 1);
    unit.pts = std::max(ticks(item.pts + shift_ + origin), unit.dts);
    unit.random_access = keyframe;
    unit.pieces = pieces_;
    track.last_dts = unit.dts;
    muxer_.write(track.index, unit, pending_);
    return send(static_cast<GstClockTime>(dts), begins_gop, track.video);
}

/// Sends the complete pending datagrams. With `to_the_end`, for video, the rest is sent in a
/// shorter datagram, because it would otherwise wait for the next frame. The rest of an audio frame
/// waits for more data.
GstFlowReturn Muxer::send(GstClockTime time, bool keyframe, bool to_the_end) {
    const size_t whole = pending_.size() / datagram * datagram;
    const size_t size = to_the_end ? pending_.size() : whole;
    if (size == 0) return GST_FLOW_OK;
    // All datagrams share a memory block.
    const Bytes block = Bytes::copy_of(ByteView(pending_).first(size));
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(size));
    const size_t count = (size + datagram - 1) / datagram;
    GstBufferList *list = gst_buffer_list_new_sized(static_cast<guint>(count));
    for (size_t i = 0; i < count; ++i) {
        auto buffer = buffer_of(block.sub(i * datagram, datagram));
        GST_BUFFER_PTS(buffer.get()) = GST_BUFFER_DTS(buffer.get()) = time;
        if (!keyframe || i > 0) GST_BUFFER_FLAG_SET(buffer.get(), GST_BUFFER_FLAG_DELTA_UNIT);
        counters_.out(gst_buffer_get_size(buffer.get()));
        gst_buffer_list_add(list, buffer.release());
    }
    return gst_aggregator_finish_buffer_list(aggregator_, list);
}

GstFlowReturn Muxer::finish() {
    if (pending_.empty()) return GST_FLOW_OK;
    // Null packets fill the last datagram.
    while (pending_.size() % datagram != 0) {
        const uint8_t head[] = {0x47, 0x1F, 0xFF, 0x10};
        pending_.insert(pending_.end(), std::begin(head), std::end(head));
        pending_.resize(pending_.size() + mpegts::packet_size - sizeof head, 0xFF);
    }
    return send(static_cast<GstClockTime>(last_dts_), false, false);
}

} // namespace penstock::ts
