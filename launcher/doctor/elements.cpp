// SPDX-License-Identifier: LGPL-2.1-or-later
// Checks the elements that descriptions use.
#include "description/elements.h"
#include "doctor/doctor.h"
#include "protocols/table.h"

#include <gio/gio.h>
#include <gst/gst.h>

#include <algorithm>
#include <map>
#include <set>

namespace penstock::doctor {

using namespace description;

void each_element(const Binding &binding,
                  const std::function<void(const Item &, bool needed)> &visit) {
    binding.description().each_pipeline([&](const PipelineText &pipeline) {
        const bool whole = binding.holds(pipeline.when);
        for (const Fragment &fragment : pipeline.fragments)
            for (const Item &item : fragment.launch.items)
                if (item.kind == Item::Kind::element)
                    visit(item, whole && binding.holds(fragment.when));
    });
}

bool uses(const Subjects &subjects, const std::vector<std::string> &elements) {
    bool found = false;
    for (const Subject &subject : subjects)
        each_element(*subject.binding, [&](const Item &item, bool needed) {
            found |=
                needed && std::find(elements.begin(), elements.end(), item.text) != elements.end();
        });
    return found;
}

Encoded encoded_by(const Subjects &subjects) {
    Encoded out;
    for (const Subject &subject : subjects)
        each_element(*subject.binding, [&](const Item &item, bool needed) {
            if (!needed || item.text != "copyorencode") return;
            std::string codec;
            for (const auto &property : item.properties)
                if (property.name == "codec")
                    codec = subject.binding->expand(property.pieces, {}, nullptr).value_or("auto");
            const bool any = codec.empty() || codec.find("auto") != codec.npos;
            out.video |= any || codec == "h264";
            out.audio |= any || codec != "h264";
        });
    return out;
}

namespace {

struct Missing {
    std::vector<std::string> needed_by, optional_for;
};

void add_once(std::vector<std::string> &to, const std::string &name) {
    if (std::find(to.begin(), to.end(), name) == to.end()) to.push_back(name);
}

} // namespace

void check_elements(const Subjects &subjects, Findings &out) {
    guint major = 0, minor = 0, micro = 0, nano = 0;
    gst_version(&major, &minor, &micro, &nano);
    const std::string version =
        std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(micro);
    if (major == 1 && minor < 22)
        out.push_back({Status::fail, "elements", "GStreamer", "is " + version,
                       "Penstock needs 1.22 or newer: upgrade the system's GStreamer"});
    else
        out.push_back({Status::ok, "elements", "GStreamer", version, ""});

    std::map<std::string, Missing> missing;
    for (const Subject &subject : subjects) {
        const std::string &name = subject.binding->description().name;
        std::set<std::string> all;
        bool complete = true;
        each_element(*subject.binding, [&](const Item &item, bool needed) {
            if (needed) all.insert(item.text);
            if (has_element(item.text)) return;
            complete &= !needed;
            Missing &one = missing[item.text];
            add_once(needed ? one.needed_by : one.optional_for, name);
        });
        if (complete)
            out.push_back({Status::ok, "elements", name,
                           "all " + std::to_string(all.size()) + " elements are there", ""});
    }
    for (const auto &[element, one] : missing) {
        const bool needed = !one.needed_by.empty();
        out.push_back({needed ? Status::fail : Status::warn, "elements", element,
                       needed ? "is missing; " + enumerate(one.needed_by) + " can't run without it"
                              : "is missing; " + enumerate(one.optional_for) +
                                    " can use it with other settings",
                       mend_missing(element)});
    }
    if (uses(subjects, protocols::factories([](const auto &use) { return use.needs_gio_tls; })) &&
        !g_tls_backend_supports_tls(g_tls_backend_get_default()))
        out.push_back({Status::warn, "elements", "TLS",
                       "GIO has no TLS: addresses that need it can't be reached",
                       "apt install glib-networking"});
}

} // namespace penstock::doctor
