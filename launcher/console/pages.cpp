// SPDX-License-Identifier: LGPL-2.1-or-later
#include "console/pages.h"

#include "supervisor/endpoints.h"

#include <set>

namespace penstock::console {

bool Pages::serve(const supervisor::Bindings &bindings, std::string *error) {
    std::set<net::Address> wanted;
    for (const auto &binding : bindings) {
        for (const auto &endpoint : supervisor::find_endpoints(*binding)) {
            if (endpoint.kind != supervisor::Endpoint::Kind::page) continue;
            const auto address = supervisor::address_of(endpoint, *binding, error);
            if (!address) return false;
            wanted.insert(*address);
        }
    }
    std::erase_if(pages_, [&](const auto &page) { return !wanted.contains(page.first); });
    for (const net::Address &address : wanted) {
        if (pages_.contains(address)) continue;
        auto page = Page::serve(address, error);
        if (!page) return false;
        pages_[address] = std::move(page);
    }
    return true;
}

} // namespace penstock::console
