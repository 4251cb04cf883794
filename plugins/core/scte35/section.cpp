// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/scte35/section.h"

#include "core/bytes/reader.h"
#include "core/mpegts/muxer.h"

#include <algorithm>
#include <iterator>

namespace penstock::scte35 {
namespace {

constexpr uint8_t table_id = 0xFC;
constexpr size_t head_size = 3, crc_size = 4;
constexpr size_t unknown_length = 0xFFF;        // of a command, as old encoders say it
constexpr uint32_t cue_identifier = 0x43554549; // "CUEI"
constexpr uint8_t segmentation_tag = 0x02;

/// The even types of which the next one is the end, and whose time others may fill: break,
/// advertisements, placement opportunities, overlays and blocks of advertisements (table 23).
constexpr uint8_t out_types[] = {0x22, 0x30, 0x32, 0x34, 0x36, 0x38, 0x3A, 0x44, 0x46};

bool is_out_type(unsigned type) {
    return std::find(std::begin(out_types), std::end(out_types), type) != std::end(out_types);
}

/// The low 33 bits of five bytes; of the first, the highest bit is a flag.
struct Timed {
    bool flag = false;
    uint64_t value = 0;
};
Timed read_timed(Reader &in) {
    const uint8_t first = in.u8();
    return {(first & 0x80) != 0, uint64_t(first & 1) << 32 | in.u32()};
}

/// splice_time() (9.8.1)
std::optional<uint64_t> read_splice_time(Reader &in) {
    const uint8_t first = in.u8();
    if (!(first & 0x80)) return std::nullopt;
    return uint64_t(first & 1) << 32 | in.u32();
}

void read_insert(Reader &in, Section &section) {
    section.event_id = in.u32();
    section.is_cancelled = in.u8() & 0x80;
    if (section.is_cancelled) return;
    const uint8_t flags = in.u8();
    section.is_out = flags & 0x80;
    const bool is_program = flags & 0x40, has_duration = flags & 0x20, is_immediate = flags & 0x10;
    if (is_program && !is_immediate) section.time = read_splice_time(in);
    // Components are spliced one by one: the earliest of their times stands for all.
    const unsigned components = is_program ? 0 : in.u8();
    for (unsigned i = 0; i < components && !in.failed(); ++i) {
        in.skip(1);
        if (is_immediate) continue;
        const auto time = read_splice_time(in);
        if (time && (!section.time || *time < *section.time)) section.time = time;
    }
    if (has_duration) {
        const Timed duration = read_timed(in);
        section.auto_return = duration.flag;
        section.duration = duration.value;
    }
    in.skip(4); // unique_program_id, avail_num, avails_expected
}

bool read_segmentation(Reader in, Segmentation &segmentation) {
    if (in.u32() != cue_identifier) return false;
    segmentation.event_id = in.u32();
    segmentation.is_cancelled = in.u8() & 0x80;
    if (segmentation.is_cancelled) return !in.failed();
    const uint8_t flags = in.u8();
    if (!(flags & 0x80)) in.skip(size_t(in.u8()) * 6); // components
    if (flags & 0x40) {
        const uint64_t high = in.u8();
        segmentation.duration = high << 32 | in.u32();
    }
    in.skip(1); // segmentation_upid_type
    in.skip(in.u8());
    segmentation.type = in.u8();
    return !in.failed();
}

} // namespace

bool Segmentation::is_out() const {
    return !is_cancelled && is_out_type(type);
}

bool Segmentation::is_in() const {
    return !is_cancelled && type > 0 && is_out_type(type - 1u);
}

Result parse(ByteView bytes, Section &section) {
    section = {};
    if (bytes.size() < head_size) return Result::error("a splice section of no length");
    if (bytes[0] != table_id) return Result::error("not a splice section: its table is another");
    const size_t size = head_size + (size_t(bytes[1] & 0x0F) << 8 | bytes[2]);
    if (size > bytes.size()) return Result::error("a splice section that is cut off");
    if (size > largest_section) return Result::error("a splice section that is too long");
    if (size < head_size + 11 + crc_size)
        return Result::error("a splice section that is too short");
    // With the CRC itself, nothing is left over.
    if (mpegts::crc32(bytes.first(size)) != 0)
        return Result::error("a splice section with a wrong CRC");
    Reader in(bytes.subspan(head_size, size - head_size - crc_size));
    if (in.u8() != 0) return Result::error("a splice section of another protocol version");
    const Timed adjustment = read_timed(in); // and the flags of encryption
    if (adjustment.flag) return Result::error("a splice section that is encrypted");
    in.skip(1);                             // cw_index
    const size_t length = in.u24() & 0xFFF; // after tier
    section.command = static_cast<Command>(in.u8());
    const ByteView rest = in.rest();
    if (length != unknown_length && length > rest.size())
        return Result::error("a splice command that is cut off");
    Reader command(length == unknown_length ? rest : rest.first(length));
    switch (section.command) {
    case Command::insert:
        read_insert(command, section);
        break;
    case Command::time_signal:
        section.time = read_splice_time(command);
        break;
    default:
        break;
    }
    if (command.failed()) {
        section = {};
        return Result::error("a splice command that is cut off");
    }
    const bool is_known =
        section.command == Command::insert || section.command == Command::time_signal ||
        section.command == Command::null || section.command == Command::bandwidth_reservation;
    if (section.time) section.time = (*section.time + adjustment.value) & time_mask;
    if (length == unknown_length && !is_known) return Result::ok(); // its descriptors are not found
    in.skip(length == unknown_length ? command.position() : length);
    const size_t descriptors = in.u16();
    Reader loop(in.take(descriptors));
    while (loop.remaining() >= 2 && !in.failed()) {
        const uint8_t tag = loop.u8();
        const ByteView content = loop.take(loop.u8());
        Segmentation segmentation;
        if (tag == segmentation_tag && !loop.failed() &&
            read_segmentation(Reader(content), segmentation))
            section.segmentations.push_back(segmentation);
    }
    if (!in.failed() && !loop.failed()) return Result::ok();
    section = {};
    return Result::error("splice descriptors that are cut off");
}

} // namespace penstock::scte35
