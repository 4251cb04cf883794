// SPDX-License-Identifier: LGPL-2.1-or-later
// The network threads of a process without free descriptors or threads: an error that names the
// limit to raise, or fewer threads and a warning; the process never crashes.
#include "core/net/http/server.h"
#include "core/net/loop/loop_count.h"
#include "core/net/loop/loops.h"
#include "core/net/loop/thread.h"

#include "net_rig.hpp"

#include <boost/asio/post.hpp>

#include <fcntl.h>
#include <future>
#include <sys/resource.h>

#include "check.hpp"

using namespace net_test;
using penstock::net::Loops;

namespace {

const net::Address any_port{"127.0.0.1", 0};

/// During its lifetime the process may open `count` more descriptors.
class FewDescriptors {
public:
    explicit FewDescriptors(rlim_t count) {
        getrlimit(RLIMIT_NOFILE, &before_);
        // The limit applies to descriptor numbers, of which those below it may be taken or free.
        rlim_t end = 0;
        for (rlim_t found = 0; found < count; ++end)
            found += ::fcntl(int(end), F_GETFD) < 0;
        if (count == 0) end = 3;
        const rlimit few{end, before_.rlim_max};
        fail_unless(setrlimit(RLIMIT_NOFILE, &few) == 0);
    }
    ~FewDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

private:
    rlimit before_{};
};

/// During its lifetime the process may start `count` more threads.
struct FewThreads {
    explicit FewThreads(int count) { net::limit_threads(count); }
    ~FewThreads() { net::limit_threads(-1); }
};

size_t open_descriptors() {
    size_t count = 0;
    for (int fd = 0; fd < 1024; ++fd)
        count += ::fcntl(fd, F_GETFD) >= 0;
    return count;
}

/// Every loop runs what is posted to it.
void fail_unless_running(Loops &loops) {
    for (size_t i = 0; i < loops.size(); ++i) {
        std::promise<void> ran;
        boost::asio::post(loops.at(i), [&] { ran.set_value(); });
        fail_unless(ran.get_future().wait_for(std::chrono::seconds(20)) ==
                    std::future_status::ready);
    }
}

void fail_unless_says(const std::string &error, const char *what) {
    fail_unless(error.find(what) != error.npos, "'%s' lacks '%s'", error.c_str(), what);
}

/// Does once what the tests do without descriptors: clang's check of an object's type opens a pipe
/// when it sees a type for the first time, and takes a failure for an object of another type.
void warm_up() {
#ifdef PENSTOCK_SANITIZED
    const size_t before = open_descriptors();
    fail_unless_running(*Loops::shared());
    const boost::system::error_code error(EMFILE, boost::system::system_category());
    try {
        boost::asio::detail::throw_error(error, "test");
    } catch (const boost::system::system_error &thrown) {
        fail_unless(thrown.code() == boost::system::errc::too_many_files_open);
        fail_if(std::string(thrown.what()).empty());
    }
    fail_unless(net::RtmpServer::open(any_port, nullptr));
    fail_unless(net::HttpServer::open(any_port, nullptr));
    fail_unless(eventually([&] { return open_descriptors() == before; }));
#endif
}

GST_START_TEST(test_no_descriptors) {
    warm_up();
    const size_t before = open_descriptors();
    // No descriptor at all, and any number that does not suffice for one loop: nothing is left
    // open.
    for (rlim_t count = 0; count < 4; ++count) {
        std::string error;
        {
            FewDescriptors few(count);
            fail_unless(Loops::shared(&error) == nullptr);
        }
        fail_unless_says(error, "cannot start the network threads");
        fail_unless_says(error, "ulimit -n");
        fail_unless_equals_uint64(open_descriptors(), before);
    }
    fail_unless_running(*Loops::shared());
}
GST_END_TEST

GST_START_TEST(test_no_threads) {
    const size_t before = open_descriptors();
    std::string error;
    {
        FewThreads few(0);
        fail_unless(Loops::shared(&error) == nullptr);
    }
    fail_unless_says(error, "cannot start the network threads");
    fail_unless_says(error, "ulimit -u");
    fail_unless_equals_uint64(open_descriptors(), before);
    fail_unless_running(*Loops::shared());
}
GST_END_TEST

GST_START_TEST(test_fewer_threads) {
    Log log;
    net::want_loops(4);
    {
        FewThreads few(2);
        const auto loops = Loops::shared();
        fail_unless(loops != nullptr);
        fail_unless_equals_uint64(loops->size(), 2);
        fail_unless_running(*loops);
    }
    fail_unless(log.warned("only 2 of 4 network threads run", "ulimit -u"), "%s",
                log.all().c_str());
}
GST_END_TEST

GST_START_TEST(test_fewer_descriptors) {
    warm_up();
    Log log;
    net::want_loops(8);
    {
        FewDescriptors few(10);
        const auto loops = Loops::shared();
        fail_unless(loops != nullptr);
        fail_unless(loops->size() >= 1 && loops->size() < 8);
        fail_unless_running(*loops);
    }
    fail_unless(log.warned("of 8 network threads run", "ulimit -n"), "%s", log.all().c_str());
}
GST_END_TEST

GST_START_TEST(test_servers_say_why) {
    warm_up();
    std::string error;
    {
        FewDescriptors few(0);
        fail_unless(net::RtmpServer::open(any_port, &error) == nullptr);
        fail_unless_says(error, "ulimit -n");
        fail_unless(net::HttpServer::open(any_port, &error) == nullptr);
        fail_unless_says(error, "ulimit -n");
    }
    {
        FewThreads few(0);
        fail_unless(net::RtmpServer::open(any_port, &error) == nullptr);
        fail_unless_says(error, "ulimit -u");
        fail_unless(net::HttpServer::open(any_port, &error) == nullptr);
        fail_unless_says(error, "ulimit -u");
    }
    fail_unless(net::RtmpServer::open(any_port, &error) != nullptr, "%s", error.c_str());
    fail_unless(net::HttpServer::open(any_port, &error) != nullptr, "%s", error.c_str());
}
GST_END_TEST

// The last reference may be held by a connection that ends on a loop, when no thread can be started
// for the end.
GST_START_TEST(test_last_holder_on_a_loop) {
    const size_t before = open_descriptors();
    for (int round = 0; round < 20; ++round) {
        auto loops = Loops::shared();
        FewThreads few(0);
        // Not before post() has returned, because the context ends with the loops.
        auto posted = std::make_shared<std::promise<void>>();
        boost::asio::post(loops->at(0), [posted, held = loops]() mutable {
            posted->get_future().wait();
            held.reset();
        });
        loops.reset();
        posted->set_value();
        fail_unless(eventually([&] { return open_descriptors() == before; }));
    }
}
GST_END_TEST

Suite *net_loops_suite() {
    Suite *suite = suite_create("net_loops");
    TCase *tc = tcase_create("all");
    suite_add_tcase(suite, tc);
    tcase_add_test(tc, test_no_descriptors);
    tcase_add_test(tc, test_no_threads);
    tcase_add_test(tc, test_fewer_threads);
    tcase_add_test(tc, test_fewer_descriptors);
    tcase_add_test(tc, test_servers_say_why);
    tcase_add_test(tc, test_last_holder_on_a_loop);
    return suite;
}

} // namespace

GST_CHECK_MAIN(net_loops)
