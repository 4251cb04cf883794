// SPDX-License-Identifier: LGPL-2.1-or-later
#include "explain/inspect.h"

#include "description/element_class.h"
#include "description/playable.h"
#include "description/wiring.h"
#include "explain/caps_words.h"
#include "explain/shell_line.h"
#include "explain/stand_in.h"
#include "explain/trial.h"
#include "protocols/table.h"

#include <algorithm>
#include <map>
#include <set>

namespace penstock::explain {
namespace {

using namespace description;

bool has_word(const std::string &text, const char *word) {
    return text.find(word) != text.npos;
}

std::string class_of(GstElementFactory *factory) {
    const char *klass =
        factory ? gst_element_factory_get_metadata(factory, GST_ELEMENT_METADATA_KLASS) : nullptr;
    return klass ? klass : "";
}

std::string class_of(const std::string &element) {
    const auto factory =
        GstPtr<GstElementFactory>::adopt(gst_element_factory_find(element.c_str()));
    return class_of(factory.get());
}

/// Names of the encoders or decoders in a bin; empty if there are none.
std::string find_inside(GstElement *bin, const char *word) {
    std::set<std::string> found;
    GstIterator *all = gst_bin_iterate_recurse(GST_BIN(bin));
    GValue item = G_VALUE_INIT;
    while (gst_iterator_next(all, &item) == GST_ITERATOR_OK) {
        GstElementFactory *factory =
            gst_element_get_factory(GST_ELEMENT(g_value_get_object(&item)));
        const std::string klass = class_of(factory);
        if (has_word(klass, word) && !has_word(klass, "Bin") && !has_word(klass, "Parser"))
            found.insert(GST_OBJECT_NAME(factory));
        g_value_unset(&item);
    }
    gst_iterator_free(all);
    return enumerate({found.begin(), found.end()});
}

/// The remark about an element from its protocol.
std::string note_of(const GraphNode &node) {
    const auto known = protocols::find_element(node.element);
    if (!known || !known.protocol->note) return {};
    const ElementClass type(node.element);
    return known.protocol->note(
        node.element, [&](const char *property) -> std::optional<std::string> {
            for (const auto &[name, value] : node.properties)
                if (name == property) return value;
            GParamSpec *spec = type ? type.find(property) : nullptr;
            if (!spec) return std::nullopt;
            const GOwned<> text(gst_value_serialize(g_param_spec_get_default_value(spec)));
            return text ? std::optional<std::string>(text.get()) : std::nullopt;
        });
}

bool takes_publisher(const std::string &element) {
    const auto known = protocols::find_element(element);
    return known && known.use->role == protocols::Role::receive;
}

/// Why copyorencode encodes; empty if the codec alone explains it.
std::string reason_of(GstElement *copyorencode) {
    gchar *text = nullptr;
    g_object_get(copyorencode, "reason", &text, nullptr);
    const GOwned<> owner(text);
    const std::string reason = text ? text : "";
    return has_word(reason, " becomes ") ? "" : reason;
}

/// Which of several audio tracks livefilesrc plays; empty if there is only one.
std::string track_of(GstElement *livefilesrc) {
    GstStructure *made = nullptr;
    g_object_get(livefilesrc, "stats", &made, nullptr);
    const auto stats = GstPtr<GstStructure>::adopt(made);
    guint count = 0;
    gint track = -1;
    if (!stats || !gst_structure_get_uint(stats.get(), "audio-tracks", &count) || count < 2 ||
        !gst_structure_get_int(stats.get(), "audio-track", &track))
        return {};
    return "audio track " + std::to_string(track) + " of 0 to " + std::to_string(count - 1);
}

class Inspector {
public:
    Inspector(const PipelineText &pipeline, const Binding &binding,
              const std::vector<std::string> &captures)
        : binding_(binding), captures_(captures) {
        out_.name = pipeline.name;
        out_.launch = shell_line(pipeline, binding);
        copy(pipeline);
    }
    Graph run(std::chrono::milliseconds patience);

private:
    void copy(const PipelineText &pipeline);
    void describe_text();
    bool may_be_tried();
    void prepare();
    void try_it(std::chrono::milliseconds patience);
    bool is_all_known(const Trial &trial) const;
    void read_links(const Trial &trial);
    void read_nodes(const Trial &trial);
    void read_action(GraphNode &node, size_t index, const Trial *trial);
    void estimate();
    GstPtr<GstCaps> taken_by(const GraphLink &link, GstCaps *caps) const;
    std::string expected_of(const GraphLink &link) const;
    std::optional<uint64_t> latency_before(size_t node, size_t depth) const;
    void mark_reached();
    bool is_raw(size_t node) const;
    void note_unplayable(const GraphLink &link);
    std::string without_own_names(std::string text) const;

    const Binding &binding_;
    const std::vector<std::string> &captures_;
    Graph out_;
    PipelineText trial_;             ///< the active fragments, modified for the trial
    Wiring wiring_;                  ///< points into trial_
    std::vector<std::string> names_; ///< names of the trial's elements; empty: no name
    std::vector<bool> stands_in_;    ///< by element
    std::vector<bool> is_reached_;   ///< by element: receives data in the trial
    bool is_tried_ = false;
};

void Inspector::copy(const PipelineText &pipeline) {
    trial_.name = pipeline.name;
    trial_.mark = pipeline.mark;
    for (const Fragment &fragment : pipeline.fragments) {
        if (!binding_.holds(fragment.when)) continue;
        trial_.fragments.push_back(fragment);
        trial_.fragments.back().when.clear();
    }
    std::vector<const Fragment *> fragments;
    for (const Fragment &fragment : trial_.fragments)
        fragments.push_back(&fragment);
    std::vector<Finding> ignored;
    wiring_ = wire(fragments, ignored);
}

void Inspector::describe_text() {
    for (const WiredElement &element : wiring_.elements) {
        GraphNode node;
        node.element = element.item ? element.item->text : "(bin)";
        node.name = element.name;
        for (const Property &property :
             element.item ? element.item->properties : std::vector<Property>())
            if (property.name != "name")
                node.properties.emplace_back(property.name,
                                             expand_for_reading(property.pieces, binding_));
        node.note = note_of(node);
        out_.nodes.push_back(std::move(node));
    }
    for (const WiredLink &link : wiring_.links) {
        if (!link.from.element || !link.to.element) continue;
        GraphLink out{.from = *link.from.element,
                      .to = *link.to.element,
                      .from_pad = link.from.pad,
                      .to_pad = link.to.pad};
        for (const LinkFilter &filter : link.filters)
            out.filter += (out.filter.empty() ? "" : " ! ") +
                          expand_for_reading(filter.caps->pieces, binding_);
        out_.links.push_back(std::move(out));
    }
}

bool Inspector::may_be_tried() {
    for (const Parameter &parameter : binding_.description().parameters)
        if (!binding_.find(parameter.name)) {
            out_.notes.push_back("'" + parameter.name + "' has no value: --set " + parameter.name +
                                 "=… tells more");
            return false;
        }
    return true;
}

/// Names every element, and replaces those that would reach outside by stand-ins.
void Inspector::prepare() {
    stands_in_.assign(wiring_.elements.size(), false);
    names_.assign(wiring_.elements.size(), "");
    std::set<std::string> outside;
    for (size_t i = 0; i < wiring_.elements.size(); ++i) {
        // The wiring points to items of this copy, which may be changed.
        auto *item = const_cast<Item *>(wiring_.elements[i].item);
        if (!item) continue;
        if (reaches_outside(item->text)) {
            const std::string stand_in = stand_in_for(item->text);
            if (stand_in != item->text) {
                if (has_word(class_of(item->text), "Source")) outside.insert(item->text);
                item->text = stand_in;
                stands_in_[i] = true;
                std::erase_if(item->properties, [](const Property &p) { return p.name != "name"; });
            }
        }
        names_[i] = wiring_.elements[i].name;
        if (!names_[i].empty()) continue;
        names_[i] = "penstock-explain-" + std::to_string(i);
        item->properties.push_back(
            {.name = "name", .raw = names_[i], .pieces = {{names_[i], std::nullopt}}});
    }
    for (const std::string &element : outside)
        out_.notes.push_back(!takes_publisher(element) || captures_.empty()
                                 ? element + " is not opened here: what it gives is not known"
                                 : "what " + element + " gives is known when a publisher has come");
}

/// Marks the elements that are fed by an element that actually runs.
void Inspector::mark_reached() {
    is_reached_.assign(wiring_.elements.size(), false);
    for (size_t i = 0; i < wiring_.elements.size(); ++i)
        is_reached_[i] = !stands_in_[i] && out_.links_to(i).empty();
    for (size_t round = 0; round < wiring_.elements.size(); ++round)
        for (const GraphLink &link : out_.links)
            if (is_reached_[link.from]) is_reached_[link.to] = true;
}

bool Inspector::is_all_known(const Trial &trial) const {
    std::map<std::pair<std::string, std::string>, size_t> known;
    std::set<std::string> gives;
    const auto links = trial.links();
    for (const SeenLink &link : links)
        if (link.caps) gives.insert(link.from);
    // Bytes from a file may have no caps: they flow if the next link has caps.
    for (const SeenLink &link : links)
        if (link.caps || gives.contains(link.to)) ++known[{link.from, link.to}];
    for (const GraphLink &link : out_.links) {
        if (!is_reached_[link.from]) continue;
        size_t &left = known[{names_[link.from], names_[link.to]}];
        if (left-- == 0) return false;
    }
    return true;
}

void Inspector::try_it(std::chrono::milliseconds patience) {
    Captures captures;
    for (const std::string &capture : captures_)
        captures[capture] = "NAME";
    prepare();
    mark_reached();
    std::string error;
    auto pipeline = binding_.instantiate(trial_, captures, &error);
    if (!pipeline) {
        out_.error = without_own_names(error);
        return;
    }
    Trial trial(std::move(pipeline), names_);
    if (std::count(is_reached_.begin(), is_reached_.end(), true) > 0)
        out_.error = without_own_names(trial.run(patience, [&] { return is_all_known(trial); }));
    read_links(trial);
    read_nodes(trial);
    is_tried_ = true;
}

void Inspector::read_links(const Trial &trial) {
    std::vector<SeenLink> seen = trial.links();
    // Links that name their pads come first, so that other links don't take those pads.
    for (const bool exact : {true, false})
        for (GraphLink &link : out_.links) {
            if (!link.caps.empty()) continue;
            const auto found = std::find_if(seen.begin(), seen.end(), [&](const SeenLink &one) {
                if (one.from != names_[link.from] || one.to != names_[link.to]) return false;
                const bool same = (link.from_pad.empty() || link.from_pad == one.from_pad) &&
                                  (link.to_pad.empty() || link.to_pad == one.to_pad);
                return exact ? same && !(link.from_pad.empty() && link.to_pad.empty()) : same;
            });
            if (found == seen.end()) continue;
            link.from_pad = found->from_pad;
            link.to_pad = found->to_pad;
            if (found->caps) {
                const GOwned<> text(gst_caps_to_string(found->caps.get()));
                // Fields such as headers are removed for display.
                auto plain = GstPtr<GstCaps>::adopt(gst_caps_copy(found->caps.get()));
                gst_structure_remove_fields(gst_caps_get_structure(plain.get(), 0), "streamheader",
                                            "codec_data", "tags", nullptr);
                link.caps = GOwned<>(gst_caps_to_string(plain.get())).get();
                link.stream = say_caps(found->caps.get());
            } else if (is_reached_[link.from] && out_.links_to(link.from).empty()) {
                link.stream = "bytes";
            }
            seen.erase(found);
        }
    // A stream that the file lacks stays unlinked while its other streams are linked.
    for (GraphLink &link : out_.links) {
        if (!link.caps.empty() || !is_reached_[link.from] || !out_.error.empty()) continue;
        const auto siblings = out_.links_from(link.from);
        const bool other = std::any_of(siblings.begin(), siblings.end(), [&](size_t sibling) {
            return !out_.links[sibling].caps.empty();
        });
        const auto inputs = out_.links_to(link.from);
        const bool no_input =
            !inputs.empty() && std::all_of(inputs.begin(), inputs.end(), [&](size_t input) {
                return out_.links[input].is_absent;
            });
        link.is_absent = other || no_input;
    }
}

void Inspector::note_unplayable(const GraphLink &link) {
    const Action next = out_.nodes[link.to].action;
    const auto caps = GstPtr<GstCaps>::adopt(gst_caps_from_string(link.caps.c_str()));
    if (link.caps.empty() || !caps || next == Action::recoded || next == Action::decoded) return;
    const GstStructure *structure = gst_caps_get_structure(caps.get(), 0);
    if (!is_hardly_playable(structure)) return;
    const std::string note = "H.264 " + profile_words(structure) +
                             " is played by hardly a browser, phone or TV: " + mend_unplayable;
    if (std::find(out_.notes.begin(), out_.notes.end(), note) == out_.notes.end())
        out_.notes.push_back(note);
}

/// Replaces names that were generated for the trial.
std::string Inspector::without_own_names(std::string text) const {
    for (size_t i = names_.size(); i-- > 0;)
        for (size_t at = 0; wiring_.elements[i].name.empty() && !names_[i].empty() &&
                            (at = text.find(names_[i], at)) != text.npos;)
            text.replace(at, names_[i].size(), out_.nodes[i].element);
    return text;
}

bool Inspector::is_raw(size_t node) const {
    const auto inputs = out_.links_to(node);
    return std::any_of(inputs.begin(), inputs.end(), [&](size_t input) {
        return has_word(out_.links[input].caps, "/x-raw") ||
               (out_.links[input].caps.empty() && has_word(out_.links[input].filter, "/x-raw"));
    });
}

void Inspector::read_action(GraphNode &node, size_t index, const Trial *trial) {
    const std::string klass = class_of(node.element);
    const auto made =
        trial && !names_[index].empty() ? trial->find(names_[index]) : GstPtr<GstElement>();
    const auto outputs = out_.links_from(index);
    const bool known = std::any_of(outputs.begin(), outputs.end(),
                                   [&](size_t link) { return !out_.links[link].caps.empty(); });
    if (node.element == "copyorencode") {
        gchar *text = nullptr;
        if (made && known) g_object_get(made.get(), "action", &text, nullptr);
        const GOwned<> owner(text);
        const std::string action = text ? text : "", prefix = "encoded by ";
        node.action = action.empty() ? Action::open : Action::copied;
        if (!action.starts_with(prefix)) return;
        if (made) node.note = reason_of(made.get());
        node.by = action.substr(prefix.size());
        node.action = is_raw(index) ? Action::encoded : Action::recoded;
    } else if (has_word(klass, "Sink")) {
        node.action = Action::sink;
    } else if (has_word(klass, "Source")) {
        node.action = Action::source;
        if (made && known && node.element == "livefilesrc") node.note = track_of(made.get());
    } else if (has_word(klass, "Bin")) {
        const std::string encoder = made ? find_inside(made.get(), "Encoder") : "";
        const std::string decoder = made ? find_inside(made.get(), "Decoder") : "";
        node.by = encoder.empty() ? decoder : encoder;
        node.action = !encoder.empty() && !decoder.empty() ? Action::recoded
                      : !encoder.empty()                   ? Action::encoded
                      : !decoder.empty()                   ? Action::decoded
                      : known                              ? Action::copied
                                                           : Action::open;
    } else if (has_word(klass, "Encoder")) {
        node.action = Action::encoded;
    } else if (has_word(klass, "Decoder")) {
        node.action = Action::decoded;
    } else {
        const bool works_on_raw =
            (has_word(klass, "Video") || has_word(klass, "Audio")) &&
            (has_word(klass, "Filter") || has_word(klass, "Effect") || has_word(klass, "Editor")) &&
            !has_word(klass, "Parser");
        node.action = works_on_raw || is_raw(index) ? Action::raw : Action::copied;
    }
}

void Inspector::read_nodes(const Trial &trial) {
    for (size_t i = 0; i < out_.nodes.size(); ++i) {
        GraphNode &node = out_.nodes[i];
        read_action(node, i, &trial);
        if (names_[i].empty() || node.action == Action::sink) continue;
        const auto outputs = out_.links_from(i);
        const bool known = std::any_of(outputs.begin(), outputs.end(), [&](size_t link) {
            return !out_.links[link].caps.empty() || out_.links[link].stream == "bytes";
        });
        if (!known || stands_in_[i]) continue;
        if (const auto latency = trial.latency_of(names_[i]))
            node.latency = Latency{*latency, true};
    }
    for (const GraphLink &link : out_.links)
        note_unplayable(link);
    // A sink reports the latency of the whole path to it.
    for (size_t i = 0; i < out_.nodes.size(); ++i) {
        if (out_.nodes[i].action != Action::sink || !is_reached_[i]) continue;
        if (const auto latency = latency_before(i, 0))
            out_.notes.push_back("to " + title_of(out_.nodes[i]) + " it takes " +
                                 std::to_string((*latency + 500'000) / 1'000'000) + " ms in all");
    }
}

/// Latency of the longest path; nullopt if part of it is unknown.
std::optional<uint64_t> Inspector::latency_before(size_t node, size_t depth) const {
    if (depth > out_.nodes.size()) return std::nullopt;
    uint64_t most = 0;
    for (const size_t input : out_.links_to(node)) {
        const GraphLink &link = out_.links[input];
        if (link.is_absent) continue;
        const auto before = latency_before(link.from, depth + 1);
        const auto &own = out_.nodes[link.from].latency;
        if (!before || !own || !own->is_measured) return std::nullopt;
        most = std::max(most, *before + own->nanoseconds);
    }
    return most;
}

/// `caps` as far as the pad behind the link takes them.
GstPtr<GstCaps> Inspector::taken_by(const GraphLink &link, GstCaps *caps) const {
    const ElementClass type(out_.nodes[link.to].element);
    GList *l = type ? gst_element_class_get_pad_template_list(type.get()) : nullptr;
    for (; l; l = l->next) {
        auto *one = GST_PAD_TEMPLATE(l->data);
        const bool fits =
            link.to_pad.empty() || is_of_template(link.to_pad, GST_PAD_TEMPLATE_NAME_TEMPLATE(one));
        if (GST_PAD_TEMPLATE_DIRECTION(one) == GST_PAD_SINK && fits)
            return GstPtr<GstCaps>::adopt(gst_caps_intersect_full(caps, GST_PAD_TEMPLATE_CAPS(one),
                                                                  GST_CAPS_INTERSECT_FIRST));
    }
    return GstPtr<GstCaps>::ref(caps);
}

/// The expected caps of a link: the single format in the pad template of the next element, or the
/// input of an element that passes its input on.
std::string Inspector::expected_of(const GraphLink &link) const {
    const GraphNode &node = out_.nodes[link.from];
    const ElementClass type(node.element);
    if (!type) return {};
    for (GList *l = gst_element_class_get_pad_template_list(type.get()); l; l = l->next) {
        auto *one = GST_PAD_TEMPLATE(l->data);
        if (GST_PAD_TEMPLATE_DIRECTION(one) != GST_PAD_SRC) continue;
        if (!link.from_pad.empty() && GST_PAD_TEMPLATE_PRESENCE(one) != GST_PAD_REQUEST &&
            !is_of_template(link.from_pad, GST_PAD_TEMPLATE_NAME_TEMPLATE(one)))
            continue;
        if (gst_caps_is_any(GST_PAD_TEMPLATE_CAPS(one))) {
            const auto inputs = out_.links_to(link.from);
            if (inputs.empty() || !passes_through(node.element)) return {};
            const std::string &first = out_.links[inputs[0]].stream;
            for (const size_t input : inputs)
                if (out_.links[input].stream != first) return {};
            return first;
        }
        // Unspecific raw caps are not worth showing.
        const auto caps = taken_by(link, GST_PAD_TEMPLATE_CAPS(one));
        if (gst_caps_get_size(caps.get()) != 1) return {};
        const std::string words = say_caps(caps.get());
        return words.find('/') == words.npos ? words : "";
    }
    return {};
}

/// Describes unobserved parts by pad templates and element classes.
void Inspector::estimate() {
    for (size_t round = 0; round < out_.nodes.size(); ++round)
        for (GraphLink &link : out_.links)
            if (link.stream.empty() && !link.is_absent) link.stream = expected_of(link);
    for (GraphLink &link : out_.links)
        link.is_expected = link.caps.empty() && !link.stream.empty() && link.stream != "bytes";
    for (size_t i = 0; i < out_.nodes.size(); ++i) {
        GraphNode &node = out_.nodes[i];
        if (node.latency) continue;
        if (!is_tried_) read_action(node, i, nullptr);
        if (node.action == Action::copied || node.action == Action::raw)
            node.latency = Latency{0, false};
    }
}

Graph Inspector::run(std::chrono::milliseconds patience) {
    describe_text();
    if (!wiring_.is_certain || wiring_.has_bins)
        out_.notes.emplace_back("it has forms that are not tried here (brackets, lists of pads)");
    else if (may_be_tried())
        try_it(patience);
    estimate();
    return std::move(out_);
}

} // namespace

Graph inspect(const PipelineText &pipeline, const Binding &binding,
              const std::vector<std::string> &captures, std::chrono::milliseconds patience) {
    return Inspector(pipeline, binding, captures).run(patience);
}

} // namespace penstock::explain
