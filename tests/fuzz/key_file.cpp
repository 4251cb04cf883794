// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a file of stream keys. Law: keys, or a line that is wrong; every key is one of the
// file's words, and none begins with #.
#include "authorize/key_file.h"

#include "authorize/request.h"
#include "fuzz/law.h"

using namespace penstock::authorize;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const std::string_view text(reinterpret_cast<const char *>(data), size);
    std::string error;
    const auto file = KeyFile::parse(text, &error);
    fuzz::law(file.has_value() == error.empty(), "keys or a reason");
    const std::string_view first = text.substr(0, text.find_first_of(" \t\r\n"));
    // Patterns, too, are words of the file.
    matches(first, text.substr(first.size()).substr(0, 300));
    if (!file) {
        fuzz::law(error.starts_with("line "), "a reason names the line");
        return 0;
    }
    if (first.starts_with('#')) fuzz::law(!file->find(first), "a comment is no key");
    if (!first.empty() && !first.starts_with('#')) {
        const auto *owner = file->find(first);
        fuzz::law(owner != nullptr, "the first word is a key");
        owner->may_publish("live/cam");
    }
    return 0;
}
