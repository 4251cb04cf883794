// SPDX-License-Identifier: LGPL-2.1-or-later
#include "core/playlist/session.h"

#include <string>
#include <vector>

namespace penstock::playlist {
namespace {

constexpr std::string_view attribute = "URI=\"";
/// Its attributes may name what others serve, who must not get the token.
constexpr std::string_view date_range = "#EXT-X-DATERANGE:";

void append_uri(std::string &out, std::string_view uri, std::string_view token) {
    out += uri;
    out += uri.find('?') == uri.npos ? '?' : '&';
    out += "session=";
    out += token;
}

} // namespace

Bytes with_session(ByteView playlist, std::string_view token) {
    std::string_view text(reinterpret_cast<const char *>(playlist.data()), playlist.size());
    std::string out;
    out.reserve(text.size() * 2);
    while (!text.empty()) {
        const size_t end = std::min(text.find('\n'), text.size());
        std::string_view line = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.front() != '#') {
            if (line.empty())
                out += line;
            else
                append_uri(out, line, token);
        } else if (const size_t at = line.find(attribute);
                   at == line.npos || line.starts_with(date_range)) {
            out += line;
        } else {
            const size_t begin = at + attribute.size();
            const size_t quote = std::min(line.find('"', begin), line.size());
            out += line.substr(0, begin);
            append_uri(out, line.substr(begin, quote - begin), token);
            out += line.substr(quote);
        }
        out += '\n';
    }
    return Bytes::copy_of(out);
}

} // namespace penstock::playlist
