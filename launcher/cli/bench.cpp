// SPDX-License-Identifier: LGPL-2.1-or-later
// bench: replaces this process by the fan-out benchmark, a separate program installed with its load
// generator.
#include "cli/commands.h"
#include "cli/output.h"
#include "description/installed.h"

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include <unistd.h>

namespace penstock::cli {
namespace {

std::filesystem::path folder_of_benchmark() {
    const char *uninstalled = std::getenv("PENSTOCK_BENCH");
    return uninstalled && *uninstalled ? uninstalled : description::installed_bench_dir();
}

} // namespace

int bench(const std::vector<std::string> &arguments) {
    const std::filesystem::path script = folder_of_benchmark() / "fanout.py";
    if (!std::filesystem::exists(script)) {
        Output::get().error("the benchmark is not installed: there is no " + script.string() +
                            "; builds with -Dbench=true have it");
        return exit_failed;
    }
    std::error_code ignored;
    const auto self = std::filesystem::read_symlink("/proc/self/exe", ignored);
    if (!ignored) setenv("PENSTOCK", self.c_str(), 0);
    setenv("FANOUT_COMMAND", "penstock bench", 1); // used in its usage text
    std::vector<std::string> words{"python3", script.string()};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<char *> argv;
    for (std::string &word : words)
        argv.push_back(word.data());
    argv.push_back(nullptr);
    execvp(argv[0], argv.data());
    Output::get().error(std::string("can't run python3: ") + std::strerror(errno) +
                        (errno == ENOENT ? ": install the package python3" : ""));
    return exit_failed;
}

} // namespace penstock::cli
