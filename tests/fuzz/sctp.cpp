// SPDX-License-Identifier: LGPL-2.1-or-later
// Data channels. The first byte says what the rest is: a message that opens a channel; chunks for
// an association that has begun, by packets with two bytes of length before them; or a bad network
// between two ends, each byte the fate of the next packet. Of chunks the sequence numbers are
// counted from those of the association, and its tag is put before them. Laws: what is read can be
// written and read again; packets fit, and a peer that keeps the rules admits them; a packet is
// answered by a few; no more channels and no longer messages than there may be; nothing follows the
// end.
#include "core/sctp/dcep.h"
#include "core/sctp/guard.h"

#include "core/bytes/reader.h"
#include "fuzz/law.h"
#include "unit/sctp_rig.hpp"

#include <algorithm>

using namespace penstock;
using sctp_test::clock_ms;
using sctp_test::End;
using sctp_test::Packet;
using sctp_test::Pair;

namespace {

constexpr size_t max_answers = 128; ///< packets
enum Chunk : uint8_t { data = 0, init = 1, sack = 3, reconfig = 130, forward_tsn = 192 };

void any_control(ByteView message) {
    sctp::Control control, again;
    if (!sctp::parse(message, control).is_ok() || !control.is_open) return;
    fuzz::law(sctp::parse(sctp::write(control.open), again).is_ok() && again.is_open &&
                  again.open == control.open,
              "an opening is read as it was written");
}

void check(const End &end) {
    fuzz::law(end.largest <= end.options.max_packet, "a packet fits");
    fuzz::law(end.open.size() <= sctp::max_channels, "channels are bounded");
    for (const auto &[id, text] : end.texts)
        fuzz::law(text.size() <= sctp::max_message, "messages are bounded");
    fuzz::law(end.ended <= 1 && (end.ended == 0 || end.open.empty()), "the end closes all");
}

void check_sent(const End &end) {
    sctp::Guard guard(5000, 5000);
    for (const Packet &one : end.sent)
        fuzz::law(guard.admits(one, clock_ms()), "a packet is admitted at the other end");
}

uint32_t number_at(ByteView packet, size_t at) {
    Reader reader(packet.subspan(std::min(at, packet.size())));
    return reader.u32();
}

void add(Packet &packet, size_t at, uint32_t base) {
    const uint32_t sum = number_at(packet, at) + base;
    for (size_t i = 0; i < 4 && at + i < packet.size(); ++i)
        packet[at + i] = uint8_t(sum >> (24 - 8 * i));
}

/// The first sequence number of an end, of its INIT.
uint32_t first_tsn(const End &end) {
    fuzz::law(!end.sent.empty() && end.sent.front()[sctp::header_size] == init, "it begins");
    return number_at(end.sent.front(), sctp::header_size + 16);
}

void any_packets(Reader input) {
    Pair pair;
    const uint32_t theirs = first_tsn(pair.client), ours = first_tsn(pair.server);
    Packet header;
    fuzz::law(pair.run([&] { return pair.client.channels->open("room", clock_ms()).has_value(); }),
              "it is established");
    header.assign(pair.client.sent.back().begin(),
                  pair.client.sent.back().begin() + sctp::header_size);
    pair.client.sent.clear(); // the fuzzer takes the client's place
    End &server = pair.server;
    while (input.remaining() > 2 && server.ended == 0) {
        const size_t size = std::min<size_t>(input.u16(), input.remaining());
        Packet packet = header;
        const ByteView chunks = input.take(size);
        packet.insert(packet.end(), chunks.begin(), chunks.end());
        for (size_t at = sctp::header_size; at + 8 <= packet.size();) {
            const uint8_t type = packet[at];
            if (type == data || type == forward_tsn) add(packet, at + 4, theirs);
            if (type == sack) add(packet, at + 4, ours - 1);
            if (type == reconfig) add(packet, at + 8, theirs);
            const size_t length = size_t(packet[at + 2] << 8 | packet[at + 3]);
            at += std::max<size_t>(4, (length + 3) / 4 * 4);
        }
        server.sent.clear();
        server.channels->receive(packet, clock_ms());
        fuzz::law(server.sent.size() <= max_answers, "answers are bounded");
        clock_ms() += 20;
        server.channels->check(clock_ms());
        if (!server.open.empty()) server.send(server.open.begin()->first, "an answer");
        check(server);
    }
    const unsigned ended = server.ended;
    server.sent.clear();
    server.channels->close(clock_ms());
    fuzz::law(server.ended == ended && (ended == 0 || server.sent.empty()), "an end is the end");
    clock_ms() += 10'000;
    server.channels->check(clock_ms());
}

void bad_network(Reader fates) {
    Pair pair;
    const auto carry = [&](End &from, End &to) {
        for (std::deque<Packet> all = std::exchange(from.sent, {}); !all.empty(); all.pop_front()) {
            Packet one = std::move(all.front());
            const unsigned fate = fates.remaining() > 0 ? fates.u8() : 0;
            const size_t place = fate / 8 * one.size() / 32;
            if (fate % 8 == 1) continue; // lost
            if (fate % 8 == 2) to.channels->receive(one, clock_ms());
            if (fate % 8 == 3) one[place] ^= uint8_t(1 << fate / 8 % 8);
            if (fate % 8 == 4) one.resize(place);
            if (fate % 8 == 5 && all.size() < 40) {
                all.push_back(one); // late
                continue;
            }
            to.channels->receive(one, clock_ms());
        }
    };
    std::optional<uint16_t> id;
    for (int round = 0; round < 60; ++round) {
        if (!id) id = pair.client.channels->open("room", clock_ms());
        if (id && round % 4 == 0) pair.client.send(*id, std::string(size_t(round) * 100, 'x'));
        if (id && round % 16 == 15) {
            pair.client.channels->close_channel(*id, clock_ms());
            pair.client.open.erase(*id);
            id.reset();
        }
        carry(pair.client, pair.server);
        carry(pair.server, pair.client);
        clock_ms() += 50;
        pair.client.channels->check(clock_ms());
        pair.server.channels->check(clock_ms());
        for (const End *end : {&pair.client, &pair.server}) {
            check(*end);
            check_sent(*end);
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    if (size == 0) return 0;
    const ByteView rest(bytes + 1, size - 1);
    switch (bytes[0] % 3) {
    case 0:
        any_control(rest);
        break;
    case 1:
        any_packets(Reader(rest));
        break;
    default:
        bad_network(Reader(rest));
        break;
    }
    return 0;
}
