// SPDX-License-Identifier: LGPL-2.1-or-later
// Any titles and writes as a stream with ICY metadata. The input is a title up to a zero byte, then
// a sequence of sizes: what is written at once, and what the socket accepts. Laws: a block's size
// is a multiple of 16 and no quote ends the title early; what a player extracts is exactly the
// stream, however it was cut.
#include "core/fanout/icy.h"

#include "fuzz/law.h"

#include <algorithm>
#include <cerrno>
#include <vector>

using namespace penstock;

namespace {

constexpr size_t head_size = 37;

/// A socket that takes `room` bytes in each write.
class Socket final : public fanout::Wire {
public:
    size_t room = 0;
    std::string taken;

    ssize_t write(const iovec *parts, int count) override {
        size_t left = room;
        room = 0;
        const size_t before = taken.size();
        for (int i = 0; i < count && left > 0; ++i) {
            const size_t part = std::min(left, parts[i].iov_len);
            taken.append(static_cast<const char *>(parts[i].iov_base), part);
            left -= part;
        }
        if (taken.size() == before) {
            errno = EAGAIN;
            return -1;
        }
        return static_cast<ssize_t>(taken.size() - before);
    }
};

std::string title;

/// The stream as a player gets it, without the answer's head and the blocks.
std::string played(const std::string &taken) {
    std::string out;
    size_t at = std::min(head_size, taken.size());
    while (at < taken.size()) {
        const size_t audio = std::min(fanout::IcyState::interval, taken.size() - at);
        out += taken.substr(at, audio);
        at += audio;
        if (at >= taken.size()) break;
        at += 1 + size_t(static_cast<uint8_t>(taken[at])) * 16;
    }
    return out;
}

void check_block(const std::string &block) {
    fuzz::law(!block.empty(), "a block has a size");
    fuzz::law(block.size() == 1 + size_t(static_cast<uint8_t>(block[0])) * 16,
              "a block is whole sixteens");
    if (block.size() == 1) return;
    const std::string text = block.substr(1, block.find('\0', 1) - 1);
    fuzz::law(text.starts_with("StreamTitle='") && text.ends_with("';"), "a block is a title");
    fuzz::law(std::count(text.begin(), text.end(), '\'') == 2, "no quote ends a title early");
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const uint8_t *end = std::find(data, data + size, uint8_t(0));
    title.assign(data, end);
    check_block(fanout::icy_block(title));

    Socket socket;
    fanout::IcyState state;
    state.head = head_size;
    fanout::IcyWire wire(
        socket, state,
        [](void *, unsigned &version) -> std::optional<std::string> {
            if (version++ % 2) return std::nullopt;
            return title;
        },
        nullptr);
    std::string given; ///< the head and the stream, as far as it was taken
    uint8_t next = 0;
    for (const uint8_t *at = end; at < data + size && given.size() < 100'000; ++at) {
        // Three parts, of up to 8 kB together; the socket takes more than that, less, or nothing.
        const size_t wanted = size_t(*at & 0x3f) << 7, third = wanted / 3;
        std::string piece(wanted, '\0');
        for (char &c : piece)
            c = static_cast<char>(next++ * 31 + 7);
        const iovec parts[] = {{piece.data(), third},
                               {piece.data() + third, third},
                               {piece.data() + 2 * third, wanted - 2 * third}};
        socket.room = size_t(*at >> 6) * wanted / 2;
        const ssize_t taken = wire.write(parts, 3);
        fuzz::law(taken >= -1 && taken <= static_cast<ssize_t>(wanted), "no more than was given");
        if (taken > 0) given += piece.substr(0, size_t(taken));
        next = static_cast<uint8_t>(next - (wanted - size_t(std::max<ssize_t>(taken, 0))));
    }
    const std::string stream = given.substr(std::min(head_size, given.size()));
    const std::string heard = played(socket.taken);
    fuzz::law(stream == heard, "what a player hears is what was written");
    return 0;
}
