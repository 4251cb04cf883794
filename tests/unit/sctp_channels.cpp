// SPDX-License-Identifier: LGPL-2.1-or-later
// Data channels between two ends: messages, losses, closing, and the limits of each.
#include "core/sctp/dcep.h"
#include "unit/sctp_rig.hpp"

#include "check.hpp"

#include <malloc.h>

using namespace sctp_test;

GST_START_TEST(test_open_and_talk) {
    Pair pair;
    const uint16_t id = pair.open();
    fail_unless_equals_int(id, 0); // even: the client of DTLS
    fail_unless(pair.server.open.at(id) == "room" && pair.client.open.at(id) == "room");
    fail_unless(pair.client.send(id, "hello") && pair.server.send(id, "welcome"));
    fail_unless(pair.client.send(id, "") && pair.server.channels->send_binary(id, {}, clock_ms()));
    const uint8_t bytes[] = {0, 1, 255};
    fail_unless(pair.server.channels->send_binary(id, bytes, clock_ms()));
    fail_unless(pair.run([&] {
        return pair.server.texts.size() == 2 && pair.client.texts.size() == 1 &&
               pair.client.binaries.size() == 2;
    }));
    fail_unless(pair.server.texts[0] == std::pair(id, std::string("hello")));
    fail_unless(pair.server.texts[1] == std::pair(id, std::string()));
    fail_unless(pair.client.texts[0].second == "welcome");
    fail_unless(pair.client.binaries[0].second.empty());
    fail_unless(pair.client.binaries[1].second == Packet(bytes, bytes + 3));
    fail_if(pair.server.send(4, "nobody has opened it"));

    // A side that has opened a channel takes odd ids as DTLS's server.
    const auto other = pair.server.channels->open("server's", clock_ms());
    fail_unless(other && *other == 1);
    fail_if(pair.server.send(*other, "before it is accepted"));
    fail_unless(pair.run([&] { return pair.server.open.count(1) && pair.client.open.count(1); }));
}
GST_END_TEST;

GST_START_TEST(test_many_messages) {
    Pair pair;
    const uint16_t id = pair.open();
    unsigned sent = 0, answered = 0;
    fail_unless(pair.run(
        [&] {
            while (sent < 1000 && pair.client.send(id, std::to_string(sent)))
                ++sent;
            while (answered < 1000 && pair.server.send(id, std::to_string(answered)))
                ++answered;
            return pair.server.texts.size() == 1000 && pair.client.texts.size() == 1000;
        },
        20'000));
    for (size_t i = 0; i < 1000; ++i) {
        fail_unless(pair.server.texts[i].second == std::to_string(i));
        fail_unless(pair.client.texts[i].second == std::to_string(i));
    }
    // Whoever is told that it has to be called again soon is told so until all is quiet.
    fail_unless(pair.run([&] {
        return !pair.client.channels->check(clock_ms()) && !pair.server.channels->check(clock_ms());
    }));
    pair.client.sent.clear();
    clock_ms() += 60'000;
    fail_if(pair.client.channels->check(clock_ms()));
    fail_unless(pair.client.sent.empty()); // an idle association sends nothing
}
GST_END_TEST;

GST_START_TEST(test_losses) {
    Pair pair;
    unsigned seed = 7;
    pair.is_lost = [&] { return (seed = seed * 1103515245 + 12345) >> 16 & 1 && seed >> 17 & 1; };
    const uint16_t id = pair.open();
    fail_unless_equals_int(id, 0);
    const std::string large(sctp::max_message, 'x');
    for (int i = 0; i < 10; ++i) {
        fail_unless(pair.client.send(id, std::to_string(i)));
        fail_unless(pair.server.send(id, large));
    }
    fail_unless(pair.run([&] { return pair.server.texts.size() == 10; }, 60'000));
    fail_unless(pair.run([&] { return pair.client.texts.size() == 10; }, 600'000), "%zu %s",
                pair.client.texts.size(), pair.server.reason.c_str());
    for (int i = 0; i < 10; ++i) {
        fail_unless(pair.server.texts[size_t(i)].second == std::to_string(i));
        fail_unless(pair.client.texts[size_t(i)].second == large);
    }
    fail_unless(pair.server.largest <= pair.server.options.max_packet, "%zu", pair.server.largest);
    fail_unless(pair.server.largest > pair.server.options.max_packet - 8, "%zu",
                pair.server.largest);
}
GST_END_TEST;

GST_START_TEST(test_close_and_reuse) {
    Pair pair;
    for (unsigned i = 1; i <= 50; ++i) {
        const uint16_t id = pair.open("again " + std::to_string(i));
        fail_unless_equals_int(id, 0);
        // What was sent before still arrives.
        fail_unless(pair.client.send(id, "last words"));
        End &closer = i % 2 ? pair.client : pair.server;
        closer.channels->close_channel(id, clock_ms());
        fail_if(closer.send(id, "too late"));
        End &other = i % 2 ? pair.server : pair.client;
        fail_unless(pair.run([&] { return other.closed == (i + 1) / 2 || other.closed == i / 2; }));
        fail_unless(pair.run([&] {
            return !pair.client.channels->check(clock_ms()) &&
                   !pair.server.channels->check(clock_ms());
        }));
        closer.open.erase(id);
        if (i % 2) fail_unless_equals_int(int(pair.server.texts.size()), int(i));
        pair.server.texts.resize(i);
    }
    fail_unless_equals_int(int(pair.server.opened), 50);
    fail_unless_equals_int(int(pair.server.ended + pair.client.ended), 0);
}
GST_END_TEST;

GST_START_TEST(test_limits) {
    Pair pair;
    std::vector<uint16_t> ids;
    for (size_t i = 0; i < sctp::max_channels; ++i)
        ids.push_back(pair.open(std::string(sctp::max_label, 'l')));
    fail_unless_equals_int(ids.back(), 30);
    fail_if(pair.client.channels->open("one more", clock_ms()));
    fail_if(pair.client.send(0, std::string(sctp::max_message + 1, 'x')));
    pair.client.channels->close_channel(0, clock_ms());
    fail_if(pair.client.channels->open(std::string(sctp::max_label + 1, 'l'), clock_ms()));

    // What the other side may be sent.
    End small({.remote_max_message = 10});
    fail_if(small.send(0, "0123456789"));
}
GST_END_TEST;

GST_START_TEST(test_full_queue) {
    Pair pair;
    const uint16_t id = pair.open();
    pair.is_lost = [] { return true; };
    const size_t before = mallinfo2().uordblks;
    const std::string large(sctp::max_message, 'x');
    size_t queued = 0;
    while (pair.server.send(id, large)) {
        pair.server.sent.clear();
        fail_unless(++queued <= sctp::max_queued / sctp::max_message);
    }
    fail_unless(queued >= 14, "%zu", queued);
    const size_t used = mallinfo2().uordblks - before;
    fail_unless(used < 2 * sctp::max_queued, "%zu", used);

    // Small ones are counted.
    End &other = pair.client;
    size_t small = 0;
    while (other.send(id, "ok") && small <= 2 * sctp::max_queued_messages) {
        other.sent.clear();
        ++small;
    }
    fail_unless(small >= sctp::max_queued_messages && small <= sctp::max_queued_messages + 16,
                "%zu", small);
    const size_t both = mallinfo2().uordblks - before - used;
    fail_unless(both < 2 * sctp::max_queued, "%zu", both);

    // It goes on when the network does.
    pair.is_lost = [] { return false; };
    fail_unless(pair.run([&] { return pair.client.texts.size() == queued; }, 60'000));
    fail_unless(pair.run([&] { return pair.server.texts.size() == small; }, 60'000));
    fail_unless(pair.server.send(id, "more"));
}
GST_END_TEST;

GST_START_TEST(test_end) {
    Pair pair;
    const uint16_t id = pair.open();
    pair.client.channels->close(clock_ms());
    pair.run([&] { return pair.server.ended > 0; });
    fail_unless_equals_int(int(pair.server.ended), 1);
    fail_unless_equals_int(int(pair.server.closed), 1);
    fail_unless(pair.client.ended == 0 && pair.client.closed == 0);
    fail_unless(pair.server.reason.find("aborted") != std::string::npos, "%s",
                pair.server.reason.c_str());
    fail_if(pair.server.send(id, "nobody") || pair.client.send(id, "nobody"));
    fail_if(pair.server.channels->check(clock_ms()));

    // A peer that answers no more.
    Pair silent;
    fail_unless_equals_int(silent.open(), 0);
    silent.is_lost = [] { return true; };
    fail_unless(silent.server.send(0, "hello?"));
    fail_unless(silent.run([&] { return silent.server.ended == 1; }, 120'000));
    // One that never does.
    Pair absent;
    absent.is_lost = [] { return true; };
    fail_unless(absent.run([&] { return absent.server.ended == 1; }, 120'000));
    fail_unless(absent.server.reason.find("does not begin") != std::string::npos, "%s",
                absent.server.reason.c_str());
}
GST_END_TEST;

GST_START_TEST(test_end_within_a_call) {
    Pair pair;
    const uint16_t id = pair.open();
    for (int i = 0; i < 3; ++i)
        fail_unless(pair.client.send(id, "text " + std::to_string(i)));
    pair.server.on_each_text = [&](uint16_t) { pair.server.channels->close(clock_ms()); };
    fail_unless(pair.run([&] { return pair.client.ended == 1; }));
    fail_unless_equals_int(int(pair.server.texts.size()), 1);
    fail_unless(pair.server.texts[0].second == "text 0");
    // An answer in a call.
    Pair echo;
    fail_unless_equals_int(echo.open(), 0);
    echo.server.on_each_text = [&](uint16_t to) {
        echo.server.send(to, echo.server.texts.back().second);
    };
    fail_unless(echo.client.send(0, "echo"));
    fail_unless(echo.run([&] { return !echo.client.texts.empty(); }));
}
GST_END_TEST;

/// Many at once keep apart, and give back what they take.
GST_START_TEST(test_many_associations) {
    size_t before = 0;
    for (int round = 0; round < 3; ++round) {
        std::vector<std::unique_ptr<Pair>> pairs;
        for (int i = 0; i < 50; ++i)
            pairs.push_back(std::make_unique<Pair>());
        for (auto &pair : pairs)
            fail_unless_equals_int(pair->open(), 0);
        for (size_t i = 0; i < pairs.size(); ++i)
            fail_unless(pairs[i]->client.send(0, std::to_string(i)));
        for (size_t i = 0; i < pairs.size(); ++i) {
            auto &texts = pairs[i]->server.texts;
            fail_unless(pairs[i]->run([&] { return !texts.empty(); }));
            fail_unless(texts.size() == 1 && texts[0].second == std::to_string(i));
        }
        const size_t with = mallinfo2().uordblks;
        pairs.clear();
        clock_ms() += 100'000;
        Pair last;
        last.step();
        const size_t after = mallinfo2().uordblks;
        const size_t each = (with - after) / 100;
        printf("an idle association takes %zu bytes\n", each);
        fail_unless(each < 40'000, "%zu", each);
        if (round > 1) fail_unless(after < before + 20'000, "%zu, %zu", after, before);
        before = after;
    }
}
GST_END_TEST;

static Suite *sctp_channels_suite(void) {
    Suite *suite = suite_create("sctp_channels");
    TCase *tcase = tcase_create("sctp_channels");
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, test_open_and_talk);
    tcase_add_test(tcase, test_many_messages);
    tcase_add_test(tcase, test_losses);
    tcase_add_test(tcase, test_close_and_reuse);
    tcase_add_test(tcase, test_limits);
    tcase_add_test(tcase, test_full_queue);
    tcase_add_test(tcase, test_end);
    tcase_add_test(tcase, test_end_within_a_call);
    tcase_add_test(tcase, test_many_associations);
    return suite;
}
GST_CHECK_MAIN(sctp_channels)
