// SPDX-License-Identifier: LGPL-2.1-or-later
#include "crowd.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace load {
namespace {

constexpr size_t read_size = 256 << 10;
constexpr size_t most_skipped = 1 << 20; // in one call

int64_t ns(std::chrono::duration<double> time) {
    return int64_t(time.count() * 1e9);
}

} // namespace

Crowd::Line::Line(Crowd &crowd, One &one)
    : socket(connect_to(crowd.address_)),
      http(crowd.options_.http2 ? make_http2(crowd.options_.play)
                                : make_http1(crowd.options_.play)),
      owner(one) {
    if (crowd.options_.http2)
        tls.emplace(socket.get(), "h2");
    else if (crowd.options_.tls)
        tls.emplace(socket.get(), "http/1.1");
    epoll_event event{EPOLLIN | EPOLLOUT, {.ptr = this}};
    if (epoll_ctl(crowd.epoll_.get(), EPOLL_CTL_ADD, socket.get(), &event) < 0)
        throw system_failure("epoll_ctl");
}

Crowd::Crowd(const CrowdOptions &options)
    : options_(options), address_(parse_address(options.play)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)), scratch_(read_size) {
    if (!epoll_) throw system_failure("epoll_create1");
}

void Crowd::add() {
    One &one = all_.emplace_back();
    for (int i = 0; i < (options_.http2 ? 1 : 2); ++i)
        one.lines.push_back(std::make_unique<Line>(*this, one));
    one.player = std::make_unique<Player>(options_.player, *one.lines.front()->http,
                                          *one.lines.back()->http, arrivals_);
    one.player->start();
}

void Crowd::join(std::chrono::seconds patience) {
    const int64_t began = steady_ns();
    while (all_.size() < options_.players) {
        const int64_t due = began + int64_t(double(all_.size()) / options_.join_rate * 1e9);
        if (due > steady_ns())
            turn(due);
        else
            add();
    }
    const int64_t end = steady_ns() + ns(patience);
    const auto is_ready = [](const One &one) { return one.has_failed || one.player->has_media(); };
    while (steady_ns() < end && !std::all_of(all_.begin(), all_.end(), is_ready))
        turn(std::min(end, steady_ns() + 50'000'000));
}

void Crowd::play(std::chrono::duration<double> time) {
    const int64_t end = steady_ns() + ns(time);
    while (steady_ns() < end)
        turn(end);
}

void Crowd::turn(int64_t until_ns) {
    if (!alarms_.empty()) until_ns = std::min(until_ns, alarms_.top().first);
    std::array<epoll_event, 256> events;
    const int64_t left = std::clamp<int64_t>(until_ns - steady_ns(), 0, 100'000'000);
    const timespec wait{0, long(left)};
    const int n = epoll_pwait2(epoll_.get(), events.data(), int(events.size()), &wait, nullptr);
    if (n < 0 && errno != EINTR) throw system_failure("epoll_pwait2");
    for (int i = 0; i < n; ++i) {
        Line &line = *static_cast<Line *>(events[size_t(i)].data.ptr);
        if (!line.owner.has_failed) serve(line, events[size_t(i)].events);
    }
    while (!alarms_.empty() && alarms_.top().first <= steady_ns()) {
        One &one = *alarms_.top().second;
        alarms_.pop();
        if (one.has_failed) continue;
        one.player->turn();
        settle(one);
    }
}

void Crowd::serve(Line &line, uint32_t events) {
    if ((events & ~uint32_t(EPOLLOUT)) && !receive(line))
        return fail(line.owner, line.http->error.empty() ? "the server closed the connection"
                                                         : line.http->error);
    settle(line.owner);
}

bool Crowd::receive(Line &line) {
    for (;;) {
        // TCP drops what nobody wants without a copy.
        const size_t unwanted = line.tls ? 0 : std::min(line.http->unwanted(), most_skipped);
        const ssize_t got = line.tls ? line.tls->receive(scratch_.data(), scratch_.size())
                            : unwanted > 0
                                ? recv(line.socket.get(), nullptr, unwanted, MSG_TRUNC)
                                : recv(line.socket.get(), scratch_.data(), scratch_.size(), 0);
        if (got < 0) return errno == EAGAIN || errno == EINTR;
        if (got == 0) return false;
        bytes_ += uint64_t(got);
        if (unwanted > 0)
            line.http->skip(size_t(got));
        else if (!line.http->feed(scratch_.data(), size_t(got)))
            return false;
    }
}

void Crowd::send(Line &line) {
    if (!line.http->out.empty() &&
        !flush(line.socket.get(), line.http->out, line.tls ? &*line.tls : nullptr))
        return fail(line.owner, "the server closed the connection");
    const bool has_more = !line.http->out.empty();
    if (has_more == line.watches_writing) return;
    line.watches_writing = has_more;
    epoll_event event{uint32_t(EPOLLIN) | (has_more ? uint32_t(EPOLLOUT) : 0), {.ptr = &line}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, line.socket.get(), &event);
}

/// Sends what the player has asked for meanwhile, and notes when it wakes.
void Crowd::settle(One &one) {
    for (const auto &line : one.lines)
        if (!one.has_failed) send(*line);
    if (one.has_failed) return;
    if (!one.player->error().empty()) return fail(one, one.player->error());
    const int64_t wakes_at = one.player->wakes_at();
    if (wakes_at == one.alarm_ns) return;
    one.alarm_ns = wakes_at;
    if (wakes_at != INT64_MAX) alarms_.push({wakes_at, &one});
}

void Crowd::fail(One &one, const std::string &why) {
    one.has_failed = true;
    if (first_error_.empty()) first_error_ = why;
    for (const auto &line : one.lines) {
        line->tls.reset();
        line->socket.reset();
    }
}

Crowd::Sum Crowd::sum() const {
    Sum out;
    for (const One &one : all_) {
        ++out.players;
        out.started += one.player->has_media();
        out.failed += one.has_failed;
    }
    return out;
}

} // namespace load
