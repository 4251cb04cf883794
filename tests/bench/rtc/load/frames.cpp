// SPDX-License-Identifier: LGPL-2.1-or-later
#include "frames.h"

#include <algorithm>

namespace load {
namespace {

enum UnitType : uint8_t { idr = 5, sei = 6, sps = 7, stap_a = 24, fu_a = 28 };
constexpr uint8_t start_bit = 0x80;

uint8_t type_of(uint8_t head) {
    return head & 0x1F;
}

} // namespace

void FrameReader::look_at_unit(penstock::ByteView unit, Units &out) {
    if (unit.empty()) return;
    const uint8_t type = type_of(unit[0]);
    out.has_idr |= type == idr;
    out.begins |= type == sps;
    if (type != sei) return;
    if (const auto stamp = read_stamp(unit.data(), unit.size())) {
        out.stamp = stamp;
        out.begins = true;
    }
}

FrameReader::Units FrameReader::look_at(penstock::ByteView payload) {
    Units out;
    if (payload.empty()) return out;
    const uint8_t type = type_of(payload[0]);
    if (type == fu_a) {
        out.has_idr = payload.size() > 1 && type_of(payload[1]) == idr && payload[1] & start_bit;
    } else if (type == stap_a) {
        penstock::ByteView rest = payload.subspan(1);
        while (rest.size() > 2) {
            const size_t size = std::min<size_t>(get(rest.data(), 2), rest.size() - 2);
            look_at_unit(rest.subspan(2, size), out);
            rest = rest.subspan(2 + size);
        }
    } else {
        look_at_unit(payload, out);
    }
    return out;
}

FrameReader::Open &FrameReader::find(uint32_t timestamp, int64_t sequence) {
    const auto found = std::find_if(open_.rbegin(), open_.rend(),
                                    [&](const Open &one) { return one.timestamp == timestamp; });
    if (found != open_.rend()) return *found;
    if (open_.size() == most_open) {
        broken_ += !open_.front().is_done;
        open_.erase(open_.begin());
    }
    Open &out = open_.emplace_back();
    out.timestamp = timestamp;
    out.first = out.last = sequence;
    return out;
}

bool FrameReader::is_end(int64_t sequence) const {
    return std::find(ends_.begin(), ends_.end(), sequence) != ends_.end();
}

bool FrameReader::is_whole(Open &frame) const {
    if (!frame.has_begin) frame.has_begin = is_end(frame.first - 1);
    return frame.has_begin && frame.has_end && frame.count == frame.last - frame.first + 1;
}

std::optional<FrameReader::Frame> FrameReader::push(const penstock::rtp::Packet &packet,
                                                    bool is_readable) {
    const bool is_first = !sequence_.last();
    const int64_t sequence = sequence_.unwrap(packet.sequence);
    Open &frame = find(packet.timestamp, sequence);
    frame.first = std::min(frame.first, sequence);
    frame.last = std::max(frame.last, sequence);
    ++frame.count;
    if (is_readable) {
        const Units units = look_at(packet.payload);
        frame.has_idr |= units.has_idr;
        // A stream that says nothing else begins with the keyframe itself.
        frame.has_begin |= units.begins || (is_first && units.has_idr);
        if (units.stamp) frame.stamp = units.stamp;
    }
    if (packet.marker) {
        frame.has_end = true;
        if (ends_.size() == ends_kept) ends_.erase(ends_.begin());
        ends_.push_back(sequence);
    }
    if (frame.is_done || !is_whole(frame)) return std::nullopt;
    frame.is_done = true;
    return Frame{frame.has_idr, frame.stamp};
}

} // namespace load
