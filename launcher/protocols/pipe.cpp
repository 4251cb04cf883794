// SPDX-License-Identifier: LGPL-2.1-or-later
// FLV through a pipe: the baseline of the latency matrix.
#include "protocols/protocol.h"

#include <cstdlib>

namespace penstock::protocols {

std::vector<Protocol> pipe_protocols() {
    Protocol pipe;
    pipe.name = "pipe";
    pipe.title = "pipe";
    pipe.schemes = {{.name = "fd"}};
    pipe.readers = {{.name = "pipe",
                     .suffix = "",
                     .receive = "fdsrc name=src ! flvlivedemux name=demux",
                     .rows = {{.name = "pipe",
                               .send = "flvlivemux ! fdsink name=out sync={sync}",
                               .url = "fd://{fd}"}}}};
    pipe.set_url = [](GstElement *source, const std::string &url, std::string *) {
        g_object_set(source, "fd", std::atoi(url.substr(url.find("://") + 3).c_str()), nullptr);
        return true;
    };
    return {pipe};
}

} // namespace penstock::protocols
