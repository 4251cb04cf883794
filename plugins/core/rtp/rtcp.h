// SPDX-License-Identifier: LGPL-2.1-or-later
// RTCP: reads and writes compound and reduced-size datagrams. RFC 3550, 6; RFC 4585; RFC 5506.
#pragma once

#include "core/bytes/bytes.h"
#include "core/bytes/result.h"
#include "core/bytes/writer.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

namespace penstock::rtp::rtcp {

/// Packets of a datagram; those behind are ignored.
inline constexpr size_t max_packets = 32;
/// Report blocks, chunks or SSRCs of a packet, as its header counts them.
inline constexpr size_t max_items = 31;
/// Pairs of a Nack; those behind are ignored.
inline constexpr size_t max_nack_pairs = 256;
/// Entries of a FullIntraRequest; those behind are ignored.
inline constexpr size_t max_intra_requests = 64;
/// SSRCs of a ReceiverEstimate.
inline constexpr size_t max_estimate_ssrcs = 255;
/// Packets that the TransportFeedbacks of a datagram tell of together, since a few bytes tell of
/// thousands; one that would exceed it is malformed.
inline constexpr size_t max_statuses = 8'192;
/// Bytes of a text, which may be any.
inline constexpr size_t max_text = 255;

/// Reception of one source (RFC 3550, 6.4.1).
struct ReportBlock {
    uint32_t ssrc = 0;
    uint8_t fraction_lost = 0;     ///< of 256, since the last report
    int32_t lost = 0;              ///< 24 bits with sign; negative with duplicates
    uint32_t highest_sequence = 0; ///< extended
    uint32_t jitter = 0;           ///< ticks
    uint32_t last_report = 0;      ///< compact NTP time of the last SR; 0: none
    uint32_t delay = 0;            ///< since it; 2^-16 s
    bool operator==(const ReportBlock &) const = default;
};

struct SenderReport {
    uint32_t ssrc = 0;
    uint64_t ntp = 0;       ///< 32.32 bits; see clock.h
    uint32_t timestamp = 0; ///< ticks, at the same moment
    uint32_t packets = 0, bytes = 0;
    std::vector<ReportBlock> blocks;
    bool operator==(const SenderReport &) const = default;
};

struct ReceiverReport {
    uint32_t ssrc = 0;
    std::vector<ReportBlock> blocks;
    bool operator==(const ReceiverReport &) const = default;
};

/// SDES (6.5), of which only the CNAME is kept.
struct SourceDescription {
    struct Chunk {
        uint32_t ssrc = 0;
        std::string cname;
        bool operator==(const Chunk &) const = default;
    };
    std::vector<Chunk> chunks;
    bool operator==(const SourceDescription &) const = default;
};

/// BYE (6.6).
struct Goodbye {
    std::vector<uint32_t> ssrcs;
    std::string reason;
    bool operator==(const Goodbye &) const = default;
};

/// Generic NACK (RFC 4585, 6.2.1).
struct Nack {
    struct Pair {
        uint16_t first = 0;
        uint16_t following = 0; ///< bit i: `first` + i + 1 is missing too
        bool operator==(const Pair &) const = default;
    };
    uint32_t sender = 0, media = 0; ///< SSRCs
    std::vector<Pair> pairs;
    bool operator==(const Nack &) const = default;

    /// Replaces the pairs by those for `sequences`, which ascend modulo 2^16; at most
    /// `max_nack_pairs`.
    void set(std::span<const uint16_t> sequences);
    /// Calls `call(uint16_t)` for each missing sequence number, at most 17 for each pair.
    template <class Call>
    void for_each(Call &&call) const {
        for (const Pair &pair : pairs) {
            call(pair.first);
            for (unsigned bit = 0; bit < 16; ++bit)
                if (pair.following >> bit & 1) call(static_cast<uint16_t>(pair.first + bit + 1));
        }
    }
};

/// PLI (RFC 4585, 6.3.1).
struct PictureLoss {
    uint32_t sender = 0, media = 0; ///< SSRCs
    bool operator==(const PictureLoss &) const = default;
};

/// FIR (RFC 5104, 4.3.1).
struct FullIntraRequest {
    struct Entry {
        uint32_t ssrc = 0;
        uint8_t sequence = 0; ///< the same again: the request is repeated
        bool operator==(const Entry &) const = default;
    };
    uint32_t sender = 0; ///< SSRC
    std::vector<Entry> entries;
    bool operator==(const FullIntraRequest &) const = default;
};

/// REMB (draft-alvestrand-rmcat-remb-03).
struct ReceiverEstimate {
    uint32_t sender = 0;  ///< SSRC
    uint64_t bitrate = 0; ///< bit/s; written with 18 significant bits, rounded down
    std::vector<uint32_t> ssrcs;
    bool operator==(const ReceiverEstimate &) const = default;
};

/// Arrivals of packets with transport-wide sequence numbers
/// (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1).
struct TransportFeedback {
    /// Ticks of `deltas` in a second, and in a step of `reference_time`, which is 64 ms.
    static constexpr int64_t ticks_per_second = 4'000, ticks_per_reference = 256;
    /// In `deltas`; the packet has not arrived.
    static constexpr int32_t not_received = INT32_MIN;

    uint32_t sender = 0, media = 0; ///< SSRCs
    uint16_t base_sequence = 0;     ///< of the first status
    int32_t reference_time = 0;     ///< 24 bits with sign
    uint8_t count = 0;              ///< of feedback packets; wraps
    /// For each packet from `base_sequence` on, the ticks since the arrival of the one before that
    /// has arrived, or since the reference time: -32768 to 32767.
    std::vector<int32_t> deltas;
    bool operator==(const TransportFeedback &) const = default;
};

using Packet = std::variant<SenderReport, ReceiverReport, SourceDescription, Goodbye, Nack,
                            PictureLoss, FullIntraRequest, ReceiverEstimate, TransportFeedback>;

struct Compound {
    std::vector<Packet> packets;
    /// Packets of other types (APP, XR and others).
    unsigned skipped = 0;
    /// Packets of known types whose contents are wrong; they are left out.
    unsigned malformed = 0;
};

/// Parses a datagram, decrypted and without SRTCP's trailer. A reduced-size one begins with any
/// type. Errors: a header that is wrong or that says more bytes than there are; then `compound`
/// is empty. Memory is bounded by the constants above.
Result parse(ByteView datagram, Compound &compound);

/// Appends one packet. False, with nothing appended, if it has more items than its type can count,
/// or none where one is needed, or a delta out of range. Texts are cut at `max_text` bytes.
bool write(const Packet &packet, Writer &out);

} // namespace penstock::rtp::rtcp
