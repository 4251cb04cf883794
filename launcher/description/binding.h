// SPDX-License-Identifier: LGPL-2.1-or-later
// The values of a description's parameters, and the expansion of its text with them.
#pragma once

#include "core/net/loop/address.h"
#include "description/description.h"
#include "gst/ptr.h"
#include "protocols/protocol.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace penstock::description {

/// Capture names with the values taken from a path.
using Captures = std::map<std::string, std::string>;

/// Whether every parameter needs a value (to run the description) or some may lack one (to show
/// it).
enum class Values { all, some };

class Binding {
public:
    /// A parameter's value comes from `overrides`, else from the environment (PENSTOCK_RTMP for
    /// `rtmp`), else from its default. Adds one line to `errors` for each invalid value.
    /// `description` must outlive the binding.
    Binding(const Description &description, const std::map<std::string, std::string> &overrides,
            const std::function<const char *(const char *)> &environment,
            std::vector<std::string> &errors, Values values = Values::all);

    const Description &description() const { return description_; }
    /// nullptr if the parameter has no value.
    const Value *find(std::string_view parameter) const;
    /// Replaces a value, such as an address whose port the system chose.
    void set(const std::string &parameter, Value value);
    /// The values of secret parameters, never to be shown.
    std::vector<std::string> secrets() const;

    /// The duration of a rule in ns, or `if_absent`. The loader has validated the text.
    int64_t duration(const std::optional<Template> &text, int64_t if_absent) const;
    /// Expands the placeholders. Returns nullopt and sets `error` on failure.
    std::optional<std::string> expand(const Pieces &pieces, const Captures &captures,
                                      std::string *error) const;
    /// Expands for display: secrets become `<name>`, captures `NAME`.
    std::string expand_for_people(const Pieces &pieces) const;
    /// Whether all conditions of a pipeline or fragment are true.
    bool holds(const std::vector<Condition> &when) const;
    /// Whether the address of a rule's `match` is `off`.
    bool is_off(const Template &match) const;
    /// Whether a rule has an address and a pipeline.
    bool is_there(const PublishRule &rule) const;
    bool is_there(const PlayRule &rule) const;
    /// Whether any fragment of the pipeline is there. A rule without one is none.
    bool has_fragments(const PipelineText &pipeline) const;
    /// The description's hint for a failure of this element; empty if there is none.
    std::string hint_for(const PipelineText &pipeline, const std::string &element) const;
    /// For an element that can't open what it reads: a question about the parameter that names it,
    /// "is --set file=/x right?". Empty if no parameter does.
    std::string setting_of(const PipelineText &pipeline, const std::string &element) const;
    /// The launch line for gst_parse_launch(), with each value quoted as one token. Needs
    /// gst_init().
    std::optional<std::string> launch_line(const PipelineText &pipeline, const Captures &captures,
                                           std::string *error) const;
    /// Builds the pipeline in state NULL. On failure returns nullptr and sets the reason and its
    /// location.
    GstPtr<GstElement> instantiate(const PipelineText &pipeline, const Captures &captures,
                                   std::string *error) const;
    /// Builds a GstBin instead, with ghost pads `sink` and `src` for unlinked ends.
    GstPtr<GstElement> instantiate_bin(const PipelineText &pipeline, const Captures &captures,
                                       std::string *error) const;

private:
    void require(const std::set<std::string> &given, std::vector<std::string> &errors) const;
    GstPtr<GstElement> build(const PipelineText &pipeline, const Captures &captures, bool as_bin,
                             std::string *error) const;
    std::optional<std::string> write(const Placeholder &placeholder, const Captures &captures,
                                     std::string *error) const;
    bool append_fragment(const Fragment &fragment, const Captures &captures, std::string &line,
                         std::string *error) const;
    bool append_property(const Item &item, const Property &property, const Captures &captures,
                         std::string &line, std::string *error) const;

    const Description &description_;
    std::map<std::string, Value, std::less<>> values_;
};

/// A rule's `match` with its values filled in.
class PathPattern {
public:
    /// Returns nullopt and sets the reason if the address or path is invalid.
    static std::optional<PathPattern> make(const Template &match, const Binding &binding,
                                           std::string *error);
    const std::string &scheme() const { return scheme_; } ///< without "://"
    const protocols::Protocol &protocol() const { return *protocol_; }
    const net::Address &address() const { return address_; }
    /// Returns the captures if `path` ("live/cam") matches; each is a safe path segment.
    std::optional<Captures> match(std::string_view path) const;
    /// The path for the given captures.
    std::string path_of(const Captures &captures) const;
    /// A matching path for people: "live/NAME".
    std::string example() const;

private:
    struct Segment {
        std::string text;    ///< precedes the capture; the whole segment if there is none
        std::string capture; ///< the capture's name
        std::string rest;    ///< follows the capture
    };
    std::string scheme_;
    const protocols::Protocol *protocol_ = nullptr;
    net::Address address_;
    std::vector<Segment> segments_;
};

} // namespace penstock::description
