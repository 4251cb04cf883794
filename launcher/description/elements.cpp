// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/elements.h"

#include "description/alternatives.h"
#include "description/article.h"
#include "description/element_class.h"
#include "description/literals.h"
#include "description/placeholders.h"
#include "description/wiring.h"

#include <algorithm>
#include <set>

namespace penstock::description {
namespace {

std::vector<std::string> all_elements() {
    std::vector<std::string> names;
    GList *features = gst_registry_get_feature_list(gst_registry_get(), GST_TYPE_ELEMENT_FACTORY);
    for (GList *l = features; l; l = l->next)
        names.emplace_back(GST_OBJECT_NAME(l->data));
    gst_plugin_feature_list_free(features);
    return names;
}

template <class Spec>
void set_range(PropertyInfo &info, const Spec *spec, bool whole) {
    info.kind = PropertyKind::number;
    info.min = static_cast<double>(spec->minimum);
    info.max = static_cast<double>(spec->maximum);
    info.whole = whole;
}

PropertyInfo describe(GParamSpec *spec) {
    PropertyInfo info;
    const GType type = G_PARAM_SPEC_VALUE_TYPE(spec);
    if (type == G_TYPE_STRING) {
        info.kind = PropertyKind::text;
    } else if (type == G_TYPE_BOOLEAN) {
        info.kind = PropertyKind::boolean;
    } else if (g_type_is_a(type, G_TYPE_OBJECT)) {
        // gst_parse reads the value of such a property as launch text.
        info.kind = PropertyKind::element;
    } else if (G_IS_PARAM_SPEC_INT(spec)) {
        set_range(info, G_PARAM_SPEC_INT(spec), true);
    } else if (G_IS_PARAM_SPEC_UINT(spec)) {
        set_range(info, G_PARAM_SPEC_UINT(spec), true);
    } else if (G_IS_PARAM_SPEC_LONG(spec)) {
        set_range(info, G_PARAM_SPEC_LONG(spec), true);
    } else if (G_IS_PARAM_SPEC_ULONG(spec)) {
        set_range(info, G_PARAM_SPEC_ULONG(spec), true);
    } else if (G_IS_PARAM_SPEC_INT64(spec)) {
        set_range(info, G_PARAM_SPEC_INT64(spec), true);
    } else if (G_IS_PARAM_SPEC_UINT64(spec)) {
        set_range(info, G_PARAM_SPEC_UINT64(spec), true);
    } else if (G_IS_PARAM_SPEC_FLOAT(spec)) {
        set_range(info, G_PARAM_SPEC_FLOAT(spec), false);
    } else if (G_IS_PARAM_SPEC_DOUBLE(spec)) {
        set_range(info, G_PARAM_SPEC_DOUBLE(spec), false);
    }
    return info;
}

class Checker {
public:
    Checker(const Description &description, Problems &problems)
        : description_(description), problems_(problems) {}

    void check(const PipelineText &pipeline, const std::vector<std::string> &captures) {
        captures_ = &captures;
        for (const Fragment &fragment : pipeline.fragments)
            check(fragment);
        if (std::all_of(pipeline.fragments.begin(), pipeline.fragments.end(),
                        [](const Fragment &fragment) { return fragment.is_whole; }))
            check_wiring(pipeline);
        else
            check_references(pipeline);
    }

private:
    void check(const Fragment &fragment) {
        node_ = &fragment.node;
        when_ = &fragment.when;
        is_conditional_ = !fragment.when.empty();
        for (const Item &item : fragment.launch.items) {
            if (item.kind == Item::Kind::element) check_element(item);
            if (item.kind == Item::Kind::caps) check_caps(item);
            if (item.kind == Item::Kind::bin_begin)
                for (const Property &property : item.properties)
                    if (property.has_placeholder)
                        problem(property.offset, "a placeholder stands in a bin's property",
                                "placeholders belong to elements");
        }
    }
    void problem(size_t offset, std::string what, std::string mend) {
        problems_.push_back({node_->mark_at(offset), std::move(what), std::move(mend)});
    }
    bool is_capture(const Placeholder &placeholder) const {
        return is_time(placeholder, description_) ||
               std::find(captures_->begin(), captures_->end(), placeholder.name) !=
                   captures_->end();
    }
    std::string origin_of(const Placeholder &placeholder) const {
        return "'" + placeholder.name +
               (is_time(placeholder, description_) ? "' is a date and time"
                                                   : "' comes from the network");
    }
    void check_element(const Item &item);
    void check_property(const Item &item, const Property &property, const ElementClass &type);
    void check_bound_value(const Property &property, const PropertyInfo &info);
    void check_values(const Property &property, GParamSpec *spec);
    bool may_be(const Parameter &parameter, const Value &value) const;
    void check_caps(const Item &item);
    void check_wiring(const PipelineText &pipeline);
    void check_references(const PipelineText &pipeline);

    const Description &description_;
    Problems &problems_;
    const Node *node_ = nullptr;
    bool is_conditional_ = false;
    const std::vector<Condition> *when_ = nullptr;
    const std::vector<std::string> *captures_ = nullptr;
};

void Checker::check_element(const Item &item) {
    const ElementClass type(item.text);
    if (!type) {
        // An element that depends on a condition need not be installed.
        if (!is_conditional_ || package_of(item.text).empty())
            problem(item.offset, "there is no element '" + item.text + "'",
                    mend_missing(item.text));
        return;
    }
    for (const Property &property : item.properties)
        check_property(item, property, type);
}

void Checker::check_property(const Item &item, const Property &property, const ElementClass &type) {
    if (property.name == "name" || property.name.find("::") != std::string::npos) {
        if (property.has_placeholder)
            problem(property.value_offset,
                    property.name == "name"
                        ? "a placeholder stands in an element's name"
                        : "a placeholder stands in a child's property, whose type is not known",
                    property.name == "name" ? "names decide what is linked: write the name out"
                                            : "write the value out");
        return;
    }
    GParamSpec *spec = type.find(property.name);
    if (!spec) {
        problem(property.offset,
                "the element '" + item.text + "' has no property '" + property.name + "'",
                did_you_mean(property.name, type.properties(),
                             "`gst-inspect-1.0 " + item.text + "` lists its properties"));
        return;
    }
    if (!(spec->flags & G_PARAM_WRITABLE))
        return problem(property.offset, "the property '" + property.name + "' can only be read",
                       "leave it out");
    if (property.has_placeholder) check_bound_value(property, describe(spec));
    check_values(property, spec);
}

/// Checks the literal value, or all values that a single placeholder can have.
void Checker::check_values(const Property &property, GParamSpec *spec) {
    if (property.pieces.size() > 1) return;
    const Placeholder *placeholder = nullptr;
    if (!property.pieces.empty() && property.pieces[0].placeholder)
        placeholder = &*property.pieces[0].placeholder;
    if (!placeholder) {
        const std::string text = property.pieces.empty() ? "" : property.pieces[0].literal;
        if (auto refusal = check_literal(spec, text))
            problem(property.value_offset, std::move(refusal->what), std::move(refusal->mend));
        return;
    }
    const Parameter *parameter = description_.find_parameter(placeholder->name);
    if (!parameter || !parameter->is_known || is_capture(*placeholder)) return;
    const bool is_choice = parameter->type == Type::choice;
    // Mismatches of type and range are reported by the check of the property's kind.
    const PropertyKind kind = describe(spec).kind;
    if (!is_choice && kind != PropertyKind::plain) return;
    std::vector<std::string> words;
    for (const Choice &choice : parameter->choices)
        words.push_back(choice.name);
    if (!is_choice && parameter->default_text) words = {*parameter->default_text};
    for (const std::string &word : words) {
        const auto value = parse_value(*parameter, word, nullptr);
        if (!value || !may_be(*parameter, *value)) continue;
        const auto text = write_value(*value, placeholder->unit, placeholder->setting, nullptr);
        auto refusal = text ? check_literal(spec, *text) : std::nullopt;
        if (!refusal) continue;
        problem(placeholder->offset,
                refusal->what + (is_choice ? " (with " + parameter->name + "=" + word + ")"
                                           : " (the default of '" + parameter->name + "')"),
                std::move(refusal->mend));
        return;
    }
}

/// Whether the fragment's conditions allow its parameter to have this value.
bool Checker::may_be(const Parameter &parameter, const Value &value) const {
    return std::all_of(when_->begin(), when_->end(), [&](const Condition &condition) {
        if (condition.parameter != parameter.name) return true;
        const auto wanted = parse_value(parameter, condition.word, nullptr);
        return !wanted || same_value(*wanted, value) == condition.is_equal;
    });
}

void Checker::check_bound_value(const Property &property, const PropertyInfo &info) {
    if (info.kind == PropertyKind::element) {
        problem(property.value_offset,
                "'" + property.name + "' takes an element and a placeholder stands in it",
                "write the value out");
        return;
    }
    for (const Piece &piece : property.pieces) {
        if (!piece.placeholder) continue;
        const size_t where = piece.placeholder->offset;
        const std::string shown = "'" + piece.placeholder->name + "'";
        if (is_capture(*piece.placeholder)) {
            if (info.kind != PropertyKind::text)
                problem(where,
                        origin_of(*piece.placeholder) + " and '" + property.name + "' is no string",
                        "captures and ${time} are allowed in string properties only");
            continue;
        }
        const Parameter *parameter = description_.find_parameter(piece.placeholder->name);
        if (!parameter || !parameter->is_known) continue; // reported by the loader
        const Type type = parameter->type;
        const bool number = type == Type::integer || type == Type::floating || needs_unit(type);
        if (info.kind == PropertyKind::boolean && type != Type::boolean && type != Type::choice)
            problem(where,
                    "'" + property.name + "' is a bool and " + shown + " is " +
                        with_article(type_name(type)),
                    "make the parameter a bool");
        if (info.kind != PropertyKind::number) continue;
        if (!number && type != Type::choice)
            problem(where,
                    "'" + property.name + "' is a number and " + shown + " is " +
                        with_article(type_name(type)),
                    "give the parameter a type with a number");
        else if (property.pieces.size() > 1)
            problem(where, "a number is put together from parts",
                    "write " + property.name + "=${name} and nothing else");
        else if (number && parameter->default_text) {
            // The default value has to fit; other values are checked when they are bound.
            const auto value = parse_value(*parameter, *parameter->default_text, nullptr);
            const auto text =
                value ? write_value(*value, piece.placeholder->unit, "", nullptr) : std::nullopt;
            const auto amount = text ? parse_quantity(Type::floating, *text) : std::nullopt;
            if (amount && info.whole && text->find('.') != text->npos)
                problem(where,
                        "the default of " + shown + " is " + *text + " here and '" + property.name +
                            "' is a whole number",
                        "take a smaller unit");
            else if (amount && (*amount < *info.min || *amount > *info.max))
                problem(where,
                        "the default of " + shown + " is " + *text +
                            " here, out of the range of '" + property.name + "'",
                        "choose another default or unit");
        }
    }
}

/// Invalid text might define the names that are referred to, so it is searched as plain words.
void Checker::check_references(const PipelineText &pipeline) {
    std::vector<std::string> names;
    std::string all;
    for (const Fragment &fragment : pipeline.fragments) {
        all += fragment.node.text + "\n";
        for (const Item &item : fragment.launch.items)
            for (const Property &property : item.properties)
                if (property.name == "name" && property.has_placeholder)
                    return; // a mistake of its own, of which these follow
                else if (property.name == "name" && property.pieces.size() == 1)
                    names.push_back(property.pieces[0].literal);
    }
    for (const Fragment &fragment : pipeline.fragments) {
        node_ = &fragment.node;
        for (const Item &item : fragment.launch.items) {
            if (item.kind != Item::Kind::reference) continue;
            const std::string name = item.text.substr(0, item.text.find('.'));
            if (name.empty() || std::isdigit(static_cast<unsigned char>(name.back())) ||
                all.find("name=" + name) != all.npos || all.find("name=\"" + name) != all.npos)
                continue;
            problem(item.offset, "no element is named '" + name + "'",
                    did_you_mean(name, names, "give one `name=" + name + "`"));
        }
    }
}

void Checker::check_wiring(const PipelineText &pipeline) {
    add_findings(pipeline, description_, problems_, [this](const Alternative &alternative) {
        std::vector<Finding> findings;
        const Wiring wiring = wire(alternative.fragments, findings);
        for (const Assignment &assignment : alternative.assignments)
            check_links(wiring, description_, assignment, findings);
        return findings;
    });
}

void Checker::check_caps(const Item &item) {
    bool dynamic = false;
    for (const Piece &piece : item.pieces) {
        if (!piece.placeholder) continue;
        dynamic = true;
        const size_t where = piece.placeholder->offset;
        if (is_capture(*piece.placeholder))
            problem(where, origin_of(*piece.placeholder) + " and stands in caps",
                    "captures and ${time} are allowed in string properties only");
        const Parameter *parameter = description_.find_parameter(piece.placeholder->name);
        if (parameter && (parameter->type == Type::path || parameter->type == Type::url ||
                          parameter->type == Type::address))
            problem(where, "a " + type_name(parameter->type) + " stands in caps",
                    "caps take numbers, words and choices");
    }
    if (!dynamic && !GstPtr<GstCaps>::adopt(gst_caps_from_string(item.text.c_str())))
        problem(item.offset, "these are no caps", "write type/subtype,field=value,…");
}

} // namespace

bool has_element(const std::string &element) {
    return bool(ElementClass(element));
}

std::string mend_missing(const std::string &element) {
    const std::string package = package_of(element);
    if (package == own_package)
        return "it is one of Penstock's own: is GST_PLUGIN_PATH right? (`meson devenv` sets it)";
    if (!package.empty()) return "install it with `apt install " + package + "`";
    return did_you_mean(element, all_elements(),
                        "is its plugin installed? `gst-inspect-1.0` lists all elements");
}

std::optional<PropertyInfo> find_property(const std::string &element, const std::string &property) {
    const ElementClass type(element);
    GParamSpec *spec = type ? type.find(property) : nullptr;
    return spec ? std::optional(describe(spec)) : std::nullopt;
}

void check_elements(const Description &description, Problems &problems) {
    Checker checker(description, problems);
    for (const PipelineText &pipeline : description.start)
        checker.check(pipeline, {});
    for (const PlayRule &rule : description.play)
        checker.check(rule.pipeline, rule.captures);
    for (const PublishRule &rule : description.publish)
        checker.check(rule.pipeline, rule.captures);
}

} // namespace penstock::description
