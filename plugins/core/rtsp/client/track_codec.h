// SPDX-License-Identifier: LGPL-2.1-or-later
// How the streams of a session description of RTSP are received: codec and depacketizer by what it
// says, and by what the packets are in truth. Thread-safe.
#pragma once

#include "core/rtc/codec.h"
#include "core/sdp/presentation.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

namespace penstock::rtsp {

/// A codec, and how its payloads are read.
struct TrackCodec {
    rtc::Codec codec = rtc::Codec::avc;
    uint32_t rate = 90'000; ///< ticks of RTP's timestamps in a second
    sdp::Parameters parameters;
    std::function<std::unique_ptr<rtp::payload::Depacketizer>()> make;
    unsigned channels = 1;     ///< of audio
    unsigned g726_bitrate = 0; ///< bit/s
};

/// By a format of the stream; nullopt: it is not received. Broken parameters are ignored: an
/// AAC stream without configuration has the rate and channels of its rtpmap.
std::optional<TrackCodec> track_codec(const sdp::Codec &codec,
                                      const sdp::PresentedStream &stream = {});
/// That of a static payload type which the description does not have; nullopt: it is none.
std::optional<TrackCodec> static_codec(uint8_t payload_type);

/// Watches the payloads of a video stream said to be H.264 or H.265 for those that can only be of
/// the other one. Not thread-safe.
class NalCodecCheck {
public:
    /// Returns the codec that the stream is in truth, once that is another than `announced`.
    std::optional<rtc::Codec> check(rtc::Codec announced, ByteView payload);

private:
    /// Payloads in a row that are foreign before it is believed.
    static constexpr unsigned enough = 3;
    unsigned foreign_ = 0;
};

} // namespace penstock::rtsp
