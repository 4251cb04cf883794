// SPDX-License-Identifier: LGPL-2.1-or-later
// The viewers' pages of the running descriptions, one per address, and what OBS asks for.
#pragma once

#include "console/page.h"
#include "multitrack/routes.h"
#include "supervisor/supervisor.h"

#include <map>

namespace penstock::console {

class Pages {
public:
    /// Serves the pages of `bindings` and removes those no longer requested. Returns false and sets
    /// the reason if one can't be served; those before it are.
    bool serve(const supervisor::Bindings &bindings, std::string *error);
    void clear() {
        multitrack_.clear();
        pages_.clear();
    }

private:
    struct Served {
        PageOptions options;
        std::unique_ptr<Page> page;
    };
    std::map<net::Address, Served> pages_;
    multitrack::Routes multitrack_;
};

} // namespace penstock::console
