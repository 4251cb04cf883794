// SPDX-License-Identifier: LGPL-2.1-or-later
// All viewers on a single thread and epoll: they join, watch, and are measured in a window.
#pragma once

#include "options.h"
#include "viewer.h"

#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <string>

namespace load {

class Crowd {
public:
    /// `check` is called repeatedly and throws to end the run.
    Crowd(const Options &options, std::function<void()> check);
    Crowd(const Crowd &) = delete;
    Crowd &operator=(const Crowd &) = delete;

    /// Lets the first viewer join alone and then the others, until each has its first keyframe or
    /// `patience` has passed.
    void join(std::chrono::seconds patience);
    /// Lets them watch.
    void watch(std::chrono::duration<double> time);
    /// Lets them watch until a line or the end of standard input arrives.
    void watch_until_told();
    /// Opens and closes the measurement window, and returns how long it was open.
    void open_window();
    std::chrono::duration<double> close_window();
    /// Lets them leave, for a few seconds at most.
    void leave();

    const Tally &tally() const { return tally_; }
    /// What the viewers count from their beginning on.
    struct Sum {
        unsigned viewers = 0, joined = 0, failed = 0, ended = 0, with_losses = 0;
        uint64_t lost = 0, gaps = 0, duplicates = 0, late = 0, repaired = 0, asked = 0;
        uint64_t packets_video = 0, packets_audio = 0, lost_audio = 0;
        uint64_t broken_frames = 0, missing_frames = 0;
        uint64_t refused = 0; ///< by SRTP
        uint64_t dropped = 0; ///< by this machine's kernel, as they were not read in time
        std::map<std::string, unsigned> failures; ///< and how many had each
        std::map<std::string, unsigned> profiles;
    };
    Sum sum() const;

private:
    void add();
    void settle(std::chrono::duration<double> patience);
    void turn(int64_t until_ns);
    void send_reports(int64_t now);
    void send_nacks();

    const Options &options_;
    std::function<void()> check_;
    rtc_test::Loop loop_;
    std::shared_ptr<penstock::dtls::Context> context_;
    Viewer::Settings settings_;
    Tally tally_;
    Window window_;
    int64_t opened_ns_ = 0, next_nacks_ns_ = 0;
    bool is_joining_ = false;
    std::deque<Viewer> viewers_;
    std::deque<std::pair<int64_t, Viewer *>> reports_; ///< when each sends its next
};

} // namespace load
