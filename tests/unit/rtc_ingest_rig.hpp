// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of WebRTC's publishers: their offers, packets as they would send them, and a
// handler that holds every tag to the rules.
#pragma once

#include "core/bytes/reader.h"
#include "core/rtc/ingest.h"
#include "core/rtc/policy.h"
#include "core/rtp/payload/audio.h"
#include "core/rtp/payload/nal_packetizer.h"
#include "core/rtp/rtx.h"
#include "unit/rtp_payload_rig.hpp"
#include "unit/sdp_rig.hpp"
#include "unit/sdp_seeds.hpp"

#include <map>

namespace rtc_test {

using namespace penstock;
using namespace rtc;
using rtp_test::pattern;
using rtp_test::Unit;
using samples::from_hex;
namespace rtcp = rtp::rtcp;

constexpr int64_t ms = 1'000'000; // ns
/// Nothing begins at 0.
constexpr int64_t begin = 5'000'000 * ms;

inline sdp::Answer answer_to(const sdp::Offer &offer) {
    sdp::Answer answer;
    const Result result = sdp::make_answer(offer, publish_policy(), rig::local_transport(), answer);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    return answer;
}

/// Header extensions by these ids.
inline rtp::ExtensionIds ids_of(uint8_t mid, uint8_t rid = 0, uint8_t repaired_rid = 0,
                                uint8_t transport_sequence = 0) {
    rtp::ExtensionIds ids;
    const auto add = [&](rtp::ExtensionKind kind, uint8_t id) {
        if (id > 0) ids.set(kind, id);
    };
    add(rtp::ExtensionKind::mid, mid);
    add(rtp::ExtensionKind::rid, rid);
    add(rtp::ExtensionKind::repaired_rid, repaired_rid);
    add(rtp::ExtensionKind::transport_sequence, transport_sequence);
    return ids;
}

/// A source of packets.
struct Source {
    uint32_t ssrc = 1;
    uint8_t type = 96;
    std::shared_ptr<rtp::payload::Packetizer> packetizer;
    uint16_t sequence = 65'530; ///< of the next packet; wraps
    rtp::ExtensionIds ids;
    rtp::Extensions extensions;

    /// The packets of a frame.
    std::vector<Unit> send(const Unit &frame, bool key, uint32_t timestamp) {
        rtp::payload::Payloads payloads;
        const Result result = packetizer->packetize(frame, key, payloads);
        fail_unless(result.is_ok(), "%s", result.reason().c_str());
        std::vector<Unit> out;
        for (size_t i = 0; i < payloads.size(); ++i) {
            Unit payload;
            payloads.append_to(payload, i);
            out.push_back(packet(payload, timestamp + payloads[i].ticks, payloads[i].marker));
        }
        return out;
    }
    Unit packet(const Unit &payload, uint32_t timestamp, bool marker) {
        rtp::Packet packet;
        packet.ssrc = ssrc;
        packet.payload_type = type;
        packet.sequence = sequence++;
        packet.timestamp = timestamp;
        packet.marker = marker;
        packet.payload = payload;
        Writer storage, out;
        packet.extension = rtp::write_extensions(extensions, ids, storage);
        fail_unless(rtp::write(packet, out));
        return out.take();
    }
};

inline std::shared_ptr<rtp::payload::Packetizer> avc_packetizer(const Unit &sps = samples::sps) {
    auto made = std::make_shared<rtp::payload::NalPacketizer>(codec::NalCodec::avc);
    fail_unless(made->configure(samples::avc_config(sps)).is_ok());
    return made;
}
inline Source avc_source(uint32_t ssrc, uint8_t type, const Unit &sps = samples::sps) {
    Source source;
    source.ssrc = ssrc;
    source.type = type;
    source.packetizer = avc_packetizer(sps);
    return source;
}
inline Source opus_source(uint32_t ssrc, uint8_t type = 111) {
    Source source;
    source.ssrc = ssrc;
    source.type = type;
    source.packetizer = std::make_shared<rtp::payload::OpusPacketizer>();
    return source;
}

/// One slice, the first of its picture.
inline Unit avc_frame(bool key, size_t size, unsigned seed = 0) {
    return rtp_test::lengths({pattern(key ? from_hex("658884") : from_hex("419a21"), size, seed)});
}
/// 20 ms of CELT: mono or stereo.
inline Unit opus_frame(bool stereo, uint8_t mark = 0) {
    return {uint8_t(stereo ? 0xFC : 0xF8), 1, 2, mark};
}
inline Unit retransmission(const Unit &packet, uint8_t type, uint32_t ssrc, uint16_t sequence,
                           const rtp::ExtensionIds &ids = {}, std::string_view repaired = {}) {
    rtp::Packet original;
    fail_unless(rtp::parse(packet, original).is_ok());
    Writer storage, out;
    rtp::Extensions extensions;
    extensions.repaired_rid = repaired;
    original.extension = rtp::write_extensions(extensions, ids, storage);
    fail_unless(rtp::write_rtx(original, type, ssrc, sequence, out));
    return out.take();
}
inline uint16_t sequence_of(const Unit &packet) {
    return Reader(ByteView(packet).subspan(2)).u16();
}

/// A frame that came out.
struct Got {
    bool video = false, config = false, keyframe = false;
    uint8_t track = 0;
    uint32_t codec = 0, dts = 0;
    int32_t composition_time = 0;
    Unit payload;
};

/// Checks of each tag that its track's time does not go back, that a configuration comes before
/// frames, and that the normalizer, which the stream passes later, changes nothing.
class Peer : public Ingest::Handler {
public:
    explicit Peer(const sdp::Offer &offer, Ingest::Options options = {})
        : answer(answer_to(offer)), ingest(offer, answer, options, *this, begin) {}
    explicit Peer(const std::string &seed, Ingest::Options options = {})
        : Peer(rig::read(rig::seed(seed)), options) {}

    void on_tag(flv::Tag &&tag) override {
        const auto header = flv::parse_body(tag.type, tag.body());
        fail_unless(header && header->packet != flv::PacketType::unknown);
        fail_unless(tag.kind != flv::TagKind::other);
        const bool video = tag.type == flv::TagType::video;
        auto &state = tracks_[{video, header->track}];
        fail_unless(!state.begun || int32_t(tag.timestamp - state.time) >= 0,
                    "track %d: %u after %u", header->track, tag.timestamp, state.time);
        state.time = tag.timestamp;
        state.begun = true;
        fail_unless(header->composition_time >= 0);
        const bool config = tag.kind == flv::TagKind::config;
        state.configured = state.configured || config;
        const bool legacy_audio = !video && !header->extended;
        fail_unless(state.configured || legacy_audio, "a frame without a configuration");
        std::vector<flv::Tag> same;
        normalizer_.take(flv::Tag(tag), same);
        fail_unless(same.size() == 1);
        fail_unless(header->multitrack || same[0].bytes.data() == tag.bytes.data());
        rtp_test::check_bytes(same[0].bytes, tag.bytes);
        fail_unless(same[0].kind == tag.kind);
        const ByteView payload = tag.body_view().subspan(header->payload, header->payload_size);
        got.push_back({video, config, video && !config && header->keyframe, header->track,
                       header->codec, tag.timestamp, header->composition_time,
                       Unit(payload.begin(), payload.end())});
    }
    void on_rtcp(ByteView compound) override {
        rtcp::Compound parsed;
        fail_unless(rtcp::parse(compound, parsed).is_ok() && parsed.malformed == 0);
        fail_unless(!parsed.packets.empty() && compound.size() <= 1'200);
        ++datagrams;
        for (rtcp::Packet &packet : parsed.packets)
            sent.push_back(std::move(packet));
    }

    void take(const std::vector<Unit> &packets) {
        for (const Unit &packet : packets)
            ingest.on_rtp(packet, now);
        check();
    }
    void check() {
        ingest.check(now);
        const auto deadline = ingest.deadline();
        fail_unless(!deadline || *deadline > now, "what was due was not done");
    }
    /// Time passes, and every deadline comes.
    void pass(int64_t time) {
        const int64_t until = now + time;
        for (auto next = ingest.deadline(); next && *next <= until; next = ingest.deadline()) {
            now = std::max(now, *next);
            check();
        }
        now = until;
        check();
    }
    void report(const rtcp::Packet &packet) {
        Writer out;
        fail_unless(rtcp::write(packet, out));
        ingest.on_rtcp(out.view(), now);
    }
    /// What was sent of this kind since the last call for any.
    template <class Kind>
    std::vector<Kind> take_sent() {
        std::vector<Kind> out;
        for (rtcp::Packet &packet : sent)
            if (auto *one = std::get_if<Kind>(&packet)) out.push_back(std::move(*one));
        sent.clear();
        return out;
    }
    /// "C0 K0 f0 a0": configurations, keyframes, frames and audio with their tracks since the last
    /// call; c is audio's configuration.
    std::string take_got() {
        std::string out;
        for (const Got &one : got) {
            if (!out.empty()) out += " ";
            out += one.config     ? (one.video ? "C" : "c")
                   : !one.video   ? "a"
                   : one.keyframe ? "K"
                                  : "f";
            out += std::to_string(one.track);
        }
        got.clear();
        return out;
    }

    sdp::Answer answer;
    Ingest ingest;
    int64_t now = begin;
    std::vector<Got> got;
    std::vector<rtcp::Packet> sent;
    unsigned datagrams = 0;

private:
    struct State {
        bool begun = false, configured = false;
        uint32_t time = 0;
    };
    std::map<std::pair<bool, uint8_t>, State> tracks_;
    flv::Normalizer normalizer_;
};

#define check_got(peer, text) fail_unless_equals_string((peer).take_got().c_str(), text)

} // namespace rtc_test
