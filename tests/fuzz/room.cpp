// SPDX-License-Identifier: LGPL-2.1-or-later
// Participants of a room who say and send anything. Laws: texts out are JSON of bounded size, who
// is no host changes nothing of others, and the numbers of a slot's stream go on without a gap
// wherever the packets do.
#include "core/rtc/room/room.h"
#include "core/bytes/reader.h"
#include "core/rtc/room/forwarder.h"

#include "fuzz/law.h"

#include <nlohmann/json.hpp>

#include <string>

using namespace penstock;
using namespace penstock::rtc::room;

namespace {

constexpr size_t max_records = 2'000;

void check_texts(Room &room) {
    const Room::Actions actions = room.take();
    for (const auto &text : actions.texts) {
        fuzz::law(text.text->size() < 64 << 10, "a text fits into a message");
        fuzz::law(nlohmann::json::accept(*text.text), "texts are JSON");
    }
    for (const auto &[who, why] : actions.removed)
        fuzz::law(who != 1 || why == "it sends too many messages",
                  "only the host removes, and nobody else is one");
}

/// The first participant is host and says nothing; the second says what comes.
void speak(ByteView bytes) {
    Room room({.name = "x", .first_is_host = true});
    room.join("Ann", false, {true, true, true});
    const uint32_t eve =
        room.join(std::string(bytes.begin(), bytes.end()), false, {true, true, true});
    room.welcome(1);
    room.welcome(eve);
    Reader r(bytes);
    int64_t now = 1;
    for (size_t i = 0; i < max_records && r.remaining() > 2; ++i) {
        now += int64_t(r.u8()) * 10'000'000;
        const size_t size = std::min<size_t>(r.u16(), r.remaining());
        const ByteView text = r.take(size);
        room.take_text(eve, {reinterpret_cast<const char *>(text.data()), text.size()}, now, now);
        room.hear(eve, {1, 1, unsigned(size & 0x7F)}, now);
        room.tick();
        check_texts(room);
    }
    fuzz::law(room.participants().size() == 2, "nobody comes or goes by texts alone");
}

/// Packets of two layers, some late, some of padding only, and targets that change.
void forward(ByteView bytes) {
    Forwarder forwarder(90'000, 1'024, 7, true);
    std::array<int64_t, 2> sequences{100, 60'000};
    std::optional<uint16_t> last;
    Reader r(bytes);
    for (size_t i = 0; i < max_records && r.remaining() > 2; ++i) {
        const uint8_t what = r.u8();
        const uint8_t layer = what & 1;
        if ((what >> 1 & 7) == 0) forwarder.aim(Target{1, layer});
        if ((what >> 1 & 7) == 1) forwarder.lose();
        MediaPacket packet;
        packet.layer = layer;
        const bool is_late = what & 0x40;
        packet.sequence = is_late ? sequences[layer] - r.u8() : sequences[layer]++;
        const size_t size = std::min<size_t>(r.u8(), r.remaining());
        packet.payload = Bytes::copy_of(r.take(size));
        packet.timestamp = uint32_t(packet.sequence) * 3'000;
        packet.time = packet.sequence * 33'000'000;
        packet.glimpse = look_at(what & 0x80 ? rtc::Codec::avc : rtc::Codec::vp8, packet.payload);
        const auto out = forwarder.take(1, packet);
        if (!out) continue;
        std::array<uint8_t, 8> storage;
        std::array<ByteView, 2> pieces;
        size_t written = 0;
        for (size_t n = pieces_of(packet, *out, storage, pieces); n > 0; --n)
            written += pieces[n - 1].size();
        fuzz::law(written == packet.payload.size(), "a payload keeps its size");
        const auto found = forwarder.find(out->sequence);
        fuzz::law(found && found->number == packet.sequence, "what was sent is found");
        fuzz::law(found->offsets.apply(packet).timestamp == out->timestamp, "and is the same");
        const int32_t step = last ? rtp::sequence_distance(*last, out->sequence) : 1;
        fuzz::law(step <= 1 || is_late, "a number is left out for nothing");
        if (step > 0) last = out->sequence;
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    const ByteView rest(data + 1, size - 1);
    if (data[0] & 1)
        speak(rest);
    else
        forward(rest);
    return 0;
}
