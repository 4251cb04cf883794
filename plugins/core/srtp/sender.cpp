// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/srtp/sender.h"

#include "core/bytes/reader.h"

#include <cstring>

namespace penstock::srtp {
namespace {

using Place = decltype(RtpStream::window)::Place;

constexpr uint32_t encrypted_bit = uint32_t(1) << 31;
/// How far ahead a sequence number can be (RFC 3711, section 3.3.1).
constexpr uint64_t max_step = uint64_t(1) << 15;

void copy_head(ByteView head, std::span<uint8_t> out) {
    if (head.data() != out.data()) std::memmove(out.data(), head.data(), head.size());
}

std::array<uint8_t, 4> big_endian(uint32_t value) {
    return {uint8_t(value >> 24), uint8_t(value >> 16), uint8_t(value >> 8), uint8_t(value)};
}

} // namespace

Outcome Sender::protect(ByteView header, std::span<const ByteView> payload, std::span<uint8_t> out,
                        bool again) {
    if (header.empty() || rtp_header_size(header) != header.size()) return {Verdict::malformed};
    size_t size = header.size();
    for (const ByteView piece : payload)
        size += piece.size();
    if (out.size() < size + tag_size(profile_)) return {Verdict::no_room};

    Reader fields(header.subspan(2));
    const uint16_t sequence = fields.u16();
    fields.skip(4); // timestamp
    const uint32_t ssrc = fields.u32();
    RtpStream *stream = find_stream(streams_, ssrc);
    if (!stream) {
        if (again) return {Verdict::malformed};
        if (streams_.size() >= max_streams_) return {Verdict::too_many_streams};
        stream = &streams_.emplace_back(RtpStream{ssrc});
    }
    const uint64_t index =
        stream->window.empty() ? sequence : rtp_index(stream->window.highest(), sequence);
    if (index > max_rtp_index) return {Verdict::exhausted};
    // A packet from before the first one, across sequence number 0, has no index of its own. Taken
    // for one that is far ahead, it would have the next packets count a rollover that no receiver
    // counts.
    if (!stream->window.empty() && index > stream->window.highest() + max_step)
        return {Verdict::too_old};
    const Place place = stream->window.place(index);
    if (again) {
        // A packet that has left the window was sent long ago: the receiver would drop it.
        if (place == Place::unused) return {Verdict::malformed};
    } else if (place != Place::unused) {
        return {place == Place::used ? Verdict::repeated : Verdict::too_old};
    } else {
        stream->window.use(index);
    }

    if (!rtp_)
        rtp_.emplace(profile_, derive(profile_, master_, Kind::rtp), Transform::Direction::seal);
    copy_head(header, out);
    const auto rollovers = big_endian(uint32_t(index >> 16));
    const ByteView tail = is_aead(profile_) ? ByteView() : ByteView(rollovers);
    if (!rtp_->seal(ssrc, index, header, payload, tail, out.data() + header.size(),
                    out.data() + size))
        return {Verdict::failed};
    return {Verdict::ok, size + tag_size(profile_)};
}

Outcome Sender::protect_rtcp(ByteView packet, std::span<uint8_t> out) {
    if (!is_rtcp(packet)) return {Verdict::malformed};
    const size_t tag = tag_size(profile_), size = packet.size();
    if (out.size() < size + sizeof rtcp_index_ + tag) return {Verdict::no_room};
    if (rtcp_index_ > max_rtcp_index) return {Verdict::exhausted};
    if (!rtcp_) rtcp_ = derive(profile_, master_, Kind::rtcp);
    Transform transform(profile_, *rtcp_, Transform::Direction::seal);
    const uint32_t index = rtcp_index_++;
    const auto word = big_endian(encrypted_bit | index);
    const ByteView head = packet.first(rtcp_head_size), text = packet.subspan(rtcp_head_size);
    const uint32_t ssrc = Reader(packet.subspan(4)).u32();
    copy_head(head, out);
    // RFC 3711, figure 2 has the tag last, RFC 7714, section 9.2 the index.
    const size_t tag_at = is_aead(profile_) ? size : size + word.size();
    const size_t word_at = is_aead(profile_) ? size + tag : size;
    if (!transform.seal(ssrc, index, head, {&text, 1}, word, out.data() + rtcp_head_size,
                        out.data() + tag_at))
        return {Verdict::failed};
    std::memcpy(out.data() + word_at, word.data(), word.size());
    return {Verdict::ok, size + word.size() + tag};
}

} // namespace penstock::srtp
