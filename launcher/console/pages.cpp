// SPDX-License-Identifier: LGPL-2.1-or-later
#include "console/pages.h"

#include "supervisor/endpoints.h"

#include <optional>

namespace penstock::console {

namespace {

/// Reads what the description's page says. False and the reason if it can't be served.
bool add_options(const description::Binding &binding, PageOptions &options, std::string *error) {
    const description::PageText &page = *binding.description().page;
    for (const description::Template &text : page.embed) {
        const auto origin = binding.expand(text.pieces, {}, error);
        if (!origin) return false;
        if (origin->empty()) continue; // of a parameter that is not set
        if (!description::is_origin(*origin)) {
            *error = "'" + *origin + "' can't be an origin that may embed the page: write " +
                     description::example_origin();
            return false;
        }
        options.embed.insert(*origin);
    }
    if (!page.redirect_from) return true;
    const auto text = binding.expand(page.redirect_from->pieces, {}, error);
    const auto address = text ? net::parse_address(*text) : std::nullopt;
    if (address) options.redirect_from.insert(*address);
    if (text && !address) *error = "'" + *text + "' is no address: write host:port or :port";
    return address.has_value();
}

} // namespace

bool Pages::serve(const supervisor::Bindings &bindings, std::string *error) {
    std::map<net::Address, PageOptions> wanted;
    for (const auto &binding : bindings) {
        for (const auto &endpoint : supervisor::find_endpoints(*binding)) {
            if (endpoint.kind != supervisor::Endpoint::Kind::page) continue;
            const auto address = supervisor::address_of(endpoint, *binding, error);
            if (!address || !add_options(*binding, wanted[*address], error)) return false;
        }
    }
    std::erase_if(pages_, [&](const auto &page) {
        const auto found = wanted.find(page.first);
        return found == wanted.end() || found->second != page.second.options;
    });
    for (const auto &[address, options] : wanted) {
        if (pages_.contains(address)) continue;
        auto page = Page::serve(address, options, error);
        if (!page) return false;
        pages_[address] = {options, std::move(page)};
    }
    return multitrack_.serve(bindings, error);
}

} // namespace penstock::console
