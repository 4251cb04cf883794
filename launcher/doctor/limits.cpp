// SPDX-License-Identifier: LGPL-2.1-or-later
// Limits of the process and of the kernel.
#include "doctor/doctor.h"
#include "protocols/table.h"

#include <sys/resource.h>

#include <fstream>

namespace penstock::doctor {
namespace {

/// Each viewer needs one open file; fewer than this would serve only a few.
constexpr rlim_t fewest_files = 256;
constexpr rlim_t enough_files = 4096;
/// The kernel's default, which is enough for paced sending.
constexpr long usual_buffer = 212'992;
/// A keyframe of a high-bitrate stream arrives in one burst.
constexpr long receiving_buffer = 2 * 1024 * 1024;

void check_buffer(const std::string &setting, long wanted, const std::string &why, Findings &out) {
    std::string path = "/proc/sys/" + setting;
    for (char &c : path)
        if (c == '.') c = '/';
    std::ifstream file(path);
    long bytes = 0;
    if (!(file >> bytes)) return; // some kernels and containers do not tell
    if (bytes >= wanted)
        out.push_back({Status::ok, "limits", setting, std::to_string(bytes) + " bytes", ""});
    else
        out.push_back({Status::warn, "limits", setting,
                       std::to_string(bytes) + " bytes are few: " + why,
                       "sudo sysctl -w " + setting + "=" + std::to_string(receiving_buffer * 2) +
                           "; for good: the same assignment in /etc/sysctl.d/penstock.conf"});
}

} // namespace

void check_limits(const Subjects &subjects, Findings &out) {
    rlimit files{};
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        // The soft limit is raised to the hard limit at startup.
        const rlim_t most = files.rlim_max;
        const std::string shown =
            most == RLIM_INFINITY ? "no limit" : "at most " + std::to_string(most);
        if (most >= enough_files)
            out.push_back({Status::ok, "limits", "open files", shown + "; a viewer takes one", ""});
        else
            out.push_back({most < fewest_files ? Status::fail : Status::warn, "limits",
                           "open files", shown + ", and every viewer takes one",
                           "`ulimit -Hn 65536` as root; for a service LimitNOFILE=65536; for a "
                           "login `* hard nofile 65536` in /etc/security/limits.conf"});
    }
    const bool receives =
        uses(subjects, protocols::factories([](const auto &use) { return use.receives_udp; }));
    check_buffer("net.core.rmem_max", receives ? receiving_buffer : usual_buffer,
                 "UDP that arrives in bursts is lost", out);
    check_buffer("net.core.wmem_max", usual_buffer, "UDP that is sent in bursts has to wait", out);
}

} // namespace penstock::doctor
