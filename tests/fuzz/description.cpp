// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a description. Law: it is loaded, or every problem says what and, where it names a
// place, one that is in the file.
#include "description/description.h"

#include "fuzz/law.h"

#include <algorithm>

using namespace penstock::description;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const Source source("fuzz.yaml", std::string(reinterpret_cast<const char *>(data), size));
    Problems problems;
    const auto loaded = load_description(source, problems);
    fuzz::law((loaded != nullptr) == problems.empty(), "a description or a problem");
    const auto lines =
        static_cast<size_t>(std::count(source.text().begin(), source.text().end(), '\n')) + 1;
    for (const Problem &problem : problems) {
        fuzz::law(!problem.what.empty(), "a problem says what is wrong");
        fuzz::law(problem.mark.line <= lines + 1, "a problem is in the file");
        fuzz::law(!source.render(problem).empty(), "a problem can be shown");
    }
    return 0;
}
