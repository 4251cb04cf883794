// SPDX-License-Identifier: LGPL-2.1-or-later
// Aggregates and fragments open bitstream units.
#include "core/rtp/payload/av1_packetizer.h"

#include "core/codec/av1.h"
#include "core/codec/keyframe.h"

namespace penstock::rtp::payload {
namespace {

constexpr size_t max_config = 4096, config_fixed = 4;
constexpr size_t most_counted = 3; ///< elements of a payload whose number its header can say

/// Appends the units that are sent.
template <class Element>
Result read_units(ByteView bytes, bool of_frame, std::vector<Element> &out) {
    Reader r(bytes);
    while (r.remaining() > 0) {
        Element element;
        if (!read_obu(r, element.obu)) return Result::error("a broken AV1 unit");
        element.obu.header[0] &= static_cast<uint8_t>(~obu_has_size);
        element.of_frame = of_frame;
        if (is_left_out(element.obu.type)) continue;
        if (out.size() == max_units) return Result::error("an AV1 frame of too many units");
        out.push_back(element);
    }
    return Result::ok();
}

} // namespace

Result Av1Packetizer::configure(ByteView record) {
    codec::Av1Config config;
    if (Result result = codec::parse_av1_config(record, config); !result.is_ok()) return result;
    if (record.size() > max_config) return Result::error("an AV1 configuration that is too long");
    const ByteView units = record.subspan(config_fixed);
    std::vector<Element> elements;
    if (Result result = read_units(units, false, elements); !result.is_ok()) return result;
    config_.assign(units.begin(), units.end());
    return Result::ok();
}

// Fills `elements_` with what is to be sent.
Result Av1Packetizer::split(ByteView frame, bool &keyframe) {
    elements_.clear();
    if (Result result = read_units(frame, true, elements_); !result.is_ok()) return result;
    if (elements_.empty()) return Result::error("an AV1 frame without units to be sent");
    keyframe = keyframe || codec::is_av1_entry(frame).value_or(false);
    const auto is_sequence_header = [](const Element &element) {
        return element.obu.type == obu_sequence_header;
    };
    if (!keyframe || std::any_of(elements_.begin(), elements_.end(), is_sequence_header))
        return Result::ok();
    std::vector<Element> config;
    if (Result result = read_units(config_, false, config); !result.is_ok()) return result;
    elements_.insert(elements_.begin(), config.begin(), config.end());
    return Result::ok();
}

Result Av1Packetizer::packetize(ByteView frame, bool keyframe, Payloads &out) {
    out.clear();
    if (frame.size() > max_frame) return Result::error("a frame that is too long for RTP");
    if (Result result = split(frame, keyframe); !result.is_ok()) return result;

    // All payloads but the last get the size at which the fewest are needed.
    size_t total = 0;
    for (size_t i = 0; i < elements_.size(); ++i) {
        const size_t size = elements_[i].size();
        const bool counted = i + 1 == elements_.size() && elements_.size() <= most_counted;
        total += size + (counted ? 0 : leb128_size(std::min(size, budget_)));
    }
    const size_t target = 1 + equal_parts(total, budget_ - 1).size;

    size_t element = 0, at = 0;
    while (element < elements_.size()) {
        const bool continues = at > 0;
        parts_.clear();
        size_t used = 1; // with a size before each part; the last of three or less has none
        while (element < elements_.size()) {
            const size_t prefix = parts_.size() < most_counted ? 0 : leb128_size(target);
            if (used + prefix >= target) break;
            const size_t left = elements_[element].size() - at;
            const size_t take = std::min(left, target - used - prefix);
            parts_.push_back({element, at, take});
            used += leb128_size(take) + take;
            at += take;
            if (take < left) break;
            ++element;
            at = 0;
        }
        const bool counted = parts_.size() <= most_counted;
        const bool begins_sequence = keyframe && out.empty();
        out.start();
        out.own({static_cast<uint8_t>((continues ? 0x80 : 0) | (at > 0 ? 0x40 : 0) |
                                      (counted ? parts_.size() << 4 : 0) |
                                      (begins_sequence ? 0x08 : 0))});
        for (size_t i = 0; i < parts_.size(); ++i) {
            if (!counted || i + 1 < parts_.size())
                write_leb128(parts_[i].size, [&](uint8_t byte) { out.own({byte}); });
            put(parts_[i], out);
        }
    }
    out.mark();
    return Result::ok();
}

void Av1Packetizer::put(const Part &part, Payloads &out) const {
    const Element &element = elements_[part.element];
    const Obu &obu = element.obu;
    const size_t end = part.at + part.size;
    if (part.at < obu.header_size)
        out.own(ByteView(obu.header).subspan(part.at, std::min(end, obu.header_size) - part.at));
    if (end <= obu.header_size) return;
    const size_t first = std::max(part.at, obu.header_size) - obu.header_size;
    const ByteView bytes = obu.payload.subspan(first, end - obu.header_size - first);
    element.of_frame ? out.refer(bytes) : out.own(bytes);
}

} // namespace penstock::rtp::payload
