// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/recordings.h"

#include "description/placeholders.h"

#include <algorithm>

namespace penstock::description {
namespace {

/// Elements that begin the files at `location` anew when they start.
constexpr const char *writers[] = {"filesink", "multifilesink", "splitmuxsink"};

bool appends(const Item &item) {
    return std::any_of(item.properties.begin(), item.properties.end(), [](const Property &each) {
        return each.name == "append" && (each.raw == "true" || each.raw == "1");
    });
}

void look_at(const Fragment &fragment, const std::vector<std::string> &captures,
             const Description &description, Problems &warnings) {
    for (const Item &item : fragment.launch.items) {
        if (std::find(std::begin(writers), std::end(writers), item.text) == std::end(writers) ||
            appends(item))
            continue;
        for (const Property &property : item.properties) {
            if (property.name != "location" || property.raw.starts_with("/dev/")) continue;
            bool has_time = false, has_capture = false;
            for (const Piece &piece : property.pieces) {
                if (!piece.placeholder) continue;
                has_time |= is_time(*piece.placeholder, description);
                has_capture |= std::find(captures.begin(), captures.end(),
                                         piece.placeholder->name) != captures.end();
            }
            if (has_capture && has_time) continue;
            const std::string name = captures.empty() ? "name" : captures.front();
            warnings.push_back(
                {fragment.node.mark_at(property.value_offset),
                 has_capture ? "a stream that comes again overwrites what was written before"
                 : has_time  ? "streams that begin at the same time write to one file"
                             : "each stream overwrites the file of the one before",
                 "put ${" + name + "} and ${time} into the file's name, as in location=/srv/${" +
                     name + "}_${time}.flv"});
        }
    }
}

} // namespace

void warn_of_recordings(const Description &description, Problems &warnings) {
    const auto look = [&](const PipelineText &pipeline, const std::vector<std::string> &captures) {
        for (const Fragment &fragment : pipeline.fragments)
            look_at(fragment, captures, description, warnings);
    };
    for (const PublishRule &rule : description.publish)
        look(rule.pipeline, rule.captures);
    for (const PlayRule &rule : description.play)
        look(rule.pipeline, rule.captures);
}

} // namespace penstock::description
