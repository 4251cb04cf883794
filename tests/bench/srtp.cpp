// SPDX-License-Identifier: LGPL-2.1-or-later
// What a packet of 1200 bytes costs to encrypt and to decrypt as SRTP, of 500 viewers in turn, as
// their keys are used by a server: µs of a thread's CPU time, the best of several rounds. Beside
// libsrtp2, if the build has found it.
#include "core/srtp/receiver.h"
#include "core/srtp/sender.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <stdexcept>
#include <vector>

#ifdef HAVE_LIBSRTP2
#include <srtp2/srtp.h>
#endif

using namespace penstock;

namespace {

constexpr size_t viewers = 500, header_size = 12, payload_size = 1188;
constexpr int packets = 40, rounds = 5;

struct Case {
    srtp::Profile profile;
    const char *name;
} constexpr cases[] = {
    {srtp::Profile::aes128_cm_sha1_80, "AES128_CM_SHA1_80"},
    {srtp::Profile::aead_aes_128_gcm, "AEAD_AES_128_GCM"},
    {srtp::Profile::aead_aes_256_gcm, "AEAD_AES_256_GCM"},
};

double cpu_us() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return double(now.tv_sec) * 1e6 + double(now.tv_nsec) / 1e3;
}

/// µs a packet: `run` is called with each sequence number for each viewer.
template <class Run>
double measure(Run run) {
    double best = 1e9;
    uint16_t sequence = 0;
    for (int round = 0; round < rounds; ++round) {
        const double begin = cpu_us();
        for (int packet = 0; packet < packets; ++packet, ++sequence)
            for (size_t viewer = 0; viewer < viewers; ++viewer)
                run(viewer, sequence);
        best = std::min(best, (cpu_us() - begin) / double(packets * viewers));
    }
    return best;
}

void put_header(uint8_t *out, uint16_t sequence) {
    const uint8_t header[header_size] = {0x80, 96, uint8_t(sequence >> 8), uint8_t(sequence)};
    std::memcpy(out, header, header_size);
}

srtp::MasterKey master_of(size_t viewer) {
    srtp::MasterKey out;
    out.key.bytes.fill(uint8_t(viewer));
    out.salt.bytes.fill(uint8_t(viewer >> 8));
    return out;
}

void require(bool done) {
    if (!done) throw std::runtime_error("a packet could not be processed");
}

double ours_protect(srtp::Profile profile) {
    std::vector<srtp::Sender> senders;
    for (size_t viewer = 0; viewer < viewers; ++viewer)
        senders.emplace_back(profile, master_of(viewer));
    const std::vector<uint8_t> payload(payload_size, 0x55);
    std::vector<uint8_t> scratch(1500);
    return measure([&](size_t viewer, uint16_t sequence) {
        put_header(scratch.data(), sequence);
        require(senders[viewer]
                    .protect(ByteView(scratch.data(), header_size), ByteView(payload), scratch)
                    .ok());
    });
}

/// Includes a copy of the packet, which is decrypted in its place.
double ours_unprotect(srtp::Profile profile) {
    std::vector<srtp::Receiver> receivers;
    for (size_t viewer = 0; viewer < viewers; ++viewer)
        receivers.emplace_back(profile, master_of(0));
    srtp::Sender sender(profile, master_of(0));
    const std::vector<uint8_t> payload(payload_size, 0x55);
    std::vector<uint8_t> sealed(1500), scratch(1500);
    size_t size = 0;
    return measure([&](size_t viewer, uint16_t sequence) {
        if (viewer == 0) {
            put_header(sealed.data(), sequence);
            size = sender.protect(ByteView(sealed.data(), header_size), ByteView(payload), sealed)
                       .size;
        }
        std::memcpy(scratch.data(), sealed.data(), size);
        require(receivers[viewer].unprotect({scratch.data(), size}).ok());
    });
}

#ifdef HAVE_LIBSRTP2
/// Includes a copy of the payload, as libsrtp2 encrypts in its place.
double libsrtp2_protect(srtp::Profile profile) {
    srtp_policy_t policy{};
    if (profile == srtp::Profile::aes128_cm_sha1_80)
        srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80(&policy.rtp);
    else if (profile == srtp::Profile::aead_aes_128_gcm)
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
    else
        srtp_crypto_policy_set_aes_gcm_256_16_auth(&policy.rtp);
    policy.rtcp = policy.rtp;
    policy.ssrc.type = ssrc_any_outbound;
    std::vector<srtp_t> senders(viewers);
    for (size_t viewer = 0; viewer < viewers; ++viewer) {
        std::vector<uint8_t> key(64, uint8_t(viewer));
        policy.key = key.data();
        require(srtp_create(&senders[viewer], &policy) == srtp_err_status_ok);
    }
    const std::vector<uint8_t> payload(payload_size, 0x55);
    std::vector<uint8_t> scratch(1500);
    const double out = measure([&](size_t viewer, uint16_t sequence) {
        put_header(scratch.data(), sequence);
        std::memcpy(scratch.data() + header_size, payload.data(), payload.size());
        int size = int(header_size + payload.size());
        require(srtp_protect(senders[viewer], scratch.data(), &size) == srtp_err_status_ok);
    });
    for (const srtp_t sender : senders)
        srtp_dealloc(sender);
    return out;
}
#endif

} // namespace

int main() {
    std::printf("%-20s %14s %14s %14s\n", "µs a packet", "protect", "unprotect", "libsrtp2");
#ifdef HAVE_LIBSRTP2
    srtp_init();
#endif
    for (const Case &one : cases) {
        std::printf("%-19s %14.2f %14.2f", one.name, ours_protect(one.profile),
                    ours_unprotect(one.profile));
#ifdef HAVE_LIBSRTP2
        std::printf(" %14.2f\n", libsrtp2_protect(one.profile));
#else
        std::printf(" %14s\n", "-");
#endif
        std::fflush(stdout);
    }
    return 0;
}
