// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/id3/tag.h"

#include "core/bytes/reader.h"
#include "core/bytes/writer.h"

namespace penstock::id3 {
namespace {

constexpr size_t header_size = 10;
constexpr uint8_t version = 4, utf8 = 3;
constexpr uint8_t footer_flag = 0x10;
constexpr size_t longest_value = 4096;

/// Four bytes of seven bits (section 6.2).
void put_size(Writer &w, size_t size) {
    for (int shift = 21; shift >= 0; shift -= 7)
        w.u8(size >> shift & 0x7F);
}

std::string_view cut(std::string_view text) {
    if (text.size() <= longest_value) return text;
    size_t size = longest_value;
    while (size > 0 && (static_cast<uint8_t>(text[size]) & 0xC0) == 0x80)
        --size;
    return text.substr(0, size);
}

} // namespace

bool is_tag(ByteView bytes) {
    if (bytes.empty()) return false;
    Reader in(bytes);
    while (in.remaining() > 0) {
        if (in.u24() != 0x494433) return false; // "ID3"
        if (in.u8() == 0xFF || in.u8() == 0xFF) return false;
        const uint8_t flags = in.u8();
        size_t size = 0;
        for (int i = 0; i < 4; ++i) {
            const uint8_t part = in.u8();
            if (part & 0x80) return false;
            size = size << 7 | part;
        }
        in.skip(size + (flags & footer_flag ? header_size : 0));
        if (in.failed()) return false;
    }
    return true;
}

Bytes make_tag(std::span<const Text> texts) {
    Writer frames;
    for (const Text &text : texts) {
        const std::string_view value = cut(text.value);
        frames.text(text.frame);
        put_size(frames, value.size() + 1);
        frames.u16(0).u8(utf8).text(value);
    }
    Writer tag;
    tag.text("ID3").u8(version).u8(0).u8(0);
    put_size(tag, frames.size());
    tag.bytes(frames.view());
    return Bytes::adopt(tag.take());
}

} // namespace penstock::id3
