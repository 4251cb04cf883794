// SPDX-License-Identifier: LGPL-2.1-or-later
// Tells which track a packet of a bundled transport belongs to. RFC 8843, 9.2 (BUNDLE); RFC 8852
// (stream ids of simulcast); RFC 4588, 8 (retransmissions).
#pragma once

#include "core/rtp/extensions.h"
#include "core/sdp/answer.h"

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace penstock::rtc {

/// A track is a section of the description, or a layer of one with simulcast. Packets are found by
/// SSRC (a=ssrc and what was learnt), else by the header extensions mid and rid, else by payload
/// type where only one track has it: OBS, ffmpeg and others send no extensions. Not thread-safe.
class Sources {
public:
    /// SSRCs that a description announces, and that are learnt from packets; of the former the
    /// first count, of the latter the last.
    static constexpr size_t max_announced = 64, max_learnt = 64;

    /// What is said of a track.
    struct Track {
        size_t section = 0; ///< index in Answer::sections
        std::string rid;    ///< of a layer; empty: no simulcast, or layers told by SSRC alone
    };
    struct Route {
        size_t track = 0;
        bool is_rtx = false;
    };

    /// Sections that `is_received` is false for have no tracks.
    Sources(const sdp::Offer &offer, const sdp::Answer &answer,
            const std::vector<bool> &is_received);

    const std::vector<Track> &tracks() const { return tracks_; }
    /// Empty: it belongs to none, or that can't be told yet. Learns the SSRC.
    std::optional<Route> route(const rtp::Packet &packet, const rtp::Extensions &extensions);
    /// The track that this SSRC belongs to, retransmissions not included.
    std::optional<size_t> track_of(uint32_t ssrc) const;
    /// The source has ended (BYE).
    void forget(uint32_t ssrc);

private:
    struct Section {
        std::string mid;
        uint8_t payload_type = 0;
        std::optional<uint8_t> rtx, red;
        size_t first = 0, layers = 1; ///< tracks
    };
    /// Whether it is no retransmission: the codec's own payload type, or that of its redundancy.
    static bool is_media(const Section &section, uint8_t payload_type) {
        return payload_type == section.payload_type || payload_type == section.red;
    }
    void announce(const sdp::MediaSection &offered, const Section &section);
    const Section *section_of(const rtp::Packet &packet, std::string_view mid) const;
    std::optional<size_t> by_names(const Section &section, const rtp::Packet &packet,
                                   const rtp::Extensions &extensions, bool is_rtx) const;
    void learn(uint32_t ssrc, size_t track, bool is_rtx);

    struct Source {
        size_t track = 0;
        bool is_rtx = false, is_announced = false;
    };
    std::vector<Section> sections_;
    std::vector<Track> tracks_;
    std::unordered_map<uint32_t, Source> sources_;
    std::deque<uint32_t> learnt_;                        ///< oldest first
    std::vector<std::pair<uint32_t, uint32_t>> repairs_; ///< (SSRC, that of its retransmissions)
};

} // namespace penstock::rtc
