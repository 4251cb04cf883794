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
#include <string_view>
#include <utility>

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

Terminal::Size Terminal::size() {
    winsize size{};
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) return {};
    return {size.ws_row, size.ws_col};
}

void Terminal::draw(const std::string &text, const std::string &footer) {
    const Size size = Terminal::size();
    std::istringstream lines(Output::get().scrub(text));
    std::string out = "\x1b[H";
    const size_t rows = size.rows > 1 ? size.rows - 1 : 1000;
    std::string line;
    for (size_t row = 0; row < rows && std::getline(lines, line); ++row)
        out += line + "\x1b[K\r\n";
    out += "\x1b[J"; // clears the rest of the screen
    if (size.rows > 1) out += "\x1b[" + std::to_string(size.rows) + ";1H" + footer;
    // The terminal truncates long lines instead of wrapping.
    std::fputs(("\x1b[?7l" + out + "\x1b[?7h").c_str(), stdout);
    std::fflush(stdout);
}

/// A key is a character, or an escape sequence that arrives as a whole.
Terminal::Key Terminal::read_key() {
    char text[8] = {};
    const ssize_t size = read(STDIN_FILENO, text, sizeof text);
    if (size <= 0) {
        keys_ = false;
        return Key::none;
    }
    const std::string_view key(text, size_t(size));
    constexpr std::pair<std::string_view, Key> known[] = {
        {"q", Key::quit},
        {"Q", Key::quit},
        {"\x1b[D", Key::left},
        {"\x1bOD", Key::left},
        {"h", Key::left},
        {"\x1b[C", Key::right},
        {"\x1bOC", Key::right},
        {"l", Key::right},
        {"\x1b[A", Key::up},
        {"\x1bOA", Key::up},
        {"k", Key::up},
        {"\x1b[B", Key::down},
        {"\x1bOB", Key::down},
        {"j", Key::down},
        {"\x1b[5~", Key::page_up},
        {"\x1b[6~", Key::page_down},
        {" ", Key::page_down},
        {"\x1b[H", Key::home},
        {"\x1bOH", Key::home},
        {"g", Key::home},
    };
    for (const auto &[sequence, meaning] : known)
        if (key.starts_with(sequence)) return meaning;
    return Key::none;
}

Terminal::Key Terminal::wait(double seconds) {
    using Clock = std::chrono::steady_clock;
    const auto until = Clock::now() + std::chrono::duration<double>(seconds);
    while (true) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        if (left <= 0) return Key::none;
        // If the reader of the pipe is gone, writing is pointless.
        pollfd files[] = {{signals_, POLLIN, 0}, {STDOUT_FILENO, 0, 0}, {STDIN_FILENO, POLLIN, 0}};
        const int ready = poll(files, keys_ ? 3 : 2, static_cast<int>(left));
        if (ready <= 0) continue;
        if (files[0].revents || (files[1].revents & (POLLERR | POLLHUP))) return Key::quit;
        if (!keys_ || !files[2].revents) continue;
        if (const Key key = read_key(); key != Key::none) return key;
    }
}

} // namespace penstock::cli
