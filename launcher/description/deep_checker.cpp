// SPDX-License-Identifier: LGPL-2.1-or-later
// The complete check of a file, from its YAML to building its pipelines with GStreamer. All
// mistakes are found in one run; consequences of a reported mistake are not reported again.
#include "core/net/loop/address.h"
#include "description/binding.h"
#include "description/elements.h"
#include "description/playable.h"
#include "description/recordings.h"
#include "description/wiring.h"
#include "protocols/table.h"

#include <algorithm>
#include <set>

namespace penstock::description {
namespace {

/// A valid value of the parameter, for a pipeline that is built only as a check.
std::optional<std::string> sample_of(const Parameter &parameter) {
    const bool is_stopgap = parameter.is_required_sometimes && parameter.default_text == "";
    if (parameter.default_text && !is_stopgap) return parameter.default_text;
    std::vector<std::string> samples;
    switch (parameter.type) {
    case Type::string:
        samples = {
            std::string(static_cast<size_t>(std::clamp(parameter.min.value_or(1), 1., 128.)), 'x')};
        break;
    case Type::integer:
    case Type::floating:
        samples = {parameter.min_text, parameter.max_text, "1"};
        break;
    case Type::boolean:
        samples = {"false"};
        break;
    case Type::duration:
        samples = {parameter.min_text, parameter.max_text, "1s"};
        break;
    case Type::bitrate:
        samples = {parameter.min_text, parameter.max_text, "1Mbit"};
        break;
    case Type::size:
        samples = {parameter.min_text, parameter.max_text, "1MB"};
        break;
    case Type::address:
        samples = {"127.0.0.1:1"};
        break;
    case Type::path:
        samples = {"file"};
        break;
    case Type::url:
        samples = {protocols::sample_url()};
        break;
    case Type::choice:
        for (const Choice &choice : parameter.choices)
            samples.push_back(choice.name);
        break;
    }
    for (const std::string &sample : samples)
        if (parse_value(parameter, sample, nullptr)) return sample;
    return std::nullopt;
}

class DeepChecker {
public:
    DeepChecker(Description &description, Problems &problems)
        : description_(description), problems_(problems) {}
    void run();

private:
    void check_whole(const PipelineText &pipeline);
    void check_locations(const PipelineText &pipeline);
    void check_clients(const Property &property, Mark mark);
    void check_location(const Property &property, const protocols::FoundElement &known, Mark mark);
    static const char *receiver_of(const PublishRule &rule);
    static std::string mend_receiver(const PublishRule &rule);
    bool takes_publisher(const PublishRule &rule);
    void check_receiver(const PublishRule &rule);
    void build(const PipelineText &pipeline, const std::vector<std::string> &captures,
               bool may_be_empty = false);
    void warn_of_encoders(const Alternative &alternative, GstElement *built);
    void check_page();
    std::optional<std::map<std::string, std::string>> samples() const;

    Description &description_;
    Problems &problems_;
};

bool is_whole(const PipelineText &pipeline) {
    return std::all_of(pipeline.fragments.begin(), pipeline.fragments.end(),
                       [](const Fragment &fragment) { return fragment.is_whole; });
}

/// A URL that the parameter may have.
std::string url_like(const Parameter &parameter) {
    return (parameter.schemes.empty() ? protocols::page_protocol().schemes.front().name
                                      : parameter.schemes.front()) +
           "://127.0.0.1/name";
}

/// The elements that serve what the page plays.
std::vector<std::string> page_elements() {
    std::vector<std::string> out;
    for (const auto &protocol : protocols::all())
        for (const protocols::ElementUse &use : protocol->elements)
            if (use.role == protocols::Role::serve && !protocol->page_kinds.empty())
                out.push_back(use.factory);
    return out;
}

/// Whether the element serves at the address what the page plays, or has a page of its own there.
bool serves_page(const Item &item, const Binding &binding, const Captures &captures,
                 const net::Address &address) {
    const auto known = protocols::find_element(item.text);
    if (!known) return false;
    const bool is_played =
        known.use->role == protocols::Role::serve && !known.protocol->page_kinds.empty();
    if (!is_played && !known.use->has_page) return false;
    for (const Property &property : item.properties) {
        if (property.name != known.use->property) continue;
        const auto text = binding.expand(property.pieces, captures, nullptr);
        if (!text || !protocols::has_scheme(*known.protocol, *text)) continue;
        const auto location =
            net::parse_location(*text, protocols::default_port(*known.protocol, *text), nullptr);
        if (location && location->address == address) return true;
    }
    return false;
}

void DeepChecker::run() {
    for (const PipelineText &pipeline : description_.start)
        check_whole(pipeline);
    for (const PublishRule &rule : description_.publish) {
        if (is_whole(rule.pipeline) && !takes_publisher(rule))
            problems_.push_back({rule.pipeline.mark, "nothing in this pipeline takes the publisher",
                                 mend_receiver(rule)});
        else
            check_whole(rule.pipeline);
        check_receiver(rule);
    }
    for (const PlayRule &rule : description_.play)
        check_whole(rule.pipeline);
    // GStreamer reports one mistake at a time and less precisely, so it comes last.
    if (!problems_.empty()) return;
    for (const PipelineText &pipeline : description_.start)
        build(pipeline, {});
    for (const PublishRule &rule : description_.publish)
        build(rule.pipeline, rule.captures);
    for (const PlayRule &rule : description_.play)
        build(rule.pipeline, rule.captures, true);
    if (!problems_.empty()) return;
    check_page();
    warn_of_recordings(description_, description_.warnings);
}

void DeepChecker::check_whole(const PipelineText &pipeline) {
    check_locations(pipeline);
    if (!is_whole(pipeline)) return;
    add_findings(pipeline, description_, problems_, [](const Alternative &alternative) {
        std::vector<Finding> ignored, findings;
        const Wiring wiring = wire(alternative.fragments, ignored);
        // Dangling links have already been reported.
        if (ignored.empty()) check_loose_ends(wiring, findings);
        return findings;
    });
}

/// Checks literal addresses: locations of listeners, and destinations of datagrams.
void DeepChecker::check_locations(const PipelineText &pipeline) {
    for (const Fragment &fragment : pipeline.fragments) {
        for (const Item &item : fragment.launch.items) {
            const auto known = protocols::find_element(item.text);
            if (!known || !known.use->property) continue;
            for (const Property &property : item.properties) {
                if (property.pieces.empty() || property.pieces[0].placeholder) continue;
                if (property.name != known.use->property) continue;
                const Mark mark = fragment.node.mark_at(property.value_offset);
                if (known.use->role == protocols::Role::send)
                    check_clients(property, mark);
                else if (known.use->role == protocols::Role::receive ||
                         known.use->role == protocols::Role::serve)
                    check_location(property, known, mark);
            }
        }
    }
}

/// Checks a list of addresses: host:port,host:port
void DeepChecker::check_clients(const Property &property, Mark mark) {
    if (property.pieces.size() != 1) return;
    const std::string &text = property.pieces[0].literal;
    for (size_t begin = 0; begin <= text.size();) {
        const size_t end = std::min(text.find(',', begin), text.size());
        const std::string client = text.substr(begin, end - begin);
        if (!net::parse_address(client))
            problems_.push_back({mark, "'" + client + "' is no address",
                                 "write host:port, such as 127.0.0.1:5000"});
        begin = end + 1;
    }
}

void DeepChecker::check_location(const Property &property, const protocols::FoundElement &known,
                                 Mark mark) {
    std::string text = property.pieces[0].literal, error;
    const std::string &scheme = known.protocol->schemes.at(0).name;
    if (known.use->may_write_files && !text.starts_with(scheme)) return;
    // A placeholder becomes "1", since it may be part of the address.
    for (size_t i = 1; i < property.pieces.size(); ++i)
        text += property.pieces[i].placeholder ? "1" : property.pieces[i].literal;
    if (!net::parse_location(text, protocols::default_port(*known.protocol, text), &error))
        problems_.push_back(
            {mark, "this is no location: " + error, "write " + scheme + "://host:port/path"});
}

/// The element that can receive the rule's publishers; nullptr if its `match` is invalid.
const char *DeepChecker::receiver_of(const PublishRule &rule) {
    const auto *protocol = protocol_of(rule.match);
    if (!protocol) return nullptr;
    for (const protocols::ElementUse &use : protocol->elements)
        if (use.role == protocols::Role::receive) return use.factory;
    return nullptr;
}

std::string DeepChecker::mend_receiver(const PublishRule &rule) {
    const char *receiver = receiver_of(rule);
    return receiver ? std::string("begin with `") + receiver + " location=` and what `match` says"
                    : "";
}

bool DeepChecker::takes_publisher(const PublishRule &rule) {
    const char *receiver = receiver_of(rule);
    if (!receiver) return true; // the invalid `match` has been reported
    const auto takes = [receiver](const Fragment *fragment) {
        return std::any_of(fragment->launch.items.begin(), fragment->launch.items.end(),
                           [receiver](const Item &item) {
                               return item.kind == Item::Kind::url || item.text == receiver;
                           });
    };
    const auto alternatives = alternatives_of(rule.pipeline, description_);
    return std::all_of(
        alternatives.begin(), alternatives.end(), [&](const Alternative &alternative) {
            return std::any_of(alternative.fragments.begin(), alternative.fragments.end(), takes);
        });
}

/// A value for each parameter; nullopt if there is a parameter without.
std::optional<std::map<std::string, std::string>> DeepChecker::samples() const {
    std::map<std::string, std::string> values;
    for (const Parameter &parameter : description_.parameters) {
        const auto sample = sample_of(parameter);
        if (!sample) return std::nullopt;
        values[parameter.name] = *sample;
    }
    return values;
}

/// Warns of a page at whose address no element serves anything that it plays.
void DeepChecker::check_page() {
    const auto values = samples();
    if (!description_.page || !values) return;
    std::vector<std::string> errors;
    const Binding binding(
        description_, *values, [](const char *) -> const char * { return nullptr; }, errors);
    const auto text = binding.expand(description_.page->address.pieces, {}, nullptr);
    const auto wanted = text ? net::parse_address(*text) : std::nullopt;
    if (!wanted) return;
    const auto serves = [&](const PipelineText &pipeline, const Captures &captures) {
        return std::any_of(
            pipeline.fragments.begin(), pipeline.fragments.end(), [&](const Fragment &fragment) {
                return std::any_of(fragment.launch.items.begin(), fragment.launch.items.end(),
                                   [&](const Item &item) {
                                       return serves_page(item, binding, captures, *wanted);
                                   });
            });
    };
    const auto rule_serves = [&](const auto &rule) {
        Captures captures;
        for (const std::string &capture : rule.captures)
            captures[capture] = "name";
        return serves(rule.pipeline, captures);
    };
    if (std::any_of(description_.publish.begin(), description_.publish.end(), rule_serves) ||
        std::any_of(description_.play.begin(), description_.play.end(), rule_serves) ||
        std::any_of(description_.start.begin(), description_.start.end(),
                    [&](const PipelineText &pipeline) { return serves(pipeline, {}); }))
        return;
    description_.warnings.push_back(
        {description_.page->address.node.mark,
         "nothing in this description serves at " + *text + " what the page plays",
         "add " + enumerate(page_elements(), "or") +
             " with location=" + protocols::page_protocol().schemes.front().name + "://" + *text +
             "/…, unless it is run beside a description that has one"});
}

/// Warns of encoders that may make H.264 which hardly anything plays.
void DeepChecker::warn_of_encoders(const Alternative &alternative, GstElement *built) {
    if (!GST_IS_BIN(built)) return;
    std::map<std::string, size_t> met; // how many of each factory
    for (GList *l = g_list_last(GST_BIN_CHILDREN(built)); l; l = l->prev) {
        auto *child = GST_ELEMENT(l->data);
        GstElementFactory *factory = gst_element_get_factory(child);
        const std::string name = factory ? GST_OBJECT_NAME(factory) : "";
        size_t number = met[name]++;
        if (!factory ||
            !gst_element_factory_list_is_type(factory, GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER) ||
            !may_become_unplayable(child))
            continue;
        for (const Fragment *fragment : alternative.fragments)
            for (const Item &item : fragment->launch.items) {
                if (item.kind != Item::Kind::element || item.text != name || number-- > 0) continue;
                const Mark mark = fragment->node.mark_at(item.offset);
                const auto &known = description_.warnings;
                if (std::none_of(known.begin(), known.end(),
                                 [&](const Problem &each) { return each.mark == mark; }))
                    description_.warnings.push_back(
                        {mark,
                         name + " may be given 4:2:2, 4:4:4 or 10 bits here, and of these it makes "
                                "H.264 that hardly a browser, phone or TV plays",
                         mend_unplayable});
            }
    }
}

/// Checks that a receiver of the rule's pipeline waits where the rule's publishers come.
void DeepChecker::check_receiver(const PublishRule &rule) {
    const char *receiver = receiver_of(rule);
    const auto values = samples();
    if (!receiver || !values || !problems_.empty()) return;
    std::vector<std::string> errors;
    const Binding binding(
        description_, *values, [](const char *) -> const char * { return nullptr; }, errors);
    const auto pattern = PathPattern::make(rule.match, binding, nullptr);
    if (!pattern) return;
    Captures captures;
    for (const std::string &capture : rule.captures)
        captures[capture] = capture;
    std::optional<Mark> mark; // of the first that waits elsewhere
    for (const Fragment &fragment : rule.pipeline.fragments)
        for (const Item &item : fragment.launch.items) {
            if (item.text != receiver) continue;
            size_t offset = item.offset;
            const Property *location = nullptr;
            for (const Property &property : item.properties)
                if (property.name == "location") location = &property;
            if (location) {
                offset = location->value_offset;
                const auto text = binding.expand(location->pieces, captures, nullptr);
                const auto place =
                    text ? net::parse_location(
                               *text, protocols::default_port(pattern->protocol(), *text), nullptr)
                         : std::nullopt;
                if (!place || (place->address.to_string() == pattern->address().to_string() &&
                               place->path == pattern->path_of(captures)))
                    return;
            }
            if (!mark) mark = fragment.node.mark_at(offset);
        }
    if (!mark) return;
    std::string wanted;
    for (const Piece &piece : rule.match.pieces)
        wanted += piece.placeholder ? "${" + piece.placeholder->name + "}" : piece.literal;
    problems_.push_back({*mark,
                         std::string("this ") + receiver + " does not wait where `match` says",
                         "write location=" + wanted});
}

/// Builds the pipeline with GStreamer for every choice of parameters, and reports its error. A rule
/// whose pipeline is empty with some choices may be none then.
void DeepChecker::build(const PipelineText &pipeline, const std::vector<std::string> &captures,
                        bool may_be_empty) {
    const auto values = samples();
    if (!values) return;
    Captures names;
    for (const std::string &capture : captures)
        names[capture] = "name";
    for (const Alternative &alternative : alternatives_of(pipeline, description_)) {
        if (alternative.fragments.empty() && may_be_empty) continue;
        for (const Fragment *fragment : alternative.fragments)
            for (const Item &item : fragment->launch.items)
                // A missing element may be needed by some choices only; it is not reported here.
                if (item.kind == Item::Kind::element && !has_element(item.text)) return;
        std::map<std::string, std::string> chosen = *values;
        // Any URL will do where the condition is that it is not `none`.
        const auto set = [&](const std::string &name, const std::optional<std::string> &word) {
            for (const Parameter &parameter : description_.parameters)
                if (parameter.name == name && (word || parameter.type == Type::url))
                    chosen[name] = word ? *word : url_like(parameter);
        };
        for (const auto &[name, word] : alternative.assignments.front())
            set(name, word);
        for (const Condition &condition : pipeline.when)
            if (!condition.is_equal) set(condition.parameter, std::nullopt);
        const auto none = [](const char *) -> const char * { return nullptr; };
        std::vector<std::string> errors;
        // A parameter that is required with other choices only has no value here.
        const Binding all(description_, chosen, none, errors);
        for (const Parameter &parameter : description_.parameters)
            if (parameter.is_required_sometimes && !parameter.default_text &&
                !all.holds(parameter.required_when))
                chosen.erase(parameter.name);
        const Binding binding(description_, chosen, none, errors);
        std::string error;
        if (!errors.empty() || !binding.holds(pipeline.when)) continue;
        const auto line = binding.launch_line(pipeline, names, &error);
        if (!line) {
            problems_.push_back({pipeline.mark, "this pipeline can't be built: " + error, ""});
            return;
        }
        GError *parse_error = nullptr;
        GstElement *made = gst_parse_launch_full(line->c_str(), nullptr,
                                                 GST_PARSE_FLAG_FATAL_ERRORS, &parse_error);
        const auto element =
            GstPtr<GstElement>::adopt(made ? GST_ELEMENT(gst_object_ref_sink(made)) : nullptr);
        if (!parse_error && element) warn_of_encoders(alternative, element.get());
        if (!parse_error) continue;
        const bool is_link = g_str_has_prefix(parse_error->message, "could not link");
        problems_.push_back(
            {pipeline.mark,
             std::string("GStreamer can't build this pipeline: ") + parse_error->message,
             is_link ? "if the second takes several streams, name it and say which pad, as in "
                       "`! mux.video`"
                     : ""});
        g_clear_error(&parse_error);
        return;
    }
}

} // namespace

std::unique_ptr<Description> check_source(Source source, Problems &problems) {
    const size_t before = problems.size();
    auto description = load_what_is_good(std::move(source), problems);
    if (description) {
        check_elements(*description, problems);
        DeepChecker(*description, problems).run();
    }
    std::stable_sort(problems.begin(), problems.end(),
                     [](const Problem &a, const Problem &b) { return a.mark < b.mark; });
    std::set<std::pair<Mark, std::string>> seen;
    std::erase_if(problems, [&](const Problem &problem) {
        return !seen.emplace(problem.mark, problem.what).second;
    });
    return problems.size() == before ? std::move(description) : nullptr;
}

} // namespace penstock::description
