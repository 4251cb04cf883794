// SPDX-License-Identifier: LGPL-2.1-or-later
// Corrects video: framing of NAL units, keyframe flags, configuration.
#include "core/flv/mender.h"

#include "core/bytes/writer.h"
#include "core/codec/keyframe.h"
#include "core/flv/enhanced.h"
#include "core/flv/mender_notes.h"

#include <algorithm>
#include <optional>

namespace penstock::flv {
namespace {

using codec::NalCodec;
using codec::NalKind;

constexpr size_t max_held = 64 << 10; // bytes
constexpr size_t max_held_units = 64;
// If no entry point was found for this long (ms), any intra frame counts as one.
constexpr int32_t entry_overdue = 10'000;

std::optional<NalCodec> nal_codec(uint32_t codec) {
    switch (codec) {
    case fourcc("avc1"):
        return NalCodec::avc;
    case fourcc("hvc1"):
        return NalCodec::hevc;
    case fourcc("vvc1"):
        return NalCodec::vvc;
    default:
        return std::nullopt;
    }
}

std::optional<bool> is_entry_of(uint32_t codec, ByteView payload) {
    switch (codec) {
    case fourcc("av01"):
        return codec::is_av1_entry(payload);
    case fourcc("vp09"):
        return codec::is_vp9_entry(payload);
    case fourcc("vp08"):
        return codec::is_vp8_entry(payload);
    default:
        return std::nullopt;
    }
}

/// Appends `unit` with its length prefix.
void append_unit(ByteView unit, unsigned length_size, std::vector<uint8_t> &out) {
    for (unsigned i = length_size; i-- > 0;)
        out.push_back(static_cast<uint8_t>(unit.size() >> 8 * i));
    out.insert(out.end(), unit.begin(), unit.end());
}

bool same(ByteView a, ByteView b) {
    return std::equal(a.begin(), a.end(), b.begin(), b.end());
}

} // namespace

Tag make_config_tag(const Tag &frame, uint32_t codec, ByteView record) {
    const ByteView body = frame.body_view();
    const bool video = frame.type == TagType::video;
    const bool extended = video ? (body[0] & 0x80) != 0 : body[0] >> 4 == 9;
    Writer w;
    if (extended)
        w.u8(0x90).u32(codec); // sequence start; for video with the frame type of a keyframe
    else if (video)
        w.u8(0x10 | (body[0] & 15)).u8(0).u24(0);
    else
        w.u8(body[0]).u8(0);
    w.bytes(record);
    Tag tag = make_tag(frame.type, frame.timestamp, w.view());
    if (const auto header = parse_body(tag.type, tag.body_view())) simplify(tag, *header);
    return tag;
}

void Mender::note(Note what, std::string text) {
    if (noted_ & what) return;
    noted_ |= what;
    notes_.push_back(std::move(text));
}

void Mender::take(Tag &&tag, std::vector<Tag> &out) {
    if (tag.type == TagType::script) {
        tag.kind = classify(tag.type, tag.body_view());
        out.push_back(std::move(tag));
        return;
    }
    auto header = parse_body(tag.type, tag.body_view());
    if (header && header->multitrack) return take_tracks(std::move(tag), out);
    if (header && simplify(tag, *header)) header = parse_body(tag.type, tag.body_view());
    take_track(std::move(tag), header, out);
}

void Mender::take_tracks(Tag &&tag, std::vector<Tag> &out) {
    std::vector<Tag> tracks;
    if (!split_tracks(tag, tracks)) note(tracks_broken, "tracks that cannot be read: left out");
    for (Tag &each : tracks) {
        auto header = parse_body(each.type, each.body_view());
        if (header && simplify(each, *header)) header = parse_body(each.type, each.body_view());
        take_track(std::move(each), header, out);
    }
}

/// Takes a tag with one track.
void Mender::take_track(Tag &&tag, const std::optional<BodyHeader> &header, std::vector<Tag> &out) {
    tag.kind = kind_of(tag.type, header);
    const bool media = tag.kind != TagKind::other && (header->packet == PacketType::frame ||
                                                      header->packet == PacketType::config);
    if (!media || header->multitrack)
        out.push_back(std::move(tag));
    else if (tag.type == TagType::video)
        take_video(std::move(tag), *header, out);
    else
        take_audio(std::move(tag), *header, out);
}

void Mender::take_video(Tag &&tag, const BodyHeader &header, std::vector<Tag> &out) {
    if (header.codec != video_.codec) {
        if (video_.any_output) before_ = std::move(video_);
        // Nothing was put out between the codec's tags: its last configuration still applies.
        video_ = header.codec == before_.codec ? std::exchange(before_, {}) : Video();
        video_.codec = header.codec;
    }
    const size_t size_before = out.size();
    const auto codec = nal_codec(header.codec);
    if (codec && header.packet == PacketType::config)
        take_video_config(std::move(tag), header, *codec, out);
    else if (codec)
        take_nal_frame(std::move(tag), header, *codec, out);
    else if (header.packet == PacketType::config)
        out.push_back(std::move(tag));
    else {
        const ByteView payload = tag.body_view().subspan(header.payload, header.payload_size);
        const bool entry = is_entry_of(header.codec, payload).value_or(header.keyframe);
        finish_frame(std::move(tag), header.keyframe, entry, out);
    }
    if (out.size() == size_before || video_.any_output) return;
    video_.any_output = true;
    before_ = {};
}

// --- configuration ------------------------------------------------------------------------

void Mender::take_video_config(Tag &&tag, const BodyHeader &header, NalCodec codec,
                               std::vector<Tag> &out) {
    const ByteView record = tag.body_view().subspan(header.payload, header.payload_size);
    // A repeated record does not undo newer parameter sets from frames.
    const bool again = !video_.received.empty() && same(record, video_.received);
    if (again && video_.from_frames) return;
    if (!again) video_.received.assign(record.begin(), record.end());

    codec::NalConfig config;
    const Result result = codec::parse_nal_config(codec, record, config);
    if (result.is_ok()) {
        video_.config = std::move(config);
        video_.configured = true;
        video_.from_frames = false;
        out.push_back(std::move(tag));
        return;
    }
    if (codec::begins_with_start_code(record) &&
        codec::merge_parameter_sets(codec, codec::split_annexb(record), video_.config) &&
        emit_config(tag, codec, out)) {
        note(start_codes, "video with start codes instead of lengths: rewritten");
        return;
    }
    note(config_broken, "video configuration left out: " + result.reason());
}

bool Mender::emit_config(const Tag &tag, NalCodec codec, std::vector<Tag> &out) {
    std::vector<uint8_t> record;
    const Result result = codec::build_nal_config(codec, video_.config, record);
    if (!result.is_ok()) return false;
    video_.configured = video_.from_frames = true;
    out.push_back(make_config_tag(tag, video_.codec, record));
    return true;
}

void Mender::learn_sets(const Tag &tag, NalCodec codec, const std::vector<ByteView> &units,
                        std::vector<Tag> &out) {
    if (codec::merge_parameter_sets(codec, units, video_.config) && emit_config(tag, codec, out))
        note(config_made, "video parameter sets in the frames: configuration made of them");
}

// --- frames -------------------------------------------------------------------------------

void Mender::take_nal_frame(Tag &&tag, const BodyHeader &header, NalCodec codec,
                            std::vector<Tag> &out) {
    if (!video_.any_frame) {
        video_.any_frame = true;
        video_.last_entry = tag.timestamp;
        video_.last_timestamp = tag.timestamp - 1;
    }
    const ByteView payload = tag.body_view().subspan(header.payload, header.payload_size);
    const codec::NalScan scan = codec::scan_nals(codec, payload, video_.config.length_size);
    const bool healthy = scan.whole == payload.size() && scan.slices && !scan.empty &&
                         !scan.start_codes && video_.held.empty();
    if (!healthy) return rewrite_frame(tag, header, codec, scan, out);

    video_.framing = Video::Framing::lengths;
    if (scan.sets && (scan.entry || !video_.configured))
        learn_sets(tag, codec, codec::split_lengths(payload, video_.config.length_size), out);
    if (!video_.configured) note(no_config, "video without a configuration");
    const bool entry = is_entry(tag, header.keyframe, codec, payload, scan);
    finish_frame(std::move(tag), header.keyframe, entry, out);
}

/// Finds the NAL units of an incorrect frame. Returns false if there are none.
bool Mender::split_frame(ByteView payload, NalCodec codec, const codec::NalScan &scan,
                         const Tag &tag, std::vector<ByteView> &units, std::vector<Tag> &out) {
    using Framing = Video::Framing;
    const unsigned declared = video_.config.length_size;
    const size_t behind = payload.size() - scan.whole;
    // The length of a unit of 256 to 511 bytes looks like a start code. If the preceding lengths
    // nearly add up to the frame's size, it is a length.
    const bool lengths_fit = scan.units > 0 && (video_.framing == Framing::lengths ||
                                                (video_.framing == Framing::unknown && behind < 4));
    if (behind > 0 && !lengths_fit && codec::begins_with_start_code(payload)) {
        video_.framing = Framing::start_codes;
        note(start_codes, "video with start codes instead of lengths: rewritten");
        units = codec::split_annexb(payload);
        return !units.empty();
    }
    // With too short lengths, zero bytes of the actual lengths look like empty units.
    if ((behind > 0 && !scan.slices) || (scan.empty && declared < 4))
        for (const unsigned size : {4u, 2u, 1u, 3u}) {
            const codec::NalScan other = codec::scan_nals(codec, payload, size);
            if (size == declared || other.whole != payload.size() || !other.slices || other.empty)
                continue;
            note(length_size, "video with lengths of " + std::to_string(size) +
                                  " bytes, not as its configuration says: corrected");
            units = codec::split_lengths(payload, size);
            video_.config.length_size = size;
            // From here on frames match the configuration; if it can't be emitted, they are
            // rewritten instead.
            if (!emit_config(tag, codec, out)) video_.config.length_size = declared;
            return true;
        }
    if (scan.units == 0 || (behind > 0 && !scan.slices)) return false;
    if (behind > 0) note(trailing_bytes, "video frames with bytes behind their last NAL unit: cut");
    if (scan.empty) note(empty_units, "video frames with empty NAL units: left out");
    if (scan.start_codes) note(start_codes, "video with start codes instead of lengths: rewritten");
    units = codec::split_lengths(payload.first(scan.whole), declared);
    return !units.empty();
}

void Mender::rewrite_frame(const Tag &tag, const BodyHeader &header, NalCodec codec,
                           const codec::NalScan &scan, std::vector<Tag> &out) {
    const ByteView body = tag.body_view();
    const ByteView payload = body.subspan(header.payload, header.payload_size);
    std::vector<ByteView> units;
    if (!split_frame(payload, codec, scan, tag, units, out)) {
        note(broken_frame, "video frames without a whole NAL unit: left out");
        return;
    }
    codec::NalScan found;
    for (const ByteView unit : units)
        codec::note_nal(codec, unit, found);
    if (found.sets && (found.entry || !found.slices || !video_.configured))
        learn_sets(tag, codec, units, out);
    if (!found.slices) return hold(units, codec);
    if (!video_.configured) note(no_config, "video without a configuration");

    const auto held = std::exchange(video_.held, {});
    units.insert(units.begin(), held.begin(), held.end());
    video_.held_bytes = 0;
    const auto longest = std::max_element(
        units.begin(), units.end(), [](ByteView a, ByteView b) { return a.size() < b.size(); });
    unsigned &length_size = video_.config.length_size;
    if (length_size < 4 && longest->size() >> 8 * length_size != 0) {
        const unsigned declared = std::exchange(length_size, 4);
        if (!emit_config(tag, codec, out)) {
            length_size = declared;
            note(broken_frame, "video frames without a whole NAL unit: left out");
            return;
        }
    }
    std::vector<uint8_t> framed(header_size);
    framed.reserve(header_size + body.size() + 4 * units.size() + trailer_size);
    framed.insert(framed.end(), body.begin(), body.begin() + ptrdiff_t(header.payload));
    for (const ByteView unit : units)
        append_unit(unit, length_size, framed);
    if (framed.size() - header_size > max_body_size) {
        note(broken_frame, "video frames without a whole NAL unit: left out");
        return;
    }
    framed.resize(framed.size() + trailer_size);
    Tag mended = frame_tag(tag.type, tag.timestamp, std::move(framed));
    const ByteView rewritten = mended.body_view().subspan(header.payload);
    const codec::NalScan again = codec::scan_nals(codec, rewritten, length_size);
    const bool entry = is_entry(mended, header.keyframe, codec, rewritten, again);
    finish_frame(std::move(mended), header.keyframe, entry, out);
}

/// Some publishers send each NAL unit in its own tag: units before a picture are added to it.
void Mender::hold(const std::vector<ByteView> &units, NalCodec codec) {
    note(unit_per_tag, "video tags without a picture: put into the next frame");
    for (const ByteView unit : units) {
        const NalKind kind = codec::nal_kind(codec, unit);
        if (kind == NalKind::delimiter || kind == NalKind::filler) continue;
        if (video_.held_bytes + unit.size() > max_held || video_.held.size() == max_held_units)
            return;
        video_.held_bytes += unit.size();
        video_.held.emplace_back(unit.begin(), unit.end());
    }
}

/// Whether a decoder can start at the frame, regardless of its flag.
bool Mender::is_entry(const Tag &tag, bool flag, NalCodec codec, ByteView payload,
                      const codec::NalScan &scan) {
    const unsigned length_size = video_.config.length_size;
    // A further slice of the previous picture in its own tag.
    const bool continues = tag.timestamp == video_.last_timestamp && !scan.begins_picture;
    video_.last_timestamp = tag.timestamp;
    const auto since_entry = static_cast<int32_t>(tag.timestamp - video_.last_entry);
    if (since_entry < 0) video_.last_entry = tag.timestamp; // timestamps went back
    const bool overdue = since_entry >= entry_overdue;
    bool entry = scan.entry || (scan.sei && codec::has_recovery_point(codec, payload, length_size));
    if (!entry && codec == NalCodec::avc && (flag || overdue)) {
        // Old encoders produce only one IDR picture; their marked frames can be used as entry
        // points.
        const bool intra = codec::has_only_intra_slices(payload, length_size);
        if (flag && !intra) video_.flags_lie = true;
        entry = intra && ((flag && !video_.flags_lie) || overdue);
    } else if (!entry && codec != NalCodec::avc) {
        entry = flag && overdue;
    }
    entry = entry && !continues;
    if (entry) video_.last_entry = tag.timestamp;
    return entry;
}

void Mender::finish_frame(Tag &&tag, bool flag, bool entry, std::vector<Tag> &out) {
    if (flag != entry) {
        note(key_flags, "video keyframe flags that the frames contradict: corrected");
        const ByteView body = tag.body_view();
        std::vector<uint8_t> framed(tag.bytes.begin(), tag.bytes.end());
        // Frame type 1 or 2; the highest bit marks an extended header.
        framed[header_size] = static_cast<uint8_t>((body[0] & 0x8F) | (entry ? 0x10 : 0x20));
        tag.bytes = Bytes::adopt(std::move(framed));
    }
    tag.kind = entry ? TagKind::keyframe : TagKind::frame;
    out.push_back(std::move(tag));
}

} // namespace penstock::flv
