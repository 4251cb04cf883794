// SPDX-License-Identifier: LGPL-2.1-or-later
#include "protocols/pull_state.h"

#include <string_view>

namespace penstock::protocols {

std::optional<std::string> lost_connection(GstMessage *message) {
    const GstStructure *said = GST_MESSAGE_TYPE(message) == GST_MESSAGE_ELEMENT
                                   ? gst_message_get_structure(message)
                                   : nullptr;
    if (!said || !gst_structure_has_name(said, "penstock-pull-state")) return std::nullopt;
    const char *state = gst_structure_get_string(said, "state");
    if (!state || std::string_view(state) != "waiting") return std::nullopt;
    const char *reason = gst_structure_get_string(said, "reason");
    return reason && *reason ? reason : "the connection has ended";
}

} // namespace penstock::protocols
