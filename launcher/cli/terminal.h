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

    struct Size {
        size_t rows = 0, columns = 0; ///< 0: unknown
    };
    static Size size();

    /// Shows the lines, truncated to the screen, and `footer` in its last row.
    void draw(const std::string &text, const std::string &footer);
    enum class Key { none, quit, left, right, up, down, page_up, page_down, home };
    /// Waits for a key; `none` when the time is over. Signals that end the process are `quit`.
    Key wait(double seconds);

private:
    Key read_key();

    const bool whole_screen_;
    bool keys_ = false;
    termios before_{};
    int signals_ = -1; ///< a signalfd
};

} // namespace penstock::cli
