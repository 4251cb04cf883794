// SPDX-License-Identifier: LGPL-2.1-or-later
// Who may come into a room: the keys of a rule and of hosts, rooms that open when somebody comes,
// and paths that an authorizer gives.
#include "core/net/stream/path_rules.h"
#include "core/net/stream/peer.h"
#include "unit/room_rig.hpp"

using namespace room_test;

namespace {

/// A rule for one path, as a description has it.
struct Rule {
    Rule(net::RtcServer &server, const std::string &path, const std::string &key) {
        net::LeaseOptions options;
        options.matches = [path](std::string_view asked) { return asked == path; };
        options.on_publish = [this](const net::PublishAttempt &attempt) {
            ++asked;
            if (start) start(attempt.path);
        };
        options.publish_key = key;
        options.example = "room/NAME/join";
        lease = server.rules().add(std::move(options), nullptr);
    }
    std::atomic<unsigned> asked{0};
    std::function<void(const std::string &path)> start; ///< on a network loop
    std::unique_ptr<net::PathLease> lease;
};

/// Gives another path.
struct Renames final : net::PeerWatch {
    bool authorize(const net::PeerInfo &peer, net::Answer answer) override {
        if (peer.path != "room/secret/join") return false;
        net::Verdict verdict(true);
        verdict.path = path;
        answer(verdict);
        return true;
    }
    std::string path;
};

std::string bearer(const std::string &token) {
    return "Authorization: Bearer " + token + "\r\n";
}

} // namespace

GST_START_TEST(test_keys) {
    Site site({.host_key = "sesame"});
    Rule rule(*site.server, "room/standup/join", "letmein");
    Loop loop;
    const auto refused = [&](const std::string &name, const std::string &headers) {
        Participant one(loop, site.port(), {.name = name, .headers = headers});
        fail_unless_equals_int(one.post(), 401);
        fail_unless(one.refusal.find("key") != std::string::npos);
    };
    refused("Eve", "");
    refused("Eve&key=", "");
    refused("Eve&key=letmei", "");
    refused("Eve&key=Letmein", bearer("letmeinn"));
    fail_unless_equals_int(rule.asked, 0);
    const auto joins = [&](const std::string &name, const std::string &headers, const char *role) {
        Participant one(loop, site.port(), {.name = name, .headers = headers});
        one.join();
        fail_unless(one.find("welcome")->at("role") == role);
    };
    joins("Ann&key=letmein", "", "speaker");
    joins("Ann", bearer("letmein"), "speaker");
    joins("Ann&key=x", bearer("letmein"), "speaker");
    // The host's key is as good, and goes with the rule's, in either place.
    joins("Host", bearer("sesame"), "host");
    joins("Host&key=letmein", bearer("sesame"), "host");
    joins("Host&key=sesame", bearer("letmein"), "host");
    // The rule is told of each, since others than its pipeline may hold the room open.
    fail_unless_equals_int(rule.asked, 6);
}
GST_END_TEST

GST_START_TEST(test_room_opens) {
    Site site;
    Tap tap;
    std::unique_ptr<net::RoomClaim> claim;
    Rule rule(*site.server, "room/late/join", "letmein");
    rule.start = [&](const std::string &path) {
        std::string error;
        if (!claim) claim = site.server->room(path, tap, {.host_key = "sesame"}, &error);
    };
    Loop loop;
    // A host's key opens nothing: there is no room yet that has it.
    for (const char *key : {"", "&key=sesame"}) {
        Participant eve(loop, site.port(), {.name = std::string("Eve") + key});
        fail_unless_equals_int(eve.post("/room/late/join"), 401);
    }
    fail_unless(!claim && !site.server->is_room_wanted("room/late/join"));
    Participant ann(loop, site.port(), {.name = "Ann&key=letmein", .headers = bearer("sesame")});
    ann.join("/room/late/join");
    fail_unless(ann.find("welcome")->at("role") == "host");
    fail_unless(ann.find("welcome")->at("room") == "late");
    fail_unless_equals_int(claim->stats().participants, 1);
    ann.leave();
    ann.wait([&] { return claim->stats().participants == 0; });
}
GST_END_TEST

GST_START_TEST(test_given_path) {
    Site site;
    const Rule rule(*site.server, "room/secret/join", "");
    const Rule locked(*site.server, "room/locked/join", "letmein");
    const auto watch = std::make_shared<Renames>();
    site.server->rules().add_watch(watch);
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann"}), bob(loop, site.port(), {.name = "Bob"});
    watch->path = "room/standup/join";
    ann.join("/room/secret/join");
    fail_unless(ann.find("welcome")->at("room") == "standup");
    bob.join();
    fail_unless_equals_int(bob.find("welcome")->at("roster").size(), 2);
    // What ends it is where it asked.
    fail_unless(ann.location.find("/room/secret/join/") != std::string::npos);
    ann.leave();
    bob.wait([&] { return bob.find("left") != nullptr; });
    for (const auto &[path, status] : {std::pair{"live/cam", 500},
                                       {"../room/x/join", 500},
                                       {"room/none/join", 404},
                                       {"room/locked/join", 401}}) {
        watch->path = path;
        Participant cleo(loop, site.port(), {.name = "Cleo"});
        fail_unless_equals_int(cleo.post("/room/secret/join"), status);
    }
    fail_unless_equals_int(rule.asked, 0);
}
GST_END_TEST

GST_START_TEST(test_refusals_say_where) {
    Site site;
    const Rule rule(*site.server, "room/other/join", "");
    Loop loop;
    Participant ann(loop, site.port(), {.name = "Ann"});
    fail_unless_equals_int(ann.post("/room/nobody/join"), 404);
    fail_unless(ann.refusal.find("There is no room at /room/nobody/join.\nJoin\n  http://") !=
                    std::string::npos,
                "%s", ann.refusal.c_str());
    fail_unless(ann.refusal.find("/room/NAME/join") != std::string::npos);
}
GST_END_TEST

static Suite *net_room_admission_suite() {
    Suite *s = suite_create("net_room_admission");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_keys);
    tcase_add_test(tc, test_room_opens);
    tcase_add_test(tc, test_given_path);
    tcase_add_test(tc, test_refusals_say_where);
    return s;
}
GST_CHECK_MAIN(net_room_admission)
