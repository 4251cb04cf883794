// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/hopeless.h"

#include "protocols/table.h"
#include "supervisor/children.h"

#include <algorithm>
#include <string_view>

namespace penstock::supervisor {
namespace {

std::string_view class_of(GstElement *element) {
    const gchar *klass =
        gst_element_class_get_metadata(GST_ELEMENT_GET_CLASS(element), GST_ELEMENT_METADATA_KLASS);
    return klass ? klass : "";
}

/// Reads a file or a device of this machine, and not another program's stream.
bool is_local_source(GstElement *element) {
    if (!is_source(element) || class_of(element).find("Network") != std::string_view::npos)
        return false;
    GstElementFactory *factory = gst_element_get_factory(element);
    return factory && !protocols::find_element(GST_OBJECT_NAME(factory));
}

} // namespace

bool is_source(GstElement *child) {
    return class_of(child).find("Source") != std::string_view::npos;
}

bool is_hopeless(GstElement *child, const GError &error) {
    if (error.domain == GST_CORE_ERROR) return error.code == GST_CORE_ERROR_MISSING_PLUGIN;
    if (error.domain == GST_STREAM_ERROR)
        return is_local_source(child) && (error.code == GST_STREAM_ERROR_TYPE_NOT_FOUND ||
                                          error.code == GST_STREAM_ERROR_WRONG_TYPE ||
                                          error.code == GST_STREAM_ERROR_CODEC_NOT_FOUND);
    if (error.domain != GST_RESOURCE_ERROR || !is_local_source(child)) return false;
    return error.code == GST_RESOURCE_ERROR_NOT_FOUND ||
           error.code == GST_RESOURCE_ERROR_OPEN_READ ||
           error.code == GST_RESOURCE_ERROR_OPEN_READ_WRITE ||
           error.code == GST_RESOURCE_ERROR_NOT_AUTHORIZED ||
           error.code == GST_RESOURCE_ERROR_SETTINGS; // a device that is no camera
}

bool has_local_source(GstElement *pipeline) {
    const auto children = children_of(pipeline);
    return std::any_of(children.begin(), children.end(),
                       [](const auto &child) { return is_local_source(child.get()); });
}

bool is_consequence(GstMessage *error) {
    const GstStructure *details = nullptr;
    gst_message_parse_error_details(error, &details);
    return details && gst_structure_has_field(details, "flow-return");
}

} // namespace penstock::supervisor
