// SPDX-License-Identifier: LGPL-2.1-or-later
// test: runs a description for some seconds, receives its outputs and judges them.
#include "cli/catalogue.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "cli/signals.h"
#include "cli/width.h"
#include "expect/files.h"
#include "expect/judge.h"
#include "expect/machine.h"
#include "expect/outputs.h"
#include "expect/receiver.h"
#include "expect/sample.h"
#include "protocols/table.h"
#include "supervisor/main_loop.h"
#include "supervisor/supervisor.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <list>
#include <map>
#include <set>

namespace penstock::cli {
namespace {

/// The name of an element that can publish to a URL, for an error message.
std::string pushing_element() {
    const auto all =
        protocols::factories([](const auto &use) { return use.role == protocols::Role::push; });
    return all.empty() ? "" : all.front();
}

using expect::Check;
using expect::Verdict;
using nlohmann::json;

constexpr const char *default_publisher = "test-publisher";
constexpr guint look_every = 50; // ms
/// Pipelines that have not stopped by then are abandoned.
constexpr int64_t time_to_stop = 5'000'000; // µs

int64_t now_ns() {
    return g_get_monotonic_time() * 1000;
}

/// Parameters set on the command line for this description or for all.
std::set<std::string> named_in(const std::vector<std::string> &settings,
                               const std::string &description) {
    std::set<std::string> out;
    for (const std::string &setting : settings) {
        std::string name = setting.substr(0, setting.find('='));
        if (name.starts_with(description + ".")) name.erase(0, description.size() + 1);
        out.insert(name);
    }
    return out;
}

bool takes_publishers(const description::Description &description) {
    return !description.publish.empty();
}

/// A single run of one description.
class Test {
public:
    Test(const std::vector<std::string> &settings, const bool &interrupted)
        : settings_(settings), interrupted_(interrupted), loop_(g_main_loop_new(nullptr, FALSE)) {}

    /// Returns false, after printing an error, if the test can't run; `code` is then the exit code.
    bool run(const std::string &name, int *code);
    const std::vector<Check> &checks() const { return checks_; }
    const std::string &name() const { return description_->name; }
    bool has_expect() const { return description_->expect.is_written; }

private:
    bool load_all(const std::string &name, int *code);
    bool bind(int *code);
    bool make_limits(std::string *error);
    bool start(std::string *error);
    bool redirect_files(std::string *error);
    void look();
    void wait(const std::function<bool()> &until, int64_t deadline);
    void finish();

    const std::vector<std::string> &settings_;
    const bool &interrupted_;
    const supervisor::MainLoop loop_;
    expect::Sample sample_;
    expect::Files files_;
    /// The tested description, the one that runs alongside (optional), and the one that publishes
    /// to whichever of the two has publish rules.
    std::unique_ptr<description::Description> description_, beside_, publisher_;
    description::Binding *binding_ = nullptr, *beside_binding_ = nullptr,
                         *publisher_binding_ = nullptr;
    std::optional<expect::Bench> bench_, beside_bench_;
    expect::Limits limits_; ///< those of outputs that are not in limits_over_
    std::map<std::string, expect::Limits> limits_over_; ///< by the name of a protocol
    expect::FrameTrace trace_;
    std::unique_ptr<supervisor::Supervisor> supervisor_;
    std::list<expect::Receiver> receivers_;
    std::vector<expect::Unmeasured> unmeasured_;
    std::vector<std::string> errors_; ///< reported by the pipelines
    bool ended_ = false;              ///< nothing is running
    int64_t started_ = 0;
    std::optional<expect::LoadMeter> meter_;
    std::vector<Check> checks_;
};

bool Test::load_all(const std::string &name, int *code) {
    description_ = load_or_say(name, Look::elements, code);
    if (!description_) return false;
    const std::string &beside = description_->expect.beside;
    if (!beside.empty() && !(beside_ = load_or_say(beside, Look::elements, code))) return false;
    if (!takes_publishers(*description_) && !(beside_ && takes_publishers(*beside_))) return true;
    const std::string &wanted = description_->expect.publisher;
    publisher_ = load_or_say(wanted.empty() ? default_publisher : wanted, Look::elements, code);
    return publisher_ != nullptr;
}

bool Test::bind(int *code) {
    Output &output = Output::get();
    std::vector<std::string> settings;
    const std::set<std::string> named = named_in(settings_, description_->name);
    const std::string own = description_->name + ".";
    for (const auto &[parameter, value] : description_->expect.set)
        if (!named.contains(parameter)) settings.push_back(own + parameter + "=" + value);
    std::string error;
    const std::string &sample = description_->expect.sample;
    if (!sample.empty() && !named.contains(sample)) {
        output.status("making a sample file");
        if (!sample_.make(&error)) {
            output.error(error);
            *code = exit_failed;
            return false;
        }
        settings.push_back(own + sample + "=" + sample_.file());
    }
    settings.insert(settings.end(), settings_.begin(), settings_.end());
    std::vector<std::string> errors;
    std::vector<const description::Description *> tested{description_.get()};
    if (beside_) tested.push_back(beside_.get());
    auto bindings = bind_all(tested, settings, errors);
    for (const std::string &text : unused(bindings, settings_))
        output.warning(text);
    if (publisher_) {
        std::vector<std::string> publishers;
        for (const std::string &setting : settings_)
            if (setting.starts_with(publisher_->name + ".")) publishers.push_back(setting);
        auto more = bind_all({publisher_.get()}, publishers, errors);
        publisher_binding_ = more[0].get();
        bindings.push_back(std::move(more[0]));
    }
    binding_ = bindings[0].get();
    bench_.emplace(*binding_);
    if (beside_) beside_bench_.emplace(*(beside_binding_ = bindings[1].get()));
    for (const auto &binding : bindings)
        output.hide(binding->secrets());
    if (errors.empty() && !make_limits(&error))
        errors.push_back(description_->name + ": expect: " + error);
    for (const std::string &text : errors)
        output.error(text);
    *code = exit_usage;
    if (!errors.empty()) return false;
    supervisor_ = std::make_unique<supervisor::Supervisor>(
        supervisor::Bindings(std::make_move_iterator(bindings.begin()),
                             std::make_move_iterator(bindings.end())),
        [this](supervisor::Severity severity, const std::string &text) {
            // A publisher that starts before its server retries, so its warnings are not counted.
            if (severity == supervisor::Severity::error) errors_.push_back(text);
        },
        [this](int) { ended_ = true; });
    return true;
}

bool Test::make_limits(std::string *error) {
    const auto make = [&](const std::string &protocol, expect::Limits &out) {
        const auto made = expect::Limits::make(description_->expect, protocol, *binding_, error);
        if (made) out = *made;
        return made.has_value();
    };
    bool good = make("", limits_);
    for (const auto &[protocol, _] : description_->expect.over) {
        good = good && make(protocol, limits_over_[protocol]);
        limits_.duration = std::max(limits_.duration, limits_over_[protocol].duration);
    }
    return good;
}

bool Test::start(std::string *error) {
    if (!bench_->choose_addresses(named_in(settings_, description_->name), error) ||
        (beside_ && !beside_bench_->choose_addresses(named_in(settings_, beside_->name), error)) ||
        !supervisor_->open(error))
        return false;
    if (publisher_binding_) {
        const auto *parameter = expect::push_parameter(*publisher_binding_);
        const auto urls =
            (takes_publishers(*description_) ? bench_ : beside_bench_)->publish_urls();
        if (!parameter || urls.empty()) {
            *error = "'" + publisher_->name +
                     "' publishes to no address that is a parameter: "
                     "`publisher` of `expect` names a description with an element such as `" +
                     pushing_element() + " location=${url}`";
            return false;
        }
        publisher_binding_->set(parameter->name, description::Value{
                                                     .type = description::Type::url,
                                                     .text = urls.front(),
                                                 });
    }
    started_ = now_ns();
    meter_.emplace();
    const auto outputs = bench_->outputs();
    unmeasured_ = bench_->unmeasured(outputs);
    for (const expect::Output &output : outputs) {
        receivers_.emplace_back(output, trace_);
        if (!receivers_.back().start(error)) return false;
    }
    return redirect_files(error) && supervisor_->start(error);
}

bool Test::redirect_files(std::string *error) {
    return files_.redirect(*description_, *binding_, error) &&
           (!beside_ || files_.redirect(*beside_, *beside_binding_, error)) &&
           (!publisher_ || files_.redirect(*publisher_, *publisher_binding_, error));
}

/// Called repeatedly, because pads appear as streams do.
void Test::look() {
    supervisor_->each_pipeline([&](const description::Binding &, const auto &running) {
        if (running.pipeline()) trace_.watch(running.pipeline());
    });
}

void Test::wait(const std::function<bool()> &until, int64_t deadline) {
    struct Waiting {
        Test *test;
        const std::function<bool()> &until;
        int64_t deadline;
    } waiting{this, until, deadline};
    const guint ticker = g_timeout_add(
        look_every,
        [](gpointer data) -> gboolean {
            const auto *w = static_cast<Waiting *>(data);
            w->test->look();
            if (w->test->interrupted_ || w->until() || g_get_monotonic_time() >= w->deadline)
                g_main_loop_quit(w->test->loop_.get());
            return G_SOURCE_CONTINUE;
        },
        &waiting);
    if (!until() && !interrupted_) g_main_loop_run(loop_.get());
    g_source_remove(ticker);
}

void Test::finish() {
    bool stopped = false;
    supervisor_->stop([&] { stopped = true; });
    const int64_t deadline = g_get_monotonic_time() + time_to_stop;
    // Not wait(): an interruption must not shorten the stopping time.
    while (!stopped && g_get_monotonic_time() < deadline)
        if (!g_main_context_iteration(nullptr, FALSE)) g_usleep(5000);
    if (!stopped) checks_.push_back({"pipelines", "stop", "≤ 5 s", "they hang", Verdict::failure});
}

bool Test::run(const std::string &name, int *code) {
    Output &output = Output::get();
    if (!load_all(name, code) || !bind(code)) return false;
    std::string error;
    if (!start(&error)) {
        output.error(error);
        *code = exit_failed;
        receivers_.clear();
        finish();
        return false;
    }
    const auto us = [](double seconds) { return static_cast<int64_t>(seconds * 1e6); };
    output.status(description_->name + ": waits for the first frames");
    wait(
        [&] {
            return ended_ || std::all_of(receivers_.begin(), receivers_.end(),
                                         [](const auto &r) { return r.has_frames(); });
        },
        started_ / 1000 + us(limits_.within));
    output.status(description_->name + ": measures for " +
                  std::to_string(std::lround(limits_.duration)) + " s");
    const bool any = std::any_of(receivers_.begin(), receivers_.end(),
                                 [](const auto &r) { return r.has_frames(); });
    if (any || receivers_.empty())
        wait(
            [&] {
                return ended_ || (!receivers_.empty() &&
                                  std::all_of(receivers_.begin(), receivers_.end(),
                                              [](const auto &r) { return r.is_over(); }));
            },
            g_get_monotonic_time() + us(limits_.duration));
    const int64_t ended = now_ns();
    const expect::Load load = meter_->read();
    meter_.reset();
    for (const expect::Receiver &receiver : receivers_) {
        const expect::Received received = receiver.received();
        const auto over = limits_over_.find(receiver.output().protocol->name);
        const expect::Limits &limits = over == limits_over_.end() ? limits_ : over->second;
        // If the run ended early, checks of what would have come later are dropped.
        auto checks = expect::judge(receiver.output().label, limits, received,
                                    expect::measure(received, started_, ended),
                                    ended_ && receiver.has_frames() ? "" : receiver.failure());
        checks_.insert(checks_.end(), checks.begin(), checks.end());
    }
    receivers_.clear();
    finish();
    for (const expect::Unmeasured &each : unmeasured_)
        checks_.push_back({each.label, "not measured", "", each.why,
                           each.has_receiver ? Verdict::unmeasured : Verdict::told});
    if (receivers_.empty() && checks_.empty())
        checks_.push_back({"pipelines", "outputs", "", "none that can be received", Verdict::told});
    std::string said;
    for (const std::string &text : errors_)
        said += (said.empty() ? "" : "; ") + text;
    checks_.push_back({"pipelines", "errors", "none", errors_.empty() ? "none" : said,
                       errors_.empty() ? Verdict::pass : Verdict::failure});
    checks_.push_back({"machine", "load", "", expect::words_of(load),
                       expect::is_overload(load) ? Verdict::warning : Verdict::told});
    output.status("");
    return true;
}

const char *word_of(Verdict verdict) {
    switch (verdict) {
    case Verdict::pass:
        return "pass";
    case Verdict::failure:
        return "FAIL";
    case Verdict::warning:
        return "warn";
    case Verdict::unmeasured:
        return "none";
    case Verdict::told:
        break;
    }
    return "";
}

const char *status_of(Verdict verdict) {
    switch (verdict) {
    case Verdict::pass:
        return "pass";
    case Verdict::failure:
        return "fail";
    case Verdict::warning:
        return "warning";
    case Verdict::unmeasured:
        return "unmeasured";
    case Verdict::told:
        break;
    }
    return "told";
}

void print_table(const Test &test) {
    Output &output = Output::get();
    output.print(output.bold(test.name()) +
                 (test.has_expect() ? "" : output.dim("  (it has no `expect`)")));
    size_t outputs = 0, whats = 0, expected = 0;
    for (const Check &check : test.checks()) {
        outputs = std::max(outputs, width_of(check.output));
        whats = std::max(whats, width_of(check.what));
        expected = std::max(expected, width_of(check.expected));
    }
    for (const Check &check : test.checks()) {
        const std::string word = pad(word_of(check.verdict), 4);
        const std::string shown = check.verdict == Verdict::failure ? output.red(word)
                                  : check.verdict == Verdict::pass  ? output.green(word)
                                                                    : output.yellow(word);
        output.print("  " + shown + "  " + pad(check.output, outputs) + "  " +
                     pad(check.what, whats) + "  " + pad(check.expected, expected) + "  " +
                     in_width(check.measured, 14 + outputs + whats + expected));
    }
}

json to_json(const Test &test, bool good) {
    json checks = json::array();
    for (const Check &check : test.checks())
        checks.push_back({{"output", check.output},
                          {"check", check.what},
                          {"expected", check.expected},
                          {"measured", check.measured},
                          {"status", status_of(check.verdict)}});
    return {{"description", test.name()},
            {"expect", test.has_expect()},
            {"ok", good},
            {"checks", std::move(checks)}};
}

} // namespace

int test(const std::vector<std::string> &names, const std::vector<std::string> &settings,
         bool as_json) {
    bool interrupted = false;
    SignalThread signals;
    signals.start({.stop = [&] {
        interrupted = true;
        signals.finish(exit_failed);
    }});
    json all = json::array();
    int result = exit_ok;
    for (const std::string &name : names) {
        Test test(settings, interrupted);
        int code = exit_ok;
        if (!test.run(name, &code)) return code;
        if (interrupted) return exit_failed;
        const auto has = [&](Verdict verdict) {
            return std::any_of(test.checks().begin(), test.checks().end(),
                               [&](const Check &check) { return check.verdict == verdict; });
        };
        const bool failed = has(Verdict::failure), incomplete = has(Verdict::unmeasured);
        if (failed)
            result = exit_failed;
        else if (incomplete && result == exit_ok)
            result = exit_incomplete;
        if (as_json)
            all.push_back(to_json(test, !failed && !incomplete));
        else
            print_table(test);
    }
    if (as_json) Output::get().print(all.dump(2, ' ', false, json::error_handler_t::replace));
    return result;
}

} // namespace penstock::cli
