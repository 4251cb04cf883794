// SPDX-License-Identifier: LGPL-2.1-or-later
// How busy the machine was during a measurement: frames that come late on a machine without time
// to spare say nothing about the stream. Linux; no GStreamer.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace penstock::expect {

/// Times of all processors together, in ticks since boot.
struct ProcessorTicks {
    uint64_t busy = 0, all = 0;
};
/// From the text of /proc/stat; nullopt if it has no such line.
std::optional<ProcessorTicks> processor_ticks(std::string_view stat);

struct Load {
    std::optional<double> busy; ///< share of the processors' time that was used, 0 to 1
    double own = 0;             ///< the share that this process used, 0 to 1
    double late = 0;            ///< seconds; the longest that a thread was woken too late
};
/// Whether it left too little time to trust figures about frames that come in time.
bool is_overload(const Load &load);
/// "38 % busy (21 % by this test), threads woken up to 2 ms late"; of an overload, with what to do.
std::string words_of(const Load &load);

/// Measures from its creation to read(), with a thread that wakes every 10 ms.
class LoadMeter {
public:
    LoadMeter();
    ~LoadMeter();
    LoadMeter(const LoadMeter &) = delete;
    LoadMeter &operator=(const LoadMeter &) = delete;

    Load read();

private:
    void run();

    const std::optional<ProcessorTicks> ticks_;
    const int64_t own_;     ///< processor time of this process, µs
    const int64_t started_; ///< monotonic, µs
    std::mutex mutex_;      ///< guards what follows
    std::condition_variable ends_;
    bool is_over_ = false;
    int64_t late_ = 0; ///< µs
    std::thread thread_;
};

} // namespace penstock::expect
