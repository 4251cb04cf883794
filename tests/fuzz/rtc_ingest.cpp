// SPDX-License-Identifier: LGPL-2.1-or-later
// A publisher of WebRTC that sends anything: packets that are made of a few fields, so that they
// reach tracks and codecs, others byte for byte, RTCP, and time that passes. Laws: times of a track
// never go back, frames come behind their configuration and consist of what was received, keyframes
// are asked for once a second, what is sent can be parsed, and every deadline comes.
#include "core/bytes/reader.h"
#include "core/flv/normalizer.h"
#include "core/rtc/ingest.h"
#include "core/rtc/policy.h"

#include "fuzz/law.h"

#include <algorithm>
#include <map>
#include <string>

using namespace penstock;
using namespace penstock::rtc;

namespace {

constexpr int64_t millisecond = 1'000'000, second = 1'000'000'000; // ns
constexpr size_t max_records = 3'000;

struct Format {
    const char *kind, *map, *fmtp;
};
constexpr Format formats[] = {
    {"video", "H264/90000", "packetization-mode=1;sprop-parameter-sets=Z0LAH9oBQBbpUgAA,aM48gA=="},
    {"video", "H265/90000", ""},
    {"video", "AV1/90000", ""},
    {"video", "VP9/90000", ""},
    {"video", "VP8/90000", ""},
    {"audio", "PCMA/8000", ""},
};
constexpr const char *rids[] = {"h", "m", "l"};

void add_section(std::string &text, const char *mid, const Format &format, int type, uint8_t how) {
    const std::string payload = std::to_string(type), rtx = std::to_string(type + 1);
    text += std::string("m=") + format.kind + " 9 UDP/TLS/RTP/SAVPF " + payload + " " + rtx +
            "\r\na=mid:" + mid + "\r\na=sendonly\r\na=rtcp-mux\r\na=rtpmap:" + payload + " " +
            format.map + "\r\na=rtpmap:" + rtx + " rtx/90000\r\na=fmtp:" + rtx + " apt=" + payload +
            "\r\n";
    if (*format.fmtp) text += "a=fmtp:" + payload + " " + format.fmtp + "\r\n";
    for (const char *feedback : {"nack", "nack pli", "transport-cc", "goog-remb"})
        text += "a=rtcp-fb:" + payload + " " + feedback + "\r\n";
    if (how & 1) text += "a=rtcp-rsize\r\n";
    int id = 0;
    for (const auto kind :
         {rtp::ExtensionKind::mid, rtp::ExtensionKind::rid, rtp::ExtensionKind::repaired_rid,
          rtp::ExtensionKind::transport_sequence})
        text += "a=extmap:" + std::to_string(++id) + " " + std::string(rtp::uri_of(kind)) + "\r\n";
    if (format.kind[0] == 'a') {
        if (how & 4) text += "a=ssrc:1 cname:x\r\n";
    } else if (how & 2) {
        for (const char *rid : rids)
            text += std::string("a=rid:") + rid + " send\r\n";
        text += "a=simulcast:send h;m;l\r\n";
    } else if (how & 4) {
        text += "a=ssrc-group:FID 2 5\r\na=ssrc:2 cname:x\r\na=ssrc:5 cname:x\r\n";
    } else if (how & 8) {
        text += "a=ssrc-group:SIM 2 3 4\r\na=ssrc-group:FID 2 5\r\n";
    }
}

sdp::Offer make_offer(uint8_t what) {
    std::string text = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n"
                       "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef01234567\r\n"
                       "a=setup:actpass\r\na=fingerprint:sha-256 ";
    for (int i = 0; i < 32; ++i)
        text += i > 0 ? ":AB" : "AB";
    text += "\r\n";
    const uint8_t how = what >> 4;
    constexpr Format opus{"audio", "opus/48000/2", "sprop-stereo=1"};
    const Format &format = formats[(what & 15) % std::size(formats)];
    const bool is_audio = format.kind[0] == 'a';
    add_section(text, "0", is_audio ? format : opus, 96, how);
    add_section(text, "1", is_audio ? formats[0] : format, 98, how);
    sdp::Offer offer;
    fuzz::law(sdp::read_offer(text, offer).is_ok(), "the offer is right");
    return offer;
}

sdp::Answer make_answer(const sdp::Offer &offer) {
    sdp::LocalTransport local;
    local.ice = {"ufrag", "a-password-that-is-long-enough"};
    local.fingerprint = {"sha-256", std::vector<uint8_t>(32, 1)};
    sdp::Answer answer;
    fuzz::law(sdp::make_answer(offer, publish_policy(), local, answer).is_ok(), "and answered");
    return answer;
}

class Peer : public Ingest::Handler {
public:
    explicit Peer(const sdp::Offer &offer)
        : ingest_(offer, make_answer(offer), Ingest::Options(), *this, now_) {}

    void on_tag(flv::Tag &&tag) override {
        const auto header = flv::parse_body(tag.type, tag.body());
        fuzz::law(header && tag.kind != flv::TagKind::other, "a tag is right");
        auto &[begun, configured, time] = tracks_[{tag.type, header->track}];
        fuzz::law(!begun || static_cast<int32_t>(tag.timestamp - time) >= 0,
                  "times do not go back");
        begun = true;
        time = tag.timestamp;
        fuzz::law(header->composition_time >= 0, "frames are not displayed before decoding");
        const bool is_config = tag.kind == flv::TagKind::config;
        const bool is_g711 = tag.type == flv::TagType::audio && !header->extended;
        configured = configured || is_config;
        fuzz::law(configured || is_g711, "a configuration comes first");
        fuzz::law(header->payload_size > 0, "a tag has contents");
        if (is_config)
            ++configs_;
        else
            ++frames_, out_ += header->payload_size;
        std::vector<flv::Tag> same;
        normalizer_.take(std::move(tag), same);
        (void)normalizer_.take_notes();
    }
    void on_rtcp(ByteView compound) override {
        rtp::rtcp::Compound parsed;
        fuzz::law(rtp::rtcp::parse(compound, parsed).is_ok() && parsed.malformed == 0 &&
                      parsed.skipped == 0 && !parsed.packets.empty(),
                  "what is sent is right");
        fuzz::law(compound.size() <= RtcpBatch::most, "and fits a datagram");
        for (const auto &packet : parsed.packets)
            asked_ += std::holds_alternative<rtp::rtcp::PictureLoss>(packet);
        fuzz::law(asked_ <= most_layers * ((now_ - begin) / second + 1),
                  "keyframes are asked for seldom");
    }

    void rtp(ByteView packet) {
        in_ += packet.size();
        ingest_.on_rtp(packet, now_);
    }
    void rtcp(ByteView datagram) { ingest_.on_rtcp(datagram, now_); }
    void check() {
        ingest_.check(now_);
        const auto deadline = ingest_.deadline();
        fuzz::law(!deadline || *deadline > now_, "what was due was done");
    }
    void pass(int64_t time) {
        const int64_t until = now_ + time;
        for (auto next = ingest_.deadline(); next && *next <= until; next = ingest_.deadline()) {
            now_ = std::max(now_, *next);
            check();
        }
        now_ = until;
        check();
    }
    void request_keyframe() { ingest_.request_keyframe(now_); }
    void end() {
        pass(3 * second);
        uint64_t bytes = 0;
        for (const auto &track : ingest_.stats().tracks)
            bytes += track.counters.bytes;
        fuzz::law(bytes <= in_, "tracks have what came");
        // Lengths of four bytes instead of two, or of the least a unit may have.
        fuzz::law(out_ <= 5 * in_ + 64 * (frames_ + 1), "frames consist of what was received");
        fuzz::law(configs_ <= frames_, "each configuration belongs to a frame");
    }

private:
    struct State {
        bool begun = false, configured = false;
        uint32_t time = 0;
    };
    static constexpr int64_t begin = 7 * second, most_layers = 3;
    int64_t now_ = begin;
    Ingest ingest_;
    std::map<std::pair<flv::TagType, uint8_t>, State> tracks_;
    int64_t asked_ = 0;
    flv::Normalizer normalizer_;
    uint64_t in_ = 0, out_ = 0, frames_ = 0, configs_ = 0;
};

/// The records that are packets of a source.
struct Sender {
    uint16_t sequence = 0, counter = 0;
    uint32_t timestamp = 0;
};

// Flags: 0x80 marker, 0x40 the next timestamp, 0x20 a retransmission, 0x10 names, 0x0C sequence
// step - 1, 0x03 of the lowest bits: the source (0: audio).
void send_packet(Reader &r, Sender (&senders)[4], Peer &peer) {
    const uint8_t flags = r.u8();
    const size_t which = flags & 3;
    const ByteView payload = r.take(std::min<size_t>(r.u8(), r.remaining()));
    Sender &sender = senders[which];
    sender.sequence = static_cast<uint16_t>(sender.sequence + 1 + (flags >> 2 & 3));
    if (flags & 0x40) sender.timestamp += which == 0 ? 960 : 3'000;
    const bool is_rtx = flags & 0x20;
    rtp::Packet packet;
    packet.marker = flags & 0x80;
    packet.payload_type = static_cast<uint8_t>((which == 0 ? 96 : 98) + is_rtx);
    packet.ssrc = static_cast<uint32_t>(which + 1 + (is_rtx ? 3 : 0));
    packet.sequence = sender.sequence;
    packet.timestamp = sender.timestamp;
    packet.payload = payload;
    rtp::ExtensionIds ids;
    ids.set(rtp::ExtensionKind::mid, 1);
    ids.set(is_rtx ? rtp::ExtensionKind::repaired_rid : rtp::ExtensionKind::rid, is_rtx ? 3 : 2);
    ids.set(rtp::ExtensionKind::transport_sequence, 4);
    rtp::Extensions extensions;
    extensions.transport_sequence = sender.counter++;
    if (flags & 0x10) {
        extensions.mid = which == 0 ? "0" : "1";
        if (which > 0) (is_rtx ? extensions.repaired_rid : extensions.rid) = rids[which - 1];
    }
    Writer storage, out;
    packet.extension = rtp::write_extensions(extensions, ids, storage);
    if (rtp::write(packet, out)) peer.rtp(out.view());
}

void send_report(Reader &r, const Sender (&senders)[4], Peer &peer) {
    const size_t which = r.u8() & 3;
    Writer out;
    const rtp::rtcp::SenderReport report{static_cast<uint32_t>(which + 1),
                                         uint64_t(r.u32()) << 24,
                                         senders[which].timestamp + r.u16(),
                                         0,
                                         0,
                                         {}};
    rtp::rtcp::write(report, out);
    peer.rtcp(out.view());
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Reader r(ByteView(data, size));
    Peer peer(make_offer(r.u8()));
    Sender senders[4];
    for (size_t i = 0; i < max_records && r.remaining() > 0; ++i) {
        const uint8_t kind = r.u8();
        switch (kind & 7) {
        case 0:
        case 1:
        case 2:
            send_packet(r, senders, peer);
            break;
        case 3:
            peer.rtp(r.take(std::min<size_t>(r.u8(), r.remaining())));
            break;
        case 4:
            peer.rtcp(r.take(std::min<size_t>(r.u8(), r.remaining())));
            break;
        case 5:
            peer.pass((kind >> 3) * 5 * millisecond);
            break;
        case 6: {
            Sender &sender = senders[kind >> 3 & 3];
            sender.sequence = r.u16();
            sender.timestamp = r.u32();
            break;
        }
        case 7:
            if (kind & 8)
                peer.request_keyframe();
            else
                send_report(r, senders, peer);
            break;
        }
    }
    peer.end();
    return 0;
}
