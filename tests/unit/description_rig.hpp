// SPDX-License-Identifier: LGPL-2.1-or-later
// Shared by the tests of descriptions: a text that has to load, and the problems of one that must
// not.
#pragma once

#include "description/binding.h"
#include "description/elements.h"

#include "check.hpp"

namespace description_test {

using namespace penstock;
using namespace penstock::description;

inline const char *no_environment(const char *) {
    return nullptr;
}

inline std::unique_ptr<Description> load(const std::string &text) {
    Problems problems;
    auto out = load_description(Source("good.yaml", text), problems);
    if (!out) g_printerr("%s", Source("good.yaml", text).render(problems).c_str());
    fail_unless(out != nullptr);
    return out;
}

/// All problems of a text, as they are shown to users.
inline std::string errors_of(const std::string &text, bool elements = false) {
    Source source("bad.yaml", text);
    Problems problems;
    const auto out = load_description(source, problems);
    if (elements) {
        problems.clear();
        check_source(source, problems);
    }
    fail_if(problems.empty(), "accepted: %s", text.c_str());
    return source.render(problems);
}

inline void expect(const std::string &errors, const std::string &part) {
    fail_if(errors.find(part) == std::string::npos, "no '%s' in:\n%s", part.c_str(),
            errors.c_str());
}

inline Binding bind(const Description &description,
                    std::map<std::string, std::string> overrides = {}) {
    std::vector<std::string> errors;
    Binding binding(description, overrides, no_environment, errors);
    for (const std::string &error : errors)
        g_printerr("%s\n", error.c_str());
    fail_unless(errors.empty());
    return binding;
}

} // namespace description_test
