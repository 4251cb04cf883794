// SPDX-License-Identifier: LGPL-2.1-or-later
// A description: which pipelines run and when. Loading is strict and reports all mistakes at once.
#pragma once

#include "description/expect.h"
#include "description/launch_text.h"
#include "description/multitrack.h"
#include "description/page.h"
#include "description/parameter.h"
#include "description/yaml.h"
#include "protocols/protocol.h"

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::description {

/// Launch text that is used if all its conditions are true.
struct Fragment {
    Node node;
    LaunchText launch;
    std::vector<Condition> when;
    std::string hint;     ///< advice for a failure of one of its elements
    bool is_whole = true; ///< false: its text or conditions are invalid in part
};

struct PipelineText {
    std::string name; ///< display name: "start", "start-2", "publish"
    Mark mark;
    std::vector<Fragment> fragments;
    std::vector<Condition> when; ///< for the pipeline as a whole
};

inline constexpr int64_t default_ask_timeout = 3'000'000'000; ///< ns
inline constexpr int64_t max_ask_timeout = 5'000'000'000;     ///< ns; peers wait no longer

/// A server that is asked or told of peers.
struct Callback {
    std::optional<Template> url; ///< absent: none is asked
    std::string style = "nginx";
    std::optional<Template> secret;  ///< what is sent is signed with it
    std::optional<Template> timeout; ///< absent: default_ask_timeout
};

/// The policy of who may publish and play.
struct Authorize {
    Mark mark;
    std::string only; ///< "publish", "play"; empty: both
    std::vector<Template> allow, deny;
    std::optional<Template> keys; ///< a file
    std::optional<Template> sign; ///< a secret
    std::optional<Template> jwks; ///< a file or a URL
    std::optional<Template> issuer, audience;
    std::string claim = "permissions";
    Callback callback;
    std::optional<Template> cache; ///< absent: answers are not kept
};

/// The server that is notified of peers that come and go.
struct Notify {
    Mark mark;
    Callback callback;
};

inline constexpr size_t default_max_instances = 500;

/// One pipeline for each stream that is published on a matching path.
struct PublishRule {
    Mark mark;
    Template match;
    std::vector<std::string> captures;
    PipelineText pipeline;
    std::optional<Template> publish_key;
    std::optional<Template> grace; ///< absent: default_grace
    size_t max_instances = default_max_instances;
    std::optional<Authorize> authorize; ///< instead of the description's
    std::optional<Notify> notify;
    std::optional<Multitrack> multitrack;
};

inline constexpr int64_t default_grace = 10'000'000'000; ///< ns

inline constexpr int64_t default_idle = 30'000'000'000; ///< ns
inline constexpr size_t default_max_demanded = 20;

/// The protocol of a rule's `match`; nullptr if that is invalid.
const protocols::Protocol *protocol_of(const Template &match);

/// One pipeline for each stream that viewers request on a matching path and nobody publishes.
struct PlayRule {
    Mark mark;
    std::vector<Template> matches;     ///< rtmp:// and http:// addresses of one stream
    std::vector<std::string> captures; ///< the same in every match
    PipelineText pipeline;
    std::optional<Template> idle; ///< absent: default_idle
    size_t max_instances = default_max_demanded;
    std::optional<Authorize> authorize;
    std::optional<Notify> notify;
};

struct Restart {
    enum class Policy { never, on_failure, always };
    Policy policy = Policy::never;
    int64_t delay = 1'000'000'000;      ///< ns before the first restart; doubles with each one
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
    std::optional<PageText> page;
    std::optional<Authorize> authorize;
    std::optional<Notify> notify;
    Restart restart;
    bool is_whole = true; ///< false: the end of the file is not valid YAML
    /// Probable mistakes in a valid description; found by check_source().
    Problems warnings;
    Expect expect;

    Description() = default;
    // Not copyable: values point to the parameters' choices.
    Description(const Description &) = delete;
    Description &operator=(const Description &) = delete;

    const Parameter *find_parameter(std::string_view parameter) const;
    std::vector<std::string> parameter_names() const;
    /// Calls `visit` for every pipeline of `start`, `publish` and `play`.
    void each_pipeline(const std::function<void(const PipelineText &)> &visit) const;
};

/// Parses the description and checks everything that needs no GStreamer. nullptr if there is any
/// problem.
std::unique_ptr<Description> load_description(Source source, Problems &problems);
/// Returns the valid parts for further checks, nullptr if there are none. To run a description, use
/// load_description().
std::unique_ptr<Description> load_what_is_good(Source source, Problems &problems);
/// Reads a file. If that fails, adds a problem without a location and returns empty text.
Source read_source(const std::string &path, Problems &problems);
/// Reads a file and loads it with load_description(); sets `source` to the file's text.
std::unique_ptr<Description> load_description_file(const std::string &path, Source &source,
                                                   Problems &problems);

} // namespace penstock::description
