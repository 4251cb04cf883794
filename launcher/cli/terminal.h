// SPDX-License-Identifier: LGPL-2.1-or-later
// Full-screen use of a terminal, restored on destruction; and a wait that q, Ctrl-C and SIGTERM
// end.
#pragma once

#include <string>
#include <termios.h>

namespace penstock::cli {

class Terminal {
public:
    /// With `whole_screen`, takes over screen and keyboard. Otherwise only wait() has an effect.
    explicit Terminal(bool whole_screen);
    ~Terminal();
    Terminal(const Terminal &) = delete;
    Terminal &operator=(const Terminal &) = delete;

    /// Shows the lines, truncated to the screen.
    void draw(const std::string &text);
    /// Returns false if the user wants to quit.
    bool wait(double seconds);

private:
    const bool whole_screen_;
    bool keys_ = false;
    termios before_{};
    int signals_ = -1; ///< a signalfd
};

} // namespace penstock::cli
