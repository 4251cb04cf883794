// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/net/loop/log.h"

#include <atomic>

namespace penstock::net {
namespace {
std::atomic<LogFunction> log_function{nullptr};
}

void set_log_function(LogFunction function) {
    log_function = function;
}

void log(LogLevel level, const char *category, const std::string &text) {
    if (const LogFunction function = log_function.load()) function(level, category, text);
}

} // namespace penstock::net
