// SPDX-License-Identifier: LGPL-2.1-or-later
// How many network threads a process has.
#pragma once

namespace penstock::net {

/// Asks for `count` network threads, 1 to 64, when the first listener opens; without it there is
/// one for each core that the process may use. Returns how many there are or will be: while
/// listeners are open that does not change.
unsigned want_loops(unsigned count);

} // namespace penstock::net
