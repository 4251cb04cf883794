// SPDX-License-Identifier: LGPL-2.1-or-later
// DTLS between sessions that offer other profiles of SRTP than all.
#include "unit/dtls_rig.hpp"

#include "check.hpp"

using namespace dtls_test;
using State = Session::State;

GST_START_TEST(test_profiles) {
    using srtp::Profile;
    for (const Profile one :
         {Profile::aes128_cm_sha1_80, Profile::aead_aes_128_gcm, Profile::aead_aes_256_gcm}) {
        auto server = options_of(Role::server), client = options_of(Role::client);
        client.profiles = {one};
        if (one == Profile::aead_aes_256_gcm) server.profiles = {Profile::aead_aes_128_gcm, one};
        Pair pair(server, client);
        pair.run();
        fail_unless(pair.connected(), "%s", pair.client.session->reason().c_str());
        fail_unless(pair.server.session->keys()->profile == one);
        fail_unless(pair.server.session->keys()->ours == pair.client.session->keys()->theirs);
    }
    // The server's order decides.
    auto server = options_of(Role::server), client = options_of(Role::client);
    client.profiles = {Profile::aes128_cm_sha1_80, Profile::aead_aes_128_gcm};
    Pair pair(server, client);
    pair.run();
    fail_unless(pair.server.session->keys()->profile == Profile::aead_aes_128_gcm);
    // Without a common one there is no connection.
    server.profiles = {Profile::aead_aes_256_gcm};
    Pair apart(server, client);
    apart.run();
    fail_unless(apart.server.is(State::failed));
}
GST_END_TEST

static Suite *dtls_profiles_suite() {
    Suite *suite = suite_create("dtls_profiles");
    TCase *tests = tcase_create("dtls_profiles");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_profiles);
    return suite;
}
GST_CHECK_MAIN(dtls_profiles)
