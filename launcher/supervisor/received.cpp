// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/received.h"

#include "protocols/table.h"

#include <optional>

namespace penstock::supervisor {
namespace {

using Expand = std::function<std::optional<std::string>(const char *property)>;

bool is_shareable(const protocols::Protocol &protocol, const std::string &url,
                  const Expand &expand) {
    const auto location = net::parse_location(url, protocols::default_port(protocol, url), nullptr);
    if (!location || !protocol.open) return false;
    const auto listener = protocol.open({.address = location->address,
                                         .scheme = location->scheme,
                                         .shares = true,
                                         .property = expand},
                                        nullptr);
    return listener && listener->is_shareable(location->path);
}

} // namespace

std::string missing_publisher(const description::PipelineText &pipeline,
                              const description::Binding &binding,
                              const description::Captures &captures) {
    for (const description::Fragment &fragment : pipeline.fragments) {
        if (!binding.holds(fragment.when)) continue;
        for (const description::Item &item : fragment.launch.items) {
            const auto found = protocols::find_element(item.text);
            if (!found || found.use->role != protocols::Role::receive || !found.use->property)
                continue;
            const Expand expand = [&](const char *name) -> std::optional<std::string> {
                for (const description::Property &property : item.properties)
                    if (property.name == name)
                        return binding.expand(property.pieces, captures, nullptr);
                return std::nullopt;
            };
            const auto url = expand(found.use->property);
            if (url && !is_shareable(*found.protocol, *url, expand)) return *url;
        }
    }
    return {};
}

} // namespace penstock::supervisor
