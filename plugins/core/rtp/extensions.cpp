// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements of RTP header extensions, both ways.
#include "core/rtp/extensions.h"

#include "core/bytes/reader.h"

#include <algorithm>
#include <cassert>

namespace penstock::rtp {
namespace {

constexpr uint8_t reserved_id = 15;

// In the order of ExtensionKind.
constexpr std::array<std::string_view, extension_kinds> uris = {
    "urn:ietf:params:rtp-hdrext:sdes:mid",
    "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id",
    "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id",
    "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
    "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time",
    "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay",
    "urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "urn:3gpp:video-orientation",
    "https://aomediacodec.github.io/av1-rtp-spec/#dependency-descriptor-rtp-header-extension",
};

std::string_view text_of(ByteView value) {
    const bool printable =
        std::all_of(value.begin(), value.end(), [](uint8_t c) { return c > 0x20 && c < 0x7F; });
    if (!printable) return {};
    return {reinterpret_cast<const char *>(value.data()), value.size()};
}

void read_element(ExtensionKind kind, ByteView value, Extensions &out) {
    Reader in(value);
    switch (kind) {
    case ExtensionKind::mid:
        out.mid = text_of(value);
        break;
    case ExtensionKind::rid:
        out.rid = text_of(value);
        break;
    case ExtensionKind::repaired_rid:
        out.repaired_rid = text_of(value);
        break;
    case ExtensionKind::transport_sequence:
        // Version 2 appends 16 bits of a request for feedback.
        if (value.size() == 2 || value.size() == 4) out.transport_sequence = in.u16();
        break;
    case ExtensionKind::absolute_send_time:
        if (value.size() == 3) out.absolute_send_time = in.u24();
        break;
    case ExtensionKind::playout_delay:
        if (value.size() == 3) {
            const uint32_t both = in.u24();
            out.playout_delay = PlayoutDelay{static_cast<uint16_t>((both >> 12) * 10),
                                             static_cast<uint16_t>((both & 0xFFF) * 10)};
        }
        break;
    case ExtensionKind::audio_level:
        // RFC 6464, 3: the two-byte form may have a byte of padding.
        if (value.size() == 1 || value.size() == 2)
            out.audio_level = AudioLevel{(value[0] & 0x80) != 0, uint8_t(value[0] & 0x7F)};
        break;
    case ExtensionKind::video_orientation:
        if (value.size() == 1) out.video_orientation = value[0] & 0x0F;
        break;
    case ExtensionKind::dependency_descriptor:
        out.dependency_descriptor = value;
        break;
    }
}

/// An element to be written: a view, or the lowest bytes of a number.
struct Element {
    uint8_t id;
    size_t size;
    ByteView view;
    uint32_t number;
};

class ElementList {
public:
    explicit ElementList(const ExtensionIds &ids) : ids_(ids) {}

    void add(ExtensionKind kind, ByteView view) {
        if (view.empty() || view.size() > 255) return;
        put({ids_.id_of(kind), view.size(), view, 0});
    }
    void add(ExtensionKind kind, std::string_view text) {
        add(kind, ByteView(reinterpret_cast<const uint8_t *>(text.data()), text.size()));
    }
    void add(ExtensionKind kind, size_t size, uint32_t number) {
        put({ids_.id_of(kind), size, {}, number});
    }
    std::span<const Element> elements() const { return std::span(elements_).first(count_); }
    bool needs_two_bytes() const {
        return std::any_of(elements_.begin(), elements_.begin() + ptrdiff_t(count_),
                           [](const Element &e) { return e.id > 14 || e.size > 16; });
    }

private:
    void put(const Element &element) {
        if (element.id == 0) return;
        assert(count_ < elements_.size());
        elements_[count_++] = element;
    }

    const ExtensionIds &ids_;
    std::array<Element, extension_kinds> elements_{};
    size_t count_ = 0;
};

ElementList list_of(const Extensions &extensions, const ExtensionIds &ids) {
    ElementList list(ids);
    list.add(ExtensionKind::mid, extensions.mid);
    list.add(ExtensionKind::rid, extensions.rid);
    list.add(ExtensionKind::repaired_rid, extensions.repaired_rid);
    if (extensions.transport_sequence)
        list.add(ExtensionKind::transport_sequence, 2, *extensions.transport_sequence);
    if (extensions.absolute_send_time)
        list.add(ExtensionKind::absolute_send_time, 3, *extensions.absolute_send_time);
    if (const auto &delay = extensions.playout_delay) {
        const uint32_t min = std::min(delay->min, PlayoutDelay::most) / 10u;
        const uint32_t max = std::min(delay->max, PlayoutDelay::most) / 10u;
        list.add(ExtensionKind::playout_delay, 3, min << 12 | max);
    }
    if (const auto &audio = extensions.audio_level)
        list.add(ExtensionKind::audio_level, 1,
                 (audio->voice ? 0x80u : 0u) | (audio->level & 0x7Fu));
    if (extensions.video_orientation)
        list.add(ExtensionKind::video_orientation, 1, *extensions.video_orientation & 0x0Fu);
    list.add(ExtensionKind::dependency_descriptor, extensions.dependency_descriptor);
    return list;
}

} // namespace

std::string_view uri_of(ExtensionKind kind) {
    return uris[size_t(kind)];
}

std::optional<ExtensionKind> extension_of(std::string_view uri) {
    const auto found = std::find(uris.begin(), uris.end(), uri);
    if (found == uris.end()) return std::nullopt;
    return static_cast<ExtensionKind>(found - uris.begin());
}

bool ExtensionIds::set(ExtensionKind kind, uint8_t id) {
    if (id == 0 || id == reserved_id) return false;
    std::replace(ids_.begin(), ids_.end(), id, uint8_t(0));
    ids_[size_t(kind)] = id;
    return true;
}

std::optional<ExtensionKind> ExtensionIds::kind_of(uint8_t id) const {
    if (id == 0) return std::nullopt;
    const auto found = std::find(ids_.begin(), ids_.end(), id);
    if (found == ids_.end()) return std::nullopt;
    return static_cast<ExtensionKind>(found - ids_.begin());
}

Extensions parse_extensions(const std::optional<HeaderExtension> &extension,
                            const ExtensionIds &ids) {
    Extensions out;
    if (!extension) return out;
    const bool one_byte = extension->profile == one_byte_profile;
    if (!one_byte && (extension->profile & 0xFFF0) != two_byte_profile) return out;
    Reader in(extension->data);
    while (in.remaining() > 0) {
        uint8_t id = in.u8();
        size_t size = 0;
        if (one_byte) {
            if (id == 0) continue; // padding
            size = (id & 0x0Fu) + 1;
            id >>= 4;
            // The rest is to be ignored (RFC 8285, 4.2): padding has no length.
            if (id == 0 || id == reserved_id) break;
        } else {
            if (id == 0) continue;
            size = in.u8();
        }
        const ByteView value = in.take(size);
        if (in.failed()) break;
        if (const auto kind = ids.kind_of(id)) read_element(*kind, value, out);
    }
    return out;
}

std::optional<HeaderExtension> write_extensions(const Extensions &extensions,
                                                const ExtensionIds &ids, Writer &storage) {
    storage.vector().clear();
    const ElementList list = list_of(extensions, ids);
    if (list.elements().empty()) return std::nullopt;
    const bool two_bytes = list.needs_two_bytes();
    for (const Element &element : list.elements()) {
        if (two_bytes)
            storage.u8(element.id).u8(element.size);
        else
            storage.u8(uint64_t(element.id) << 4 | (element.size - 1));
        storage.bytes(element.view);
        if (element.view.empty())
            for (size_t left = element.size; left-- > 0;)
                storage.u8(element.number >> left * 8 & 0xFF);
    }
    while (storage.size() % 4 != 0)
        storage.u8(0);
    return HeaderExtension{two_bytes ? two_byte_profile : one_byte_profile, storage.view()};
}

} // namespace penstock::rtp
