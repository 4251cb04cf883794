// SPDX-License-Identifier: LGPL-2.1-or-later
// Puts open bitstream units and temporal units together. Sizes in a payload are checked against
// it; a temporal unit is bounded.
#include "core/rtp/payload/av1_depacketizer.h"

#include "core/codec/av1.h"
#include "core/codec/keyframe.h"
#include "core/rtp/payload/obu.h"

namespace penstock::rtp::payload {

static constexpr size_t max_sequence_header = 4096; // bytes

std::vector<uint8_t> Av1Depacketizer::config() const {
    std::vector<uint8_t> record;
    if (!codec::make_av1_config(sequence_header_, record).is_ok()) record.clear();
    return record;
}

Result Av1Depacketizer::add(ByteView payload) {
    Reader r(payload);
    const uint8_t head = r.u8();
    const bool continues = head & 0x80, goes_on = head & 0x40;
    const unsigned count = head >> 4 & 3;
    if (head & 0x08) begin_seen_ = true; // a coded video sequence begins
    if (r.remaining() == 0) return Result::error("an AV1 payload without units");
    Result result = Result::ok();
    for (unsigned i = 0; r.remaining() > 0; ++i) {
        const bool is_counted_last = count > 0 && i + 1 == count;
        const uint64_t size = is_counted_last ? r.remaining() : read_leb128(r);
        const ByteView element = r.take(static_cast<size_t>(size));
        const bool is_last = r.remaining() == 0;
        if (r.failed() || (is_last && i + 1 < count)) {
            lose();
            return Result::error("an AV1 payload that is cut short");
        }
        const bool from_before = i == 0 && continues, to_next = is_last && goes_on;
        if (!from_before && in_fragments_) {
            lose();
            damaged_ = true;
        }
        Result one = from_before || to_next ? add_fragment(element, from_before, !to_next)
                                            : add_element(element);
        if (one.is_error()) result = std::move(one);
    }
    return result;
}

Result Av1Depacketizer::add_fragment(ByteView part, bool continues, bool ends) {
    if (!continues) {
        fragments_.clear();
        in_fragments_ = true;
    } else if (!in_fragments_) {
        if (!damaged_ && begin_seen_)
            return Result::error("a fragment whose AV1 unit has no beginning");
        damaged_ = true; // that was lost
        return Result::ok();
    }
    if (fragments_.size() + part.size() > max_frame) {
        lose();
        return Result::error("a frame that is too long");
    }
    fragments_.insert(fragments_.end(), part.begin(), part.end());
    if (!ends) return Result::ok();
    in_fragments_ = false;
    return add_element(fragments_);
}

// Gives up the unit whose fragments do not go on.
void Av1Depacketizer::lose() {
    in_fragments_ = false;
}

// Takes a unit; senders that left the sizes in may have put several into one element.
Result Av1Depacketizer::add_element(ByteView element) {
    Reader r(element);
    while (r.remaining() > 0) {
        Obu obu;
        if (!read_obu(r, obu)) return Result::error("a broken AV1 unit");
        if (is_left_out(obu.type)) continue;
        const size_t at = bytes_.size();
        obu.header[0] |= obu_has_size;
        bool fits = append(ByteView(obu.header).first(obu.header_size));
        write_leb128(obu.payload.size(),
                     [&](uint8_t byte) { fits = fits && append(ByteView(&byte, 1)); });
        if (!fits || !append(obu.payload)) {
            bytes_.resize(at);
            return Result::error("a frame that is too long");
        }
        const ByteView unit = ByteView(bytes_).subspan(at);
        if (obu.type != obu_sequence_header || unit.size() > max_sequence_header) continue;
        begin_seen_ = true;
        if (std::equal(unit.begin(), unit.end(), sequence_header_.begin(), sequence_header_.end()))
            continue;
        sequence_header_.assign(unit.begin(), unit.end());
        config_changed_ = true;
    }
    return Result::ok();
}

bool Av1Depacketizer::finish(Frame &frame) {
    if (in_fragments_) {
        lose();
        frame.damaged = true;
    }
    if (fragments_.capacity() > largest_kept) {
        fragments_.clear();
        fragments_.shrink_to_fit();
    }
    if (bytes_.empty()) return frame.damaged;
    frame.keyframe = codec::is_av1_entry(bytes_).value_or(false);
    frame.config_changed = std::exchange(config_changed_, false);
    return true;
}

} // namespace penstock::rtp::payload
