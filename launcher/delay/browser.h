// SPDX-License-Identifier: LGPL-2.1-or-later
// A page of the viewers in Chromium, which reads the stamps of the frames that it shows.
#pragma once

#include "delay/measured.h"

#include <glib.h>
#include <nlohmann/json_fwd.hpp>
#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::delay {

/// Chromium as a child process, controlled over a pipe (its DevTools protocol). Used on the main
/// loop's thread.
class Browser {
public:
    static bool is_installed();
    /// Samples are ignored until `warm_up` ns after the first frame.
    explicit Browser(int64_t warm_up) : warm_up_(warm_up) {}
    /// Ends the process and waits for it.
    ~Browser();
    Browser(const Browser &) = delete;
    Browser &operator=(const Browser &) = delete;

    /// Opens a page. Returns false and sets the reason if the browser can't be started.
    bool start(const std::string &url, std::string *error);
    /// Time of the first frame with a stamp; monotonic, µs; 0: none yet.
    int64_t first_picture() const { return first_; }
    /// Why nothing more comes; empty while it goes on.
    const std::string &failure() const { return failure_; }
    /// Has no hops, and nothing of the encoded stream.
    const Measured &measured() const { return measured_; }

private:
    bool spawn(std::string *error);
    void call(const char *method, const nlohmann::json &parameters);
    void handle(std::string_view message);
    void open_page();
    void take(const nlohmann::json &reading);
    void fail(const std::string &reason);
    bool read_all();

    const int64_t warm_up_;
    std::string url_, folder_, failure_;
    pid_t process_ = -1;
    int commands_ = -1, answers_ = -1; ///< pipes to and from the process
    guint watch_ = 0;
    int calls_ = 0;
    size_t next_step_ = 0;            ///< of open_page()
    std::string session_;             ///< that of the page; empty: not attached yet
    std::string pending_;             ///< of a message that is not whole yet
    int64_t started_ = 0, first_ = 0; ///< monotonic, µs
    std::optional<uint32_t> last_;    ///< the latest frame's number
    Measured measured_;
};

} // namespace penstock::delay
