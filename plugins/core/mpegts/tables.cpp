// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/tables.h"

#include "core/bytes/reader.h"
#include "core/mpegts/section.h"

#include <algorithm>
#include <string_view>

namespace penstock::mpegts {
namespace {

enum : uint8_t { pat_table = 0x00, pmt_table = 0x02 };
constexpr size_t crc_size = 4;

/// What the descriptors of a stream, or of a whole program, say about formats.
struct Description {
    std::string_view registration; ///< format_identifier of the first
    bool has_ac3 = false, has_eac3 = false;
    bool has_id3 = false, has_klv = false; ///< metadata
    uint8_t opus_config = 0;
    std::array<char, 4> language{};
};

std::string_view text_of(ByteView bytes) {
    return {reinterpret_cast<const char *>(bytes.data()), bytes.size()};
}

/// 2.6.60: an application format of 16 bits, or four characters; the same of the format.
std::string_view metadata_format(ByteView body) {
    Reader r(body);
    if (r.u16() == 0xFFFF) r.skip(4);
    if (r.u8() != 0xFF) return {};
    return text_of(r.take(4));
}

Description describe(ByteView descriptors) {
    Description out;
    Reader r(descriptors);
    while (r.remaining() >= 2) {
        const uint8_t tag = r.u8();
        const ByteView body = r.take(r.u8());
        if (r.failed()) break;
        switch (tag) {
        case 0x05: // registration_descriptor
            if (body.size() >= 4 && out.registration.empty())
                out.registration = text_of(body.first(4));
            break;
        case 0x0A: // ISO_639_language_descriptor
            if (body.size() >= 3 && std::all_of(body.begin(), body.begin() + 3, [](uint8_t c) {
                    return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
                }))
                for (size_t i = 0; i < 3; ++i)
                    out.language[i] = static_cast<char>(body[i] | 0x20);
            break;
        case 0x25: // metadata_pointer_descriptor
        case 0x26: // metadata_descriptor
            out.has_id3 = out.has_id3 || metadata_format(body) == "ID3 ";
            out.has_klv = out.has_klv || metadata_format(body) == "KLVA";
            break;
        case 0x6A: // DVB AC-3_descriptor
            out.has_ac3 = true;
            break;
        case 0x7A: // DVB enhanced_AC-3_descriptor
            out.has_eac3 = true;
            break;
        case 0x7F: // DVB extension_descriptor: Opus
            if (body.size() >= 2 && body[0] == 0x80) out.opus_config = body[1];
            break;
        default:
            break;
        }
    }
    return out;
}

/// stream_type 6 says no more than that there are PES packets.
Codec private_codec(const Description &about) {
    if (about.registration == "Opus") return Codec::opus;
    if (about.registration == "HEVC") return Codec::hevc;
    if (about.registration == "AC-3" || about.has_ac3) return Codec::ac3;
    if (about.registration == "EAC3" || about.has_eac3) return Codec::eac3;
    if (about.registration == "KLVA") return Codec::klv;
    if (about.registration == "ID3 ") return Codec::id3;
    return Codec::private_data;
}

Codec codec_of(uint8_t type, const Description &about, const Description &program) {
    switch (type) {
    case 0x03:
    case 0x04:
        return Codec::mpeg_audio;
    case 0x06:
        return private_codec(about);
    case 0x0F:
    case 0x11:
        return Codec::aac;
    case 0x15:
        if (about.has_klv || about.registration == "KLVA") return Codec::klv;
        if (about.has_id3 || about.registration == "ID3 " || program.has_id3) return Codec::id3;
        return Codec::private_data;
    case 0x1B:
        return Codec::avc;
    case 0x24:
        return Codec::hevc;
    case 0x81:
        return Codec::ac3;
    case 0x86:
        // DTS-HD has the same number on discs.
        return about.registration.empty() || about.registration == "CUEI" ? Codec::scte35
                                                                          : Codec::unknown;
    case 0x87:
        return Codec::eac3;
    default:
        return Codec::unknown;
    }
}

/// The head of a table's section, up to last_section_number.
Result read_head(Reader &r, ByteView section, uint8_t table, uint16_t &id, uint8_t &version,
                 uint8_t &number, uint8_t &last) {
    if (section.empty() || section[0] != table) return Result::error("another table");
    if (!is_whole_section(section)) return Result::error("a table that is damaged");
    r.skip(3);
    id = r.u16();
    const uint8_t flags = r.u8();
    version = flags >> 1 & 31;
    number = r.u8();
    last = r.u8();
    if (!(flags & 1)) return Result::error("a table that applies later");
    return Result::ok();
}

} // namespace

const char *name_of(Codec codec) {
    switch (codec) {
    case Codec::avc:
        return "H.264";
    case Codec::hevc:
        return "H.265";
    case Codec::aac:
        return "AAC";
    case Codec::mpeg_audio:
        return "MPEG audio";
    case Codec::ac3:
        return "AC-3";
    case Codec::eac3:
        return "E-AC-3";
    case Codec::opus:
        return "Opus";
    case Codec::scte35:
        return "SCTE-35";
    case Codec::id3:
        return "ID3";
    case Codec::klv:
        return "KLV";
    case Codec::private_data:
        return "private data";
    case Codec::unknown:
        break;
    }
    return "unknown";
}

Result parse_pat(ByteView section, PatSection &pat) {
    Reader r(section);
    if (Result result = read_head(r, section, pat_table, pat.transport_stream_id, pat.version,
                                  pat.number, pat.last);
        !result.is_ok())
        return result;
    pat.programs.clear();
    while (r.remaining() >= 4 + crc_size && pat.programs.size() < max_programs) {
        Program program;
        program.number = r.u16();
        program.pmt_pid = r.u16() & 0x1FFF;
        if (program.number != 0) pat.programs.push_back(program); // 0: the network's table
    }
    return Result::ok();
}

Result parse_pmt(ByteView section, PmtSection &pmt) {
    Reader r(section);
    pmt = {};
    uint8_t number = 0, last = 0;
    if (Result result =
            read_head(r, section, pmt_table, pmt.program.number, pmt.version, number, last);
        !result.is_ok())
        return result;
    pmt.program.pcr_pid = r.u16() & 0x1FFF;
    const Description program = describe(r.take(r.u16() & 0x0FFF));
    while (r.remaining() >= 5 + crc_size) {
        ElementaryStream stream;
        stream.type = r.u8();
        stream.pid = r.u16() & 0x1FFF;
        const Description about = describe(r.take(r.u16() & 0x0FFF));
        if (r.failed()) break;
        stream.codec = codec_of(stream.type, about, program);
        stream.is_latm = stream.type == 0x11;
        stream.opus_config = about.opus_config;
        stream.language = about.language;
        auto &streams = pmt.program.streams;
        const bool is_known = std::any_of(streams.begin(), streams.end(), [&](const auto &other) {
            return other.pid == stream.pid;
        });
        if (is_known || streams.size() == max_streams)
            ++pmt.left_out;
        else
            streams.push_back(stream);
    }
    return r.failed() ? Result::error("a program map whose lengths do not fit") : Result::ok();
}

} // namespace penstock::mpegts
