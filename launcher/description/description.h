// SPDX-License-Identifier: LGPL-2.1-or-later
// A description: which pipelines run and when. Loaded strictly, all mistakes at once.
#pragma once

#include "description/expect.h"
#include "description/launch_text.h"
#include "description/parameter.h"
#include "description/yaml.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::description {

/// Text with placeholders: an address, a `match`, a key.
struct Template {
    Node node;
    Pieces pieces;
};

/// `${name} == word` or `${name} != word`.
struct Condition {
    std::string parameter;
    std::string word; ///< of the parameter's type
    bool is_equal = true;
};

/// A stretch of launch text, used where all conditions hold.
struct Fragment {
    Node node;
    LaunchText launch;
    std::vector<Condition> when;
    std::string hint;     ///< what to do when an element of it fails
    bool is_whole = true; ///< false: some of its text, or of its conditions, can't be read
};

struct PipelineText {
    std::string name; ///< for people: "start", "start-2", "publish"
    Mark mark;
    std::vector<Fragment> fragments;
    std::vector<Condition> when; ///< of the pipeline as a whole
};

inline constexpr size_t default_max_instances = 500;

/// A pipeline for each stream that somebody publishes on a matching path.
struct PublishRule {
    Mark mark;
    Template match;
    std::vector<std::string> captures;
    PipelineText pipeline;
    std::optional<Template> publish_key;
    std::optional<Template> grace; ///< absent: default_grace
    size_t max_instances = default_max_instances;
};

inline constexpr int64_t default_grace = 10'000'000'000; ///< ns

inline constexpr int64_t default_idle = 30'000'000'000; ///< ns
inline constexpr size_t default_max_demanded = 20;

/// A pipeline for each stream that somebody asks for on a matching path and nobody publishes.
struct PlayRule {
    Mark mark;
    std::vector<Template> matches;     ///< rtmp:// and http:// addresses of one stream
    std::vector<std::string> captures; ///< every match has these
    PipelineText pipeline;
    std::optional<Template> idle; ///< absent: default_idle
    size_t max_instances = default_max_demanded;
};

struct Restart {
    enum class Policy { never, on_failure, always };
    Policy policy = Policy::never;
    int64_t delay = 1'000'000'000;      ///< ns before the first restart; doubles each time
    int64_t max_delay = 30'000'000'000; ///< ns
};

struct Description {
    Source source;
    std::string name; ///< the file's name without directory and ".yaml"
    std::string summary;
    std::string text; ///< the key `description`
    std::vector<Parameter> parameters;
    std::vector<PipelineText> start;
    std::vector<PublishRule> publish;
    std::vector<PlayRule> play;
    std::optional<Template> page;
    Restart restart;
    bool is_whole = true; ///< false: the file ends in what is no YAML
    Expect expect;

    Description() = default;
    // Values point at the choices of the parameters.
    Description(const Description &) = delete;
    Description &operator=(const Description &) = delete;

    const Parameter *find_parameter(std::string_view parameter) const;
    std::vector<std::string> parameter_names() const;
    /// Every pipeline, whatever makes it run.
    void each_pipeline(const std::function<void(const PipelineText &)> &visit) const;
};

/// Reads and checks all that can be checked without GStreamer. nullptr if there is any problem.
std::unique_ptr<Description> load_description(Source source, Problems &problems);
/// The parts that can be read, for further checks, not for running; nullptr if there are none.
/// Use load_description() to run a description.
std::unique_ptr<Description> load_what_is_good(Source source, Problems &problems);
/// The file's text. A file that can't be read is a problem without a place, and the text empty.
Source read_source(const std::string &path, Problems &problems);
/// The same as load_description() from a file; a file that can't be read is a problem without a
/// place.
std::unique_ptr<Description> load_description_file(const std::string &path, Source &source,
                                                   Problems &problems);

} // namespace penstock::description
