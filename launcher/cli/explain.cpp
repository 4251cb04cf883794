// SPDX-License-Identifier: LGPL-2.1-or-later
// explain: shows what a description does as launch lines, drawings or JSON.
#include "cli/catalogue.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "explain/inspect.h"
#include "gst/ptr.h"

#include <gio/gio.h>
#include <nlohmann/json.hpp>

#include <optional>
#include <unistd.h>

namespace penstock::cli {
namespace {

using explain::Graph;
using nlohmann::json;

constexpr size_t drawing_width = 80;

json to_json(const Graph &graph) {
    json elements = json::array(), links = json::array();
    for (size_t i = 0; i < graph.nodes.size(); ++i) {
        const auto &node = graph.nodes[i];
        json properties = json::object();
        for (const auto &[name, value] : node.properties)
            properties[name] = value;
        json latency = nullptr;
        if (node.latency)
            latency = {{"ns", node.latency->nanoseconds}, {"measured", node.latency->is_measured}};
        elements.push_back({{"id", i},
                            {"element", node.element},
                            {"name", node.name},
                            {"properties", std::move(properties)},
                            {"action", explain::name_of(node.action)},
                            {"by", node.by},
                            {"latency", std::move(latency)},
                            {"note", node.note}});
    }
    for (const auto &link : graph.links)
        links.push_back({{"from", link.from},
                         {"to", link.to},
                         {"from-pad", link.from_pad},
                         {"to-pad", link.to_pad},
                         {"filter", link.filter},
                         {"caps", link.caps},
                         {"stream", link.stream},
                         {"expected", link.is_expected},
                         {"absent", link.is_absent}});
    return {
        {"name", graph.name},        {"launch", graph.launch}, {"elements", std::move(elements)},
        {"links", std::move(links)}, {"notes", graph.notes},   {"error", graph.error}};
}

/// Runs Graphviz's `dot` as a program, so that its libraries are not a dependency.
std::optional<std::string> draw_svg(const std::string &dot, std::string *error) {
    const GOwned<> program(g_find_program_in_path("dot"));
    if (!program) {
        *error = "Graphviz's `dot` is not installed: `apt install graphviz`, or take --dot";
        return std::nullopt;
    }
    GError *failure = nullptr;
    const auto process = GstPtr<GSubprocess>::adopt(g_subprocess_new(
        GSubprocessFlags(G_SUBPROCESS_FLAGS_STDIN_PIPE | G_SUBPROCESS_FLAGS_STDOUT_PIPE), &failure,
        program.get(), "-Tsvg", nullptr));
    gchar *out = nullptr;
    const bool good = process &&
                      g_subprocess_communicate_utf8(process.get(), dot.c_str(), nullptr, &out,
                                                    nullptr, &failure) &&
                      g_subprocess_get_successful(process.get());
    const GOwned<> owner(out);
    if (!good)
        *error = std::string("`dot` can't draw it: ") + (failure ? failure->message : "it failed");
    g_clear_error(&failure);
    return good && out ? std::optional<std::string>(out) : std::nullopt;
}

void print_text(const description::Description &description, const std::vector<Graph> &graphs) {
    Output &output = Output::get();
    output.print(output.bold(description.name) + "  " + description.summary);
    for (const Graph &graph : graphs) {
        output.print("");
        output.print(output.bold(graph.name));
        output.print(graph.launch);
        output.print("");
        std::string drawing = draw_text(graph, drawing_width);
        while (drawing.ends_with('\n'))
            drawing.pop_back();
        output.print(drawing);
        if (!graph.notes.empty() || !graph.error.empty()) output.print("");
        if (!graph.error.empty()) output.print("It was tried and failed: " + graph.error);
        for (const std::string &note : graph.notes)
            output.print(output.dim("· " + note));
    }
    output.print("");
    output.print(
        output.dim("On the right: what is done to the stream, and the latency that it adds"));
    output.print(output.dim("(~: told from what the element is; ?: not known)."));
}

} // namespace

int explain_description(const std::string &name, const std::vector<std::string> &settings,
                        Form form) {
    Output &output = Output::get();
    int code = exit_ok;
    const auto loaded = load_or_say(name, Look::everything, &code);
    if (!loaded) return code;
    const description::Description &description = *loaded;
    const auto bound = bind_or_say(description, settings);
    if (!bound) return exit_usage;
    const description::Binding &binding = *bound;

    std::vector<Graph> graphs;
    const auto add = [&](const description::PipelineText &pipeline,
                         const std::vector<std::string> &captures, const std::string &title) {
        if (!binding.holds(pipeline.when)) return;
        graphs.push_back(explain::inspect(pipeline, binding, captures));
        graphs.back().name = title;
    };
    for (const auto &pipeline : description.start)
        add(pipeline, {}, pipeline.name);
    for (const auto &rule : description.publish)
        if (binding.is_there(rule))
            add(rule.pipeline, rule.captures,
                "publish " + binding.expand_for_people(rule.match.pieces));

    for (const auto &rule : description.play)
        if (binding.is_there(rule))
            add(rule.pipeline, rule.captures,
                "play " + binding.expand_for_people(rule.matches.front().pieces));

    if (form == Form::json) {
        json pipelines = json::array();
        for (const Graph &graph : graphs)
            pipelines.push_back(to_json(graph));
        const json all = {{"name", description.name},
                          {"file", description.source.name()},
                          {"pipelines", std::move(pipelines)}};
        output.print(all.dump(2, ' ', false, json::error_handler_t::replace));
    } else if (form == Form::text) {
        print_text(description, graphs);
    } else {
        // Secrets are removed before another program gets the text.
        std::string text = output.scrub(draw_dot(graphs, description.name));
        if (form == Form::svg) {
            std::string error;
            const auto svg = draw_svg(text, &error);
            if (!svg) {
                output.error(error);
                return exit_failed;
            }
            text = *svg;
        }
        while (text.ends_with('\n'))
            text.pop_back();
        output.print(text);
    }
    return exit_ok;
}

} // namespace penstock::cli
