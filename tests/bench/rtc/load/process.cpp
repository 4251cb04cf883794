// SPDX-License-Identifier: LGPL-2.1-or-later
#include "process.h"

#include "../../fanout/load/socket.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <vector>

namespace load {
namespace {

/// User and system time of a process and of its children that ended; below 0: it has gone.
double own_seconds(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    std::string text{std::istreambuf_iterator<char>(file), {}};
    const size_t name_end = text.rfind(')'); // a name may have spaces
    if (name_end == text.npos) return -1;
    std::istringstream fields(text.substr(name_end + 1));
    std::string skipped;
    for (int i = 0; i < 11; ++i)
        fields >> skipped;
    double total = 0, ticks = 0;
    for (int i = 0; i < 4 && fields >> ticks; ++i)
        total += ticks;
    return total / double(sysconf(_SC_CLK_TCK));
}

void add_children(int pid, std::vector<int> &out) {
    std::error_code error; // it may end meanwhile
    const auto tasks = "/proc/" + std::to_string(pid) + "/task";
    for (const auto &task : std::filesystem::directory_iterator(tasks, error)) {
        std::ifstream file(task.path() / "children");
        for (int child = 0; file >> child;)
            out.push_back(child);
    }
}

} // namespace

double cpu_seconds(int pid) {
    double total = own_seconds(pid);
    if (total < 0) throw Failure("there is no process " + std::to_string(pid));
    std::vector<int> rest;
    add_children(pid, rest);
    while (!rest.empty()) {
        const int one = rest.back();
        rest.pop_back();
        total += std::max(own_seconds(one), 0.0);
        add_children(one, rest);
    }
    return total;
}

double own_cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval &time) {
        return double(time.tv_sec) + double(time.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

} // namespace load
