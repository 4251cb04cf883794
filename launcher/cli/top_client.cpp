// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/top_client.h"

#include "api/socket_path.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace penstock::cli {
namespace {

/// Upper bound of the state of a process with hundreds of streams; bytes.
constexpr size_t longest_state = 64 * 1024 * 1024;

struct Descriptor {
    ~Descriptor() {
        if (number >= 0) close(number);
    }
    int number = -1;
};

/// Requests the state and reads one line. On failure returns false and sets `error`, which is empty
/// if no process listens.
bool ask(const std::string &path, std::string &line, std::string &error) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        error = path + " is too long a name";
        return false;
    }
    std::memcpy(address.sun_path, path.c_str(), path.size());
    const Descriptor socket{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    const timeval patience{1, 0};
    setsockopt(socket.number, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(socket.number, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    if (connect(socket.number, reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
        // A killed process leaves its socket behind, and its process id may be reused.
        if (errno == ECONNREFUSED) unlink(path.c_str());
        if (errno != ECONNREFUSED && errno != ENOENT) error = std::strerror(errno);
        return false;
    }
    const std::string request = "{\"get\":\"state\"}\n";
    if (send(socket.number, request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
        error = std::strerror(errno);
        return false;
    }
    char chunk[65536];
    while (line.size() < longest_state) {
        const ssize_t size = recv(socket.number, chunk, sizeof chunk, 0);
        if (size <= 0) {
            error = size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)
                        ? "does not answer within a second"
                        : "";
            return false;
        }
        line.append(chunk, static_cast<size_t>(size));
        if (line.ends_with('\n')) return true;
    }
    error = "sends too much data";
    return false;
}

} // namespace

std::vector<ProcessState> ask_processes(unsigned process) {
    std::vector<ProcessState> out;
    for (const api::StateSocket &socket : api::state_sockets()) {
        if (process && static_cast<int>(process) != socket.process) continue;
        ProcessState state{socket.process, {}, ""};
        std::string line;
        if (ask(socket.path, line, state.error)) {
            state.value = nlohmann::json::parse(line, nullptr, false);
            if (!state.value.is_object() || !state.value.contains("pipelines"))
                state.error = "sends an answer that this version does not understand";
        } else if (state.error.empty()) {
            continue; // the process has ended meanwhile
        }
        out.push_back(std::move(state));
    }
    return out;
}

} // namespace penstock::cli
