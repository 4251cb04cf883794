// SPDX-License-Identifier: LGPL-2.1-or-later
#include "crowd.h"

#include <cerrno>
#include <poll.h>
#include <thread>

namespace load {
namespace {

using namespace std::chrono_literals;

constexpr size_t scratch_size = 256 << 10;
constexpr auto slow_pace = 100ms;
constexpr double slow_share = 0.1;

template <typename Number>
std::chrono::nanoseconds seconds(Number count) {
    return std::chrono::nanoseconds(int64_t(1e9 * double(count)));
}

} // namespace

Crowd::Crowd(const Options &options, std::function<void()> check)
    : options_(options), check_(std::move(check)), address_(parse_address(options.play)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)), events_(16384), scratch_(scratch_size) {
    if (!epoll_) throw system_failure("epoll_create1");
}

Viewer::Target Crowd::target(unsigned index) const {
    Viewer::Target out{options_.protocol, options_.play, options_.app, options_.stream,
                       options_.tls};
    if (options_.publishers > 1) out.stream += "-" + std::to_string(index % options_.publishers);
    return out;
}

void Crowd::interest(Viewer &viewer, int operation, uint32_t events) {
    epoll_event wanted{events, {.ptr = &viewer}};
    if (epoll_ctl(epoll_.get(), operation, viewer.fd(), &wanted) < 0)
        throw system_failure("epoll_ctl");
}

void Crowd::start(Viewer &viewer) {
    viewer.connect(address_);
    interest(viewer, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
}

/// The index of the next viewer to join.
Viewer::Kind Crowd::kind(unsigned index) const {
    if (index < options_.viewers) return Viewer::Kind::good;
    index -= options_.viewers;
    if (index < options_.slow) return Viewer::Kind::slow;
    return index - options_.slow < options_.stuck ? Viewer::Kind::stuck : Viewer::Kind::beside;
}

void Crowd::add(Viewer::Kind kind) {
    Tally &tally = kind == Viewer::Kind::good     ? good_
                   : kind == Viewer::Kind::beside ? beside_
                                                  : other_;
    Viewer::Target which = target(unsigned(viewers_.size()));
    if (kind == Viewer::Kind::beside) which.stream = options_.stream + "-beside";
    start(viewers_.emplace_back(kind, which, tally, window_));
    ++waiting_;
}

void Crowd::add_probe() {
    start(probes_.emplace_back(Viewer::Kind::probe, target(0), probe_tally_, window_));
}

void Crowd::over(Viewer &viewer) {
    if (first_error_.empty()) first_error_ = viewer.error();
    viewer.close();
    if (viewer.kind() != Viewer::Kind::probe) return;
    ++failed_probes_;
    probes_.remove_if([&](const Viewer &one) { return &one == &viewer; });
}

void Crowd::serve(Viewer &viewer, uint32_t events) {
    const bool had_keyframe = viewer.has_keyframe();
    const auto lost = [&] {
        if (!had_keyframe && viewer.kind() != Viewer::Kind::probe) --waiting_;
        over(viewer);
    };
    if (events & EPOLLOUT) {
        if (!viewer.write()) return lost();
        if (!viewer.wants_to_write()) interest(viewer, EPOLL_CTL_MOD, EPOLLIN);
    }
    if (events & ~uint32_t(EPOLLOUT)) {
        if (!viewer.read(scratch_.data(), scratch_.size())) return lost();
        if (viewer.wants_to_write()) interest(viewer, EPOLL_CTL_MOD, EPOLLIN | EPOLLOUT);
    }
    if (had_keyframe || !viewer.has_keyframe()) return;
    switch (viewer.kind()) {
    case Viewer::Kind::good:
    case Viewer::Kind::beside:
        --waiting_;
        break;
    case Viewer::Kind::slow:
        paced_.push_back(&viewer);
        [[fallthrough]];
    case Viewer::Kind::stuck:
        --waiting_;
        interest(viewer, EPOLL_CTL_DEL, 0);
        break;
    case Viewer::Kind::probe:
        viewer.close();
        probes_.remove_if([&](const Viewer &one) { return &one == &viewer; });
    }
}

void Crowd::read_slowly(Instant now) {
    if (paced_.empty() || now < next_slow_) return;
    next_slow_ = now + slow_pace;
    const auto share = size_t(options_.bitrate / 8 * slow_share * 0.1);
    std::erase_if(paced_, [&](Viewer *viewer) {
        if (viewer->read(scratch_.data(), scratch_.size(), share)) return false;
        over(*viewer);
        return true;
    });
}

/// Serves every socket that is ready, then waits for the next one, at most until then.
void Crowd::turn(Instant until) {
    const Instant began = Clock::now();
    read_slowly(began);
    if (window_.open && options_.probe_rate > 0) {
        for (; next_probe_ <= began; next_probe_ += seconds(1 / options_.probe_rate))
            add_probe();
        until = std::min(until, next_probe_);
    }
    if (!paced_.empty()) until = std::min(until, next_slow_);
    timespec wait{};
    if (options_.poll_ms == 0) {
        const int64_t left = std::clamp<int64_t>((until - began).count(), 0, 100'000'000);
        wait.tv_nsec = long(left);
    }
    const int n = epoll_pwait2(epoll_.get(), events_.data(), int(events_.size()), &wait, nullptr);
    if (n < 0 && errno != EINTR) throw system_failure("epoll_pwait2");
    for (int i = 0; i < n; ++i)
        serve(*static_cast<Viewer *>(events_[size_t(i)].data.ptr), events_[size_t(i)].events);
    check_();
    if (options_.poll_ms)
        std::this_thread::sleep_until(
            std::min(until, began + std::chrono::milliseconds(options_.poll_ms)));
}

void Crowd::join(std::chrono::seconds patience) {
    const unsigned all = options_.viewers + options_.slow + options_.stuck + options_.beside;
    const Instant began = Clock::now();
    while (viewers_.size() < all) {
        const Instant due = began + seconds(double(viewers_.size()) / options_.join_rate);
        if (due > Clock::now()) {
            turn(due);
            continue;
        }
        add(kind(unsigned(viewers_.size())));
    }
    const Instant end = Clock::now() + patience;
    while (waiting_ && Clock::now() < end)
        turn(end);
}

void Crowd::watch(std::chrono::duration<double> time) {
    const Instant end = Clock::now() + seconds(time.count());
    while (Clock::now() < end)
        turn(end);
}

bool Crowd::told() {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (poll(&input, 1, 0) <= 0) return false;
    char byte = '\n';
    while (::read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {
    }
    return true;
}

void Crowd::watch_until_told() {
    while (!told())
        turn(Clock::now() + 50ms);
}

void Crowd::open_window() {
    opened_ = next_probe_ = Clock::now();
    window_.begin_ns = now_ns();
    window_.open = true;
}

std::chrono::duration<double> Crowd::close_window() {
    window_.open = false;
    window_.end_ns = now_ns();
    return Clock::now() - opened_;
}

Crowd::Sum Crowd::sum(Viewer::Kind kind) const {
    Sum out;
    for (const Viewer &viewer : viewers_) {
        if (viewer.kind() != kind) continue;
        ++out.viewers;
        out.started += viewer.has_keyframe();
        out.closed += !viewer.open();
        out.with_gaps += viewer.gaps() > 0;
        out.frames += viewer.frames();
        out.gaps += viewer.gaps();
        out.broken_gaps += viewer.broken_gaps();
        out.missing += viewer.missing();
        out.disorder += viewer.disorder();
    }
    return out;
}

} // namespace load
