// SPDX-License-Identifier: LGPL-2.1-or-later
// RTMP publishers that send in real time on a separate thread, so that serving the viewers does not
// delay frames.
#pragma once

#include "histogram.h"
#include "rtmp.h"
#include "socket.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <thread>

namespace load {

class Publishers {
public:
    struct Settings {
        std::string address, app, stream; ///< stream-0, stream-1, … if there are several
        unsigned count = 1;
        bool beside = false;        ///< additionally stream-beside
        double bits_per_second = 0; ///< of each publisher
        double per_second = 100;    ///< publishers that start per second
    };
    explicit Publishers(Settings settings);
    ~Publishers();
    Publishers(const Publishers &) = delete;
    Publishers &operator=(const Publishers &) = delete;

    /// Number of sending publishers.
    unsigned sending() const { return sending_; }
    /// Empty: no error.
    std::string error() const;
    /// How late frames were sent since the last call.
    Histogram take_lateness();

    static std::string name(const Settings &settings, unsigned index);

private:
    struct One;
    void run(std::stop_token stop);
    void handle(One &one, uint32_t events);
    void begin(One &one);
    void send_due(One &one);
    void fail(const std::string &why);

    Settings settings_;
    sockaddr_in address_;
    Descriptor epoll_;
    std::vector<std::unique_ptr<One>> all_;
    std::atomic<unsigned> sending_{0};
    mutable std::mutex mutex_; ///< guards the following
    Histogram lateness_;
    std::string error_;
    std::jthread thread_; ///< last, so that it ends first
};

} // namespace load
