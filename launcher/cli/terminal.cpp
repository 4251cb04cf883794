// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/terminal.h"

#include "cli/output.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <sstream>

namespace penstock::cli {

Terminal::Terminal(bool whole_screen) : whole_screen_(whole_screen) {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        sigaddset(&set, number);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    signals_ = signalfd(-1, &set, SFD_CLOEXEC);
    if (!whole_screen_) return;
    if (isatty(STDIN_FILENO) && tcgetattr(STDIN_FILENO, &before_) == 0) {
        termios raw = before_;
        raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
        keys_ = tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0;
    }
    std::fputs("\x1b[?1049h\x1b[?25l", stdout); // alternate screen, hidden cursor
    std::fflush(stdout);
}

Terminal::~Terminal() {
    if (signals_ >= 0) close(signals_);
    if (!whole_screen_) return;
    std::fputs("\x1b[?25h\x1b[?1049l", stdout);
    std::fflush(stdout);
    if (keys_) tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

void Terminal::draw(const std::string &text) {
    winsize size{};
    const bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 1;
    std::istringstream lines(Output::get().scrub(text));
    std::string out = "\x1b[H";
    const int rows = known ? size.ws_row - 1 : 1000;
    std::string line;
    for (int row = 0; row < rows && std::getline(lines, line); ++row)
        out += line + "\x1b[K\r\n";
    // The terminal truncates long lines instead of wrapping; the rest of the screen is cleared.
    std::fputs(("\x1b[?7l" + out + "\x1b[J\x1b[?7h").c_str(), stdout);
    std::fflush(stdout);
}

bool Terminal::wait(double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    while (true) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        if (left <= 0) return true;
        // If the reader of the pipe is gone, writing is pointless.
        pollfd files[] = {{signals_, POLLIN, 0}, {STDOUT_FILENO, 0, 0}, {STDIN_FILENO, POLLIN, 0}};
        const int ready = poll(files, keys_ ? 3 : 2, static_cast<int>(left));
        if (ready <= 0) continue;
        if (files[0].revents || (files[1].revents & (POLLERR | POLLHUP))) return false;
        char key = 0;
        if (keys_ && files[2].revents) {
            if (read(STDIN_FILENO, &key, 1) != 1)
                keys_ = false;
            else if (key == 'q' || key == 'Q')
                return false;
        }
    }
}

} // namespace penstock::cli
