// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/rtmp/stream_name.h"

namespace penstock::rtmp {
namespace {

std::string_view cut_query(std::string_view &text) {
    const size_t mark = text.find('?');
    if (mark == text.npos) return {};
    const std::string_view query = text.substr(mark + 1);
    text = text.substr(0, mark);
    return query;
}

std::string_view trim_slashes(std::string_view text) {
    const size_t first = text.find_first_not_of('/');
    if (first == text.npos) return {};
    return text.substr(first, text.find_last_not_of('/') - first + 1);
}

} // namespace

StreamName stream_name(std::string_view app, std::string_view tc_url, std::string_view name) {
    StreamName result;
    const std::string_view name_query = cut_query(name);
    std::string_view app_query = cut_query(app);
    if (app_query.empty()) app_query = cut_query(tc_url);
    for (const std::string_view prefix : {"mp4:", "flv:", "mp3:"}) {
        if (!name.starts_with(prefix)) continue;
        name.remove_prefix(prefix.size());
        break;
    }
    app = trim_slashes(app);
    name = trim_slashes(name);
    result.path = app;
    if (!app.empty() && !name.empty()) result.path += '/';
    result.path += name;
    result.query = name_query;
    if (!app_query.empty() && app_query != name_query) {
        if (!result.query.empty()) result.query += '&';
        result.query += app_query;
    }
    return result;
}

} // namespace penstock::rtmp
