// SPDX-License-Identifier: LGPL-2.1-or-later
// SRTP beside libsrtp2: the same bytes from both, and each decrypts what the other has encrypted.
// Skipped where the build has found no libsrtp2.
#include <cstdio>

#ifndef HAVE_LIBSRTP2
int main() {
    std::puts("the build has found no libsrtp2 (libsrtp2-dev)");
    return 77;
}
#else

#include "unit/srtp_rig.hpp"

#include <srtp2/srtp.h>

#include "check.hpp"

using namespace srtp_test;

namespace {

/// A context of libsrtp2 for any number of streams.
class Oracle {
public:
    Oracle(Profile profile, const srtp::MasterKey &master, bool sends) {
        const auto set = profile == Profile::aes128_cm_sha1_80 ? srtp_crypto_policy_set_rtp_default
                         : profile == Profile::aead_aes_128_gcm
                             ? srtp_crypto_policy_set_aes_gcm_128_16_auth
                             : srtp_crypto_policy_set_aes_gcm_256_16_auth;
        srtp_policy_t policy{};
        set(&policy.rtp);
        set(&policy.rtcp);
        const size_t key = srtp::key_size(profile), salt = srtp::salt_size(profile);
        Packet both(master.key.bytes.begin(), master.key.bytes.begin() + long(key));
        both.insert(both.end(), master.salt.bytes.begin(), master.salt.bytes.begin() + long(salt));
        policy.key = both.data();
        policy.ssrc.type = sends ? ssrc_any_outbound : ssrc_any_inbound;
        policy.window_size = 1024;
        fail_unless(srtp_create(&context_, &policy) == srtp_err_status_ok);
    }
    ~Oracle() { srtp_dealloc(context_); }
    Oracle(const Oracle &) = delete;
    Oracle &operator=(const Oracle &) = delete;

    Packet protect(Packet packet) { return run(srtp_protect, packet); }
    Packet protect_rtcp(Packet packet) { return run(srtp_protect_rtcp, packet); }
    Packet unprotect(Packet packet) { return run(srtp_unprotect, packet); }
    Packet unprotect_rtcp(Packet packet) { return run(srtp_unprotect_rtcp, packet); }

private:
    Packet run(srtp_err_status_t (*call)(srtp_t, void *, int *), Packet &packet) {
        int size = int(packet.size());
        packet.resize(packet.size() + SRTP_MAX_TRAILER_LEN + 4);
        const srtp_err_status_t status = call(context_, packet.data(), &size);
        fail_unless(status == srtp_err_status_ok, "libsrtp2 says %d", int(status));
        packet.resize(size_t(size));
        return packet;
    }
    srtp_t context_ = nullptr;
};

struct Ours {
    Ours(Profile profile, const srtp::MasterKey &master)
        : sender(profile, master), receiver(profile, master) {}

    Packet protect(const Packet &header, const Packet &content) {
        Packet out(header.size() + content.size() + srtp::max_rtp_growth);
        out.resize(sender.protect(header, content, out).size);
        return out;
    }
    Packet protect_rtcp(const Packet &packet) {
        Packet out(packet.size() + srtp::max_rtcp_growth);
        out.resize(sender.protect_rtcp(packet, out).size);
        return out;
    }
    Packet unprotect(Packet packet) {
        packet.resize(receiver.unprotect(packet).size);
        return packet;
    }
    Packet unprotect_rtcp(Packet packet) {
        packet.resize(receiver.unprotect_rtcp(packet).size);
        return packet;
    }

    srtp::Sender sender;
    srtp::Receiver receiver;
};

} // namespace

GST_START_TEST(test_rtp) {
    for (const Profile profile : profiles) {
        Ours ours(profile, master_key());
        Oracle sends(profile, master_key(), true), receives(profile, master_key(), false);
        // Two streams, each over several rollovers.
        for (uint32_t index = 20'000; index < 300'000; index += 1'777)
            for (const uint32_t ssrc : {1u, 0xFFFFFFFFu}) {
                const uint16_t sequence = uint16_t(index + ssrc);
                const Packet header = index % 2 ? rtp_header(sequence, ssrc)
                                                : rtp_header(sequence, ssrc, index % 16, index % 7);
                const Packet content = payload(index % 1300);
                const Packet plain = joined(header, content);
                const Packet sealed = ours.protect(header, content);
                fail_unless(sealed == sends.protect(plain));
                fail_unless(receives.unprotect(sealed) == plain);
                fail_unless(ours.unprotect(sealed) == plain);
            }
    }
}
GST_END_TEST

GST_START_TEST(test_rtcp) {
    for (const Profile profile : profiles) {
        Ours ours(profile, master_key());
        Oracle sends(profile, master_key(), true), receives(profile, master_key(), false);
        // The first index is 0 (RFC 3711, section 3.4), but libsrtp2's is 1.
        const Packet first = ours.protect_rtcp(sender_report());
        fail_unless(receives.unprotect_rtcp(first) == sender_report());
        for (unsigned words = 1; words < 200; words += 3) {
            const Packet plain = sender_report(0x11223344, words);
            const Packet sealed = ours.protect_rtcp(plain);
            fail_unless(sealed == sends.protect_rtcp(plain));
            fail_unless(receives.unprotect_rtcp(sealed) == plain);
            fail_unless(ours.unprotect_rtcp(sealed) == plain);
        }
    }
}
GST_END_TEST

static Suite *srtp_oracle_suite() {
    srtp_init();
    Suite *suite = suite_create("srtp_oracle");
    TCase *tests = tcase_create("srtp_oracle");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_rtp);
    tcase_add_test(tests, test_rtcp);
    return suite;
}
GST_CHECK_MAIN(srtp_oracle)

#endif
