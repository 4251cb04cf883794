// SPDX-License-Identifier: LGPL-2.1-or-later
// Any packets at a receiver of SRTP, and between them the same bytes as packets that a sender
// encrypts. The first byte is the profile; then each packet has a byte of what to do with it, one
// of its length, and itself. Laws: a packet that no sender has encrypted is refused; one that was
// is decrypted to what it had been, once, and not if any bit is another.
#include "core/srtp/receiver.h"
#include "core/srtp/sender.h"

#include "core/bytes/reader.h"
#include "fuzz/law.h"

#include <algorithm>
#include <vector>

using namespace penstock;
using srtp::Verdict;

namespace {

using Packet = std::vector<uint8_t>;

const srtp::MasterKey &master() {
    static const srtp::MasterKey key = [] {
        srtp::MasterKey out;
        out.key.bytes.fill(0x5A);
        out.salt.bytes.fill(0xC3);
        return out;
    }();
    return key;
}

struct Pair {
    explicit Pair(srtp::Profile profile) : sender(profile, master()), receiver(profile, master()) {}

    srtp::Outcome unprotect(Packet &packet, bool rtcp) {
        const auto out = rtcp ? receiver.unprotect_rtcp(packet) : receiver.unprotect(packet);
        fuzz::law(out.ok() ? out.size <= packet.size() : out.size == 0, "the size fits");
        packet.resize(out.size);
        return out;
    }
    void refuse(ByteView bytes, bool rtcp) {
        Packet packet(bytes.begin(), bytes.end());
        fuzz::law(!unprotect(packet, rtcp).ok(), "nothing forged is accepted");
    }
    /// The sealed packet; empty if there is none.
    Packet seal(ByteView plain, bool rtcp) {
        Packet out(plain.size() + srtp::max_rtcp_growth);
        srtp::Outcome outcome;
        if (rtcp) {
            outcome = sender.protect_rtcp(plain, out);
        } else {
            const size_t head = srtp::rtp_header_size(plain);
            const ByteView text = plain.subspan(head);
            const size_t half = text.size() / 2;
            const ByteView pieces[] = {text.first(half), text.subspan(half)};
            outcome = sender.protect(plain.first(head), pieces, out);
            Packet again(out.size());
            if (outcome.ok())
                fuzz::law(sender.protect_again(plain.first(head), pieces, again).ok() &&
                              again == out,
                          "a packet is sent again as it was");
        }
        fuzz::law(outcome.ok() ? outcome.size > plain.size() : outcome.size == 0, "it grows");
        out.resize(outcome.size);
        return out;
    }
    void both_ways(ByteView plain, bool rtcp, unsigned damage) {
        const Packet sealed = seal(plain, rtcp);
        if (sealed.empty()) return;
        Packet damaged = sealed;
        damaged[damage * 7 % sealed.size()] ^= uint8_t(1 << damage % 8);
        refuse(damaged, rtcp);
        Packet back = sealed;
        fuzz::law(unprotect(back, rtcp).ok(), "what was encrypted is decrypted");
        fuzz::law(std::ranges::equal(back, plain), "to what it was");
        Packet repeated = sealed;
        fuzz::law(unprotect(repeated, rtcp).verdict == Verdict::repeated, "and once only");
        if (!rtcp) fuzz::law(seal(plain, rtcp).empty(), "no index is used for two texts");
    }

    srtp::Sender sender;
    srtp::Receiver receiver;
};

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (size == 0) return 0;
    Pair pair(srtp::Profile(data[0] % 3));
    Reader input({data + 1, size - 1});
    while (input.remaining() >= 2) {
        const unsigned what = input.u8();
        const size_t length = std::min<size_t>(input.u8(), input.remaining());
        const ByteView bytes = input.take(length);
        const bool rtcp = what & 1;
        if (what & 2)
            pair.both_ways(bytes, rtcp, what >> 2);
        else
            pair.refuse(bytes, rtcp);
    }
    return 0;
}
