// SPDX-License-Identifier: LGPL-2.1-or-later
// How the supervisor reports events.
#pragma once

#include <gst/gst.h>

#include <concepts>
#include <functional>
#include <string>
#include <utility>

namespace penstock::supervisor {

enum class Severity { info, warning, error };

/// Receives the reports of a run. All functions are called on the main loop's thread.
class Report {
public:
    /// A single line of text without a newline.
    using Say = std::function<void(Severity, const std::string &)>;
    /// Called with `there` true when a pipeline has been created (it is in state NULL), and with
    /// false before it is stopped.
    using Pipeline =
        std::function<void(const std::string &label, GstElement *pipeline, bool there)>;

    Report() = default;
    template <std::convertible_to<Say> F>
    requires(!std::same_as<std::remove_cvref_t<F>, Report>)
        // NOLINT: implicit conversion from a function is intended.
        Report(F &&say, Pipeline pipeline = {})
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
