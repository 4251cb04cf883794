// SPDX-License-Identifier: LGPL-2.1-or-later
#include "api/socket_path.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace penstock::api {
namespace {

namespace fs = std::filesystem;

/// Whether it is a directory (not a link) that belongs to this user and is closed to others.
bool is_private(const std::string &path, std::string *error) {
    struct stat info {};
    const auto fail = [&](const std::string &what) {
        if (error) *error = path + " " + what;
        return false;
    };
    if (lstat(path.c_str(), &info) != 0)
        return fail(std::string("is not there: ") + strerror(errno));
    if (!S_ISDIR(info.st_mode)) return fail("is no directory: remove it");
    if (info.st_uid != geteuid()) return fail("belongs to another user: set XDG_RUNTIME_DIR");
    if (info.st_mode & 077) return fail("is open to others: chmod 700 '" + path + "'");
    return true;
}

} // namespace

std::string state_directory(bool create, std::string *error) {
    const char *runtime = std::getenv("XDG_RUNTIME_DIR");
    struct stat info {};
    const bool usable =
        runtime && runtime[0] == '/' && stat(runtime, &info) == 0 && S_ISDIR(info.st_mode);
    const std::string path =
        usable ? std::string(runtime) + "/penstock" : "/tmp/penstock-" + std::to_string(geteuid());
    if (create && mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
        if (error) *error = path + " can't be made: " + strerror(errno);
        return {};
    }
    return is_private(path, error) ? path : std::string();
}

std::vector<StateSocket> state_sockets() {
    std::vector<StateSocket> out;
    const std::string directory = state_directory(false, nullptr);
    if (directory.empty()) return out;
    std::error_code code;
    for (const fs::directory_entry &entry : fs::directory_iterator(directory, code)) {
        const std::string name = entry.path().filename();
        int process = 0;
        const auto [end, wrong] = std::from_chars(name.data(), name.data() + name.size(), process);
        if (wrong != std::errc() || std::string_view(end) != ".sock" || process <= 0) continue;
        if (kill(process, 0) != 0 && errno == ESRCH)
            unlink(entry.path().c_str());
        else
            out.push_back({process, entry.path()});
    }
    std::sort(out.begin(), out.end(),
              [](const auto &a, const auto &b) { return a.process < b.process; });
    return out;
}

} // namespace penstock::api
