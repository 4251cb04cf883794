// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/output.h"

#include "cli/help.h"
#include "cli/width.h"
#include "description/launch_text.h"
#include "gst/ptr.h"

#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>

namespace penstock::cli {
namespace {

bool wants_colours(int descriptor) {
    const char *none = std::getenv("NO_COLOR");
    const char *terminal = std::getenv("TERM");
    return isatty(descriptor) && !(none && *none) &&
           !(terminal && std::string_view(terminal) == "dumb");
}

/// Truncates to the terminal's width, because a wrapped line could not be cleared.
std::string fit(const std::string &text, size_t width) {
    size_t used = 0, i = 0;
    while (i < text.size()) {
        if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 && used++ == width) break;
        ++i;
    }
    return text.substr(0, i);
}

/// Whether the descriptor is connected to the journal; systemd announces its identity.
bool is_journal(int descriptor) {
    const char *named = std::getenv("JOURNAL_STREAM");
    struct stat status {};
    return named && fstat(descriptor, &status) == 0 &&
           named == std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
}

/// Prefixes each line with its syslog priority for journald.
std::string with_priority(int priority, const std::string &text) {
    const std::string mark = "<" + std::to_string(priority) + ">";
    std::string out;
    for (size_t begin = 0; begin < text.size();) {
        const size_t end = std::min(text.find('\n', begin), text.size() - 1) + 1;
        out += mark + text.substr(begin, end - begin);
        begin = end;
    }
    return out;
}

} // namespace

Output &Output::get() {
    static Output output;
    return output;
}

Output::Output()
    : terminal_(isatty(STDOUT_FILENO)), colours_(wants_colours(STDOUT_FILENO)),
      error_terminal_(isatty(STDERR_FILENO)), error_colours_(wants_colours(STDERR_FILENO)),
      journal_(is_journal(STDOUT_FILENO)), error_journal_(is_journal(STDERR_FILENO)) {
}

void Output::hide(const std::vector<std::string> &secrets) {
    std::lock_guard lock(mutex_);
    for (const std::string &secret : secrets) {
        secrets_.push_back(secret);
        // Hides the secret in each of its forms: in launch text, in GStreamer's log of that, and in
        // a URI.
        const std::string quoted = description::quote_string_value(secret);
        const GOwned<> logged(g_strescape(quoted.c_str(), nullptr));
        const GOwned<> escaped(g_uri_escape_string(secret.c_str(), nullptr, FALSE));
        for (std::string form : {quoted, std::string(logged.get()), std::string(escaped.get())}) {
            while (form.starts_with('"') || form.starts_with("\\\""))
                form.erase(0, form.find('"') + 1);
            while (form.ends_with('"'))
                form.resize(form.size() - (form.ends_with("\\\"") ? 2 : 1));
            if (form != secret) secrets_.push_back(form);
        }
    }
}

std::string Output::scrub_locked(std::string text) const {
    for (const std::string &secret : secrets_)
        for (size_t at = 0; (at = text.find(secret, at)) != text.npos; at += 3)
            text.replace(at, secret.size(), "***");
    // Hides the `key` of any URL, up to the first character that can't be part of it.
    for (size_t at = 0; (at = text.find("key", at)) != text.npos;) {
        const std::string_view before = std::string_view(text).substr(0, at);
        at += 3;
        // In launch text `?`, `&` and `=` are octal escapes, and GStreamer percent-encodes paths in
        // URIs.
        bool in_query = false;
        for (const char *mark : {"?", "&", "\\077", "\\046", "%3F", "%26"})
            in_query |= before.ends_with(mark);
        const size_t equals = std::min(text.find_first_not_of('\\', at), text.size());
        if (text.compare(equals, 1, "=") == 0)
            at = equals + 1;
        else if (text.compare(equals, 3, "075") == 0 && equals > at)
            at = equals + 3;
        else
            continue;
        const size_t end = std::min(text.find_first_of("&#'\"<> \t\n,;)\\", at), text.size());
        const std::string_view value = std::string_view(text).substr(at, end - at);
        if (in_query && value != "KEY" && value != "…") text.replace(at, end - at, "***");
    }
    return text;
}

std::string Output::scrub(std::string text) {
    std::lock_guard lock(mutex_);
    return scrub_locked(std::move(text));
}

std::string Output::styled(const char *code, const std::string &text) const {
    return colours_ ? std::string("\x1b[") + code + "m" + text + "\x1b[0m" : text;
}

void Output::clear_status() {
    if (terminal_ && !status_.empty()) std::fputs("\r\x1b[K", stdout);
}

void Output::draw_status() {
    if (terminal_ && !status_.empty())
        std::fputs(fit(status_, terminal_columns() - 1).c_str(), stdout);
    std::fflush(stdout);
}

void Output::show_times() {
    std::lock_guard lock(mutex_);
    times_ = true;
}

/// On a terminal the time of day, in a file the date too.
std::string Output::time_on(bool terminal, bool journal) const {
    if (!times_ || journal) return "";
    const std::unique_ptr<GDateTime, void (*)(GDateTime *)> now(g_date_time_new_now_local(),
                                                                g_date_time_unref);
    const GOwned<> text(
        g_date_time_format(now.get(), terminal ? "%H:%M:%S  " : "%Y-%m-%dT%H:%M:%S%:z  "));
    return text.get() ? text.get() : "";
}

void Output::print(const std::string &text) {
    std::lock_guard lock(mutex_);
    clear_status();
    const std::string out = time_on(terminal_, journal_) + scrub_locked(text) + "\n";
    std::fputs((journal_ ? with_priority(LOG_INFO, out) : out).c_str(), stdout);
    draw_status();
}

void Output::write_error(int priority, const char *label, const char *colour,
                         const std::string &text) {
    std::lock_guard lock(mutex_);
    clear_status();
    std::fflush(stdout);
    const std::string time = time_on(error_terminal_, error_journal_);
    std::string out = label + scrub_locked(text);
    if (out.ends_with('\n')) out.pop_back();
    if (error_terminal_) {
        const size_t columns = terminal_columns(), begin = width_of(time);
        out = hung(error_in_width(out, columns > 2 * begin ? columns - begin : columns), begin);
    }
    if (error_colours_ && *label)
        out = std::string("\x1b[") + colour + "m" + label + "\x1b[0m" +
              out.substr(std::string_view(label).size());
    out = time + out + '\n';
    std::fputs((error_journal_ ? with_priority(priority, out) : out).c_str(), stderr);
    draw_status();
}

void Output::error(const std::string &text) {
    write_error(LOG_ERR, "error: ", "1;31", text);
}

void Output::warning(const std::string &text) {
    write_error(LOG_WARNING, "warning: ", "33", text);
}

void Output::plain_error(const std::string &text) {
    write_error(LOG_ERR, "", "", text);
}

void Output::status(const std::string &text) {
    if (!terminal_) return;
    std::lock_guard lock(mutex_);
    clear_status();
    status_ = scrub_locked(text);
    draw_status();
}

size_t width_of(std::string_view text) {
    size_t width = 0;
    for (const char c : text)
        width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    return width;
}

std::string pad(const std::string &text, size_t width) {
    const size_t used = width_of(text);
    return used < width ? text + std::string(width - used, ' ') : text;
}

} // namespace penstock::cli
