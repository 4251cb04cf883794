// SPDX-License-Identifier: LGPL-2.1-or-later
// The end of the process, as the clients of its HTTP servers see it.
#pragma once

namespace penstock::net {

/// All open servers close their connections: over HTTP/2 with a GOAWAY, so that clients know that
/// they may ask elsewhere; answers that are complete are still sent. Nothing is served from then
/// on. Streams that wait for another publisher keep their servers open, which therefore do not end
/// by themselves. Must not be called on a network loop.
void end_http_servers();

} // namespace penstock::net
