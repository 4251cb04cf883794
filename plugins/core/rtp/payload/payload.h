// SPDX-License-Identifier: LGPL-2.1-or-later
// The interface of the RTP payload formats of all codecs: a packetizer turns a frame into payloads,
// a depacketizer payloads into frames. The RTP header (RFC 3550 5.1) belongs to the caller.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"

#include <algorithm>
#include <initializer_list>

namespace penstock::rtp::payload {

/// Bytes that an RTP payload may have. 1200 and the headers of IPv6, UDP, RTP and SRTP are well
/// below what tunnels and mobile networks leave of Ethernet's 1500.
inline constexpr size_t default_budget = 1200;
inline constexpr size_t smallest_budget = 64, largest_budget = 65'000;
constexpr size_t valid_budget(size_t budget) {
    return std::clamp(budget, smallest_budget, largest_budget);
}

/// The longest frame that is taken, in either direction; bytes. FLV's tags hold no more.
inline constexpr size_t max_frame = 16'000'000;
/// The most units (of H.264, HEVC or AV1) that a packetizer takes in a frame. Each costs memory,
/// however short it is; the most slices or tiles of any level are a few hundred.
inline constexpr size_t max_units = 16'384;

/// The payloads of one frame, in sending order: gather lists of views into the frame and of bytes
/// that this object owns. Valid while the frame's memory is. An object that is used again for the
/// next frame allocates only for one with more payloads than any before.
class Payloads {
public:
    struct Payload {
        size_t size = 0;     ///< bytes; never 0
        bool marker = false; ///< for the RTP header's marker bit
        uint32_t ticks = 0;  ///< by how much its RTP timestamp exceeds the frame's
        uint32_t first = 0;  ///< of the pieces
        uint32_t end = 0;    ///< behind the last piece
    };

    size_t size() const { return payloads_.size(); }
    bool empty() const { return payloads_.empty(); }
    const Payload &operator[](size_t i) const { return payloads_[i]; }
    std::vector<Payload>::const_iterator begin() const { return payloads_.begin(); }
    std::vector<Payload>::const_iterator end() const { return payloads_.end(); }

    /// Calls `use(ByteView)` with each piece of payload number `i`, in sending order.
    template <class Use>
    void each_piece(size_t i, Use &&use) const {
        for (uint32_t at = payloads_[i].first; at < payloads_[i].end; ++at)
            use(pieces_[at].data ? ByteView(pieces_[at].data, pieces_[at].size)
                                 : ByteView(own_.data() + pieces_[at].offset, pieces_[at].size));
    }
    /// Appends the bytes of payload number `i`.
    void append_to(std::vector<uint8_t> &out, size_t i) const {
        each_piece(i, [&](ByteView piece) { out.insert(out.end(), piece.begin(), piece.end()); });
    }
    /// Copies all that refers to the frame: each payload is one piece of its own from then on, and
    /// the frame's memory is not needed any more.
    void gather() {
        size_t total = 0;
        for (const Payload &payload : payloads_)
            total += payload.size;
        std::vector<uint8_t> bytes;
        bytes.reserve(total);
        std::vector<Piece> pieces;
        pieces.reserve(payloads_.size());
        for (size_t i = 0; i < payloads_.size(); ++i) {
            pieces.push_back({nullptr, bytes.size(), payloads_[i].size});
            append_to(bytes, i);
        }
        for (uint32_t i = 0; i < payloads_.size(); ++i) {
            payloads_[i].first = i;
            payloads_[i].end = i + 1;
        }
        own_ = std::move(bytes);
        pieces_ = std::move(pieces);
    }
    /// The bytes of payload number `i`, after gather().
    ByteView gathered(size_t i) const {
        return ByteView(own_.data() + pieces_[i].offset, pieces_[i].size);
    }
    /// The number of payloads, beginning with `i`, that one send with UDP_SEGMENT can take: all of
    /// the same size, but for a shorter last one.
    size_t run_at(size_t i) const {
        size_t last = i + 1;
        while (last < size() && payloads_[last].size <= payloads_[i].size)
            if (payloads_[last++].size < payloads_[i].size) break;
        return last - i;
    }

    /// For packetizers: a payload is begun, gets its pieces and is ended.
    void clear() {
        own_.clear();
        pieces_.clear();
        payloads_.clear();
    }
    void start() {
        const auto at = static_cast<uint32_t>(pieces_.size());
        payloads_.push_back({0, false, 0, at, at});
    }
    /// Appends bytes that are copied.
    void own(ByteView bytes) {
        if (bytes.empty()) return;
        Payload &payload = payloads_.back();
        const bool goes_on = payload.end > payload.first && !pieces_.back().data;
        if (!goes_on) {
            pieces_.push_back({nullptr, own_.size(), 0});
            ++payload.end;
        }
        pieces_.back().size += bytes.size();
        payload.size += bytes.size();
        own_.insert(own_.end(), bytes.begin(), bytes.end());
    }
    void own(std::initializer_list<uint8_t> bytes) { own(ByteView(bytes.begin(), bytes.size())); }
    /// Appends bytes of the frame, which are not copied.
    void refer(ByteView bytes) {
        if (bytes.empty()) return;
        pieces_.push_back({bytes.data(), 0, bytes.size()});
        ++payloads_.back().end;
        payloads_.back().size += bytes.size();
    }
    /// Of the payload that was started last.
    void mark() { payloads_.back().marker = true; }
    void set_ticks(uint32_t ticks) { payloads_.back().ticks = ticks; }

private:
    struct Piece {
        const uint8_t *data; ///< of the frame; null: own bytes, at `offset`
        size_t offset, size;
    };
    std::vector<uint8_t> own_;
    std::vector<Piece> pieces_;
    std::vector<Payload> payloads_;
};

/// How `total` bytes are cut into parts of at most `most`: all of `size`, but for the last, which
/// may be shorter.
struct EqualParts {
    size_t size = 0, count = 0;
};
constexpr EqualParts equal_parts(size_t total, size_t most) {
    const size_t fewest = (total + most - 1) / most;
    if (fewest == 0) return {};
    const size_t size = (total + fewest - 1) / fewest;
    return {size, (total + size - 1) / size};
}

/// Makes payloads of one stream's frames. Not thread-safe.
class Packetizer {
public:
    virtual ~Packetizer() = default;
    /// Takes the codec's configuration record as FLV has it, for what frames do not repeat. Errors:
    /// the record is broken; the configuration before it stays.
    virtual Result configure(ByteView) { return Result::ok(); }
    /// Replaces the content of `out` by the payloads of a frame in the form that it has in FLV.
    /// `keyframe`: a decoder can start here. Errors, which leave `out` empty: the frame is empty,
    /// broken, too long or of too many units, or the payload format has no way to carry it.
    virtual Result packetize(ByteView frame, bool keyframe, Payloads &out) = 0;
};

/// An RTP packet as a depacketizer gets it: in the order of sequence numbers, without duplicates.
struct Packet {
    ByteView payload;       ///< without padding
    uint32_t timestamp = 0; ///< of the RTP header
    bool marker = false;
    bool lost_before = false; ///< packets are missing between the one before and this one
};

/// A frame as FLV has it, put together from packets.
struct Frame {
    Bytes bytes;            ///< may be empty if `damaged`
    uint32_t timestamp = 0; ///< RTP clock
    bool keyframe = false;  ///< a decoder can start here; always true for audio
    /// Parts are missing, or may be: `bytes` has the units that came whole or, of codecs without
    /// units, the part before the gap.
    bool damaged = false;
    /// Packets are missing between the frame before and this one, maybe whole frames.
    bool after_gap = false;
    bool config_changed = false; ///< Depacketizer::config() is another than for the frame before
};

/// Makes frames of one stream's packets. Not thread-safe.
class Depacketizer {
public:
    virtual ~Depacketizer() = default;
    /// Appends the frames that the packet completes, usually one at most. Errors: the payload is
    /// malformed, or of a form that is not supported; what can be used of it has been used, and the
    /// frame counts as damaged.
    virtual Result push(const Packet &packet, std::vector<Frame> &out) = 0;
    /// Appends the frame that is under way, as after a packet with the marker. Call at the stream's
    /// end, and before packets of another source.
    virtual void flush(std::vector<Frame> &) {}
    /// The configuration record as FLV has it, learnt from packets; empty if the codec has none or
    /// it is not complete yet.
    virtual std::vector<uint8_t> config() const { return {}; }
};

} // namespace penstock::rtp::payload
