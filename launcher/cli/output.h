// SPDX-License-Identifier: LGPL-2.1-or-later
// Terminal output: colours and a status line on terminals only, secrets removed, and priorities for
// journald.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

/// The process's stdout and stderr. Thread-safe.
class Output {
public:
    static Output &get();

    /// Replaces these texts by *** in all output.
    void hide(const std::vector<std::string> &secrets);
    /// Prints one line to stdout; adds the newline.
    void print(const std::string &text);
    /// Prints "error: …" or "warning: …" to stderr; may have several lines.
    void error(const std::string &text);
    void warning(const std::string &text);
    /// Prints text to stderr without a prefix.
    void plain_error(const std::string &text);
    /// From now on each line begins with the time, except in the journal, which has its own.
    void show_times();
    /// Sets the status line at the bottom of a terminal; no effect on a pipe. Empty: removes it.
    void status(const std::string &text);

    /// Returns the text with secrets replaced.
    std::string scrub(std::string text);

    bool is_terminal() const { return terminal_; }
    /// Style codes, if stdout is a terminal with colours.
    std::string bold(const std::string &text) const { return styled("1", text); }
    std::string dim(const std::string &text) const { return styled("2", text); }
    std::string green(const std::string &text) const { return styled("32", text); }
    std::string yellow(const std::string &text) const { return styled("33", text); }
    std::string red(const std::string &text) const { return styled("1;31", text); }

private:
    Output();
    std::string styled(const char *code, const std::string &text) const;
    std::string scrub_locked(std::string text) const;
    void write_error(int priority, const char *label, const char *colour, const std::string &text);
    std::string time_on(bool terminal, bool journal) const;
    void clear_status();
    void draw_status();

    bool terminal_ = false;       ///< stdout is a terminal
    bool colours_ = false;        ///< on stdout
    bool error_terminal_ = false; ///< stderr is a terminal
    bool error_colours_ = false;  ///< on stderr
    bool times_ = false;          ///< guarded by mutex_
    bool journal_ = false;        ///< stdout goes to journald, which reads priorities
    bool error_journal_ = false;  ///< stderr goes to journald
    std::mutex mutex_;
    std::vector<std::string> secrets_;
    std::string status_;
};

/// Pads `text` to `width` columns; the width counts characters, not bytes.
std::string pad(const std::string &text, size_t width);
size_t width_of(std::string_view text);

} // namespace penstock::cli
