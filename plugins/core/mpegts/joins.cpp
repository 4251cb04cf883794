// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/mpegts/joins.h"

#include "core/mpegts/aligner.h"

#include <string_view>

namespace penstock::mpegts {
namespace {

constexpr uint8_t stream_mpeg1_video = 0x01, stream_mpeg2_video = 0x02, stream_mpeg4_video = 0x10,
                  stream_h264 = 0x1B, stream_hevc = 0x24, stream_vvc = 0x33;
/// Packets of a table that are kept.
constexpr size_t max_packets = 16;
constexpr uint8_t private_pes = 0x06, descriptor_registration = 0x05;

uint16_t pid_at(ByteView bytes) {
    return static_cast<uint16_t>((bytes[0] & 0x1F) << 8 | bytes[1]);
}

bool is_video_type(uint8_t type) {
    return type == stream_mpeg1_video || type == stream_mpeg2_video || type == stream_mpeg4_video ||
           type == stream_h264 || type == stream_hevc || type == stream_vvc;
}

bool is_audio_type(uint8_t type) {
    return type == 0x03 || type == 0x04 || type == 0x0F || type == 0x11 || type == 0x81 ||
           type == 0x87;
}

/// The format identifier of a registration descriptor; empty if there is none.
std::string_view registration(ByteView descriptors) {
    while (descriptors.size() >= 2) {
        const size_t size = descriptors[1];
        if (descriptors.size() < 2 + size) break;
        if (descriptors[0] == descriptor_registration && size >= 4)
            return {reinterpret_cast<const char *>(descriptors.data()) + 2, 4};
        descriptors = descriptors.subspan(2 + size);
    }
    return {};
}

/// Whether the start of a PES packet has parameter sets, with which encoders begin what can be
/// decoded: for those that do not set the random access indicator.
bool has_parameter_sets(ByteView pes, uint8_t stream_type) {
    for (size_t i = 0; i + 3 < pes.size(); ++i) {
        if (pes[i] != 0 || pes[i + 1] != 0 || pes[i + 2] != 1) continue;
        const uint8_t unit = pes[i + 3];
        if (stream_type == stream_h264 && (unit & 0x9F) == 7) return true;
        if (stream_type == stream_hevc && (unit >> 1 == 32 || unit >> 1 == 33)) return true;
        if (stream_type <= stream_mpeg2_video && unit == 0xB3) return true;
    }
    return false;
}

} // namespace

bool JoinFinder::take(ByteView packet) {
    is_awaited_ = false;
    if (packet.size() != packet_size || packet[0] != sync_byte) return false;
    const bool is_broken = packet[1] & 0x80, begins = packet[1] & 0x40;
    const uint16_t pid = pid_at(packet.subspan(1));
    if (is_broken || pid == none) return false;
    const bool has_adaptation = packet[3] & 0x20, has_payload = packet[3] & 0x10;
    const size_t adaptation = has_adaptation ? 1 + packet[4] : 0;
    if (4 + adaptation > packet_size) return false;
    const bool is_random_access = has_adaptation && packet[4] > 0 && (packet[5] & 0x40);
    const ByteView payload = has_payload ? packet.subspan(4 + adaptation) : ByteView();

    if (pid == 0 || pid == pmt_pid_) {
        take_table(pid == 0 ? pat_ : pmt_, packet, payload, begins, pid != 0);
        return false;
    }
    if (!begins || tables_.empty()) return false;
    if (video_pid_ == none) return is_awaited_ = pid == audio_pid_;
    if (pid != video_pid_) return false;
    is_awaited_ = true;
    return is_random_access || has_parameter_sets(payload, video_type_);
}

void JoinFinder::take_table(Table &table, ByteView packet, ByteView payload, bool begins,
                            bool is_map) {
    if (begins) {
        table.packets.clear();
        table.section.clear();
        if (payload.empty() || payload.size() < 1u + payload[0]) return;
        payload = payload.subspan(1u + payload[0]); // behind the end of an earlier section
    } else if (table.packets.empty()) {
        return;
    }
    table.packets.insert(table.packets.end(), packet.begin(), packet.end());
    table.section.insert(table.section.end(), payload.begin(), payload.end());
    const bool has_size = table.section.size() >= 3;
    const size_t size =
        has_size ? 3u + ((table.section[1] & 0x0Fu) << 8 | table.section[2]) : max_table;
    const bool is_incomplete = table.section.size() < size;
    // Packets may be empty but for stuffing.
    if (size > max_table || (is_incomplete && table.packets.size() >= max_packets * packet_size)) {
        table = {};
        return;
    }
    if (is_incomplete) return;
    const ByteView section = ByteView(table.section).first(size);
    // The CRC over the whole, its own four bytes included, is zero.
    if (size >= 12 && crc32(section) == 0) {
        (is_map ? pmt_packets_ : pat_packets_) = table.packets;
        if (is_map)
            read_map(section);
        else
            read_programs(section);
        renew_tables();
    }
    table = {};
}

void JoinFinder::read_programs(ByteView section) {
    if (section[0] != 0) return;
    for (size_t at = 8; at + 4 <= section.size() - 4; at += 4) {
        const bool is_network = section[at] == 0 && section[at + 1] == 0;
        if (is_network) continue;
        const uint16_t pid = pid_at(section.subspan(at + 2));
        if (pid != pmt_pid_) {
            pmt_pid_ = pid;
            pmt_packets_.clear();
            pmt_ = {};
        }
        return;
    }
}

void JoinFinder::read_map(ByteView section) {
    if (section[0] != 2) return;
    video_pid_ = audio_pid_ = none;
    const ByteView body = section.first(section.size() - 4);
    size_t at = 12u + ((section[10] & 0x0F) << 8 | section[11]);
    while (at + 5 <= body.size()) {
        const uint8_t type = body[at];
        const uint16_t pid = pid_at(body.subspan(at + 1));
        const size_t size = (body[at + 3] & 0x0F) << 8 | body[at + 4];
        if (at + 5 + size > body.size()) break;
        const std::string_view named = registration(body.subspan(at + 5, size));
        const bool is_private_video = type == private_pes && named == "AV01";
        const bool is_video = is_video_type(type) || is_private_video;
        if (is_video && video_pid_ == none) {
            video_pid_ = pid;
            video_type_ = type;
        } else if (!is_video && audio_pid_ == none && (is_audio_type(type) || named == "Opus")) {
            audio_pid_ = pid;
        }
        at += 5 + size;
    }
}

void JoinFinder::renew_tables() {
    if (pat_packets_.empty() || pmt_packets_.empty()) return;
    std::vector<uint8_t> whole = pat_packets_;
    whole.insert(whole.end(), pmt_packets_.begin(), pmt_packets_.end());
    // The continuity counters change with each repetition.
    for (size_t at = 0; at < whole.size(); at += packet_size)
        whole[at + 3] &= 0xF0;
    if (whole == tables_) return;
    tables_ = std::move(whole);
    ++version_;
}

} // namespace penstock::mpegts
