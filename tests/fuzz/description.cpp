// SPDX-License-Identifier: LGPL-2.1-or-later
// Any bytes as a description. Law: it loads, or every problem has a text and a valid location, if
// any. The wiring of the valid parts causes no fault.
#include "description/description.h"
#include "description/wiring.h"

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
    // The rest of an invalid description can be traversed too.
    Problems ignored;
    if (const auto partly = load_what_is_good(source, ignored))
        for (const PipelineText &pipeline : partly->start)
            for (const Alternative &alternative : alternatives_of(pipeline, *partly)) {
                std::vector<Finding> findings;
                const Wiring wiring = wire(alternative.fragments, findings);
                for (const WiredLink &link : wiring.links)
                    for (const LinkEnd &end : {link.from, link.to})
                        fuzz::law(!end.element || *end.element < wiring.elements.size(),
                                  "a link joins elements that are there");
            }
    return 0;
}
