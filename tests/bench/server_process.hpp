// SPDX-License-Identifier: LGPL-2.1-or-later
// Servers as separate processes for benchmarks: Penstock, and nginx-rtmp for comparison.
#pragma once

#include <arpa/inet.h>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <stdexcept>
#include <string>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace bench {

inline uint16_t free_port() {
    const int probe = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(probe, reinterpret_cast<sockaddr *>(&address), size);
    ::getsockname(probe, reinterpret_cast<sockaddr *>(&address), &size);
    ::close(probe);
    return ntohs(address.sin_port);
}

/// A temporary directory, removed on destruction.
struct Scratch {
    Scratch() {
        std::string name = (std::filesystem::temp_directory_path() / "penstock-XXXXXX").string();
        if (!mkdtemp(name.data())) throw std::runtime_error("cannot make a temporary directory");
        path = name;
    }
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    std::filesystem::path path;
};

/// A program that runs until destruction; its output is in `log`.
class Process {
public:
    Process(const std::vector<std::string> &command, const std::filesystem::path &log) {
        std::vector<char *> arguments;
        for (const std::string &argument : command)
            arguments.push_back(const_cast<char *>(argument.c_str()));
        arguments.push_back(nullptr);
        pid_ = fork();
        if (pid_ != 0) return;
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(out, 1);
        dup2(out, 2);
        execvp(arguments[0], arguments.data());
        _exit(127);
    }
    ~Process() {
        kill(pid_, SIGTERM);
        waitpid(pid_, nullptr, 0);
    }
    Process(const Process &) = delete;
    Process &operator=(const Process &) = delete;

private:
    pid_t pid_ = -1;
};

inline std::vector<std::string> penstock_command(uint16_t port) {
    const char *program = std::getenv("PENSTOCK");
    const auto at = [](uint16_t p) { return "127.0.0.1:" + std::to_string(p); };
    return {program ? program : "penstock", "run", "live", "--set", "rtmp=" + at(port), "--set",
            "http=" + at(free_port())};
}

/// Empty if nginx or its RTMP module is not installed in Debian's locations.
inline std::vector<std::string> nginx_command(uint16_t port, const std::filesystem::path &dir) {
    const char *program = "/usr/sbin/nginx", *module = "/usr/lib/nginx/modules/ngx_rtmp_module.so";
    if (!std::filesystem::exists(program) || !std::filesystem::exists(module)) return {};
    std::ofstream(dir / "nginx.conf") << "load_module " << module << ";\n"
                                      << "daemon off; master_process off;\n"
                                      << "pid " << (dir / "nginx.pid").string() << ";\n"
                                      << "events { }\n"
                                      << "rtmp { server { listen 127.0.0.1:" << port << ";\n"
                                      << "  application live { live on; } } }\n";
    return {program, "-e", "stderr", "-p", dir.string(), "-c", (dir / "nginx.conf").string()};
}

} // namespace bench
