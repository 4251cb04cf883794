// SPDX-License-Identifier: LGPL-2.1-or-later
// run: runs descriptions until they end or a signal arrives.
#include "api/state_server.h"
#include "cli/catalogue.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "cli/signals.h"
#include "cli/status.h"
#include "cli/urls.h"
#include "config.h"
#include "console/pages.h"
#include "core/net/http/process_end.h"
#include "state/collect.h"
#include "state/json.h"
#include "supervisor/clashes.h"
#include "supervisor/main_loop.h"
#include "supervisor/supervisor.h"
#include "supervisor/teardown.h"

#include <algorithm>
#include <optional>

namespace penstock::cli {
namespace {

void report(supervisor::Severity severity, const std::string &text) {
    switch (severity) {
    case supervisor::Severity::info:
        Output::get().print(text);
        break;
    case supervisor::Severity::warning:
        Output::get().warning(text);
        break;
    case supervisor::Severity::error:
        Output::get().error(text);
        break;
    }
}

void print_urls(const supervisor::Bindings &bindings) {
    Output &output = Output::get();
    for (const auto &binding : bindings) {
        const description::Description &description = binding->description();
        output.print(output.bold(description.name) + "  " + description.summary);
        const std::vector<Url> urls = urls_of(*binding);
        size_t widest = 8;
        for (const Url &url : urls)
            widest = std::max(widest, url.label.size());
        for (const Url &url : urls)
            output.print("  " + output.green(pad(url.label, widest + 2)) + url.text);
    }
    output.print(output.dim("Ctrl-C ends it."));
    output.show_times();
}

/// Loads all named descriptions with their values. On failure prints every mistake, sets `code` and
/// returns nullopt.
std::optional<supervisor::Bindings> load_all(const std::vector<std::string> &names,
                                             const std::vector<std::string> &settings, int *code) {
    Output &output = Output::get();
    std::vector<std::unique_ptr<description::Description>> descriptions;
    std::vector<const description::Description *> pointers;
    *code = exit_ok;
    for (const std::string &name : names) {
        int mistake = exit_ok;
        auto description = load_or_say(name, Look::elements, &mistake);
        if (!description) {
            *code = std::max(*code, mistake);
            continue;
        }
        if (std::any_of(pointers.begin(), pointers.end(),
                        [&](const auto *other) { return other->name == description->name; })) {
            output.error("'" + description->name +
                         "' is named twice: name it once, or give one of the two files another "
                         "name");
            if (*code == exit_ok) *code = exit_usage;
            continue;
        }
        pointers.push_back(description.get());
        descriptions.push_back(std::move(description));
    }
    if (*code != exit_ok) return std::nullopt;
    std::vector<std::string> errors;
    auto bindings = bind_all(pointers, settings, errors);
    for (const auto &binding : bindings)
        output.hide(binding->secrets());
    for (const std::string &error : errors)
        output.error(error);
    if (!errors.empty()) {
        *code = exit_usage;
        return std::nullopt;
    }
    for (const std::string &text : differences(bindings, settings))
        output.warning(text);
    for (const std::string &text : unused(bindings, settings))
        output.warning(text);
    supervisor::Bindings all;
    struct Both {
        std::unique_ptr<description::Description> description;
        std::unique_ptr<description::Binding> binding;
    };
    for (size_t i = 0; i < bindings.size(); ++i) {
        auto both =
            std::make_shared<Both>(Both{std::move(descriptions[i]), std::move(bindings[i])});
        all.emplace_back(both, both->binding.get());
    }
    for (const std::string &text : supervisor::missing_channels(all))
        output.warning(text);
    return all;
}

constexpr guint longest_drain = 5000; // ms

} // namespace

int run(const std::vector<std::string> &names, const std::vector<std::string> &settings) {
    Output &output = Output::get();
    int code = exit_ok;
    auto bindings = load_all(names, settings, &code);
    if (!bindings) return code;

    const supervisor::MainLoop loop(g_main_loop_new(nullptr, FALSE));
    SignalThread signals;
    supervisor::Supervisor supervisor(std::move(*bindings), report, [&](int ended) {
        code = ended;
        signals.finish(ended);
    });
    supervisor::give_memory_back();
    console::Pages pages;
    const auto quit = [&] { g_main_loop_quit(loop.get()); };
    signals.start({
        .stop = [&] { supervisor.stop(quit); },
        .drain = [&] { supervisor.drain(longest_drain, quit); },
        .reload =
            [&] {
                std::string error;
                int reloaded = exit_ok;
                auto next = load_all(names, settings, &reloaded);
                const bool changed = next && supervisor.reload(std::move(*next), &error);
                if (changed && pages.serve(supervisor.bindings(), &error))
                    return output.print("The descriptions were read again.");
                if (!error.empty()) output.error(error);
                if (!changed)
                    output.warning(
                        "the descriptions were not reloaded: everything continues as before");
            },
        .longest_drain_ms = longest_drain,
    });

    // From here on, failures take the same exit path as a signal.
    std::string error;
    Status status(supervisor);
    guint ticker = 0;
    std::unique_ptr<api::StateServer> state;
    if (supervisor.open(&error) && pages.serve(supervisor.bindings(), &error)) {
        print_urls(supervisor.bindings());
        // Before any pipeline: where two threads use GIO's socket classes for the first time, GLib
        // 2.74 may have them wait for each other for ever.
        std::string reason;
        state = api::StateServer::open(
            [&] { return output.scrub(state::to_json(state::collect(supervisor))); }, &reason);
        if (!state) output.warning("`penstock top` can't see this process: " + reason);
        if (supervisor.start(&error))
            ticker = g_timeout_add(
                250,
                [](gpointer data) -> gboolean {
                    static_cast<Status *>(data)->update();
                    return G_SOURCE_CONTINUE;
                },
                &status);
    }
    if (!error.empty()) {
        output.error(error);
        code = exit_failed;
        signals.finish(exit_failed);
    }
    g_main_loop_run(loop.get());
    if (ticker) g_source_remove(ticker);
    status.finish();
    state.reset();
    pages.clear();
    net::end_http_servers();
    return code;
}

} // namespace penstock::cli
