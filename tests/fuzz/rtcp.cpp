// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as an RTCP datagram. Laws: what is parsed can be written, and comes back the same when
// it is parsed again; an error leaves nothing; counts are bounded. What came reaches the estimator.
#include "core/rtp/rtcp.h"
#include "core/rtp/bandwidth.h"
#include "core/rtp/receive_stats.h"

#include "fuzz/law.h"

using namespace penstock;
using namespace penstock::rtp;
using namespace penstock::rtp::rtcp;

namespace {

void use(const Compound &compound) {
    BandwidthEstimator estimator;
    ReceiveStats stats(90'000);
    stats.received(1, 1, 1, 0);
    int64_t now = 0;
    for (uint16_t i = 0; i < 100; ++i)
        estimator.sent(i, 1'200, now += 1'000'000);
    for (const Packet &packet : compound.packets) {
        if (const auto *feedback = std::get_if<TransportFeedback>(&packet))
            estimator.feedback(*feedback, now += 50'000'000);
        if (const auto *estimate = std::get_if<ReceiverEstimate>(&packet))
            estimator.set_remote_limit(estimate->bitrate);
        if (const auto *report = std::get_if<SenderReport>(&packet)) stats.received(*report, now);
        if (const auto *report = std::get_if<ReceiverReport>(&packet))
            for (const ReportBlock &block : report->blocks)
                round_trip_of(block, static_cast<uint32_t>(now));
        if (const auto *nack = std::get_if<Nack>(&packet)) {
            size_t count = 0;
            nack->for_each([&](uint16_t) { ++count; });
            fuzz::law(count <= 17 * max_nack_pairs, "requests are bounded");
        }
        estimator.check(now);
        fuzz::law(estimator.target() >= 50'000 && estimator.target() <= 100'000'000,
                  "the bitrate stays in its bounds");
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Compound first;
    const Result result = parse(ByteView(data, size), first);
    fuzz::law(result.is_ok() || !result.reason().empty(), "an error has a reason");
    fuzz::law(result.is_ok() || (first.packets.empty() && first.skipped + first.malformed == 0),
              "an error leaves nothing");
    fuzz::law(first.packets.size() <= max_packets, "packets are bounded");
    use(first);
    if (first.packets.empty()) return 0;
    Writer out;
    for (const Packet &packet : first.packets) {
        const size_t before = out.size();
        fuzz::law(write(packet, out) && out.size() % 4 == 0 && out.size() > before,
                  "what is parsed can be written");
    }
    Compound second;
    fuzz::law(parse(out.view(), second).is_ok() && second.skipped + second.malformed == 0,
              "and is right");
    fuzz::law(second.packets == first.packets, "and comes back the same");
    return 0;
}
