// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/sctp/stack.h"

#include "core/sctp/guard.h"

#include <algorithm>
#include <cerrno>
#include <limits>
#include <new>

#include <usrsctp.h>

namespace penstock::sctp {
namespace {

/// usrsctp looks through all timers when time passes. A timer that is begun meanwhile is too early
/// by as much, which has to stay below the 10 ms that it adds to a round trip.
constexpr uint64_t step_ms = 5;
constexpr uint64_t max_step_ms = 600'000;

void set_up() {
    // Of SCTP's extensions peers of WebRTC use partial reliability and the reset of streams.
    usrsctp_sysctl_set_sctp_pr_enable(1);
    usrsctp_sysctl_set_sctp_reconfig_enable(1);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auto_asconf(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_nrsack_enable(0);
    usrsctp_sysctl_set_sctp_pktdrop_enable(0);
    // Packets of no association are not answered.
    usrsctp_sysctl_set_sctp_blackhole(2);
    // DTLS has proven what comes; what goes out gets its checksum with its port.
    usrsctp_enable_crc32c_offload();
    // The defaults are for signalling between telephone exchanges.
    usrsctp_sysctl_set_sctp_default_cc_module(0); // RFC 9260
    usrsctp_sysctl_set_sctp_initial_cwnd(10);     // RFC 6928
    usrsctp_sysctl_set_sctp_max_burst_default(10);
    usrsctp_sysctl_set_sctp_delayed_sack_time_default(20);
    usrsctp_sysctl_set_sctp_rto_initial_default(1000);
    usrsctp_sysctl_set_sctp_rto_min_default(200);
    usrsctp_sysctl_set_sctp_rto_max_default(10'000);
    usrsctp_sysctl_set_sctp_init_rto_max_default(5'000);
    usrsctp_sysctl_set_sctp_init_rtx_max_default(8);
    usrsctp_sysctl_set_sctp_assoc_rtx_max_default(8);
    usrsctp_sysctl_set_sctp_path_rtx_max_default(8);
    // Of either direction; a short one that waits for those before it occupies 2 kB.
    usrsctp_sysctl_set_sctp_max_chunks_on_queue(512);
    // An idle association keeps no free chunks.
    usrsctp_sysctl_set_sctp_asoc_free_resc_limit(0);
    usrsctp_sysctl_set_sctp_system_free_resc_limit(0);
    // Never taken back, as that wakes usrsctp's thread, which looks through all associations.
    usrsctp_register_address(stack_address());
}

} // namespace

void *stack_address() {
    static char place;
    return &place;
}

void Outbox::put(ByteView packet) {
    if (sizes_.size() >= max_packets || packet.size() > std::numeric_limits<uint16_t>::max())
        return;
    bytes_.insert(bytes_.end(), packet.begin(), packet.end());
    sizes_.push_back(uint16_t(packet.size()));
}

Stack &Stack::instance() {
    static Stack &only = *new Stack; // never destroyed: loops may outlive statics
    return only;
}

Stack::Stack() {
    usrsctp_init_nothreads(0, output, nullptr);
    set_up();
}

int Stack::output(void *, void *packet, size_t size, uint8_t, uint8_t) {
    if (size < header_size) return 0;
    const auto *bytes = static_cast<const uint8_t *>(packet);
    auto &outboxes = instance().outboxes_;
    const auto found = outboxes.find(uint16_t(bytes[0] << 8 | bytes[1]));
    if (found == outboxes.end()) return 0;
    try {
        found->second->put(ByteView(bytes, size));
    } catch (const std::bad_alloc &) { // usrsctp, which called, is no C++
        return ENOMEM;
    }
    return 0;
}

void Stack::advance(uint64_t now_ms) {
    if (!now_ms_) now_ms_ = now_ms;
    if (now_ms < *now_ms_ + step_ms) return;
    usrsctp_handle_timers(uint32_t(std::min(now_ms - *now_ms_, max_step_ms)));
    now_ms_ = now_ms;
}

std::optional<uint16_t> Stack::take_port(Outbox &outbox) {
    if (outboxes_.size() >= max_associations) return std::nullopt;
    // The port that has been free longest: its last association may not be quite gone.
    for (;;) {
        const uint16_t port = next_port_++;
        if (next_port_ == 0) next_port_ = first_port;
        if (outboxes_.emplace(port, &outbox).second) return port;
    }
}

} // namespace penstock::sctp
