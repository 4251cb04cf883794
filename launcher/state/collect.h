// SPDX-License-Identifier: LGPL-2.1-or-later
// Fills in the model of what runs. All of it is called on the main loop's thread.
#pragma once

#include "state/model.h"
#include "supervisor/supervisor.h"

namespace penstock::state {

/// Asks every element for its `stats`.
Model collect(const supervisor::Supervisor &supervisor);
/// One pipeline; `label`, `description` and `uptime` are left empty.
Pipeline collect(GstElement *pipeline);
/// The mounts of all protocols.
Mounts collect_mounts();

/// Sorted by name. They point into `mounts`.
std::vector<Stream> streams_of(const std::vector<Mount> &mounts);

} // namespace penstock::state
