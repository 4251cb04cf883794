// SPDX-License-Identifier: LGPL-2.1-or-later
#include "description/binding.h"

#include "description/elements.h"
#include "description/placeholders.h"
#include "protocols/table.h"

#include <algorithm>

namespace penstock::description {
namespace {

std::string environment_name(std::string name) {
    std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) {
        return c == '-' ? '_' : static_cast<char>(std::toupper(c));
    });
    return "PENSTOCK_" + name;
}

/// The local time in a form that sorts and suits file names.
std::string time_text() {
    const std::unique_ptr<GDateTime, void (*)(GDateTime *)> now(g_date_time_new_now_local(),
                                                                g_date_time_unref);
    const GOwned<> text(now ? g_date_time_format(now.get(), "%Y-%m-%d_%H-%M-%S") : nullptr);
    return text ? text.get() : "";
}

std::string not_given(const Parameter &parameter, const std::string &when) {
    return "the parameter '" + parameter.name + "' has to be given" + when + ": add --set " +
           parameter.name + "=…" + (parameter.help.empty() ? "" : " (" + parameter.help + ")");
}

bool refuse(std::string *error, std::string reason) {
    if (error) *error = std::move(reason);
    return false;
}

/// The first pad, in text order, of an element without a link in this direction. Optional inputs
/// such as textoverlay's text pad do not count: the element would wait for data on a linked one,
/// even if only a ghost pad leads to it.
GstPtr<GstPad> open_end(GstBin *bin, GstPadDirection direction) {
    for (GList *child = g_list_last(bin->children); child; child = child->prev) {
        auto *element = GST_ELEMENT(child->data);
        GstPad *first = nullptr;
        bool is_linked = false;
        const GList *pads = direction == GST_PAD_SINK ? element->sinkpads : element->srcpads;
        for (; pads; pads = pads->next) {
            auto *pad = GST_PAD(pads->data);
            is_linked = is_linked || gst_pad_is_linked(pad);
            if (!first) first = pad;
        }
        if (first && !is_linked) return GstPtr<GstPad>::ref(first);
    }
    return {};
}

} // namespace

Binding::Binding(const Description &description,
                 const std::map<std::string, std::string> &overrides,
                 const std::function<const char *(const char *)> &environment,
                 std::vector<std::string> &errors, Values values)
    : description_(description) {
    std::set<std::string> given;
    for (const Parameter &parameter : description.parameters) {
        const std::string variable = environment_name(parameter.name);
        std::string origin = "the default";
        std::optional<std::string> text = parameter.default_text;
        // PENSTOCK_PIPELINES is always the search path, never a parameter's value.
        if (const char *value =
                variable == "PENSTOCK_PIPELINES" ? nullptr : environment(variable.c_str())) {
            text = value;
            origin = "$" + variable;
        }
        if (const auto found = overrides.find(parameter.name); found != overrides.end()) {
            text = found->second;
            origin = "--set " + parameter.name;
        }
        const std::string where = description.name + ": ";
        if (!text) {
            if (values == Values::all && !parameter.is_required_sometimes)
                errors.push_back(where + not_given(parameter, ""));
            continue;
        }
        if (origin != "the default" && !text->empty()) given.insert(parameter.name);
        std::string error;
        if (auto value = parse_value(parameter, *text, &error))
            values_[parameter.name] = std::move(*value);
        else
            errors.push_back(where + origin + ": " + error);
    }
    if (values == Values::all) require(given, errors);
}

/// Looks at the parameters that others make necessary.
void Binding::require(const std::set<std::string> &given, std::vector<std::string> &errors) const {
    for (const Parameter &parameter : description_.parameters) {
        if (parameter.required_when.empty() || given.contains(parameter.name) ||
            !holds(parameter.required_when))
            continue;
        // Conditions that hold by default are not named.
        std::vector<Condition> chosen;
        for (const Condition &condition : parameter.required_when)
            if (given.contains(condition.parameter)) chosen.push_back(condition);
        errors.push_back(
            description_.name + ": " +
            not_given(parameter, chosen.empty() ? "" : " with " + say_conditions(chosen)));
    }
}

const Value *Binding::find(std::string_view parameter) const {
    const auto found = values_.find(parameter);
    return found == values_.end() ? nullptr : &found->second;
}

void Binding::set(const std::string &parameter, Value value) {
    values_[parameter] = std::move(value);
}

std::vector<std::string> Binding::secrets() const {
    std::vector<std::string> out;
    for (const Parameter &parameter : description_.parameters)
        if (const Value *value = find(parameter.name);
            parameter.secret && value && !value->text.empty())
            out.push_back(value->text);
    return out;
}

int64_t Binding::duration(const std::optional<Template> &text, int64_t if_absent) const {
    if (!text) return if_absent;
    const Piece &piece = text->pieces.at(0);
    if (!piece.placeholder) return parse_duration(piece.literal).value_or(if_absent);
    const Value *value = find(piece.placeholder->name);
    return value ? value->number : if_absent;
}

std::optional<std::string> Binding::write(const Placeholder &placeholder, const Captures &captures,
                                          std::string *error) const {
    if (const auto found = captures.find(placeholder.name); found != captures.end()) {
        // The pattern has already restricted captures to safe segments; this is a second check.
        if (net::is_safe_segment(found->second)) return found->second;
        refuse(error, "the name from the network has characters that are not allowed");
        return std::nullopt;
    }
    const Value *value = find(placeholder.name);
    if (is_time(placeholder, description_)) return time_text();
    if (!value) {
        refuse(error, "there is no value for '" + placeholder.name + "'");
        return std::nullopt;
    }
    return write_value(*value, placeholder.unit, placeholder.setting, error);
}

std::optional<std::string> Binding::expand(const Pieces &pieces, const Captures &captures,
                                           std::string *error) const {
    std::string out;
    for (const Piece &piece : pieces) {
        if (!piece.placeholder) {
            out += piece.literal;
            continue;
        }
        const auto text = write(*piece.placeholder, captures, error);
        if (!text) return std::nullopt;
        out += *text;
    }
    return out;
}

std::string Binding::expand_for_people(const Pieces &pieces) const {
    std::string out;
    for (const Piece &piece : pieces) {
        if (!piece.placeholder) {
            out += piece.literal;
            continue;
        }
        const Parameter *parameter = description_.find_parameter(piece.placeholder->name);
        std::string name = piece.placeholder->name;
        if (!parameter) {
            std::transform(name.begin(), name.end(), name.begin(),
                           [](unsigned char c) { return std::toupper(c); });
            out += name;
        } else if (parameter->secret) {
            out += "<" + name + ">";
        } else {
            out += write(*piece.placeholder, {}, nullptr).value_or("<" + name + ">");
        }
    }
    return out;
}

bool Binding::append_property(const Item &item, const Property &property, const Captures &captures,
                              std::string &line, std::string *error) const {
    if (!property.has_placeholder) {
        line += property.name + "=" + property.raw;
        return true;
    }
    const std::string where = item.text + " " + property.name + ": ";
    const auto info = find_property(item.text, property.name);
    if (!info) return refuse(error, where + "there is no such property");
    if (item.kind != Item::Kind::element || property.name == "name" ||
        info->kind == PropertyKind::element)
        return refuse(error, where + "a placeholder is not allowed here");
    std::string reason;
    const auto value = expand(property.pieces, captures, &reason);
    if (!value) return refuse(error, where + reason);
    if (info->kind == PropertyKind::text) {
        line += property.name + "=" + quote_string_value(*value);
        return true;
    }
    for (const Piece &piece : property.pieces) {
        if (!piece.placeholder) continue;
        if (captures.contains(piece.placeholder->name))
            return refuse(error, where + "a value from the network is allowed in strings only");
        const auto part = write(*piece.placeholder, captures, &reason);
        if (!part || !is_plain_value(*part))
            return refuse(error, where + "the value of '" + piece.placeholder->name +
                                     "' may have letters, digits and _-+./ only");
    }
    if (info->kind == PropertyKind::number) {
        const auto number = parse_quantity(Type::floating, *value);
        if (!number) return refuse(error, where + "the value is no number");
        if (info->whole && value->find_first_of(".e") != std::string::npos)
            return refuse(error, where + *value + " is no whole number: take a smaller unit");
        if (*number < *info->min || *number > *info->max)
            return refuse(error, where + *value + " is out of the property's range");
    }
    line += property.name + "=" + quote_other_value(*value);
    return true;
}

bool Binding::holds(const std::vector<Condition> &when) const {
    return std::all_of(when.begin(), when.end(), [this](const Condition &condition) {
        const Parameter *parameter = description_.find_parameter(condition.parameter);
        const Value *value = find(condition.parameter);
        if (!parameter || !value) return !condition.is_equal;
        const auto wanted = parse_value(*parameter, condition.word, nullptr);
        return wanted && same_value(*wanted, *value) == condition.is_equal;
    });
}

bool Binding::append_fragment(const Fragment &fragment, const Captures &captures, std::string &line,
                              std::string *error) const {
    for (const Item &item : fragment.launch.items) {
        if (!line.empty() && item.kind != Item::Kind::comma) line += ' ';
        if (item.kind != Item::Kind::caps) {
            line += item.text;
        } else {
            for (const Piece &piece : item.pieces) {
                if (!piece.placeholder) {
                    line += piece.literal;
                    continue;
                }
                std::string reason;
                const auto value = captures.contains(piece.placeholder->name)
                                       ? std::nullopt
                                       : write(*piece.placeholder, {}, &reason);
                if (!value || !is_plain_value(*value)) {
                    refuse(error, "caps: the value of '" + piece.placeholder->name +
                                      "' may have letters, digits and _-+./ only");
                    return false;
                }
                line += *value;
            }
            line += " !";
        }
        for (const Property &property : item.properties) {
            line += ' ';
            if (!append_property(item, property, captures, line, error)) return false;
        }
    }
    return true;
}

bool Binding::is_off(const Template &match) const {
    return std::any_of(match.pieces.begin(), match.pieces.end(), [this](const Piece &piece) {
        if (!piece.placeholder || piece.placeholder->is_capture) return false;
        const Parameter *parameter = description_.find_parameter(piece.placeholder->name);
        const Value *value = find(piece.placeholder->name);
        return parameter && parameter->is_optional && value && value->text == off_word;
    });
}

bool Binding::is_there(const PublishRule &rule) const {
    return !is_off(rule.match) && has_fragments(rule.pipeline);
}

bool Binding::is_there(const PlayRule &rule) const {
    return has_fragments(rule.pipeline) &&
           !std::all_of(rule.matches.begin(), rule.matches.end(),
                        [this](const Template &match) { return is_off(match); });
}

bool Binding::has_fragments(const PipelineText &pipeline) const {
    return std::any_of(pipeline.fragments.begin(), pipeline.fragments.end(),
                       [this](const Fragment &fragment) { return holds(fragment.when); });
}

std::optional<std::string> Binding::launch_line(const PipelineText &pipeline,
                                                const Captures &captures,
                                                std::string *error) const {
    std::string line;
    for (const Fragment &fragment : pipeline.fragments)
        if (holds(fragment.when) && !append_fragment(fragment, captures, line, error))
            return std::nullopt;
    if (line.empty()) {
        refuse(error, "no fragment of the pipeline applies to these parameters");
        return std::nullopt;
    }
    return line;
}

std::string Binding::hint_for(const PipelineText &pipeline, const std::string &element) const {
    for (const Fragment &fragment : pipeline.fragments) {
        if (fragment.hint.empty() || !holds(fragment.when)) continue;
        for (const Item &item : fragment.launch.items)
            if (item.kind == Item::Kind::element && item.text == element) return fragment.hint;
    }
    return {};
}

std::string Binding::setting_of(const PipelineText &pipeline, const std::string &element) const {
    for (const Fragment &fragment : pipeline.fragments) {
        if (!holds(fragment.when)) continue;
        for (const Item &item : fragment.launch.items) {
            if (item.kind != Item::Kind::element || item.text != element) continue;
            for (const Property &property : item.properties) {
                if (property.pieces.size() != 1 || !property.pieces[0].placeholder) continue;
                const Parameter *parameter =
                    description_.find_parameter(property.pieces[0].placeholder->name);
                const Value *value = parameter ? find(parameter->name) : nullptr;
                if (value && parameter->type == Type::path && !parameter->secret)
                    return "is --set " + parameter->name + "=" + value->text + " right?";
            }
        }
    }
    return {};
}

GstPtr<GstElement> Binding::build(const PipelineText &pipeline, const Captures &captures,
                                  bool as_bin, std::string *error) const {
    const auto fail_at = [&](Mark mark, const std::string &what, const std::string &mend) {
        if (error) *error = description_.source.render({mark, what, mend});
        return GstPtr<GstElement>();
    };
    const auto fail = [&](const std::string &why) {
        return fail_at(pipeline.mark, "this pipeline can't be built", why);
    };
    std::string reason;
    const auto line = launch_line(pipeline, captures, &reason);
    if (!line) return fail(reason);
    for (const Fragment &fragment : pipeline.fragments) {
        if (!holds(fragment.when)) continue;
        for (const Item &item : fragment.launch.items)
            if (item.kind == Item::Kind::element && !has_element(item.text))
                return fail_at(fragment.node.mark_at(item.offset),
                               "there is no element '" + item.text + "'", mend_missing(item.text));
    }
    GError *parse_error = nullptr;
    auto element = GstPtr<GstElement>::adopt(
        as_bin ? gst_parse_bin_from_description_full(line->c_str(), FALSE, nullptr,
                                                     GST_PARSE_FLAG_FATAL_ERRORS, &parse_error)
               : gst_parse_launch_full(line->c_str(), nullptr, GST_PARSE_FLAG_FATAL_ERRORS,
                                       &parse_error));
    if (parse_error) {
        reason = parse_error->message;
        g_clear_error(&parse_error);
        if (element) gst_object_ref_sink(element.get());
        return fail(reason);
    }
    if (!element) return fail("GStreamer gives no reason");
    gst_object_ref_sink(element.get());
    return element;
}

GstPtr<GstElement> Binding::instantiate_bin(const PipelineText &pipeline, const Captures &captures,
                                            std::string *error) const {
    auto bin = build(pipeline, captures, true, error);
    if (!bin) return bin;
    for (const GstPadDirection direction : {GST_PAD_SINK, GST_PAD_SRC})
        if (const auto open = open_end(GST_BIN(bin.get()), direction))
            gst_element_add_pad(
                bin.get(),
                gst_ghost_pad_new(direction == GST_PAD_SINK ? "sink" : "src", open.get()));
    return bin;
}

GstPtr<GstElement> Binding::instantiate(const PipelineText &pipeline, const Captures &captures,
                                        std::string *error) const {
    const auto element = build(pipeline, captures, false, error);
    if (!element || GST_IS_PIPELINE(element.get())) return element;
    auto whole =
        GstPtr<GstElement>::adopt(GST_ELEMENT(gst_object_ref_sink(gst_pipeline_new(nullptr))));
    gst_bin_add(GST_BIN(whole.get()), element.get());
    return whole;
}

std::optional<PathPattern> PathPattern::make(const Template &match, const Binding &binding,
                                             std::string *error) {
    PathPattern pattern;
    std::string text;
    for (const Piece &piece : match.pieces) {
        // Values contain no control characters, so these markers can't occur in them.
        if (piece.placeholder && piece.placeholder->is_capture) {
            text += '\1' + piece.placeholder->name + '\2';
            continue;
        }
        const auto part = binding.expand({piece}, {}, error);
        if (!part) return std::nullopt;
        text += *part;
    }
    const auto location = net::parse_location(text, protocols::default_port(text), error);
    if (!location) return std::nullopt;
    if (!location->query.empty() || text.ends_with('?')) {
        refuse(error, "a '?' can't be a part of a path: write letters, digits and ._~-");
        return std::nullopt;
    }
    pattern.protocol_ = protocols::find_url(text);
    if (!pattern.protocol_) {
        refuse(error, "'" + location->scheme + "' is no scheme of a protocol");
        return std::nullopt;
    }
    pattern.scheme_ = location->scheme;
    pattern.address_ = location->address;
    std::string_view rest = location->path;
    while (true) {
        const size_t slash = rest.find('/');
        Segment segment{std::string(rest.substr(0, slash))};
        if (const size_t begin = segment.text.find('\1'); begin != std::string::npos) {
            const size_t end = segment.text.find('\2');
            segment.rest = segment.text.substr(end + 1);
            segment.capture = segment.text.substr(begin + 1, end - begin - 1);
            segment.text.resize(begin);
        }
        // A letter stands in for the capture: the text around it must be safe as well.
        const std::string whole =
            segment.text + (segment.capture.empty() ? "" : "x") + segment.rest;
        if (!net::is_safe_segment(whole)) {
            refuse(error, "'" + segment.text + segment.rest +
                              "' can't be a part of a path: write letters, digits and ._~-");
            return std::nullopt;
        }
        pattern.segments_.push_back(std::move(segment));
        if (slash == rest.npos) break;
        rest = rest.substr(slash + 1);
    }
    return pattern;
}

std::optional<Captures> PathPattern::match(std::string_view path) const {
    Captures captures;
    for (size_t i = 0; i < segments_.size(); ++i) {
        const size_t slash = path.find('/');
        std::string_view segment = path.substr(0, slash);
        const auto &[text, capture, behind] = segments_[i];
        if (!capture.empty()) {
            if (!net::is_safe_segment(segment) || segment.size() <= text.size() + behind.size() ||
                !segment.starts_with(text) || !segment.ends_with(behind))
                return std::nullopt;
            segment.remove_prefix(text.size());
            segment.remove_suffix(behind.size());
            if (!net::is_safe_segment(segment)) return std::nullopt;
            captures[capture] = segment;
        } else if (segment != text) {
            return std::nullopt;
        }
        const bool last = i + 1 == segments_.size();
        if (last != (slash == path.npos)) return std::nullopt;
        if (!last) path = path.substr(slash + 1);
    }
    return captures;
}

std::string PathPattern::path_of(const Captures &captures) const {
    std::string path;
    for (const Segment &segment : segments_) {
        if (!path.empty()) path += '/';
        path += segment.text;
        if (const auto found = captures.find(segment.capture); found != captures.end())
            path += found->second;
        path += segment.rest;
    }
    return path;
}

std::string PathPattern::example() const {
    Captures names;
    for (const Segment &segment : segments_)
        if (!segment.capture.empty()) names[segment.capture] = "NAME";
    return path_of(names);
}

} // namespace penstock::description
