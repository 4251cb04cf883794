// SPDX-License-Identifier: LGPL-2.1-or-later
// A caller's stream id, and a client's URL. Laws: what is accepted has a safe path, and written
// anew it means the same; what is refused has a reason that can be printed.
#include "core/net/loop/address.h"
#include "core/srt/client_url.h"
#include "core/srt/stream_id.h"

#include "fuzz/law.h"

#include <algorithm>
#include <string>

using namespace penstock;
using fuzz::law;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    const srt::ParsedId parsed = srt::parse_stream_id(text);
    if (parsed.wrong == srt::Wrong::nothing) {
        law(net::is_safe_path(parsed.id.path), "a path that is accepted is safe");
        law(parsed.id.key.size() <= srt::max_stream_id, "a key is part of the id");
        law(parsed.reason.empty(), "what is accepted has no reason");
        const bool is_publish = parsed.id.mode == srt::Mode::publish;
        const srt::ParsedId again =
            srt::parse_stream_id((is_publish ? "publish:" : "read:") + parsed.id.path);
        law(again.wrong == srt::Wrong::nothing && again.id.path == parsed.id.path &&
                again.id.mode == parsed.id.mode,
            "written anew it means the same");
    } else {
        law(!parsed.reason.empty() && parsed.reason.size() < 400, "a refusal has a short reason");
        law(std::none_of(parsed.reason.begin(), parsed.reason.end(),
                         [](char c) { return static_cast<unsigned char>(c) < ' '; }),
            "which can be printed");
    }
    std::string error;
    if (const auto url = srt::parse_client_url(text, true, &error)) {
        law(url->port != 0 && (!url->host.empty() || url->mode == srt::LinkMode::listener),
            "a URL says where to connect");
        law(!url->stream_id || url->stream_id->size() <= 8 * 129 + 16, "an id is bounded");
    } else {
        law(!error.empty(), "a refusal of a URL has a reason");
    }
    return 0;
}
