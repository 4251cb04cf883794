// SPDX-License-Identifier: LGPL-2.1-or-later
// DTLS between two ends without sockets: the keys that they make, bad networks, bad certificates,
// garbage, and messages.
#include "core/srtp/receiver.h"
#include "core/srtp/sender.h"
#include "unit/dtls_rig.hpp"

#include "check.hpp"

using namespace dtls_test;
using State = Session::State;

namespace {

void has(const std::string &text, const char *part) {
    fail_unless(text.find(part) != text.npos, "%s", text.c_str());
}

/// Whether what one side encrypts is what the other decrypts.
bool fit(const dtls::Keys &from, const dtls::Keys &to) {
    srtp::Sender sender(from.profile, from.ours);
    srtp::Receiver receiver(to.profile, to.theirs);
    const Datagram header{0x80, 96, 0, 1, 0, 0, 0, 0, 0, 0, 0, 5}, text(20, 7);
    Datagram packet(100);
    packet.resize(sender.protect(header, text, packet).size);
    return receiver.unprotect(packet).size == 32;
}

Datagram text(const std::string &from) {
    return {from.begin(), from.end()};
}

/// Until `done`, or for half a minute: `carry` has datagrams delivered, and both sides look at the
/// time.
template <class Done, class Carry>
void run_until(Done done, Carry carry, std::vector<std::unique_ptr<Pair>> &pairs) {
    const uint64_t deadline = now_ms() + 30'000;
    while (!done() && now_ms() < deadline) {
        carry();
        bool idle = true;
        for (const auto &pair : pairs) {
            for (End *end : {&pair->server, &pair->client})
                fail_unless(end->session->check(now_ms()).is_ok(), "%s",
                            end->session->reason().c_str());
            idle &= pair->server.sent.empty() && pair->client.sent.empty();
        }
        if (idle) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
}

} // namespace

GST_START_TEST(test_keys) {
    Pair pair;
    pair.run();
    fail_unless(pair.connected());
    const auto &server = pair.server.session->keys(), &client = pair.client.session->keys();
    fail_unless(server && client);
    fail_unless(server->profile == srtp::Profile::aead_aes_128_gcm);
    fail_unless(server->ours == client->theirs && server->theirs == client->ours);
    fail_if(server->ours == server->theirs);
    fail_unless(fit(*server, *client) && fit(*client, *server));
    // Other peers have other keys.
    Pair other;
    other.run();
    fail_if(fit(*server, *other.client.session->keys()));
    fail_unless_equals_int(context_of(Role::server)->handshakes(), 0);
}
GST_END_TEST

GST_START_TEST(test_fingerprints) {
    const std::string text = context_of(Role::server)->fingerprint().text();
    fail_unless_equals_int(text.size(), 8 + 32 * 3 - 1);
    fail_unless(text.starts_with("sha-256 "));
    const std::string_view digest = std::string_view(text).substr(8);
    const auto parse = dtls::Fingerprint::parse;
    fail_unless(parse("sha-256", digest) == context_of(Role::server)->fingerprint());
    std::string small(digest);
    std::ranges::transform(small, small.begin(), [](char c) { return char(std::tolower(c)); });
    fail_unless(parse("SHA-256", small) == context_of(Role::server)->fingerprint());
    for (size_t cut = 0; cut < digest.size(); ++cut)
        fail_if(parse("sha-256", digest.substr(0, cut)).has_value());
    for (const char wrong : {'G', ' ', '/', '@', '`', '\0', char(0xFF)})
        for (const size_t at : {0, 1, 2, 50}) {
            std::string damaged(digest);
            damaged[at] = wrong;
            fail_if(parse("sha-256", damaged).has_value());
        }
    for (const char *hash : {"", "sha-1", "sha-384", "sha-2567", "md5", "sha256"})
        fail_if(parse(hash, digest).has_value());
    for (const auto &[hash, size] : {std::pair("sha-384", 48), std::pair("sha-512", 64)}) {
        std::string longer;
        for (int i = 0; i < size; ++i)
            longer += i ? ":A5" : "A5";
        const auto parsed = parse(hash, longer);
        fail_unless(parsed && parsed->text() == std::string(hash) + " " + longer);
    }
}
GST_END_TEST

// Either side notices, says so to the other, and has no keys.
GST_START_TEST(test_wrong_certificate) {
    for (const Role wrong : {Role::server, Role::client}) {
        dtls::Options server = options_of(Role::server), client = options_of(Role::client);
        auto &expected = wrong == Role::server ? server.peer : client.peer;
        for (const auto &peer :
             {std::vector{context_of(wrong)->fingerprint()}, std::vector<dtls::Fingerprint>{}}) {
            expected = peer;
            Pair pair(server, client);
            pair.run();
            fail_unless(pair.both(State::failed));
            fail_if(pair.server.session->keys() || pair.client.session->keys());
            const End &judge = wrong == Role::server ? pair.server : pair.client;
            has(judge.session->reason(), "not that of its SDP");
            fail_if(judge.session->has_ssl());
            fail_unless(pair.server.receive(text("\x16 anything")).is_error());
            fail_unless(pair.server.session->check(now_ms()).is_error());
        }
        // One of several is enough.
        const Role other = wrong == Role::server ? Role::client : Role::server;
        expected = {context_of(wrong)->fingerprint(), context_of(other)->fingerprint()};
        Pair pair(server, client);
        pair.run();
        fail_unless(pair.connected());
    }
    fail_unless_equals_int(context_of(Role::server)->handshakes(), 0);
    fail_unless_equals_int(context_of(Role::client)->handshakes(), 0);
}
GST_END_TEST

// Peers that are no Session.
GST_START_TEST(test_strangers) {
    const auto meet = [](const Stranger::Habits &habits, bool keep = false) {
        Stranger stranger(habits);
        dtls::Options options = options_of(Role::server);
        options.keep = keep;
        options.peer = {stranger.fingerprint()};
        auto end = std::make_unique<End>(options);
        stranger.shake_hands(*end);
        fail_unless(end->connected() == stranger.connected);
        return end;
    };
    for (const bool rsa : {false, true}) {
        const auto server = meet({.rsa = rsa});
        fail_unless(server->connected(), "%s", server->session->reason().c_str());
        fail_unless(server->session->keys()->profile == srtp::Profile::aes128_cm_sha1_80);
    }
    // As Chromium and Firefox offer them.
    for (const char *offer : {"SRTP_AES128_CM_SHA1_80:SRTP_AEAD_AES_256_GCM:SRTP_AEAD_AES_128_GCM",
                              "SRTP_AEAD_AES_128_GCM:SRTP_AEAD_AES_256_GCM:SRTP_AES128_CM_SHA1_80"})
        fail_unless(meet({.srtp = offer})->session->keys()->profile ==
                    srtp::Profile::aead_aes_128_gcm);
    fail_unless(meet({.has_certificate = false})->is(State::failed));
    fail_unless(meet({.version = DTLS1_VERSION})->is(State::failed));

    // Only a session for data channels does without SRTP.
    Stranger without({.srtp = nullptr});
    dtls::Options options = options_of(Role::server);
    options.peer = {without.fingerprint()};
    End refusing(options);
    without.shake_hands(refusing);
    has(refusing.session->reason(), "no SRTP profile");
    const auto data = meet({.srtp = nullptr}, true);
    fail_unless(data->connected() && !data->session->keys());
}
GST_END_TEST

// A quarter is lost, some come twice and late: every pair gets there, by sending again.
GST_START_TEST(test_bad_network) {
    std::vector<std::unique_ptr<Pair>> pairs;
    std::vector<Network> up, down;
    for (unsigned seed = 0; seed < 30; ++seed) {
        dtls::Options server = options_of(Role::server), client = options_of(Role::client);
        for (dtls::Options *each : {&server, &client}) {
            // OpenSSL takes 15 ms off.
            each->retransmit_ms = 22;
            each->retransmit_max_ms = 40;
            each->mtu = seed % 2 ? 300 : 1200; // more datagrams are more losses
        }
        pairs.push_back(std::make_unique<Pair>(server, client));
        up.emplace_back(2 * seed);
        down.emplace_back(2 * seed + 1);
        fail_unless(pairs.back()->client.session->start(now_ms()).is_ok());
    }
    const auto done = [&] {
        return std::ranges::all_of(pairs, [](const auto &pair) { return pair->connected(); });
    };
    const auto carry = [&] {
        for (size_t i = 0; i < pairs.size(); ++i) {
            up[i].carry(pairs[i]->client.take(), pairs[i]->server);
            down[i].carry(pairs[i]->server.take(), pairs[i]->client);
        }
    };
    run_until(done, carry, pairs);
    fail_unless(done());
    for (const auto &pair : pairs)
        fail_unless(fit(*pair->server.session->keys(), *pair->client.session->keys()));
}
GST_END_TEST

// A server whose last flight was lost is asked for it, when it is connected already.
GST_START_TEST(test_last_flight_again) {
    dtls::Options impatient = options_of(Role::client);
    impatient.retransmit_ms = impatient.retransmit_max_ms = 20;
    std::vector<std::unique_ptr<Pair>> pairs;
    Pair &pair = *pairs.emplace_back(std::make_unique<Pair>(options_of(Role::server), impatient));
    pair.client.session->start(now_ms());
    bool lost = false;
    run_until([&] { return pair.connected(); },
              [&] {
                  for (const Datagram &each : pair.client.take())
                      pair.server.receive(each);
                  if (pair.server.connected() && !std::exchange(lost, true)) pair.server.sent = {};
                  for (const Datagram &each : pair.server.take())
                      pair.client.receive(each);
              },
              pairs);
    fail_unless(lost && pair.connected());
    fail_unless(fit(*pair.server.session->keys(), *pair.client.session->keys()));
}
GST_END_TEST

// Chromium and Firefox need two datagrams for it.
GST_START_TEST(test_hello_in_two_datagrams) {
    for (const size_t cut : {1, 2, 34, 100})
        for (const bool swapped : {false, true}) {
            Pair pair;
            pair.client.session->start(now_ms());
            fail_unless_equals_int(pair.client.sent.size(), 1);
            Datagrams parts = in_two(pair.client.take()[0], cut);
            if (swapped) std::swap(parts[0], parts[1]);
            pair.server.receive(parts[0]);
            fail_unless(pair.server.sent.empty(), "it answers half a ClientHello");
            pair.server.receive(parts[1]);
            fail_if(pair.server.sent.empty());
            pair.exchange();
            fail_unless(pair.connected(), "%s", pair.server.session->reason().c_str());
        }
}
GST_END_TEST

// Nothing that is no DTLS, or is cut, or comes before its keys, ends a handshake or is answered.
GST_START_TEST(test_garbage) {
    std::mt19937 random(3);
    Pair pair;
    pair.client.session->start(now_ms());
    const Datagram hello = pair.client.sent[0];
    for (size_t cut = 0; cut < hello.size(); ++cut)
        fail_unless(
            pair.server.receive(Datagram(hello.begin(), hello.begin() + long(cut))).is_ok());
    for (int round = 0; round < 100; ++round) {
        Datagram noise(random() % 200);
        for (uint8_t &byte : noise)
            byte = uint8_t(random());
        // Not by chance what it is not meant to be.
        if (noise.size() > 1) noise[1] &= 0x7F;
        fail_unless(pair.server.receive(noise).is_ok());
    }
    Datagram old = hello;
    old[1] = 3; // TLS
    pair.server.receive(old);
    pair.server.receive(record(24, 0, Datagram(20, 1))); // a heartbeat
    pair.server.receive(Datagram(70'000, 22));
    for (int round = 0; round < 50; ++round)
        pair.server.receive(record(23, 1, Datagram(40, uint8_t(round))));
    fail_unless(pair.server.sent.empty());
    pair.exchange();
    // The client's last flight has one more of these, beyond what is kept; it is sent again.
    std::vector<std::unique_ptr<Pair>> none;
    run_until([&] { return pair.connected(); },
              [&] {
                  pair.client.session->check(now_ms());
                  pair.exchange();
              },
              none);
    fail_unless(pair.connected(), "%s", pair.server.session->reason().c_str());
    // Nor a session that is connected.
    for (int round = 0; round < 50; ++round)
        pair.server.receive(record(uint8_t(20 + round % 4), 1, Datagram(40, uint8_t(round))));
    pair.server.receive(hello);
    fail_unless(pair.server.connected());
}
GST_END_TEST

// A plain message that no handshake has ends it, with an alert.
GST_START_TEST(test_broken_handshake) {
    Pair pair;
    pair.client.session->start(now_ms());
    Datagram hello = pair.client.take()[0];
    hello[13 + 12 + 34] = 255; // the length of the session's id
    fail_unless(pair.server.receive(hello).is_error());
    has(pair.server.session->reason(), "handshake failed");
    fail_unless_equals_int(pair.server.sent.size(), 1);
    fail_unless_equals_int(pair.server.sent[0][0], 21);
    pair.exchange();
    fail_unless(pair.client.is(State::failed));
    // A flood of what is no error, but leads nowhere.
    Pair other;
    other.client.session->start(now_ms());
    const Datagrams parts = in_two(other.client.take()[0], 10);
    Result result = Result::ok();
    for (int round = 0; round < 1000 && result.is_ok(); ++round)
        result = other.server.receive(parts[0]);
    has(result.reason(), "too many datagrams");
}
GST_END_TEST

GST_START_TEST(test_mtu) {
    for (const size_t mtu : {300, 500, 1200}) {
        dtls::Options server = options_of(Role::server), client = options_of(Role::client);
        server.mtu = client.mtu = mtu;
        server.keep = client.keep = true;
        Pair pair(server, client);
        size_t largest = 0;
        pair.client.session->start(now_ms());
        while (!pair.server.sent.empty() || !pair.client.sent.empty()) {
            for (End *from : {&pair.client, &pair.server}) {
                End &to = from == &pair.client ? pair.server : pair.client;
                for (const Datagram &each : from->take()) {
                    largest = std::max(largest, each.size());
                    to.receive(each);
                }
            }
        }
        fail_unless(pair.connected());
        fail_unless(largest <= mtu, "%zu", largest);
        const size_t most = pair.server.session->max_data();
        fail_unless(most > mtu - 60 && most < mtu, "%zu", most);
        fail_unless(pair.server.session->send(Datagram(most, 1)).is_ok());
        fail_unless(pair.server.sent.at(0).size() <= mtu);
        fail_unless(pair.server.session->send(Datagram(most + 1, 1)).is_error());
        fail_unless(pair.server.session->send({}).is_error());
    }
}
GST_END_TEST

GST_START_TEST(test_messages) {
    dtls::Options server = options_of(Role::server), client = options_of(Role::client);
    server.keep = client.keep = true;
    Pair pair(server, client);
    fail_unless(pair.server.session->send(text("early")).is_error());
    pair.run();
    for (int round = 0; round < 20; ++round) {
        fail_unless(pair.client.session->send(text("up" + std::to_string(round))).is_ok());
        fail_unless(pair.server.session->send(text("down" + std::to_string(round))).is_ok());
    }
    // In another order, twice and damaged: each arrives once or not at all.
    std::ranges::reverse(pair.client.sent);
    Datagrams up = pair.client.take();
    for (int round = 0; round < 2; ++round)
        for (const Datagram &each : up)
            pair.server.receive(each);
    Datagram damaged = pair.server.sent[3];
    damaged[20] ^= 1;
    pair.server.sent[3] = damaged;
    pair.exchange();
    fail_unless_equals_int(pair.server.received.size(), 20);
    fail_unless(pair.server.received[0] == text("up19"));
    fail_unless_equals_int(pair.client.received.size(), 19);
    fail_unless(pair.client.received[3] == text("down4"));
    // Several in a datagram.
    fail_unless(pair.client.session->send(text("one")).is_ok());
    fail_unless(pair.client.session->send(text("two")).is_ok());
    Datagram both = pair.client.sent[0];
    both.insert(both.end(), pair.client.sent[1].begin(), pair.client.sent[1].end());
    pair.client.sent = {both};
    pair.exchange();
    fail_unless_equals_int(pair.server.received.size(), 22);
    fail_unless(pair.server.received[21] == text("two"));
    // It is not freed.
    pair.server.session->check(now_ms() + 3'600'000);
    fail_unless(pair.server.session->has_ssl());
    fail_if(pair.server.session->next_check_ms(now_ms()).has_value());

    // Without `keep` messages are dropped.
    Pair without(options_of(Role::server), client);
    without.run();
    fail_unless(without.client.session->send(text("hello")).is_ok());
    without.exchange();
    fail_unless(without.server.received.empty() && without.server.connected());
    fail_unless(without.server.session->send(text("hello")).is_error());
}
GST_END_TEST

GST_START_TEST(test_handshake_times_out) {
    Pair pair;
    pair.client.session->start(now_ms());
    const uint64_t later = now_ms() + 30'000;
    for (End *each : {&pair.server, &pair.client}) {
        fail_unless(each->session->next_check_ms(now_ms()).has_value());
        fail_unless(each->session->check(later - 1000).is_ok());
        fail_unless(each->session->check(later).is_error());
        has(each->session->reason(), "timed out");
        fail_if(each->session->next_check_ms(later).has_value());
    }
    // A client asks again long before that.
    Pair other;
    other.client.session->start(now_ms());
    fail_unless(*other.client.session->next_check_ms(now_ms()) <= now_ms() + 110);
}
GST_END_TEST

GST_START_TEST(test_number_of_handshakes) {
    const auto context = dtls::Context::make({.handshakes = 2}, nullptr);
    struct : Session::Handler {
        void on_datagram(ByteView) noexcept override {}
    } nobody;
    const auto make = [&] { return Session::make(context, nobody, options_of(Role::server), 0); };
    auto first = make();
    const auto second = make();
    fail_unless(first && second && !make());
    fail_unless_equals_int(context->handshakes(), 2);
    first.reset();
    const auto third = make();
    fail_unless(third && !make());
    second->close();
    // One that is connected counts no more.
    dtls::Options client = options_of(Role::client);
    client.peer = {context->fingerprint()};
    End server(options_of(Role::server), context), other(client);
    fail_if(make());
    other.session->start(now_ms());
    while (!other.sent.empty()) {
        for (const Datagram &each : other.take())
            server.receive(each);
        for (const Datagram &each : server.take())
            other.receive(each);
    }
    fail_unless(server.connected() && other.connected());
    fail_unless_equals_int(context->handshakes(), 1);
}
GST_END_TEST

static Suite *dtls_suite() {
    Suite *suite = suite_create("dtls");
    TCase *tests = tcase_create("dtls");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_keys);
    tcase_add_test(tests, test_fingerprints);
    tcase_add_test(tests, test_wrong_certificate);
    tcase_add_test(tests, test_strangers);
    tcase_add_test(tests, test_bad_network);
    tcase_add_test(tests, test_last_flight_again);
    tcase_add_test(tests, test_hello_in_two_datagrams);
    tcase_add_test(tests, test_garbage);
    tcase_add_test(tests, test_broken_handshake);
    tcase_add_test(tests, test_mtu);
    tcase_add_test(tests, test_messages);
    tcase_add_test(tests, test_handshake_times_out);
    tcase_add_test(tests, test_number_of_handshakes);
    return suite;
}
GST_CHECK_MAIN(dtls)
