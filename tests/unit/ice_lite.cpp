// SPDX-License-Identifier: LGPL-2.1-or-later
// The ICE-lite agent: which checks are answered how, which path is selected, consent, restarts.
#include "core/stun/ice_lite.h"

#include "unit/stun_rig.hpp"

#include "check.hpp"

using namespace penstock;
using namespace penstock::stun;

namespace {

const Credentials own{"ownufrag", "an-own-password-of-enough"};
const Credentials peer{"peer", "a-password-of-the-peer"};

enum Nomination : bool { plain, nominating };

/// An agent and the peer that checks it.
struct Rig {
    IceLite agent{own, peer, rig::hmac_sha1, 1000};
    uint64_t now_ms = 1000;

    CheckResult feed(std::vector<uint8_t> bytes, const Path &from) {
        Message message;
        fail_unless(parse(bytes, message).is_ok());
        return agent.on_message(bytes, message, from, now_ms);
    }
    CheckResult check(const Path &from, Nomination nomination = plain,
                      const Credentials &by = own) {
        MessageWriter w(Class::request, rig::transaction);
        w.username(by.ufrag + ":" + peer.ufrag).priority(1).controlling(7);
        if (nomination == nominating) w.use_candidate();
        return feed(w.finish(by.password, rig::hmac_sha1), from);
    }
};

const Path a{1, rig::address(1, 1001)}, b{1, rig::address(2, 1002)}, c{2, rig::address(1, 1001)};

/// The reply is a success with that password and the address of its path.
void assert_success(const CheckResult &result, const Path &path, const Credentials &by = own) {
    Message reply;
    fail_unless(result.is_valid && parse(result.reply, reply).is_ok());
    fail_unless(reply.kind == Class::success && reply.transaction == rig::transaction);
    fail_unless(reply.mapped == path.remote && reply.has_fingerprint);
    fail_unless(has_integrity(result.reply, reply, by.password, rig::hmac_sha1));
}

void assert_error(const CheckResult &result, unsigned code, bool is_protected) {
    Message reply;
    fail_unless(!result.is_valid && !result.moved && *result.complaint != '\0');
    fail_unless(parse(result.reply, reply).is_ok() && reply.kind == Class::error);
    fail_unless(reply.error && reply.error->code == code, "%d", int(reply.error->code));
    fail_unless(has_integrity(result.reply, reply, own.password, rig::hmac_sha1) == is_protected);
}

} // namespace

GST_START_TEST(test_selection) {
    Rig rig;
    fail_if(rig.agent.selected().has_value());
    CheckResult result = rig.check(a);
    assert_success(result, a);
    // The first, although nobody has nominated it.
    fail_unless(result.moved && rig.agent.selected() == a && !rig.agent.is_nominated());
    result = rig.check(b);
    assert_success(result, b);
    fail_unless(!result.moved && rig.agent.selected() == a && rig.agent.is_known(b));
    fail_if(rig.agent.is_known(c));
    result = rig.check(b, nominating);
    fail_unless(result.moved && rig.agent.selected() == b && rig.agent.is_nominated());
    fail_if(rig.check(b, nominating).moved);
    // Roaming, here to another socket.
    result = rig.check(c, nominating);
    assert_success(result, c);
    fail_unless(result.moved && rig.agent.selected() == c);
    fail_if(rig.check(a).moved);
}
GST_END_TEST

GST_START_TEST(test_silent_path) {
    // A peer that nominates never, and whose first path dies.
    Rig rig;
    rig.check(a);
    rig.now_ms += IceLite::silent_ms - 1;
    fail_if(rig.check(b).moved);
    rig.now_ms += 1;
    fail_unless(rig.check(b).moved && rig.agent.selected() == b);
    // One that was checked meanwhile stays.
    rig.now_ms += IceLite::silent_ms - 1;
    rig.check(b);
    rig.now_ms += 1;
    fail_if(rig.check(a).moved);
}
GST_END_TEST

GST_START_TEST(test_errors) {
    Rig rig;
    const auto request = [] { return MessageWriter(Class::request, rig::transaction); };
    const std::string username = own.ufrag + ":peer";
    assert_error(rig.feed(request().finish(), a), 400, false);
    assert_error(rig.feed(request().username(username).finish(), a), 400, false);
    assert_error(rig.feed(request().finish(own.password, rig::hmac_sha1), a), 400, false);
    for (const std::string other : {"", "ownufrag", "other:peer", "ownufrags:peer", ":"})
        assert_error(rig.feed(request().username(other).finish(own.password, rig::hmac_sha1), a),
                     401, false);
    assert_error(rig.feed(request().username(username).finish("wrong", rig::hmac_sha1), a), 401,
                 false);
    const CheckResult conflict = rig.feed(
        request().username(username).controlled(0).finish(own.password, rig::hmac_sha1), a);
    assert_error(conflict, 487, true);
    // What is not a request for a binding gets no reply.
    for (const Class kind : {Class::indication, Class::success, Class::error})
        fail_unless(rig.feed(MessageWriter(kind, rig::transaction)
                                 .username(username)
                                 .finish(own.password, rig::hmac_sha1),
                             a)
                        .reply.empty());
    fail_unless(rig.feed(MessageWriter(Class::request, rig::transaction, 3)
                             .username(username)
                             .finish(own.password, rig::hmac_sha1),
                         a)
                    .reply.empty());
    fail_if(rig.agent.selected().has_value() || rig.agent.is_known(a));
    fail_unless(rig.agent.expires_ms() == 1000 + IceLite::consent_ms);
}
GST_END_TEST

GST_START_TEST(test_unknown_attribute) {
    Rig rig;
    // An attribute of type 0x0031 in front of the digest, which is over it.
    auto bytes = MessageWriter(Class::request, rig::transaction).username("ownufrag:p").finish();
    bytes.resize(bytes.size() - 8);
    bytes.insert(bytes.end(), {0, 0x31, 0, 0});
    bytes[3] = static_cast<uint8_t>(bytes.size() - header_size + 24);
    const ByteView view = bytes;
    const std::string &password = own.password;
    const Digest digest = rig::hmac_sha1(
        ByteView(reinterpret_cast<const uint8_t *>(password.data()), password.size()),
        view.first(header_size), view.subspan(header_size));
    bytes.insert(bytes.end(), {0, 8, 0, 20});
    bytes.insert(bytes.end(), digest.begin(), digest.end());
    const CheckResult result = rig.feed(bytes, a);
    assert_error(result, 420, true);
    Message reply;
    fail_unless(parse(result.reply, reply).is_ok() && reply.unknown_there.size() == 1);
    fail_unless(*reply.unknown_there.begin() == 0x31);
}
GST_END_TEST

GST_START_TEST(test_consent) {
    Rig rig;
    fail_if(rig.agent.has_expired(1000 + IceLite::consent_ms - 1));
    fail_unless(rig.agent.has_expired(1000 + IceLite::consent_ms));
    rig.now_ms = 20'000;
    rig.check(a);
    fail_unless(rig.agent.expires_ms() == 50'000);
    rig.agent.on_media(b, 30'000); // not the selected path
    fail_unless(rig.agent.expires_ms() == 50'000);
    rig.agent.on_media(a, 30'000);
    fail_unless(rig.agent.expires_ms() == 60'000);
}
GST_END_TEST

GST_START_TEST(test_restart) {
    Rig rig;
    rig.check(a, nominating);
    const Credentials next{"nextfrag", "the-next-password-of-it"};
    rig.agent.restart({"replaced", "never-used-but-long-enough"}, peer);
    rig.agent.restart(next, {"peer2", "another-password-of-peer"});
    fail_unless(rig.agent.own() == own && rig.agent.pending() == next);
    // The old ones are good until the new ones are seen.
    fail_unless(rig.check(a).is_valid && rig.agent.remote() == peer);
    fail_if(rig.check(b, plain, {next.ufrag, own.password}).is_valid);
    fail_unless(rig.agent.selected() == a);
    const CheckResult result = rig.check(b, plain, next);
    assert_success(result, b, next);
    fail_unless(result.restarted && result.moved && rig.agent.selected() == b);
    fail_unless(!rig.agent.is_nominated() && rig.agent.own() == next && !rig.agent.pending());
    fail_unless(rig.agent.remote().ufrag == "peer2" && !rig.agent.is_known(a));
    fail_if(rig.check(a).is_valid);
    fail_if(rig.check(b, nominating, next).moved);
    fail_unless(rig.agent.is_nominated());
    // On the path that there was: it has not moved.
    rig.agent.restart(own, peer);
    const CheckResult same = rig.check(b);
    fail_unless(same.restarted && !same.moved && !rig.agent.is_nominated());
}
GST_END_TEST

GST_START_TEST(test_many_paths) {
    Rig rig;
    rig.check(a, nominating);
    for (uint16_t port = 2000; port < 2100; ++port) {
        rig.now_ms += 1;
        rig.check({1, rig::address(9, port)});
    }
    fail_unless(rig.agent.is_known(a) && rig.agent.selected() == a);
    fail_unless(rig.agent.is_known({1, rig::address(9, 2099)}));
    fail_unless(rig.agent.is_known({1, rig::address(9, 2100 - IceLite::max_paths + 1)}));
    fail_if(rig.agent.is_known({1, rig::address(9, 2100 - IceLite::max_paths)}));
}
GST_END_TEST

GST_START_TEST(test_credentials) {
    static uint8_t next;
    next = 0;
    const auto random = [](std::span<uint8_t> bytes) {
        for (uint8_t &byte : bytes)
            byte = next++;
    };
    const Credentials made = make_credentials(random);
    fail_unless(made.ufrag == "ABCDEFGH" && made.password == "IJKLMNOPQRSTUVWXYZabcdef");
    fail_unless(are_valid(made) && make_credentials(random) != made);
    const std::string long_enough(22, 'x');
    fail_unless(are_valid({"abc+", long_enough}) && are_valid({"abc/", std::string(256, 'x')}));
    for (const Credentials &bad :
         std::initializer_list<Credentials>{{"abc", long_enough},
                                            {"abc ", long_enough},
                                            {"abc:d", long_enough},
                                            {std::string(257, 'a'), long_enough},
                                            {"abcd", std::string(21, 'x')},
                                            {"abcd", std::string(257, 'x')},
                                            {"", ""}})
        fail_if(are_valid(bad));
    fail_unless(receiver_ufrag("a:b:c") == "a" && receiver_ufrag("a").empty());
}
GST_END_TEST

static Suite *ice_lite_suite() {
    Suite *s = suite_create("ice_lite");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_selection);
    tcase_add_test(tc, test_silent_path);
    tcase_add_test(tc, test_errors);
    tcase_add_test(tc, test_unknown_attribute);
    tcase_add_test(tc, test_consent);
    tcase_add_test(tc, test_restart);
    tcase_add_test(tc, test_many_paths);
    tcase_add_test(tc, test_credentials);
    return s;
}
GST_CHECK_MAIN(ice_lite)
