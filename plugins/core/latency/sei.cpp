// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/latency/sei.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"
#include "core/mpegts/muxer.h"

#include <algorithm>
#include <array>

namespace penstock::latency {
namespace {

constexpr std::array<uint8_t, 16> uuid{0x42, 0xb3, 0xb9, 0xd9, 0x3d, 0x6f, 0x45, 0x4a,
                                       0xb1, 0x77, 0x61, 0x34, 0xa2, 0x29, 0x63, 0xc8};
constexpr uint8_t version = 1;

constexpr uint8_t avc_sei = 6, hevc_prefix_sei = 39;
constexpr uint8_t user_data_unregistered = 5;
constexpr uint8_t stop_bit = 0x80;

constexpr uint8_t obu_metadata = 5;
/// METADATA_TYPE_ITUT_T35 with an unassigned country code; GStreamer's av1parse rejects the
/// metadata types for private use.
constexpr std::array<uint8_t, 3> av1_private{4, 0xFF, 0xFF};

/// A NAL unit or OBU in an access unit.
struct Unit {
    size_t begin = 0, end = 0; ///< includes the start code or length
    ByteView bytes;            ///< excludes it; includes the header of an OBU
    ByteView payload;          ///< of an OBU; equals `bytes` for a NAL unit
};

/// Iterates over the units of an access unit.
class Units {
public:
    Units(const Framing &framing, ByteView unit) : framing_(framing), all_(unit) {}
    /// Returns false at the end, or where the framing is broken.
    bool next(Unit &unit) {
        if (framing_.codec == Codec::av1) return next_obu(unit);
        return framing_.length_size ? next_length(unit) : next_start_code(unit);
    }

private:
    /// Position of the next start code (00 00 01); the end if there is none.
    size_t start_code(size_t from) const {
        for (; from + 3 <= all_.size(); ++from)
            if (all_[from] == 0 && all_[from + 1] == 0 && all_[from + 2] == 1) return from;
        return all_.size();
    }
    bool next_start_code(Unit &unit) {
        const size_t code = start_code(position_);
        if (code + 3 >= all_.size()) return false;
        // A start code may have an additional leading zero byte.
        unit.begin = code > position_ && all_[code - 1] == 0 ? code - 1 : code;
        unit.end = all_.size();
        // The walk stops at the first VCL unit, so its end is not searched.
        if (!is_picture(framing_.codec, all_.subspan(code + 3))) {
            unit.end = start_code(code + 3);
            if (unit.end < all_.size() && all_[unit.end - 1] == 0) --unit.end;
        }
        position_ = unit.end;
        unit.bytes = unit.payload = all_.subspan(code + 3, unit.end - std::min(code + 3, unit.end));
        return true;
    }
    bool next_length(Unit &unit) {
        Reader r(all_.subspan(position_));
        uint32_t length = 0;
        for (unsigned i = 0; i < framing_.length_size; ++i)
            length = length << 8 | r.u8();
        unit.bytes = unit.payload = r.take(length);
        if (r.failed()) return false;
        unit.begin = position_;
        position_ += r.position();
        unit.end = position_;
        return true;
    }
    bool next_obu(Unit &unit) {
        Reader r(all_.subspan(position_));
        if (r.remaining() == 0) return false;
        const uint8_t header = r.u8();
        if (header & 0x80) return false; // forbidden bit
        if (header & 0x04) r.u8();       // extension
        uint64_t size = r.remaining();   // the last OBU may lack a size
        if (header & 0x02) {
            size = 0;
            for (unsigned i = 0; i < 8; ++i) {
                const uint8_t byte = r.u8();
                size |= uint64_t(byte & 0x7F) << (7 * i);
                if (!(byte & 0x80)) break;
            }
        }
        if (r.failed() || size > r.remaining()) return false;
        unit.payload = r.take(static_cast<size_t>(size));
        unit.begin = position_;
        position_ += r.position();
        unit.end = position_;
        unit.bytes = all_.subspan(unit.begin, unit.end - unit.begin);
        return true;
    }

public:
    static bool is_picture(Codec codec, ByteView unit) {
        if (unit.empty()) return false;
        if (codec == Codec::h265) return (unit[0] >> 1 & 0x3F) < 32;
        if (codec == Codec::av1) {
            const unsigned type = unit[0] >> 3 & 0x0F; // frame (header), tile group, tile list
            return type == 3 || type == 4 || (type >= 6 && type <= 8);
        }
        const unsigned type = unit[0] & 0x1F;
        // A prefix NAL unit (14) belongs to the following slice.
        return (type >= 1 && type <= 5) || type == 14 || type == 20 || type == 21;
    }
    static bool is_metadata(Codec codec, ByteView unit) {
        if (unit.empty()) return false;
        if (codec == Codec::h264) return (unit[0] & 0x1F) == avc_sei;
        if (codec == Codec::h265) return (unit[0] >> 1 & 0x3F) == hevc_prefix_sei;
        return (unit[0] >> 3 & 0x0F) == obu_metadata;
    }

private:
    const Framing framing_;
    const ByteView all_;
    size_t position_ = 0;
};

/// Removes emulation prevention bytes: 00 00 03 becomes 00 00.
std::vector<uint8_t> unescape(ByteView nal) {
    std::vector<uint8_t> out;
    out.reserve(nal.size());
    unsigned zeros = 0;
    for (const uint8_t byte : nal) {
        if (zeros >= 2 && byte == 3) {
            zeros = 0;
            continue;
        }
        out.push_back(byte);
        zeros = byte == 0 ? zeros + 1 : 0;
    }
    return out;
}

void append_escaped(ByteView bytes, std::vector<uint8_t> &out) {
    unsigned zeros = 0;
    for (const uint8_t byte : bytes) {
        if (zeros >= 2 && byte <= 3) {
            out.push_back(3);
            zeros = 0;
        }
        out.push_back(byte);
        zeros = byte == 0 ? zeros + 1 : 0;
    }
}

bool is_ours(ByteView message) {
    return message.size() >= uuid.size() && std::equal(uuid.begin(), uuid.end(), message.begin());
}

/// Parses the data after the UUID. Returns nullopt unless it is exactly in the format that
/// build_stamps() writes.
std::optional<FrameStamps> parse_message(ByteView message) {
    Reader r(message.subspan(uuid.size()));
    const ByteView checked = r.rest();
    FrameStamps out;
    const uint8_t written = r.u8();
    out.source = r.u32();
    out.frame = r.u32();
    const size_t count = r.u8();
    if (r.failed() || written != version || count > FrameStamps::most_hops) return std::nullopt;
    for (size_t i = 0; i < count; ++i) {
        const Hop hop = static_cast<Hop>(r.u8());
        out.hops.push_back({hop, static_cast<int64_t>(r.u64())});
        if (hop < Hop::capture || hop > Hop::client || out.hops.back().utc < 0) return std::nullopt;
    }
    const size_t size = r.position();
    const uint32_t sum = r.u32();
    if (r.failed() || r.remaining() != 0 || sum != mpegts::crc32(checked.first(size)))
        return std::nullopt;
    return out;
}

std::vector<uint8_t> build_message(const FrameStamps &stamps) {
    Writer w;
    w.bytes(uuid).u8(version).u32(stamps.source).u32(stamps.frame).u8(stamps.hops.size());
    for (const HopStamp &stamp : stamps.hops)
        w.u8(static_cast<uint8_t>(stamp.hop)).u64(static_cast<uint64_t>(stamp.utc));
    w.u32(mpegts::crc32(w.view().subspan(uuid.size())));
    return w.take();
}

/// Reads the messages of an SEI unit after its header.
struct SeiReader {
    explicit SeiReader(ByteView rbsp) : r(rbsp) {}
    bool next(unsigned &type, ByteView &message) {
        // At least a type, a size and the stop bit must remain.
        if (r.remaining() < 2 || (r.remaining() == 1 && r.rest()[0] == stop_bit)) return false;
        type = number();
        message = r.take(number());
        return !r.failed();
    }
    unsigned number() {
        unsigned out = 0;
        uint8_t byte = 0xFF;
        while (byte == 0xFF && !r.failed())
            out += byte = r.u8();
        return out;
    }
    Reader r;
};

/// Parses a metadata unit if it contains stamps.
void look(const Framing &framing, const Unit &unit, StampPlace &place) {
    // The last readable message counts. It is replaced in place if it is alone in its unit.
    const auto note = [&](ByteView message, bool alone) {
        auto stamps = parse_message(message);
        if (!stamps && place.stamps) return;
        place.damaged = !stamps;
        place.stamps = std::move(stamps);
        place.begin = alone ? unit.begin : 0;
        place.end = alone ? unit.end : 0;
    };
    if (framing.codec == Codec::av1) {
        const ByteView body = unit.payload;
        constexpr size_t head = av1_private.size();
        if (body.size() <= head ||
            !std::equal(av1_private.begin(), av1_private.end(), body.begin()) ||
            !is_ours(body.subspan(head)))
            return;
        size_t end = body.size();
        while (body[end - 1] == 0)
            --end;
        const bool closed = body[end - 1] == stop_bit;
        note(closed ? body.subspan(head, end - 1 - head) : body.subspan(head), true);
        return;
    }
    const size_t header = framing.codec == Codec::h265 ? 2 : 1;
    // Most SEI units are unrelated. The UUID has no zero bytes, so it appears unescaped.
    if (unit.bytes.size() < header + uuid.size() ||
        std::search(unit.bytes.begin(), unit.bytes.end(), uuid.begin(), uuid.end()) ==
            unit.bytes.end())
        return;
    const std::vector<uint8_t> rbsp = unescape(unit.bytes.subspan(header));
    SeiReader reader(rbsp);
    unsigned type = 0, count = 0;
    ByteView message, ours;
    while (reader.next(type, message)) {
        ++count;
        if (type == user_data_unregistered && is_ours(message)) ours = message;
    }
    if (!ours.empty()) {
        note(ours, count == 1);
    } else if (reader.r.failed() && !place.stamps) {
        place.damaged = true; // truncated, or its size is damaged
    }
}

} // namespace

const char *name_of(Hop hop) {
    constexpr const char *names[] = {"capture", "encode",  "mux",   "network",
                                     "server",  "segment", "client"};
    const size_t index = static_cast<size_t>(hop) - 1;
    return index < std::size(names) ? names[index] : "unknown";
}

std::optional<Hop> hop_named(std::string_view name) {
    for (const Hop hop : all_hops)
        if (name == name_of(hop)) return hop;
    return std::nullopt;
}

std::optional<int64_t> FrameStamps::time_of(Hop hop) const {
    for (auto stamp = hops.rbegin(); stamp != hops.rend(); ++stamp)
        if (stamp->hop == hop) return stamp->utc;
    return std::nullopt;
}

std::optional<StampPlace> find_stamps(const Framing &framing, ByteView unit) {
    StampPlace place;
    Units units(framing, unit);
    for (Unit part; units.next(part);) {
        if (Units::is_picture(framing.codec, part.bytes)) {
            if (place.begin == place.end) place.begin = place.end = part.begin;
            if (framing.codec == Codec::h265 && part.bytes.size() > 1)
                place.temporal_id = std::max<uint8_t>(part.bytes[1] & 7, 1);
            return place;
        }
        if (Units::is_metadata(framing.codec, part.bytes)) look(framing, part, place);
    }
    return std::nullopt;
}

std::vector<uint8_t> build_stamps(const Framing &framing, const StampPlace &place,
                                  const FrameStamps &stamps) {
    if (stamps.hops.size() > FrameStamps::most_hops) return {};
    const std::vector<uint8_t> message = build_message(stamps);
    std::vector<uint8_t> out;
    if (framing.codec == Codec::av1) {
        Writer w;
        size_t size = av1_private.size() + message.size() + 1; // includes the stop bit
        w.u8(obu_metadata << 3 | 0x02);
        for (; size >= 0x80; size >>= 7)
            w.u8((size & 0x7F) | 0x80);
        w.u8(size).bytes(av1_private).bytes(message).u8(stop_bit);
        return w.take();
    }
    std::vector<uint8_t> nal;
    if (framing.codec == Codec::h265)
        nal = {hevc_prefix_sei << 1, place.temporal_id};
    else
        nal = {avc_sei};
    // A message has at most 16 + 14 + 24 * 9 bytes, so one byte holds its size.
    std::vector<uint8_t> rbsp{user_data_unregistered, static_cast<uint8_t>(message.size())};
    rbsp.insert(rbsp.end(), message.begin(), message.end());
    rbsp.push_back(stop_bit);
    append_escaped(rbsp, nal);
    if (framing.length_size == 0) {
        out = {0, 0, 0, 1};
    } else {
        if (framing.length_size < 4 && nal.size() >> (8 * framing.length_size) != 0) return {};
        for (int i = framing.length_size - 1; i >= 0; --i)
            out.push_back(static_cast<uint8_t>(nal.size() >> (8 * i)));
    }
    out.insert(out.end(), nal.begin(), nal.end());
    return out;
}

} // namespace penstock::latency
