// SPDX-License-Identifier: LGPL-2.1-or-later
// SRTP against the test vectors of RFC 3711 and RFC 7714; rollover counters, replays, damage, and
// packets that are cut at every place.
#include "unit/srtp_rig.hpp"

#include "check.hpp"

using namespace srtp_test;
using srtp::Transform;
using srtp::Verdict;

namespace {

template <size_t size>
void put(srtp::Secret<size> &secret, std::string_view digits) {
    const Packet bytes = hex(digits);
    std::copy(bytes.begin(), bytes.end(), secret.bytes.begin());
}

template <size_t size>
bool begins(const srtp::Secret<size> &secret, std::string_view digits) {
    const Packet bytes = hex(digits);
    return std::equal(bytes.begin(), bytes.end(), secret.bytes.begin());
}

Packet protect(srtp::Sender &sender, const Packet &header, const Packet &content) {
    Packet out(header.size() + content.size() + srtp::max_rtp_growth);
    const auto outcome = sender.protect(header, content, out);
    fail_unless(outcome.ok(), "%s", srtp::describe(outcome.verdict));
    out.resize(outcome.size);
    return out;
}

Packet protect_rtcp(srtp::Sender &sender, const Packet &packet) {
    Packet out(packet.size() + srtp::max_rtcp_growth);
    const auto outcome = sender.protect_rtcp(packet, out);
    fail_unless(outcome.ok(), "%s", srtp::describe(outcome.verdict));
    out.resize(outcome.size);
    return out;
}

/// A copy is decrypted, so that `packet` can be used again.
Verdict unprotect(srtp::Receiver &receiver, Packet packet, Packet *out = nullptr) {
    const auto outcome = receiver.unprotect(packet);
    packet.resize(outcome.size);
    if (out) *out = packet;
    return outcome.verdict;
}
Verdict unprotect_rtcp(srtp::Receiver &receiver, Packet packet, Packet *out = nullptr) {
    const auto outcome = receiver.unprotect_rtcp(packet);
    packet.resize(outcome.size);
    if (out) *out = packet;
    return outcome.verdict;
}

#define assert_verdict(given, expected)                                                            \
    do {                                                                                           \
        const Verdict given_ = (given);                                                            \
        fail_unless(given_ == (expected), "the packet is %s", srtp::describe(given_));             \
    } while (0)

/// The session keys of RFC 7714, section 16.
srtp::SessionKeys quid_pro_quo() {
    srtp::SessionKeys out;
    for (size_t i = 0; i < out.key.bytes.size(); ++i)
        out.key.bytes[i] = uint8_t(i);
    put(out.salt, "51756964 2070726f 2071756f");
    return out;
}

/// Encrypts with one call and decrypts with another; the bytes are those of the RFC.
void same_both_ways(Profile profile, uint64_t index, const Packet &head, const Packet &text,
                    const Packet &tail, const Packet &encrypted, const Packet &tag) {
    const uint32_t ssrc =
        head[0] == 0x80 ? 0x5501a0b2 : 0x4d617273; // RTP's is not where RTCP has it
    Transform seal(profile, quid_pro_quo(), Transform::Direction::seal);
    Transform open(profile, quid_pro_quo(), Transform::Direction::open);
    const ByteView plain = text;
    Packet out(text.size()), out_tag(tag.size());
    fail_unless(seal.seal(ssrc, index, head, {&plain, 1}, tail, out.data(), out_tag.data()));
    fail_unless(out == encrypted && out_tag == tag);
    fail_unless(open.open(ssrc, index, head, out, tail, tag.data()));
    fail_unless(out == text);
    out = encrypted;
    out_tag[0] ^= 1;
    fail_if(open.open(ssrc, index, head, out, tail, out_tag.data()));
}

} // namespace

// RFC 3711, appendix B.3.
GST_START_TEST(test_key_derivation) {
    srtp::MasterKey master;
    put(master.key, "E1F97A0D3E018BE0D64FA32C06DE4139");
    put(master.salt, "0EC675AD498AFEEBB6960B3AABE6");
    const auto keys = srtp::derive(Profile::aes128_cm_sha1_80, master, srtp::Kind::rtp);
    fail_unless(begins(keys.key, "C61E7A93744F39EE10734AFE3FF7A087"));
    fail_unless(begins(keys.salt, "30CBBC08863D8C85D49DB34A9AE1"));
    fail_unless(begins(keys.auth, "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA4"));
}
GST_END_TEST

// RFC 3711, appendix B.2: the key stream, which is the encryption of zeros.
GST_START_TEST(test_key_stream) {
    srtp::SessionKeys keys;
    put(keys.key, "2B7E151628AED2A6ABF7158809CF4F3C");
    put(keys.salt, "F0F1F2F3F4F5F6F7F8F9FAFBFCFD");
    Transform seal(Profile::aes128_cm_sha1_80, keys, Transform::Direction::seal);
    const Packet zeros(48);
    // In pieces that are no blocks.
    const ByteView pieces[] = {ByteView(zeros).first(5), {}, ByteView(zeros).subspan(5)};
    Packet out(48), tag(10);
    fail_unless(seal.seal(0, 0, {}, pieces, {}, out.data(), tag.data()));
    fail_unless(out == hex("E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB"
                           "41E95B3BB0A2E8DD477901E4FCA894C0"));
}
GST_END_TEST

// RFC 7714, sections 16.1 and 16.2: RTP with a rollover counter of 0.
GST_START_TEST(test_gcm_rtp) {
    const Packet head = hex("8040f17b 8041f8d3 5501a0b2");
    const Packet text = hex("47616c6c 69612065 7374206f 6d6e6973 20646976 69736120 696e2070"
                            "61727465 73207472 6573");
    same_both_ways(Profile::aead_aes_128_gcm, 0xf17b, head, text, {},
                   hex("f24de3a3 fb34de6c acba861c 9d7e4bca be633bd5 0d294e6f 42a5f47a"
                       "51c7d19b 36de3adf 8833"),
                   hex("899d7f27 beb16a91 52cf765e e4390cce"));
    same_both_ways(Profile::aead_aes_256_gcm, 0xf17b, head, text, {},
                   hex("32b1de78 a822fe12 ef9f78fa 332e33aa b1801238 9a58e2f3 b50b2a02"
                       "76ffae0f 1ba63799 b87b"),
                   hex("7aa3db36 dfffd6b0 f9bb7878 d7a76c13"));
}
GST_END_TEST

// RFC 7714, sections 17.1 to 17.3: SRTCP, the last authenticated only. (The packet at the head of
// section 17 is another one than these use.)
GST_START_TEST(test_gcm_rtcp) {
    const Packet head = hex("81c8000d 4d617273");
    const Packet text = hex("4e545031 4e545032 52545020 0000042a 0000e930 4c756e61"
                            "deadbeef deadbeef deadbeef deadbeef deadbeef");
    same_both_ways(Profile::aead_aes_128_gcm, 0x5d4, head, text, hex("800005d4"),
                   hex("63e94885 dcdab67c a727d766 2f6b7e99 7ff5c0f7 6c06f32d c676a5f1"
                       "730d6fda 4ce09b46 86303ded 0bb9275b"),
                   hex("c84aa458 96cf4d2f c5abf872 45d9eade"));
    same_both_ways(Profile::aead_aes_256_gcm, 0x5d4, head, text, hex("800005d4"),
                   hex("d50ae4d1 f5ce5d30 4ba297e4 7d470c28 2c3ece5d bffe0a50 a2eaa5c1"
                       "110555be 8415f658 c61de047 6f1b6fad"),
                   hex("1d1eb30c 4446839f 57ff6f6c b26ac3be"));
    same_both_ways(Profile::aead_aes_128_gcm, 0x5d4, joined(head, text), {}, hex("000005d4"), {},
                   hex("841dd968 3dd78ec9 2ae58790 125f62b3"));
}
GST_END_TEST

GST_START_TEST(test_both_ways) {
    for (const Profile profile : profiles) {
        srtp::Sender sender(profile, master_key());
        srtp::Receiver receiver(profile, master_key());
        uint16_t sequence = 100;
        for (const unsigned csrcs : {0u, 1u, 15u})
            for (const unsigned words : {0u, 1u, 5u})
                for (const size_t size : {0, 1, 15, 16, 17, 1200}) {
                    const Packet header = rtp_header(++sequence, 5, csrcs, words);
                    const Packet content = payload(size);
                    const Packet sealed = protect(sender, header, content);
                    fail_unless_equals_int(sealed.size(),
                                           header.size() + size + srtp::tag_size(profile));
                    fail_unless(std::equal(header.begin(), header.end(), sealed.begin()));
                    Packet back;
                    assert_verdict(unprotect(receiver, sealed, &back), Verdict::ok);
                    fail_unless(back == joined(header, content));
                }
        for (const unsigned words : {1u, 2u, 6u, 40u}) {
            const Packet report = sender_report(7, words);
            Packet back;
            assert_verdict(unprotect_rtcp(receiver, protect_rtcp(sender, report), &back),
                           Verdict::ok);
            fail_unless(back == report);
        }
        // Keys of the other side are others.
        srtp::Receiver other(profile, master_key(2));
        assert_verdict(unprotect(other, protect(sender, rtp_header(1), payload(50))),
                       Verdict::not_authentic);
        assert_verdict(unprotect_rtcp(other, protect_rtcp(sender, sender_report())),
                       Verdict::not_authentic);
    }
}
GST_END_TEST

// A payload in pieces is what it is in one; the header may be in the output already.
GST_START_TEST(test_shared_payload) {
    for (const Profile profile : profiles) {
        srtp::Sender one(profile, master_key()), other(profile, master_key());
        const Packet header = rtp_header(9), content = payload(700), before = content;
        const Packet sealed = protect(one, header, content);
        const ByteView whole = content;
        const ByteView pieces[] = {whole.first(2), whole.subspan(2, 61), whole.subspan(63)};
        Packet out(header.size() + content.size() + srtp::tag_size(profile));
        std::copy(header.begin(), header.end(), out.begin());
        fail_unless(other.protect(ByteView(out).first(12), pieces, out).ok());
        fail_unless(out == sealed && content == before);

        // A packet is sent again as it was, and never as another.
        Packet again(out.size());
        fail_unless(other.protect_again(header, pieces, again).ok());
        fail_unless(again == sealed);
        assert_verdict(other.protect(header, pieces, again).verdict, Verdict::repeated);
        for (const uint16_t sequence : {8, 10})
            assert_verdict(other.protect_again(rtp_header(sequence), pieces, again).verdict,
                           Verdict::malformed);
        assert_verdict(other.protect_again(rtp_header(9, 1), pieces, again).verdict,
                       Verdict::malformed);
    }
}
GST_END_TEST

GST_START_TEST(test_refused_output) {
    for (const Profile profile : profiles) {
        srtp::Sender sender(profile, master_key(), 2);
        const Packet header = rtp_header(1), content = payload(20), report = sender_report();
        Packet out(100);
        const auto protect_to = [&](const Packet &head, size_t room) {
            return sender.protect(head, content, std::span(out).first(room)).verdict;
        };
        const size_t size = 32 + srtp::tag_size(profile);
        assert_verdict(protect_to(header, size - 1), Verdict::no_room);
        assert_verdict(protect_to(header, size), Verdict::ok);
        const size_t report_size = report.size() + 4 + srtp::tag_size(profile);
        assert_verdict(sender.protect_rtcp(report, std::span(out).first(report_size - 1)).verdict,
                       Verdict::no_room);
        fail_unless(sender.protect_rtcp(report, std::span(out).first(report_size)).ok());

        const Packet extended = rtp_header(2, 5, 2, 2);
        for (size_t cut = 0; cut < extended.size(); ++cut)
            assert_verdict(protect_to(Packet(extended.begin(), extended.begin() + long(cut)), 100),
                           Verdict::malformed);
        assert_verdict(protect_to(joined(header, {0}), 100), Verdict::malformed);
        assert_verdict(protect_to(hex("00600001 00000000 00000001"), 100), Verdict::malformed);
        for (const size_t cut : {0, 4, 7})
            assert_verdict(sender.protect_rtcp(ByteView(report).first(cut), out).verdict,
                           Verdict::malformed);

        assert_verdict(protect_to(rtp_header(1, 2), 100), Verdict::ok);
        assert_verdict(protect_to(rtp_header(1, 3), 100), Verdict::too_many_streams);
    }
}
GST_END_TEST

// Any prefix of a packet, any damaged byte, is refused; the packet itself is then still accepted.
GST_START_TEST(test_damage) {
    for (const Profile profile : profiles) {
        srtp::Sender sender(profile, master_key());
        srtp::Receiver receiver(profile, master_key());
        const Packet rtp = protect(sender, rtp_header(3, 5, 1, 1), payload(20));
        const Packet rtcp = protect_rtcp(sender, sender_report());
        const auto each = [&](const Packet &packet, auto &&receive) {
            for (size_t cut = 0; cut < packet.size(); ++cut) {
                const Verdict verdict = receive(Packet(packet.begin(), packet.begin() + long(cut)));
                fail_unless(verdict == Verdict::malformed || verdict == Verdict::not_authentic ||
                            verdict == Verdict::not_encrypted);
            }
            for (size_t at = 0; at < packet.size(); ++at)
                for (const uint8_t bit : {0x01, 0x80}) {
                    Packet damaged = packet;
                    damaged[at] ^= bit;
                    fail_if(receive(damaged) == Verdict::ok, "a change of byte %zu", at);
                }
            fail_if(receive(joined(packet, {0})) == Verdict::ok);
            assert_verdict(receive(packet), Verdict::ok);
            assert_verdict(receive(packet), Verdict::repeated);
        };
        each(rtp, [&](const Packet &packet) { return unprotect(receiver, packet); });
        each(rtcp, [&](const Packet &packet) { return unprotect_rtcp(receiver, packet); });
        // Damaged packets are of no stream.
        fail_unless_equals_int(receiver.streams(), 1);
    }
}
GST_END_TEST

// RFC 3711, section 3.3.1.
GST_START_TEST(test_index) {
    using srtp::rtp_index;
    constexpr uint64_t roc = 1 << 16;
    struct {
        uint64_t highest;
        uint16_t sequence;
        uint64_t index;
    } const cases[] = {
        {0, 1, 1},
        {0, 32768, 32768},
        {0, 32769, 32769}, // below 0 there is nothing
        {1, 65535, 65535},
        {65535, 0, roc},
        {65535, 32766, roc + 32766},
        {65535, 32767, 32767},
        {65535, 65534, 65534},
        {roc, 65535, 65535},
        {roc, 32769, 32769},
        {roc, 32768, roc + 32768},
        {roc + 32768, 0, roc},
        {roc + 32769, 0, 2 * roc},
        {roc * 5 + 40000, 7000, roc * 6 + 7000},
        {srtp::max_rtp_index, 0, srtp::max_rtp_index + 1},
    };
    for (const auto &one : cases)
        fail_unless_equals_uint64(rtp_index(one.highest, one.sequence), one.index);
}
GST_END_TEST

// Streams go through several rollovers, with loss and disorder; the sender begins anywhere.
GST_START_TEST(test_rollover) {
    for (const Profile profile : profiles)
        for (const uint16_t first : {0, 1, 32767, 65000, 65535}) {
            srtp::Sender sender(profile, master_key());
            srtp::Receiver receiver(profile, master_key());
            const auto sealed = [&](uint64_t index) {
                return protect(sender, rtp_header(uint16_t(index)), payload(4, uint8_t(index)));
            };
            assert_verdict(unprotect(receiver, sealed(first)), Verdict::ok);
            for (uint64_t index = first + 1; index < 200'000; index += 900) {
                const Packet early = sealed(index), late = sealed(index + 500);
                Packet back;
                assert_verdict(unprotect(receiver, late), Verdict::ok);
                assert_verdict(unprotect(receiver, early, &back), Verdict::ok);
                fail_unless(back == joined(rtp_header(uint16_t(index)), payload(4, index)));
                assert_verdict(unprotect(receiver, early), Verdict::repeated);
                assert_verdict(unprotect(receiver, late), Verdict::repeated);
            }
        }
}
GST_END_TEST

// The sender's own disorder, across a rollover.
GST_START_TEST(test_forwarded_in_disorder) {
    for (const Profile profile : profiles) {
        srtp::Sender sender(profile, master_key());
        srtp::Receiver receiver(profile, master_key());
        for (const uint32_t sequence : {65530, 65535, 65534, 1, 65533, 0, 2, 65531})
            assert_verdict(
                unprotect(receiver, protect(sender, rtp_header(uint16_t(sequence)), payload(9))),
                Verdict::ok);
        Packet out(100);
        for (const uint32_t sequence : {65534, 1, 65533, 2})
            assert_verdict(sender.protect(rtp_header(uint16_t(sequence)), payload(9), out).verdict,
                           Verdict::repeated);
    }
}
GST_END_TEST

// A packet from before the first one, across sequence number 0, does not end the stream.
GST_START_TEST(test_before_the_first) {
    for (const Profile profile : profiles) {
        srtp::Sender sender(profile, master_key());
        srtp::Receiver receiver(profile, master_key());
        Packet out(100);
        const auto send = [&](uint16_t sequence) {
            return sender.protect(rtp_header(sequence), payload(9), out).verdict;
        };
        assert_verdict(unprotect(receiver, protect(sender, rtp_header(1), payload(9))),
                       Verdict::ok);
        for (const uint16_t sequence : {65535, 65534, 32770})
            assert_verdict(send(sequence), Verdict::too_old);
        for (const uint16_t sequence : {0, 2, 32770, 65535, 3})
            assert_verdict(unprotect(receiver, protect(sender, rtp_header(sequence), payload(9))),
                           Verdict::ok);
        // After a rollover it is as any other that is late.
        assert_verdict(unprotect(receiver, protect(sender, rtp_header(65534), payload(9))),
                       Verdict::ok);
    }
}
GST_END_TEST

GST_START_TEST(test_replay_window) {
    using Window = srtp::ReplayWindow<128>;
    using Place = Window::Place;
    // Against a set of all that was used.
    std::mt19937 random(7);
    for (int round = 0; round < 30; ++round) {
        Window window;
        std::set<uint64_t> used;
        uint64_t at = random() % 1000;
        for (int i = 0; i < 400; ++i) {
            const uint64_t steps[] = {1, 2, 63, 64, 65, 127, 128, 129, 1000};
            const uint64_t index = random() % 3 ? at - std::min<uint64_t>(at, random() % 140)
                                                : at + steps[random() % std::size(steps)];
            const bool old = !used.empty() && index + 128 <= *used.rbegin();
            const Place place = old                 ? Place::too_old
                                : used.count(index) ? Place::used
                                                    : Place::unused;
            fail_unless(window.place(index) == place);
            if (place != Place::unused) continue;
            window.use(index);
            used.insert(index);
            at = *used.rbegin();
            fail_unless_equals_uint64(window.highest(), at);
        }
    }
}
GST_END_TEST

GST_START_TEST(test_too_old) {
    for (const Profile profile : profiles) {
        srtp::Sender sender(profile, master_key());
        srtp::Receiver receiver(profile, master_key());
        const Packet at_0 = protect(sender, rtp_header(0), {}),
                     at_1 = protect(sender, rtp_header(1), {});
        assert_verdict(unprotect(receiver, protect(sender, rtp_header(1024), {})), Verdict::ok);
        assert_verdict(unprotect(receiver, at_0), Verdict::too_old);
        assert_verdict(unprotect(receiver, at_1), Verdict::ok);
        Packet out(100);
        assert_verdict(sender.protect(rtp_header(0), Packet(), out).verdict, Verdict::too_old);
        // What the window has left may still be sent again.
        fail_unless(sender.protect_again(rtp_header(0), {}, out).ok());

        std::vector<Packet> reports;
        for (int i = 0; i < 130; ++i)
            reports.push_back(protect_rtcp(sender, sender_report()));
        assert_verdict(unprotect_rtcp(receiver, reports[129]), Verdict::ok);
        assert_verdict(unprotect_rtcp(receiver, reports[1]), Verdict::too_old);
        assert_verdict(unprotect_rtcp(receiver, reports[2]), Verdict::ok);
    }
}
GST_END_TEST

// Forged SSRCs cost nothing; of authentic ones there are so many.
GST_START_TEST(test_streams) {
    for (const Profile profile : profiles) {
        srtp::Sender sender(profile, master_key(), 100);
        srtp::Receiver receiver(profile, master_key(), 3);
        for (uint32_t ssrc = 0; ssrc < 50; ++ssrc)
            assert_verdict(unprotect(receiver, joined(rtp_header(1, ssrc), payload(60))),
                           Verdict::not_authentic);
        fail_unless_equals_int(receiver.streams(), 0);
        for (uint32_t ssrc = 0; ssrc < 5; ++ssrc) {
            const Verdict expected = ssrc < 3 ? Verdict::ok : Verdict::too_many_streams;
            assert_verdict(unprotect(receiver, protect(sender, rtp_header(1, ssrc), {})), expected);
            assert_verdict(unprotect_rtcp(receiver, protect_rtcp(sender, sender_report(ssrc))),
                           expected);
        }
        // Each has a rollover counter of its own.
        for (const uint16_t sequence : {30000, 60000, 10000})
            assert_verdict(unprotect(receiver, protect(sender, rtp_header(sequence, 1), {})),
                           Verdict::ok);
        assert_verdict(unprotect(receiver, protect(sender, rtp_header(2, 2), {})), Verdict::ok);
    }
}
GST_END_TEST

static Suite *srtp_suite() {
    Suite *suite = suite_create("srtp");
    TCase *tests = tcase_create("srtp");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_key_derivation);
    tcase_add_test(tests, test_key_stream);
    tcase_add_test(tests, test_gcm_rtp);
    tcase_add_test(tests, test_gcm_rtcp);
    tcase_add_test(tests, test_both_ways);
    tcase_add_test(tests, test_shared_payload);
    tcase_add_test(tests, test_refused_output);
    tcase_add_test(tests, test_damage);
    tcase_add_test(tests, test_index);
    tcase_add_test(tests, test_rollover);
    tcase_add_test(tests, test_forwarded_in_disorder);
    tcase_add_test(tests, test_before_the_first);
    tcase_add_test(tests, test_replay_window);
    tcase_add_test(tests, test_too_old);
    tcase_add_test(tests, test_streams);
    return suite;
}
GST_CHECK_MAIN(srtp)
