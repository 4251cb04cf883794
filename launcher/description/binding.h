// SPDX-License-Identifier: LGPL-2.1-or-later
// Values for a description's parameters, and what becomes of its text with them.
#pragma once

#include "core/net/loop/address.h"
#include "description/description.h"
#include "gst/ptr.h"
#include "protocols/protocol.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace penstock::description {

/// Names and values captured from a path.
using Captures = std::map<std::string, std::string>;

/// Whether every parameter has to have a value: to run a description, or to tell of it alone.
enum class Values { all, some };

class Binding {
public:
    /// A parameter's value comes from `overrides`, then the environment (PENSTOCK_RTMP for
    /// `rtmp`), then its default. Each mistake is one line in `errors`.
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

    /// A rule's duration in ns, which the loader has checked.
    int64_t duration(const std::optional<Template> &text, int64_t if_absent) const;
    /// The text with its values. nullopt and the reason in `error` if it can't be.
    std::optional<std::string> expand(const Pieces &pieces, const Captures &captures,
                                      std::string *error) const;
    /// The same for showing: secrets as `<name>`, captures as `NAME`.
    std::string expand_for_people(const Pieces &pieces) const;
    /// Whether all of a pipeline's or fragment's conditions hold.
    bool holds(const std::vector<Condition> &when) const;
    /// What the description says to do when such an element fails; empty if nothing.
    std::string hint_for(const PipelineText &pipeline, const std::string &element) const;
    /// The launch line for gst_parse_launch(), every value one token. gst_init() comes first.
    std::optional<std::string> launch_line(const PipelineText &pipeline, const Captures &captures,
                                           std::string *error) const;
    /// The pipeline itself, in state NULL. On failure nullptr and the reason, with its place.
    GstPtr<GstElement> instantiate(const PipelineText &pipeline, const Captures &captures,
                                   std::string *error) const;
    /// The same as a GstBin, with a ghost pad `sink` and `src` for an end that is not linked.
    GstPtr<GstElement> instantiate_bin(const PipelineText &pipeline, const Captures &captures,
                                       std::string *error) const;

private:
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

/// A rule's `match` with its values.
class PathPattern {
public:
    /// nullopt and the reason if the address or the path is none.
    static std::optional<PathPattern> make(const Template &match, const Binding &binding,
                                           std::string *error);
    const std::string &scheme() const { return scheme_; } ///< without "://"
    const protocols::Protocol &protocol() const { return *protocol_; }
    const net::Address &address() const { return address_; }
    /// The captures if the path ("live/cam") matches; every capture is a safe segment.
    std::optional<Captures> match(std::string_view path) const;
    /// The path that has these captures.
    std::string path_of(const Captures &captures) const;

private:
    struct Segment {
        std::string text;    ///< in front of the capture; all of it if there is none
        std::string capture; ///< its name
        std::string rest;    ///< behind it
    };
    std::string scheme_;
    const protocols::Protocol *protocol_ = nullptr;
    net::Address address_;
    std::vector<Segment> segments_;
};

} // namespace penstock::description
