// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/port_owner.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace penstock::supervisor {
namespace {

namespace fs = std::filesystem;

/// "socket:[INODE]" of every TCP socket that listens on the port, see proc(5).
std::set<std::string> sockets_of(uint16_t port) {
    constexpr unsigned listening = 0x0a;
    std::set<std::string> out;
    for (const char *table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
        std::ifstream file(table);
        std::string line;
        std::getline(file, line);
        while (std::getline(file, line)) {
            std::istringstream fields(line);
            std::string slot, local, remote, state, queues, timer, retransmits, user, timeout,
                inode;
            fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >>
                timeout >> inode;
            const size_t colon = local.rfind(':');
            if (inode.empty() || colon == local.npos) continue;
            if (std::stoul(local.substr(colon + 1), nullptr, 16) == port &&
                std::stoul(state, nullptr, 16) == listening)
                out.insert("socket:[" + inode + "]");
        }
    }
    return out;
}

/// The names behind `penstock run`.
std::vector<std::string> descriptions_of(const fs::path &process) {
    std::ifstream file(process / "cmdline");
    std::vector<std::string> out;
    bool runs = false;
    std::string word;
    std::getline(file, word, '\0'); // the program
    while (std::getline(file, word, '\0')) {
        if (!runs) {
            if (word != "run") return {};
            runs = true;
        } else if (word == "--set") {
            std::getline(file, word, '\0');
        } else if (!word.starts_with('-')) {
            out.push_back(word);
        }
    }
    return out;
}

} // namespace

std::optional<PortOwner> owner_of_port(uint16_t port) {
    const std::set<std::string> sockets = sockets_of(port);
    if (sockets.empty()) return std::nullopt;
    std::error_code code;
    // A process may end while it is looked at; `++` would throw then.
    const fs::directory_iterator end;
    for (fs::directory_iterator at("/proc", code); at != end; at.increment(code)) {
        const fs::path process = at->path();
        const std::string id = process.filename();
        if (!std::all_of(id.begin(), id.end(), [](unsigned char c) { return std::isdigit(c); }))
            continue;
        std::error_code denied;
        for (fs::directory_iterator file(process / "fd", denied); file != end;
             file.increment(denied)) {
            std::error_code gone;
            if (!sockets.contains(fs::read_symlink(file->path(), gone))) continue;
            std::string name;
            std::getline(std::ifstream(process / "comm"), name);
            return PortOwner{name, id,
                             name == "penstock" ? descriptions_of(process)
                                                : std::vector<std::string>()};
        }
    }
    return std::nullopt;
}

} // namespace penstock::supervisor
