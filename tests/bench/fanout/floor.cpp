// SPDX-License-Identifier: LGPL-2.1-or-later
// fanout-floor: a minimal server for N viewers, as a lower bound in comparisons. Every client
// receives an FLV stream: prepared bytes, sent to one socket after another by writev, with a call
// per tag or per batch. Nothing is parsed or authorized.
#include "load/media.h"
#include "load/socket.h"

#include <CLI/CLI.hpp>
#include <cerrno>
#include <csignal>
#include <deque>
#include <iostream>
#include <memory>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

using namespace load;

namespace {

constexpr size_t batches_kept = 128; // a viewer that is further behind is closed
constexpr size_t most_pieces = 16;

/// The data to send, in order; batches are numbered from the first one's number.
class Ready {
public:
    void add(Buffer batch) {
        batches_.push_back(std::move(batch));
        if (batches_.size() > batches_kept) {
            batches_.pop_front();
            ++first_;
        }
    }
    uint64_t begin() const { return first_; }
    uint64_t end() const { return first_ + batches_.size(); }
    const Buffer &operator[](uint64_t number) const { return batches_[number - first_]; }

private:
    std::deque<Buffer> batches_;
    uint64_t first_ = 0;
};

struct Viewer {
    Descriptor socket;
    uint64_t batch = 0; ///< the next one
    size_t offset = 0;  ///< in it
    bool blocked = false;
};

class Floor {
public:
    Floor(uint16_t port, double bitrate, std::chrono::milliseconds batch)
        : programme_(bitrate), batch_(batch), epoll_(epoll_create1(EPOLL_CLOEXEC)),
          listener_(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
        sockaddr_in address = parse_address("127.0.0.1:" + std::to_string(port));
        const int on = 1;
        setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(listener_.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) < 0 ||
            listen(listener_.get(), 4096) < 0)
            throw system_failure("listen");
        epoll_event interest{EPOLLIN, {.ptr = nullptr}};
        epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, listener_.get(), &interest);
        write_flv_header(beginning_);
        for (const Tag &tag : programme_.beginning())
            write_flv_tag(beginning_, tag);
    }

    [[noreturn]] void run() {
        const auto began = Clock::now();
        auto next_batch = began + batch_;
        for (;;) {
            const auto due = began + programme_.next_due();
            const auto now = Clock::now();
            if (due <= now) {
                write_flv_tag(pending_, programme_.next(now_ns()));
                if (batch_.count() == 0) send_pending();
            } else if (batch_.count() && next_batch <= now) {
                send_pending();
                next_batch += batch_;
            } else {
                wait((batch_.count() ? std::min(due, next_batch) : due) - now);
            }
        }
    }

private:
    void send_pending() {
        if (pending_.empty()) return;
        ready_.add(std::exchange(pending_, {}));
        for (auto &viewer : viewers_)
            if (viewer->socket && !viewer->blocked) send_to(*viewer);
        std::erase_if(viewers_, [](const auto &viewer) { return !viewer->socket; });
    }

    void send_to(Viewer &viewer) {
        if (viewer.batch < ready_.begin()) return viewer.socket.reset();
        while (viewer.batch < ready_.end()) {
            iovec pieces[most_pieces];
            int count = 0;
            size_t size = 0;
            for (uint64_t i = viewer.batch; i < ready_.end() && count < int(most_pieces); ++i) {
                const size_t skip = i == viewer.batch ? viewer.offset : 0;
                const Buffer &bytes = ready_[i];
                pieces[count++] = {const_cast<char *>(bytes.data()) + skip, bytes.size() - skip};
                size += bytes.size() - skip;
            }
            ssize_t sent = writev(viewer.socket.get(), pieces, count);
            viewer.blocked = sent < ssize_t(size); // an edge of epoll tells when there is room
            if (sent < 0 && errno != EAGAIN) return viewer.socket.reset();
            for (sent = std::max<ssize_t>(sent, 0); sent > 0;) {
                const size_t left = ready_[viewer.batch].size() - viewer.offset;
                const size_t step = std::min(left, size_t(sent));
                sent -= ssize_t(step);
                viewer.offset += step;
                if (step == left) {
                    ++viewer.batch;
                    viewer.offset = 0;
                }
            }
            if (viewer.blocked) return;
        }
    }

    void accept_all() {
        for (;;) {
            Descriptor socket(accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK));
            if (!socket) return;
            if (send(socket.get(), beginning_.data(), beginning_.size(), MSG_NOSIGNAL) < 0)
                continue;
            const int on = 1; // what is sent leaves at once
            setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
            auto viewer = std::make_unique<Viewer>();
            viewer->batch = ready_.end();
            epoll_event interest{EPOLLOUT | EPOLLET, {.ptr = viewer.get()}};
            epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket.get(), &interest);
            viewer->socket = std::move(socket);
            viewers_.push_back(std::move(viewer));
        }
    }

    void wait(Clock::duration time) {
        const int64_t ns = std::max<int64_t>(time.count(), 0);
        const timespec timeout{ns / 1'000'000'000, ns % 1'000'000'000};
        epoll_event events[256];
        const int n = epoll_pwait2(epoll_.get(), events, 256, &timeout, nullptr);
        for (int i = 0; i < n; ++i) {
            if (!events[i].data.ptr) {
                accept_all();
                continue;
            }
            auto &viewer = *static_cast<Viewer *>(events[i].data.ptr);
            if (events[i].events & (EPOLLERR | EPOLLHUP)) viewer.socket.reset();
            if (!viewer.blocked || !viewer.socket) continue;
            viewer.blocked = false;
            send_to(viewer);
        }
    }

    Programme programme_;
    std::chrono::milliseconds batch_;
    Descriptor epoll_, listener_;
    Buffer beginning_, pending_;
    Ready ready_;
    std::vector<std::unique_ptr<Viewer>> viewers_;
};

} // namespace

int main(int argc, char **argv) {
    signal(SIGPIPE, SIG_IGN);
    CLI::App app("Sends one FLV stream to whoever connects, at the least cost.", "fanout-floor");
    uint16_t port = 0;
    double bitrate = 2.15e6;
    unsigned batch_ms = 0, viewers = 1000;
    app.add_option("--port", port, "Where to listen, on 127.0.0.1")->required();
    app.add_option("--bitrate", bitrate, "Bits per second, sound included")->capture_default_str();
    app.add_option("--batch-ms", batch_ms, "How much leaves at once; 0: each tag when it is due");
    app.add_option("--viewers", viewers, "How many will come, at most")->capture_default_str();
    CLI11_PARSE(app, argc, argv);
    try {
        allow_descriptors(viewers + 64);
        Floor(port, bitrate, std::chrono::milliseconds(batch_ms)).run();
    } catch (const std::exception &error) {
        std::cerr << "fanout-floor: " << error.what() << "\n";
        return 1;
    }
}
