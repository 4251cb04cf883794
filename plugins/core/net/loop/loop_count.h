// SPDX-License-Identifier: LGPL-2.1-or-later
// The number of network threads of the process.
#pragma once

namespace penstock::net {

/// Requests `count` network threads, 1 to 64, for when the first listener opens; the default is one
/// per available core. Returns the resulting number, which does not change while listeners are
/// open.
unsigned want_loops(unsigned count);

} // namespace penstock::net
