// SPDX-License-Identifier: LGPL-2.1-or-later
// Cameras: those found by GStreamer's device providers, and those that descriptions use.
#include "description/elements.h"
#include "doctor/doctor.h"
#include "gst/ptr.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>

namespace penstock::doctor {
namespace {

using namespace description;

/// The largest frame size that a device offers: ", up to 1280x720".
std::string largest_of(GstDevice *device) {
    const auto caps = GstPtr<GstCaps>::adopt(gst_device_get_caps(device));
    int width = 0, height = 0;
    for (guint i = 0; caps && i < gst_caps_get_size(caps.get()); ++i) {
        const GstStructure *structure = gst_caps_get_structure(caps.get(), i);
        int w = 0, h = 0;
        if (gst_structure_get_int(structure, "width", &w) &&
            gst_structure_get_int(structure, "height", &h) && w * h > width * height)
            width = w, height = h;
    }
    return width ? ", up to " + std::to_string(width) + "x" + std::to_string(height) : "";
}

/// The location of a device, from its properties.
std::string place_of(GstDevice *device) {
    const auto properties = GstPtr<GstStructure>::adopt(gst_device_get_properties(device));
    for (const char *name : {"device.path", "api.v4l2.path", "object.path"})
        if (const char *text =
                properties ? gst_structure_get_string(properties.get(), name) : nullptr)
            return text;
    return "";
}

/// Adds a finding per camera; returns the number of cameras.
size_t list_cameras(Findings &out) {
    GstDeviceMonitor *monitor = gst_device_monitor_new();
    gst_device_monitor_add_filter(monitor, "Video/Source", nullptr);
    const bool started = gst_device_monitor_start(monitor);
    GList *devices = started ? gst_device_monitor_get_devices(monitor) : nullptr;
    size_t count = 0;
    for (GList *l = devices; l; l = l->next) {
        auto *device = static_cast<GstDevice *>(l->data);
        const GOwned<> name(gst_device_get_display_name(device));
        const auto element = GstPtr<GstElement>::adopt(gst_device_create_element(device, nullptr));
        GstElementFactory *factory = element ? gst_element_get_factory(element.get()) : nullptr;
        const std::string place = place_of(device);
        out.push_back({Status::ok, "cameras", name.get(),
                       std::string(factory ? GST_OBJECT_NAME(factory) : "camera") +
                           (place.empty() ? "" : " " + place) + largest_of(device),
                       ""});
        ++count;
    }
    g_list_free_full(devices, gst_object_unref);
    if (started) gst_device_monitor_stop(monitor);
    gst_object_unref(monitor);
    return count;
}

/// Returns why a device file can't be opened; empty if it can.
std::string reason_against(const std::string &path, std::string &mend) {
    const int descriptor = open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (descriptor >= 0) {
        close(descriptor);
        return {};
    }
    switch (errno) {
    case ENOENT:
    case ENXIO:
    case ENODEV:
        mend = "plug the camera in; `v4l2-ctl --list-devices` (apt install v4l-utils) names "
               "those there are, --set device=/dev/videoN takes another; --set source=test needs "
               "none";
        return "is not there";
    case EACCES:
    case EPERM:
        mend =
            "`sudo usermod -aG video $USER`, then log in again; in a container: --device " + path;
        return "may not be opened by this user";
    case EBUSY:
        mend = "`fuser -v " + path + "` names the program: end it";
        return "is in use by another program";
    default:
        return std::string("can't be opened: ") + std::strerror(errno);
    }
}

} // namespace

void check_cameras(const Subjects &subjects, Findings &out) {
    // Explicitly named; users.
    std::map<std::string, std::pair<bool, std::vector<std::string>>> devices;
    bool any_source = false, needs_pipewire = false, is_named = false;
    for (const Subject &subject : subjects) {
        each_element(*subject.binding, [&](const Item &item, bool needed) {
            const bool v4l2 = item.text == "v4l2src", pipewire = item.text == "pipewiresrc";
            if (!v4l2 && !pipewire && item.text != "autovideosrc") return;
            any_source = true;
            if (!needed) return;
            is_named |= subject.named;
            needs_pipewire |= pipewire && subject.named;
            if (!v4l2) return;
            std::string path = "/dev/video0";
            for (const Property &property : item.properties)
                if (property.name == "device")
                    path = subject.binding->expand(property.pieces, {}, nullptr).value_or(path);
            auto &[named, users] = devices[path];
            named |= subject.named;
            users.push_back(subject.binding->description().name);
        });
    }
    // Explicitly named descriptions that use no camera need no camera check.
    if (!any_source && !subjects.empty()) return;
    const size_t cameras = list_cameras(out);
    for (const auto &[path, use] : devices) {
        std::string mend;
        const std::string reason = reason_against(path, mend);
        if (!reason.empty())
            out.push_back({use.first ? Status::fail : Status::warn, "cameras", path,
                           reason + "; " + enumerate(use.second) + " would take it", mend});
        else
            out.push_back({Status::ok, "cameras", path, "can be opened", ""});
    }
    if (cameras > 0) return;
    if (!devices.empty() && !needs_pipewire) return; // already reported
    out.push_back({needs_pipewire ? Status::fail : Status::warn, "cameras", "any camera",
                   "v4l2 and PipeWire offer none" +
                       std::string(has_element("pipewiresrc") ? "" : " (there is no pipewiresrc)"),
                   has_element("pipewiresrc")
                       ? "plug one in, or run with --set source=test"
                       : "plug one in, `apt install gstreamer1.0-pipewire`, or run with --set "
                         "source=test"});
}

} // namespace penstock::doctor
