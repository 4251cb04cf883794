// SPDX-License-Identifier: LGPL-2.1-or-later
// Elements for protocols that Penstock does not serve, such as plain RTP. The table lists
// them only so that `doctor` can check their packages and system requirements.
#include "protocols/protocol.h"

namespace penstock::protocols {

std::vector<Protocol> foreign_protocols() {
    Protocol foreign;
    foreign.name = "foreign";
    foreign.title = "other";
    foreign.elements = {
        {.factory = "webrtcbin",
         .role = Role::pull,
         .property = nullptr,
         .needs_gio_tls = true,
         .receives_udp = true,
         .package = plugins_bad},
        {.factory = "rtpbin",
         .role = Role::pull,
         .property = nullptr,
         .receives_udp = true,
         .package = plugins_good},
        {.factory = "rtpsrc",
         .role = Role::pull,
         .property = "uri",
         .receives_udp = true,
         .package = plugins_bad},
        {.factory = "ristsrc",
         .role = Role::pull,
         .property = "uri",
         .receives_udp = true,
         .package = plugins_bad},
    };
    return {foreign};
}

} // namespace penstock::protocols
