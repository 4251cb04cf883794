// SPDX-License-Identifier: LGPL-2.1-or-later
#include "publisher.h"

#include <cerrno>
#include <queue>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace load {
namespace {

constexpr size_t most_unsent = 4 << 20;
constexpr auto patience = std::chrono::milliseconds(20); // until the end is noticed

} // namespace

struct Publishers::One final : TagSink {
    One(RtmpSession rtmp, double bits_per_second)
        : session(std::move(rtmp)), programme(bits_per_second) {}
    void tag(TagType, const uint8_t *, size_t) override {}

    Descriptor socket;
    RtmpSession session;
    Programme programme;
    Buffer out;
    Clock::time_point began; ///< the epoch until it sends
};

std::string Publishers::name(const Settings &settings, unsigned index) {
    if (index == settings.count) return settings.stream + "-beside";
    return settings.count == 1 ? settings.stream : settings.stream + "-" + std::to_string(index);
}

Publishers::Publishers(Settings settings)
    : settings_(std::move(settings)), address_(parse_address(settings_.address)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    if (!epoll_) throw system_failure("epoll_create1");
    for (unsigned i = 0; i < settings_.count + settings_.beside; ++i)
        all_.push_back(
            std::make_unique<One>(RtmpSession(RtmpSession::Role::publish, settings_.address,
                                              settings_.app, name(settings_, i)),
                                  settings_.bits_per_second));
    thread_ = std::jthread([this](std::stop_token stop) {
        try {
            run(stop);
        } catch (const std::exception &error) {
            fail(error.what());
        }
    });
}

Publishers::~Publishers() = default;

std::string Publishers::error() const {
    const std::lock_guard lock(mutex_);
    return error_;
}

Histogram Publishers::take_lateness() {
    const std::lock_guard lock(mutex_);
    return std::exchange(lateness_, {});
}

void Publishers::fail(const std::string &why) {
    const std::lock_guard lock(mutex_);
    if (error_.empty()) error_ = "a publisher: " + why;
}

void Publishers::begin(One &one) {
    one.began = Clock::now();
    for (const Tag &tag : one.programme.beginning())
        one.session.send_tag(one.out, tag);
    ++sending_;
}

void Publishers::send_due(One &one) {
    const auto due = one.began + one.programme.next_due();
    const Tag tag = one.programme.next(now_ns());
    one.session.send_tag(one.out, tag);
    if (!flush(one.socket.get(), one.out)) throw Failure("the server has closed the connection");
    if (one.out.size() > most_unsent) throw Failure("the server takes nothing more");
    const std::lock_guard lock(mutex_);
    lateness_.add((Clock::now() - due).count());
}

void Publishers::handle(One &one, uint32_t) {
    uint8_t data[4096];
    for (;;) {
        const ssize_t n = recv(one.socket.get(), data, sizeof data, 0);
        if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) break;
        if (n <= 0) throw Failure("the server has closed the connection");
        if (!one.session.feed(data, size_t(n), one.out, one)) throw Failure(one.session.error());
    }
    if (one.session.publishing() && one.began == Clock::time_point()) begin(one);
    if (!flush(one.socket.get(), one.out)) throw Failure("the server has closed the connection");
}

void Publishers::run(std::stop_token stop) {
    // With priority over the viewers on their common core, if that is allowed.
    setpriority(PRIO_PROCESS, id_t(gettid()), -15);
    using Due = std::pair<Clock::time_point, One *>;
    std::priority_queue<Due, std::vector<Due>, std::greater<>> queue; // of those that send
    const auto began = Clock::now();
    size_t joined = 0;
    std::vector<epoll_event> events(256);
    while (!stop.stop_requested()) {
        auto wake = Clock::now() + patience;
        if (joined < all_.size()) {
            const auto due = began + std::chrono::nanoseconds(
                                         int64_t(1e9 * double(joined) / settings_.per_second));
            wake = std::min(wake, due);
            if (due <= Clock::now()) {
                One &one = *all_[joined++];
                one.socket = connect_to(address_);
                one.session.start(one.out);
                // Edge-triggered: unsent data is sent when the socket has room again.
                epoll_event interest{EPOLLIN | EPOLLOUT | EPOLLET, {.ptr = &one}};
                epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, one.socket.get(), &interest);
            }
        }
        while (!queue.empty() && queue.top().first <= Clock::now()) {
            One &one = *queue.top().second;
            queue.pop();
            send_due(one);
            queue.emplace(one.began + one.programme.next_due(), &one);
        }
        if (!queue.empty()) wake = std::min(wake, queue.top().first);
        const auto left = std::max<int64_t>((wake - Clock::now()).count(), 0);
        const timespec timeout{left / 1'000'000'000, left % 1'000'000'000};
        const int n = epoll_pwait2(epoll_.get(), events.data(), int(events.size()), &timeout, {});
        for (int i = 0; i < n; ++i) {
            One &one = *static_cast<One *>(events[size_t(i)].data.ptr);
            const bool sent = one.began != Clock::time_point();
            handle(one, events[size_t(i)].events);
            if (!sent && one.began != Clock::time_point())
                queue.emplace(one.began + one.programme.next_due(), &one);
        }
    }
}

} // namespace load
