// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/running.h"

#include "supervisor/branch.h"
#include "supervisor/teardown.h"

#include <algorithm>
#include <regex>
#include <sstream>

namespace penstock::supervisor {
namespace {

/// A message's words, with what its debug text adds for people: the lines below the first that name
/// no place in a source file, without GLib's codes.
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

/// The factory of the pipeline's own child that `object` is, or is inside of.
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
    // No start time: otherwise GstPipeline would choose a base time of its own.
    gst_element_set_start_time(pipeline, GST_CLOCK_TIME_NONE);
    gst_element_set_base_time(pipeline, time.base);
    GstStateChangeReturn result = gst_element_set_state(pipeline, GST_STATE_PAUSED);
    // What is not live counts from zero: on a base time long past, all of it would be late.
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

/// Whatever failed has posted why; behind that on the bus comes this.
void RunningPipeline::report_failed_start() {
    GstElement *pipeline = pipeline_.get();
    const auto bus = GstPtr<GstBus>::adopt(gst_element_get_bus(pipeline));
    gst_bus_post(bus.get(), gst_message_new_application(
                                GST_OBJECT(pipeline), gst_structure_new_empty("penstock-failed")));
}

void RunningPipeline::stop(Task stopped) {
    lost_.clear();
    if (watch_) g_source_remove(std::exchange(watch_, 0));
    if (!pipeline_) {
        if (stopped) post(std::move(stopped));
        return;
    }
    GstPtr<GstElement> pipeline = std::move(pipeline_);
    report_.pipeline(label_, pipeline.get(), false);
    if (!stopped) return take_down(std::move(pipeline));
    // Somebody who waits gets the pipeline back to let go of it here: what applications connected
    // to its elements goes with it, and they may end their program next.
    take_down(std::move(pipeline), [stopped = std::move(stopped)](GstPtr<GstElement> down) {
        post([held = std::make_shared<GstPtr<GstElement>>(std::move(down)), stopped] {
            *held = {};
            stopped();
        });
    });
}

void RunningPipeline::drain() {
    if (!pipeline_) return;
    // On another thread: a source may be held up by what is behind it.
    gst_element_call_async(
        pipeline_.get(),
        [](GstElement *element, gpointer) {
            // What has not begun to stream would lose the event.
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
        // A stream without audio or without video is no mistake: its link is just not needed.
        if (!g_error_matches(error, GST_PARSE_ERROR, GST_PARSE_ERROR_DELAYED_LINK))
            report_(Severity::warning,
                    label_ + ": " + source_of(message) + ": " + words_of(error, debug));
        g_error_free(error);
        g_free(debug);
        break;
    }
    case GST_MESSAGE_EOS:
        if (handlers_.ended) handlers_.ended();
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
        if (!gst_message_has_name(message, "penstock-failed")) break;
        // What failed to start may have been a branch, which is out now.
        if (std::exchange(lost_branch_, false))
            to_playing();
        else
            fail("the pipeline does not start");
        break;
    case GST_MESSAGE_ELEMENT:
        if (gst_message_has_name(message, "penstock-publish-state") && handlers_.publishing) {
            gboolean publishing = FALSE;
            gst_structure_get_boolean(gst_message_get_structure(message), "publishing",
                                      &publishing);
            handlers_.publishing(publishing);
        }
        break;
    default:
        break;
    }
}

void RunningPipeline::handle_error(GstMessage *message) {
    GstObject *source = GST_MESSAGE_SRC(message);
    // A branch posts several errors on its way down, some of them after it is out.
    if (!source || (source != GST_OBJECT(pipeline_.get()) &&
                    !gst_object_has_as_ancestor(source, GST_OBJECT(pipeline_.get()))))
        return;
    for (GstObject *gone : removed_)
        if (source == gone || gst_object_has_as_ancestor(source, gone)) return;
    GError *error = nullptr;
    gchar *debug = nullptr;
    gst_message_parse_error(message, &error, &debug);
    std::string words = source_of(message) + ": " + words_of(error, debug);
    if (handlers_.hint) {
        const std::string hint = handlers_.hint(child_factory(pipeline_.get(), source));
        if (!hint.empty()) words += (words.ends_with('.') ? " " : ": ") + hint;
    }
    g_error_free(error);
    g_free(debug);
    if (auto branch = find_branch(pipeline_.get(), source)) {
        report_(Severity::error, label_ + ": " + words + "; the branch " + branch->label +
                                     " is removed, the rest goes on");
        for (const auto &element : branch->elements)
            removed_.insert(GST_OBJECT(element.get()));
        lost_branch_ = true;
        lose(std::move(*branch));
        return;
    }
    fail(words);
}

/// A branch that has run so long has not failed in a row; ns.
constexpr int64_t settled = 10'000'000'000;

/// Takes the branch out. It is started again after a while, unless it fails again and again.
void RunningPipeline::lose(Branch branch) {
    constexpr unsigned most_failures = 8;
    const BranchPlace place = place_of(branch, children_);
    std::vector<GstObject *> elements;
    for (const auto &element : branch.elements)
        elements.push_back(GST_OBJECT(element.get()));
    const std::string label = branch.label;
    remove_branch(
        pipeline_.get(), std::move(branch), [weak = std::weak_ptr(self_), place, label, elements] {
            const auto self = weak.lock();
            if (!self || !*self || !(*self)->pipeline_) return;
            RunningPipeline &running = **self;
            for (GstObject *gone : elements)
                running.removed_.erase(gone);
            const Handlers &handlers = running.handlers_;
            if (!handlers.rebuild || place.elements.empty()) return;
            Lost &lost = running.lost_[place];
            lost.label = label;
            // One that ran well for a while starts with the short delay again.
            const gint64 ran = (g_get_monotonic_time() - lost.grown_at) * 1000;
            if (lost.failures == 0 || ran > std::max(2 * handlers.longest_delay, settled)) {
                lost.delay = handlers.first_delay;
                lost.failures = 0;
            }
            if (++lost.failures > most_failures) {
                running.report_(Severity::warning, running.label_ + ": the branch " + label +
                                                       " fails every time and is left out");
                return;
            }
            lost.timer.start(guint(lost.delay / 1'000'000),
                             [&running, place] { running.grow(place); });
            lost.delay = std::min(lost.delay * 2, handlers.longest_delay);
        });
}

void RunningPipeline::grow(const BranchPlace &place) {
    Lost &lost = lost_.at(place);
    lost.grown_at = g_get_monotonic_time();
    std::string error;
    const auto copy = handlers_.rebuild(&error);
    if (copy && graft(pipeline_.get(), children_, copy.get(), place, &error))
        report_(Severity::info, label_ + ": the branch " + lost.label + " is started again");
    else
        report_(Severity::error,
                label_ + ": the branch " + lost.label + " can't be started again: " + error);
}

void RunningPipeline::fail(const std::string &what) {
    if (std::exchange(failed_, true)) return;
    if (handlers_.failed) handlers_.failed(what);
}

} // namespace penstock::supervisor
