// SPDX-License-Identifier: LGPL-2.1-or-later
// What all elements have in common which take publishers: the types of properties, and the message
// about publishers that come and go.
#pragma once

#include <gst/gst.h>

#include <string>

namespace penstock {

/// What such an element does when its publisher disconnects.
enum class OnUnpublish { wait, eos };

/// Types of the values of `on-unpublish` (OnUnpublish) and `republish` (net::Republish).
GType on_unpublish_type();
GType republish_type();

/// Posts `penstock-publish-state`. `text`: the publisher, or why it has gone.
void post_publish_state(GstElement *element, bool publishing, const std::string &path,
                        const std::string &text);

} // namespace penstock
