// SPDX-License-Identifier: LGPL-2.1-or-later
// A packet of a stream as all viewers receive it: serialized once, immutable, shared.
#pragma once

#include "core/bytes/bytes.h"

#include <boost/container/small_vector.hpp>

#include <array>
#include <memory>
#include <vector>

namespace penstock::fanout {

/// The framing that a viewer's protocol adds to each packet.
enum class Framing : uint8_t {
    none,      ///< RTMP, whose chunk headers are in the packet; HTTP until the connection closes
    chunked,   ///< HTTP/1.1 chunks, RFC 9112 7.1
    websocket, ///< unmasked binary frames, RFC 6455 5.2
};

/// A gather list that refers to the received memory. Inserted bytes are in `headers`; the payload
/// is never copied. Most packets have one header and few pieces and need no allocation.
struct Packet {
    Packet() = default;
    Packet(const Packet &) = delete; // `pieces` would point into the original's headers
    Packet &operator=(const Packet &) = delete;

    Bytes payload; ///< as received; `pieces` refer to it
    boost::container::small_vector<uint8_t, 24> headers;
    /// In sending order; refer to `payload` and `headers`.
    boost::container::small_vector<ByteView, 4> pieces;
    size_t size = 0;   ///< sum of the pieces, in bytes
    uint32_t time = 0; ///< timestamp on the wire; ms; FLV and RTMP only
    /// True if viewers wait for this packet: it has a video frame, or an audio frame of a stream
    /// without video. Other packets may be held back until the next awaited one.
    bool awaited = true;
    /// Bits of what a viewer must take (its Outlet::Source::takes) to get this packet; others get
    /// `plain` if they take what that needs, or nothing.
    uint8_t needs = 0;
    std::shared_ptr<const Packet> plain;

    /// Calls `use(ByteView)` with each piece in sending order, including the framing.
    template <class Use>
    void each_piece(Framing framing, Use &&use) const {
        if (framing == Framing::chunked)
            use(ByteView(chunk_head_.data(), chunk_head_size_));
        else if (framing == Framing::websocket)
            use(ByteView(frame_head_.data(), frame_head_size_));
        for (const ByteView piece : pieces)
            use(piece);
        if (framing == Framing::chunked && chunk_head_size_ > 0) use(chunk_tail());
    }
    /// Size on the wire; bytes.
    size_t framed_size(Framing framing) const {
        return framing == Framing::none        ? size
               : framing == Framing::websocket ? frame_head_size_ + size
               : chunk_head_size_ > 0          ? chunk_head_size_ + size + chunk_tail().size()
                                               : size;
    }

    /// Computes the sizes. Call once, when all pieces are present. With `framed`, prepares the
    /// framing headers. Empty packets are not framed, because an empty chunk would end a chunked
    /// response.
    void seal(bool framed);

private:
    static ByteView chunk_tail();
    std::array<uint8_t, 18> chunk_head_{};
    std::array<uint8_t, 10> frame_head_{};
    uint8_t chunk_head_size_ = 0, frame_head_size_ = 0;
};

using PacketPtr = std::shared_ptr<const Packet>;

/// An empty packet to be filled in.
inline std::shared_ptr<Packet> new_packet() {
    return std::allocate_shared<Packet>(RecyclingAllocator<Packet>());
}

/// The form of a packet for a viewer that takes these features; of size 0 if there is nothing for
/// it.
const PacketPtr &form_for(const PacketPtr &packet, uint8_t takes);

/// Makes a packet from these bytes.
PacketPtr plain_packet(Bytes bytes, bool framed = false);
/// Makes a packet for a single viewer, such as a handshake or a response.
inline PacketPtr private_packet(std::vector<uint8_t> &&bytes) {
    return plain_packet(Bytes::adopt(std::move(bytes)));
}

} // namespace penstock::fanout
