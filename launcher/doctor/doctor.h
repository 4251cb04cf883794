// SPDX-License-Identifier: LGPL-2.1-or-later
// What a machine lacks for descriptions to run, and what mends it. gst_init() comes first.
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
    std::string detail;  ///< what is so
    std::string mend;    ///< a command or setting; empty where nothing is to be done
};
using Findings = std::vector<Finding>;

/// A description that is to run here, with its values. What only this machine's present state
/// keeps from running (a port in use, a camera not plugged in) fails if it was asked for by name.
struct Subject {
    const description::Binding *binding = nullptr;
    bool named = false;
};
using Subjects = std::vector<Subject>;

/// Every element of the descriptions, and GStreamer itself.
void check_elements(const Subjects &subjects, Findings &out);
/// What livefilesrc, decodebin and copyorencode choose from by themselves.
void check_codecs(const Subjects &subjects, Findings &out);
/// Cameras that v4l2 and PipeWire offer, and those that the descriptions name.
void check_cameras(const Subjects &subjects, Findings &out);
/// Whether the descriptions' ports can be listened on, and their UDP targets reached.
void check_ports(const Subjects &subjects, Findings &out);
/// Open files and UDP buffers.
void check_limits(const Subjects &subjects, Findings &out);

/// Calls `visit(item, needed)` for every element of a description's pipelines; `needed` is false
/// where a condition leaves it out.
void each_element(const description::Binding &binding,
                  const std::function<void(const description::Item &, bool needed)> &visit);
/// Whether one of the descriptions has such an element, conditions considered.
bool uses(const Subjects &subjects, const std::vector<std::string> &elements);
/// Whether some copyorencode may have to encode video, or audio: its `codec` says which, and both
/// without one.
struct Encoded {
    bool video = false, audio = false;
};
Encoded encoded_by(const Subjects &subjects);

} // namespace penstock::doctor
