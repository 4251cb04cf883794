// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as access units with stamps. Laws: a place lies within the unit; inserted stamps are
// read back unchanged; stamps that are read can be written.
#include "core/latency/sei.h"

#include "fuzz/law.h"

using namespace penstock;
using namespace penstock::latency;

namespace {

void check(const Framing &framing, ByteView unit) {
    const auto place = find_stamps(framing, unit);
    if (!place) return;
    fuzz::law(place->begin <= place->end && place->end <= unit.size(), "a place is in the unit");
    fuzz::law(!(place->stamps && place->damaged), "what is damaged is not read");
    FrameStamps stamps = place->stamps.value_or(FrameStamps{1, 2, {}});
    fuzz::law(stamps.hops.size() <= FrameStamps::most_hops, "no more hops than there may be");
    if (stamps.hops.size() < FrameStamps::most_hops) stamps.hops.push_back({Hop::server, 0});
    const std::vector<uint8_t> bytes = build_stamps(framing, *place, stamps);
    if (bytes.empty()) {
        fuzz::law(framing.length_size == 1, "all that is read can be written");
        return;
    }
    std::vector<uint8_t> out(unit.begin(), unit.begin() + static_cast<ptrdiff_t>(place->begin));
    out.insert(out.end(), bytes.begin(), bytes.end());
    out.insert(out.end(), unit.begin() + static_cast<ptrdiff_t>(place->end), unit.end());
    const auto again = find_stamps(framing, out);
    fuzz::law(again && again->stamps == stamps, "what is written is read");
    fuzz::law(again->end > again->begin, "what is written has a place of its own");
}

} // namespace

/// The first byte chooses the framing.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const ByteView unit(data + 1, size - 1);
    check({static_cast<Codec>(data[0] % 3), static_cast<uint8_t>(data[0] / 3 % 5)}, unit);
    return 0;
}
