// SPDX-License-Identifier: LGPL-2.1-or-later
// The end of a DTLS session, and what is left of it from the end of its handshake on.
#include "unit/dtls_rig.hpp"

#include "check.hpp"

using namespace dtls_test;
using State = Session::State;

namespace {

void has(const std::string &text, const char *part) {
    fail_unless(text.find(part) != text.npos, "%s", text.c_str());
}

} // namespace

GST_START_TEST(test_close) {
    for (const Role first : {Role::server, Role::client}) {
        Pair pair;
        pair.run();
        End &one = first == Role::server ? pair.server : pair.client;
        End &other = first == Role::server ? pair.client : pair.server;
        one.session->close();
        fail_unless(one.is(State::closed) && one.sent.size() == 1);
        pair.exchange();
        fail_unless(other.is(State::closed));
        has(other.session->reason(), "peer has closed");
        fail_if(one.session->has_ssl() || other.session->has_ssl());
        other.session->close();
        has(other.session->reason(), "peer has closed");
        fail_unless(other.sent.empty() && other.session->keys());
    }
    Pair unborn;
    unborn.server.session->close();
    fail_unless(unborn.server.is(State::closed) && unborn.server.sent.empty());
    fail_unless(unborn.server.receive(Datagram{22}).is_ok());
}
GST_END_TEST

// OpenSSL's part goes with the handshake. Its last flight is kept for a while.
GST_START_TEST(test_linger) {
    Pair pair;
    pair.client.session->start(now_ms());
    for (const Datagram &each : pair.client.take())
        pair.server.receive(each);
    Datagrams last;
    while (!pair.connected()) {
        for (const Datagram &each : pair.server.take())
            pair.client.receive(each);
        if (!pair.client.sent.empty()) last = pair.client.sent;
        for (const Datagram &each : pair.client.take())
            pair.server.receive(each);
    }
    fail_if(pair.server.session->has_ssl() || pair.client.session->has_ssl());
    fail_unless(pair.server.session->keys() && pair.server.sent.empty());
    // It is the answer to the peer's last flight, if that is authentic.
    fail_unless(pair.server.receive(record(22, 1, Datagram(40, 1))).is_ok());
    Datagram damaged = last.back();
    damaged.back() ^= 1;
    pair.server.receive(damaged);
    fail_unless(pair.server.sent.empty());
    unsigned answers = 0;
    for (int round = 0; round < 100; ++round) {
        pair.server.receive(last.back());
        answers += !pair.server.take().empty();
    }
    fail_unless_equals_int(answers, 20);

    Pair other;
    other.run();
    const auto at = other.server.session->next_check_ms(now_ms());
    fail_unless(at.has_value());
    other.server.session->check(*at - 1);
    fail_unless(other.server.session->next_check_ms(*at - 1).has_value());
    other.server.session->check(*at);
    fail_if(other.server.session->next_check_ms(*at).has_value());
    fail_unless(other.server.connected() && other.server.session->keys());
    // The peer's end is heard later, too, and this side's is not told any more.
    other.client.session->close();
    fail_unless_equals_int(other.client.sent.size(), 1);
    Datagram alert = other.client.take()[0];
    for (size_t i = 0; i < alert.size(); ++i) {
        Datagram wrong = alert;
        wrong[i] ^= 1;
        other.server.receive(wrong);
        wrong.resize(i);
        other.server.receive(wrong);
        fail_unless(other.server.connected(), "%zu", i);
    }
    other.server.receive(alert);
    fail_unless(other.server.is(State::closed) && other.server.sent.empty());
}
GST_END_TEST

// Whatever cipher the peers agree on.
GST_START_TEST(test_close_of_strangers) {
    for (const char *cipher : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                               "ECDHE-ECDSA-CHACHA20-POLY1305"}) {
        Stranger stranger({.cipher = cipher});
        dtls::Options options = options_of(Role::server);
        options.peer = {stranger.fingerprint()};
        End server(options);
        stranger.shake_hands(server);
        fail_unless(server.connected() && !server.session->has_ssl());
        stranger.close(server);
        fail_unless(server.is(State::closed), "%s", cipher);
    }
}
GST_END_TEST

static Suite *dtls_end_suite() {
    Suite *suite = suite_create("dtls_end");
    TCase *tests = tcase_create("dtls_end");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_close);
    tcase_add_test(tests, test_linger);
    tcase_add_test(tests, test_close_of_strangers);
    return suite;
}
GST_CHECK_MAIN(dtls_end)
