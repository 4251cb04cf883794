// SPDX-License-Identifier: LGPL-2.1-or-later
// A terminal's whole screen, given back as it was; and a wait that q, Ctrl-C and SIGTERM end.
#pragma once

#include <string>
#include <termios.h>

namespace penstock::cli {

class Terminal {
public:
    /// `whole_screen`: takes the screen and the keys. Otherwise only wait() does something.
    explicit Terminal(bool whole_screen);
    ~Terminal();
    Terminal(const Terminal &) = delete;
    Terminal &operator=(const Terminal &) = delete;

    /// Shows these lines, cut to the screen.
    void draw(const std::string &text);
    /// False if the user wants to leave.
    bool wait(double seconds);

private:
    const bool whole_screen_;
    bool keys_ = false;
    termios before_{};
    int signals_ = -1; ///< a signalfd
};

} // namespace penstock::cli
