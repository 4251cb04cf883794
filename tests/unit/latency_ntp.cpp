// SPDX-License-Identifier: LGPL-2.1-or-later
// The clock offset from an NTP server's answer, answers that must be rejected, and the kernel's
// clock state.
#include "delay/clock.h"
#include "delay/ntp.h"

#include "check.hpp"

#include <sys/timex.h>

using namespace penstock::delay;

namespace {

constexpr int64_t ms = 1'000'000;
constexpr int64_t utc = 1'764'000'000'123'000'000;
constexpr NtpTime cookie = 0x0123456789ABCDEF;

using Packet = std::array<uint8_t, ntp_size>;

void put(Packet &packet, size_t at, uint64_t value, size_t size) {
    for (size_t i = 0; i < size; ++i)
        packet[at + i] = static_cast<uint8_t>(value >> (8 * (size - 1 - i)));
}

/// A server of stratum 2, with half a second of root delay and an eighth of root dispersion.
Packet answer(int64_t arrived, int64_t answered) {
    Packet out{};
    out[0] = 4 << 3 | 4;
    out[1] = 2;
    put(out, 4, 0x8000, 4);
    put(out, 8, 0x2000, 4);
    put(out, 24, cookie, 8);
    put(out, 32, to_ntp(arrived), 8);
    put(out, 40, to_ntp(answered), 8);
    return out;
}

bool is_near(int64_t a, int64_t b) {
    return std::abs(a - b) < 100; // ns: the format's own grain is a quarter
}

} // namespace

GST_START_TEST(test_offset) {
    std::string error;
    // 10 ms there, 2 ms in the server, 20 ms back; from an hour behind to an hour ahead, and across
    // the wrap of the seconds in 2036.
    for (const int64_t base : {utc, int64_t(2'085'978'495'995'000'000)})
        for (const int64_t ahead :
             {int64_t(0), 250 * ms, -250 * ms, 3600'000 * ms, -3600'000 * ms}) {
            const int64_t sent = base + ahead, arrived = base + 10 * ms, answered = base + 12 * ms,
                          received = base + 32 * ms + ahead;
            const auto out = ntp_answer(answer(arrived, answered), cookie, to_ntp(sent),
                                        to_ntp(received), &error);
            fail_unless(out.has_value(), "%s", error.c_str());
            // The ways there and back are assumed to be equally long: the error is half their
            // difference.
            fail_unless(is_near(out->offset, ahead + 5 * ms), "%" G_GINT64_FORMAT, out->offset);
            fail_unless(is_near(out->error, 15 * ms + 250 * ms + 125 * ms));
        }
}
GST_END_TEST

GST_START_TEST(test_refused) {
    const auto why = [](const Packet &packet, size_t size = ntp_size, NtpTime asked = cookie) {
        std::string error;
        const auto out =
            ntp_answer({packet.data(), size}, asked, to_ntp(utc), to_ntp(utc + 30 * ms), &error);
        fail_if(out.has_value());
        return error;
    };
    const auto has = [](const std::string &text, const char *part) {
        return text.find(part) != std::string::npos;
    };
    const Packet good = answer(utc + 10 * ms, utc + 11 * ms);
    for (size_t size = 0; size < ntp_size; ++size)
        fail_unless(has(why(good, size), "no answer of NTP"));
    fail_unless(has(why(good, ntp_size, cookie + 1), "no answer of NTP"));
    Packet bad = good;
    bad[0] = 4 << 3 | 3; // a client, as the request itself
    fail_unless(has(why(bad), "no answer of NTP"));
    bad = good;
    bad[1] = 0;
    put(bad, 12, 0x52415445, 4);
    fail_unless(has(why(bad), "RATE"));
    bad = good;
    bad[0] |= 0xC0;
    fail_unless(has(why(bad), "not synchronised"));
    bad = good;
    bad[1] = 16;
    fail_unless(has(why(bad), "not synchronised"));
    bad = good;
    put(bad, 40, 0, 8);
    fail_unless(has(why(bad), "not synchronised"));
    // The server claims to have held the question for longer than the answer took, or to have
    // answered before.
    fail_unless(has(why(answer(utc, utc + 31 * ms)), "can't be"));
    fail_unless(has(why(answer(utc + 11 * ms, utc + 10 * ms)), "can't be"));
}
GST_END_TEST

GST_START_TEST(test_request) {
    const Packet out = ntp_request(cookie);
    fail_unless_equals_int(out[0], 0x23);
    fail_unless(out[40] == 0x01 && out[47] == 0xEF);
    // The request reveals nothing about this machine.
    for (size_t i = 1; i < 40; ++i)
        fail_unless_equals_int(out[i], 0);
    std::string error;
    fail_if(ask_ntp("127.0.0.1:1", &error).has_value());
    fail_if(error.empty());
}
GST_END_TEST

GST_START_TEST(test_kernel) {
    timex kernel{};
    kernel.esterror = 400;
    kernel.maxerror = 2500;
    ClockState state = clock_state(TIME_OK, kernel);
    fail_unless(state.is_synchronised == true);
    fail_unless_equals_int64(state.estimated_error, 400'000);
    fail_unless_equals_int64(state.maximum_error, 2'500'000);
    fail_unless(clock_state(TIME_ERROR, kernel).is_synchronised == false);
    kernel.status = STA_UNSYNC;
    fail_unless(clock_state(TIME_OK, kernel).is_synchronised == false);
    fail_if(clock_state(-1, kernel).is_synchronised.has_value());
}
GST_END_TEST

static Suite *latency_ntp_suite() {
    Suite *s = suite_create("latency_ntp");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_offset);
    tcase_add_test(tc, test_refused);
    tcase_add_test(tc, test_request);
    tcase_add_test(tc, test_kernel);
    return s;
}
GST_CHECK_MAIN(latency_ntp)
