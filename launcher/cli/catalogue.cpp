// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cli/catalogue.h"

#include "cli/commands.h"
#include "cli/output.h"

namespace penstock::cli {

std::unique_ptr<description::Description> load_or_say(const std::string &name, Look look,
                                                      int *code) {
    std::string error;
    const std::string file = find_file(name, &error);
    if (file.empty()) {
        Output::get().error(error);
        *code = exit_usage;
        return nullptr;
    }
    Loaded loaded =
        look == Look::everything ? load_and_check(file) : load(file, look == Look::elements);
    if (!loaded.description) {
        Output::get().plain_error(loaded.render_problems());
        *code = exit_failed;
    }
    return std::move(loaded.description);
}

} // namespace penstock::cli
