// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks links by pads and caps. Only pad templates are used; no element is created.
#include "description/element_class.h"
#include "description/wiring.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

namespace penstock::description {
namespace {

using Caps = GstPtr<GstCaps>;

std::string types_of(const Caps &caps) {
    if (gst_caps_is_any(caps.get())) return "anything";
    std::vector<std::string> types;
    for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i) {
        const std::string type = gst_structure_get_name(gst_caps_get_structure(caps.get(), i));
        if (std::find(types.begin(), types.end(), type) == types.end()) types.push_back(type);
    }
    if (types.size() > 5) {
        types.resize(4);
        types.emplace_back("others");
    }
    return enumerate(types, "or");
}

bool has_prefix(const Caps &caps, const char *prefix) {
    for (guint i = 0; i < gst_caps_get_size(caps.get()); ++i)
        if (g_str_has_prefix(gst_structure_get_name(gst_caps_get_structure(caps.get(), i)), prefix))
            return true;
    return false;
}

std::string mend_link(const Caps &given, const Caps &taken) {
    const bool takes_flv = has_prefix(taken, "video/x-flv");
    const bool is_bare = has_prefix(given, "video/x-h26") || has_prefix(given, "audio/mpeg");
    if ((takes_flv || has_prefix(taken, "video/mpegts")) && is_bare)
        return std::string("put a muxer between them, such as `") +
               (takes_flv ? "flvlivemux" : "tslivemux") +
               " name=mux`, and lead the link to its pad: `! mux.video`, `! mux.audio`";
    for (const char *medium : {"video", "audio"}) {
        const std::string raw = std::string(medium) + "/x-raw";
        const bool gives = has_prefix(given, medium), takes = has_prefix(taken, medium);
        if (!gives || !takes) continue;
        const bool gives_raw = has_prefix(given, raw.c_str());
        const bool takes_raw = has_prefix(taken, raw.c_str());
        if (gives_raw && takes_raw) return std::string("put `") + medium + "convert` between them";
        if (gives_raw) return "put an encoder between them, such as `copyorencode`";
        if (takes_raw) return "put `decodebin` between them";
        return "put a parser, or a decoder and an encoder, between them";
    }
    return "link something that gives " + types_of(taken);
}

class LinkChecker {
public:
    LinkChecker(const Wiring &wiring, const Description &description, const Assignment &assignment,
                std::vector<Finding> &findings)
        : wiring_(wiring), description_(description), assignment_(assignment), findings_(findings) {
    }
    void run();
    void find_loose_ends();

private:
    /// nullptr if the element's class gives no information.
    const ElementClass *class_of(size_t element);
    const std::string &factory_of(size_t element) const {
        return wiring_.elements[element].item->text;
    }
    std::vector<GstPadTemplate *> templates_of(size_t element, GstPadDirection direction);
    bool has_always(size_t element, GstPadDirection direction);
    /// The caps of the pads that the link end can mean. If there are none, adds a finding and
    /// returns nullopt.
    std::optional<Caps> caps_at(const LinkEnd &end, GstPadDirection direction, TextPlace place);
    void report_no_pad(const LinkEnd &end, GstPadDirection direction, TextPlace place);
    Caps given_by(size_t element, const Caps &by_template, unsigned depth);
    std::optional<Caps> filter_of(const LinkFilter &filter);
    void report_never_given(const LinkFilter &filter, const Caps &caps, const Caps &given,
                            const std::string &giver);
    void check(const WiredLink &link);
    void check_used_up();

    const Wiring &wiring_;
    const Description &description_;
    const Assignment &assignment_;
    std::vector<Finding> &findings_;
    std::map<std::string, std::unique_ptr<ElementClass>> classes_;
};

const ElementClass *LinkChecker::class_of(size_t element) {
    const Item *item = wiring_.elements[element].item;
    if (!item) return nullptr;
    auto &known = classes_[item->text];
    if (!known) known = std::make_unique<ElementClass>(item->text);
    if (!*known) return nullptr;
    // A bin without templates has its children's pads.
    const bool has_templates = gst_element_class_get_pad_template_list(known->get()) != nullptr;
    return has_templates ? known.get() : nullptr;
}

std::vector<GstPadTemplate *> LinkChecker::templates_of(size_t element, GstPadDirection direction) {
    std::vector<GstPadTemplate *> out;
    const ElementClass *type = class_of(element);
    for (GList *l = type ? gst_element_class_get_pad_template_list(type->get()) : nullptr; l;
         l = l->next)
        if (GST_PAD_TEMPLATE_DIRECTION(l->data) == direction)
            out.push_back(GST_PAD_TEMPLATE(l->data));
    return out;
}

bool LinkChecker::has_always(size_t element, GstPadDirection direction) {
    const auto templates = templates_of(element, direction);
    return std::any_of(templates.begin(), templates.end(), [](GstPadTemplate *t) {
        return GST_PAD_TEMPLATE_PRESENCE(t) == GST_PAD_ALWAYS;
    });
}

void LinkChecker::report_no_pad(const LinkEnd &end, GstPadDirection direction, TextPlace place) {
    const std::string element = "'" + factory_of(*end.element) + "'";
    const bool source = direction == GST_PAD_SRC;
    const auto templates = templates_of(*end.element, direction);
    if (templates.empty() && source)
        return findings_.push_back({place, element + " gives nothing out, and a link follows it",
                                    "nothing can stand behind it: leave the link out"});
    if (templates.empty())
        return findings_.push_back({place, element + " takes nothing in, and a link leads to it",
                                    "nothing can stand before it: leave the link out"});
    std::vector<std::string> names;
    for (GstPadTemplate *one : templates)
        names.emplace_back(GST_PAD_TEMPLATE_NAME_TEMPLATE(one));
    std::string mend = did_you_mean(end.pad, names, "it has " + enumerate(names));
    for (GstPadTemplate *one : templates_of(*end.element, source ? GST_PAD_SINK : GST_PAD_SRC))
        if (is_of_template(end.pad, GST_PAD_TEMPLATE_NAME_TEMPLATE(one)))
            mend = source ? "it is a sink pad: it stands behind a link"
                          : "it is a source pad: it stands before a link";
    findings_.push_back(
        {place, element + " has no " + (source ? "source" : "sink") + " pad '" + end.pad + "'",
         mend});
}

std::optional<Caps> LinkChecker::caps_at(const LinkEnd &end, GstPadDirection direction,
                                         TextPlace place) {
    auto all = Caps::adopt(gst_caps_new_empty());
    bool found = false;
    for (GstPadTemplate *one : templates_of(*end.element, direction)) {
        if (!end.pad.empty() && !is_of_template(end.pad, GST_PAD_TEMPLATE_NAME_TEMPLATE(one)))
            continue;
        found = true;
        all = Caps::adopt(gst_caps_merge(all.release(), gst_pad_template_get_caps(one)));
    }
    if (found) return all;
    report_no_pad(end, direction, place);
    return std::nullopt;
}

/// The caps that an element outputs, narrowed by the known caps of its input.
Caps LinkChecker::given_by(size_t element, const Caps &by_template, unsigned depth) {
    if (depth > 32 || !class_of(element) || !passes_through(factory_of(element)))
        return by_template;
    const WiredLink *in = nullptr;
    for (const WiredLink &link : wiring_.links)
        if (link.to.element == element) in = &link;
    if (!in || !in->from.element || !class_of(*in->from.element)) return by_template;
    auto before = Caps::adopt(gst_caps_new_empty());
    for (GstPadTemplate *one : templates_of(*in->from.element, GST_PAD_SRC))
        if (in->from.pad.empty() ||
            is_of_template(in->from.pad, GST_PAD_TEMPLATE_NAME_TEMPLATE(one)))
            before = Caps::adopt(gst_caps_merge(before.release(), gst_pad_template_get_caps(one)));
    Caps out = given_by(*in->from.element, before, depth + 1);
    for (const LinkFilter &filter : in->filters)
        if (const auto caps = filter_of(filter))
            out = Caps::adopt(gst_caps_intersect(out.get(), caps->get()));
    // Empty caps are reported at the link that causes them.
    return gst_caps_is_empty(out.get()) ? by_template : out;
}

/// The caps between two links with default values filled in; nullopt if these are unknown.
std::optional<Caps> LinkChecker::filter_of(const LinkFilter &filter) {
    std::string text;
    for (const Piece &piece : filter.caps->pieces) {
        if (!piece.placeholder) {
            text += piece.literal;
            continue;
        }
        const Parameter *parameter = description_.find_parameter(piece.placeholder->name);
        if (!parameter) return std::nullopt;
        const auto given = assignment_.find(parameter->name);
        const auto &word =
            given != assignment_.end() && given->second ? given->second : parameter->default_text;
        const auto value = word ? parse_value(*parameter, *word, nullptr) : std::nullopt;
        const auto written = value ? write_value(*value, piece.placeholder->unit,
                                                 piece.placeholder->setting, nullptr)
                                   : std::nullopt;
        if (!written) return std::nullopt;
        text += *written;
    }
    auto caps = Caps::adopt(gst_caps_from_string(text.c_str()));
    return caps ? std::optional(std::move(caps)) : std::nullopt;
}

/// Reports a caps filter that no output can match, and the field that is responsible, if it is a
/// single one.
void LinkChecker::report_never_given(const LinkFilter &filter, const Caps &caps, const Caps &given,
                                     const std::string &giver) {
    TextPlace place = filter.place;
    const GstStructure *wanted = gst_caps_get_structure(caps.get(), 0);
    const char *type = gst_structure_get_name(wanted);
    const auto possible = [&](const Caps &one) {
        return bool(gst_caps_can_intersect(one.get(), given.get()));
    };
    if (gst_caps_get_size(caps.get()) == 1 &&
        possible(Caps::adopt(gst_caps_new_empty_simple(type))))
        for (gint i = 0; i < gst_structure_n_fields(wanted); ++i) {
            const char *field = gst_structure_nth_field_name(wanted, static_cast<guint>(i));
            auto one = Caps::adopt(gst_caps_new_empty_simple(type));
            gst_caps_set_value(one.get(), field, gst_structure_get_value(wanted, field));
            if (possible(one)) continue;
            const GOwned<> value(gst_value_serialize(gst_structure_get_value(wanted, field)));
            const size_t at = filter.caps->text.find(std::string(field) + "=");
            if (at != std::string::npos) place.offset += at;
            findings_.push_back(
                {place, "'" + giver + "' never gives " + field + "=" + (value ? value.get() : "?"),
                 "`gst-inspect-1.0 " + giver + "` lists what it gives"});
            return;
        }
    findings_.push_back({place, "'" + giver + "' never gives these caps",
                         "what comes there is " + types_of(given)});
}

void LinkChecker::check(const WiredLink &link) {
    const bool knows_from = link.from.element && class_of(*link.from.element);
    const bool knows_to = link.to.element && class_of(*link.to.element);
    // A pad mistake is reported at its reference, if there is one, else at the link.
    const auto place_of = [&](const LinkEnd &end) {
        return end.reference.empty() ? link.place : end.place;
    };
    const auto from =
        knows_from ? caps_at(link.from, GST_PAD_SRC, place_of(link.from)) : std::nullopt;
    const auto to = knows_to ? caps_at(link.to, GST_PAD_SINK, place_of(link.to)) : std::nullopt;
    Caps given = from ? given_by(*link.from.element, *from, 0) : Caps::adopt(gst_caps_new_any());
    for (const LinkFilter &filter : link.filters) {
        const auto caps = filter_of(filter);
        if (!caps) continue;
        auto narrowed = Caps::adopt(gst_caps_intersect(given.get(), caps->get()));
        if (gst_caps_is_empty(narrowed.get()) && from) {
            report_never_given(filter, *caps, given, factory_of(*link.from.element));
            return;
        }
        given = std::move(narrowed);
    }
    if (!to || gst_caps_is_empty(given.get()) || gst_caps_can_intersect(given.get(), to->get()))
        return;
    const std::string taker = "'" + factory_of(*link.to.element) + "'";
    if (!from && link.filters.empty()) return;
    const std::string giver =
        link.filters.empty() ? "'" + factory_of(*link.from.element) + "'" : "these caps";
    const bool same = types_of(given) == types_of(*to);
    findings_.push_back(
        {link.filters.empty() ? link.place : link.filters.back().place,
         giver + " can't be linked to " + taker +
             (same ? "" : ": " + types_of(given) + " is given, " + types_of(*to) + " is taken"),
         mend_link(given, *to)});
}

/// Checks that every pad has a single link.
void LinkChecker::check_used_up() {
    for (const GstPadDirection direction : {GST_PAD_SRC, GST_PAD_SINK}) {
        std::map<size_t, size_t> used;
        for (const WiredLink &link : wiring_.links) {
            const LinkEnd &end = direction == GST_PAD_SRC ? link.from : link.to;
            if (!end.element || !class_of(*end.element)) continue;
            const auto templates = templates_of(*end.element, direction);
            const bool fixed =
                !templates.empty() && std::all_of(templates.begin(), templates.end(), [](auto *t) {
                    return GST_PAD_TEMPLATE_PRESENCE(t) == GST_PAD_ALWAYS;
                });
            if (!fixed || ++used[*end.element] != templates.size() + 1) continue;
            const bool source = direction == GST_PAD_SRC;
            findings_.push_back({end.reference.empty() ? link.place : end.place,
                                 "'" + factory_of(*end.element) + "' is linked " +
                                     (source ? "to more than one" : "from more than one") +
                                     ", and has one pad for it",
                                 source ? "put a `tee` behind it and link that"
                                        : "put a muxer or mixer before it"});
        }
    }
}

void LinkChecker::run() {
    for (const WiredLink &link : wiring_.links)
        check(link);
    check_used_up();
}

void LinkChecker::find_loose_ends() {
    for (size_t i = 0; i < wiring_.elements.size(); ++i) {
        if (!class_of(i) || wiring_.elements[i].in_bin) continue;
        const auto wants_input = [&](size_t element) {
            return class_of(element) && has_always(element, GST_PAD_SINK) &&
                   !wiring_.is_linked_to(element);
        };
        const bool input = wants_input(i);
        const bool output = has_always(i, GST_PAD_SRC) && !wiring_.is_linked_from(i);
        const std::string element = "'" + factory_of(i) + "'";
        const size_t next = i + 1;
        if (output && next < wiring_.elements.size() && wants_input(next)) {
            findings_.push_back({wiring_.elements[next].place,
                                 element + " and '" + factory_of(next) + "' are not linked",
                                 "write `!` between them"});
            continue;
        }
        const bool told = i > 0 && class_of(i - 1) && has_always(i - 1, GST_PAD_SRC) &&
                          !wiring_.is_linked_from(i - 1);
        if (input && !told)
            findings_.push_back({wiring_.elements[i].place, "nothing is linked to " + element,
                                 "write what it takes in and `!` before it"});
        else if (output)
            findings_.push_back({wiring_.elements[i].place, element + " is linked to nothing",
                                 "write `!` and where it goes behind it"});
    }
}

} // namespace

bool passes_through(const std::string &element) {
    static const std::set<std::string> names = {"queue",  "queue2",   "identity",
                                                "tee",    "valve",    "clocksync",
                                                "goptee", "failover", "capsfilter"};
    return names.contains(element);
}

bool is_of_template(std::string_view pad, std::string_view wanted) {
    if (pad == wanted) return true;
    const size_t percent = wanted.find('%');
    if (percent == wanted.npos || percent + 1 >= wanted.size()) return false;
    if (!pad.starts_with(wanted.substr(0, percent))) return false;
    const bool number = wanted[percent + 1] != 's';
    const std::string_view rest = wanted.substr(percent + 2);
    for (size_t end = percent + 1; end <= pad.size(); ++end) {
        if (number && !std::isdigit(static_cast<unsigned char>(pad[end - 1]))) return false;
        if (is_of_template(pad.substr(end), rest)) return true;
    }
    return false;
}

void check_links(const Wiring &wiring, const Description &description, const Assignment &assignment,
                 std::vector<Finding> &findings) {
    if (wiring.is_certain) LinkChecker(wiring, description, assignment, findings).run();
}

void check_loose_ends(const Wiring &wiring, std::vector<Finding> &findings) {
    if (!wiring.is_certain) return;
    LinkChecker(wiring, Description(), {}, findings).find_loose_ends();
}

} // namespace penstock::description
