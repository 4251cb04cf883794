// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/description.h"

#include "description/loader.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

namespace penstock::description {

const Parameter *Description::find_parameter(std::string_view parameter) const {
    for (const Parameter &candidate : parameters)
        if (candidate.name == parameter) return &candidate;
    return nullptr;
}

void Description::each_pipeline(const std::function<void(const PipelineText &)> &visit) const {
    for (const PipelineText &pipeline : start)
        visit(pipeline);
    for (const PublishRule &rule : publish)
        visit(rule.pipeline);
    for (const PlayRule &rule : play)
        visit(rule.pipeline);
}

std::vector<std::string> Description::parameter_names() const {
    std::vector<std::string> names;
    for (const Parameter &parameter : parameters)
        names.push_back(parameter.name);
    return names;
}

std::unique_ptr<Description> load_what_is_good(Source source, Problems &problems) {
    auto description = std::make_unique<Description>();
    description->source = std::move(source);
    description->name = std::filesystem::path(description->source.name()).stem().string();
    const auto document = load_yaml(description->source, problems);
    if (!document) return nullptr;
    description->is_whole = document->is_whole;
    Loader(*description, problems).load(document->root);
    return description;
}

std::unique_ptr<Description> load_description(Source source, Problems &problems) {
    const size_t before = problems.size();
    auto description = load_what_is_good(std::move(source), problems);
    return problems.size() == before ? std::move(description) : nullptr;
}

Source read_source(const std::string &path, Problems &problems) {
    std::error_code code;
    if (std::filesystem::is_directory(path, code)) {
        problems.push_back({{}, "this is a directory", "give a file in it"});
        return {path, {}};
    }
    errno = 0;
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        problems.push_back({{},
                            std::string("can't be read (") + std::strerror(errno) + ")",
                            "check its name and rights"});
        return {path, {}};
    }
    // Reads one byte more than allowed, to detect a file that is too large.
    std::string text(max_file_size + 1, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
    return {path, std::move(text)};
}

std::unique_ptr<Description> load_description_file(const std::string &path, Source &source,
                                                   Problems &problems) {
    const size_t before = problems.size();
    source = read_source(path, problems);
    return problems.size() == before ? load_description(source, problems) : nullptr;
}

} // namespace penstock::description
