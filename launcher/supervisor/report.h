// SPDX-License-Identifier: LGPL-2.1-or-later
// How the supervisor says what happens.
#pragma once

#include <gst/gst.h>

#include <concepts>
#include <functional>
#include <string>
#include <utility>

namespace penstock::supervisor {

enum class Severity { info, warning, error };

/// Receives what a run reports. Every function is called on the main loop's thread.
class Report {
public:
    /// One line of text without its end.
    using Say = std::function<void(Severity, const std::string &)>;
    /// A pipeline with its label is there, and in state NULL, or is about to be stopped.
    using Pipeline =
        std::function<void(const std::string &label, GstElement *pipeline, bool there)>;

    Report() = default;
    template <std::convertible_to<Say> F>
    requires(!std::same_as<std::remove_cvref_t<F>, Report>)
        Report(F &&say, Pipeline pipeline = {}) // NOLINT: a function is a report
        : say_(std::forward<F>(say)), pipeline_(std::move(pipeline)) {}

    void operator()(Severity severity, const std::string &text) const { say_(severity, text); }
    void pipeline(const std::string &label, GstElement *pipeline, bool there) const {
        if (pipeline_) pipeline_(label, pipeline, there);
    }

private:
    Say say_;
    Pipeline pipeline_;
};

} // namespace penstock::supervisor
