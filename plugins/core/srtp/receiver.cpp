// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/srtp/receiver.h"

#include "core/bytes/reader.h"

namespace penstock::srtp {
namespace {

constexpr size_t index_size = 4;
constexpr uint32_t encrypted_bit = uint32_t(1) << 31;

/// Ok if a packet with this index can be new, of a stream that there is or may be.
template <class Stream>
Verdict admit(const Stream *stream, uint64_t index, bool is_full) {
    using Window = decltype(Stream::window);
    if (!stream) return is_full ? Verdict::too_many_streams : Verdict::ok;
    switch (stream->window.place(index)) {
    case Window::Place::used:
        return Verdict::repeated;
    case Window::Place::too_old:
        return Verdict::too_old;
    default:
        return Verdict::ok;
    }
}

template <class Stream>
void remember(std::vector<Stream> &streams, Stream *stream, uint32_t ssrc, uint64_t index) {
    if (!stream) stream = &streams.emplace_back(Stream{ssrc});
    stream->window.use(index);
}

} // namespace

Outcome Receiver::unprotect(std::span<uint8_t> packet) {
    const size_t head = rtp_header_size(packet), tag = tag_size(profile_);
    if (head == 0 || packet.size() < head + tag) return {Verdict::malformed};
    Reader fields(packet.subspan(2));
    const uint16_t sequence = fields.u16();
    fields.skip(4); // timestamp
    const uint32_t ssrc = fields.u32();
    RtpStream *stream = find_stream(rtp_streams_, ssrc);
    const uint64_t index = stream ? rtp_index(stream->window.highest(), sequence) : sequence;
    if (index > max_rtp_index) return {Verdict::exhausted};
    const Verdict verdict = admit(stream, index, rtp_streams_.size() >= max_streams_);
    if (verdict != Verdict::ok) return {verdict};

    if (!rtp_)
        rtp_.emplace(profile_, derive(profile_, master_, Kind::rtp), Transform::Direction::open);
    const size_t size = packet.size() - tag;
    const std::array<uint8_t, 4> rollovers{uint8_t(index >> 40), uint8_t(index >> 32),
                                           uint8_t(index >> 24), uint8_t(index >> 16)};
    const ByteView tail = is_aead(profile_) ? ByteView() : ByteView(rollovers);
    if (!rtp_->open(ssrc, index, packet.first(head), packet.subspan(head, size - head), tail,
                    packet.data() + size))
        return {Verdict::not_authentic};
    remember(rtp_streams_, stream, ssrc, index);
    return {Verdict::ok, size};
}

Outcome Receiver::unprotect_rtcp(std::span<uint8_t> packet) {
    const size_t tag = tag_size(profile_);
    if (!is_rtcp(packet) || packet.size() < rtcp_head_size + index_size + tag)
        return {Verdict::malformed};
    const size_t size = packet.size() - index_size - tag;
    // RFC 3711, figure 2 has the tag last, RFC 7714, section 9.2 the index.
    const size_t tag_at = is_aead(profile_) ? size : size + index_size;
    const size_t word_at = is_aead(profile_) ? size + tag : size;
    const ByteView word = packet.subspan(word_at, index_size);
    const uint32_t number = Reader(word).u32(), index = number & max_rtcp_index;
    if (!(number & encrypted_bit)) return {Verdict::not_encrypted};
    const uint32_t ssrc = Reader(packet.subspan(4)).u32();
    RtcpStream *stream = find_stream(rtcp_streams_, ssrc);
    const Verdict verdict = admit(stream, index, rtcp_streams_.size() >= max_streams_);
    if (verdict != Verdict::ok) return {verdict};

    if (!rtcp_) rtcp_ = derive(profile_, master_, Kind::rtcp);
    Transform transform(profile_, *rtcp_, Transform::Direction::open);
    if (!transform.open(ssrc, index, packet.first(rtcp_head_size),
                        packet.subspan(rtcp_head_size, size - rtcp_head_size), word,
                        packet.data() + tag_at))
        return {Verdict::not_authentic};
    remember(rtcp_streams_, stream, ssrc, index);
    return {Verdict::ok, size};
}

} // namespace penstock::srtp
