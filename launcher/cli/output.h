// SPDX-License-Identifier: LGPL-2.1-or-later
// What people read: colours on a terminal only, a status line that stays the last, no secrets. What
// goes to journald has its priority in front.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

/// The process's stdout and stderr. Every function may be called from any thread.
class Output {
public:
    static Output &get();

    /// These texts are replaced by *** wherever they would appear.
    void hide(const std::vector<std::string> &secrets);
    /// One line to stdout; the end is added.
    void print(const std::string &text);
    /// One message to stderr, "error: …" or "warning: …"; may have several lines.
    void error(const std::string &text);
    void warning(const std::string &text);
    /// Text that is complete in itself, to stderr.
    void plain_error(const std::string &text);
    /// Replaces the last line of a terminal; on a pipe nothing happens. Empty: none any more.
    void status(const std::string &text);

    /// The text without what is hidden.
    std::string scrub(std::string text);

    bool is_terminal() const { return terminal_; }
    /// Bold, dim and so on where stdout is a terminal that wants colours.
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
    void clear_status();
    void draw_status();

    bool terminal_ = false;       ///< stdout is one
    bool colours_ = false;        ///< on stdout
    bool error_terminal_ = false; ///< stderr is one
    bool error_colours_ = false;  ///< on stderr
    bool journal_ = false;        ///< stdout goes to journald, which wants priorities
    bool error_journal_ = false;  ///< stderr does
    std::mutex mutex_;
    std::vector<std::string> secrets_;
    std::string status_;
};

/// "name  text" with the names in one column; the width counts characters, not bytes.
std::string pad(const std::string &text, size_t width);
size_t width_of(std::string_view text);

} // namespace penstock::cli
