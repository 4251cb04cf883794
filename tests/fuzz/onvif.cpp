// SPDX-License-Identifier: LGPL-2.1-or-later
// Any text as what ONVIF devices answer: to a probe, and to each request. Laws: lists and texts are
// bounded, URLs are of the schemes that are asked for, an error has a reason.
#include "onvif/messages.h"

#include "fuzz/law.h"

#include <algorithm>

using namespace penstock;
using namespace penstock::onvif;

namespace {

bool is_plain(const std::string &text) {
    return std::ranges::all_of(text, [](char c) { return c < 0 || c >= ' '; });
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    for (const Found &found : read_probe_matches(text, "id", "1.2.3.4")) {
        fuzz::law(!found.addresses.empty() && found.addresses.size() <= 8, "addresses");
        for (const std::string &address : found.addresses)
            fuzz::law(address.starts_with("http") && address.find("1.2.3.4") != address.npos,
                      "of HTTP, at the sender");
        fuzz::law(found.name.size() <= max_name && is_plain(found.name), "a name for people");
    }
    std::string error;
    const auto answer = read_answer(text, &error);
    fuzz::law(answer || !error.empty(), "an error has a reason");
    fuzz::law(is_plain(error), "and can be shown");
    if (!answer) return 0;
    (void)read_time(*answer);
    const std::string media = read_media_address(*answer), stream = read_stream_uri(*answer);
    fuzz::law(media.empty() || media.starts_with("http"), "of HTTP");
    fuzz::law(stream.empty() || stream.starts_with("rtsp"), "of RTSP");
    const auto profiles = read_profiles(*answer);
    fuzz::law(profiles.size() <= max_profiles, "profiles are bounded");
    for (const Profile &profile : profiles) {
        fuzz::law(profile.name.size() <= max_name && is_plain(profile.name), "for people");
        const auto again = parse_xml(get_stream_uri(profile.token));
        fuzz::law(again && again->text_of("ProfileToken").size() <= profile.token.size(),
                  "a token stays a text");
    }
    return 0;
}
