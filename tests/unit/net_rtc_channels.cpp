// SPDX-License-Identifier: LGPL-2.1-or-later
// Data channels at the WebRTC server on loopback: many clients on all loops, their end, and peers
// that misbehave beside a stream that goes on.
#include "unit/rtc_channels_rig.hpp"

#include <random>

#include <malloc.h>

using namespace rtc_server_test;

namespace {

/// A server of data channels at the UDP port of one that has a stream, with a viewer.
struct Place {
    Place() {
        std::string error;
        channels = ChannelServer::open({"127.0.0.1", 0}, server->udp_address(), &error);
        fail_unless(channels != nullptr, "%s", error.c_str());
    }
    uint16_t port() const { return channels->port(); }
    ChannelEvents &events() { return channels->events(); }

    const std::shared_ptr<net::RtcServer> server = open_server();
    Stream stream{*server};
    Bystander viewer{*server, stream};
    std::unique_ptr<ChannelServer> channels;
};

/// An INIT of random tags.
std::vector<uint8_t> init(std::minstd_rand &random) {
    Writer out;
    out.u16(5000).u16(5000).u32(0).u32(0);
    out.u8(1).u8(0).u16(20).u32(1 + random()).u32(1 << 20).u16(1024).u16(1024).u32(random());
    return out.take();
}

size_t used() {
    return mallinfo2().uordblks;
}

} // namespace

GST_START_TEST(test_talk) {
    Place place;
    ChannelClient client(place.port());
    const uint16_t id = client.open("room");
    fail_unless(place.events().has("open 0 room"));
    for (int i = 0; i < 100; ++i)
        fail_unless(client.send(id, std::to_string(i)));
    fail_unless(client.send(id, std::string(sctp::max_message, 'x')));
    fail_unless(client.until([&] { return client.texts.size() == 101; }));
    for (int i = 0; i < 100; ++i)
        fail_unless(client.texts[size_t(i)] == std::to_string(i));
    fail_unless(client.texts.back().size() == sctp::max_message);
    client.close(id);
    fail_unless(client.until([&] { return place.events().has("closed 0"); }));
    const uint16_t again = client.open("again"); // the first may not be free yet
    fail_unless(client.send(again, "again"));
    fail_unless(client.until([&] { return client.texts.back() == "again"; }));
    // The session ends by DELETE, the association with it.
    fail_unless_equals_int(request(place.port(), "DELETE", client.location).status, 200);
    fail_unless(client.until([&] { return !client.reason.empty() && client.ended; }));
    fail_unless(client.until([&] { return place.events().ended == 1; }));
    place.viewer.goes_on();
}
GST_END_TEST

GST_START_TEST(test_unreliable) {
    Place place;
    RawClient client(place.port());
    using Kind = sctp::Reliability::Kind;
    uint16_t id = 0;
    for (const Kind kind : {Kind::reliable, Kind::retransmissions, Kind::lifetime})
        for (const bool is_ordered : {true, false}) {
            const sctp::Open open{.reliability = {kind, 100, is_ordered}, .label = "fast"};
            const unsigned before = client.messages;
            fail_unless(client.send(id, sctp::Ppid::control, sctp::write(open)));
            fail_unless(client.until([&] { return client.messages == before + 1; }));
            fail_unless(client.send(id, sctp::Ppid::text, picture(true, 1, 3000)));
            fail_unless(client.until([&] { return client.messages == before + 2; }));
            fail_unless(client.last_ppid == sctp::Ppid::text);
            ++id;
        }
    fail_unless_equals_int(place.events().refused, 0);
}
GST_END_TEST

/// On all loops at once, with ends in every state.
GST_START_TEST(test_many) {
    Place place;
    for (int round = 0; round < 4; ++round) {
        std::vector<std::unique_ptr<ChannelClient>> all;
        for (int i = 0; i < 16; ++i)
            all.push_back(std::make_unique<ChannelClient>(place.port()));
        // Every fourth leaves in the handshake of its association, and another with its texts under
        // way.
        for (size_t i = 0; i < all.size(); i += 4)
            all[i].reset();
        for (size_t i = 0; i < all.size(); ++i)
            for (int n = 0; all[i] && n < 50; ++n) {
                if (n == 0) fail_unless_equals_int(all[i]->open(), 0);
                fail_unless(all[i]->send(0, std::to_string(int(i) * 1000 + n)));
            }
        for (size_t i = 1; i < all.size(); i += 4)
            all[i].reset();
        for (size_t i = 0; i < all.size(); ++i) {
            if (!all[i]) continue;
            fail_unless(all[i]->until([&] { return all[i]->texts.size() == 50; }));
            fail_unless(all[i]->texts.back() == std::to_string(i * 1000 + 49));
            if (i % 4 == 2) all[i]->channels->close(steady_ms());
            if (i % 4 == 3) request(place.port(), "DELETE", all[i]->location);
        }
        place.viewer.goes_on();
    }
}
GST_END_TEST

GST_START_TEST(test_flood_of_inits) {
    Place place;
    std::minstd_rand random(7);
    RawClient flooder(place.port(), false);
    const size_t before = used();
    for (unsigned i = 0; i < 20'000; ++i) {
        flooder.send_packet(init(random));
        if (i % 1000 == 999) {
            flooder.until([] { return false; }, 1);
            place.viewer.goes_on(1);
        }
    }
    fail_unless(flooder.until([&] { return flooder.packets > 0; }));
    // The INITs of the server, sent again now and then, are among them.
    fail_unless(flooder.packets <= sctp::Guard::max_inits + 16, "%u", flooder.packets);
    fail_unless(used() < before + (1 << 20), "%zu", used() - before);
    // After the association has begun.
    RawClient other(place.port());
    const unsigned packets = other.packets;
    for (unsigned i = 0; i < 5'000; ++i)
        other.send_packet(init(random));
    fail_unless(other.send_open(0, "room"));
    fail_unless(other.until([&] { return other.messages == 1; }));
    fail_unless(other.packets <= packets + 16, "%u", other.packets);
    place.viewer.goes_on();
}
GST_END_TEST

GST_START_TEST(test_flood_of_openings) {
    Place place;
    RawClient flooder(place.port());
    const size_t before = used();
    unsigned sent = 0;
    fail_unless(flooder.until([&] {
        const auto id = uint16_t(sent % sctp::max_streams);
        if (flooder.send_open(id, std::string(sctp::max_label, 'l'))) ++sent;
        return sent == 5'000 || flooder.has_ended;
    }));
    place.viewer.goes_on(1);
    // So many are taken, further ones closed; with too many it ends.
    fail_unless(flooder.until([&] { return flooder.has_ended; }));
    fail_unless_equals_int(place.events().opened, int(sctp::max_channels));
    fail_unless(flooder.until([&] { return place.events().closed == sctp::max_channels; }));
    fail_unless(used() < before + (4 << 20), "%zu", used() - before);
    fail_unless_equals_int(place.events().ended, 0); // the session as such goes on
    place.viewer.goes_on();
}
GST_END_TEST

GST_START_TEST(test_too_long_message) {
    Place place;
    RawClient sender(place.port());
    fail_unless(sender.send_open(0, "room"));
    fail_unless(sender.send(0, sctp::Ppid::text, std::vector<uint8_t>(sctp::max_message, 'x')));
    fail_unless(sender.until([&] { return place.events().texts == 1; }));
    // One that begins and never ends is kept up to the limit only.
    fail_unless(sender.send(0, sctp::Ppid::text, std::vector<uint8_t>(200 << 10, 'x')));
    fail_unless(sender.until([&] { return sender.has_ended; }));
    fail_unless_equals_int(place.events().texts, 1);
    fail_unless(place.events().has("closed 0"));
    place.viewer.goes_on();
}
GST_END_TEST

/// A peer that acknowledges nothing of what it gets back.
GST_START_TEST(test_unread_echo) {
    Place place;
    RawClient sender(place.port());
    fail_unless(sender.send_open(0, "room"));
    fail_unless(sender.until([&] { return sender.messages > 0; }));
    const size_t before = used();
    const std::vector<uint8_t> text(16 << 10, 'x');
    sender.is_deaf = true;
    // The server's queue holds about 1 MB, then it drops what it would send back.
    unsigned sent = 0;
    fail_unless(sender.until([&] {
        if (sent < 200 && sender.send(0, sctp::Ppid::text, text)) ++sent;
        return place.events().texts == 200;
    }));
    fail_unless(place.events().refused > 0);
    fail_unless(used() < before + (8 << 20), "%zu", used() - before);
    place.viewer.goes_on();
}
GST_END_TEST

GST_START_TEST(test_garbage) {
    Place place;
    std::minstd_rand random(7);
    const size_t before = used();
    for (int round = 0; round < 10; ++round) {
        RawClient client(place.port());
        fail_unless(client.send_open(0, "room"));
        fail_unless(client.until([&] { return client.messages > 0; }));
        // Any bytes; any chunks of its association; its packets, changed.
        for (unsigned i = 0; i < 300; ++i) {
            std::vector<uint8_t> bytes(random() % 1100);
            for (uint8_t &byte : bytes)
                byte = uint8_t(random());
            client.send_packet(bytes);
            if (bytes.size() > 64) {
                std::copy_n(client.last.begin(), 12, bytes.begin());
                for (size_t at = 12; at + 4 < bytes.size();) {
                    const size_t size = std::min<size_t>(4 + random() % 40, bytes.size() - at);
                    bytes[at] = uint8_t(random() % 16);
                    bytes[at + 2] = 0;
                    bytes[at + 3] = uint8_t(size);
                    at += (size + 3) / 4 * 4;
                }
                client.send_packet(bytes);
            }
        }
        client.change = [&](std::span<uint8_t> packet) {
            if (random() % 2) packet[random() % packet.size()] = uint8_t(random());
        };
        for (unsigned i = 0; i < 100 && !client.has_ended; ++i) {
            client.send(uint16_t(random() % 70), sctp::Ppid(random() % 60),
                        std::vector<uint8_t>(1 + random() % 3000, 'x'));
            client.until([] { return false; }, 1);
        }
        place.viewer.goes_on(1);
    }
    fail_unless(used() < before + (8 << 20), "%zu", used() - before);
    ChannelClient honest(place.port());
    const uint16_t id = honest.open();
    fail_unless(honest.send(id, "still there?"));
    fail_unless(honest.until([&] { return !honest.texts.empty(); }));
    place.viewer.goes_on();
}
GST_END_TEST

/// What a session takes, with data channels and without.
GST_START_TEST(test_memory) {
    Place place;
    constexpr size_t sessions = 40;
    size_t with[2];
    for (const bool opens : {false, true}) {
        std::vector<std::unique_ptr<DataClient>> all;
        const size_t before = used();
        for (size_t i = 0; i < sessions; ++i) {
            auto client = std::make_unique<ChannelClient>(place.port());
            if (opens) {
                const uint16_t id = client->open();
                fail_unless(client->send(id, "hello"));
                fail_unless(client->until([&] { return !client->texts.empty(); }));
            }
            all.push_back(std::move(client));
        }
        place.viewer.goes_on(1);
        with[opens] = (used() - before) / sessions;
    }
    printf("client and session together take %zu bytes, with an open channel %zu\n", with[0],
           with[1]);
    fail_unless(with[1] < 400'000, "%zu", with[1]);
}
GST_END_TEST

static Suite *net_rtc_channels_suite() {
    Suite *s = suite_create("net_rtc_channels");
    TCase *tc = tcase_create("all");
    suite_add_tcase(s, tc);
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, test_talk);
    tcase_add_test(tc, test_unreliable);
    tcase_add_test(tc, test_many);
    tcase_add_test(tc, test_flood_of_inits);
    tcase_add_test(tc, test_flood_of_openings);
    tcase_add_test(tc, test_too_long_message);
    tcase_add_test(tc, test_unread_echo);
    tcase_add_test(tc, test_garbage);
    tcase_add_test(tc, test_memory);
    return s;
}
GST_CHECK_MAIN(net_rtc_channels)
