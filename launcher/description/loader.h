// SPDX-License-Identifier: LGPL-2.1-or-later
// Builds a Description from a parsed file; used by description.cpp. Parameters are loaded in
// loader_parameters.cpp, rules in loader_rules.cpp.
#pragma once

#include "description/description.h"
#include "description/keys.h"
#include "description/yaml.h"
#include "protocols/protocol.h"

#include <string_view>

namespace penstock::description {

/// Whether a name is valid for a parameter or pipeline: a-z, 0-9, - and _, up to 64 characters,
/// starting with a letter.
bool is_name(std::string_view name);

class Loader {
public:
    Loader(Description &out, Problems &problems) : out_(out), problems_(problems) {}
    void load(const Node &root);

private:
    void problem(Mark mark, std::string what, std::string mend) {
        problems_.push_back({mark, std::move(what), std::move(mend)});
    }
    /// Reports a missing key, unless the end of the file is invalid and might contain it.
    void missing(Mark mark, std::string what, std::string mend) {
        if (out_.is_whole) problem(mark, std::move(what), std::move(mend));
    }
    std::vector<Node::Entry> known_entries(const Node &map, Place place, const std::string &where);
    std::string read_text(const Node::Entry &entry) {
        if (entry.value.is_scalar()) return entry.value.text;
        problem(entry.value.mark, "'" + entry.key + "' has to be text",
                "write " + entry.key + ": …");
        return {};
    }
    bool read_bool(const Node::Entry &entry) {
        const std::string text = read_text(entry);
        if (text != "true" && text != "false")
            problem(entry.value.mark, "'" + entry.key + "' has to be true or false", "write one");
        return text == "true";
    }
    void load_parameters(const Node::Entry &entry);
    void load_parameter(const Node::Entry &entry);
    void load_required(const Node::Entry &entry, Parameter &parameter);
    void load_choices(const Node::Entry &entry, Parameter &parameter);
    void load_schemes(const Node::Entry &entry, Parameter &parameter);
    void check_parameter(Parameter &parameter, const Node::Entry *min, const Node::Entry *max);
    void load_page(const Node::Entry &entry);
    void load_embed(const Node::Entry &entry, PageText &page);
    void check_address(const Template &text, const std::string &key);
    void load_start(const Node::Entry &entry);
    void load_rules(const Node::Entry &entry, void (Loader::*load)(const Node &));
    void load_play_rule(const Node &node);
    std::optional<Template> load_duration(const Node::Entry &entry);
    void load_max_instances(const Node::Entry &entry, size_t &out);
    void load_rule(const Node &node);
    void load_restart(const Node::Entry &entry);
    enum class Peers { all, publishers, viewers };
    std::optional<Authorize> load_authorize(const Node::Entry &entry, Peers peers);
    std::optional<Notify> load_notify(const Node::Entry &entry);
    std::optional<Multitrack> load_multitrack(const Node::Entry &entry);
    std::optional<Rendition> load_rendition(const Node &node);
    double load_number(const Node::Entry &entry, Type type, double min, double max,
                       const std::string &example);
    void load_callback(const Node::Entry &entry, Callback &out);
    void load_jwt(const Node::Entry &entry, Authorize &out);
    std::vector<Template> load_networks(const Node::Entry &entry);
    std::string load_word(const Node::Entry &entry, const std::vector<std::string> &words);
    void load_url(const Node::Entry &entry, Callback &out);
    /// The protocols, by name, of a publish rule's addresses, which `from` of fragments tells
    /// apart.
    struct Publishers {
        std::vector<std::string> all;
        std::string own; ///< of the address at hand
    };
    std::optional<PipelineText> load_pipeline(const std::string &name, const Node &node,
                                              const std::vector<std::string> &captures,
                                              const Publishers *publishers = nullptr);
    bool load_from(const Node::Entry &entry, const Publishers *publishers);
    std::vector<Template> load_matches(const Node::Entry &entry, protocols::Use use,
                                       std::vector<std::string> &captures);
    std::optional<Fragment> load_fragment(const Node &node, Extent extent,
                                          const std::vector<std::string> &captures);
    std::vector<Condition> load_when(const Node::Entry &entry);
    std::optional<Template> load_template(const Node::Entry &entry, bool captures);
    std::vector<std::string> check_match(const Template &match, protocols::Use use);

    Description &out_;
    Problems &problems_;
    /// Conditions of `required` with their parameter's index, until all parameters are known.
    std::vector<std::pair<size_t, Node::Entry>> required_when_;
};

} // namespace penstock::description
