// SPDX-License-Identifier: LGPL-2.1-or-later
// Delivery directives of playlist requests, and when they are answered.
#include "core/playlist/reload.h"

#include "check.hpp"

using namespace penstock;
using namespace penstock::playlist;
using Action = Decision::Action;

namespace {

constexpr int64_t ms = 1'000'000;

Directives parsed(const char *query) {
    Directives directives;
    const Result result = parse_directives(query, directives);
    fail_unless(result.is_ok(), "%s: %s", query, result.reason().c_str());
    return directives;
}

GST_START_TEST(test_parsing) {
    fail_unless(parsed("") == Directives());
    fail_unless(parsed("session=ab&x") == Directives());
    fail_unless(parsed("_HLS_msn=273&_HLS_part=2") == (Directives{273, 2, Skip::no}));
    fail_unless(parsed("a=b&_HLS_skip=YES&_HLS_msn=0") == (Directives{0, {}, Skip::yes}));
    fail_unless(parsed("_HLS_skip=v2").skip == Skip::v2);
    fail_unless(parsed("_HLS_skip=later").skip == Skip::no);
    fail_unless(parsed("_HLS_msn=18446744073709551615").sequence == UINT64_MAX);
    for (const char *bad :
         {"_HLS_msn", "_HLS_msn=", "_HLS_msn=-1", "_HLS_msn=1x", "_HLS_msn=+1", "_HLS_msn= 1",
          "_HLS_msn=18446744073709551616", "_HLS_msn=99999999999999999999999999999", "_HLS_part=0",
          "_HLS_msn=1&_HLS_msn=1", "_HLS_msn=1&_HLS_part=", "_HLS_msn=1&_HLS_part=0&_HLS_part=1",
          "_HLS_skip=YES&_HLS_skip=YES", "_HLS_msn=0x10", "_HLS_msn=%31"}) {
        Directives directives{7, 7, Skip::yes};
        fail_unless(parse_directives(bad, directives).is_error(), "%s", bad);
        fail_unless(directives == (Directives{7, 7, Skip::yes})); // unchanged
    }
}
GST_END_TEST

/// Segment 9 is complete with five parts; segment 10 has three so far.
const Edge edge{10, 3, 5, 200 * ms, false};

Action action(std::optional<uint64_t> sequence, std::optional<uint64_t> part, Edge at = edge) {
    return decide({sequence, part, Skip::no}, at).action;
}

GST_START_TEST(test_decisions) {
    fail_unless(action({}, {}) == Action::answer);
    // A media sequence number alone waits for the whole segment.
    fail_unless(action(9, {}) == Action::answer && action(0, {}) == Action::answer);
    fail_unless(action(10, {}) == Action::wait && action(11, {}) == Action::wait);
    // More than two segments after the last listed one, 9, is refused.
    fail_unless(action(12, {}) == Action::refuse && action(UINT64_MAX, {}) == Action::refuse);
    fail_unless(action(10, 2) == Action::answer && action(10, 3) == Action::wait);
    // Parts may be requested up to three seconds ahead: fifteen of them.
    fail_unless(action(10, 17) == Action::wait && action(10, 18) == Action::refuse);
    fail_unless(action(10, UINT64_MAX) == Action::refuse);
    fail_unless(action(11, 0) == Action::wait && action(11, 14) == Action::wait);
    fail_unless(action(11, 15) == Action::refuse && action(12, 0) == Action::refuse);
    // Three parts, if they last a second or longer.
    const Edge slow{10, 0, 2, 1000 * ms, false};
    fail_unless(action(10, 2, slow) == Action::wait && action(10, 3, slow) == Action::refuse);
    // A part number after a segment's last part means part 0 of the next.
    fail_unless(action(9, 4) == Action::answer && action(9, 5) == Action::answer);
    const Edge begun{10, 0, 5, 200 * ms, false};
    fail_unless(action(9, 4, begun) == Action::answer && action(9, 5, begun) == Action::wait);
    fail_unless(action(9, UINT64_MAX, begun) == Action::wait &&
                action(8, 99, begun) == Action::answer);
    // After the end no request waits, and none is too far ahead.
    const Edge ended{10, 0, 5, 200 * ms, true};
    fail_unless(action(UINT64_MAX, 3, ended) == Action::answer);
    // Without parts, part numbers are ignored.
    const Edge classic{10, 0, 0, 0, false};
    fail_unless(action(9, 7, classic) == Action::answer && action(10, 0, classic) == Action::wait);
    // A request before the first segment.
    fail_unless(action(0, 0, Edge{0, 0, 0, 200 * ms, false}) == Action::wait);
    fail_unless(action(2, {}, Edge{0, 0, 0, 200 * ms, false}) == Action::refuse);
}
GST_END_TEST

// Every requested part arrives, exactly once, and in time.
GST_START_TEST(test_every_wait_ends) {
    constexpr uint64_t parts_of[] = {5, 1, 4, 5, 3, 5, 5, 2};
    std::vector<Edge> edges;
    for (uint64_t s = 0; s < 8; ++s)
        for (uint64_t p = 0; p < parts_of[s]; ++p)
            edges.push_back({s, p, s ? parts_of[s - 1] : 0, 200 * ms, false});
    for (size_t i = 0; i < edges.size(); ++i)
        for (uint64_t s = 0; s < 8; ++s)
            for (int p = -1; p < 8; ++p) {
                Directives directives{s, {}, Skip::no};
                if (p >= 0) directives.part = uint64_t(p);
                const Decision decision = decide(directives, edges[i]);
                if (decision.action == Action::refuse) continue;
                fail_unless_equals_int(decision.action == Action::answer,
                                       has_come({s, directives.part}, edges[i]));
                bool before = false;
                for (size_t later = i; later < edges.size(); ++later) {
                    const bool now = has_come({s, directives.part}, edges[later]);
                    fail_unless(now || !before, "it went away again");
                    before = now;
                    if (!now || decision.action == Action::answer) continue;
                    // The playlist contains the requested part, and not for long.
                    fail_unless(edges[later].next >= s);
                    break;
                }
            }
}
GST_END_TEST

} // namespace

static Suite *hls_reload_suite() {
    Suite *s = suite_create("hls_reload");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_parsing);
    tcase_add_test(tc, test_decisions);
    tcase_add_test(tc, test_every_wait_ends);
    return s;
}
GST_CHECK_MAIN(hls_reload)
