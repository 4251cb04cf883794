// SPDX-License-Identifier: LGPL-2.1-or-later
// Finds out what this machine lacks for running descriptions, and how to fix it. Needs gst_init().
#pragma once

#include "description/binding.h"

#include <string>
#include <vector>

namespace penstock::doctor {

enum class Status { ok, warn, fail };

struct Finding {
    Status status = Status::ok;
    std::string area;    ///< "elements", "codecs", "cameras", "ports", "limits", "files"
    std::string subject; ///< "x264enc", ":1935", "open files"
    std::string detail;  ///< the state that was found
    std::string mend;    ///< command or setting that fixes it; empty if none is needed
};
using Findings = std::vector<Finding>;

/// A description to be run, with its values. For one that was named explicitly, temporary obstacles
/// (a port in use, an unplugged camera) also count as failures.
struct Subject {
    const description::Binding *binding = nullptr;
    bool named = false;
};
using Subjects = std::vector<Subject>;

/// Checks GStreamer's version and all elements of the descriptions.
void check_elements(const Subjects &subjects, Findings &out);
/// Checks the codecs among which livefilesrc, decodebin and copyorencode choose automatically.
void check_codecs(const Subjects &subjects, Findings &out);
/// Checks the cameras of v4l2 and PipeWire, and those that the descriptions use.
void check_cameras(const Subjects &subjects, Findings &out);
/// Checks whether the descriptions' ports can be listened on and their UDP destinations are
/// reachable.
void check_ports(const Subjects &subjects, Findings &out);
/// Checks the limits on open files and UDP buffers.
void check_limits(const Subjects &subjects, Findings &out);

/// Calls `visit(item, needed)` for every element of a description's pipelines; `needed` is false if
/// a condition excludes it.
void each_element(const description::Binding &binding,
                  const std::function<void(const description::Item &, bool needed)> &visit);
/// Whether a description uses one of the elements with its current values.
bool uses(const Subjects &subjects, const std::vector<std::string> &elements);
/// The media that a copyorencode may have to encode: that of its `codec`, or both if none is set.
struct Encoded {
    bool video = false, audio = false;
};
Encoded encoded_by(const Subjects &subjects);

} // namespace penstock::doctor
