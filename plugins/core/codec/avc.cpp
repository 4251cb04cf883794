// SPDX-License-Identifier: LGPL-2.1-or-later
// H.264 configuration records and NAL unit framing.
#include "core/codec/avc.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"

#include <algorithm>
#include <cstdio>

namespace penstock::codec {
namespace {

bool read_sets(Reader &r, unsigned count, uint8_t type, std::vector<std::vector<uint8_t>> &sets) {
    for (unsigned i = 0; i < count; ++i) {
        const ByteView nal = r.take(r.u16());
        if (r.failed()) return false;
        // Some encoders write an empty entry, others put a set into the wrong list.
        if (avc_nal_type(nal) == type) sets.emplace_back(nal.begin(), nal.end());
    }
    return true;
}

void append_nal(ByteView nal, bool long_start, std::vector<uint8_t> &out) {
    constexpr uint8_t start[] = {0, 0, 0, 1};
    out.insert(out.end(), start + (long_start ? 0 : 1), start + 4);
    out.insert(out.end(), nal.begin(), nal.end());
}

} // namespace

Result parse_avc_config(ByteView record, AvcConfig &config) {
    Reader r(record);
    AvcConfig parsed;
    const uint8_t version = r.u8();
    parsed.profile = r.u8();
    parsed.compatibility = r.u8();
    parsed.level = r.u8();
    parsed.length_size = static_cast<uint8_t>((r.u8() & 3) + 1);
    const unsigned sps_count = r.u8() & 0x1F;
    if (r.failed())
        return Result::error("AVC configuration of only " + std::to_string(record.size()) +
                             " bytes");
    if (version != 1)
        return Result::error("AVC configuration of version " + std::to_string(version));
    if (!read_sets(r, sps_count, avc_sps, parsed.sps))
        return Result::error("AVC configuration ends inside its SPS");
    const unsigned pps_count = r.u8();
    if (r.failed() || !read_sets(r, pps_count, avc_pps, parsed.pps))
        return Result::error("AVC configuration ends inside its PPS");
    // The chroma format, bit depths and SPS extensions of the High profiles follow; the SPS
    // contains them as well.
    if (parsed.sps.empty()) return Result::error("AVC configuration without an SPS");
    config = std::move(parsed);
    return Result::ok();
}

std::vector<uint8_t> build_avc_config(const AvcConfig &config) {
    const size_t sps_count = std::min<size_t>(config.sps.size(), 31);
    const size_t pps_count = std::min<size_t>(config.pps.size(), 255);
    Writer w;
    w.u8(1).u8(config.profile).u8(config.compatibility).u8(config.level);
    w.u8(0xFC | ((config.length_size - 1) & 3)).u8(0xE0 | sps_count);
    auto write_sets = [&](const auto &sets, size_t count) {
        for (size_t i = 0; i < count; ++i) {
            const ByteView set = ByteView(sets[i]).first(std::min<size_t>(sets[i].size(), 65535));
            w.u16(set.size()).bytes(set);
        }
    };
    write_sets(config.sps, sps_count);
    w.u8(pps_count);
    write_sets(config.pps, pps_count);
    AvcSps sps;
    const bool high = config.profile != 66 && config.profile != 77 && config.profile != 88;
    if (high && !config.sps.empty() && parse_avc_sps(config.sps[0], sps).is_ok()) {
        w.u8(0xFC | sps.chroma_format).u8(0xF8 | (sps.bit_depth - 8));
        w.u8(0xF8 | (sps.bit_depth_chroma - 8)).u8(0);
    }
    return w.take();
}

Result make_avc_config(std::vector<std::vector<uint8_t>> sps, std::vector<std::vector<uint8_t>> pps,
                       AvcConfig &config) {
    if (sps.empty() || pps.empty()) return Result::error("no SPS or no PPS");
    if (sps[0].size() < 4)
        return Result::error("SPS of " + std::to_string(sps[0].size()) + " bytes");
    config.profile = sps[0][1];
    config.compatibility = sps[0][2];
    config.level = sps[0][3];
    config.length_size = 4;
    config.sps = std::move(sps);
    config.pps = std::move(pps);
    return Result::ok();
}

AnnexBReader::AnnexBReader(ByteView stream) : stream_(stream) {
    // Bytes before the first start code belong to no NAL unit.
    while (position_ + 3 <= stream_.size() &&
           !(stream_[position_] == 0 && stream_[position_ + 1] == 0 && stream_[position_ + 2] == 1))
        ++position_;
    position_ = position_ + 3 <= stream_.size() ? position_ + 3 : stream_.size();
}

bool AnnexBReader::next(ByteView &nal) {
    while (position_ < stream_.size()) {
        const size_t begin = position_;
        size_t end = begin;
        while (end < stream_.size() && !(end + 3 <= stream_.size() && stream_[end] == 0 &&
                                         stream_[end + 1] == 0 && stream_[end + 2] == 1))
            ++end;
        position_ = std::min(end + 3, stream_.size());
        while (end > begin && stream_[end - 1] == 0)
            --end;
        if (end == begin) continue;
        nal = stream_.subspan(begin, end - begin);
        return true;
    }
    return false;
}

bool AvccReader::next(ByteView &nal) {
    while (!failed_ && position_ < sample_.size()) {
        Reader r(sample_.subspan(position_));
        uint32_t length = 0;
        for (unsigned i = 0; i < length_size_; ++i)
            length = length << 8 | r.u8();
        nal = r.take(length);
        if (r.failed()) {
            failed_ = true;
            return false;
        }
        position_ += r.position();
        if (!nal.empty()) return true;
    }
    return false;
}

Result append_annexb(const AvcConfig &config, ByteView sample, bool keyframe,
                     std::vector<uint8_t> &out) {
    bool brings_sps = false;
    AvccReader look(sample, config.length_size);
    for (ByteView nal; look.next(nal);)
        brings_sps = brings_sps || avc_nal_type(nal) == avc_sps;
    if (look.failed()) return Result::error("NAL unit longer than its sample");

    constexpr uint8_t delimiter[] = {avc_aud, 0xF0}; // any slice type may follow
    append_nal(delimiter, true, out);
    if (keyframe && !brings_sps) {
        for (const auto &set : config.sps)
            append_nal(set, true, out);
        for (const auto &set : config.pps)
            append_nal(set, true, out);
    }
    AvccReader reader(sample, config.length_size);
    for (ByteView nal; reader.next(nal);) {
        const uint8_t type = avc_nal_type(nal);
        if (type == avc_aud) continue;
        // B.1.2: parameter sets have the long start code.
        append_nal(nal, type == avc_sps || type == avc_pps, out);
    }
    return Result::ok();
}

void append_avcc(ByteView annexb, std::vector<uint8_t> &out) {
    AnnexBReader reader(annexb);
    for (ByteView nal; reader.next(nal);) {
        if (avc_nal_type(nal) == avc_aud) continue;
        for (int shift = 24; shift >= 0; shift -= 8)
            out.push_back(static_cast<uint8_t>(nal.size() >> shift));
        out.insert(out.end(), nal.begin(), nal.end());
    }
}

std::string codec_string(const AvcConfig &config) {
    char text[16];
    std::snprintf(text, sizeof text, "avc1.%02x%02x%02x", config.profile, config.compatibility,
                  config.level);
    return text;
}

} // namespace penstock::codec
