// SPDX-License-Identifier: LGPL-2.1-or-later
// The thread that decides about peers, where the process may have no more threads: peers are
// refused until it can be started.
#include "authorize/gate.h"
#include "authorize/http_client.h"
#include "core/net/loop/thread.h"

#include "check.hpp"
#include "eventually.hpp"

using namespace penstock;
using namespace penstock::authorize;

namespace {

struct NoThreads {
    NoThreads() { net::limit_threads(0); }
    ~NoThreads() { net::limit_threads(-1); }
};

const net::PeerInfo peer{.id = "rtmp-publish-1",
                         .address = "127.0.0.1:53412",
                         .path = "live/cam",
                         .query = {},
                         .key = {},
                         .client = {},
                         .publish = true};

} // namespace

// The thread is started once in a process: everything is in one test.
GST_START_TEST(test_no_threads) {
    Gate gate({}, {std::make_shared<Authorizer>(Policy{}), nullptr}, {});
    const Server server{.url = *Url::parse("http://127.0.0.1:9/"), .secret = {}};
    std::atomic<int> allowed{0}, refused{0}, replies{0};
    const auto count = [&](const net::Verdict &verdict) {
        ++(verdict.allowed ? allowed : refused);
    };
    std::string reason;
    {
        const NoThreads limit;
        fail_unless(gate.authorize(peer, count), "it decides");
        fail_unless_equals_int(refused, 1);
        std::make_shared<Notifier>(server)->tell(Event::publish, {});
        worker::request({.url = server.url, .body = {}, .headers = {}},
                        [&](std::optional<Reply> reply, const std::string &error) {
                            fail_if(reply);
                            reason = error;
                            ++replies;
                        });
        fail_unless_equals_int(replies, 1);
        fail_unless(reason.find("ulimit -u") != std::string::npos, "%s", reason.c_str());
    }
    fail_unless(gate.authorize(peer, count), "it decides");
    fail_unless(penstock_test::eventually([&] { return allowed == 1; }));
    fail_unless_equals_int(refused, 1);
}
GST_END_TEST

static Suite *authorize_worker_suite() {
    Suite *s = suite_create("authorize_worker");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_no_threads);
    return s;
}
GST_CHECK_MAIN(authorize_worker)
