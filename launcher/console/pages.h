// SPDX-License-Identifier: LGPL-2.1-or-later
// The pages that running descriptions ask for, one for each address.
#pragma once

#include "console/page.h"
#include "supervisor/supervisor.h"

#include <map>

namespace penstock::console {

class Pages {
public:
    /// Serves the pages of `bindings`, and no longer those that none of them asks for. False and
    /// the reason if one can't be served: those before it are.
    bool serve(const supervisor::Bindings &bindings, std::string *error);
    void clear() { pages_.clear(); }

private:
    std::map<net::Address, std::unique_ptr<Page>> pages_;
};

} // namespace penstock::console
