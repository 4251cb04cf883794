// SPDX-License-Identifier: LGPL-2.1-or-later
// The links between the elements of launch text, and checks of them.
#pragma once

#include "description/alternatives.h"
#include "description/description.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::description {

/// A location in launch text.
struct TextPlace {
    const Fragment *fragment = nullptr;
    size_t offset = 0;
    Mark mark() const { return fragment->node.mark_at(offset); }
};

struct Finding {
    TextPlace place;
    std::string what;
    std::string mend;
};

struct WiredElement {
    TextPlace place;
    const Item *item = nullptr; ///< nullptr: a bin in parentheses, or a URL
    std::string name;           ///< value of `name=`; empty if absent
    bool in_bin = false;
};

/// One side of a link.
struct LinkEnd {
    std::string reference;         ///< the name in `name.pad`; empty: the adjacent element
    std::optional<size_t> element; ///< index; nullopt: unknown
    std::string pad;               ///< empty: any pad
    TextPlace place;
};

struct LinkFilter {
    TextPlace place;
    const Item *caps = nullptr;
};

struct WiredLink {
    TextPlace place; ///< location of the `!`
    LinkEnd from, to;
    std::vector<LinkFilter> filters;
};

struct Wiring {
    std::vector<WiredElement> elements;
    std::vector<WiredLink> links;
    bool is_certain = true; ///< false: it uses syntax that is not analysed here
    bool has_bins = false;
    bool is_linked_from(size_t element) const;
    bool is_linked_to(size_t element) const;
};

/// Joins the fragments. Adds dangling links and duplicate or unknown names to `findings`.
Wiring wire(const std::vector<const Fragment *> &fragments, std::vector<Finding> &findings);

/// Finds pads that do not exist and links whose caps are incompatible. `description` and
/// `assignment` supply the values of placeholders in caps. Needs gst_init().
void check_links(const Wiring &wiring, const Description &description, const Assignment &assignment,
                 std::vector<Finding> &findings);

/// Finds elements that lack a required link.
void check_loose_ends(const Wiring &wiring, std::vector<Finding> &findings);

/// Whether an element outputs the caps of its input, or its inputs, whatever its pad templates say.
bool passes_through(const std::string &element);
/// Whether `wanted` is the pad's name or a template that matches it, as "video_%u" matches
/// "video_0".
bool is_of_template(std::string_view pad, std::string_view wanted);

/// Runs `check` on each alternative of a pipeline and adds its findings to `problems` without
/// duplicates, naming the alternatives concerned.
void add_findings(const PipelineText &pipeline, const Description &description, Problems &problems,
                  const std::function<std::vector<Finding>(const Alternative &)> &check);

} // namespace penstock::description
