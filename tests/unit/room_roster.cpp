// SPDX-License-Identifier: LGPL-2.1-or-later
// What participants of a room are told: roster, roles, mutes, chat, speakers; and what hostile ones
// can't do.
#include "core/rtc/room/room.h"

#include <set>

#include <nlohmann/json.hpp>

#include "check.hpp"

using namespace penstock::rtc::room;
using nlohmann::json;

namespace {

constexpr std::array<bool, source_kinds> all{true, true, true};
constexpr int64_t second = 1'000'000'000;

/// A room and what each participant was told last, of each type.
struct Rig {
    explicit Rig(Room::Options options = {.name = "standup"}) : room(options) {}
    uint32_t join(const std::string &name, bool host = false) {
        const uint32_t out = room.join(name, host, all);
        run();
        room.welcome(out);
        run();
        return out;
    }
    void say(uint32_t who, const json &message) {
        room.take_text(who, message.dump(), now, 1'000);
        run();
        room.tick();
        run();
    }
    unsigned told_to(uint32_t who, const char *type) { return count[{who, type}]; }
    void run() {
        Room::Actions actions = room.take();
        for (const auto &text : actions.texts)
            for (const uint32_t to : text.to) {
                const json message = json::parse(*text.text);
                told[to][message.at("type")] = message;
                ++count[{to, message.at("type")}];
            }
        for (const auto &[who, why] : actions.removed)
            removed[who] = why;
        scene = scene || actions.scene_changed;
    }
    Room room;
    int64_t now = second;
    bool scene = false;
    std::map<uint32_t, std::map<std::string, json>> told;
    std::map<std::pair<uint32_t, std::string>, unsigned> count;
    std::map<uint32_t, std::string> removed;
};

} // namespace

GST_START_TEST(test_coming_and_going) {
    Rig rig;
    const uint32_t ann = rig.join("Ann"), bob = rig.join("  B\x01ob\xFF ");
    const json &welcome = rig.told[bob]["welcome"];
    fail_unless(welcome.at("you") == "p2" && welcome.at("role") == "speaker");
    fail_unless(welcome.at("roster").size() == 2 && welcome.at("room") == "standup");
    fail_unless(welcome.at("roster")[0].at("role") == "host"); // the first one
    fail_unless(rig.told[ann]["joined"].at("who").at("name") == "B ob\xEF\xBF\xBD");
    rig.say(bob, {{"type", "name"}, {"name", "Robert"}});
    fail_unless(rig.told[ann]["changed"].at("who").at("name") == "Robert");
    rig.room.leave(bob);
    rig.run();
    fail_unless(rig.told[ann]["left"].at("id") == "p2" && rig.scene);
    fail_unless(rig.join("") == 3);
    fail_unless(rig.told[ann]["joined"].at("who").at("name") == "Guest 3");
}
GST_END_TEST

GST_START_TEST(test_states) {
    Rig rig;
    const uint32_t ann = rig.join("Ann"), bob = rig.join("Bob");
    fail_unless(!rig.room.forwards(bob, SourceKind::camera));
    rig.room.set_flowing(bob, SourceKind::camera, true); // it has said nothing
    fail_unless(rig.room.forwards(bob, SourceKind::camera));
    rig.say(bob, {{"type", "state"}, {"audio", true}, {"video", false}, {"x", 1}});
    fail_unless(!rig.room.forwards(bob, SourceKind::camera));
    fail_unless(rig.room.forwards(bob, SourceKind::microphone));
    fail_unless(rig.told[ann]["changed"].at("who").at("audio") == true);
    rig.room.set_flowing(bob, SourceKind::camera, true); // it has said that there is none
    fail_unless(!rig.room.forwards(bob, SourceKind::camera));
    // A kind that it did not offer can't be switched on.
    const uint32_t cleo = rig.room.join("Cleo", false, {true, false, false});
    rig.say(cleo, {{"type", "state"}, {"audio", true}, {"video", true}});
    fail_unless(!rig.room.forwards(cleo, SourceKind::camera));
}
GST_END_TEST

GST_START_TEST(test_hosts) {
    Rig rig({.name = "x", .default_role = Role::listener, .first_is_host = false});
    const uint32_t ann = rig.join("Ann", true), bob = rig.join("Bob");
    rig.say(bob, {{"type", "state"}, {"audio", true}});
    fail_unless(!rig.room.forwards(bob, SourceKind::microphone)); // it listens
    // Bob can't promote himself, mute or remove.
    for (const json &message : {json{{"type", "role"}, {"id", "p2"}, {"role", "host"}},
                                json{{"type", "mute"}, {"id", "p1"}, {"kind", "audio"}},
                                json{{"type", "remove"}, {"id", "p1"}}})
        rig.say(bob, message);
    fail_unless(rig.removed.empty() && rig.told_to(ann, "mute") == 0);
    fail_unless(rig.told[bob]["error"].at("text") == "Only a host may do that.");
    rig.say(ann, {{"type", "role"}, {"id", "p2"}, {"role", "speaker"}});
    fail_unless(rig.room.forwards(bob, SourceKind::microphone));
    rig.say(ann, {{"type", "mute"}, {"id", "p2"}, {"kind", "audio"}});
    fail_unless(rig.told[bob]["mute"].at("by") == "p1");
    fail_unless(!rig.room.forwards(bob, SourceKind::microphone));
    rig.say(bob, {{"type", "state"}, {"audio", false}});
    rig.say(bob, {{"type", "state"}, {"audio", true}}); // unmutes itself
    fail_unless(rig.room.forwards(bob, SourceKind::microphone));
    rig.say(ann, {{"type", "remove"}, {"id", "p9"}});
    rig.say(ann, {{"type", "remove"}, {"id", "p2"}});
    fail_unless(rig.removed.size() == 1 && rig.removed.contains(bob));
    fail_unless(rig.told[bob]["removed"].at("by") == "p1");
}
GST_END_TEST

// All know whether a mix or a recording is made of what they send.
GST_START_TEST(test_tapped) {
    Rig rig;
    const uint32_t ann = rig.join("Ann");
    fail_unless(rig.told[ann]["welcome"].at("tapped") == false);
    for (const bool on : {true, true, false}) {
        rig.room.set_tapped(on);
        rig.run();
        fail_unless(rig.told[ann]["tapped"].at("on") == on);
        fail_unless(rig.told[rig.join("Bob")]["welcome"].at("tapped") == on);
    }
    fail_unless_equals_int(rig.told_to(ann, "tapped"), 2);
}
GST_END_TEST

GST_START_TEST(test_last_host_leaves) {
    Rig rig;
    const uint32_t ann = rig.join("Ann"), bob = rig.join("Bob"), cleo = rig.join("Cleo"),
                   dan = rig.join("Dan");
    const auto leave = [&](uint32_t who) {
        rig.room.leave(who);
        rig.room.tick();
        rig.run();
    };
    rig.say(ann, {{"type", "role"}, {"id", "p2"}, {"role", "listener"}});
    rig.say(ann, {{"type", "role"}, {"id", "p4"}, {"role", "host"}});
    const unsigned changes = rig.told_to(bob, "changed");
    leave(ann); // Dan is there
    fail_unless_equals_int(rig.told_to(bob, "changed"), changes);
    leave(dan);
    const json &heir = rig.told[bob]["changed"].at("who"); // Bob only listens
    fail_unless(heir.at("id") == "p3" && heir.at("role") == "host");
    rig.say(cleo, {{"type", "role"}, {"id", "p2"}, {"role", "speaker"}});
    fail_unless(rig.told[bob]["changed"].at("who").at("role") == "speaker");
    leave(cleo);
    fail_unless(rig.told[bob]["changed"].at("who").at("role") == "host");
    // With listeners alone there is no host until somebody comes, as who was host before.
    Rig talk({.name = "x", .default_role = Role::listener});
    const uint32_t speaker = talk.join("Ann"), audience = talk.join("Bob");
    talk.room.leave(speaker);
    talk.room.tick();
    talk.run();
    fail_unless_equals_int(talk.told_to(audience, "changed"), 0);
    fail_unless(talk.told[talk.join("Ann")]["welcome"].at("role") == "host");
    fail_unless(talk.told[talk.join("Cleo")]["welcome"].at("role") == "listener");
    // With a host key only that makes hosts.
    Rig keyed({.name = "x", .first_is_host = false});
    const uint32_t host = keyed.join("Ann", true), guest = keyed.join("Bob");
    keyed.room.leave(host);
    keyed.room.tick();
    keyed.run();
    fail_unless_equals_int(keyed.told_to(guest, "changed"), 0);
}
GST_END_TEST

GST_START_TEST(test_chat) {
    Rig rig;
    const uint32_t ann = rig.join("Ann"), bob = rig.join("Bob");
    for (int i = 0; i < 60; ++i) {
        rig.now += 2 * second;
        rig.say(ann, {{"type", "chat"}, {"text", "line " + std::to_string(i)}});
    }
    fail_unless(rig.told[bob]["chat"].at("text") == "line 59");
    fail_unless(rig.told[bob]["chat"].at("from") == "p1" && rig.told[bob]["chat"].at("at") == 1000);
    const uint32_t cleo = rig.join("Cleo");
    fail_unless_equals_int(rig.told[cleo]["welcome"].at("chat").size(), 50);
    fail_unless(rig.told[cleo]["welcome"].at("chat")[0].at("text") == "line 10");
    // Empty, and long: cut between characters.
    const unsigned before = rig.told_to(bob, "chat");
    rig.now += 10 * second;
    rig.say(ann, {{"type", "chat"}, {"text", " \n "}});
    fail_unless_equals_int(rig.told_to(bob, "chat"), before);
    std::string umlauts = "x";
    for (int i = 0; i < 900; ++i)
        umlauts += "\xC3\xBC";
    rig.say(ann, {{"type", "chat"}, {"text", umlauts}});
    fail_unless_equals_int(rig.told[bob]["chat"].at("text").get<std::string>().size(), 999);
}
GST_END_TEST

GST_START_TEST(test_welcome_fits) {
    Rig rig;
    const uint32_t ann = rig.join("Ann");
    // Each character takes two bytes as JSON.
    for (int i = 0; i < 50; ++i) {
        rig.now += 2 * second;
        rig.say(ann, {{"type", "chat"}, {"text", std::string(990, '"') + std::to_string(i)}});
    }
    while (rig.room.size() < Room::max_participants)
        rig.room.join(std::string(max_name, '\\'), false, all);
    rig.room.take();
    const auto welcome = [&](size_t most) {
        rig.room.welcome(ann, most);
        const auto texts = rig.room.take().texts;
        fail_unless(!texts.empty());
        return *texts.front().text;
    };
    const std::string whole = welcome(0);
    fail_unless(whole.size() <= max_text, "%u bytes", unsigned(whole.size()));
    const json all_of = json::parse(whole);
    fail_unless_equals_int(all_of.at("roster").size(), 100);
    fail_unless(all_of.at("chat").size() > 5 && all_of.at("chat").size() < 50);
    // Some take less, also when they are told anew later: the newest lines, or none.
    const std::string cut = welcome(whole.size() - 1);
    fail_unless(cut.size() < whole.size());
    fail_unless_equals_int(json::parse(cut).at("chat").size(), all_of.at("chat").size() - 1);
    fail_unless(json::parse(cut).at("chat").back() == all_of.at("chat").back());
    fail_unless(welcome(0) == cut);
    fail_unless(json::parse(welcome(1)).at("chat").empty());
}
GST_END_TEST

GST_START_TEST(test_too_many_views) {
    Rig rig;
    const uint32_t ann = rig.join("Ann");
    unsigned taken = 0;
    for (int i = 0; i < 1'000; ++i)
        taken += rig.room.take_text(ann, "{\"type\":\"view\"}", rig.now, 0).has_value();
    fail_unless_equals_int(taken, 50);
}
GST_END_TEST

GST_START_TEST(test_hostile) {
    Rig rig;
    const uint32_t ann = rig.join("Ann"), bob = rig.join("Bob");
    const unsigned texts = rig.told_to(ann, "changed");
    for (const char *text :
         {"", "{", "[]", "null", "{\"type\":1}", "{\"type\":\"chat\",\"text\":{}}",
          "{\"type\":\"view\",\"slots\":[1],\"pinned\":{}}", "{\"type\":\"mute\",\"id\":\"p1\"}",
          "{\"type\":\"role\",\"id\":\"p1\",\"role\":\"king\"}", "{\"type\":\"name\"}",
          "{\"type\":\"chat\",\"text\":\"\xFF\"}",
          "{\"type\":\"remove\",\"id\":\"p99999999999999999999\"}"}) {
        rig.now += second;
        rig.room.take_text(bob, text, rig.now, 0);
        rig.run();
    }
    rig.room.take_text(bob, std::string(4000, '['), rig.now, 0);
    rig.room.take_text(bob, std::string(max_message + 1, ' ') + "{\"type\":\"chat\"}", rig.now, 0);
    rig.room.take_text(77, "{}", rig.now, 0);
    rig.run();
    fail_unless_equals_int(rig.told_to(ann, "changed"), texts);
    fail_unless_equals_int(rig.told_to(ann, "chat"), 0);
    // 10,000 chats in a second: some, a complaint or two, and in the end it is removed.
    for (int i = 0; i < 10'000; ++i) {
        rig.now += second / 10'000;
        rig.room.take_text(bob, "{\"type\":\"chat\",\"text\":\"spam\"}", rig.now, 0);
        rig.run();
    }
    fail_unless(rig.told_to(ann, "chat") <= 7 && rig.told_to(ann, "chat") >= 5);
    fail_unless(rig.told_to(bob, "error") <= 4);
    fail_unless(rig.removed[bob] == "it sends too many messages");
    fail_unless(!rig.removed.contains(ann));
    // 100, and no more.
    while (rig.room.join("Bot", false, all) != 0)
        rig.room.take();
    fail_unless_equals_int(rig.room.size(), 100);
}
GST_END_TEST

GST_START_TEST(test_speakers) {
    Rig rig;
    std::vector<uint32_t> people;
    for (const char *name : {"Ann", "Bob", "Cleo"}) {
        people.push_back(rig.join(name));
        rig.say(people.back(), {{"type", "state"}, {"audio", true}});
    }
    const auto hear = [&](std::array<unsigned, 3> levels, int times) {
        for (int i = 0; i < times; ++i) {
            rig.now += second / 10;
            for (size_t p = 0; p < people.size(); ++p)
                rig.room.hear(people[p], {5, 5, 5 * levels[p]}, rig.now);
            rig.room.tick();
            rig.run();
        }
    };
    hear({80, 80, 80}, 5);
    fail_unless_equals_int(rig.told_to(people[0], "speakers"), 0);
    hear({80, 20, 80}, 10);
    fail_unless(rig.told[people[0]]["speakers"].at("ids") == json({"p2"}));
    hear({80, 20, 10}, 10);
    fail_unless(rig.told[people[0]]["speakers"].at("ids") == json({"p3", "p2"}));
    fail_unless(rig.room.turn_of(people[2]) > rig.room.turn_of(people[1]));
    // A pause within a sentence changes nothing, silence does.
    const unsigned before = rig.told_to(people[0], "speakers");
    hear({80, 80, 10}, 8);
    fail_unless_equals_int(rig.told_to(people[0], "speakers"), before);
    hear({80, 80, 80}, 25);
    fail_unless(rig.told[people[0]]["speakers"].at("ids").empty());
    // Who is muted does not speak, however loud.
    rig.say(people[0], {{"type", "state"}, {"audio", false}});
    hear({0, 80, 80}, 10);
    fail_unless(rig.told[people[1]]["speakers"].at("ids").empty());
}
GST_END_TEST

static Suite *room_roster_suite() {
    Suite *s = suite_create("room_roster");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_coming_and_going);
    tcase_add_test(tc, test_states);
    tcase_add_test(tc, test_hosts);
    tcase_add_test(tc, test_last_host_leaves);
    tcase_add_test(tc, test_tapped);
    tcase_add_test(tc, test_chat);
    tcase_add_test(tc, test_welcome_fits);
    tcase_add_test(tc, test_too_many_views);
    tcase_add_test(tc, test_hostile);
    tcase_add_test(tc, test_speakers);
    return s;
}
GST_CHECK_MAIN(room_roster)
