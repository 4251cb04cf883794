// SPDX-License-Identifier: LGPL-2.1-or-later
// All viewers on a single thread and epoll: they join, watch, and are measured in a window.
#pragma once

#include "options.h"

#include <deque>
#include <functional>
#include <list>
#include <sys/epoll.h>

namespace load {

class Crowd {
public:
    /// `check` is called repeatedly and throws to end the run.
    Crowd(const Options &options, std::function<void()> check);

    /// Lets the viewers join until each has its first keyframe or `patience` has passed.
    void join(std::chrono::seconds patience);
    /// Lets them watch.
    void watch(std::chrono::duration<double> time);
    /// Lets them watch until a line or the end of standard input arrives.
    void watch_until_told();
    /// Opens and closes the measurement window, and returns how long it was open.
    void open_window();
    std::chrono::duration<double> close_window();

    const Tally &good() const { return good_; }
    const Tally &beside() const { return beside_; }
    const Tally &probes() const { return probe_tally_; }
    struct Sum {
        unsigned viewers = 0, started = 0, closed = 0, with_gaps = 0;
        uint64_t frames = 0, gaps = 0, broken_gaps = 0, missing = 0, disorder = 0;
    };
    Sum sum(Viewer::Kind kind) const;
    /// Probes that were closed or had no frame at the end.
    unsigned failed_probes() const { return failed_probes_; }
    unsigned probes_waiting() const { return unsigned(probes_.size()); }
    /// Why the first of them was closed; empty: none.
    const std::string &first_error() const { return first_error_; }

private:
    using Instant = Clock::time_point;
    Viewer::Target target(unsigned index) const;
    Viewer::Kind kind(unsigned index) const;
    void add(Viewer::Kind kind);
    void add_probe();
    void start(Viewer &viewer);
    void turn(Instant until);
    void serve(Viewer &viewer, uint32_t events);
    void read_slowly(Instant now);
    void over(Viewer &viewer);
    void interest(Viewer &viewer, int operation, uint32_t events);
    bool told();

    const Options &options_;
    std::function<void()> check_;
    sockaddr_in address_;
    Descriptor epoll_;
    Tally good_, beside_, probe_tally_, other_;
    Viewer::Window window_;
    Instant opened_, next_slow_, next_probe_;
    std::deque<Viewer> viewers_;
    std::list<Viewer> probes_;
    std::vector<Viewer *> paced_; ///< slow viewers that have a keyframe
    unsigned failed_probes_ = 0, waiting_ = 0;
    std::string first_error_;
    std::vector<epoll_event> events_;
    std::vector<uint8_t> scratch_;
};

} // namespace load
