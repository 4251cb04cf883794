// SPDX-License-Identifier: LGPL-2.1-or-later
// The stamp's codeword: its fields, correctable damage, and what is rejected.
#include "core/latency/code.h"
#include "core/latency/reed_solomon.h"

#include "check.hpp"

using namespace penstock::latency;

namespace {

constexpr int64_t some_time = 1'764'000'000'123'456;

/// Other values in `count` different bytes.
Codeword damaged(Codeword word, size_t count, std::mt19937 &random) {
    std::set<size_t> places;
    while (places.size() < count)
        places.insert(random() % word.size());
    for (const size_t place : places)
        word[place] ^= uint8_t(1 + random() % 255);
    return word;
}

} // namespace

GST_START_TEST(test_fields) {
    for (const int64_t time : {earliest_time, some_time, latest_time - 1})
        for (const uint32_t frame : {0U, 1U, 0x01020304U, UINT32_MAX})
            for (const uint16_t source : {0, 1, 0x0102, 0xFFFF}) {
                const Stamp stamp{time, frame, source};
                fail_unless(decode(encode(stamp)) == stamp);
            }
}
GST_END_TEST

// Readers in other languages are tested with the same bytes.
GST_START_TEST(test_golden) {
    const Codeword word = encode({some_time, 1234, 7});
    char hex[2 * codeword_size + 1];
    for (size_t i = 0; i < word.size(); ++i)
        std::snprintf(hex + 2 * i, 3, "%02x", word[i]);
    fail_unless_equals_string(hex, "43b8fa0b95ba7fe68d3009822eebd301a096ec0563f79f5df9");
}
GST_END_TEST

GST_START_TEST(test_implausible_times) {
    for (const int64_t time : {int64_t(0), earliest_time - 1, latest_time, (int64_t(1) << 52) - 1})
        fail_if(decode(encode({time, 1, 1})).has_value());
}
GST_END_TEST

GST_START_TEST(test_damage) {
    std::mt19937 random(3);
    const Stamp stamp{some_time, 99, 5};
    const Codeword word = encode(stamp);
    for (size_t count = 1; count <= 4; ++count)
        for (int i = 0; i < rounds(2000); ++i)
            fail_unless(decode(damaged(word, count, random)) == stamp);
    // More damage is never read as another number.
    for (size_t count = 5; count <= codeword_size; ++count)
        for (int i = 0; i < rounds(20000); ++i)
            fail_if(decode(damaged(word, count, random)).has_value(), "%zu", count);
}
GST_END_TEST

// Two frames mixed, as in a fade: some cells of one, some of the other.
GST_START_TEST(test_mixture) {
    std::mt19937 random(4);
    for (int i = 0; i < rounds(100000); ++i) {
        const Stamp a{some_time + i * 33'367LL, uint32_t(i), 1};
        const Stamp b{a.time + 33'367, a.frame + 1, 1};
        Codeword word = encode(a);
        const Codeword other = encode(b);
        for (size_t k = 0; k < word.size(); ++k) {
            const auto mask = uint8_t(random());
            word[k] = uint8_t((word[k] & mask) | (other[k] & ~mask));
        }
        const auto got = decode(word);
        fail_unless(!got || *got == a || *got == b);
    }
}
GST_END_TEST

GST_START_TEST(test_noise) {
    std::mt19937_64 random(6);
    for (int i = 0; i < rounds(300000); ++i) {
        Codeword word;
        for (uint8_t &byte : word)
            byte = uint8_t(random());
        fail_if(decode(word).has_value());
    }
    Codeword flat;
    for (const int value : {0, 255}) {
        flat.fill(uint8_t(value));
        fail_if(decode(flat).has_value());
    }
}
GST_END_TEST

GST_START_TEST(test_reed_solomon) {
    std::mt19937 random(8);
    for (const size_t parity : {2, 8, 16, 32})
        for (const size_t size : {parity + 1, size_t(60), size_t(255)}) {
            std::vector<uint8_t> word(size);
            for (uint8_t &byte : word)
                byte = uint8_t(random());
            add_parity(word, parity);
            for (size_t errors = 0; errors <= parity / 2; ++errors) {
                std::vector<uint8_t> received = word;
                for (size_t i = 0; i < errors; ++i)
                    received[random() % size] ^= uint8_t(random());
                fail_unless(correct(received, parity));
                fail_unless(received == word);
            }
            // Too many errors: the word is refused unchanged, or becomes another codeword, which
            // the CRC has to detect.
            std::vector<uint8_t> received = word;
            for (uint8_t &byte : received)
                byte ^= uint8_t(random());
            const std::vector<uint8_t> before = received;
            if (!correct(received, parity)) fail_unless(received == before);
        }
}
GST_END_TEST

GST_START_TEST(test_cells) {
    // Each bit of a codeword is in exactly one cell.
    std::set<std::pair<size_t, int>> seen;
    for (int row = 0; row < cells::rows; ++row)
        for (int column = 0; column < cells::columns; ++column) {
            const Bit bit = bit_of(column, row);
            fail_unless(bit.byte < codeword_size);
            seen.insert({bit.byte, bit.mask});
        }
    fail_unless_equals_int(seen.size(), codeword_size * 8);
    const Codeword word = encode({some_time, 1, 1});
    for (int row = 0; row < cells::rows; ++row) {
        std::string bars;
        for (const int column : {0, 1, 2, 3, 4, 5, 26, 27, 28, 29, 30})
            bars += is_dark(word, column, row) ? '#' : '.';
        fail_unless_equals_string(bars.c_str(), "###.#..#.##");
    }
}
GST_END_TEST

static Suite *latency_code_suite() {
    Suite *s = suite_create("latency_code");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_fields);
    tcase_add_test(tc, test_golden);
    tcase_add_test(tc, test_implausible_times);
    tcase_add_test(tc, test_damage);
    tcase_add_test(tc, test_mixture);
    tcase_add_test(tc, test_noise);
    tcase_add_test(tc, test_reed_solomon);
    tcase_add_test(tc, test_cells);
    return s;
}
GST_CHECK_MAIN(latency_code)
