// SPDX-License-Identifier: LGPL-2.1-or-later
// Asks a server once more where GStreamer doesn't say why no stream came: whether it is there, and
// whether it speaks the protocol.
#pragma once

#include "delay/protocols.h"

#include <string>

namespace penstock::delay {

/// For http, https, rtmp and rtmps: what is wrong on the way to the server or in its answer, in one
/// sentence, and what to do. Empty if it finds nothing wrong. Blocks for ten seconds at most.
std::string probe_server(const Protocol &protocol, const std::string &url);

/// The same of a name or address alone. Blocks as long as this machine waits for its DNS server.
std::string probe_name(const std::string &host);

} // namespace penstock::delay
