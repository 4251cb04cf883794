// SPDX-License-Identifier: LGPL-2.1-or-later
// The messages that open data channels, and which packets of SCTP a peer may send.
#include "core/sctp/dcep.h"

#include "core/bytes/writer.h"
#include "core/sctp/data_channels.h"
#include "core/sctp/guard.h"

#include "check.hpp"

using namespace penstock;
using namespace penstock::sctp;
using Kind = Reliability::Kind;

namespace {

Control parsed(ByteView message) {
    Control out;
    const Result result = parse(message, out);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    return out;
}

void refused(ByteView message, const char *part) {
    Control out;
    out.open.label = "unchanged";
    const Result result = parse(message, out);
    fail_unless(result.is_error());
    fail_unless(result.reason().find(part) != std::string::npos, "%s", result.reason().c_str());
    fail_unless(out.open.label == "unchanged" && !out.is_open);
}

/// A packet of these chunks, given by type and length of the value.
std::vector<uint8_t> packet(const std::vector<std::pair<uint8_t, size_t>> &chunks,
                            uint16_t source = 5000, uint16_t destination = 5000) {
    Writer out;
    out.u16(source).u16(destination).u32(1).u32(0);
    for (const auto &[type, size] : chunks) {
        out.u8(type).u8(0).u16(4 + size);
        for (size_t i = 0; i < (size + 3) / 4 * 4; ++i)
            out.u8(0);
    }
    return out.take();
}

constexpr uint8_t data = 0, init = 1, sack = 3, heartbeat = 4, ecne = 12, auth = 15, i_data = 64,
                  asconf_ack = 128, packet_drop = 129, reconfig = 130, forward_tsn = 192,
                  asconf = 193;

} // namespace

GST_START_TEST(test_openings) {
    for (const Kind kind : {Kind::reliable, Kind::retransmissions, Kind::lifetime})
        for (const bool is_ordered : {true, false}) {
            Open open;
            open.reliability = {kind, kind == Kind::reliable ? 0 : 1500u, is_ordered};
            open.priority = 1024;
            open.label = "room";
            open.protocol = "chat";
            const Control back = parsed(write(open));
            fail_unless(back.is_open && back.open == open);
        }
    fail_unless(write(Open{.label = "ab"}) ==
                std::vector<uint8_t>({3, 0, 1, 0, 0, 0, 0, 0, 0, 2, 0, 0, 'a', 'b'}));
    fail_unless(!parsed(write_ack()).is_open);
    // A limit means nothing where everything is sent until it has arrived.
    const uint8_t reliable[] = {3, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0};
    fail_unless_equals_int(int(parsed(reliable).open.reliability.limit), 0);
}
GST_END_TEST

GST_START_TEST(test_faulty_openings) {
    refused({}, "neither");
    for (const uint8_t type : {0, 1, 4, 255})
        refused({&type, 1}, "neither");
    std::vector<uint8_t> whole = write(Open{.label = "label", .protocol = "protocol"});
    for (size_t size = 1; size < whole.size(); ++size)
        refused(ByteView(whole).first(size), "another length");
    whole.push_back(0);
    refused(whole, "another length");
    for (const uint8_t type : {3, 0x7F, 0x83, 0xFF}) {
        std::vector<uint8_t> unknown = write(Open{});
        unknown[1] = type;
        refused(unknown, "unknown type");
    }
    parsed(write(Open{.label = std::string(max_label, 'l'), .protocol = std::string(256, 'p')}));
    refused(write(Open{.label = std::string(max_label + 1, 'l')}), "longer than 256");
    refused(write(Open{.protocol = std::string(max_label + 1, 'p')}), "longer than 256");
}
GST_END_TEST

GST_START_TEST(test_chunks) {
    Guard guard(5000, 6000);
    const auto admits = [&](const std::vector<std::pair<uint8_t, size_t>> &chunks) {
        return guard.admits(packet(chunks, 5000, 6000), 0);
    };
    fail_unless(admits({{data, 20}}) && admits({{sack, 12}, {data, 13}, {data, 14}, {data, 15}}));
    fail_unless(admits({{reconfig, 20}}) && admits({{forward_tsn, 8}}) &&
                admits({{heartbeat, 40}}));
    for (const uint8_t type : {ecne, auth, i_data, asconf_ack, packet_drop, asconf, uint8_t(255)})
        fail_if(admits({{type, 12}}) || admits({{data, 20}, {type, 12}}));
    fail_if(guard.admits(packet({{data, 20}}, 6000, 5000), 0));
    fail_if(admits({}));
    fail_unless(admits(std::vector(Guard::max_chunks, std::pair(data, size_t(4)))));
    fail_if(admits(std::vector(Guard::max_chunks + 1, std::pair(data, size_t(4)))));
    fail_unless(admits(std::vector(Guard::max_control_chunks, std::pair(heartbeat, size_t(4)))));
    fail_if(admits(std::vector(Guard::max_control_chunks + 1, std::pair(heartbeat, size_t(4)))));
    fail_unless(admits({{sack, 12 + 4 * Guard::max_gaps}}));
    fail_if(admits({{sack, 16 + 4 * Guard::max_gaps}}));
    fail_if(admits({{sack, 12 + 2 * Guard::max_gaps}, {sack, 16 + 2 * Guard::max_gaps}}));
    // Any packet that is cut, or longer than its chunks.
    const auto whole = packet({{sack, 12}, {data, 20}}, 5000, 6000);
    fail_unless(guard.admits(whole, 0));
    for (size_t size = 0; size < whole.size(); ++size)
        if (size != header_size + 16) fail_if(guard.admits(ByteView(whole).first(size), 0));
    std::vector<uint8_t> longer = whole;
    longer.push_back(0);
    fail_if(guard.admits(longer, 0));
    for (const uint8_t length : {0, 3}) {
        std::vector<uint8_t> short_chunk = whole;
        short_chunk[header_size + 3] = length;
        fail_if(guard.admits(short_chunk, 0));
    }
    // The last chunk may be without its padding.
    const auto padded = packet({{data, 17}}, 5000, 6000);
    fail_unless(guard.admits(ByteView(padded).first(padded.size() - 3), 0));
}
GST_END_TEST

GST_START_TEST(test_inits) {
    Guard guard(5000, 5000);
    fail_if(guard.admits(packet({{init, 16}, {data, 20}}), 0));
    fail_if(guard.admits(packet({{data, 20}, {init, 16}}), 0));
    unsigned admitted = 0;
    for (unsigned i = 0; i < 100; ++i)
        admitted += guard.admits(packet({{init, 16}}), 0);
    fail_unless_equals_int(int(admitted), int(Guard::max_inits));
    Guard begun(5000, 5000);
    fail_unless(begun.admits(packet({{init, 16}}), 0));
    begun.on_established();
    fail_if(begun.admits(packet({{init, 16}}), 0));
    fail_unless(begun.admits(packet({{data, 20}}), 0));
}
GST_END_TEST

GST_START_TEST(test_rate) {
    Guard guard(5000, 5000);
    const auto one = packet({{data, 20}});
    const auto admitted = [&](unsigned packets, uint64_t now_ms) {
        unsigned out = 0;
        for (unsigned i = 0; i < packets; ++i)
            out += guard.admits(one, now_ms);
        return out;
    };
    fail_unless_equals_int(int(admitted(5000, 1'000'000)), int(Guard::max_burst));
    fail_unless_equals_int(int(admitted(5000, 1'000'001)), int(Guard::max_rate / 1000));
    fail_unless_equals_int(int(admitted(5000, 1'000'101)), int(Guard::max_rate / 10));
    fail_unless_equals_int(int(admitted(5000, 1'000'001)), 0); // a clock that goes back
    fail_unless_equals_int(int(admitted(5000, 9'000'000)), int(Guard::max_burst));
}
GST_END_TEST

static Suite *sctp_dcep_suite() {
    Suite *suite = suite_create("sctp_dcep");
    TCase *tests = tcase_create("sctp_dcep");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_openings);
    tcase_add_test(tests, test_faulty_openings);
    tcase_add_test(tests, test_chunks);
    tcase_add_test(tests, test_inits);
    tcase_add_test(tests, test_rate);
    return suite;
}
GST_CHECK_MAIN(sctp_dcep)
