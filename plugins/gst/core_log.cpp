// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gst/core_log.h"

#include "core/net/loop/log.h"

#include <gst/gst.h>

#include <map>
#include <mutex>
#include <string>

namespace penstock {
namespace {

GstDebugCategory *category_for(const char *name) {
    static std::mutex mutex;
    static std::map<std::string, GstDebugCategory *> categories;
    std::lock_guard lock(mutex);
    GstDebugCategory *&category = categories[name];
    if (!category) {
        const std::string full = std::string("penstock-") + name;
        category = _gst_debug_category_new(full.c_str(), 0, "Penstock core");
    }
    return category;
}

void write(net::LogLevel level, const char *category, const std::string &text) {
    gst_debug_log(category_for(category), static_cast<GstDebugLevel>(level), "", "", 0, nullptr,
                  "%s", text.c_str());
}

} // namespace

void install_core_log() {
    net::set_log_function(write);
}

} // namespace penstock
