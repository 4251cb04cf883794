// SPDX-License-Identifier: LGPL-2.1-or-later
// The server's handshake: simple and complex, cut anywhere, and first bytes of other protocols.
#include "core/net/tls/hmac.h"
#include "core/rtmp/handshake.h"

#include "check.hpp"

#include <fstream>
#include <iterator>
#include <string>

#include <openssl/evp.h>
#include <openssl/hmac.h>

using namespace penstock;
using rtmp::DigestScheme;
using rtmp::Handshake;

namespace {

constexpr size_t block = Handshake::block_size;
const std::string client_key = "Genuine Adobe Flash Player 001";
const std::string server_key = "Genuine Adobe Flash Media Server 001";
const std::string signing_key =
    server_key + "\xF0\xEE\xC2\x4A\x80\x68\xBE\xE8\x2E" + std::string(1, '\0') +
    "\xD0\xD1\x02\x9E\x7E\x57\x6E\xEC\x5D\x2D\x29\x80\x6F\xAB\x93\xB8\xE6\x36\xCF\xEB\x31\xAE";

/// OpenSSL's, by another way than the code that is tested.
std::string mac(const std::string &key, const std::string &bytes) {
    unsigned char out[32];
    unsigned size = sizeof out;
    HMAC(EVP_sha256(), key.data(), int(key.size()),
         reinterpret_cast<const unsigned char *>(bytes.data()), bytes.size(), out, &size);
    return {reinterpret_cast<const char *>(out), size};
}

size_t offset_of(const std::string &of, size_t base) {
    size_t sum = 0;
    for (size_t i = 0; i < 4; ++i)
        sum += uint8_t(of[base + i]);
    return base + 4 + sum % 728;
}

std::string without(const std::string &of, size_t offset) {
    return of.substr(0, offset) + of.substr(offset + 32);
}

/// C0 and C1 with a digest whose place is said at `base`. `seed` varies that place.
std::string greeting(size_t base, unsigned seed, const std::string &version = "\x09\x00\x7c\x02") {
    std::string c1 = std::string(4, '\0') + version;
    c1.resize(8, '\0');
    for (unsigned i = 0; c1.size() < block; ++i)
        c1 += char((i + seed) * 2654435761U >> 24);
    if (base == 0) return '\3' + c1;
    const size_t offset = offset_of(c1, base);
    c1.replace(offset, 32, mac(client_key, without(c1, offset)));
    return '\3' + c1;
}

/// What is answered to C0 and C1, cut into pieces of `step` bytes; then comes C2, and `behind`.
std::string answer(const std::string &c0c1, size_t step = 4000,
                   rtmp::Hmac hmac = net::hmac_sha256) {
    Handshake handshake(hmac);
    std::vector<uint8_t> output;
    const std::string behind = "connect";
    const std::string all = c0c1 + std::string(block, 'c') + behind;
    std::string left;
    for (size_t at = 0; at < all.size(); at += step) {
        const std::string piece = all.substr(at, step);
        ByteView view(reinterpret_cast<const uint8_t *>(piece.data()), piece.size());
        if (!handshake.done()) fail_if(handshake.feed(view, output).is_error());
        left.append(view.begin(), view.end());
    }
    fail_unless(handshake.done());
    // A command that comes in one piece with C2 is left for the session.
    fail_unless_equals_string(left.c_str(), behind.c_str());
    return {output.begin(), output.end()};
}

void is_simple(const std::string &c0c1, const std::string &said) {
    fail_unless_equals_int(said.size(), 1 + 2 * block);
    fail_unless(said.substr(5, 4) == std::string(4, '\0'), "S1 promises a digest");
    fail_unless(said.substr(1 + block) == c0c1.substr(1), "S2 is not C1");
}

/// As a client checks it.
void is_complex(const std::string &c0c1, const std::string &said, size_t base) {
    fail_unless_equals_int(said.size(), 1 + 2 * block);
    const std::string c1 = c0c1.substr(1), s1 = said.substr(1, block), s2 = said.substr(1 + block);
    fail_unless(said[0] == 3 && s1[4] >= 3);
    const size_t at = offset_of(s1, base);
    fail_unless(s1.substr(at, 32) == mac(server_key, without(s1, at)), "the digest of S1 is wrong");
    const std::string key = mac(signing_key, c1.substr(offset_of(c1, base), 32));
    fail_unless(s2.substr(block - 32) == mac(key, s2.substr(0, block - 32)),
                "the signature of S2 is wrong");
}

std::string refusal(const std::string &bytes) {
    Handshake handshake(net::hmac_sha256);
    std::vector<uint8_t> output;
    ByteView view(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
    const Result result = handshake.feed(view, output);
    fail_unless(result.is_error() && output.empty());
    return result.reason();
}

} // namespace

GST_START_TEST(test_complex) {
    for (const size_t base : {size_t(8), size_t(772)})
        for (unsigned seed = 0; seed < 200; ++seed) {
            const std::string c0c1 = greeting(base, seed);
            is_complex(c0c1, answer(c0c1), base);
        }
}
GST_END_TEST

// What ffmpeg 5.1 sends.
GST_START_TEST(test_ffmpeg) {
    std::ifstream file(std::string(g_getenv("PENSTOCK_SOURCE_ROOT")) +
                           "/tests/fuzz/corpus/rtmp/play-ffmpeg",
                       std::ios::binary);
    std::string sent{std::istreambuf_iterator<char>(file), {}};
    fail_unless(sent.size() > 1 + block);
    sent.resize(1 + block);
    is_complex(sent, answer(sent), 8);
}
GST_END_TEST

GST_START_TEST(test_simple) {
    std::string wrong = greeting(8, 1);
    wrong[1 + offset_of(wrong.substr(1), 8) + 31] ^= 1;
    for (const std::string &c0c1 : {greeting(0, 1), wrong, greeting(8, 1, std::string(4, '\0'))})
        is_simple(c0c1, answer(c0c1));
    is_simple(greeting(8, 1), answer(greeting(8, 1), 4000, nullptr));
}
GST_END_TEST

GST_START_TEST(test_pieces) {
    for (const std::string &c0c1 : {greeting(772, 3), greeting(0, 3)})
        for (const size_t step : {1, 2, 1536, 1537, 1538, 3073, 3074})
            fail_unless(answer(c0c1, step) == answer(c0c1));
}
GST_END_TEST

GST_START_TEST(test_other_protocols) {
    const auto has = [](const std::string &bytes, const char *says) {
        const std::string reason = refusal(bytes);
        fail_unless(reason.find(says) != reason.npos, "%s", reason.c_str());
    };
    has("\x06", "encrypted RTMPE is not supported");
    has("\x08", "encrypted RTMPE is not supported");
    has("\x16\x03\x01", "TLS?");
    has("GET / HTTP/1.1\r\n", "HTTP?");
    has(std::string(1, '\0'), "begins with byte 0");
}
GST_END_TEST

static Suite *rtmp_handshake_suite() {
    Suite *suite = suite_create("rtmp_handshake");
    TCase *tests = tcase_create("rtmp_handshake");
    suite_add_tcase(suite, tests);
    tcase_add_test(tests, test_complex);
    tcase_add_test(tests, test_ffmpeg);
    tcase_add_test(tests, test_simple);
    tcase_add_test(tests, test_pieces);
    tcase_add_test(tests, test_other_protocols);
    return suite;
}
GST_CHECK_MAIN(rtmp_handshake)
