// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/running.h"

#include "gst/no_stream.h"
#include "protocols/refusal.h"
#include "protocols/table.h"
#include "supervisor/branch.h"
#include "supervisor/hopeless.h"
#include "supervisor/outputs_behind.h"
#include "supervisor/teardown.h"

#include <algorithm>
#include <regex>
#include <sstream>

namespace penstock::supervisor {
namespace {

/// The error message and the useful lines of its debug text: those after the first that name no
/// source location, without GLib's error codes.
std::string words_of(const GError *error, const gchar *debug) {
    static const std::regex place(R"(^\S+\.(c|cc|cpp|rs)\(\d+\): )");
    static const std::regex codes(R"( \(domain \S+, code -?\d+\))");
    std::istringstream lines(debug ? debug : "");
    std::string line, rest;
    std::getline(lines, line);
    while (std::getline(lines, line))
        if (!line.empty() && !std::regex_search(line, place))
            rest += (rest.empty() ? "" : "; ") + std::regex_replace(line, codes, "");
    const std::string text = error->message;
    return rest.empty() || text.find(rest) != text.npos ? text : text + " (" + rest + ")";
}

std::string source_of(GstMessage *message) {
    GstObject *source = GST_MESSAGE_SRC(message);
    if (!source) return "";
    if (!GST_IS_ELEMENT(source)) return GST_OBJECT_NAME(source);
    GstElementFactory *factory = gst_element_get_factory(GST_ELEMENT(source));
    return (factory ? std::string(GST_OBJECT_NAME(factory)) + " " : "") + "'" +
           GST_OBJECT_NAME(source) + "'";
}

/// Whether it is an element that connects to a server elsewhere.
bool is_client(GstObject *source) {
    if (!source || !GST_IS_ELEMENT(source)) return false;
    GstElementFactory *factory = gst_element_get_factory(GST_ELEMENT(source));
    const auto known = protocols::find_element(factory ? GST_OBJECT_NAME(factory) : "");
    return known &&
           (known.use->role == protocols::Role::push || known.use->role == protocols::Role::pull);
}

std::string with_hint(const std::string &words, const std::string &hint) {
    return hint.empty() ? words : words + (words.ends_with('.') ? " " : ": ") + hint;
}

/// The factory of the pipeline's direct child that is or contains `object`.
std::string child_factory(GstElement *pipeline, GstObject *object) {
    const auto child = child_of(pipeline, object);
    GstElementFactory *factory = child ? gst_element_get_factory(child.get()) : nullptr;
    return factory ? GST_OBJECT_NAME(factory) : "";
}

} // namespace

Time Time::now() {
    Time time;
    time.clock = GstPtr<GstClock>::adopt(gst_system_clock_obtain());
    time.base = gst_clock_get_time(time.clock.get());
    return time;
}

RunningPipeline::Handlers handlers_for(const description::Binding &binding,
                                       const description::PipelineText &text,
                                       const description::Captures &captures) {
    RunningPipeline::Handlers handlers;
    handlers.hint = [&](const std::string &element) { return binding.hint_for(text, element); };
    handlers.setting = [&](const std::string &element) {
        return binding.setting_of(text, element);
    };
    const description::Restart &restart = binding.description().restart;
    if (restart.policy == description::Restart::Policy::never) return handlers;
    handlers.rebuild = [&binding, &text, captures](std::string *why) {
        return binding.instantiate(text, captures, why);
    };
    handlers.first_delay = restart.delay;
    handlers.longest_delay = restart.max_delay;
    return handlers;
}

RunningPipeline::RunningPipeline(std::string label, GstPtr<GstElement> pipeline, Report report,
                                 Handlers handlers)
    : label_(std::move(label)), pipeline_(std::move(pipeline)), report_(std::move(report)),
      handlers_(std::move(handlers)), children_(children_as_made(pipeline_.get())) {
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline_.get()));
    watch_ = gst_bus_add_watch(bus.get(), on_message, this);
    report_.pipeline(label_, pipeline_.get(), true);
}

RunningPipeline::~RunningPipeline() {
    *self_ = nullptr;
    stop({});
}

void RunningPipeline::play(const Time &time) {
    GstElement *pipeline = pipeline_.get();
    gst_pipeline_use_clock(GST_PIPELINE(pipeline), time.clock.get());
    // Without a start time GstPipeline does not choose a base time of its own.
    gst_element_set_start_time(pipeline, GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(pipeline, time.base);
    GstStateChangeReturn result = gst_element_set_state(pipeline, GST_STATE_PAUSED);
    // Non-live sources count from zero: with an old base time their buffers would be late.
    if (result == GST_STATE_CHANGE_ASYNC || result == GST_STATE_CHANGE_SUCCESS)
        gst_element_set_base_time(pipeline, gst_clock_get_time(time.clock.get()));
    if (result == GST_STATE_CHANGE_FAILURE)
        report_failed_start();
    else
        to_playing();
}

void RunningPipeline::to_playing() {
    if (gst_element_set_state(pipeline_.get(), GST_STATE_PLAYING) == GST_STATE_CHANGE_FAILURE)
        report_failed_start();
}

/// The failing element has posted the cause; this message follows it on the bus.
void RunningPipeline::report_failed_start() {
    GstElement *pipeline = pipeline_.get();
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline));
    gst_bus_post(bus.get(), gst_message_new_application(
                                GST_OBJECT(pipeline), gst_structure_new_empty("penstock-failed")));
}

void RunningPipeline::stop(Task stopped) {
    detached_.clear();
    judge_.cancel();
    if (watch_) g_source_remove(std::exchange(watch_, 0));
    if (!pipeline_) {
        if (stopped) post(std::move(stopped));
        return;
    }
    GstPtr<GstElement> pipeline = std::move(pipeline_);
    report_.pipeline(label_, pipeline.get(), false);
    if (!stopped) return take_down(std::move(pipeline));
    // The last reference is released on the main loop before `stopped` is called: it frees what
    // applications connected to the elements, and they may exit next.
    take_down(std::move(pipeline), [stopped = std::move(stopped)](GstPtr<GstElement> down) {
        post([held = std::make_shared<GstPtr<GstElement>>(std::move(down)), stopped] {
            *held = {};
            stopped();
        });
    });
}

void RunningPipeline::drain() {
    if (!pipeline_) return;
    is_draining_ = true;
    // Called on another thread, since a source may be blocked by elements downstream.
    gst_element_call_async(
        pipeline_.get(),
        [](GstElement *element, gpointer) {
            // A pipeline that is not yet streaming would lose the event.
            gst_element_get_state(element, nullptr, nullptr, GST_SECOND);
            gst_element_send_event(element, gst_event_new_eos());
        },
        nullptr, nullptr);
}

gboolean RunningPipeline::on_message(GstBus *, GstMessage *message, gpointer self) {
    static_cast<RunningPipeline *>(self)->handle(message);
    return G_SOURCE_CONTINUE;
}

void RunningPipeline::handle(GstMessage *message) {
    switch (GST_MESSAGE_TYPE(message)) {
    case GST_MESSAGE_ERROR:
        handle_error(message);
        break;
    case GST_MESSAGE_WARNING: {
        GError *error = nullptr;
        gchar *debug = nullptr;
        gst_message_parse_warning(message, &error, &debug);
        // A stream without audio or video is not an error: the delayed link is not needed.
        // Nor is a client without its server, which is drained, too: there is no next attempt.
        if (!g_error_matches(error, GST_PARSE_ERROR, GST_PARSE_ERROR_DELAYED_LINK) &&
            !(is_draining_ && is_client(GST_MESSAGE_SRC(message)))) {
            std::string words = words_of(error, debug);
            // A client that goes on trying warns where others fail.
            if (is_client(GST_MESSAGE_SRC(message)) && handlers_.hint &&
                g_error_matches(error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_OPEN_READ_WRITE))
                words = with_hint(words, handlers_.hint(child_factory(pipeline_.get(),
                                                                      GST_MESSAGE_SRC(message))));
            report_(Severity::warning, label_ + ": " + source_of(message) + ": " + words);
        }
        g_error_free(error);
        g_free(debug);
        break;
    }
    case GST_MESSAGE_INFO: {
        // Of elements that connect elsewhere it is told that they fail, and that they are
        // connected.
        if (!is_client(GST_MESSAGE_SRC(message))) break;
        GError *error = nullptr;
        gst_message_parse_info(message, &error, nullptr);
        report_(Severity::info, label_ + ": " + source_of(message) + ": " + error->message);
        g_error_free(error);
        break;
    }
    case GST_MESSAGE_EOS:
        // EOS from the remaining branches of a failed pipeline is ignored.
        if (!failed_ && causes_.empty() && handlers_.ended) handlers_.ended();
        break;
    case GST_MESSAGE_LATENCY:
        gst_bin_recalculate_latency(GST_BIN(pipeline_.get()));
        break;
    case GST_MESSAGE_REQUEST_STATE: {
        GstState state = GST_STATE_NULL;
        gst_message_parse_request_state(message, &state);
        gst_element_set_state(pipeline_.get(), state);
        break;
    }
    case GST_MESSAGE_APPLICATION:
        if (gst_message_has_name(message, "penstock-judge")) judge(false);
        if (!gst_message_has_name(message, "penstock-failed")) break;
        // If a branch that failed to start was removed, the rest can start now.
        if (std::exchange(has_detached_, false))
            to_playing();
        else if (causes_.empty())
            fail({"the pipeline does not start"});
        break;
    case GST_MESSAGE_ELEMENT:
        if (const auto words = silent_.notice(message, loop_clock().now()))
            report_(Severity::warning, label_ + ": " + source_of(message) + ": " + *words);
        if (gst_message_has_name(message, "penstock-publish-state") && handlers_.publishing) {
            gboolean publishing = FALSE;
            gst_structure_get_boolean(gst_message_get_structure(message), "publishing",
                                      &publishing);
            handlers_.publishing(publishing);
        }
        if (gst_message_has_name(message, no_stream_message) && handlers_.no_stream) {
            const GstStructure *s = gst_message_get_structure(message);
            const char *pad = gst_structure_get_string(s, "pad");
            const char *reason = gst_structure_get_string(s, "reason");
            if (GST_IS_ELEMENT(GST_MESSAGE_SRC(message)) && pad && reason)
                handlers_.no_stream(outputs_behind(GST_ELEMENT(GST_MESSAGE_SRC(message)), pad),
                                    reason);
        }
        break;
    default:
        break;
    }
}

/// A pipeline that is older has what its sources give; µs.
constexpr gint64 starting_time = 10'000'000;
/// A source has this long to say that it can't be read, where an output has failed before; ms.
constexpr unsigned time_to_tell = 1'000;

void RunningPipeline::handle_error(GstMessage *message) {
    GstObject *source = GST_MESSAGE_SRC(message);
    // A failing branch posts several errors, some of them after its removal.
    if (!source || (source != GST_OBJECT(pipeline_.get()) &&
                    !gst_object_has_as_ancestor(source, GST_OBJECT(pipeline_.get()))))
        return;
    for (GstObject *gone : removed_)
        if (source == gone || gst_object_has_as_ancestor(source, gone)) return;
    GError *error = nullptr;
    gchar *debug = nullptr;
    gst_message_parse_error(message, &error, &debug);
    std::string words = source_of(message) + ": " + words_of(error, debug);
    const auto child = child_of(pipeline_.get(), source);
    const bool hopeless = child && is_hopeless(child.get(), *error);
    const std::string factory = child_factory(pipeline_.get(), source);
    // Hints are for servers that can't be reached; this one has answered.
    const auto refusal = is_client(source) ? protocols::refusal_in(words) : std::nullopt;
    if (refusal) words = source_of(message) + ": the server refuses it: " + *refusal;
    std::string hint = handlers_.hint && !refusal ? handlers_.hint(factory) : "";
    if (hint.empty() && hopeless && handlers_.setting) {
        hint = handlers_.setting(factory);
        // Here a setting is what the element knows as its property.
        if (!hint.empty()) words = words.substr(0, words.find(": check the property "));
    }
    words = with_hint(words, hint);
    Cause cause{{words, hopeless},
                child && is_source(child.get()),
                error->domain == GST_RESOURCE_ERROR,
                is_consequence(message)};
    g_error_free(error);
    g_free(debug);
    if (auto branch = find_branch(pipeline_.get(), source)) {
        report_(Severity::error, label_ + ": " + words + "; the branch " + branch->label +
                                     " is removed, the rest goes on");
        for (const auto &element : branch->elements)
            removed_.insert(GST_OBJECT(element.get()));
        has_detached_ = true;
        detach(std::move(*branch));
        return;
    }
    causes_.push_back(std::move(cause));
    judge_later();
}

/// Looks at what is on the bus already before one error is called the cause: a camera that is
/// missing fails while the pipeline starts, but the refused connection may have been the first.
void RunningPipeline::judge_later() {
    GstElement *pipeline = pipeline_.get();
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline));
    gst_bus_post(bus.get(), gst_message_new_application(GST_OBJECT(pipeline),
                                                        gst_structure_new_empty("penstock-judge")));
}

/// The cause is what a source says, else what came first. Where an output fails early, the sources
/// get time to say that they can't be read.
void RunningPipeline::judge(bool is_last) {
    const auto rank = [](const Cause &cause) {
        return cause.is_consequence ? 2 : cause.is_first ? 0 : 1;
    };
    const auto first =
        std::min_element(causes_.begin(), causes_.end(),
                         [&](const Cause &a, const Cause &b) { return rank(a) < rank(b); });
    if (first == causes_.end()) return;
    const bool may_hide_another = rank(*first) == 1 && first->is_output &&
                                  loop_clock().now() - since_ < starting_time &&
                                  has_local_source(pipeline_.get());
    if (!may_hide_another || is_last) {
        judge_.cancel();
        fail(Failure(first->failure));
    } else if (!judge_.is_running()) {
        judge_.start(time_to_tell, [this] { judge(true); });
    }
}

/// A branch that ran this long has recovered: its failure count restarts; ns.
constexpr int64_t settled = 10'000'000'000;
/// A branch is not restarted after this many consecutive failures.
constexpr unsigned most_failures = 8;

/// Takes the branch out of the pipeline, and restarts it after a delay.
void RunningPipeline::detach(Branch branch) {
    const BranchPlace place = place_of(branch, children_);
    std::vector<GstObject *> elements;
    for (const auto &element : branch.elements)
        elements.push_back(GST_OBJECT(element.get()));
    const std::string label = branch.label;
    remove_branch(pipeline_.get(), std::move(branch),
                  [weak = std::weak_ptr(self_), place, label, elements] {
                      const auto self = weak.lock();
                      if (!self || !*self || !(*self)->pipeline_) return;
                      RunningPipeline &running = **self;
                      for (GstObject *gone : elements)
                          running.removed_.erase(gone);
                      if (!running.handlers_.rebuild || place.elements.empty()) return;
                      running.detached_[place].label = label;
                      running.restart_later(place);
                  });
}

void RunningPipeline::restart_later(const BranchPlace &place) {
    Detached &branch = detached_.at(place);
    const int64_t ran = (loop_clock().now() - branch.restarted_at) * 1000;
    if (branch.failures == 0 || ran > std::max(2 * handlers_.longest_delay, settled)) {
        branch.delay = handlers_.first_delay;
        branch.failures = 0;
    }
    if (++branch.failures > most_failures)
        return report_(Severity::warning, label_ + ": the branch " + branch.label +
                                              " fails every time and is left out");
    branch.timer.start(unsigned(branch.delay / 1'000'000), [this, place] { restart(place); });
    branch.delay = std::min(branch.delay * 2, handlers_.longest_delay);
}

void RunningPipeline::restart(const BranchPlace &place) {
    Detached &branch = detached_.at(place);
    branch.restarted_at = loop_clock().now();
    std::string error;
    const auto copy = handlers_.rebuild(&error);
    if (copy && relink(pipeline_.get(), children_, copy.get(), place, &error))
        return report_(Severity::info,
                       label_ + ": the branch " + branch.label + " is started again");
    report_(Severity::error,
            label_ + ": the branch " + branch.label + " can't be started again: " + error);
    restart_later(place); // the next attempt may succeed
}

void RunningPipeline::fail(const Failure &failure) {
    if (std::exchange(failed_, true)) return;
    if (handlers_.failed) handlers_.failed(failure);
}

} // namespace penstock::supervisor
