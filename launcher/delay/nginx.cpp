// SPDX-License-Identifier: LGPL-2.1-or-later
#include "delay/nginx.h"

#include <arpa/inet.h>
#include <csignal>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

extern char **environ;

namespace penstock::delay {
namespace {

namespace fs = std::filesystem;

constexpr const char *program = "/usr/sbin/nginx";
constexpr const char *module = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
constexpr const char *here = "127.0.0.1";
constexpr auto time_to_listen = std::chrono::seconds(5);

sockaddr_in address_of(uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_port = htons(port);
    inet_pton(AF_INET, here, &out.sin_addr);
    return out;
}

bool listens(uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const sockaddr_in to = address_of(port);
    const bool good =
        descriptor >= 0 &&
        ::connect(descriptor, reinterpret_cast<const sockaddr *>(&to), sizeof to) == 0;
    if (descriptor >= 0) ::close(descriptor);
    return good;
}

} // namespace

std::optional<uint16_t> free_port(int kind, std::string *error) {
    const int descriptor = ::socket(AF_INET, kind | SOCK_CLOEXEC, 0);
    sockaddr_in address = address_of(0);
    socklen_t size = sizeof address;
    const bool good =
        descriptor >= 0 &&
        ::bind(descriptor, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0 &&
        ::getsockname(descriptor, reinterpret_cast<sockaddr *>(&address), &size) == 0;
    if (!good) *error = std::string("no free port: ") + std::strerror(errno);
    if (descriptor >= 0) ::close(descriptor);
    return good ? std::optional(ntohs(address.sin_port)) : std::nullopt;
}

bool Nginx::is_installed() {
    return ::access(program, X_OK) == 0 && ::access(module, R_OK) == 0;
}

bool Nginx::write_configuration(uint16_t port, std::string *error) {
    std::string name = (fs::temp_directory_path() / "penstock-nginx-XXXXXX").string();
    if (!::mkdtemp(name.data())) {
        *error = "no temporary folder: " + std::string(std::strerror(errno));
        return false;
    }
    folder_ = name;
    std::ofstream out(folder_ + "/nginx.conf");
    out << "load_module " << module << ";\n"
        << "daemon off; master_process off;\n"
        << "pid " << folder_ << "/nginx.pid;\n"
        << "error_log " << folder_ << "/error.log;\n"
        << "events { worker_connections 64; }\n"
        << "rtmp { access_log off;\n"
        << "  server { listen " << here << ":" << port << ";\n"
        << "    application live { live on; } } }\n";
    return true;
}

bool Nginx::start(std::string *error) {
    const auto port = free_port(SOCK_STREAM, error);
    if (!port || !write_configuration(*port, error)) return false;
    address_ = std::string(here) + ":" + std::to_string(*port);
    const std::string configuration = folder_ + "/nginx.conf", log = folder_ + "/error.log";
    const char *arguments[] = {program,         "-e", log.c_str(),           "-p",
                               folder_.c_str(), "-c", configuration.c_str(), nullptr};
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
        posix_spawn_file_actions_addopen(&files, descriptor, "/dev/null", O_RDWR, 0);
    // Signals are blocked in this thread; the child must not inherit that.
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    const int failed = ::posix_spawn(&process_, program, &files, &attributes,
                                     const_cast<char **>(arguments), environ);
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (failed) {
        process_ = -1;
        *error = std::string("nginx does not start: ") + std::strerror(failed);
        return false;
    }
    const auto end = std::chrono::steady_clock::now() + time_to_listen;
    while (!listens(*port)) {
        int status = 0;
        if (::waitpid(process_, &status, WNOHANG) == process_) {
            process_ = -1;
            std::ifstream said(log);
            std::string line;
            std::getline(said, line);
            *error = "nginx has ended: " + line;
            return false;
        }
        if (std::chrono::steady_clock::now() > end) {
            *error = "nginx does not listen within 5 s";
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

Nginx::~Nginx() {
    if (process_ > 0) {
        ::kill(process_, SIGKILL);
        ::waitpid(process_, nullptr, 0);
    }
    std::error_code ignored;
    if (!folder_.empty()) fs::remove_all(folder_, ignored);
}

} // namespace penstock::delay
