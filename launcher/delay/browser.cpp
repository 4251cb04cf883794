// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/browser.h"

#include <glib-unix.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>
#include <vector>

extern char **environ;

namespace penstock::delay {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::array programs{"chromium", "chromium-browser", "google-chrome"};
constexpr int command_end = 3, answer_end = 4; ///< descriptors of --remote-debugging-pipe
constexpr size_t longest_message = 8 << 20;
constexpr double longest_latency = 60; ///< seconds; longer ones are caused by wrong clocks
constexpr size_t longest_trace = 108'000;

/// The page dispatches an event for each frame whose stamp it has read.
constexpr const char *script = R"(
addEventListener('latencyreading', ({ detail: { frame, latency, verdict } }) =>
  penstockReading(JSON.stringify({ frame, latency, verdict })), true);
)";

std::string path_of_program() {
    for (const char *program : programs)
        if (char *found = g_find_program_in_path(program)) {
            std::string path = found;
            g_free(found);
            return path;
        }
    return {};
}

std::vector<std::string> arguments_of(const std::string &program, const std::string &folder) {
    std::vector<std::string> out = {
        program, "--headless", "--remote-debugging-pipe", "--user-data-dir=" + folder,
        "--window-size=1280,1000", "--no-first-run", "--disable-gpu", "--disable-quic",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--autoplay-policy=no-user-gesture-required",
        // On loopback there is nobody to resolve the names that hide addresses.
        "--disable-features=WebRtcHideLocalIpsWithMdns"};
    if (geteuid() == 0) out.emplace_back("--no-sandbox"); // its sandbox refuses root
    out.emplace_back("about:blank");
    return out;
}

/// A pipe; the child's end has a number that no duplicate for the child takes.
bool make_pipe(int &ours, int &theirs, bool child_reads) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return false;
    ours = ends[child_reads ? 1 : 0];
    const int end = ends[child_reads ? 0 : 1];
    theirs = ::fcntl(end, F_DUPFD_CLOEXEC, answer_end + 1);
    ::close(end);
    return theirs >= 0;
}

} // namespace

bool Browser::is_installed() {
    return !path_of_program().empty();
}

Browser::~Browser() {
    if (watch_) g_source_remove(watch_);
    if (commands_ >= 0) ::close(commands_);
    if (process_ > 0) {
        ::kill(-process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    if (answers_ >= 0) ::close(answers_);
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

bool Browser::start(const std::string &url, std::string *error) {
    url_ = url;
    started_ = g_get_monotonic_time();
    std::string name = (fs::temp_directory_path() / "penstock-browser-XXXXXX").string();
    if (!::mkdtemp(name.data())) {
        *error = "no temporary folder: " + std::string(std::strerror(errno));
        return false;
    }
    folder_ = name;
    if (!spawn(error)) return false;
    watch_ = g_unix_fd_add(
        answers_, GIOCondition(G_IO_IN | G_IO_HUP | G_IO_ERR),
        [](gint, GIOCondition, gpointer self) -> gboolean {
            return static_cast<Browser *>(self)->read_all();
        },
        this);
    call("Target.createTarget", {{"url", "about:blank"}});
    return true;
}

bool Browser::spawn(std::string *error) {
    const std::string program = path_of_program();
    int command = -1, answer = -1;
    bool good = make_pipe(commands_, command, true) && make_pipe(answers_, answer, false);
    good = good && ::fcntl(answers_, F_SETFL, O_NONBLOCK) == 0;
    std::vector<std::string> texts = arguments_of(program, folder_);
    std::vector<char *> arguments;
    for (std::string &text : texts)
        arguments.push_back(text.data());
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        posix_spawn_file_actions_addopen(&files, descriptor, "/dev/null", O_RDWR, 0);
    posix_spawn_file_actions_adddup2(&files, command, command_end);
    posix_spawn_file_actions_adddup2(&files, answer, answer_end);
    // Signals are blocked in this thread; the child must not inherit that. Its own group has its
    // helpers, too, which end with it.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    const int failed = good ? ::posix_spawn(&process_, program.c_str(), &files, &attributes,
                                            arguments.data(), environ)
                            : errno;
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    for (const int end : {command, answer})
        if (end >= 0) ::close(end);
    if (failed) {
        process_ = -1;
        *error = "Chromium does not start: " + std::string(std::strerror(failed));
    }
    return failed == 0;
}

void Browser::fail(const std::string &reason) {
    if (failure_.empty()) failure_ = reason;
}

/// Messages in both directions are JSON with a NUL at the end.
void Browser::call(const char *method, const json &parameters) {
    json message = {{"id", ++calls_}, {"method", method}, {"params", parameters}};
    if (!session_.empty()) message["sessionId"] = session_;
    std::string text = message.dump();
    text.push_back('\0');
    if (::write(commands_, text.data(), text.size()) != ssize_t(text.size()))
        fail("Chromium has ended");
}

/// Returns false when there will be no more.
bool Browser::read_all() {
    std::array<char, 16384> piece{};
    for (;;) {
        const ssize_t got = ::read(answers_, piece.data(), piece.size());
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return true;
        if (got > 0) pending_.append(piece.data(), size_t(got));
        if (got <= 0 || pending_.size() > longest_message) {
            fail("Chromium has ended");
            watch_ = 0;
            return false;
        }
        size_t begin = 0;
        for (size_t end; (end = pending_.find('\0', begin)) != std::string::npos; begin = end + 1)
            handle(std::string_view(pending_).substr(begin, end - begin));
        pending_.erase(0, begin);
    }
}

void Browser::handle(std::string_view text) {
    const json message = json::parse(text, nullptr, false);
    if (!message.is_object()) return;
    if (message.contains("error"))
        return fail("Chromium: " + message["error"].value("message", "unknown error"));
    const json parameters = message.value("params", json::object());
    if (!message.contains("id")) {
        if (message.value("method", "") == "Runtime.bindingCalled")
            take(json::parse(parameters.value("payload", ""), nullptr, false));
        return;
    }
    const json result = message.value("result", json::object());
    if (result.contains("targetId"))
        return call("Target.attachToTarget", {{"targetId", result["targetId"]}, {"flatten", true}});
    if (result.contains("sessionId")) session_ = result.value("sessionId", "");
    open_page();
}

/// Each waits for the answer to the one before: with the page's address its process changes, which
/// gets what is known by then.
void Browser::open_page() {
    const std::array<std::pair<const char *, json>, 5> steps{{
        {"Runtime.enable", json::object()},
        {"Runtime.addBinding", {{"name", "penstockReading"}}},
        {"Page.enable", json::object()},
        {"Page.addScriptToEvaluateOnNewDocument", {{"source", script}}},
        {"Page.navigate", {{"url", url_}}},
    }};
    if (next_step_ == steps.size()) return;
    const auto &[method, parameters] = steps[next_step_++];
    call(method, parameters);
}

void Browser::take(const json &reading) {
    if (!reading.is_object()) return;
    const int64_t now = g_get_monotonic_time();
    const double latency = reading.value("latency", 0.0);
    const std::string verdict = reading.value("verdict", "");
    const auto frame = reading.value("frame", uint32_t(0));
    if (!first_) {
        first_ = now;
        measured_.startup = (now - started_) * 1000;
        if (verdict == "ok") measured_.joined = int64_t(latency * 1e9);
    }
    ++measured_.frames;
    const auto before = std::exchange(last_, frame);
    if ((now - first_) * 1000 < warm_up_) return;
    ++measured_.read;
    if (verdict == "repeated") ++measured_.repeated;
    if (verdict == "clock") ++measured_.clock;
    if (verdict != "ok" || latency < 0 || latency > longest_latency) return;
    if (before && frame > *before) measured_.lost += frame - *before - 1;
    const auto nanoseconds = int64_t(latency * 1e9);
    measured_.glass.add(nanoseconds);
    measured_.trace.push_back({(now - first_) * 1000, nanoseconds});
    if (measured_.trace.size() > longest_trace) measured_.trace.pop_front();
}

} // namespace penstock::delay
