// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/srt/network.h"

#include <algorithm>

#include <srt/srt.h>

namespace penstock::net {

void SrtNetwork::add(const SrtNetwork &other) {
    rtt_ms = std::max(rtt_ms, other.rtt_ms);
    if (other.bandwidth > 0)
        bandwidth = bandwidth > 0 ? std::min(bandwidth, other.bandwidth) : other.bandwidth;
    rate += other.rate;
    buffer_ms = std::max(buffer_ms, other.buffer_ms);
    lost += other.lost;
    retransmitted += other.retransmitted;
    dropped += other.dropped;
}

void SrtNetworks::set(const std::string &id, const SrtNetwork &network) {
    std::lock_guard lock(mutex_);
    now_[id] = network;
}

void SrtNetworks::remove(const std::string &id) {
    std::lock_guard lock(mutex_);
    const auto found = now_.find(id);
    if (found == now_.end()) return;
    past_.lost += found->second.lost;
    past_.retransmitted += found->second.retransmitted;
    past_.dropped += found->second.dropped;
    now_.erase(found);
}

SrtNetwork SrtNetworks::sum() const {
    std::lock_guard lock(mutex_);
    SrtNetwork sum = past_;
    for (const auto &[id, network] : now_)
        sum.add(network);
    return sum;
}

void read_srt_network(int socket, bool sends, SrtNetwork &network) {
    SRT_TRACEBSTATS stats{};
    // The intervals begin anew; the instantaneous figures of the buffers are the cheap ones.
    if (srt_bistats(socket, &stats, 1, 1) != 0) return;
    const auto count = [](int value) { return static_cast<uint64_t>(std::max(value, 0)); };
    // Before there are acknowledgements libsrt assumes 100 ms.
    constexpr int enough = 10;
    const bool is_measured = (sends ? stats.pktRecvACKTotal : stats.pktSentACKTotal) >= enough;
    network.rtt_ms = is_measured ? stats.msRTT : 0;
    network.bandwidth = stats.mbpsBandwidth * 1e6;
    if (sends) {
        network.rate = stats.mbpsSendRate * 1e6;
        network.buffer_ms = static_cast<unsigned>(std::max(stats.msSndBuf, 0));
        network.lost = count(stats.pktSndLossTotal);
        network.retransmitted = count(stats.pktRetransTotal);
        network.dropped = count(stats.pktSndDropTotal);
    } else {
        network.rate = stats.mbpsRecvRate * 1e6;
        network.buffer_ms = static_cast<unsigned>(std::max(stats.msRcvBuf, 0));
        network.lost = count(stats.pktRcvLossTotal);
        network.retransmitted += count(stats.pktRcvRetrans); // libsrt has no total of it
        network.dropped = count(stats.pktRcvDropTotal);
    }
}

std::string srt_latency_warning(int socket, bool sends, const SrtNetwork &network) {
    int32_t latency_ms = 0;
    int size = sizeof latency_ms;
    // What both ends have agreed on.
    if (srt_getsockflag(socket, sends ? SRTO_PEERLATENCY : SRTO_RCVLATENCY, &latency_ms, &size))
        return {};
    if (latency_ms >= 3 * network.rtt_ms) return {}; // or it is not measured yet
    const auto whole = [](double ms) { return std::to_string(static_cast<unsigned>(ms + 0.5)); };
    return "its latency of " + std::to_string(latency_ms) +
           " ms is too short for a round trip of " + whole(network.rtt_ms) +
           " ms: lost packets come too late. Set latency to " + whole(4 * network.rtt_ms) +
           " at either end";
}

} // namespace penstock::net
