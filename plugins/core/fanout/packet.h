// SPDX-License-Identifier: LGPL-2.1-or-later
// What is sent to every viewer of a stream: serialized once, immutable, shared by all.
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

/// A gather list over the memory that came in: what is written in between lives in `headers`,
/// payload is never copied. Most have one header and few pieces, which need no memory of their own.
struct Packet {
    Packet() = default;
    Packet(const Packet &) = delete; // `pieces` would show the other one's headers
    Packet &operator=(const Packet &) = delete;

    Bytes payload; ///< as it came; `pieces` show some of it
    boost::container::small_vector<uint8_t, 24> headers;
    boost::container::small_vector<ByteView, 4> pieces; ///< in sending order; into the two above
    size_t size = 0;                                    ///< sum of the pieces, in bytes
    uint32_t time = 0; ///< on the wire, milliseconds; for FLV and RTMP
    /// A viewer waits for this one: a video frame, or an audio frame of a stream without video.
    /// The others may wait a moment for the next that is awaited.
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

    /// Sums up the pieces. To be called once, when they are all there; `framed`: viewers may come
    /// whose protocol frames packets. An empty packet has no frame: it would end a chunked answer.
    void seal(bool framed);

private:
    static ByteView chunk_tail();
    std::array<uint8_t, 18> chunk_head_{};
    std::array<uint8_t, 10> frame_head_{};
    uint8_t chunk_head_size_ = 0, frame_head_size_ = 0;
};

using PacketPtr = std::shared_ptr<const Packet>;

/// A packet that is nothing but these bytes.
PacketPtr plain_packet(Bytes bytes, bool framed = false);
/// Bytes that are one viewer's alone: a handshake, an answer.
inline PacketPtr private_packet(std::vector<uint8_t> &&bytes) {
    return plain_packet(Bytes::adopt(std::move(bytes)));
}

} // namespace penstock::fanout
