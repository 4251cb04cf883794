// SPDX-License-Identifier: LGPL-2.1-or-later
// STUN messages: the samples of RFC 5769, what is written, what is damaged; and what else shares
// their port.
#include "core/stun/classify.h"
#include "core/stun/message.h"

#include "unit/stun_rig.hpp"

#include <fstream>
#include <iterator>

#include "check.hpp"

using namespace penstock;
using namespace penstock::stun;

namespace {

constexpr const char *password = "VOkJxbRl1RmTxUk/WvJxBt";
constexpr TransactionId sample_transaction{0xB7, 0xE7, 0xA7, 0x01, 0xBC, 0x34,
                                           0xD6, 0x86, 0xFA, 0x87, 0xDF, 0xAE};

/// A seed of the fuzz target: the samples of RFC 5769, sections 2.1 to 2.3, are there.
std::vector<uint8_t> sample(const std::string &name) {
    std::ifstream file(std::string(g_getenv("PENSTOCK_SOURCE_ROOT")) + "/tests/fuzz/corpus/stun/" +
                           name,
                       std::ios::binary);
    fail_unless(file.is_open());
    return {std::istreambuf_iterator<char>(file), {}};
}

Message parsed(ByteView bytes) {
    Message message;
    const Result result = parse(bytes, message);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    return message;
}

bool is_damaged(ByteView bytes) {
    Message message;
    return parse(bytes, message).is_error();
}

} // namespace

GST_START_TEST(test_samples) {
    const auto request = sample("request");
    Message m = parsed(request);
    fail_unless(m.kind == Class::request && m.method == method_binding && m.has_fingerprint);
    fail_unless(m.transaction == sample_transaction && m.username == "evtj:h6vY");
    fail_unless(m.priority == 0x6E0001FFu && m.controlled == 0x932FF9B151263B36u);
    fail_unless(m.software == "STUN test client" && !m.use_candidate && m.unknown.empty());
    fail_unless(has_integrity(request, m, password, rig::hmac_sha1));
    fail_if(has_integrity(request, m, "VOkJxbRl1RmTxUk/WvJxBT", rig::hmac_sha1));
    fail_if(has_integrity(request, m, "", rig::hmac_sha1));

    const auto v4 = sample("response-v4"), v6 = sample("response-v6");
    m = parsed(v4);
    fail_unless(m.kind == Class::success && m.mapped == rig::address(1, 32853));
    fail_unless(has_integrity(v4, m, password, rig::hmac_sha1));
    m = parsed(v6);
    fail_unless(m.mapped == TransportAddress::v6({0x20, 0x01, 0x0D, 0xB8, 0x12, 0x34, 0x56, 0x78, 0,
                                                  0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77},
                                                 32853));
    fail_unless(has_integrity(v6, m, password, rig::hmac_sha1));
}
GST_END_TEST

GST_START_TEST(test_damage) {
    for (const char *name : {"request", "response-v4", "response-v6"}) {
        const auto whole = sample(name);
        for (size_t size = 0; size < whole.size(); ++size)
            fail_unless(is_damaged(ByteView(whole).first(size)), "%s, %zu bytes", name, size);
        for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
            auto bytes = whole;
            bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1 << bit % 8);
            Message m;
            // The last attribute can become another one; then the digest is what is wrong.
            fail_unless(parse(bytes, m).is_error() || !m.has_fingerprint, "%s, bit %zu", name, bit);
        }
        auto longer = whole;
        longer.resize(longer.size() + 4);
        fail_unless(is_damaged(longer));
    }
    // Without a fingerprint the digest alone protects what is in front of it.
    const auto whole = MessageWriter(Class::request, rig::transaction)
                           .username("me:you")
                           .priority(7)
                           .finish(password, rig::hmac_sha1);
    const size_t protected_size = whole.size() - 8;
    for (size_t bit = 0; bit < protected_size * 8; ++bit) {
        if (bit / 8 == 2 || bit / 8 == 3) continue;
        std::vector<uint8_t> bytes(whole.begin(), whole.begin() + ptrdiff_t(protected_size));
        bytes[3] = static_cast<uint8_t>(bytes[3] - 8);
        Message m = parsed(bytes);
        fail_unless(has_integrity(bytes, m, password, rig::hmac_sha1));
        bytes[bit / 8] = static_cast<uint8_t>(bytes[bit / 8] ^ 1 << bit % 8);
        fail_if(parse(bytes, m).is_ok() && has_integrity(bytes, m, password, rig::hmac_sha1),
                "bit %zu", bit);
    }
    fail_unless(is_damaged(std::vector<uint8_t>(max_message + 1)));
}
GST_END_TEST

GST_START_TEST(test_written) {
    const auto v6 =
        TransportAddress::v6({0x20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, 65535);
    const auto request = MessageWriter(Class::request, rig::transaction)
                             .username("a:b")
                             .priority(0xFFFFFFFF)
                             .use_candidate()
                             .controlling(0x8000000000000001)
                             .software("x")
                             .finish(password, rig::hmac_sha1);
    Message m = parsed(request);
    fail_unless(m.username == "a:b" && m.priority == 0xFFFFFFFFu && m.use_candidate);
    fail_unless(m.controlling == 0x8000000000000001u && !m.controlled && m.software == "x");
    fail_unless(m.has_fingerprint && has_integrity(request, m, password, rig::hmac_sha1));

    const auto response =
        MessageWriter(Class::success, rig::transaction).mapped(v6).controlled(5).finish();
    m = parsed(response);
    fail_unless(m.kind == Class::success && m.mapped == v6 && m.controlled == 5u);
    fail_if(has_integrity(response, m, password, rig::hmac_sha1));

    AttributeTypes types;
    for (uint16_t i = 0; i < 20; ++i)
        types.add(i);
    const auto error = MessageWriter(Class::error, rig::transaction)
                           .error(420, "Unknown Attribute")
                           .unknown(types)
                           .finish();
    m = parsed(error);
    fail_unless(m.kind == Class::error && m.error && m.error->code == 420);
    fail_unless(m.error->reason == "Unknown Attribute");
    fail_unless(m.unknown_there.size() == AttributeTypes::max && *m.unknown_there.begin() == 0);
    // Every class and the whole range of methods keep their bits apart.
    for (const Class kind : {Class::request, Class::indication, Class::success, Class::error})
        for (uint16_t method = 0; method < 0x1000; method = static_cast<uint16_t>(method * 2 + 1)) {
            m = parsed(MessageWriter(kind, rig::transaction, method).finish());
            fail_unless(m.kind == kind && m.method == method, "method %d", int(method));
        }
    constexpr auto mapped =
        TransportAddress::v6({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 192, 0, 2, 7}, 9);
    fail_unless(mapped == rig::address(7, 9));
    // Too long texts are cut.
    const auto cut = MessageWriter(Class::request, rig::transaction)
                         .username(std::string(600, 'u'))
                         .software(std::string(600, 's'))
                         .finish();
    m = parsed(cut);
    fail_unless(m.username->size() == max_username && m.software->size() == 127);
}
GST_END_TEST

GST_START_TEST(test_attributes) {
    // Of a message that has only these attributes, all wrong in their size.
    const auto with = [](std::initializer_list<uint8_t> attributes) {
        auto bytes = MessageWriter(Class::request, rig::transaction).finish();
        bytes.resize(header_size);
        bytes.insert(bytes.end(), attributes);
        bytes[3] = static_cast<uint8_t>(attributes.size());
        return bytes;
    };
    fail_unless(is_damaged(with({0, 0x24, 0, 3, 1, 2, 3, 0})));
    fail_unless(is_damaged(with({0, 0x25, 0, 4, 1, 2, 3, 0})));
    fail_unless(is_damaged(with({0x80, 0x2A, 0, 4, 1, 2, 3, 0})));
    fail_unless(is_damaged(with({0, 0x20, 0, 4, 0, 1, 3, 0})));
    fail_unless(is_damaged(with({0, 0x20, 0, 8, 0, 3, 3, 0, 1, 2, 3, 4})));
    fail_unless(is_damaged(with({0, 0x09, 0, 4, 0, 0, 2, 0})));
    fail_unless(is_damaged(with({0, 0x08, 0, 4, 0, 0, 2, 0})));
    fail_unless(is_damaged(with({0x80, 0x28, 0, 4, 0, 0, 2, 0})));
    fail_unless(is_damaged(with({0, 0x24, 0xFF, 0xFF})));
    fail_unless(is_damaged(with({0, 0x24, 0})));
    // One that is not known, one that is optional, the first of two, and one behind the digest.
    auto bytes = with({0, 0x30, 0,    1, 9, 0, 0, 0, 0xC0, 0x57, 0, 0, 0,  0x24, 0, 4,    0, 0, 0,
                       1, 0,    0x24, 0, 4, 0, 0, 0, 2,    0,    8, 0, 20, 0,    0, 0,    0, 0, 0,
                       0, 0,    0,    0, 0, 0, 0, 0, 0,    0,    0, 0, 0,  0,    0, 0x25, 0, 0});
    const Message m = parsed(bytes);
    fail_unless(m.unknown.size() == 1 && *m.unknown.begin() == 0x30);
    fail_unless(m.priority == 1u && !m.use_candidate && m.integrity_offset == header_size + 28);
    bytes[4] = 0; // the cookie
    fail_unless(is_damaged(bytes));
}
GST_END_TEST

GST_START_TEST(test_classify) {
    std::vector<uint8_t> bytes(40);
    const auto kind = [&](uint8_t first, uint8_t second, size_t size) {
        bytes[0] = first;
        bytes[1] = second;
        return classify(ByteView(bytes).first(size));
    };
    for (int first = 0; first < 256; ++first) {
        const Protocol expected = first < 4                     ? Protocol::stun
                                  : first >= 20 && first < 64   ? Protocol::dtls
                                  : first >= 128 && first < 192 ? Protocol::rtp
                                                                : Protocol::unknown;
        fail_unless(kind(uint8_t(first), 96, 40) == expected, "first byte %d", first);
    }
    for (int second = 0; second < 256; ++second)
        fail_unless((kind(0x80, uint8_t(second), 40) == Protocol::rtcp) ==
                        (second >= 192 && second <= 223),
                    "second byte %d", second);
    fail_unless(kind(0x80, 0x80 | 111, 40) == Protocol::rtp); // with the marker bit
    fail_unless(kind(0, 1, 19) == Protocol::unknown && kind(22, 0, 12) == Protocol::unknown);
    fail_unless(kind(0x80, 96, 11) == Protocol::unknown && kind(0x80, 200, 8) == Protocol::rtcp);
    fail_unless(kind(0x80, 200, 7) == Protocol::unknown && classify({}) == Protocol::unknown);
}
GST_END_TEST

static Suite *stun_suite() {
    Suite *s = suite_create("stun");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_samples);
    tcase_add_test(tc, test_damage);
    tcase_add_test(tc, test_written);
    tcase_add_test(tc, test_attributes);
    tcase_add_test(tc, test_classify);
    return s;
}
GST_CHECK_MAIN(stun)
