// SPDX-License-Identifier: LGPL-2.1-or-later
// Build tool: writes the man page or a completion script to stdout.
#include "cli/app.h"
#include "cli/generate.h"

#include <cstdio>

int main(int argc, char **argv) {
    using namespace penstock::cli;
    Arguments unused;
    const auto app = make_app(unused);
    const std::string what = argc == 2 ? argv[1] : "";
    const std::string text = what == "man" ? man_page(*app) : completion_script(*app, what);
    if (text.empty()) {
        std::fputs("usage: documents man|bash|zsh|fish\n", stderr);
        return 2;
    }
    std::fputs(text.c_str(), stdout);
    return 0;
}
