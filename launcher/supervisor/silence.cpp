// SPDX-License-Identifier: LGPL-2.1-or-later
#include "supervisor/silence.h"

#include <utility>

namespace penstock::supervisor {
namespace {

constexpr gint64 second = G_USEC_PER_SEC;

} // namespace

std::optional<std::string> SilentSources::notice(GstMessage *message, gint64 now) {
    if (!gst_message_has_name(message, "GstUDPSrcTimeout") || !GST_MESSAGE_SRC(message))
        return std::nullopt;
    guint64 timeout = 0;
    gst_structure_get_uint64(gst_message_get_structure(message), "timeout", &timeout);
    const auto [known, is_first] =
        last_.try_emplace(GST_OBJECT_NAME(GST_MESSAGE_SRC(message)), now);
    const gint64 since = now - std::exchange(known->second, now);
    // Messages of one silence are `timeout` apart.
    if (!is_first && since < gint64(timeout / 1000) + second) return std::nullopt;
    return "nothing has come for " + std::to_string(timeout / GST_SECOND) +
           " s: waiting for a sender";
}

} // namespace penstock::supervisor
