// SPDX-License-Identifier: LGPL-2.1-or-later
// Servers by address and their ports: one server per address for any number of concurrent requests,
// a port that can be reopened whichever thread released it, and errors that name the holder.
#include "core/net/http/server.h"
#include "core/net/loop/loop_count.h"
#include "core/net/loop/tcp_listener.h"
#include "core/net/rtmp/server.h"
#include "core/net/stream/registry.h"

#include <boost/asio/post.hpp>

#include <future>
#include <stdexcept>
#include <thread>

#include "check.hpp"

using namespace penstock;
using net::Address;

namespace {

constexpr auto patience = std::chrono::seconds(20);

/// Controls how the next servers of this file start.
struct Start {
    std::promise<void> *begun = nullptr;     ///< set when one has begun
    std::shared_future<void> *may = nullptr; ///< waited for
    bool fails = false, throws = false;
};
Start next_start;

class Server {
public:
    explicit Server(int option) : option_(option) {}
    ~Server() {
        if (listener_) listener_->close();
    }
    bool start(const Address &address, std::string *error) {
        if (next_start.begun) next_start.begun->set_value();
        if (next_start.may) next_start.may->wait();
        if (next_start.throws) throw std::runtime_error("no descriptor left");
        if (next_start.fails) return false;
        listener_ = net::Listener::open(
            net::Loops::shared(), address, "test", [](net::tcp::socket &&, size_t) {}, error);
        return listener_ != nullptr;
    }
    bool suits(int option, std::string *error) const {
        if (option != option_ && error) *error = "other options";
        return option == option_;
    }
    Address address() const { return listener_->address(); }

private:
    const int option_;
    std::shared_ptr<net::Listener> listener_;
};

using Registry = net::Registry<Server>;

/// A port that was free a moment ago.
Address free_address(Registry &registry) {
    std::string error;
    const auto server = registry.open({"127.0.0.1", 0}, &error, 0);
    fail_unless(server, "%s", error.c_str());
    return server->address();
}

} // namespace

// One loop is busy while another releases the last reference to its listener: opening the address
// meanwhile waits until the port is free.
GST_START_TEST(test_reopened_while_its_loop_is_busy) {
    net::want_loops(2);
    const auto loops = net::Loops::shared();
    fail_unless(loops->size() >= 2);
    Registry registry;
    std::string error;
    auto server = registry.open({"127.0.0.1", 0}, &error, 0);
    fail_unless(server, "%s", error.c_str());
    const Address address = server->address();
    std::promise<void> is_busy, may_go_on, released;
    boost::asio::post(loops->at(0), [&] {
        is_busy.set_value();
        may_go_on.get_future().wait();
    });
    is_busy.get_future().wait();
    boost::asio::post(loops->at(1), [&] {
        server.reset();
        released.set_value();
    });
    released.get_future().wait();
    auto again = std::async(std::launch::async, [&] { return registry.open(address, &error, 0); });
    const bool waits = again.wait_for(std::chrono::milliseconds(100)) != std::future_status::ready;
    may_go_on.set_value();
    fail_unless(again.wait_for(patience) == std::future_status::ready);
    server = again.get();
    fail_unless(server, "%s", error.c_str());
    fail_unless(waits);
    fail_unless(server->address() == address);
}
GST_END_TEST

// Released and reopened repeatedly, from a loop and from another thread.
GST_START_TEST(test_released_on_loops) {
    net::want_loops(2);
    const auto loops = net::Loops::shared();
    Registry registry;
    std::string error;
    const Address address = free_address(registry);
    for (int i = 0; i < 200; ++i) {
        auto server = registry.open(address, &error, 0);
        fail_unless(server, "after %d: %s", i, error.c_str());
        boost::asio::post(loops->at(size_t(i) % loops->size()),
                          [held = std::move(server)]() mutable { held.reset(); });
    }
    // The registry has to outlive the servers that loops still release.
    for (size_t loop = 0; loop < loops->size(); ++loop) {
        std::promise<void> done;
        boost::asio::post(loops->at(loop), [&done] { done.set_value(); });
        done.get_future().wait();
    }
}
GST_END_TEST

GST_START_TEST(test_one_opens_and_others_wait) {
    Registry registry;
    const Address address = free_address(registry);
    std::promise<void> begun, may;
    std::shared_future<void> allowed = may.get_future().share();
    next_start = {.begun = &begun, .may = &allowed};
    const auto open = [&] { return registry.open(address, nullptr, 0); };
    auto first = std::async(std::launch::async, open);
    begun.get_future().wait();
    next_start = {};
    // A start does not hold the registry's lock: otherwise these calls would never return.
    fail_unless(registry.find(address) == nullptr);
    fail_unless(registry.all<Server>().empty());
    auto second = std::async(std::launch::async, open);
    may.set_value();
    const auto one = first.get(), other = second.get();
    fail_unless(one && one == other);
    fail_unless(registry.find(address) == one);
}
GST_END_TEST

GST_START_TEST(test_failures_leave_the_address_free) {
    Registry registry;
    const Address address = free_address(registry);
    next_start = {.fails = true};
    fail_unless(registry.open(address, nullptr, 0) == nullptr);
    next_start = {.throws = true};
    bool thrown = false;
    try {
        registry.open(address, nullptr, 0);
    } catch (const std::runtime_error &) {
        thrown = true;
    }
    fail_unless(thrown);
    next_start = {};
    std::string error;
    fail_unless(registry.open(address, &error, 0), "%s", error.c_str());
}
GST_END_TEST

GST_START_TEST(test_other_options_are_refused) {
    Registry registry;
    std::string error;
    const auto server = registry.open({"127.0.0.1", 0}, &error, 1);
    fail_unless(server, "%s", error.c_str());
    fail_unless(registry.open(server->address(), &error, 2) == nullptr);
    fail_unless_equals_string(error.c_str(), "other options");
    fail_unless(registry.open(server->address(), &error, 1) == server);

    const auto rtmp = net::RtmpServer::open({"127.0.0.1", 0}, &error);
    fail_unless(net::RtmpServer::open(rtmp->address(), &error, {.connections = 3}) == nullptr);
    fail_unless(error.find("is open in this process with other limits") != error.npos, "%s",
                error.c_str());
    fail_unless(net::RtmpServer::open(rtmp->address(), &error) == rtmp);
}
GST_END_TEST

GST_START_TEST(test_errors_name_the_holder) {
    std::string error;
    const auto rtmp = net::RtmpServer::open({"127.0.0.1", 0}, &error);
    const std::string port = std::to_string(rtmp->address().port);
    const std::string wanted = "port " + port + " is already served by this process as rtmp://";
    fail_unless(net::HttpServer::open(rtmp->address(), &error) == nullptr);
    fail_unless(error.starts_with(wanted), "%s", error.c_str());
    // The wildcard address is another address with the same port.
    fail_unless(net::RtmpServer::open({"", rtmp->address().port}, &error) == nullptr);
    fail_unless(error.starts_with(wanted), "%s", error.c_str());

    boost::asio::io_context context;
    net::tcp::acceptor foreign(context, {boost::asio::ip::make_address("127.0.0.1"), 0});
    const Address taken{"127.0.0.1", foreign.local_endpoint().port()};
    fail_unless(net::HttpServer::open(taken, &error) == nullptr);
    fail_unless(error.find("is in use by another program") != error.npos, "%s", error.c_str());
}
GST_END_TEST

static Suite *net_registry_suite() {
    Suite *s = suite_create("net_registry");
    TCase *tc = tcase_create("general");
    suite_add_tcase(s, tc);
    tcase_add_test(tc, test_reopened_while_its_loop_is_busy);
    tcase_add_test(tc, test_released_on_loops);
    tcase_add_test(tc, test_one_opens_and_others_wait);
    tcase_add_test(tc, test_failures_leave_the_address_free);
    tcase_add_test(tc, test_other_options_are_refused);
    tcase_add_test(tc, test_errors_name_the_holder);
    return s;
}
GST_CHECK_MAIN(net_registry)
