// SPDX-License-Identifier: LGPL-2.1-or-later
// Offers as clients write them: the seeds of the fuzz target. Include it after check.hpp.
#pragma once

#include "core/sdp/offer.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace penstock::rig {

inline std::string seed_folder() {
    return std::string(g_getenv("PENSTOCK_SOURCE_ROOT")) + "/tests/fuzz/corpus/sdp/";
}

inline std::string seed(const std::string &name) {
    std::ifstream file(seed_folder() + name, std::ios::binary);
    fail_unless(file.is_open(), "%s", name.c_str());
    return {std::istreambuf_iterator<char>(file), {}};
}

/// All of them but the fragments.
inline std::vector<std::string> offer_names() {
    std::vector<std::string> out;
    for (const auto &entry : std::filesystem::directory_iterator(seed_folder()))
        if (!entry.path().filename().string().starts_with("fragment"))
            out.push_back(entry.path().filename());
    return out;
}

inline sdp::Offer read(const std::string &text) {
    sdp::Offer offer;
    const Result result = sdp::read_offer(text, offer);
    fail_unless(result.is_ok(), "%s", result.reason().c_str());
    return offer;
}

} // namespace penstock::rig
