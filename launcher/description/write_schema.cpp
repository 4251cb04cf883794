// SPDX-License-Identifier: LGPL-2.1-or-later
// write_schema TEMPLATE: prints the JSON Schema of descriptions for the protocols in the table.
#include "protocols/schema.h"

#include <cstdio>
#include <fstream>
#include <sstream>

int main(int argc, char **argv) {
    std::ifstream file(argc == 2 ? argv[1] : "");
    std::stringstream text;
    if (!file || !(text << file.rdbuf())) {
        std::fputs("usage: write_schema TEMPLATE\n", stderr);
        return 1;
    }
    const std::string schema = penstock::protocols::complete_schema(text.str());
    return std::fwrite(schema.data(), 1, schema.size(), stdout) == schema.size() ? 0 : 1;
}
