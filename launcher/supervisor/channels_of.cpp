// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/channels_of.h"

namespace penstock::supervisor {

std::vector<std::string> channels_of(const description::PipelineText &pipeline,
                                     std::string_view factory, const description::Binding &binding,
                                     const description::Captures &captures) {
    std::vector<std::string> out;
    for (const description::Fragment &fragment : pipeline.fragments) {
        if (!binding.holds(fragment.when)) continue;
        for (const description::Item &item : fragment.launch.items) {
            if (item.text != factory) continue;
            for (const description::Property &property : item.properties) {
                if (property.name != "channel") continue;
                auto channel = binding.expand(property.pieces, captures, nullptr);
                if (channel && !channel->empty()) out.push_back(std::move(*channel));
            }
        }
    }
    return out;
}

} // namespace penstock::supervisor
