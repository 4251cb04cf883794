// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/flv_muxer.h"

#include "core/codec/opus.h"
#include "core/mpegts/audio_headers.h"
#include "core/mpegts/opus_writer.h"

#include <algorithm>

namespace penstock::mpegts {
namespace {

constexpr uint16_t video_pid = 0x100, audio_pid = 0x101;
/// ms between program tables, for players that join late; DVB allows at most 100 ms.
constexpr int64_t tables_interval = 100;
/// ms; the first timestamp is not zero, because clock references precede timestamps.
constexpr int64_t origin = 1'000;
constexpr int64_t ticks_per_ms = clock_rate / 1000;

constexpr uint8_t start_code[] = {0, 0, 0, 1};
// Any slice type may follow them.
constexpr uint8_t avc_delimiter[] = {0, 0, 0, 1, 9, 0xF0};
constexpr uint8_t hevc_delimiter[] = {0, 0, 0, 1, 0x46, 0x01, 0x50};

constexpr uint32_t avc1 = flv::fourcc("avc1"), hvc1 = flv::fourcc("hvc1"),
                   mp4a = flv::fourcc("mp4a"), mp3 = flv::fourcc(".mp3"), ac3 = flv::fourcc("ac-3"),
                   opus = flv::fourcc("Opus");

} // namespace

void FlvMuxer::reset() {
    video_ = audio_ = {};
    nals_.reset();
    aac_.reset();
    opus_channels_ = 0;
    is_opus_usual_ = true;
    is_declared_ = has_keyframe_ = false;
    complaint_.clear();
    complained_[0] = complained_[1] = 0;
}

std::string FlvMuxer::take_complaint() {
    return std::exchange(complaint_, {});
}

bool FlvMuxer::learn_type(const flv::BodyHeader &header, bool is_video) {
    std::optional<StreamType> type;
    if (is_video && header.codec == avc1) type = StreamType::h264;
    if (is_video && header.codec == hvc1) type = StreamType::hevc;
    if (!is_video && header.codec == mp4a) type = StreamType::aac_adts;
    if (!is_video && header.codec == mp3) type = StreamType::mpeg1_audio;
    if (!is_video && header.codec == ac3) type = StreamType::ac3;
    if (!is_video && header.codec == opus) type = StreamType::private_pes;
    if (!type) {
        if (std::exchange(complained_[!is_video], header.codec) != header.codec)
            complaint_ = flv::codec_name(header.codec) + (is_video ? " video" : " audio");
        return false;
    }
    Stream &stream = is_video ? video_ : audio_;
    if (stream.is_known && stream.type == *type) return true;
    stream.is_known = true;
    stream.type = *type;
    stream.descriptors.clear();
    is_declared_ = false;
    return true;
}

void FlvMuxer::configure(const flv::BodyHeader &header, ByteView payload, bool is_video) {
    if (!learn_type(header, is_video)) return;
    if (!is_video) {
        if (header.codec == opus) return configure_opus(payload);
        codec::AacConfig config;
        if (header.codec == mp4a && codec::parse_aac_config(payload, config).is_ok()) aac_ = config;
        return;
    }
    codec::NalConfig config;
    nal_codec_ = header.codec == hvc1 ? codec::NalCodec::hevc : codec::NalCodec::avc;
    if (codec::parse_nal_config(nal_codec_, payload, config).is_ok()) nals_ = std::move(config);
}

/// A delimiter, the parameter sets that a keyframe lacks, and the units with start codes.
bool FlvMuxer::gather_nals(ByteView frame, bool keyframe) {
    if (!nals_) return false;
    const bool is_hevc = nal_codec_ == codec::NalCodec::hevc;
    pieces_.push_back(is_hevc ? ByteView(hevc_delimiter) : ByteView(avc_delimiter));
    const size_t sets = pieces_.size();
    bool has_sets = false, has_slices = false;
    for (const ByteView unit : codec::split_lengths(frame, nals_->length_size)) {
        if (unit.empty()) continue;
        const codec::NalKind kind = codec::nal_kind(nal_codec_, unit);
        if (kind == codec::NalKind::delimiter) continue;
        has_sets = has_sets || kind == codec::NalKind::sps;
        has_slices = has_slices || kind == codec::NalKind::slice || kind == codec::NalKind::entry;
        pieces_.push_back(start_code);
        pieces_.push_back(unit);
    }
    if (!has_slices) return false;
    if (!keyframe || has_sets) return true;
    std::vector<ByteView> own;
    for (const auto *list : {&nals_->vps, &nals_->sps, &nals_->pps})
        for (const auto &set : *list) {
            own.push_back(start_code);
            own.push_back(set);
        }
    pieces_.insert(pieces_.begin() + static_cast<ptrdiff_t>(sets), own.begin(), own.end());
    return true;
}

/// RFC 7845 5.1. In MPEG-TS the usual layouts of up to eight channels have numbers.
void FlvMuxer::configure_opus(ByteView head) {
    constexpr size_t channels_at = 9, family_at = 18, plain_size = 19;
    if (head.size() < plain_size) return;
    const unsigned channels = head[channels_at], family = head[family_at];
    is_opus_usual_ =
        channels >= 1 && channels <= 8 && (family == 1 || (family == 0 && channels < 3));
    if (is_opus_usual_ && channels > 2) {
        const std::vector<uint8_t> usual = opus_head(channels);
        const ByteView layout = ByteView(usual).subspan(plain_size);
        is_opus_usual_ = head.size() >= usual.size() &&
                         std::equal(layout.begin(), layout.end(), head.begin() + plain_size);
    }
    opus_channels_ = channels;
    if (!is_opus_usual_) complaint_ = "Opus audio with an unusual layout of its channels";
}

bool FlvMuxer::gather_opus(ByteView packet) {
    if (!is_opus_usual_ || packet.size() > max_audio_frame - 128) return false;
    const unsigned channels = opus_channels_ ? opus_channels_ : codec::opus_channels(packet);
    if (audio_.descriptors.empty() || (opus_channels_ && audio_.descriptors.back() != channels)) {
        audio_.descriptors = opus_descriptors(channels);
        is_declared_ = false;
    }
    write_opus_header(packet.size(), opus_header_);
    pieces_.push_back(opus_header_);
    pieces_.push_back(packet);
    return true;
}

bool FlvMuxer::gather(const flv::BodyHeader &header, ByteView payload, bool is_video) {
    pieces_.clear();
    if (payload.empty()) return false;
    if (is_video) return gather_nals(payload, header.keyframe);
    if (header.codec == opus) return gather_opus(payload);
    if (header.codec == mp4a) {
        if (!aac_ || !codec::write_adts_header(*aac_, payload.size(), adts_)) return false;
        pieces_.push_back(adts_);
    }
    pieces_.push_back(payload);
    return true;
}

/// Video is the first stream, since it carries the clock reference.
void FlvMuxer::declare() {
    std::vector<Track> program;
    for (Stream *stream : {&video_, &audio_}) {
        if (!stream->is_known) continue;
        stream->index = program.size();
        program.push_back(
            {stream->type, stream == &video_ ? video_pid : audio_pid, stream->descriptors});
    }
    muxer_.set_tracks(std::move(program));
    is_declared_ = true;
}

std::optional<FlvMuxer::Unit> FlvMuxer::take(const flv::Tag &tag, int64_t time_ms,
                                             std::vector<uint8_t> &out) {
    if (tag.type == flv::TagType::script) return std::nullopt;
    const ByteView body = tag.body_view();
    const auto header = flv::parse_body(tag.type, body);
    if (!header || header->track != 0 || header->payload > body.size()) return std::nullopt;
    const ByteView payload = body.subspan(
        header->payload, std::min(header->payload_size, body.size() - header->payload));
    const bool is_video = tag.type == flv::TagType::video;
    if (header->packet == flv::PacketType::config) {
        configure(*header, payload, is_video);
        return std::nullopt;
    }
    if (header->packet != flv::PacketType::frame || !learn_type(*header, is_video))
        return std::nullopt;
    // Frames before the first keyframe can't be decoded.
    const bool keyframe = is_video && header->keyframe;
    if (is_video && !keyframe && !has_keyframe_) return std::nullopt;
    if (!gather(*header, payload, is_video)) return std::nullopt;
    if (keyframe) has_keyframe_ = true;

    const bool is_new = !is_declared_;
    if (is_new) declare();
    if (is_new || keyframe || time_ms >= next_tables_) {
        muxer_.write_tables(out);
        next_tables_ = time_ms + tables_interval;
    }
    Stream &stream = is_video ? video_ : audio_;
    const int64_t dts = std::max((time_ms + origin) * ticks_per_ms, stream.last_dts + 1);
    stream.last_dts = dts;
    const int64_t later = is_video ? std::max(header->composition_time, 0) * ticks_per_ms : 0;
    AccessUnit unit;
    unit.dts = static_cast<uint64_t>(dts);
    unit.pts = static_cast<uint64_t>(dts + later);
    unit.random_access = keyframe || !is_video;
    unit.pieces = pieces_;
    muxer_.write(stream.index, unit, out);
    return Unit{.joinable = keyframe || !video_.is_known, .awaited = is_video || !video_.is_known};
}

} // namespace penstock::mpegts
