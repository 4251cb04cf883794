// SPDX-License-Identifier: LGPL-2.1-or-later
// How the elements of launch text are linked, and which of those links can't be.
#pragma once

#include "description/alternatives.h"
#include "description/description.h"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::description {

/// A place in launch text.
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
    const Item *item = nullptr; ///< nullptr: a bin in brackets, or a URL
    std::string name;           ///< what `name=` says; else empty
    bool in_bin = false;
};

/// One side of a link.
struct LinkEnd {
    std::string reference;         ///< the name in `name.pad`; empty: what stands there
    std::optional<size_t> element; ///< index; none: not known
    std::string pad;               ///< empty: any
    TextPlace place;
};

struct LinkFilter {
    TextPlace place;
    const Item *caps = nullptr;
};

struct WiredLink {
    TextPlace place; ///< of the `!`
    LinkEnd from, to;
    std::vector<LinkFilter> filters;
};

struct Wiring {
    std::vector<WiredElement> elements;
    std::vector<WiredLink> links;
    bool is_certain = true; ///< false: it has forms that are not followed here
    bool has_bins = false;
    bool is_linked_from(size_t element) const;
    bool is_linked_to(size_t element) const;
};

/// Joins the fragments. Links that hang in the air, names that are there twice or not at all are
/// `findings`.
Wiring wire(const std::vector<const Fragment *> &fragments, std::vector<Finding> &findings);

/// Pads that elements have not, links that no caps fit through. `description` and `assignment` give
/// the values of placeholders in caps. gst_init() comes first.
void check_links(const Wiring &wiring, const Description &description, const Assignment &assignment,
                 std::vector<Finding> &findings);

/// Elements that nothing is linked to though they need it.
void check_loose_ends(const Wiring &wiring, std::vector<Finding> &findings);

/// Elements that give out what they take in, whatever their templates say.
bool passes_through(const std::string &element);
/// Whether "video_0" is a pad of the template "video_%u", or that name itself.
bool is_of_template(std::string_view pad, std::string_view wanted);

/// Adds what `check` finds in each alternative of a pipeline: each finding once, with the
/// alternatives that have it.
void add_findings(const PipelineText &pipeline, const Description &description, Problems &problems,
                  const std::function<std::vector<Finding>(const Alternative &)> &check);

} // namespace penstock::description
