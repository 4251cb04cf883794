// SPDX-License-Identifier: LGPL-2.1-or-later
// A piece of a stream as every viewer gets it: serialized once, immutable, shared by all.
#pragma once

#include "core/bytes/bytes.h"

#include <boost/container/small_vector.hpp>

#include <array>
#include <memory>
#include <vector>

namespace penstock::fanout {

/// What a viewer's protocol puts around each packet.
enum class Framing : uint8_t {
    none,      ///< RTMP, whose chunk headers are in the packet; HTTP until the connection closes
    chunked,   ///< HTTP/1.1 chunks, RFC 9112 7.1
    websocket, ///< unmasked binary frames, RFC 6455 5.2
};

/// A gather list over the memory that came in. Bytes that are written in between are in `headers`;
/// payload is never copied. Most packets have one header and few pieces, which need no allocation.
struct Packet {
    Packet() = default;
    Packet(const Packet &) = delete; // `pieces` would point into the original's headers
    Packet &operator=(const Packet &) = delete;

    Bytes payload; ///< as it came; `pieces` point into it
    boost::container::small_vector<uint8_t, 24> headers;
    boost::container::small_vector<ByteView, 4> pieces; ///< in sending order; into the two above
    size_t size = 0;                                    ///< sum of the pieces, in bytes
    uint32_t time = 0; ///< on the wire, milliseconds; for FLV and RTMP
    /// Viewers wait for this packet: it has a video frame, or an audio frame of a stream without
    /// video. Other packets may be held back until the next awaited one.
    bool awaited = true;

    /// Calls `use(ByteView)` with each piece in sending order, the framing included.
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
    /// Bytes on the wire.
    size_t framed_size(Framing framing) const {
        return framing == Framing::none        ? size
               : framing == Framing::websocket ? frame_head_size_ + size
               : chunk_head_size_ > 0          ? chunk_head_size_ + size + chunk_tail().size()
                                               : size;
    }

    /// Sums up the pieces; to be called once, when all are there. `framed`: some viewers' protocol
    /// may frame packets. An empty packet gets no frame: it would end a chunked answer.
    void seal(bool framed);

private:
    static ByteView chunk_tail();
    std::array<uint8_t, 18> chunk_head_{};
    std::array<uint8_t, 10> frame_head_{};
    uint8_t chunk_head_size_ = 0, frame_head_size_ = 0;
};

using PacketPtr = std::shared_ptr<const Packet>;

/// Makes a packet of these bytes alone.
PacketPtr plain_packet(Bytes bytes, bool framed = false);
/// Makes a packet for one viewer alone: a handshake, an answer.
inline PacketPtr private_packet(std::vector<uint8_t> &&bytes) {
    return plain_packet(Bytes::adopt(std::move(bytes)));
}

} // namespace penstock::fanout
